//! One forbidden number in every spelling (R10, R11, R13, R30, R33): whoever reads it differently than the gate is not asked.
//!
//! Bob may call everywhere; only the company's guard on premium numbers stops him. `+49 900 1234567` is one.

use super::caller::only;
use super::town::{Town, text};

/// Request-URI, status, and the reason under which it is counted. An empty reason: the request is refused as such, with 400 or 416.
const SPELLINGS: &[(&str, u16, &str)] = &[
    // As people write it, here and abroad.
    ("sip:+499001234567@{gate}", 403, "forbidden_destination"),
    ("sip:09001234567@{gate}", 403, "forbidden_destination"),
    ("sip:00499001234567@{gate}", 403, "forbidden_destination"),
    ("sip:011499001234567@{gate}", 403, "unknown_number"),
    ("sip:499001234567@{gate}", 403, "unknown_number"),
    ("sip:9001234567@{gate}", 403, "unknown_number"),
    ("sip:810499001234567@{gate}", 403, "unknown_number"),
    // Leading zeros and pluses.
    ("sip:+00499001234567@{gate}", 403, "unknown_number"),
    ("sip:++499001234567@{gate}", 403, "unknown_number"),
    ("sip:00+499001234567@{gate}", 403, "unknown_number"),
    ("sip:+49+9001234567@{gate}", 403, "unknown_number"),
    ("sip:+0499001234567@{gate}", 403, "unknown_number"),
    ("sip:+4909001234567@{gate}", 403, "unknown_number"),
    ("sip:004909001234567@{gate}", 403, "unknown_number"),
    ("sip:000499001234567@{gate}", 403, "unknown_number"),
    ("sip:009001234567@{gate}", 403, "unknown_number"),
    ("sip:+49(0)9001234567@{gate}", 403, "forbidden_destination"),
    // Separators.
    ("sip:0-900-123-45-67@{gate}", 403, "forbidden_destination"),
    ("sip:+49.900.1234567@{gate}", 403, "forbidden_destination"),
    ("sip:(0900)1234567@{gate}", 403, "forbidden_destination"),
    ("sip:0%20900%201234567@{gate}", 403, "forbidden_destination"),
    ("sip:-.-0-.-900()1234567--@{gate}", 403, "forbidden_destination"),
    ("sip:0900/1234567@{gate}", 403, "unknown_number"),
    ("sip:0900_1234567@{gate}", 403, "unknown_number"),
    ("sip:0900~1234567@{gate}", 403, "unknown_number"),
    ("sip:0900%091234567@{gate}", 403, "unknown_number"),
    // Escapes.
    ("sip:%2B499001234567@{gate}", 403, "forbidden_destination"),
    ("sip:%30%39%30%30%31%32%33%34%35%36%37@{gate}", 403, "forbidden_destination"),
    ("sip:%2b%34%399001234567@{gate}", 403, "forbidden_destination"),
    ("sip:%252B499001234567@{gate}", 403, "unknown_number"),
    ("sip:%25309001234567@{gate}", 403, "unknown_number"),
    ("sip:0%2539001234567@{gate}", 403, "unknown_number"),
    ("sip:09001234567%00@{gate}", 403, "unknown_number"),
    ("sip:030%009001234567@{gate}", 403, "unknown_number"),
    ("sip:09001234567%0D%0ARoute:%20x@{gate}", 403, "unknown_number"),
    ("sip:09001234567%@{gate}", 400, ""),
    ("sip:09001234567%4@{gate}", 400, ""),
    ("sip:0900%G11234567@{gate}", 400, ""),
    // Digits that are none.
    ("sip:%EF%BC%90%EF%BC%99%EF%BC%90%EF%BC%901234567@{gate}", 403, "unknown_number"),
    ("sip:\u{ff10}\u{ff19}\u{ff10}\u{ff10}1234567@{gate}", 400, ""),
    ("sip:\u{660}\u{669}\u{660}\u{660}1234567@{gate}", 400, ""),
    ("sip:%D9%A0900%D9%A11234567@{gate}", 403, "unknown_number"),
    ("sip:O9001234567@{gate}", 403, "unknown_number"),
    ("sip:0900CALLNOW@{gate}", 403, "unknown_number"),
    // Parameters of the user part.
    ("sip:09001234567;isub=1234@{gate}", 403, "forbidden_destination"),
    ("sip:09001234567;rn=+493023125500;npdi@{gate}", 403, "forbidden_destination"),
    ("sip:09001234567;cic=+49103@{gate}", 403, "forbidden_destination"),
    ("sip:09001234567;npdi=yes;x=y@{gate}", 403, "forbidden_destination"),
    ("sip:09001234567%3Bisub=1@{gate}", 403, "forbidden_destination"),
    ("sip:09001234567;postd=22@{gate}", 403, "unknown_number"),
    ("sip:09001234567;ext=22@{gate}", 403, "unknown_number"),
    ("sip:09001234567;phone-context=+49@{gate}", 403, "unknown_number"),
    ("sip:9001234567;phone-context=+49@{gate}", 403, "forbidden_destination"),
    ("sip:1234567;phone-context=+49900@{gate}", 403, "forbidden_destination"),
    ("sip:1234567;phone-context=+49-900@{gate}", 403, "forbidden_destination"),
    ("sip:1234567;phone-context=%2B49900@{gate}", 403, "forbidden_destination"),
    ("sip:1234567;PHONE-CONTEXT=+49900@{gate}", 403, "forbidden_destination"),
    ("sip:1234567;phone-context=+49900;phone-context=+4930@{gate}", 403, "forbidden_destination"),
    ("sip:09001234567;phone-context=evil.example@{gate}", 403, "unknown_number"),
    // Digits after the number.
    ("sip:09001234567p22@{gate}", 403, "unknown_number"),
    ("sip:03023125500w09001234567@{gate}", 403, "unknown_number"),
    ("sip:03023125500,09001234567@{gate}", 403, "unknown_number"),
    ("sip:03023125500x9001234567@{gate}", 403, "unknown_number"),
    ("sip:03023125500*09001234567@{gate}", 403, "unknown_number"),
    ("sip:03023125500%2309001234567@{gate}", 403, "unknown_number"),
    // Codes before it.
    ("sip:*3109001234567@{gate}", 403, "unknown_number"),
    ("sip:%2331%2309001234567@{gate}", 403, "unknown_number"),
    ("sip:010330900123456@{gate}", 403, "unknown_number"),
    ("sip:0103309001234567@{gate}", 403, "unknown_number"),
    // Parameters and parts of the URI.
    ("sip:09001234567@{gate};user=phone", 403, "forbidden_destination"),
    ("sip:09001234567@{gate};user=ip", 403, "forbidden_destination"),
    ("sip:09001234567@{gate};user=dialstring", 403, "unknown_number"),
    ("sip:09001234567@{gate};transport=tcp", 403, "forbidden_destination"),
    ("sip:09001234567@{gate};lr;ttl=1", 403, "forbidden_destination"),
    ("sip:09001234567:secret@{gate}", 403, "forbidden_destination"),
    ("sip:09001234567@company.example", 403, "forbidden_destination"),
    ("sip:09001234567@COMPANY.example:5099", 403, "forbidden_destination"),
    ("sip:03023125500@{gate};maddr={trunk_one.ip}", 403, "suspect_address"),
    ("sip:03023125500@{gate};MAddr={trunk_one.ip}", 403, "suspect_address"),
    ("sip:03023125500@{gate};method=REGISTER", 400, ""),
    ("sip:03023125500@{gate}?Route=%3Csip:{trunk_one}%3E", 400, ""),
    ("sip:03023125500@{gate}?P-Asserted-Identity=%3Csip:101%3E", 400, ""),
    ("sip:03023125500@{trunk_one}", 403, "suspect_address"),
    ("sip:03023125500@evil.example", 403, "suspect_address"),
    ("sip:03023125500@{gate.ip}:5099", 403, "suspect_address"),
    ("sip:09001234567@{gate}@company.example", 400, ""),
    ("sip:+499001234567", 400, ""),
    ("sip:{trunk_one};lr", 403, "suspect_address"),
    // Other schemes, other cases.
    ("SIP:09001234567@{gate}", 403, "forbidden_destination"),
    ("sips:09001234567@{gate}", 403, "forbidden_destination"),
    ("SiPs:+49-900-1234567@{gate}", 403, "forbidden_destination"),
    ("tel:+499001234567", 403, "forbidden_destination"),
    ("TEL:+49-900-1234567", 403, "forbidden_destination"),
    ("tel:09001234567;phone-context=company.example", 403, "unknown_number"),
    ("tel:9001234567;phone-context=+49", 403, "forbidden_destination"),
    ("tel:1234567;phone-context=+49900", 403, "forbidden_destination"),
    ("tel:1234567;isub=1;phone-context=+49-900", 403, "forbidden_destination"),
    ("tel:09001234567;phone-context=evil.example", 403, "unknown_number"),
    ("tel:+499001234567;postd=22", 403, "unknown_number"),
    ("tel:+499001234567;rn=+493023125500;npdi", 403, "forbidden_destination"),
    ("tel:%2B499001234567", 403, "forbidden_destination"),
    ("tel:+49%39001234567", 403, "forbidden_destination"),
    ("urn:service:counseling", 403, "unknown_number"),
    ("urn:service:sosx", 403, "unknown_number"),
    ("http://{trunk_one}/09001234567", 416, ""),
    ("mailto:09001234567@{gate}", 416, ""),
    ("data:09001234567", 416, ""),
];

