//! A JSON object written field by field: for what is written down with every call, where a serialiser that asks each value what it is
//! takes five times as long. It is read by serde.

use std::io::Write;
use std::net::SocketAddr;

use serde::Serialize;

use super::Money;

/// A usual call as it is written down: one dialog, short addresses.
const USUAL_BYTES: usize = 1_536;

/// An object that is not closed yet.
pub struct JsonObject<'t> {
    text: &'t mut Vec<u8>,
    is_empty: bool,
}

impl JsonObject<'_> {
    /// A list of objects, as text.
    pub fn list_with<V>(
        values: impl Iterator<Item = V>,
        fields: impl Fn(V, &mut JsonObject<'_>),
    ) -> Box<str> {
        let mut text = Vec::with_capacity(USUAL_BYTES);
        put_list(&mut text, values, |text, value| put_object(text, |json| fields(value, json)));
        String::from_utf8(text).expect("it was put together from text").into_boxed_str()
    }

    /// The object with these fields, as text.
    pub fn with(fields: impl FnOnce(&mut JsonObject<'_>)) -> Box<str> {
        let mut text = Vec::with_capacity(USUAL_BYTES);
        put_object(&mut text, fields);
        String::from_utf8(text).expect("it was put together from text").into_boxed_str()
    }

    pub fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        put_text(self.text, value);
    }

    pub fn some_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    pub fn texts<'v>(&mut self, name: &str, values: impl Iterator<Item = &'v str>) {
        self.list(name, values, put_text);
    }

    pub fn number(&mut self, name: &str, value: impl Into<i64>) {
        self.name(name);
        put_number(self.text, value.into());
    }

    pub fn flag(&mut self, name: &str, value: bool) {
        self.name(name);
        self.text.extend_from_slice(if value { b"true" } else { b"false" });
    }

    pub fn address(&mut self, name: &str, value: SocketAddr) {
        self.name(name);
        self.text.push(b'"');
        match value {
            SocketAddr::V4(address) => {
                for (octet, end) in address.ip().octets().into_iter().zip(*b"...:") {
                    put_number(self.text, octet.into());
                    self.text.push(end);
                }
                put_number(self.text, value.port().into());
            }
            SocketAddr::V6(address) => write!(self.text, "{address}").expect("memory takes every byte"),
        }
        self.text.push(b'"');
    }

    pub fn object(&mut self, name: &str, fields: impl FnOnce(&mut JsonObject<'_>)) {
        self.name(name);
        put_object(self.text, fields);
    }

    pub fn objects<V>(
        &mut self,
        name: &str,
        values: impl Iterator<Item = V>,
        fields: impl Fn(V, &mut JsonObject<'_>),
    ) {
        self.list(name, values, |text, value| put_object(text, |json| fields(value, json)));
    }

    /// As its decimal is written: all six places, in quotes.
    pub fn money(&mut self, name: &str, value: Money) {
        self.name(name);
        let micros = value.as_micros();
        self.text.extend_from_slice(if micros < 0 { b"\"-" } else { b"\"" });
        put_digits(self.text, micros.unsigned_abs() / 1_000_000, 1);
        self.text.push(b'.');
        put_digits(self.text, micros.unsigned_abs() % 1_000_000, 6);
        self.text.push(b'"');
    }

    /// Whatever else serde can write.
    pub fn value(&mut self, name: &str, value: &impl Serialize) {
        self.name(name);
        serde_json::to_writer(&mut *self.text, value)
            .expect("memory takes every byte, and our maps have names");
    }

    fn list<V>(&mut self, name: &str, values: impl Iterator<Item = V>, put: impl Fn(&mut Vec<u8>, V)) {
        self.name(name);
        put_list(self.text, values, put);
    }

    /// Of a field; it is one of our own words.
    fn name(&mut self, name: &str) {
        self.text.extend_from_slice(if self.is_empty { b"\"" } else { b",\"" });
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(b"\":");
        self.is_empty = false;
    }
}

fn put_list<V>(text: &mut Vec<u8>, values: impl Iterator<Item = V>, put: impl Fn(&mut Vec<u8>, V)) {
    text.push(b'[');
    for (index, value) in values.enumerate() {
        if index > 0 {
            text.push(b',');
        }
        put(text, value);
    }
    text.push(b']');
}

fn put_object(text: &mut Vec<u8>, fields: impl FnOnce(&mut JsonObject<'_>)) {
    text.push(b'{');
    fields(&mut JsonObject { text, is_empty: true });
    text.push(b'}');
}

/// RFC 8259 §7.
fn put_text(text: &mut Vec<u8>, value: &str) {
    let mut rest = value.as_bytes();
    text.push(b'"');
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..b' ')) {
        text.extend_from_slice(&rest[..at]);
        match rest[at] {
            byte @ (b'"' | b'\\') => text.extend_from_slice(&[b'\\', byte]),
            control => write!(text, "\\u{control:04x}").expect("memory takes every byte"),
        }
        rest = &rest[at + 1..];
    }
    text.extend_from_slice(rest);
    text.push(b'"');
}

fn put_number(text: &mut Vec<u8>, number: i64) {
    if number < 0 {
        text.push(b'-');
    }
    put_digits(text, number.unsigned_abs(), 1);
}

/// At least so many digits.
fn put_digits(text: &mut Vec<u8>, number: u64, count: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    let mut left = number;
    while left > 0 {
        at -= 1;
        digits[at] = b'0' + (left % 10) as u8;
        left /= 10;
    }
    text.extend_from_slice(&digits[at.min(digits.len() - count)..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_as_what_serde_would_have_written() {
        let words = ["plain", "\"Anna\" \\ Ö\u{1}\n", ""];
        let addresses = ["192.0.2.255:5060", "10.0.0.1:0", "[2001:db8::1]:65535"];
        let numbers = [0, 7, -10, 1_795_000_000_000_000, i64::MIN, i64::MAX];
        for (word, address, number) in words
            .iter()
            .flat_map(|word| addresses.map(|address| (*word, address)))
            .flat_map(|(word, address)| numbers.map(|number| (word, address, number)))
        {
            let address: SocketAddr = address.parse().unwrap();
            let written = JsonObject::with(|json| {
                json.text("word", word);
                json.some_text("none", None);
                json.object("inner", |json| json.number("number", number));
                json.money("money", Money::from_micros(number));
                json.address("address", address);
                json.texts("words", words.into_iter());
                json.objects("flags", [true, false].into_iter(), |flag, json| json.flag("flag", flag));
                json.value("pair", &(1, "one"));
                json.object("empty", |_| {});
            });
            let expected = serde_json::json!({
                "word": word,
                "inner": { "number": number },
                "money": Money::from_micros(number),
                "address": address,
                "words": words,
                "flags": [{ "flag": true }, { "flag": false }],
                "pair": [1, "one"],
                "empty": {},
            });
            assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), expected);
        }
    }
}
