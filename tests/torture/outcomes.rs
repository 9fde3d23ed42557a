//! What reading alone makes of each torture message. What a proxy or registrar makes of those that are read is tested with them.

use tollgate::sip::{Framing, Message};

use super::corpus::{self, Sample};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Read,
    Refused(u16),
    Silent,
}
use Outcome::{Read, Refused, Silent};

/// RFC 4475 in its own order, then RFC 5118. Where the RFC leaves a choice, the strict one is taken (R14), except for what
/// honest old equipment sends (`inv2543`, `baddate`).
const EXPECTED: &[(&str, Outcome)] = &[
    ("wsinv", Read),
    ("intmeth", Read),
    ("esc01", Read),
    ("escnull", Read),
    ("esc02", Read),
    ("lwsdisp", Read),
    ("longreq", Read),
    ("dblreq", Read),
    ("semiuri", Read),
    ("transports", Read),
    ("mpart01", Read),
    ("unreason", Read),
    ("noreason", Read),
    ("badinv01", Silent), // its Via, which would route the answer, is what is broken
    ("clerr", Refused(400)),
    ("ncl", Refused(400)),
    ("scalar02", Refused(400)),
    ("scalarlg", Silent),
    ("quotbal", Refused(400)),
    ("ltgtruri", Refused(400)),
    ("lwsruri", Refused(400)),
    ("lwsstart", Refused(400)),
    ("trws", Refused(400)),
    ("escruri", Refused(400)),
    ("baddate", Read),
    ("regbadct", Refused(400)),
    ("badaspec", Refused(400)),
    ("baddn", Refused(400)),
    ("baddn-with-blank-line", Refused(400)),
    ("badvers", Refused(505)),
    ("mismatch01", Refused(400)),
    ("mismatch02", Refused(501)),
    ("bigcode", Silent),
    ("badbranch", Refused(400)),
    ("insuf", Refused(400)),
    ("unkscm", Read),
    ("novelsc", Read),
    ("unksm2", Read),
    ("bext01", Read),
    ("invut", Read),
    ("regaut01", Read),
    ("multi01", Refused(400)),
    ("mcl01", Refused(400)),
    ("bcast", Read),
    ("zeromf", Read),
    ("cparam01", Read),
    ("cparam02", Read),
    ("regescrt", Read),
    ("sdp01", Read),
    ("inv2543", Read),
    ("test", Silent), // neither RFC has it: no version in its start line, no Via to answer to
    ("ipv6-good", Read),
    ("ipv6-bad", Refused(400)),
    ("port-ambiguous", Read),
    ("port-unambiguous", Read),
    ("via-received-param-with-delim", Read),
    ("via-received-param-no-delim", Read),
    ("ipv6-in-sdp", Refused(400)), // as printed, its Content-Length is longer than its body
    ("ipv6-in-sdp.clfixed", Read),
    ("mult-ip-in-header", Read),
    ("mult-ip-in-sdp", Read),
    ("mult-ip-in-sdp.clfixed", Read),
    ("ipv4-mapped-ipv6", Read),
    ("ipv4-mapped-ipv6.clfixed", Read),
    ("ipv6-bug-abnf-3-colons", Read),
    ("ipv6-correct-abnf-2-colons", Read),
];

#[test]
fn every_message_is_read_refused_or_ignored_as_expected() {
    let mut wrong = 0;
    for sample in corpus::samples() {
        let expected = EXPECTED.iter().find(|(name, _)| *name == sample.name).map(|(_, outcome)| *outcome);
        let (outcome, why) = outcome(&sample);
        let verdict = if expected == Some(outcome) { "" } else { "  <-- differs" };
        wrong += usize::from(expected != Some(outcome));
        println!("{:32} {:14} {why}{verdict}", sample.name, format!("{outcome:?}"));
    }
    assert_eq!(wrong, 0, "messages whose outcome differs from the table");
}

/// Reading refuses nothing with a status that the published table does not allow.
#[test]
fn the_outcomes_are_among_those_the_rfcs_allow() {
    for (name, allowed) in ["rfc4475", "rfc5118"].into_iter().flat_map(corpus::allowed) {
        let outcome = EXPECTED.iter().find(|(sample, _)| *sample == name).map(|(_, outcome)| *outcome);
        let words: Vec<&str> = allowed.split([' ', '(', ')']).collect();
        let fits = match outcome {
            Some(Read) => words.iter().any(|word| !matches!(*word, "400" | "501" | "505")),
            Some(Refused(status)) => words.contains(&status.to_string().as_str()),
            Some(Silent) => words.contains(&"drop"),
            None => false,
        };
        assert!(fits, "{name}: {outcome:?} is not among: {allowed}");
    }
}

fn outcome(sample: &Sample) -> (Outcome, String) {
    match Message::parse(sample.bytes.clone(), Framing::Datagram) {
        Ok(_) => (Read, String::new()),
        Err(malformed) => {
            let outcome = malformed.answer.as_ref().map_or(Silent, |answer| Refused(answer.status));
            (outcome, malformed.fault.to_string())
        }
    }
}
