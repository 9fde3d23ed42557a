//! The one pass over a received message: where each header stands, and the few values every room asks for (RFC 3261 §7).
//! Strict by R14: what two readers could understand differently is refused here, before anything is judged.

use smallvec::SmallVec;

use super::malformed::Fault;
use super::method::Method;
use super::name::Name;
use super::name_addr::NameAddr;
use super::scan::{Scanner, TEXT, TOKEN, is, number, trim};
use super::span::{Span, narrow};
use super::start_line::StartLine;
use super::values::Values;
use super::via::{MAGIC_COOKIE, Via, ViaPlace};

/// Headers of one message. The longest known from the field has about 60; each costs twelve bytes.
const MOST_HEADERS: usize = 256;
/// Values of Via, Contact, Route or Record-Route in one message. Max-Forwards starts at 70, so no honest path is longer.
const MOST_VALUES: usize = 70;
/// Headers indexed without an allocation: an INVITE through two proxies has about twenty.
const INLINE_HEADERS: usize = 24;

/// Headers that must not stand there twice (§7.3.1), because they identify, delimit or are judged (R14).
const SINGLE: u64 = Name::From.bit()
    | Name::To.bit()
    | Name::CallId.bit()
    | Name::CSeq.bit()
    | Name::ContentLength.bit()
    | Name::MaxForwards.bit()
    | Name::ContentType.bit()
    | Name::ReferTo.bit()
    | Name::ReferredBy.bit()
    | Name::Replaces.bit()
    | Name::Join.bit()
    | Name::SessionExpires.bit()
    | Name::RSeq.bit()
    | Name::RAck.bit()
    | Name::Event.bit();

/// How the end of a message is known (§18.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// One message to a datagram: without Content-Length the body runs to the end, anything after it is ignored.
    Datagram,
    /// A stream is cut by Content-Length, which therefore must be there.
    Stream,
}

/// One header as received: where its line, its name and its trimmed value stand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub name: Name,
    pub label: Span,
    pub value: Span,
    /// After the line end: where the next line starts.
    pub end: u16,
}

impl Field {
    pub fn line(self) -> Span {
        Span { start: self.label.start, end: self.end }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Index {
    pub start: StartLine,
    pub fields: SmallVec<[Field; INLINE_HEADERS]>,
    pub call_id: Span,
    pub from_tag: Span,
    pub to_tag: Span,
    /// The first Via value.
    pub top_via: ViaPlace,
    pub cseq: u32,
    pub cseq_method: Span,
    pub max_forwards: Option<u8>,
    pub body: Span,
}

impl Index {
    /// `bytes` begins with the start line and is not longer than 65,535.
    pub fn of(bytes: &[u8], framing: Framing) -> Result<Index, Fault> {
        let (start, first_header) = StartLine::read(bytes)?;
        let mut reader = Reader::new(bytes, start);
        let mut at = first_header;
        while let Some(field) = read_field(bytes, at)? {
            reader.take(field)?;
            at = usize::from(field.end);
        }
        // The blank line is two bytes.
        reader.finish(at + 2, framing)
    }
}

/// The line at `at`; None is the blank line that ends the headers.
fn read_field(bytes: &[u8], at: usize) -> Result<Option<Field>, Fault> {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest {
        [] | [b'\r'] => return Err(Fault::NoBlankLine),
        [b'\r', b'\n', ..] => return Ok(None),
        _ => {}
    }
    let mut scanner = Scanner::new(rest);
    let label = scanner.some(TOKEN).ok_or(Fault::HeaderName)?.len();
    while scanner.eat(b' ') || scanner.eat(b'\t') {}
    if !scanner.eat(b':') {
        return Err(Fault::HeaderName);
    }
    let value_start = at + scanner.position();
    let value_end = line_end(bytes, value_start)?;
    let value = trim(&bytes[value_start..value_end]);
    Ok(Some(Field {
        name: Name::of(&rest[..label]),
        label: Span::new(at, at + label),
        value: Span::within(bytes, value),
        end: narrow(value_end + 2),
    }))
}

/// The CR that ends the line, foldings passed over. A control character may only stand after a backslash, as in a quoted
/// string (§25.1 `quoted-pair`), and a CR or LF not even there.
fn line_end(bytes: &[u8], mut at: usize) -> Result<usize, Fault> {
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        at += plain_words(rest);
        match bytes.get(at..).unwrap_or_default() {
            [] | [b'\r'] => return Err(Fault::NoBlankLine),
            [b'\r', b'\n', b' ' | b'\t', ..] => at += 3,
            [b'\r', b'\n', ..] => return Ok(at),
            [b'\r' | b'\n', ..] | [b'\\', b'\r' | b'\n', ..] => return Err(Fault::LineEnd),
            [b'\\', ..] => at += 2,
            [byte, ..] if is(*byte, TEXT) => at += 1,
            _ => return Err(Fault::ControlCharacter),
        }
    }
}

/// How many bytes at the start are surely `TEXT`, eight looked at in one step: up to the first that may be none, or to within seven
/// bytes of the end.
fn plain_words(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    let odd = words.iter().enumerate().find_map(|(index, word)| {
        let odd = odd_bytes(u64::from_le_bytes(*word));
        (odd != 0).then(|| index * 8 + odd.trailing_zeros() as usize / 8)
    });
    odd.unwrap_or(words.len() * 8)
}

/// The highest bit of the first byte that is a control or a backslash; what stands in the bytes above it means nothing.
fn odd_bytes(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH_BITS: u64 = ONES << 7;
    // A borrow runs upwards only, so up to the first byte below the limit every answer is true.
    let below = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, b' ') | equal(0x7f) | equal(b'\\')) & HIGH_BITS
}

