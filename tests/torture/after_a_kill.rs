//! Calls of a gate that was killed: whoever knows all about them is still not in them (R12, R23).

use tollgate::sip::{Message, Name};

use super::caller::{Caller, Request, only};
use super::dialogs::{accept, talk};
use super::registrations::at_home;
use super::town::{Town, text};

/// A request inside this call that somebody writes who has read all of it, the gate's own Record-Route too.
pub fn inside(
    sender: &Caller,
    answer: &Message,
    invite: &Request,
    method: &str,
    cseq: u32,
    mark: &str,
) -> Request {
    let tag = answer.to_tag().map(text).unwrap_or_default();
    let target = answer.contacts().flatten().next().map(|contact| contact.uri.to_owned());
    Request {
        method: method.into(),
        uri: target.unwrap_or_default(),
        via: format!("SIP/2.0/UDP {};rport", sender.address()),
        branch: sender.fresh("z9hG4bK"),
        to: format!("{};tag={tag}", invite.to),
        cseq,
        headers: vec![format!("Route: {mark}")],
        ..invite.clone()
    }
}

#[test]
fn a_call_that_was_taken_up_again_is_in_nobody_elses_hands() {
    let mut town = Town::open();
    let talk = talk(&town, "102");
    let mark = talk.came.header(Name::RecordRoute).expect("the gate stays in the path").into_owned();
    town.is_killed_and_started(true);
    for place in ["stranger", "phone_one"] {
        let thief = town.caller(place);
        for method in ["BYE", "INVITE", "UPDATE", "INFO", "REFER"] {
            for backwards in [false, true] {
                let mut request = match backwards {
                    false => talk.request(&thief, method, 9, &town),
                    true => talk.backwards(&thief, method, &town),
                };
                request.headers =
                    vec![format!("Route: {mark}"), town.fill("Refer-To: <sip:09001234567@{gate}>")];
                let answer = only(thief.exchange(&request.bytes()));
                assert_eq!(answer.status(), 481, "{method} from {place}: {}", text(answer.bytes()));
                town.expect_quiet_trunks(method);
            }
        }
    }
    talk.hang_up(&town, 2);
}

#[test]
fn without_the_ledger_a_mark_serves_its_own_call_alone() {
    let mut town = Town::open();
    let (frank, gina) = (town.caller("pbx"), town.caller("phone_one"));
    at_home(&gina, &town, "107");
    let invite = frank.invite("sip:107@{gate}", "106", &town);
    frank.exchange(&invite.bytes());
    accept(&gina, &gina.expect());
    let answer = frank.expect_final();
    assert_eq!(answer.status(), 200);
    let mark = answer.header(Name::RecordRoute).expect("the gate stays in the path").into_owned();
    frank.send(&inside(&frank, &answer, &invite, "ACK", 1, &mark).bytes());
    assert_eq!(gina.expect().method_text(), "ACK");
    town.is_killed_and_started(false);

    let thief = town.caller("stranger");
    let refused = |sender: &Caller, what: &str, request: Request| {
        let heard = only(sender.exchange(&request.bytes()));
        assert_eq!(heard.status(), 481, "{what}: {}", text(heard.bytes()));
    };
    for method in ["BYE", "INFO", "INVITE", "REFER"] {
        refused(&thief, method, inside(&thief, &answer, &invite, method, 9, &mark));
    }
    // In his own hands: another call, another party, a mark that was touched, what no call of an earlier run may do.
    let mut other = inside(&frank, &answer, &invite, "BYE", 9, &mark);
    other.call_id.push('x');
    refused(&frank, "another Call-ID", other);
    let mut other = inside(&frank, &answer, &invite, "BYE", 9, &mark);
    other.from.push('x');
    refused(&frank, "another tag of the caller", other);
    let at = mark.find("tg=").expect("our mark") + "tg=".len() + 20;
    let letter = if mark.as_bytes()[at].eq_ignore_ascii_case(&b'a') { "b" } else { "a" };
    let touched = [&mark[..at], letter, &mark[at + 1..]].concat();
    refused(&frank, "a mark with one letter changed", inside(&frank, &answer, &invite, "BYE", 9, &touched));
    let refer = inside(&frank, &answer, &invite, "REFER", 9, &mark);
    refused(&frank, "REFER", refer.with(&town.fill("Refer-To: <sip:03023125500@{gate}>")));
    assert!(gina.exchange(b"\r\n\r\n").is_empty(), "Gina heard something of it");
    town.expect_quiet_trunks("marks in wrong hands");

    // A good mark leads to Gina, whatever else is written (R13).
    let mut bye = inside(&frank, &answer, &invite, "BYE", 10, &mark);
    bye.uri = town.fill("sip:+499001234567@{trunk_one}");
    bye.headers.push(town.fill("Route: <sip:{trunk_one};lr>"));
    frank.send(&bye.bytes());
    assert_eq!(gina.expect().method_text(), "BYE");
    town.expect_quiet_trunks("a BYE with a Route to a trunk");
}
