//! Byte classes of RFC 3261 §25.1 and the one small scanner that every header grammar here is written with.

/// `token`: method, header and parameter names, tags, branches.
pub(super) const TOKEN: u8 = 1;
/// Letters of a host name; `_` is outside RFC 1123 and common inside companies.
pub(super) const HOST: u8 = 2;
/// What may stand in a URI: visible ASCII without the delimiters of RFC 3986 §2.
pub(super) const URI: u8 = 4;
/// An unquoted parameter value: wider than `token`, for `;tag=a=b` and hosts in brackets.
pub(super) const VALUE: u8 = 8;
/// An unquoted display name: tokens and blanks by the RFC, other scripts by custom; never a `:`, which would hide a URI.
pub(super) const DISPLAY: u8 = 16;
/// What may stand in a line without a closer look: all but controls and the backslash, which may escape one.
pub(super) const TEXT: u8 = 32;

const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = class_of(byte as u8);
        byte += 1;
    }
    table
}

const fn class_of(byte: u8) -> u8 {
    let letter = byte.is_ascii_alphanumeric();
    let visible = byte.is_ascii_graphic();
    let mut class = 0;
    if letter || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~') {
        class |= TOKEN;
    }
    if letter || matches!(byte, b'-' | b'.' | b'_') {
        class |= HOST;
    }
    if visible && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}') {
        class |= URI;
    }
    if visible && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b',' | b';') {
        class |= VALUE;
    }
    if is_blank(byte)
        || byte >= 0x80
        || visible && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b',' | b';' | b':')
    {
        class |= DISPLAY;
    }
    if byte == b'\t' || byte >= 0x20 && byte != 0x7f && byte != b'\\' {
        class |= TEXT;
    }
    class
}

pub(super) const fn is(byte: u8, class: u8) -> bool {
    CLASSES[byte as usize] & class != 0
}

pub(super) fn all(bytes: &[u8], class: u8) -> bool {
    bytes.iter().all(|byte| is(*byte, class))
}

/// Linear white space. Inside an indexed value a CR or LF can only be a folding (§7.3.1).
pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

pub(super) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && is_blank(*first)
    {
        bytes = rest;
    }
    while let [rest @ .., last] = bytes
        && is_blank(*last)
    {
        bytes = rest;
    }
    bytes
}

/// Text of bytes already checked to be ASCII; empty for any other.
pub(super) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// Digits alone, no sign, no overflow: lengths, ports and counts of the wire.
pub(super) fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u32, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u32::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// A place in one header value, moving to the right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    pub fn new(bytes: &'a [u8]) -> Scanner<'a> {
        Scanner { bytes, at: 0 }
    }

    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub fn is_done(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub fn position(&self) -> usize {
        self.at
    }

    pub fn since(&self, start: usize) -> &'a [u8] {
        &self.bytes[start..self.at]
    }

    pub fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// A separator with the blanks that §25.1 allows around it (`SLASH`, `EQUAL`, `SEMI`, `COLON`).
    pub fn eat_spaced(&mut self, byte: u8) -> bool {
        if self.peek().is_none_or(|next| next != byte && !is_blank(next)) {
            return false;
        }
        let before = self.at;
        self.blanks();
        if self.eat(byte) {
            self.blanks();
            return true;
        }
        self.at = before;
        false
    }

    /// Skips blanks; true if there were any.
    pub fn blanks(&mut self) -> bool {
        let before = self.at;
        while self.peek().is_some_and(is_blank) {
            self.at += 1;
        }
        self.at > before
    }

    /// The bytes of one class from here, perhaps none.
    pub fn take(&mut self, class: u8) -> &'a [u8] {
        let rest = self.rest();
        let count = rest.iter().position(|byte| !is(*byte, class)).unwrap_or(rest.len());
        self.at += count;
        &rest[..count]
    }

    /// As [`Scanner::take`], but at least one.
    pub fn some(&mut self, class: u8) -> Option<&'a [u8]> {
        let taken = self.take(class);
        (!taken.is_empty()).then_some(taken)
    }

    /// What stands between two quotes, escapes left as they are. None if the closing one is missing.
    pub fn quoted(&mut self) -> Option<&'a [u8]> {
        if !self.eat(b'"') {
            return None;
        }
        let start = self.at;
        let mut end = start;
        loop {
            match self.bytes.get(end)? {
                b'"' => break,
                b'\\' => end += 2,
                _ => end += 1,
            }
        }
        self.at = end + 1;
        Some(&self.bytes[start..end])
    }

    /// The end of one element of a comma list: commas in quotes and in angle brackets do not count.
    pub fn element(&mut self) -> &'a [u8] {
        // Most lists have one element, and a search for one byte is many times faster than a look at each.
        if !self.rest().contains(&b',') {
            let rest = self.rest();
            self.at = self.bytes.len();
            return rest;
        }
        let start = self.at;
        let mut bracketed = false;
        while let Some(byte) = self.peek() {
            match byte {
                b',' if !bracketed => break,
                b'"' if !bracketed => {
                    if self.quoted().is_none() {
                        self.at = self.bytes.len();
                    }
                    continue;
                }
                b'<' => bracketed = true,
                b'>' => bracketed = false,
                _ => {}
            }
            self.at += 1;
        }
        self.since(start)
    }
}
