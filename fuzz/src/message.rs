//! The reader of messages: any bytes are read or refused at a bounded cost; what is read leaves untouched where it is not edited, and
//! every copy and answer made from it can be read again and means the same.

use std::net::SocketAddr;

use bytes::Bytes;
use tollgate::sip::digest::{Challenge, Credentials};
use tollgate::sip::{Draft, Fault, Framing, Message, Name, percent_decode, reply, reply_to_malformed};

use super::cost::Bound;

/// An index entry for each line of four bytes, in a list that doubles; and the lines that an answer to a malformed one repeats.
const READING: Bound = Bound { bytes: 4_096, bytes_per_byte: 24, times: 32, bytes_per_time: 8 };
/// Every header looked at as text once, and its values once more: only folded or broken text is copied.
const LOOKING: Bound = Bound { bytes: 1_024, bytes_per_byte: 24, times: 8, bytes_per_time: 4 };
/// A copy with a Via, a Record-Route and the source; or an answer with some lines of it.
const WRITING: Bound = Bound { bytes: 8_192, bytes_per_byte: 4, times: 16, bytes_per_time: 64 };
/// An answer is never much longer than what it answers: the status line, our tag, one header, the source in the Via.
const ANSWER_LONGER_MAX: usize = 256;

const SOURCE: ([u8; 4], u16) = ([198, 51, 100, 7], 4711);
const OUR_VIA: &str = "SIP/2.0/UDP gate.example;branch=z9hG4bKg";

pub fn run(bytes: &[u8]) {
    for framing in [Framing::Datagram, Framing::Stream] {
        let input = Bytes::copy_from_slice(bytes);
        match READING.holds("reading", bytes, || Message::parse(input, framing)) {
            Ok(message) => {
                let message = message.arrived_from(SocketAddr::from(SOURCE));
                look_at(&message);
                leaves_as_it_came(&message, bytes, framing);
                if message.is_request() {
                    is_answered(&message);
                    is_forwarded(&message);
                } else {
                    is_returned(&message, framing);
                }
            }
            Err(malformed) => {
                let Some(answer) = malformed.answer else { continue };
                let refusal = WRITING.holds("refusing", bytes, || reply_to_malformed(&answer, "gate"));
                assert!(
                    refusal.len() <= bytes.len() + ANSWER_LONGER_MAX,
                    "{} for {}",
                    refusal.len(),
                    bytes.len()
                );
            }
        }
    }
}

/// What rooms above ask of a message.
fn look_at(message: &Message) {
    LOOKING.holds("looking", message.bytes(), || {
        let _ = (message.reason(), message.expires(), message.header_named("x"), message.method_text());
        let _ = (message.from().display(), message.from().parsed_uri().is_ok(), message.to().param("tag"));
        for name in Name::KNOWN {
            message.headers(*name).for_each(drop);
            message.values(*name).map(|value| value.text()).for_each(drop);
        }
        for address in message.contacts().chain(message.routes().map(Ok)).flatten() {
            let _ = address.parsed_uri();
        }
        for via in message.vias() {
            let _ = (via.branch(), via.received(), via.rport(), via.sent_by(), via.params().iter().count());
        }
    });
    for name in
        [Name::Authorization, Name::ProxyAuthorization, Name::WwwAuthenticate, Name::ProxyAuthenticate]
    {
        for value in message.headers(name) {
            let _ =
                (Credentials::parse(&value).map(|found| found.count()), Challenge::parse(&value).is_some());
        }
    }
    let _ = percent_decode(message.request_uri());
    assert!(message.method_text().len() <= message.bytes().len() && message.vias().count() > 0);
}

/// parse ∘ serialise keeps every byte, and an edit taken back leaves no trace.
fn leaves_as_it_came(message: &Message, received: &[u8], framing: Framing) {
    let bytes = message.bytes();
    let mut rest = received;
    while let Some(after) = rest.strip_prefix(b"\r\n") {
        rest = after;
    }
    assert!(rest.starts_with(bytes), "something was read that was not sent");
    assert_eq!(Draft::of(message).into_bytes(), bytes);
    let pushed = WRITING.holds("pushing", bytes, || Draft::of(message).push_via(OUR_VIA).into_bytes());
    match Message::parse(pushed, framing) {
        Ok(pushed) => {
            assert_eq!(pushed.top_via().host(), "gate.example");
            assert_eq!(Draft::of(&pushed).drop_top_via().into_bytes(), bytes);
        }
        Err(malformed) => is_at_a_limit(malformed.fault),
    }
}

