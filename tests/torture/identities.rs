//! Being somebody else (R20 to R23, R41): From, asserted identities, forwarders, the other side of the gate.

use tollgate::sip::{Message, Name};

use super::attacks::{Attack, CALL, all_fail};
use super::town::{Town, text};

/// The hall's telephone may call nobody; Mallory may call at home.
const HALL: Option<(&str, &str)> = Some(("105", "password-105"));
const MALLORY: Option<(&str, &str)> = Some(("108", "password-108"));

const INCOMING_ONLY: &str = "tollgate_verdicts_total reason=\"incoming_only\"";
const MISMATCH: &str = "tollgate_verdicts_total reason=\"identity_mismatch\"";
const OUTSIDE: &str = "tollgate_verdicts_total reason=\"outside_to_outside\"";
const UNKNOWN_CALLER: &str = "tollgate_verdicts_total reason=\"unknown_caller\"";
const NO_FORWARDER: &str = "tollgate_verdicts_total reason=\"no_forwarder\"";
const UNKNOWN_NUMBER: &str = "tollgate_verdicts_total reason=\"unknown_number\"";

const ATTACKS: &[Attack] = &[
    // From.
    Attack { hope: "call as From says, without a password", rule: "R20", ..CALL },
    Attack { hope: "the same from an address of nobody", rule: "R20", place: "stranger", ..CALL },
    Attack { hope: "the same to a colleague", rule: "R20", place: "stranger", uri: "sip:107@{gate}", ..CALL },
    Attack {
        hope: "From of Bob with one's own digest",
        rule: "R20",
        login: MALLORY,
        status: 403,
        counted: MISMATCH,
        ..CALL
    },
    Attack {
        hope: "From of a number that is not one's own",
        rule: "R20",
        from: "+493023125102",
        login: MALLORY,
        status: 403,
        counted: MISMATCH,
        ..CALL
    },
    Attack {
        hope: "a From that only decodes to one's own",
        rule: "R20",
        from: "10%32",
        login: MALLORY,
        status: 403,
        counted: MISMATCH,
        ..CALL
    },
    // Identities that phones assert.
    Attack {
        hope: "PAI of Bob from a phone",
        rule: "R20",
        headers: &["P-Asserted-Identity: <sip:102@company.example>"],
        ..CALL
    },
    Attack {
        hope: "PAI of Bob from an unlisted peer",
        rule: "R20",
        place: "stranger",
        headers: &["P-Asserted-Identity: <sip:102@company.example>"],
        ..CALL
    },
    Attack {
        hope: "PPI of Bob from a phone",
        rule: "R20",
        headers: &["P-Preferred-Identity: <sip:102@company.example>"],
        ..CALL
    },
    Attack {
        hope: "RPID of Bob from a phone",
        rule: "R20",
        headers: &["Remote-Party-ID: <sip:102@company.example>;party=calling;screen=yes"],
        ..CALL
    },
    Attack {
        hope: "PAI of Bob beside one's own digest",
        rule: "R20",
        from: "105",
        login: HALL,
        status: 403,
        counted: INCOMING_ONLY,
        headers: &["P-Asserted-Identity: <sip:102@company.example>"],
        ..CALL
    },
    Attack {
        hope: "PPI of Bob beside one's own digest",
        rule: "R20",
        from: "105",
        login: HALL,
        status: 403,
        counted: INCOMING_ONLY,
        headers: &["P-Preferred-Identity: <sip:102@company.example>"],
        ..CALL
    },
    Attack {
        hope: "RPID of Bob beside one's own digest",
        rule: "R20",
        from: "105",
        login: HALL,
        status: 403,
        counted: INCOMING_ONLY,
        headers: &["Remote-Party-ID: <sip:102@company.example>"],
        ..CALL
    },
    // Forwarders.
    Attack {
        hope: "Diversion of Bob from a phone",
        rule: "R22",
        headers: &["Diversion: <sip:102@company.example>;reason=unconditional"],
        ..CALL
    },
    Attack {
        hope: "Diversion of Bob beside one's own digest",
        rule: "R22",
        from: "105",
        login: HALL,
        status: 403,
        counted: INCOMING_ONLY,
        headers: &["Diversion: <sip:102@company.example>"],
        ..CALL
    },
    Attack {
        hope: "History-Info of Bob beside one's own digest",
        rule: "R22",
        from: "105",
        login: HALL,
        status: 403,
        counted: INCOMING_ONLY,
        headers: &["History-Info: <sip:102@company.example>;index=1"],
        ..CALL
    },
    Attack {
        hope: "Diversion of Bob from an unlisted peer",
        rule: "R22",
        place: "stranger",
        headers: &["Diversion: <sip:102@company.example>"],
        ..CALL
    },
    Attack {
        hope: "a PBX forwards for somebody who is nobody",
        rule: "R22",
        place: "pbx",
        status: 403,
        counted: NO_FORWARDER,
        headers: &["Diversion: <sip:+12025550123@pstn.example>"],
        ..CALL
    },
    Attack {
        hope: "a PBX calls for somebody who is nobody",
        rule: "R5",
        place: "pbx",
        from: "+12025550123",
        status: 403,
        counted: UNKNOWN_CALLER,
        ..CALL
    },
    Attack {
        hope: "a PBX asserts nobody, whatever From says",
        rule: "R20",
        place: "pbx",
        status: 403,
        counted: UNKNOWN_CALLER,
        headers: &["P-Asserted-Identity: <sip:nobody@company.example>"],
        ..CALL
    },
    // The trunk's side.
    Attack {
        hope: "a trunk's caller in the From of Bob calls out",
        rule: "R23",
        place: "trunk_tcp",
        status: 403,
        counted: OUTSIDE,
        ..CALL
    },
    Attack {
        hope: "a trunk's caller with PAI of Bob calls out",
        rule: "R20",
        place: "trunk_tcp",
        status: 403,
        counted: OUTSIDE,
        headers: &["P-Asserted-Identity: <sip:102@company.example>"],
        ..CALL
    },
    Attack {
        hope: "a trunk's caller is forwarded out by Bob",
        rule: "R22",
        place: "trunk_tcp",
        status: 403,
        counted: OUTSIDE,
        headers: &["Diversion: <sip:102@company.example>"],
        ..CALL
    },
    Attack {
        hope: "a trunk's caller dials a premium number",
        rule: "R23",
        place: "trunk_tcp",
        uri: "sip:+499001234567@{gate}",
        status: 403,
        counted: OUTSIDE,
        ..CALL
    },
    Attack {
        hope: "a trunk's caller dials a tel: abroad",
        rule: "R23",
        place: "trunk_tcp",
        uri: "tel:+12025550123",
        status: 403,
        counted: OUTSIDE,
        ..CALL
    },
    Attack {
        hope: "a trunk's caller dials a name",
        rule: "R5",
        place: "trunk_tcp",
        uri: "sip:x@{gate}",
        status: 403,
        counted: UNKNOWN_NUMBER,
        ..CALL
    },
    Attack {
        hope: "a trunk's caller uses the gate for 112",
        rule: "R41",
        place: "trunk_tcp",
        uri: "sip:112@{gate}",
        status: 403,
        counted: OUTSIDE,
        ..CALL
    },
    Attack {
        hope: "a trunk's caller uses the gate for urn:service:sos",
        rule: "R41",
        place: "trunk_tcp",
        uri: "urn:service:sos",
        status: 403,
        counted: OUTSIDE,
        ..CALL
    },
    Attack {
        hope: "a stranger uses the gate for 112",
        rule: "R41",
        place: "stranger",
        uri: "sip:112@{gate}",
        ..CALL
    },
];

