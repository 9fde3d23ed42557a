//! Writing lines: whatever text comes in, it stays within its line.

use std::fmt::Arguments;
use std::io::Write;

use bytes::Bytes;
use smallvec::SmallVec;

/// A message while it is written. Few are longer, so few need an allocation before the one that holds them on their way.
pub(super) type Text = SmallVec<[u8; 1024]>;

/// The finished message, in an allocation of its own size.
pub(super) fn finished(text: &Text) -> Bytes {
    Bytes::copy_from_slice(text)
}

/// Appends text that must not end a line or a string: control characters become spaces (R14 for what we write ourselves).
pub(super) fn put(out: &mut Text, text: &str) {
    if !text.bytes().any(|byte| byte.is_ascii_control()) {
        return out.extend_from_slice(text.as_bytes());
    }
    out.extend(text.bytes().map(|byte| if byte.is_ascii_control() { b' ' } else { byte }));
}

/// Appends `name: value` and a line end.
pub(super) fn header(out: &mut Text, name: &str, value: &str) {
    put(out, name);
    out.extend_from_slice(b": ");
    put(out, value);
    out.extend_from_slice(b"\r\n");
}

/// Appends formatted text made of numbers, addresses and words of our own.
pub(super) fn print(out: &mut Text, text: Arguments<'_>) {
    out.write_fmt(text).expect("memory takes every byte");
}

/// Ends the headers: type and length of the body, the blank line, the body.
pub(super) fn body(out: &mut Text, body: Option<(&str, &[u8])>) {
    if let Some((content_type, _)) = body {
        header(out, "Content-Type", content_type);
    }
    let bytes = body.map_or(&[][..], |(_, bytes)| bytes);
    print(out, format_args!("Content-Length: {}\r\n\r\n", bytes.len()));
    out.extend_from_slice(bytes);
}