/// Gathers the headers into an [`Index`], checking each as it comes.
struct Reader<'a> {
    bytes: &'a [u8],
    index: Index,
    seen: u64,
    content_length: Option<u32>,
    vias: usize,
    contacts: usize,
    routes: usize,
    record_routes: usize,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8], start: StartLine) -> Reader<'a> {
        let index = Index {
            start,
            fields: SmallVec::new(),
            call_id: Span::default(),
            from_tag: Span::default(),
            to_tag: Span::default(),
            top_via: ViaPlace::default(),
            cseq: 0,
            cseq_method: Span::default(),
            max_forwards: None,
            body: Span::default(),
        };
        Reader {
            bytes,
            index,
            seen: 0,
            content_length: None,
            vias: 0,
            contacts: 0,
            routes: 0,
            record_routes: 0,
        }
    }

    fn take(&mut self, field: Field) -> Result<(), Fault> {
        let name = field.name;
        if self.seen & SINGLE & name.bit() != 0 {
            return Err(Fault::Doubled(name));
        }
        if self.index.fields.len() == MOST_HEADERS {
            return Err(Fault::TooManyHeaders);
        }
        self.seen |= name.bit();
        self.index.fields.push(field);
        let value = field.value.of(self.bytes);
        match name {
            Name::Via => self.via(value),
            Name::From => self.address(name, value).map(|tag| self.index.from_tag = tag),
            Name::To => self.address(name, value).map(|tag| self.index.to_tag = tag),
            Name::CallId => self.call_id(field.value),
            Name::CSeq => self.cseq(value),
            Name::MaxForwards => self.max_forwards(value),
            Name::ContentLength => self.content_length(value),
            Name::Contact if self.is_request() && value != b"*" => count(&mut self.contacts, name, value),
            Name::Route if self.is_request() => count(&mut self.routes, name, value),
            Name::RecordRoute => count(&mut self.record_routes, name, value),
            _ => Ok(()),
        }
    }

    fn is_request(&self) -> bool {
        self.index.start.is_request()
    }

    fn via(&mut self, line: &'a [u8]) -> Result<(), Fault> {
        for value in Values::of(line) {
            let via = Via::parse(value)?;
            if self.vias == 0 {
                self.top_via(value, &via)?;
            }
            self.vias += 1;
        }
        if self.vias > MOST_VALUES { Err(Fault::TooManyValues(Name::Via)) } else { Ok(()) }
    }

    /// A branch that is nothing but the cookie promises to be unique and is not (RFC 4475 §3.2.1).
    fn top_via(&mut self, value: &'a [u8], via: &Via<'a>) -> Result<(), Fault> {
        if !via.is_version_2() {
            return Err(Fault::Version);
        }
        let branch = via.branch().unwrap_or_default();
        if self.is_request() && branch.eq_ignore_ascii_case(MAGIC_COOKIE) {
            return Err(Fault::EmptyBranch);
        }
        self.index.top_via = ViaPlace::of(self.bytes, value, via);
        Ok(())
    }

    /// The tag of a From or To, empty if it has none.
    fn address(&self, name: Name, value: &'a [u8]) -> Result<Span, Fault> {
        let tag = NameAddr::tag_of(value).ok_or(Fault::Address(name))?;
        Ok(tag.map_or(Span::default(), |tag| Span::within(self.bytes, tag.as_bytes())))
    }

    /// §25.1 `callid`, read widely: any visible characters, no blanks.
    fn call_id(&mut self, value: Span) -> Result<(), Fault> {
        let text = value.of(self.bytes);
        if text.is_empty() || !text.iter().all(u8::is_ascii_graphic) {
            return Err(Fault::CallId);
        }
        self.index.call_id = value;
        Ok(())
    }

    fn cseq(&mut self, value: &'a [u8]) -> Result<(), Fault> {
        let mut scanner = Scanner::new(value);
        let digits = scanner.some(TOKEN).ok_or(Fault::CSeq)?;
        let spaced = scanner.blanks();
        let method = scanner.some(TOKEN).filter(|_| spaced && scanner.is_done()).ok_or(Fault::CSeq)?;
        self.index.cseq = number(digits).ok_or(Fault::CSeq)?;
        self.index.cseq_method = Span::within(self.bytes, method);
        Ok(())
    }

    /// §20.22: 0 to 255.
    fn max_forwards(&mut self, value: &[u8]) -> Result<(), Fault> {
        let hops = number(value).and_then(|hops| u8::try_from(hops).ok()).ok_or(Fault::MaxForwards)?;
        self.index.max_forwards = Some(hops);
        Ok(())
    }

    fn content_length(&mut self, value: &[u8]) -> Result<(), Fault> {
        self.content_length = Some(number(value).ok_or(Fault::ContentLength)?);
        Ok(())
    }

    fn finish(mut self, body_start: usize, framing: Framing) -> Result<Index, Fault> {
        for name in [Name::Via, Name::From, Name::To, Name::CallId, Name::CSeq] {
            if self.seen & name.bit() == 0 {
                return Err(Fault::Missing(name));
            }
        }
        self.check_methods()?;
        let there = self.bytes.len() - body_start;
        let length = match (self.content_length, framing) {
            (Some(length), _) => length as usize,
            (None, Framing::Datagram) => there,
            (None, Framing::Stream) => return Err(Fault::Missing(Name::ContentLength)),
        };
        if length > there {
            return Err(Fault::BodyTooShort);
        }
        self.index.body = Span::new(body_start, body_start + length);
        Ok(self.index)
    }

    /// §8.1.1.5: the method of the CSeq is that of the request.
    fn check_methods(&mut self) -> Result<(), Fault> {
        let named = self.index.cseq_method.of(self.bytes);
        match &mut self.index.start {
            StartLine::Request { method, text, .. } if text.of(self.bytes) != named => match method {
                Method::Other => Err(Fault::UnknownMethod),
                _ => Err(Fault::CSeqMethod),
            },
            StartLine::Request { .. } => Ok(()),
            StartLine::Response { method, .. } => {
                *method = Method::of(named);
                Ok(())
            }
        }
    }
}

