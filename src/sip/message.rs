//! One received message: its bytes and where everything stands in them. Nothing is copied, unescaped or normalised.

use std::borrow::Cow;
use std::net::SocketAddr;

use bytes::{Buf, Bytes};

use super::index::{Field, Framing, Index};
use super::malformed::{Fault, Malformed};
use super::method::Method;
use super::name::Name;
use super::name_addr::NameAddr;
use super::scan::text;
use super::span::Span;
use super::start_line::StartLine;
use super::values::Values;
use super::via::Via;

/// The longest message: what a UDP length field can say, and what our 16-bit offsets can reach.
pub const LONGEST_MESSAGE: usize = 65_535;

/// A request or response whose grammar has been checked, as received.
#[derive(Clone, Debug)]
pub struct Message {
    bytes: Bytes,
    index: Index,
    source: Option<SocketAddr>,
}

/// Where one value of a comma list stands; made by the readers, taken by `Draft`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub(super) field: u16,
    pub(super) span: Span,
}

/// One value of a comma list, as received.
#[derive(Clone, Copy, Debug)]
pub struct Value<'m> {
    pub bytes: &'m [u8],
    pub position: Position,
}

impl<'m> Value<'m> {
    pub fn text(&self) -> Cow<'m, str> {
        unfolded(self.bytes)
    }

    /// The value read as an address; None if it is none.
    pub fn address(&self) -> Option<NameAddr<'m>> {
        NameAddr::parse(self.bytes)
    }
}

impl Message {
    /// Reads one message in one pass. CRLFs before the start line are skipped (§7.5); in a datagram what follows the body is
    /// cut off (§18.3).
    ///
    /// # Errors
    /// The first rule that the message breaks, and the answer due to its sender, if any.
    pub fn parse(mut bytes: Bytes, framing: Framing) -> Result<Message, Malformed> {
        while bytes.starts_with(b"\r\n") {
            bytes.advance(2);
        }
        if bytes.is_empty() {
            return Err(Malformed::of(Fault::Empty, &bytes));
        }
        if bytes.len() > LONGEST_MESSAGE {
            return Err(Malformed::of(Fault::TooLong, &bytes));
        }
        match Index::of(&bytes, framing) {
            Ok(index) => {
                bytes.truncate(usize::from(index.body.end));
                Ok(Message { bytes, index, source: None })
            }
            Err(fault) => Err(Malformed::of(fault, &bytes)),
        }
    }

    /// Notes the address that the message came from; replies put it into the top Via (§18.2.1, RFC 3581).
    pub fn arrived_from(mut self, source: SocketAddr) -> Message {
        self.source = Some(source);
        self
    }

    /// Forgets the body. A message that is kept for as long as a call lasts then takes no more memory than its headers.
    pub fn drop_body(&mut self) {
        let end = usize::from(self.index.body.start);
        self.bytes = Bytes::copy_from_slice(self.bytes.get(..end).unwrap_or_default());
        self.index.body = Span::new(end, end);
    }

    pub fn source(&self) -> Option<SocketAddr> {
        self.source
    }

    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub fn body(&self) -> &[u8] {
        self.index.body.of(&self.bytes)
    }

    pub fn is_request(&self) -> bool {
        self.index.start.is_request()
    }

    /// The method of a request; of a response, that of its CSeq.
    pub fn method(&self) -> Method {
        match self.index.start {
            StartLine::Request { method, .. } | StartLine::Response { method, .. } => method,
        }
    }

    pub fn method_text(&self) -> &str {
        text(self.index.cseq_method.of(&self.bytes))
    }

    /// Empty for responses.
    pub fn request_uri(&self) -> &str {
        text(self.request_uri_span().of(&self.bytes))
    }

    /// 100 to 699; 0 for requests.
    pub fn status(&self) -> u16 {
        match self.index.start {
            StartLine::Request { .. } => 0,
            StartLine::Response { status, .. } => status,
        }
    }