/// An answer of ours can be read, and is an answer to this.
fn is_answered(message: &Message) {
    let bytes = message.bytes();
    let answer =
        WRITING.holds("answering", bytes, || reply(message, 403, "", "gate", &[("Reason", "SIP;cause=403")]));
    assert!(answer.len() <= bytes.len() + ANSWER_LONGER_MAX, "{} bytes for {}", answer.len(), bytes.len());
    match Message::parse(answer, Framing::Stream) {
        Ok(answer) => {
            assert_eq!((answer.status(), answer.cseq()), (403, message.cseq()));
            assert_eq!((answer.call_id(), answer.from_tag()), (message.call_id(), message.from_tag()));
            assert_eq!(answer.vias().count(), message.vias().count());
            assert!(answer.to_tag().is_some());
        }
        Err(malformed) => is_at_a_limit(malformed.fault),
    }
}

/// A response on its way back, without our Via, is the same response; without any Via it is none. Lower Vias are for others to judge.
fn is_returned(message: &Message, framing: Framing) {
    let bytes = message.bytes();
    let returned = WRITING.holds("returning", bytes, || Draft::of(message).drop_top_via().into_bytes());
    if let Ok(returned) = Message::parse(returned, framing) {
        assert_eq!(returned.vias().count() + 1, message.vias().count());
        assert_eq!((returned.status(), returned.cseq()), (message.status(), message.cseq()));
        assert_eq!((returned.call_id(), returned.body()), (message.call_id(), message.body()));
    }
}

/// The copy that leaves can be read, carries nothing that was taken out of it, and all that was not touched.
fn is_forwarded(message: &Message) {
    let bytes = message.bytes();
    let forwarded = WRITING.holds("forwarding", bytes, || {
        let mut draft = Draft::of(message);
        draft
            .stamp_top_via(SocketAddr::from(SOURCE))
            .push_via(OUR_VIA)
            .request_uri("sip:+4930123456@trunk.example");
        draft.max_forwards(9).drop_first(Name::Route).ensure_content_length();
        draft.drop_all(Name::PAssertedIdentity).push(Name::RecordRoute, "<sip:gate.example;lr>");
        draft.into_bytes()
    });
    let forwarded = match Message::parse(forwarded, Framing::Stream) {
        Ok(forwarded) => forwarded,
        Err(malformed) => return is_at_a_limit(malformed.fault),
    };
    assert_eq!((forwarded.method_text(), forwarded.body()), (message.method_text(), message.body()));
    assert_eq!((forwarded.call_id(), forwarded.cseq()), (message.call_id(), message.cseq()));
    assert_eq!((forwarded.from_tag(), forwarded.to_tag()), (message.from_tag(), message.to_tag()));
    assert_eq!(forwarded.request_uri(), "sip:+4930123456@trunk.example");
    assert_eq!((forwarded.max_forwards(), forwarded.top_via().host()), (Some(9), "gate.example"));
    assert_eq!(forwarded.vias().count(), message.vias().count() + 1);
    assert_eq!(forwarded.routes().count(), message.routes().count().saturating_sub(1));
    assert_eq!(forwarded.record_routes().count(), message.record_routes().count() + 1);
    assert_eq!(forwarded.count(Name::PAssertedIdentity), 0);
    assert_eq!(forwarded.count(Name::Other), message.count(Name::Other));
    let contacts =
        |of: &Message| of.values(Name::Contact).map(|value| value.bytes.to_vec()).collect::<Vec<_>>();
    assert_eq!(contacts(&forwarded), contacts(message));
}

/// An edit may make a message too long, or one of its lists; that is the sender's to find. Nothing else may go wrong.
fn is_at_a_limit(fault: Fault) {
    assert!(matches!(fault, Fault::TooLong | Fault::TooManyHeaders | Fault::TooManyValues(_)), "{fault}");
}
