//! The elements of a comma list (RFC 3261 §7.3.1); commas in quotes and in angle brackets do not divide.

use super::scan::{Scanner, trim};

/// Elements in order, trimmed. An empty one is handed out too, so that strict readers can refuse it.
#[derive(Clone, Debug)]
pub(super) struct Values<'a> {
    scanner: Scanner<'a>,
    more: bool,
}

impl<'a> Values<'a> {
    pub fn of(line: &'a [u8]) -> Values<'a> {
        Values { scanner: Scanner::new(line), more: true }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if !self.more {
            return None;
        }
        let value = trim(self.scanner.element());
        self.more = self.scanner.eat(b',');
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_and_brackets_do_not_divide() {
        let line = br#""a, \" b" <sip:x,y@h> ;p="1,2" , <sip:z@h>,"open, quote"#;
        let values: Vec<_> = Values::of(line).map(String::from_utf8_lossy).collect();
        assert_eq!(values, [r#""a, \" b" <sip:x,y@h> ;p="1,2""#, "<sip:z@h>", "\"open, quote"]);
    }

    #[test]
    fn empty_elements_are_seen() {
        assert_eq!(Values::of(b"a,,b,").count(), 4);
    }
}
