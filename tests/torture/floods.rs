//! Knocking the gate over, or using it as an amplifier: garbage, giants, streams that lie about their length (R14, R92; issue of a
//! hostile network). After each the gate still serves an honest call.

use std::time::Duration;

use tollgate::base::Random;

use super::attacks::MALFORMED;
use super::caller::{Caller, Request};
use super::stream::{Standing, Stream};
use super::town::{Town, text};

const GARBAGE: usize = 3_000;
/// Unauthenticated sources never get more than so many times what they sent.
const AMPLIFICATION_MAX: usize = 3;
/// The same for requests that no phone ever sent: compact names, nothing that is not needed.
const SHORTEST_AMPLIFICATION_MAX: usize = 4;

#[test]
fn garbage_is_met_with_silence_or_less_than_it_weighs() {
    let town = Town::open();
    let stranger = town.caller("stranger");
    let mut random = Random::from_number(5060);
    let words = [
        "INVITE sip:",
        "SIP/2.0 ",
        "Via: ",
        "\r\n",
        "\r\n\r\n",
        "REGISTER ",
        "%00",
        ";tag=",
        "Content-Length: -1",
    ];
    let before = town.counted(MALFORMED);
    let (mut sent, mut heard) = (0, 0);
    for _ in 0..GARBAGE {
        let mut bytes = Vec::new();
        for _ in 0..random.below(12) {
            match random.below(3) {
                0 => bytes.extend(words[random.below(words.len() as u64) as usize].bytes()),
                _ => bytes.extend((0..random.below(200)).map(|_| random.below(256) as u8)),
            }
        }
        sent += bytes.len();
        heard += stranger.exchange(&bytes).iter().map(|message| message.bytes().len()).sum::<usize>();
    }
    println!("{GARBAGE} datagrams of {sent} bytes were answered with {heard} bytes");
    assert!(heard <= sent / 10);
    assert!(town.counted(MALFORMED) > before + GARBAGE as u64 / 2);
    town.expect_quiet_trunks("garbage");
    town.expect_honest_call("garbage");
}

/// RFC 3261 §26.3.2.4: whoever forges a source address gets it one answer for each request, not eleven.
#[test]
fn nobody_is_flooded_through_the_gate() {
    // A short T1, so that all repetitions come within a second.
    let town = Town::open_with("10ms");
    let requests: [(&str, &str, &[&str]); 12] = [
        ("INVITE", "sip:03023125500@{gate}", &[]),
        ("INVITE", "sip:+499001234567@{gate}", &["Proxy-Authorization: Digest x"]),
        ("INVITE", "mailto:x@y", &[]),
        ("INVITE", "sip:1@{gate}", &["Proxy-Require: x"]),
        ("INVITE", "sip:1@{gate};method=BYE", &[]),
        ("REGISTER", "sip:{gate}", &[]),
        ("OPTIONS", "sip:{gate}", &[]),
        ("OPTIONS", "sip:1@{gate}", &[]),
        ("SUBSCRIBE", "sip:1@{gate}", &[]),
        ("CANCEL", "sip:1@{gate}", &[]),
        ("BYE", "sip:1@{gate}", &[]),
        ("INVITE", "sip:1@{gate}", &["From: <sip:x@y>;tag=2"]),
    ];
    for tagged in [false, true] {
        for (method, uri, headers) in requests {
            let caller = town.caller("stranger");
            caller.set_patience(Duration::from_millis(250));
            let mut request = Request::new(&caller, method, &town.fill(uri), "x");
            request.to = if tagged { "<sip:y>;tag=t".into() } else { "<sip:y>".into() };
            request.headers = headers.iter().map(|header| (*header).to_owned()).collect();
            let bytes = request.bytes();
            caller.send(&bytes);
            let answers: Vec<usize> = std::iter::from_fn(|| caller.hear()).map(|bytes| bytes.len()).collect();
            println!("{method:9} {uri:35} {} bytes: {answers:?}", bytes.len());
            assert!(
                answers.iter().sum::<usize>() <= bytes.len() * AMPLIFICATION_MAX,
                "{method} {uri} {headers:?}"
            );
            assert!(answers.len() <= 1, "{method} {uri} {headers:?}: {answers:?}");
        }
    }
    town.expect_quiet_trunks("requests from forged addresses");
}

