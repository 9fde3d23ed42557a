//! Every message of RFC 4475 and RFC 5118 sent to the built gate, over UDP and TCP, from a phone's network and from a trunk's address,
//! with the outcome that its table allows. Nothing of it reaches a trunk.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};

use tollgate::sip::{Framing, Message, Name};

use super::caller::{Caller, read};
use super::corpus::{self, Sample};
use super::stream::Stream;
use super::town::Town;

/// Ports that the messages' Vias name: answers go there where there is no `rport` (RFC 3261 §18.2.2).
const SENT_BY: [u16; 3] = [5050, 6050, 19823];

/// What the table does not say, or says of another transport, with the reason.
const DEVIATIONS: &[(&str, &str, &[&str], &str)] = &[
    (
        "dblreq",
        "tcp",
        &["401 407", "401 403"],
        "a stream holds two messages: each is answered (RFC 3261 §18.3)",
    ),
    ("clerr", "tcp", &["drop"], "the rest of its body is waited for, then the connection is closed (§18.3)"),
    ("inv2543", "tcp", &["400"], "no Content-Length, which a stream needs (§20.14)"),
    ("baddn", "tcp", &["400", "drop"], "the archive's file lacks the blank line: the next message ends it"),
    ("test", "both", &["drop"], "in neither RFC: no version in its start line, no Via to answer to"),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Carrier {
    Udp,
    Tcp,
}

impl Carrier {
    fn word(self) -> &'static str {
        match self {
            Carrier::Udp => "udp",
            Carrier::Tcp => "tcp",
        }
    }
}

#[test]
fn every_message_has_the_outcome_that_its_table_allows() {
    let samples = corpus::samples();
    if samples.is_empty() {
        return;
    }
    let table: HashMap<String, String> =
        ["rfc4475", "rfc5118"].into_iter().flat_map(corpus::allowed).collect();
    // Whoever took the Route of `mpart01` at its word would send there.
    let bait = UdpSocket::bind("127.0.0.1:5080").ok();
    let mut wrong = 0;
    println!("{:29} {:9} {:4} {:8} allowed", "message", "from", "over", "answered");
    for place in ["phone_one", "trunk_tcp"] {
        for carrier in [Carrier::Udp, Carrier::Tcp] {
            wrong += rounds(&samples).iter().map(|round| play(round, place, carrier, &table)).sum::<usize>();
        }
    }
    if let Some(bait) = bait {
        bait.set_nonblocking(true).expect("a socket");
        assert!(bait.recv(&mut [0; 16]).is_err(), "a Route of the sender was followed");
    }
    assert_eq!(wrong, 0, "messages whose outcome their table does not allow");
}

/// Each round has a fresh gate, because a message with the branch and Call-ID of an earlier one is a retransmission of it wherever it
/// comes from (RFC 3261 §17.2.3), and some of the corpora share both.
fn rounds(samples: &[Sample]) -> Vec<Vec<&Sample>> {
    let key = |sample: &Sample| {
        let message = Message::parse(sample.bytes.clone(), Framing::Datagram).ok()?;
        Some((message.branch()?.to_owned(), message.call_id().to_owned()))
    };
    let mut rounds: Vec<Vec<&Sample>> = Vec::new();
    for sample in samples {
        let free = |round: &&mut Vec<&Sample>| {
            key(sample).is_none_or(|own| round.iter().all(|other| key(other).as_ref() != Some(&own)))
        };
        match rounds.iter_mut().find(free) {
            Some(round) => round.push(sample),
            None => rounds.push(vec![sample]),
        }
    }
    rounds
}

/// Sends these to a gate of their own and prints their rows; how many have an outcome that is not allowed.
fn play(samples: &[&Sample], place: &str, carrier: Carrier, table: &HashMap<String, String>) -> usize {
    let town = Town::open();
    let ears = Ears::open(&town, place);
    let mut wrong = 0;
    for sample in samples {
        let heard = match carrier {
            Carrier::Udp => ears.hear(sample),
            Carrier::Tcp => Stream::open(town.at(place).ip(), town.at("gate")).exchange(&sample.bytes).0,
        };
        let outcome = in_words(&heard);
        let (allowed, why) = allowed(table, sample, carrier);
        let fits = allowed.contains(&outcome) && names_what_it_lacks(&sample.name, &heard);
        wrong += usize::from(!fits);
        let mark = if fits { "" } else { "  <-- differs" };
        println!(
            "{:29} {place:9} {:4} {outcome:8} {}{mark} {why}",
            sample.name,
            carrier.word(),
            allowed.join("|")
        );
        town.expect_quiet_trunks(&sample.name);
    }
    town.expect_honest_call("all torture messages");
    wrong
}

/// RFC 4475 §3.3.5: the 420 of a proxy names the options of Proxy-Require alone.
fn names_what_it_lacks(name: &str, heard: &[Message]) -> bool {
    let unsupported = heard.first().and_then(|message| message.header(Name::Unsupported));
    name != "bext01" || unsupported.as_deref() == Some("noProxiesSupportThis, norDoAnyProxiesSupportThis")
}