    /// The reason phrase, for people: bytes that are not UTF-8 are replaced. Empty for requests.
    pub fn reason(&self) -> Cow<'_, str> {
        match self.index.start {
            StartLine::Request { .. } => Cow::Borrowed(""),
            StartLine::Response { reason, .. } => String::from_utf8_lossy(reason.of(&self.bytes)),
        }
    }

    pub fn cseq(&self) -> u32 {
        self.index.cseq
    }

    pub fn call_id(&self) -> &[u8] {
        self.index.call_id.of(&self.bytes)
    }

    pub fn from_tag(&self) -> Option<&[u8]> {
        self.optional(self.index.from_tag)
    }

    pub fn to_tag(&self) -> Option<&[u8]> {
        self.optional(self.index.to_tag)
    }

    /// The branch of the topmost Via, without parsing it again.
    pub fn branch(&self) -> Option<&str> {
        self.optional(self.index.top_via.branch).map(text)
    }

    pub fn top_via(&self) -> Via<'_> {
        self.index.top_via.via(&self.bytes)
    }

    /// All Via values from the top, across lines and commas.
    pub fn vias(&self) -> impl Iterator<Item = Via<'_>> {
        self.values(Name::Via).filter_map(|value| Via::parse(value.bytes).ok())
    }

    pub fn from(&self) -> NameAddr<'_> {
        self.address(Name::From)
    }

    pub fn to(&self) -> NameAddr<'_> {
        self.address(Name::To)
    }

    /// Contact addresses; `Err` for one that is none, which only responses and `*` can hold.
    pub fn contacts(&self) -> impl Iterator<Item = Result<NameAddr<'_>, Fault>> {
        self.values(Name::Contact).map(|value| value.address().ok_or(Fault::Address(Name::Contact)))
    }

    pub fn routes(&self) -> impl Iterator<Item = NameAddr<'_>> {
        self.values(Name::Route).filter_map(|value| value.address())
    }

    pub fn record_routes(&self) -> impl Iterator<Item = NameAddr<'_>> {
        self.values(Name::RecordRoute).filter_map(|value| value.address())
    }

    pub fn max_forwards(&self) -> Option<u8> {
        self.index.max_forwards
    }

    /// Seconds of the Expires header. Too large a number is the largest, anything malformed is 3600 (§20.19).
    pub fn expires(&self) -> Option<u32> {
        self.fields(Name::Expires).next().map(|field| seconds(field.value.of(&self.bytes)))
    }

    /// The first header of that name: trimmed, unfolded, bytes that are not UTF-8 replaced; almost always borrowed.
    pub fn header(&self, name: Name) -> Option<Cow<'_, str>> {
        self.headers(name).next()
    }

    pub fn headers(&self, name: Name) -> impl Iterator<Item = Cow<'_, str>> {
        self.fields(name).map(|field| unfolded(field.value.of(&self.bytes)))
    }

    /// The first header of a name unknown to [`Name`], in any case.
    pub fn header_named(&self, name: &str) -> Option<Cow<'_, str>> {
        let named = |field: &&Field| field.label.of(&self.bytes).eq_ignore_ascii_case(name.as_bytes());
        self.index.fields.iter().find(named).map(|field| unfolded(field.value.of(&self.bytes)))
    }

    /// The values of a comma-list header across all its lines, each with its place.
    pub fn values(&self, name: Name) -> impl Iterator<Item = Value<'_>> {
        let bytes: &[u8] = &self.bytes;
        let fields = self.index.fields.iter().enumerate();
        fields.filter(move |(_, field)| field.name == name).flat_map(move |(index, field)| {
            Values::of(field.value.of(bytes)).filter(|value| !value.is_empty()).map(move |value| Value {
                bytes: value,
                position: Position { field: index as u16, span: Span::within(bytes, value) },
            })
        })
    }

    /// How many lines carry that name.
    pub fn count(&self, name: Name) -> usize {
        self.fields(name).count()
    }

    pub(super) fn all_fields(&self) -> &[Field] {
        &self.index.fields
    }

    pub(super) fn fields(&self, name: Name) -> impl Iterator<Item = &Field> {
        self.index.fields.iter().filter(move |field| field.name == name)
    }

    pub(super) fn request_uri_span(&self) -> Span {
        match self.index.start {
            StartLine::Request { uri, .. } => uri,
            StartLine::Response { .. } => Span::default(),
        }
    }

    pub(super) fn top_via_span(&self) -> Span {
        self.index.top_via.value
    }

    /// Where the blank line after the headers begins.
    pub(super) fn blank_line(&self) -> usize {
        usize::from(self.index.body.start) - 2
    }

    fn optional(&self, span: Span) -> Option<&[u8]> {
        (!span.is_empty()).then(|| span.of(&self.bytes))
    }

    fn address(&self, name: Name) -> NameAddr<'_> {
        let field = self.fields(name).next().expect("no message is indexed without From and To");
        NameAddr::parse(field.value.of(&self.bytes)).expect("the index was made from it")
    }
}

