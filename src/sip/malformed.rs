//! What is wrong with a message that cannot be used, and the answer it may still get (RFC 3261 §8.2, §16.3, §18.3).

use std::net::SocketAddr;

use bytes::Bytes;

use super::flow::Flow;
use super::lines;
use super::method::Method;
use super::name::Name;
use super::scan::{Scanner, TOKEN, all, trim};
use super::via::Via;

/// One variant per rule that a message broke. Its text is the reason phrase of the answer (§21.4.1: "should identify the
/// syntax problem").
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("Nothing but line ends")]
    Empty,
    #[error("Message longer than 65535 bytes")]
    TooLong,
    #[error("Bad start line")]
    StartLine,
    #[error("SIP version is not 2.0")]
    Version,
    #[error("Status code is not three digits from 100 to 699")]
    Status,
    #[error("Bad Request-URI")]
    RequestUri,
    #[error("Headers or a method in the Request-URI")]
    RequestUriHeaders,
    #[error("Bad header name")]
    HeaderName,
    #[error("Control character in a header")]
    ControlCharacter,
    #[error("Line does not end in CR LF")]
    LineEnd,
    #[error("No blank line after the headers")]
    NoBlankLine,
    #[error("Too many headers")]
    TooManyHeaders,
    #[error("Too many {} values", .0.as_str())]
    TooManyValues(Name),
    #[error("Missing {}", .0.as_str())]
    Missing(Name),
    #[error("More than one {}", .0.as_str())]
    Doubled(Name),
    #[error("Bad Via")]
    Via,
    #[error("Via branch is the magic cookie and nothing more")]
    EmptyBranch,
    #[error("Bad {}", .0.as_str())]
    Address(Name),
    #[error("Bad Call-ID")]
    CallId,
    #[error("Bad CSeq")]
    CSeq,
    #[error("CSeq names another method")]
    CSeqMethod,
    #[error("Unknown method whose CSeq names another")]
    UnknownMethod,
    #[error("Bad Max-Forwards")]
    MaxForwards,
    #[error("Bad Content-Length")]
    ContentLength,
    #[error("Body shorter than its Content-Length")]
    BodyTooShort,
}

impl Fault {
    /// The status of the answer, if the message was a request that may be answered.
    pub const fn status(self) -> u16 {
        match self {
            // §21.5.6, §8.2.1, §21.5.7 in this order; all the rest is a syntax problem of the request (§21.4.1).
            Fault::Version => 505,
            Fault::UnknownMethod => 501,
            Fault::TooLong => 513,
            Fault::Empty
            | Fault::StartLine
            | Fault::Status
            | Fault::RequestUri
            | Fault::RequestUriHeaders
            | Fault::HeaderName
            | Fault::ControlCharacter
            | Fault::LineEnd
            | Fault::NoBlankLine
            | Fault::TooManyHeaders
            | Fault::TooManyValues(_)
            | Fault::Missing(_)
            | Fault::Doubled(_)
            | Fault::Via
            | Fault::EmptyBranch
            | Fault::Address(_)
            | Fault::CallId
            | Fault::CSeq
            | Fault::CSeqMethod
            | Fault::MaxForwards
            | Fault::ContentLength
            | Fault::BodyTooShort => 400,
        }
    }

    /// Every label, for metrics.
    pub const LABELS: [&'static str; 14] = [
        "empty",
        "too_long",
        "start_line",
        "request_uri",
        "header_syntax",
        "too_many",
        "missing",
        "doubled",
        "via",
        "address",
        "call_id",
        "cseq",
        "max_forwards",
        "content_length",
    ];

    /// A short word for a metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Fault::Empty => "empty",
            Fault::TooLong => "too_long",
            Fault::StartLine | Fault::Version | Fault::Status => "start_line",
            Fault::RequestUri | Fault::RequestUriHeaders => "request_uri",
            Fault::HeaderName | Fault::ControlCharacter | Fault::LineEnd | Fault::NoBlankLine => {
                "header_syntax"
            }
            Fault::TooManyHeaders | Fault::TooManyValues(_) => "too_many",
            Fault::Missing(_) => "missing",
            Fault::Doubled(_) => "doubled",
            Fault::Via | Fault::EmptyBranch => "via",
            Fault::Address(_) => "address",
            Fault::CallId => "call_id",
            Fault::CSeq | Fault::CSeqMethod | Fault::UnknownMethod => "cseq",
            Fault::MaxForwards => "max_forwards",
            Fault::ContentLength | Fault::BodyTooShort => "content_length",
        }
    }
}

/// Why a message cannot be used, and what may be answered.
#[derive(Clone, Debug)]
pub struct Malformed {
    pub fault: Fault,
    /// None asks for silence: a response, an ACK, garbage, or a request whose Via or CSeq cannot be read.
    pub answer: Option<Answer>,
}

/// A refusal that needs no parsed request: the lines that a response copies (§8.2.6.2), found leniently.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub reason: Fault,
    /// The port to answer to over UDP; None is the port that the request came from (RFC 3581).
    pub port: Option<u16>,
    pub(super) lines: Box<Lines>,
}

/// The copied lines, each from its name to before its line end. From, To and Call-ID may be what is missing.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    pub vias: Vec<Bytes>,
    pub from: Option<Bytes>,
    pub to: Option<Bytes>,
    pub call_id: Option<Bytes>,
    pub cseq: Bytes,
}

