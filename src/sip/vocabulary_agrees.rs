//! Two readers, one meaning: whatever well-formed message `rsip` can read says the same to it and to us.

use rsip::message::HeadersExt;
use rsip::prelude::ToTypedHeader;

use super::*;
use crate::base::Random;
use crate::sip::{Framing, Message, Uri};

const INVITE: NewRequest<'_> = NewRequest {
    method: "INVITE",
    uri: "sip:4930123456@gate.example:5060;transport=UDP",
    via: "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKnashds8;rport",
    routes: &["<sip:gate.example;lr>"],
    from: "\"Alice\" <sip:alice@example.com>;tag=1928301774",
    to: "<sip:bob@example.com>",
    call_id: "a84b4c76e66710@192.0.2.7",
    cseq: 314159,
    extra: &[("Contact", "<sip:alice@192.0.2.7>"), ("X-Note", "one\r\nRoute: <sip:evil>")],
    body: Some(("application/sdp", b"v=0\r\n\xff\0")),
};

#[test]
fn both_writers_write_the_same_bytes() {
    assert_eq!(originate(&INVITE).unwrap(), INVITE.to_bytes());
    let bye = NewRequest { method: "BYE", routes: &[], extra: &[], body: None, ..INVITE };
    assert_eq!(originate(&bye).unwrap(), bye.to_bytes());
}

#[test]
fn what_cannot_be_said_is_refused() {
    assert_eq!(originate(&NewRequest { method: "DANCE", ..INVITE }), Err(Unspeakable::Method));
    for uri in ["tel:+4930123456", "nonsense", "sip:a@[2001:db8::1]"] {
        assert_eq!(originate(&NewRequest { uri, ..INVITE }), Err(Unspeakable::Uri), "{uri}");
    }
}

#[test]
fn methods_translate_both_ways() {
    for method in Method::KNOWN {
        let theirs = rsip::Method::try_from(*method).unwrap();
        assert_eq!(Method::from(theirs), *method);
    }
}

/// Parts from which requests and responses are drawn; `rsip` can read every combination.
const URIS: &[&str] = &[
    "sip:4930123456@gate.example",
    "sips:bob@192.0.2.4:5061",
    "sip:alice@example.com;transport=tcp",
    "sip:example.com",
];
const ADDRESSES: &[&str] = &[
    "<sip:alice@example.com>",
    "\"Alice B\" <sip:alice@example.com>",
    "Bob <sips:bob@192.0.2.4:5061>",
    "sip:carol@chicago.example",
];
const TAGS: &[&str] = &["", ";tag=1928301774", ";tag=a-b_c"];
const METHODS: &[&str] =
    &["INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "PRACK", "UPDATE", "REFER", "MESSAGE"];
const BODIES: &[&str] = &["", "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\n", "plain"];

fn drawn(random: &mut Random) -> String {
    let mut pick = |from: &[&'static str]| from[random.below(from.len() as u64) as usize];
    let (method, body) = (pick(METHODS), pick(BODIES));
    let start = match pick(&["request", "request", "response"]) {
        "request" => format!("{method} {} SIP/2.0", pick(URIS)),
        _ => format!("SIP/2.0 {}", pick(&["200 OK", "180 Ringing", "486 Busy Here", "603 Decline"])),
    };
    let via = pick(&[
        "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKa1",
        "SIP/2.0/TCP pc33.example.com;branch=z9hG4bKb2",
    ]);
    format!(
        "{start}\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: {}{}\r\nTo: {}{}\r\nCall-ID: {}\r\nCSeq: {} {method}\r\nContent-Length: {}\r\n\r\n{body}",
        pick(ADDRESSES),
        pick(TAGS),
        pick(ADDRESSES),
        pick(TAGS),
        pick(&["a84b4c76e66710@192.0.2.7", "1", "x-y.z"]),
        pick(&["1", "314159", "2147483647"]),
        body.len()
    )
}

#[test]
fn drawn_messages_mean_the_same_to_both() {
    let mut random = Random::from_number(3261);
    let compared = (0..3000).filter(|_| compare(drawn(&mut random).as_bytes())).count();
    assert!(compared > 2500, "rsip could read only {compared} of 3000");
}

/// True if both could read it, in which case they agreed.
fn compare(bytes: &[u8]) -> bool {
    let shown = String::from_utf8_lossy(bytes);
    let ours = Message::parse(Bytes::copy_from_slice(bytes), Framing::Datagram);
    let (Ok(ours), Ok(theirs)) = (ours, rsip::SipMessage::try_from(bytes)) else {
        return false;
    };
    match &theirs {
        rsip::SipMessage::Request(request) => {
            assert_eq!(Method::from(*request.method()), ours.method(), "{shown}");
            compare_uris(ours.request_uri(), request.uri());
        }
        rsip::SipMessage::Response(response) => assert_eq!(response.status_code().code(), ours.status()),
    }
    let cseq = theirs.cseq_header().unwrap().typed().unwrap();
    assert_eq!((cseq.seq, Method::from(cseq.method)), (ours.cseq(), ours.method()), "{shown}");
    assert_eq!(theirs.call_id_header().unwrap().value().as_bytes(), ours.call_id());
    let from_tag = theirs.from_header().unwrap().tag().unwrap();
    assert_eq!(from_tag.map(|tag| tag.to_string().into_bytes()).as_deref(), ours.from_tag(), "{shown}");
    let to_tag = theirs.to_header().unwrap().tag().unwrap();
    assert_eq!(to_tag.map(|tag| tag.to_string().into_bytes()).as_deref(), ours.to_tag(), "{shown}");
    let via = theirs.via_header().unwrap().typed().unwrap();
    assert_eq!(via.branch().map(|branch| branch.to_string()).as_deref(), ours.branch(), "{shown}");
    assert_eq!(via.transport.to_string(), ours.top_via().transport());
    assert_eq!(theirs.body().as_slice(), ours.body(), "{shown}");
    true
}

fn compare_uris(ours: &str, theirs: &rsip::Uri) {
    let ours = Uri::parse(ours).unwrap();
    assert_eq!(theirs.user(), ours.user);
    assert_eq!(theirs.host().to_string(), ours.host);
    assert_eq!(theirs.port().map(|port| *port.value()), ours.port);
}
