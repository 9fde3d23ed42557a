//! Torture messages changed at random, the same way on every run: nothing panics, and what is read can be forwarded and answered.

use bytes::Bytes;
use tollgate::base::Random;
use tollgate::sip::{Draft, Framing, Message, Name, reply, reply_to_malformed};

use super::corpus;
use super::stream::Stream;
use super::town::Town;

const SEED: u64 = 4475;
const MUTATIONS: usize = if cfg!(debug_assertions) { 20_000 } else { 200_000 };
/// Bytes and pieces that have broken parsers before.
const PIECES: &[&str] = &[
    "\r\n",
    "\r",
    "\n",
    "\0",
    "\"",
    "\\",
    "<",
    ">",
    ",",
    ";",
    ":",
    "@",
    "%",
    "%00",
    "[",
    "]",
    "?",
    "=",
    " ",
    "\t",
    "\r\n ",
    "\u{7f}",
    "\u{440}",
    ";tag=",
    ";branch=z9hG4bK",
    "Via: SIP/2.0/UDP h\r\n",
    "l: 0\r\n",
    "Content-Length: 4294967296\r\n",
    "*",
    "/",
    "SIP/2.0",
    "sip:",
    "Route: <sip:h;lr>,\r\n",
    "m: *\r\n",
    "99999999999999999999",
    "-1",
];

/// A message of our own, so that there is something to change without the corpora.
const OWN: &str = "INVITE sip:+4930123456;npdi@gate.example;user=phone SIP/2.0\r\n\
    Via: SIP/2.0/UDP 10.0.0.7:5060;rport;branch=z9hG4bKabc, SIP/2.0/TCP [2001:db8::1]:5061 ; received=192.0.2.1\r\n\
    Max-Forwards: 70\r\nRoute: <sip:gate.example;lr>, <sip:two.example;lr>\r\n\
    From: \"A, \\\"B\\\"\" <sip:alice@example.com>;tag=a1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1@10.0.0.7\r\n\
    CSeq: 7 INVITE\r\nContact: <sip:alice@10.0.0.7>;+sip.instance=\"<urn:uuid:1>\"\r\nContent-Length: 5\r\n\r\nv=0\r\n";

#[test]
fn changed_messages_never_break_the_reader() {
    let mut random = Random::from_number(SEED);
    let mut samples: Vec<Bytes> = corpus::samples().into_iter().map(|sample| sample.bytes).collect();
    samples.push(Bytes::from_static(OWN.as_bytes()));
    let mut read = 0;
    for _ in 0..MUTATIONS {
        let bytes = mutated(&samples, &mut random);
        let framing = if random.one_in(4) { Framing::Stream } else { Framing::Datagram };
        match Message::parse(bytes, framing) {
            Ok(message) => {
                read += 1;
                exercise(&message.arrived_from(([198, 51, 100, 7], 4711).into()));
            }
            Err(malformed) => {
                malformed.answer.map(|answer| reply_to_malformed(&answer, "t"));
            }
        }
    }
    println!("{read} of {MUTATIONS} changed messages were still well formed");
    assert!(read > MUTATIONS / 20, "too few survive for this test to mean much");
}

/// Fewer than the reader alone gets: each goes through the whole gate.
const SENT: usize = 3_000;
/// Sent at once, before the gate is asked whether it is still there.
const BURST: usize = 50;

#[test]
fn changed_messages_do_the_running_gate_no_harm() {
    let town = Town::open();
    let mut random = Random::from_number(SEED);
    let mut samples: Vec<Bytes> = corpus::samples().into_iter().map(|sample| sample.bytes).collect();
    samples.push(Bytes::from_static(OWN.as_bytes()));
    let before = town.counted("tollgate_messages_total");
    let mut longest = 0;
    for burst in 0..SENT / BURST {
        let sender = town.caller(["stranger", "phone_one", "phone_two"][burst % 3]);
        for _ in 0..BURST {
            let bytes = mutated(&samples, &mut random);
            longest = longest.max(bytes.len());
            sender.send(&bytes);
        }
        // Over TCP one of them, since most end the connection.
        let mut stream = Stream::open(town.at("phone_one").ip(), town.at("gate"));
        stream.set_patience(std::time::Duration::from_millis(20));
        stream.send(&mutated(&samples, &mut random));
        town.caller("stranger").exchange(b"\r\n\r\n");
        town.expect_quiet_trunks("changed messages");
    }
    let read = town.counted("tollgate_messages_total") - before;
    println!("{read} of {SENT} changed messages were read, the longest had {longest} bytes");
    assert!(read > SENT as u64 / 20, "too few survive for this test to mean much");
    town.expect_honest_call("changed messages");
}