impl Answer {
    /// Where the answer goes, given where the request came from (§18.2.2).
    pub fn flow(&self, arrived: Flow) -> Flow {
        match self.port {
            Some(port) if !arrived.transport.is_reliable() => {
                Flow { remote: SocketAddr::new(arrived.remote.ip(), port), ..arrived }
            }
            _ => arrived,
        }
    }
}

impl Malformed {
    /// Reads what can be read of a message that broke a rule. Only this slow path is lenient; nothing it finds is judged.
    pub(super) fn of(fault: Fault, bytes: &Bytes) -> Malformed {
        Malformed { fault, answer: answer(fault, bytes) }
    }
}

fn answer(fault: Fault, bytes: &Bytes) -> Option<Answer> {
    let mut received = lines::unfolded(bytes);
    let method = received.next()?.split(|byte| *byte == b' ').next()?;
    let is_request = !method.is_empty() && all(method, TOKEN);
    if !is_request || Method::of(method) == Method::Ack {
        return None;
    }
    let lines = copied_lines(bytes, received)?;
    let (_, value) = lines::split(lines.vias.first()?)?;
    let top = first_value(value);
    let via = Via::parse(top).ok()?;
    let port = via.rport().is_none().then(|| via.port().unwrap_or(5060));
    Some(Answer { status: fault.status(), reason: fault, port, lines: Box::new(lines) })
}

fn first_value(via_line: &[u8]) -> &[u8] {
    trim(Scanner::new(via_line).element())
}

fn copied_lines<'a>(bytes: &Bytes, received: impl Iterator<Item = &'a [u8]>) -> Option<Lines> {
    let (mut vias, mut from, mut to, mut call_id, mut cseq) = (Vec::new(), None, None, None, None);
    for line in received {
        let name = lines::split(line).map_or(Name::Other, |(name, _)| Name::of(name));
        let is_copied = matches!(name, Name::Via | Name::From | Name::To | Name::CallId | Name::CSeq);
        if !is_copied || !is_copyable(line) {
            continue;
        }
        let copy = || bytes.slice_ref(line);
        match name {
            Name::Via => vias.push(copy()),
            Name::From => from = from.or_else(|| Some(copy())),
            Name::To => to = to.or_else(|| Some(copy())),
            Name::CallId => call_id = call_id.or_else(|| Some(copy())),
            Name::CSeq => cseq = cseq.or_else(|| Some(copy())),
            // The other names are no part of a response to a request that could not be read.
            _ => {}
        }
    }
    Some(Lines { vias, from, to, call_id, cseq: cseq? })
}

/// Nothing that could end a line or a string early goes back out.
fn is_copyable(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let unfolded = text.replace("\r\n ", "").replace("\r\n\t", "");
    !unfolded.chars().any(|letter| letter.is_control() && letter != '\t')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::{Framing, ListenerId, Message, reply_to_malformed};

    const BROKEN: &str = "INVITE <sip:b@h> SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.7:5070;branch=z9hG4bK1, SIP/2.0/TCP b\r\n\
        v:SIP/2.0/UDP c\r\n folded: no\r\nFrom: <sip:a@h>;tag=1\r\nTo: \"open <sip:b@h>\r\ni: x\r\nCSeq: 1 INVITE\r\n\r\n";

    fn malformed(text: &str) -> Malformed {
        Message::parse(Bytes::copy_from_slice(text.as_bytes()), Framing::Datagram).unwrap_err()
    }

    #[test]
    fn an_answer_copies_what_a_client_recognises() {
        let answer = malformed(BROKEN).answer.unwrap();
        let text = String::from_utf8(reply_to_malformed(&answer, "gate").to_vec()).unwrap();
        let expected = "SIP/2.0 400 Bad Request-URI\r\nVia: SIP/2.0/UDP 10.0.0.7:5070;branch=z9hG4bK1, SIP/2.0/TCP b\r\n\
            v:SIP/2.0/UDP c\r\n folded: no\r\nFrom: <sip:a@h>;tag=1\r\ni: x\r\nCSeq: 1 INVITE\r\nTo: \"open <sip:b@h>;tag=gate\r\n\
            Content-Length: 0\r\n\r\n";
        assert_eq!(text, expected);
        let arrived = Flow::udp(ListenerId(0), ([192, 0, 2, 1], 9999).into());
        assert_eq!(answer.flow(arrived).remote, ([192, 0, 2, 1], 5070).into());
    }

    #[test]
    fn silence_for_what_must_not_be_answered() {
        let table = [
            BROKEN.replace("INVITE", "ACK"),
            BROKEN.replace("INVITE <sip:b@h> SIP/2.0", "SIP/2.0 1000 x"),
            BROKEN.replace("CSeq", "X"),
            BROKEN.replace("SIP/2.0/UDP 10.0.0.7:5070", "broken"),
            BROKEN.replace("Via:", "Via: \u{1}"),
            "\u{0}\u{0}\u{0}\u{0}".to_owned(),
            "\r\n\r\n".to_owned(),
            String::new(),
        ];
        for text in table {
            assert!(malformed(&text).answer.is_none(), "{text}");
        }
    }
}