#[test]
fn no_spelling_of_a_forbidden_number_passes() {
    let town = Town::open();
    let bob = town.caller("pbx");
    let mut wrong = 0;
    for (uri, status, reason) in SPELLINGS {
        let series = match *reason {
            "" => "tollgate_responses_total 4xx".to_owned(),
            reason => format!("tollgate_verdicts_total reason=\"{reason}\""),
        };
        let before = town.counted(&series) + town.counted("tollgate_parse_errors_total");
        let invite = bob.invite(uri, "102", &town);
        let answer = only(bob.exchange(&invite.bytes()));
        let counted = town.counted(&series) + town.counted("tollgate_parse_errors_total") > before;
        let told = reason.is_empty() || text(answer.bytes()).contains("X-Tollgate-Decision: ");
        let fits = answer.status() == *status && counted && told;
        wrong += usize::from(!fits);
        let mark = if fits { "" } else { "  <-- differs" };
        println!("{uri:62} {status} {reason:22} {} {}{mark}", answer.status(), answer.reason());
        town.expect_quiet_trunks(uri);
    }
    town.expect_honest_call("every spelling of a forbidden number");
    assert_eq!(wrong, 0, "spellings that are not refused as they should be");
}

/// R10: the Request-URI decides, whatever To says.
#[test]
fn a_harmless_to_does_not_help() {
    let town = Town::open();
    let bob = town.caller("pbx");
    for to in
        ["<sip:03023125500@{gate}>", "<sip:112@{gate}>", "<sip:107@{gate}>", "\"112\" <urn:service:sos>"]
    {
        let mut invite = bob.invite("sip:09001234567@{gate}", "102", &town);
        invite.to = town.fill(to);
        assert_eq!(only(bob.exchange(&invite.bytes())).status(), 403, "{to}");
        town.expect_quiet_trunks(to);
    }
}

/// What is judged is what is sent (R11): however an allowed number is spelt, the trunk sees its canonical form alone.
#[test]
fn what_leaves_is_the_number_that_was_judged() {
    let town = Town::open();
    let bob = town.caller("pbx");
    let spellings = [
        "sip:03023125500@{gate}",
        "sip:0049-30-23125500@{gate};user=phone;lr;ttl=9",
        "sip:%2B49%3302312(5500)@company.example:7777",
        "sip:03023125500:secret;x@{gate}",
        "sip:23125500;phone-context=+4930;isub=9;rn=+499001234567;npdi;cic=+49103@{gate}",
        "tel:23125500;phone-context=+4930;rn=+499001234567",
        "TEL:+49-30-23125500",
    ];
    for uri in spellings {
        let invite = bob.invite(uri, "102", &town);
        bob.exchange(&invite.bytes());
        let came = town.one.expect_method("INVITE");
        assert_eq!(came.request_uri(), town.fill("sip:+493023125500@{trunk_one}"), "{uri}");
        town.one.answer(&came, 486, "trunk");
        town.one.expect_method("ACK");
        bob.acknowledge(&invite.bytes(), &bob.expect_final());
    }
}
