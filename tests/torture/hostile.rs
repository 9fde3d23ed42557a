//! Messages built to make a reader work: each as long as a datagram can be, and none may cost more than a pass or a few.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tollgate::sip::{Framing, LONGEST_MESSAGE, Message, Name};

use super::stream::Stream;
use super::town::Town;

/// A quadratic reader would need seconds for 65,535 bytes; a linear one needs about a millisecond, unoptimised.
const PATIENCE: Duration = Duration::from_millis(400);

const HEAD: &str = "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
    Call-ID: c\r\nCSeq: 1 INVITE\r\n";

fn filled(before: &str, unit: &str, after: &str) -> Bytes {
    let room = LONGEST_MESSAGE - HEAD.len() - before.len() - after.len() - 4;
    let filling = unit.repeat(room / unit.len());
    Bytes::from(format!("{HEAD}{before}{filling}{after}\r\n\r\n"))
}

/// Each as long as a datagram can be.
fn costly() -> Vec<(&'static str, Bytes)> {
    vec![
        ("commas in Route", filled("Route: <sip:h>", ",<sip:h>", "")),
        ("empty elements", filled("Contact: <sip:h>", ",", "")),
        ("Vias", filled("Via: SIP/2.0/UDP h", ",SIP/2.0/UDP h", "")),
        ("parameters", filled("Contact: <sip:h>", ";a", "")),
        ("URI parameters", filled("Contact: <sip:h", ";a", ">")),
        ("open quotes", filled("Contact: ", "\"\\\"", "")),
        ("angle brackets", filled("Record-Route: ", "<", "")),
        ("backslashes", filled("Contact: \"", "\\\\", "\" <sip:h>")),
        ("foldings", filled("Subject: x", "\r\n ", "y")),
        ("header lines", filled("", "X-Y: z\r\n", "X-Y: z")),
        ("escapes", filled("Contact: <sip:", "%41", "@h>")),
        ("unknown list", filled("Supported: a", ",a", "")),
        ("line ends", Bytes::from("\r\n".repeat(LONGEST_MESSAGE / 2))),
    ]
}

#[test]
// A wall clock, because what is promised is an upper bound on work; the bound is a hundred times the expectation.
#[allow(clippy::disallowed_methods)]
fn no_message_costs_more_than_a_few_passes() {
    for (name, bytes) in costly() {
        assert!(bytes.len() <= LONGEST_MESSAGE);
        let start = Instant::now();
        if let Ok(message) = Message::parse(bytes, Framing::Datagram) {
            message.values(Name::Supported).chain(message.values(Name::Contact)).for_each(drop);
            message.contacts().for_each(drop);
        }
        let spent = start.elapsed();
        assert!(spent < PATIENCE, "{name} took {spent:?}");
    }
}

#[test]
fn limits_refuse_what_no_honest_sender_has() {
    let fault = |bytes| Message::parse(bytes, Framing::Datagram).unwrap_err().fault.to_string();
    assert_eq!(fault(filled("Route: <sip:h>", ",<sip:h>", "")), "Too many Route values");
    assert_eq!(fault(filled("", "X-Y: z\r\n", "X-Y: z")), "Too many headers");
    assert_eq!(fault(Bytes::from(vec![b'a'; LONGEST_MESSAGE + 1])), "Message longer than 65535 bytes");
}

/// The most that UDP carries over IPv4 (RFC 768, RFC 791); over TCP they go whole.
const DATAGRAM_LONGEST: usize = 65_507;
/// As many of each as come in a burst.
const TIMES: usize = 20;

/// A debug build spends about a millisecond on each, so that what is asked behind hundreds of them is still answered within a second or
/// two; a quadratic reader would need minutes.
#[test]
fn messages_built_to_make_a_reader_work_do_not_hold_up_the_running_gate() {
    let town = Town::open();
    for (name, bytes) in costly() {
        let datagram = bytes.slice(..bytes.len().min(DATAGRAM_LONGEST));
        for place in ["stranger", "pbx"] {
            let sender = town.caller(place);
            (0..TIMES).for_each(|_| sender.send(&datagram));
        }
        let mut stream = Stream::open(town.at("stranger").ip(), town.at("gate"));
        stream.exchange(&bytes);
        town.expect_quiet_trunks(name);
        town.expect_honest_call(name);
    }
}