/// Of the shortest requests that can be read there is less than of an answer: that factor is the largest that a forger gets.
#[test]
fn the_shortest_requests_bring_back_little_more() {
    let town = Town::open_with("10ms");
    let (mut worst, mut total) = ((0, 1), (0, 0));
    let starts = [
        "INVITE sip:1@h",
        "INVITE sip:112@{gate}",
        "INVITE tel:1",
        "INVITE x:y",
        "REGISTER sip:h",
        "OPTIONS sip:h",
        "OPTIONS sip:{gate}",
        "MESSAGE sip:1@h",
        "REFER sip:1@h",
        "BYE sip:1@h",
        "CANCEL sip:1@h",
        "ACK sip:1@h",
        "X sip:1@h",
    ];
    let changes = [
        ("", ""),
        ("CSeq:1", "CSeq:x"),
        ("i:1\r\n", ""),
        ("f:<", "f:\"<"),
        ("SIP/2.0\r", "SIP/9.0\r"),
        ("t:<sip:b>", "t:<sip:b>;tag=1"),
    ];
    for (start, (from, to)) in starts.iter().flat_map(|start| changes.map(|change| (start, change))) {
        let stranger = town.caller("stranger");
        stranger.set_patience(Duration::from_millis(60));
        let (start, method) = (town.fill(start), start.split(' ').next().unwrap_or_default());
        let port = stranger.address().port();
        let request = format!(
            "{start} SIP/2.0\r\nv:SIP/2.0/UDP h:{port}\r\nf:<sip:a>;tag={port}\r\nt:<sip:b>\r\ni:1\r\nCSeq:1 {method}\r\n\r\n"
        );
        let request = request.replacen(from, to, 1);
        stranger.send(request.as_bytes());
        let answers: Vec<usize> = std::iter::from_fn(|| stranger.hear()).map(|bytes| bytes.len()).collect();
        let heard: usize = answers.iter().sum();
        println!("{start:28} {to:16} {} bytes: {answers:?}", request.len());
        assert!(answers.len() <= 1, "{request}: {answers:?}");
        assert!(
            heard <= request.len() * SHORTEST_AMPLIFICATION_MAX,
            "{request}: {heard} bytes for {}",
            request.len()
        );
        total = (total.0 + heard, total.1 + request.len());
        if heard * worst.1 > worst.0 * request.len() {
            worst = (heard, request.len());
        }
    }
    println!("worst: {} bytes for {}; in all {} for {}", worst.0, worst.1, total.0, total.1);
    assert!(total.0 <= total.1 * 2, "{} bytes for {}", total.0, total.1);
    town.expect_quiet_trunks("the shortest requests");
}

/// A well-formed INVITE of Bob's from the PBX with these lines instead of nothing, and what must come of it.
#[test]
fn giants_are_refused() {
    let town = Town::open();
    let bob = town.caller("pbx");
    let via = "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx";
    let rows = [
        ("256 Vias", vec![via.to_owned(); 256]),
        ("256 Vias in one line", vec![format!("{via}{}", ",SIP/2.0/UDP h;branch=z9hG4bKx".repeat(255))]),
        ("300 headers", (0..300).map(|number| format!("X-{number}: y")).collect()),
        ("a header of 60 kB", vec![format!("Subject: {}", "x".repeat(60_000))]),
        ("a name of 60 kB", vec![format!("{}: x", "x".repeat(60_000))]),
        ("300 Route values", vec![format!("Route: <sip:h;lr>{}", ",<sip:h;lr>".repeat(299))]),
        ("20,000 parameters", vec![format!("X: y\r\nContact: <sip:h>{}", ";a=b".repeat(14_000))]),
    ];
    for (what, lines) in rows {
        let mut invite = bob.invite("sip:+499001234567@{gate}", "102", &town);
        invite.headers = lines;
        let heard = bob.exchange(&invite.bytes());
        let status = heard.first().map_or(0, |message| message.status());
        println!(
            "{what:28} {status} {}",
            heard.first().map(|message| message.reason().into_owned()).unwrap_or_default()
        );
        // What is merely long is judged like anything else.
        assert!(matches!(status, 400 | 403 | 413 | 431 | 513), "{what}: {status}");
        town.expect_quiet_trunks(what);
    }
    let mut invite = bob.invite("sip:03023125500@{gate}", "102", &town);
    invite.body = "x".repeat(64_000);
    bob.exchange(&invite.bytes());
    town.one.expect_method("INVITE");
    town.expect_quiet_trunks("a call with a body of 64 kB");
}

