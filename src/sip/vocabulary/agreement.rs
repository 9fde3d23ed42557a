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

/// What a message says, as far as both readers say it.
#[derive(Debug, PartialEq, Eq)]
struct Meaning {
    method: Method,
    status: u16,
    target: Option<Target>,
    cseq: u32,
    call_id: String,
    from_tag: Option<String>,
    to_tag: Option<String>,
    branch: Option<String>,
    body: Vec<u8>,
}

/// User, host and port of a Request-URI.
type Target = (Option<String>, String, Option<u16>);

/// True if both could read it, in which case they agreed.
fn compare(bytes: &[u8]) -> bool {
    let ours = Message::parse(Bytes::copy_from_slice(bytes), Framing::Datagram);
    let (Ok(ours), Some(theirs)) = (ours, theirs(bytes)) else {
        return false;
    };
    assert_eq!(our_meaning(&ours), theirs, "{}", String::from_utf8_lossy(bytes));
    true
}

fn our_meaning(message: &Message) -> Meaning {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let target = || {
        let uri = Uri::parse(message.request_uri()).unwrap();
        (uri.user.map(str::to_owned), uri.host.to_owned(), uri.port)
    };
    Meaning {
        method: message.method(),
        status: message.status(),
        target: message.is_request().then(target),
        cseq: message.cseq(),
        call_id: text(message.call_id()),
        from_tag: message.from_tag().map(text),
        to_tag: message.to_tag().map(text),
        branch: message.branch().map(str::to_owned),
        body: message.body().to_vec(),
    }
}

/// None if any part of it is beyond `rsip`.
fn theirs(bytes: &[u8]) -> Option<Meaning> {
    let message = rsip::SipMessage::try_from(bytes).ok()?;
    let cseq = message.cseq_header().ok()?.typed().ok()?;
    let via = message.via_header().ok()?.typed().ok()?;
    let (method, status, target) = match &message {
        rsip::SipMessage::Request(request) => {
            let uri = request.uri();
            let target =
                (uri.user().map(str::to_owned), uri.host().to_string(), uri.port().map(|port| *port.value()));
            ((*request.method()).into(), 0, Some(target))
        }
        rsip::SipMessage::Response(response) => (cseq.method.into(), response.status_code().code(), None),
    };
    Some(Meaning {
        method,
        status,
        target,
        cseq: cseq.seq,
        call_id: message.call_id_header().ok()?.value().to_owned(),
        from_tag: message.from_header().ok()?.tag().ok()?.map(|tag| tag.to_string()),
        to_tag: message.to_header().ok()?.tag().ok()?.map(|tag| tag.to_string()),
        branch: via.branch().map(|branch| branch.to_string()),
        body: message.body().clone(),
    })
}

/// Torture messages that `rsip` reads, but wrongly, each with what it gets wrong.
const MISREAD: &[(&str, &str)] =
    &[("novelsc", "takes the opaque part of an unknown scheme for host and port")];

#[test]
fn torture_messages_that_rsip_reads_mean_the_same_to_both() {
    let above = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let Some(corpora) = above.map(|folder| folder.join("shared/corpora")).find(|folder| folder.is_dir())
    else {
        eprintln!("no shared/corpora beside the repository: nothing of RFC 4475 and RFC 5118 was compared");
        return;
    };
    let folders = ["rfc4475", "rfc5118/wire"].map(|name| std::fs::read_dir(corpora.join(name)).unwrap());
    let files = folders.into_iter().flatten().map(|entry| entry.unwrap().path());
    let messages = files.filter(|path| path.extension().is_some_and(|extension| extension == "dat"));
    let compared = messages.filter(|path| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        !MISREAD.iter().any(|(known, _)| *known == name) && compare(&std::fs::read(path).unwrap())
    });
    assert!(compared.count() > 10);
}
