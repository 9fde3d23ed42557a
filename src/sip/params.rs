//! `;name=value` parameters of Via, From, To, Contact, Route and URIs (RFC 3261 §25.1 `generic-param`).

use super::scan::{Scanner, TOKEN, VALUE};

/// Parameters as received, from the first `;` on; empty if there are none. Their grammar has been checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Params<'a>(&'a [u8]);

/// One parameter. A quoted value comes without its quotes, its escapes left as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    pub name: &'a [u8],
    pub value: Option<&'a [u8]>,
    /// The whole parameter as received, from its `;` to before the next.
    pub raw: &'a [u8],
}

impl<'a> Param<'a> {
    pub fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// The value as text, unless it is missing or not UTF-8.
    pub fn text(&self) -> Option<&'a str> {
        self.value.and_then(|bytes| std::str::from_utf8(bytes).ok())
    }
}

impl<'a> Params<'a> {
    /// `bytes` must be nothing or start with `;` (blanks before it allowed) and hold whole parameters to the end.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Params<'a>> {
        let mut scanner = Scanner::new(bytes);
        while !scanner.is_done() {
            next(&mut scanner)?;
        }
        Some(Params(bytes))
    }

    /// As `parse`, with the parameter of that name, if it is there; None also if it stands there twice, which lets two readers see
    /// two things.
    pub(super) fn parse_with(bytes: &'a [u8], name: &str) -> Option<(Params<'a>, Option<Param<'a>>)> {
        let mut scanner = Scanner::new(bytes);
        let mut named = None;
        while !scanner.is_done() {
            let param = next(&mut scanner)?;
            if param.is_named(name) && named.replace(param).is_some() {
                return None;
            }
        }
        Some((Params(bytes), named))
    }

    /// Bytes that `parse` has accepted before.
    pub(super) fn checked(bytes: &'a [u8]) -> Params<'a> {
        Params(bytes)
    }

    pub fn iter(self) -> impl Iterator<Item = Param<'a>> {
        let mut scanner = Scanner::new(self.0);
        std::iter::from_fn(move || next(&mut scanner))
    }

    /// The first parameter of that name, in any case.
    pub fn find(self, name: &str) -> Option<Param<'a>> {
        self.iter().find(|param| param.is_named(name))
    }

    /// None: not there. `Some(None)`: there without a value, or with one that is not UTF-8.
    pub fn value(self, name: &str) -> Option<Option<&'a str>> {
        self.find(name).map(|param| param.text())
    }

    pub fn contains(self, name: &str) -> bool {
        self.find(name).is_some()
    }

    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

fn next<'a>(scanner: &mut Scanner<'a>) -> Option<Param<'a>> {
    let start = scanner.position();
    if !scanner.eat_spaced(b';') {
        return None;
    }
    let name = scanner.some(TOKEN)?;
    let mut value = None;
    if scanner.eat_spaced(b'=') {
        let quoted = scanner.peek() == Some(b'"');
        value = Some(if quoted { scanner.quoted()? } else { scanner.some(VALUE)? });
    }
    let raw = scanner.since(start);
    scanner.blanks();
    Some(Param { name, value, raw })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_be_bare_quoted_or_missing() {
        let params = Params::parse(b"; lr;Q = 0.3 ;x=\"a;\\\"b\"\r\n ;tag=a=b").unwrap();
        assert_eq!(params.value("LR"), Some(None));
        assert_eq!(params.value("q"), Some(Some("0.3")));
        assert_eq!(params.value("x"), Some(Some("a;\\\"b")));
        assert_eq!(params.value("tag"), Some(Some("a=b")));
        assert_eq!(params.value("absent"), None);
    }

    #[test]
    fn empty_and_unfinished_parameters_are_refused() {
        for broken in [";", ";;", ";a=", ";a=\"b", ";a b", "a", ";a;;b", ";=b"] {
            assert_eq!(Params::parse(broken.as_bytes()), None, "{broken}");
        }
    }
}
