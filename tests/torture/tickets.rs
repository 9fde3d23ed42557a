//! What an allowed transfer gives: a ticket for one call, to one number, by one phone (R23).

use super::caller::{Caller, Request};
use super::dialogs::accept;
use super::registrations::at_home;
use super::town::Town;

/// The telephone in the hall, which may only ring, in a call with Frank, who may transfer and tells it to call somebody at home.
fn told_to_call(town: &Town) -> (Caller, Caller, Request) {
    let (frank, hall) = (town.caller("pbx"), town.caller("phone_one"));
    at_home(&hall, town, "105");
    let invite = frank.invite("sip:105@{gate}", "106", town);
    frank.exchange(&invite.bytes());
    accept(&hall, &hall.expect());
    assert_eq!(frank.expect_final().status(), 200);
    (frank, hall, invite)
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
fn call(phone: &Caller, user: &str, number: &str, town: &Town) -> u16 {
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
