//! Writing lines: whatever text comes in, it stays within its line.

use std::fmt::Arguments;
use std::io::Write;
use std::net::IpAddr;

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
    // No early end: so a whole word of bytes is looked at in one step.
    if !text.bytes().fold(false, |found, byte| found | byte.is_ascii_control()) {
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

/// Appends a number in digits; formatting machinery costs ten times as much.
pub(super) fn put_number(out: &mut Text, mut number: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends an address as it stands in a `received` parameter.
pub(super) fn put_address(out: &mut Text, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (index, octet) in address.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                put_number(out, usize::from(octet));
            }
        }
        IpAddr::V6(address) => print(out, format_args!("{address}")),
    }
}

/// Ends the headers: type and length of the body, the blank line, the body.
pub(super) fn body(out: &mut Text, body: Option<(&str, &[u8])>) {
    if let Some((content_type, _)) = body {
        header(out, "Content-Type", content_type);
    }
    let bytes = body.map_or(&[][..], |(_, bytes)| bytes);
    out.extend_from_slice(b"Content-Length: ");
    put_number(out, bytes.len());
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_addresses_stand_as_formatting_would_write_them() {
        for number in [0, 7, 10, 99, 100, 5060, 65_535, usize::MAX] {
            let mut out = Text::new();
            put_number(&mut out, number);
            assert_eq!(out.as_slice(), number.to_string().as_bytes());
        }
        for address in ["0.0.0.0", "192.0.2.255", "2001:db8::1"] {
            let mut out = Text::new();
            put_address(&mut out, address.parse().unwrap());
            assert_eq!(out.as_slice(), address.as_bytes());
        }
    }
}
