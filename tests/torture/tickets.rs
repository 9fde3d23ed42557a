//! What an allowed transfer gives: a ticket for one call, to one number, by one phone (R23).

use std::thread::sleep;
use std::time::Duration;

use super::caller::{Caller, Request, only};
use super::dialogs::{accept, talk};
use super::registrations::at_home;
use super::town::Town;

/// The telephone in the hall, which may only ring, in a call with Frank, who may transfer and tells it to call somebody at home.
fn told_to_call(town: &Town) -> (Caller, Caller, Request) {
    told_by("106", town)
}

/// The same with somebody else in Frank's place.
fn told_by(user: &str, town: &Town) -> (Caller, Caller, Request) {
    let (frank, hall) = (town.caller("pbx"), town.caller("phone_one"));
    at_home(&hall, town, "105");
    let invite = frank.invite("sip:105@{gate}", user, town);
    frank.exchange(&invite.bytes());
    accept(&hall, &hall.expect());
    assert_eq!(frank.expect_final().status(), 200);
    acknowledge(&frank, &hall, &invite);
    (frank, hall, invite)
}

/// The call stands for as long as a test takes.
fn acknowledge(frank: &Caller, hall: &Caller, invite: &Request) {
    let ack = Request {
        method: "ACK".into(),
        branch: frank.fresh("z9hG4bK"),
        to: format!("{};tag=same", invite.to),
        ..invite.clone()
    };
    frank.send(&ack.bytes());
    assert_eq!(hall.expect().method_text(), "ACK");
}

fn refer(frank: &Caller, hall: &Caller, invite: &Request, cseq: u32, status: u16, town: &Town) {
    let refer = Request {
        method: "REFER".into(),
        branch: frank.fresh("z9hG4bK"),
        to: format!("{};tag=same", invite.to),
        cseq,
        headers: vec![town.fill("Refer-To: <sip:03023125500@{gate}>")],
        ..invite.clone()
    };
    frank.send(&refer.bytes());
    let mut came = hall.expect();
    while came.method_text() != "REFER" {
        came = hall.expect();
    }
    hall.send(&tollgate::sip::reply(&came, status, "", "", &[]));
    assert_eq!(frank.expect_final().status(), status);
}

/// What becomes of a call by this phone: that of a trunk that says it is busy, or a refusal by the gate.
pub fn call(phone: &Caller, user: &str, number: &str, town: &Town) -> u16 {
    let mut invite = phone.invite(&format!("sip:{number}@{{gate}}"), user, town);
    let heard = phone.prove(&mut invite, user, &format!("password-{user}"));
    if let Some(refusal) = heard.iter().find(|message| message.status() >= 200) {
        town.expect_quiet_trunks(number);
        return refusal.status();
    }
    let came = town.one.expect_method("INVITE");
    town.one.answer(&came, 486, "trunk");
    let answer = phone.expect_final();
    phone.acknowledge(&invite.bytes(), &answer);
    town.one.expect_method("ACK");
    answer.status()
}

#[test]
fn a_ticket_is_for_one_call_to_one_number_by_one_phone() {
    let town = Town::open();
    let (frank, hall, invite) = told_to_call(&town);
    let other = town.caller("phone_two");
    at_home(&other, &town, "watson");
    assert_eq!(call(&hall, "105", "03023125500", &town), 403, "nobody has told it to");
    refer(&frank, &hall, &invite, 2, 603, &town);
    assert_eq!(call(&hall, "105", "03023125500", &town), 403, "it has declined");
    refer(&frank, &hall, &invite, 3, 202, &town);
    assert_eq!(call(&other, "watson", "03023125500", &town), 403, "another phone was told to");
    assert_eq!(call(&hall, "105", "03023125501", &town), 403, "it was told another number");
    assert_eq!(call(&hall, "105", "09001234567", &town), 403, "it was told another number");
    assert_eq!(call(&hall, "105", "03023125500", &town), 486, "what Frank may call, at his expense");
    assert_eq!(call(&hall, "105", "03023125500", &town), 403, "once");
    town.expect_honest_call("tickets");
}