/// Raw bytes on a connection, the status that comes, and how the connection stands then.
#[test]
fn a_stream_that_lies_about_its_length_is_closed() {
    let town = Town::open();
    let head = "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKx\r\nFrom: <sip:x>;tag=1\r\nTo: <sip:x>\r\nCall-ID: c\r\n\
                CSeq: 1 OPTIONS\r\n";
    let with = |line: &str| format!("{head}{line}\r\n\r\n").into_bytes();
    let rows: Vec<(&str, Vec<u8>, &[u16], Standing)> = vec![
        ("Content-Length of 4 GB", with("Content-Length: 4294967296"), &[400], Standing::Closed),
        (
            "Content-Length of 2^64 + 1",
            with("Content-Length: 18446744073709551617"),
            &[400],
            Standing::Closed,
        ),
        ("Content-Length of 70,000", with("Content-Length: 70000"), &[513], Standing::Closed),
        ("a negative Content-Length", with("Content-Length: -1"), &[400], Standing::Closed),
        ("a Content-Length in hex", with("Content-Length: 0x10"), &[400], Standing::Closed),
        ("two Content-Lengths", with("Content-Length: 0\r\nContent-Length: 400"), &[400], Standing::Closed),
        ("a compact second one", with("l: 0\r\nContent-Length: 400"), &[400], Standing::Closed),
        ("none", with("Subject: x"), &[400], Standing::Closed),
        ("one that waits for more", with("Content-Length: 60000"), &[], Standing::Waiting),
        ("an endless line", "x".repeat(200_000).into_bytes(), &[], Standing::Closed),
        (
            "endless headers",
            format!("{head}{}", "X: y\r\n".repeat(30_000)).into_bytes(),
            &[513],
            Standing::Closed,
        ),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), &[], Standing::Closed),
        (
            "TLS",
            [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(), &[7; 500]].concat(),
            &[],
            Standing::Waiting,
        ),
        ("keep-alives", b"\r\n\r\n".repeat(5_000), &[], Standing::Open),
    ];
    let (from, gate) = (town.at("stranger").ip(), town.at("gate"));
    // All at once, because after its last word the gate reads on for two seconds, so that the word is not lost in a reset.
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let talks: Vec<_> = rows
            .iter()
            .map(|(_, bytes, ..)| {
                scope.spawn(move || {
                    let mut stream = Stream::open(from, gate);
                    // Four times the last word: the machine may be busy with other tests.
                    stream.set_patience(Duration::from_secs(8));
                    stream.exchange(bytes)
                })
            })
            .collect();
        talks.into_iter().map(|talk| talk.join().expect("a talk")).collect()
    });
    let mut wrong = 0;
    for ((what, _, statuses, standing), (heard, stands)) in rows.iter().zip(outcomes) {
        let got: Vec<u16> = heard.iter().map(|message| message.status()).collect();
        let fits = (got.as_slice(), &stands) == (*statuses, standing);
        wrong += usize::from(!fits);
        println!("{what:28} {got:?} {stands:?}{}", if fits { "" } else { "  <-- differs" });
    }
    assert_eq!(wrong, 0, "streams that are not met as they should be");
    town.expect_honest_call("streams that lie");
}

/// Idle and half-told connections take nobody's place.
#[test]
fn idle_connections_do_not_stop_calls() {
    let town = Town::open();
    let mut streams: Vec<Stream> =
        (0..400).map(|_| Stream::open(town.at("stranger").ip(), town.at("gate"))).collect();
    for stream in streams.iter_mut().take(200) {
        stream.send(b"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/TCP h");
    }
    town.expect_honest_call("400 connections that say nothing");
}

/// Everything that a stranger may send in a burst: nothing of it delays a call that follows, and nothing leaves.
#[test]
fn a_burst_of_scans_leaves_calls_alone() {
    let town = Town::open();
    let scanner: Caller = town.caller("stranger");
    for number in 0..2_000 {
        let method = ["REGISTER", "INVITE", "OPTIONS"][number % 3];
        let mut request =
            Request::new(&scanner, method, &town.fill(&format!("sip:{number}@{{gate}}")), "sipvicious");
        request.headers.push("User-Agent: friendly-scanner".into());
        scanner.send(&request.bytes());
    }
    town.expect_quiet_trunks("a burst of scans");
    town.expect_honest_call("a burst of scans");
    assert!(!text(&scanner.hear().expect("the first answers fit in the buffer")).contains("200 OK"));
}
