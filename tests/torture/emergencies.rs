//! Emergency numbers are open to everybody (R40, R41), so everybody tries to dress up as one. What only looks like one is challenged;
//! what is one leaves as the number of the site's list and nothing else.

use super::attacks::{Attack, CALL, CHALLENGED, all_fail};
use super::town::Town;

/// From a phone without a password: the answer is a challenge, not a call.
const LOOK_ALIKES: &[&str] = &[
    "sip:+19114206969@{gate}",
    "sip:911@{gate}",
    "sip:1120@{gate}",
    "sip:11@{gate}",
    "sip:112112@{gate}",
    "sip:112%00@{gate}",
    "sip:112%2500@{gate}",
    "sip:%EF%BC%91%EF%BC%91%EF%BC%92@{gate}",
    "sip:112p09001234567@{gate}",
    "sip:112,09001234567@{gate}",
    "sip:112*09001234567@{gate}",
    "sip:112%2309001234567@{gate}",
    "sip:112w1@{gate}",
    "sip:112/1@{gate}",
    "sip:112;postd=09001234567@{gate}",
    "sip:112;ext=09001234567@{gate}",
    "sip:112@{gate};user=dialstring",
    "sip:++112@{gate}",
    "sip:l12@{gate}",
    "tel:112;postd=1",
    "urn:service:sosx",
    "urn:service:so",
    "urn:service:police.sos",
    "urn:x:service:sos",
];

#[test]
fn what_only_looks_like_an_emergency_is_challenged() {
    let town = Town::open();
    let attacks: Vec<Attack> = LOOK_ALIKES
        .iter()
        .map(|uri| Attack { hope: uri, rule: "R40", uri, from: "105", counted: CHALLENGED, ..CALL })
        .collect();
    all_fail(&town, &attacks);
}

/// These are emergency calls, however they are written (R30, R40). What follows the number, and where it was to go, does not leave.
const EMERGENCIES: &[&str] = &[
    "sip:112@{gate}",
    "sip:112;x@{gate}",
    "sip:112;phone-context=+49900@{gate}",
    "sip:112;rn=+499001234567;npdi@{gate}",
    "sip:1%201%202@{gate}",
    "sip:(1)1-2@{gate}",
    "sip:%31%31%32@{gate}",
    "sip:+112@{gate}",
    // R40: matched again after a prefix is stripped.
    "sip:0112@{gate}",
    "sip:00112@{gate}",
    "sip:+49112@{gate}",
    "sip:112@evil.example",
    "sip:112:@company.example.evil.example",
    "sip:112@{stranger};maddr={stranger.ip};lr",
    "tel:112;phone-context=+49",
    "sips:112@{gate};user=phone",
];

#[test]
fn an_emergency_call_leaves_as_nothing_else() {
    let town = Town::open();
    let hall = town.caller("phone_two");
    for uri in EMERGENCIES {
        let mut invite = hall.invite(uri, "105", &town);
        invite.headers.push(town.fill("Route: <sip:{stranger};lr>"));
        invite.headers.push("P-Asserted-Identity: <sip:102@company.example>".into());
        hall.exchange(&invite.bytes());
        let came = town.two.expect_method("INVITE");
        assert_eq!(came.request_uri(), town.fill("sip:112@{trunk_two}"), "{uri}");
        let asserted = came.header(tollgate::sip::Name::PAssertedIdentity);
        assert_eq!(asserted.as_deref(), Some("<sip:+493023125100@company.example>"), "the call-back number");
        town.two.answer(&came, 486, "trunk");
        town.two.expect_method("ACK");
        // Nobody gives up an emergency call because one trunk is busy.
        let came = town.one.expect_method("INVITE");
        assert_eq!(came.request_uri(), town.fill("sip:112@{trunk_one}"), "{uri}");
        town.one.answer(&came, 486, "trunk");
        town.one.expect_method("ACK");
        hall.acknowledge(&invite.bytes(), &hall.expect_final());
        town.expect_quiet_trunks(uri);
    }
}
