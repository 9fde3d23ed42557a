//! A lenient look at header lines, for what need not be judged: where a stream's message ends, what a 400 must copy.

use super::scan::trim;

/// Lines up to the first empty one, a folded line as one, without their line ends. The start line comes first.
pub(super) fn unfolded(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let end = line_end(rest)?;
        let line = &rest[..end];
        rest = rest.get(end + 2..).unwrap_or_default();
        (!line.is_empty()).then_some(line)
    })
}

/// Name and value, trimmed.
pub(super) fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    Some((trim(&line[..colon]), trim(&line[colon + 1..])))
}

fn line_end(bytes: &[u8]) -> Option<usize> {
    if bytes.is_empty() {
        return None;
    }
    let is_end =
        |at: &usize| bytes[*at..].starts_with(b"\r\n") && !matches!(bytes.get(at + 2), Some(b' ' | b'\t'));
    Some((0..bytes.len()).find(is_end).unwrap_or(bytes.len()))
}