/// Outcomes in words: the statuses of all final answers in their order, or `drop`.
fn allowed(
    table: &HashMap<String, String>,
    sample: &Sample,
    carrier: Carrier,
) -> (Vec<String>, &'static str) {
    let over = |word: &str| word == "both" || word == carrier.word();
    let deviation = DEVIATIONS.iter().find(|(name, word, ..)| *name == sample.name && over(word));
    if let Some((_, _, outcomes, why)) = deviation {
        return (outcomes.iter().map(|outcome| (*outcome).to_owned()).collect(), why);
    }
    let name = sample.name.trim_end_matches(".clfixed").trim_end_matches("-with-blank-line");
    let row = table.get(name).unwrap_or_else(|| panic!("{name} has no row in outcomes.tsv"));
    let words = row.split(|letter: char| !letter.is_ascii_alphanumeric());
    let outcome = |word: &&str| *word == "drop" || (word.len() == 3 && word.parse::<u16>().is_ok());
    (words.filter(outcome).map(str::to_owned).collect(), "")
}

pub fn in_words(heard: &[Message]) -> String {
    if heard.is_empty() {
        return "drop".into();
    }
    heard.iter().map(|message| message.status().to_string()).collect::<Vec<_>>().join(" ")
}

/// Someone who listens at every port that a Via of the corpora names.
struct Ears {
    caller: Caller,
    others: Vec<UdpSocket>,
}

impl Ears {
    fn open(town: &Town, place: &str) -> Ears {
        let at = |port| SocketAddr::new(town.at(place).ip(), port);
        let others = SENT_BY.map(|port| UdpSocket::bind(at(port)).expect("a port of its own"));
        others.iter().for_each(|socket| socket.set_nonblocking(true).expect("a socket"));
        Ears { caller: Caller::at(at(5060), town.at("gate"), 0), others: others.into() }
    }

    fn hear(&self, sample: &Sample) -> Vec<Message> {
        let mut heard = self.caller.exchange(&sample.bytes);
        for socket in &self.others {
            let mut buffer = vec![0; 65_536];
            while let Ok(length) = socket.recv(&mut buffer) {
                let message = read(buffer[..length].to_vec().into());
                self.caller.acknowledge(&sample.bytes, &message);
                heard.push(message);
            }
        }
        heard
    }
}

/// The well-formed INVITEs, made callable: from a trusted PBX, for a person who may, to a number. What leaves differs in the lines of
/// forwarding alone.
#[test]
fn well_formed_invites_are_forwarded_byte_for_byte() {
    let names = ["wsinv", "esc01", "longreq", "baddate", "invut", "sdp01", "mult-ip-in-sdp.clfixed"];
    let samples: Vec<Sample> =
        corpus::samples().into_iter().filter(|sample| names.contains(&sample.name.as_str())).collect();
    if samples.is_empty() {
        return;
    }
    assert_eq!(samples.len(), names.len());
    let town = Town::open();
    let pbx = Ears::open(&town, "pbx");
    for sample in samples {
        let sent = callable(&sample, &town);
        let heard = pbx.caller.exchange(&sent);
        assert!(heard.iter().all(|message| message.status() == 100), "{}: {heard:?}", sample.name);
        let came = town.one.expect_method("INVITE");
        expect_same_lines(&sample.name, &sent, came.bytes());
        town.one.answer(&came, 486, "trunk");
        town.one.expect_method("ACK");
        let answer = pbx.caller.expect_final();
        assert_eq!(answer.status(), 486, "{}", sample.name);
        pbx.caller.acknowledge(&sent, &answer);
    }
}

/// With another Request-URI, without its To-tag, and with an identity that a trusted peer asserts.
fn callable(sample: &Sample, town: &Town) -> Vec<u8> {
    let message = Message::parse(sample.bytes.clone(), Framing::Datagram).expect("well formed");
    let uri = town.fill("sip:03023125500@{gate}");
    let mut text = String::from_utf8(sample.bytes.to_vec()).expect("these are text");
    text = text.replacen(message.request_uri(), &uri, 1);
    text = text.replacen("tag    = 1918181833n", "x = 1918181833n", 1);
    let at = text.find("\r\n").expect("a start line") + 2;
    text.insert_str(at, "P-Asserted-Identity: <sip:102@company.example>\r\n");
    text.into_bytes()
}

/// Every line that came in goes out as it was, but for those that forwarding owns (RFC 3261 §16.6, R13, R20).
fn expect_same_lines(name: &str, sent: &[u8], came: &[u8]) {
    let (sent, came) = (String::from_utf8_lossy(sent), String::from_utf8_lossy(came));
    let ((_, sent), (_, came)) =
        (sent.split_once("\r\n").expect("a start line"), came.split_once("\r\n").expect("a start line"));
    let owned = ["p-asserted-identity", "max-forwards", "route", "content-length", "via", "v"];
    let field = |line: &str| line.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut rest = came;
    let mut first_via = true;
    for line in sent.split_inclusive("\r\n") {
        let field = field(line);
        let is_top_via = matches!(field.as_str(), "via" | "v") && std::mem::take(&mut first_via);
        let is_owned = owned[..4].contains(&field.as_str()) || is_top_via;
        if is_owned || (line.starts_with([' ', '\t']) && !rest.contains(line)) {
            continue;
        }
        let at =
            rest.find(line).unwrap_or_else(|| panic!("{name}: {line:?} did not leave as it came:\n{came}"));
        rest = &rest[at + line.len()..];
    }
}
