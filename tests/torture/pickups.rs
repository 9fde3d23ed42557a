//! Taking over calls in which one has no part (R24): by a transfer that names them, and by pickup.

use super::caller::{Caller, Request, only};
use super::dialogs::{Talk, accept, talk};
use super::registrations::at_home;
use super::town::{Town, text};

const TRANSFER: &str = "tollgate_rejections_total code=\"transfer\"";

fn tag(value: &str) -> &str {
    value.split("tag=").nth(1).unwrap_or_default()
}

/// Replaces as it stands in a Refer-To: of this call, for the trunk that has answered it.
fn escaped(talk: &Talk) -> String {
    let from = tag(&talk.invite.from);
    format!("Replaces={}%3Bto-tag%3Dtrunk%3Bfrom-tag%3D{from}", talk.invite.call_id)
}

/// Frank talks with Gina, and sends her into a call of Bob's; then into one of his own, to see that it is not the words that were wrong.
#[test]
fn nobody_transfers_into_the_call_of_others() {
    let town = Town::open();
    let (frank, gina) = (town.caller("pbx"), town.caller("phone_one"));
    at_home(&gina, &town, "107");
    let (own, foreign) = (talk(&town, "106"), talk(&town, "102"));
    let invite = frank.invite("sip:107@{gate}", "106", &town);
    frank.exchange(&invite.bytes());
    accept(&gina, &gina.expect());
    assert_eq!(frank.expect_final().status(), 200);
    let refer = |cseq: u32, replaces: &str| Request {
        method: "REFER".into(),
        branch: frank.fresh("z9hG4bK"),
        to: format!("{};tag=same", invite.to),
        cseq,
        headers: vec![town.fill(&format!("Refer-To: <sip:03023125500@{{gate}}?{replaces}>"))],
        ..invite.clone()
    };
    let unheard = "Replaces=unheard%3Bto-tag%3D1%3Bfrom-tag%3D2";
    for (cseq, replaces) in [(2, escaped(&foreign)), (3, unheard.to_owned())] {
        let before = town.counted(TRANSFER);
        let answer = only(frank.exchange(&refer(cseq, &replaces).bytes()));
        assert_eq!(answer.status(), 403, "{replaces}: {}", text(answer.bytes()));
        assert!(town.counted(TRANSFER) > before, "{replaces} is not counted");
        assert!(gina.exchange(b"\r\n\r\n").iter().all(|heard| heard.method_text() != "REFER"), "{replaces}");
    }
    frank.send(&refer(4, &escaped(&own)).bytes());
    let mut came = gina.expect();
    while came.method_text() != "REFER" {
        came = gina.expect();
    }
    own.hang_up(&town, 2);
    foreign.hang_up(&town, 2);
    town.expect_honest_call("a transfer into the call of others");
}

/// Frank rings at Gina's; the call is picked up with the words of its dialog.
fn picks_up(town: &Town, caller: &Caller, user: &str, replaces: &str) -> Vec<tollgate::sip::Message> {
    let mut invite = caller.invite("sip:106@{gate}", user, town);
    invite.headers.push(format!("Replaces: {replaces}"));
    caller.prove(&mut invite, user, &format!("password-{user}"))
}

/// The group is the company's "counter": Gina and Carol.
#[test]
fn nobody_outside_the_pickup_group_picks_up() {
    let town = Town::open();
    let (frank, gina) = (town.caller("pbx"), town.caller("phone_one"));
    at_home(&frank, &town, "106");
    at_home(&gina, &town, "107");
    let invite = frank.invite("sip:107@{gate}", "106", &town);
    frank.exchange(&invite.bytes());
    let rings = gina.expect();
    gina.send(&tollgate::sip::reply(&rings, 180, "Ringing", "gina", &[]));
    assert_eq!(frank.expect().status(), 180);
    // Seen from Frank, who gets the INVITE: his own tag, and Gina's.
    let replaces = format!("{};to-tag={};from-tag=gina;early-only", invite.call_id, tag(&invite.from));

    let answer = only(picks_up(&town, &town.caller("phone_two"), "108", &replaces));
    assert_eq!(answer.status(), 481, "{}", text(answer.bytes()));
    assert!(frank.exchange(b"\r\n\r\n").is_empty(), "Frank hears nothing of Mallory");
    // Carol is in it: the words were right.
    picks_up(&town, &town.caller("phone_two"), "103", &replaces);
    let heard = frank.expect();
    assert_eq!(heard.method_text(), "INVITE", "{}", text(heard.bytes()));
    town.expect_quiet_trunks("a pickup");
}