/// Checks each address of a comma list and counts them.
fn count(counter: &mut usize, name: Name, line: &[u8]) -> Result<(), Fault> {
    for value in Values::of(line) {
        NameAddr::parse(value).ok_or(Fault::Address(name))?;
        *counter += 1;
    }
    if *counter > MOST_VALUES { Err(Fault::TooManyValues(name)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(extra: usize) -> Index {
        let head = "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
            Call-ID: c\r\nCSeq: 1 INVITE\r\n";
        let text = format!("{head}{}\r\n", "X-Y: z\r\n".repeat(extra));
        Index::of(text.as_bytes(), Framing::Datagram).unwrap()
    }

    #[test]
    fn an_ordinary_message_is_indexed_without_an_allocation() {
        assert!(!index(INLINE_HEADERS - 5).fields.spilled());
        assert!(index(INLINE_HEADERS).fields.spilled());
        assert!(size_of::<Field>() <= 12 && size_of::<Index>() <= 384, "{}", size_of::<Index>());
    }

    #[test]
    fn control_characters_stand_only_behind_a_backslash() {
        let end = |line: &[u8]| line_end(line, 0);
        assert_eq!(end(b"a \\\0 \\\\ b\r\n\r\n"), Ok(9));
        assert_eq!(end(b"a\r\n folded\r\nX: y"), Ok(10));
        assert_eq!(end(b"a\0\r\n"), Err(Fault::ControlCharacter));
        assert_eq!(end(b"a\x7f\r\n"), Err(Fault::ControlCharacter));
        for broken in [&b"a\nb\r\n"[..], b"a\rb\r\n", b"a\\\r\n", b"a\\\n\r\n"] {
            assert_eq!(end(broken), Err(Fault::LineEnd));
        }
        for open in [&b"abc"[..], b"abc\r", b"", b"a\\"] {
            assert_eq!(end(open), Err(Fault::NoBlankLine));
        }
    }
}