#[test]
fn nobody_is_somebody_else() {
    all_fail(&Town::open(), ATTACKS);
}

/// R20, R22, RFC 3325 §5: what an authenticated phone claims beside its digest is gone when its call leaves.
#[test]
fn claims_of_a_phone_do_not_leave() {
    let town = Town::open();
    let phone = town.caller("phone_one");
    let mut invite = phone.invite("sip:03023125500@{gate}", "108", &town);
    for claim in [
        "P-Asserted-Identity: <sip:102@company.example>",
        "p-asserted-identity : <tel:+493023125102>",
        "P-ASSERTED-IDENTITY\t:\r\n <sip:102@company.example>",
        "P-Preferred-Identity: <sip:102@company.example>",
        "Remote-Party-ID: <sip:102@company.example>;screen=yes",
        "Diversion: <sip:102@company.example>",
        "diversion: <sip:102@company.example>",
        "History-Info: <sip:102@company.example>;index=1",
        "Route: <sip:{trunk_two};lr>",
        "Route: <sip:{stranger};lr>, <sip:{trunk_two};lr>",
    ] {
        invite.headers.push(town.fill(claim));
    }
    phone.prove(&mut invite, "108", "password-108");
    let came = town.one.expect_method("INVITE");
    expect_no_claims(&came);
    let own = "<sip:+493023125108@company.example>";
    assert_eq!(came.headers(Name::PAssertedIdentity).collect::<Vec<_>>(), [own]);
    assert_eq!(came.count(Name::Route) + came.count(Name::ProxyAuthorization), 0, "{}", text(came.bytes()));
    town.one.answer(&came, 486, "trunk");
    town.one.expect_method("ACK");
    phone.acknowledge(&invite.bytes(), &phone.expect_final());
    town.expect_quiet_trunks("a preloaded Route");
}

fn expect_no_claims(came: &Message) {
    let text = text(came.bytes());
    let claims = ["sip:102@", "23125102"];
    assert!(!claims.iter().any(|claim| text.contains(claim)), "a claim has left:\n{text}");
    for name in [Name::PPreferredIdentity, Name::RemotePartyId, Name::Diversion, Name::HistoryInfo] {
        assert_eq!(came.count(name), 0, "{text}");
    }
}
