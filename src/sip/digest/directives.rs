//! The comma list of `name=value` that challenges and credentials are made of (RFC 7616 §3.3, §3.4).

use std::borrow::Cow;

use crate::sip::scan::{Scanner, TOKEN, VALUE, text};

/// Directives in one header; more are refused.
const MOST: usize = 24;

/// The directives after the word `Digest`. None for another scheme, broken grammar, or one name twice.
pub(super) fn read(value: &str) -> Option<Vec<(&str, &str)>> {
    let mut scanner = Scanner::new(value.as_bytes());
    scanner.blanks();
    let scheme = scanner.some(TOKEN)?;
    if !scheme.eq_ignore_ascii_case(b"Digest") || !scanner.blanks() {
        return None;
    }
    let mut directives: Vec<(&str, &str)> = Vec::with_capacity(10);
    loop {
        let (name, value) = directive(&mut scanner)?;
        let doubled = directives.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        if doubled || directives.len() == MOST {
            return None;
        }
        directives.push((name, value));
        if !scanner.eat_spaced(b',') {
            break;
        }
    }
    scanner.blanks();
    scanner.is_done().then_some(directives)
}

pub(super) fn find<'a>(directives: &[(&'a str, &'a str)], name: &str) -> Option<&'a str> {
    directives.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}

fn directive<'a>(scanner: &mut Scanner<'a>) -> Option<(&'a str, &'a str)> {
    let name = text(scanner.some(TOKEN)?);
    scanner.eat_spaced(b'=').then_some(())?;
    let value = if scanner.peek() == Some(b'"') { scanner.quoted()? } else { scanner.some(VALUE)? };
    Some((name, std::str::from_utf8(value).ok()?))
}

/// A quoted value without its escapes.
pub(super) fn unescaped(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let mut letters = value.chars();
    let next = || match letters.next()? {
        '\\' => letters.next(),
        letter => Some(letter),
    };
    Cow::Owned(std::iter::from_fn(next).collect())
}

/// Text as it may stand between quotes.
pub(super) fn escaped(text: &str) -> Cow<'_, str> {
    if text.contains(['"', '\\']) {
        Cow::Owned(text.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        Cow::Borrowed(text)
    }
}
