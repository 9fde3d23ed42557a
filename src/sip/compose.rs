//! Writing lines: whatever text comes in, it stays within its line.

use std::fmt::Arguments;
use std::io::Write;

/// Appends text that must not end a line or a string: control characters become spaces (R14 for what we write ourselves).
pub(super) fn put(out: &mut Vec<u8>, text: &str) {
    out.extend(text.bytes().map(|byte| if byte.is_ascii_control() { b' ' } else { byte }));
}

/// Appends `name: value` and a line end.
pub(super) fn header(out: &mut Vec<u8>, name: &str, value: &str) {
    put(out, name);
    out.extend_from_slice(b": ");
    put(out, value);
    out.extend_from_slice(b"\r\n");
}

/// Appends formatted text made of numbers, addresses and words of our own.
pub(super) fn print(out: &mut Vec<u8>, text: Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes every byte");
}

/// Ends the headers: type and length of the body, the blank line, the body.
pub(super) fn body(out: &mut Vec<u8>, body: Option<(&str, &[u8])>) {
    if let Some((content_type, _)) = body {
        header(out, "Content-Type", content_type);
    }
    let bytes = body.map_or(&[][..], |(_, bytes)| bytes);
    print(out, format_args!("Content-Length: {}\r\n\r\n", bytes.len()));
    out.extend_from_slice(bytes);
}
