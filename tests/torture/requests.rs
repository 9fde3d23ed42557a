//! Requests that mean one thing to us and another to the next, or that begin in the middle (R12, R14; RFC 3261 §16.3).

use super::attacks::{Attack, CALL, CHALLENGED, MALFORMED, all_fail};
use super::town::Town;

const ATTACKS: &[Attack] = &[
    // One header for us, another for the next.
    Attack {
        hope: "two From",
        rule: "R14",
        place: "pbx",
        status: 400,
        counted: MALFORMED,
        headers: &["From: <sip:105@company.example>;tag=2"],
        ..CALL
    },
    Attack {
        hope: "two From, one of them compact",
        rule: "R14",
        place: "pbx",
        status: 400,
        counted: MALFORMED,
        headers: &["f: <sip:105@company.example>;tag=2"],
        ..CALL
    },
    Attack {
        hope: "two To",
        rule: "R14",
        place: "pbx",
        status: 400,
        counted: MALFORMED,
        headers: &["t: <sip:105@company.example>"],
        ..CALL
    },
    Attack {
        hope: "two Call-ID",
        rule: "R14",
        place: "pbx",
        status: 400,
        counted: MALFORMED,
        headers: &["i: another"],
        ..CALL
    },
    Attack {
        hope: "two CSeq",
        rule: "R14",
        place: "pbx",
        status: 400,
        counted: MALFORMED,
        headers: &["CSEQ: 1 INVITE"],
        ..CALL
    },
    Attack {
        hope: "two Content-Length",
        rule: "R14",
        place: "pbx",
        status: 400,
        counted: MALFORMED,
        headers: &["l : 4"],
        ..CALL
    },
    Attack {
        hope: "two Max-Forwards",
        rule: "R14",
        place: "pbx",
        status: 400,
        counted: MALFORMED,
        headers: &["Max-Forwards: 0"],
        ..CALL
    },
    Attack {
        hope: "a line end of its own inside a header",
        rule: "R14",
        place: "pbx",
        status: 400,
        counted: MALFORMED,
        headers: &["Subject: x\rP-Asserted-Identity: <sip:101@company.example>"],
        ..CALL
    },
    Attack {
        hope: "a bare LF inside a header",
        rule: "R14",
        place: "pbx",
        status: 400,
        counted: MALFORMED,
        headers: &["Subject: x\nP-Asserted-Identity: <sip:101@company.example>"],
        ..CALL
    },
    Attack {
        hope: "a NUL in a header's name",
        rule: "R14",
        place: "pbx",
        status: 400,
        counted: MALFORMED,
        headers: &["P-Asserted\0-Identity: <sip:101@company.example>"],
        ..CALL
    },
    // Beginning in the middle.
    Attack {
        hope: "BYE without a dialog",
        rule: "R12",
        method: "BYE",
        status: 481,
        counted: "tollgate_rejections_total code=\"unknown_dialog\"",
        ..CALL
    },
    Attack {
        hope: "REFER without a dialog",
        rule: "R23",
        method: "REFER",
        status: 403,
        counted: "tollgate_rejections_total code=\"method\"",
        headers: &["Refer-To: <sip:09001234567@{gate}>"],
        ..CALL
    },
    Attack {
        hope: "MESSAGE to the world",
        rule: "R5",
        method: "MESSAGE",
        status: 403,
        counted: "tollgate_rejections_total code=\"method\"",
        ..CALL
    },
    Attack {
        hope: "SUBSCRIBE to somebody's calls",
        rule: "R5",
        method: "SUBSCRIBE",
        status: 405,
        counted: "tollgate_rejections_total code=\"method\"",
        headers: &["Event: dialog"],
        ..CALL
    },
    Attack {
        hope: "PUBLISH somebody's presence",
        rule: "R5",
        method: "PUBLISH",
        status: 405,
        counted: "tollgate_rejections_total code=\"method\"",
        ..CALL
    },
    Attack {
        hope: "a method in lower case",
        rule: "R14",
        method: "invite",
        status: 405,
        counted: "tollgate_rejections_total code=\"method\"",
        ..CALL
    },
    Attack {
        hope: "OPTIONS through the gate",
        rule: "R5",
        method: "OPTIONS",
        status: 404,
        counted: CHALLENGED,
        ..CALL
    },
    Attack {
        hope: "an extension that must be understood",
        rule: "§16.3",
        place: "pbx",
        status: 420,
        counted: "tollgate_rejections_total code=\"unknown_extension\"",
        headers: &["Proxy-Require: free-calls"],
        ..CALL
    },
];

#[test]
fn ambiguous_requests_are_refused() {
    all_fail(&Town::open(), ATTACKS);
}