fn mutated(samples: &[Bytes], random: &mut Random) -> Bytes {
    let pick = |random: &mut Random, count: usize| random.below(count as u64) as usize;
    let mut bytes = samples[pick(random, samples.len())].to_vec();
    for _ in 0..=random.below(3) {
        let at = pick(random, bytes.len() + 1);
        let end = (at + pick(random, 40)).min(bytes.len());
        match random.below(6) {
            0 => drop(bytes.drain(at..end)),
            1 => bytes.truncate(at),
            2 => drop(bytes.splice(at..at, PIECES[pick(random, PIECES.len())].bytes())),
            3 => drop(bytes.splice(at..end, PIECES[pick(random, PIECES.len())].bytes())),
            4 => {
                let copied = bytes[at..end].to_vec();
                let to = pick(random, bytes.len() + 1);
                drop(bytes.splice(to..to, copied));
            }
            _ => bytes[..end].iter_mut().skip(at).take(1).for_each(|byte| *byte = random.below(256) as u8),
        }
    }
    bytes.into()
}

/// Calls all that rooms above call, and demands that what leaves is as well formed as what came, and means the same.
fn exercise(message: &Message) {
    let _ = (message.reason(), message.contacts().count(), message.expires(), message.header_named("x"));
    let _ = (message.from().display(), message.from().parsed_uri().is_ok(), message.to().display());
    for name in Name::KNOWN {
        message.headers(*name).chain(message.values(*name).map(|value| value.text())).for_each(drop);
    }
    if message.is_request() {
        forward(message);
        let answer = reply(message, 403, "Nein", "gate", &[("Reason", "SIP;cause=403")]);
        let answer = Message::parse(answer, Framing::Stream).expect("our answers are well formed");
        assert_eq!(
            (answer.status(), answer.call_id(), answer.cseq()),
            (403, message.call_id(), message.cseq())
        );
        assert!(answer.to_tag().is_some());
    } else {
        Draft::of(message).drop_top_via().into_bytes();
    }
}

fn forward(message: &Message) {
    let mut draft = Draft::of(message);
    draft.stamp_top_via(([198, 51, 100, 7], 4711).into()).push_via("SIP/2.0/UDP gate;branch=z9hG4bKg");
    draft.max_forwards(9).drop_first(Name::Route).ensure_content_length();
    draft.drop_all(Name::PAssertedIdentity).push(Name::RecordRoute, "<sip:gate;lr>");
    // An edit may lengthen a message beyond what can be sent; that is the sender's to find.
    let Ok(forwarded) = Message::parse(draft.into_bytes(), Framing::Stream).map_err(|malformed| {
        assert!(
            matches!(
                malformed.fault,
                tollgate::sip::Fault::TooManyValues(_) | tollgate::sip::Fault::TooManyHeaders
            ),
            "{malformed:?} {message:?}"
        );
    }) else {
        return;
    };
    assert_eq!(forwarded.request_uri(), message.request_uri());
    assert_eq!((forwarded.call_id(), forwarded.body()), (message.call_id(), message.body()));
    assert_eq!((forwarded.from_tag(), forwarded.to_tag()), (message.from_tag(), message.to_tag()));
    assert_eq!(forwarded.routes().count(), message.routes().count().saturating_sub(1));
    assert_eq!(forwarded.vias().count(), message.vias().count() + 1);
}