const OUTSIDE: &str = "tollgate_verdicts_total reason=\"outside_to_outside\"";
const INCOMING_ONLY: &str = "tollgate_verdicts_total reason=\"incoming_only\"";

/// R23: From proves nothing of a call from a trunk, and a mark in Referred-By is one that the gate has written.
#[test]
fn a_ticket_serves_no_trunk_and_no_invented_mark() {
    let town = Town::open();
    let (frank, hall, invite) = told_to_call(&town);
    refer(&frank, &hall, &invite, 2, 202, &town);
    let trunk = town.caller("trunk_tcp");
    let before = town.counted(OUTSIDE);
    let call_in = trunk.invite("sip:+493023125500@{gate}", "105", &town);
    assert_eq!(only(trunk.exchange(&call_in.bytes())).status(), 403, "a trunk in the From of the hall");
    assert!(town.counted(OUTSIDE) > before);

    let before = town.counted(INCOMING_ONLY);
    let mut invented = hall.invite("sip:03023125500@{gate}", "105", &town);
    invented.headers.push("Referred-By: <sip:106@company.example>;ticket=0000000000000001".into());
    assert_eq!(only(hall.prove(&mut invented, "105", "password-105")).status(), 403, "an invented mark");
    assert!(town.counted(INCOMING_ONLY) > before);
    town.expect_quiet_trunks("tickets of others");
    assert_eq!(call(&hall, "105", "03023125500", &town), 486, "the ticket waits for whom it is for");
}

/// Longer than a ticket is good.
const TOO_LATE: Duration = Duration::from_secs(61);

#[test]
#[allow(clippy::disallowed_methods)] // Tickets end by the gate's own clock.
fn a_ticket_is_good_for_a_minute() {
    let town = Town::open();
    let (frank, hall, invite) = told_to_call(&town);
    refer(&frank, &hall, &invite, 2, 202, &town);
    sleep(TOO_LATE);
    assert_eq!(call(&hall, "105", "03023125500", &town), 403);
    refer(&frank, &hall, &invite, 3, 202, &town);
    assert_eq!(call(&hall, "105", "03023125500", &town), 486, "a new one is as good as any");
}

/// R10: the permit of the REFER is not the permit of the call. Frank is locked in between.
#[test]
fn a_ticket_of_somebody_who_is_locked_since_is_worth_nothing() {
    let town = Town::open();
    let (frank, hall, invite) = told_to_call(&town);
    refer(&frank, &hall, &invite, 2, 202, &town);
    town.change_rules("people.csv", "password-106,,", "password-106,,true");
    // His own call is cut with him (R76).
    for party in [&frank, &hall] {
        let mut heard = party.expect();
        while heard.method_text() != "BYE" || heard.status() != 0 {
            heard = party.expect();
        }
        accept(party, &heard);
    }
    let before = town.counted("tollgate_verdicts_total reason=\"fraud_lock\"");
    assert_eq!(call(&hall, "105", "03023125500", &town), 403);
    assert!(town.counted("tollgate_verdicts_total reason=\"fraud_lock\"") > before);
    town.expect_honest_call("a locked transferor");
}

/// R23: it is Carol's euro a day that counts, of which one minute has left too little for another, and not that of who calls.
#[test]
fn a_transferor_without_money_sends_nobody_to_what_costs() {
    let town = Town::open();
    talk(&town, "103").hang_up(&town, 2);
    let (carol, frank) = (town.caller("pbx"), town.caller("phone_one"));
    at_home(&frank, &town, "106");
    let invite = carol.invite("sip:106@{gate}", "103", &town);
    carol.exchange(&invite.bytes());
    accept(&frank, &frank.expect());
    assert_eq!(carol.expect_final().status(), 200);
    acknowledge(&carol, &frank, &invite);
    assert_eq!(call(&frank, "106", "03023125500", &town), 486, "he could pay for it himself");
    refer(&carol, &frank, &invite, 2, 202, &town);
    assert_eq!(call(&frank, "106", "03023125500", &town), 403, "she cannot");
    town.expect_honest_call("a transferor without money");
}