/// `delta-seconds` (§20.19).
pub(super) fn seconds(digits: &[u8]) -> u32 {
    match super::scan::number(digits) {
        Some(seconds) => seconds,
        None if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => u32::MAX,
        None => 3600,
    }
}

/// Each line end of a folding becomes a space (§7.3.1); bytes that are not UTF-8 are replaced.
fn unfolded(value: &[u8]) -> Cow<'_, str> {
    let value = String::from_utf8_lossy(value);
    if value.contains('\r') { Cow::Owned(value.replace("\r\n", "")) } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &str = "INVITE sip:bob@biloxi.com SIP/2.0\r\n\
        Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds, SIP/2.0/TCP \"x\"\r\n";

    fn message(text: &str) -> Message {
        let text = text.replace('\n', "\r\n");
        Message::parse(Bytes::from(text), Framing::Datagram).unwrap()
    }

    fn invite() -> Message {
        message(
            "INVITE sip:bob@biloxi.com SIP/2.0\n\
             Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds, SIP/2.0/TCP second.example ;branch=z9hG4bKb\n\
             v: SIP/2.0/UDP third.example\n\
             Max-Forwards: 70\n\
             To: Bob <sip:bob@biloxi.com>\n\
             f: \"Alice, \\\"A\\\"\" <sip:alice@atlanta.com>;tag=1928301774\n\
             Call-ID: a84b4c76e66710@pc33.atlanta.com\n\
             CSeq: 314159 INVITE\n\
             Route: <sip:one.example;lr>, <sip:two.example;lr>\n\
             Route: <sip:three.example;lr>\n\
             X-Note: kept\n  as it is\n\
             Contact: <sip:alice@pc33.atlanta.com>\n\
             Content-Length: 4\n\
             \n\
             v=0\r trailing octets that no length covers",
        )
    }

    #[test]
    fn what_every_room_asks_for_is_read_in_one_pass() {
        let message = invite();
        assert!(message.is_request());
        assert_eq!((message.method(), message.request_uri()), (Method::Invite, "sip:bob@biloxi.com"));
        assert_eq!((message.cseq(), message.call_id()), (314159, &b"a84b4c76e66710@pc33.atlanta.com"[..]));
        assert_eq!((message.from_tag(), message.to_tag()), (Some(&b"1928301774"[..]), None));
        assert_eq!(message.branch(), Some("z9hG4bK776asdhds"));
        assert_eq!(
            message.vias().map(|via| via.host()).collect::<Vec<_>>(),
            ["pc33.atlanta.com", "second.example", "third.example"]
        );
        assert_eq!(message.routes().count(), 3);
        assert_eq!(message.from().display(), "Alice, \"A\"");
        assert_eq!(message.header_named("x-note").as_deref(), Some("kept  as it is"));
        assert_eq!(message.body(), b"v=0\r");
        assert!(message.bytes().ends_with(b"\r\n\r\nv=0\r"));
    }

    #[test]
    fn without_its_body_a_message_says_the_same() {
        let mut message = invite();
        message.drop_body();
        assert_eq!((message.body(), message.to().uri), (&b""[..], "sip:bob@biloxi.com"));
        assert!(message.bytes().ends_with(b"Content-Length: 4\r\n\r\n"));
    }

    #[test]
    fn faults_are_named_and_answered() {
        let response =
            Message::parse(Bytes::from_static(b"SIP/2.0 99 x\r\n\r\n"), Framing::Datagram).unwrap_err();
        assert_eq!((response.fault, response.answer.is_none()), (Fault::Status, true));
        let broken = Message::parse(Bytes::from(format!("{INVITE}\r\n")), Framing::Datagram).unwrap_err();
        assert_eq!(broken.fault, Fault::Via);
    }
}
