//! A right password in the hands of a thief of calls (R2): the class is locked, and nothing else (R41).

use std::thread::sleep;
use std::time::Duration;

use super::caller::{Caller, Request, only};
use super::dialogs::talk;
use super::town::Town;

const LOCKED: &str = "tollgate_verdicts_total reason=\"fraud_lock\"";
const END_OF_POLICY: &str = "[departments.Office]";

/// A town that watches for this alone; beyond the stated limits those of the shipped rules hold.
fn watched(limits: &str) -> Town {
    let rule = format!("[fraud]\n{limits}\n\n{END_OF_POLICY}");
    Town::open_where(&[("policy.toml", END_OF_POLICY, &rule)])
}

/// What becomes of a call: that of a trunk that says it is busy, or a refusal by the gate.
fn call(town: &Town, caller: &Caller, invite: &Request) -> u16 {
    let heard = caller.exchange(&invite.bytes());
    settle(town, caller, invite, heard.iter().map(|message| message.status()).max())
}

fn settle(town: &Town, caller: &Caller, invite: &Request, heard: Option<u16>) -> u16 {
    if let Some(status) = heard.filter(|status| *status >= 200) {
        town.expect_quiet_trunks(&invite.uri);
        return status;
    }
    let came = town.one.expect_method("INVITE");
    town.one.answer(&came, 486, "trunk");
    let answer = caller.expect_final();
    caller.acknowledge(&invite.bytes(), &answer);
    town.one.expect_method("ACK");
    answer.status()
}

/// Bob, who may call anybody, calls from behind the telephone system.
fn bob(town: &Town, number: &str) -> u16 {
    let bob = town.caller("pbx");
    let invite = bob.invite(&format!("sip:{number}@{{gate}}"), "102", town);
    call(town, &bob, &invite)
}

fn expect_locked(town: &Town, number: &str) {
    let before = town.counted(LOCKED);
    assert_eq!(bob(town, number), 403, "{number}");
    assert!(town.counted(LOCKED) > before, "{number} is refused for another reason");
}

#[test]
fn too_many_stolen_calls_at_once_are_one_too_many() {
    let town = watched("calls_at_once = 2");
    let bob = town.caller("pbx");
    let ringing = ["0012025550111", "0012125550122"].map(|number| {
        let invite = bob.invite(&format!("sip:{number}@{{gate}}"), "102", &town);
        bob.exchange(&invite.bytes());
        let came = town.one.expect_method("INVITE");
        town.one.answer(&came, 180, "trunk");
        assert_eq!(bob.expect().status(), 180);
        came
    });
    expect_locked(&town, "0013055550133");
    for came in ringing {
        town.one.answer(&came, 486, "trunk");
        town.one.expect_method("ACK");
    }
    expect_locked(&town, "0013055550133");
    town.expect_honest_call("three stolen calls at once");
}

#[test]
fn stolen_calls_that_end_at_once_are_seen_when_they_end() {
    let town = watched("short_calls = 2\nshort = \"1m\"");
    for number in ["0012025550111", "0012125550122"] {
        let bob = town.caller("pbx");
        let invite = bob.invite(&format!("sip:{number}@{{gate}}"), "102", &town);
        bob.exchange(&invite.bytes());
        town.one.answer(&town.one.expect_method("INVITE"), 200, "trunk");
        assert_eq!(bob.expect_final().status(), 200);
        let inside = |method: &str, cseq: u32| Request {
            method: method.into(),
            uri: format!("sip:{}", town.one.address()),
            branch: bob.fresh("z9hG4bK"),
            to: format!("{};tag=trunk", invite.to),
            cseq,
            headers: vec![town.fill("Route: <sip:{gate};lr>")],
            ..invite.clone()
        };
        bob.send(&inside("ACK", 1).bytes());
        town.one.expect_method("ACK");
        bob.send(&inside("BYE", 2).bytes());
        town.one.answer(&town.one.expect_method("BYE"), 200, "");
        assert_eq!(bob.expect_final().status(), 200);
    }
    expect_locked(&town, "0013055550133");
    town.expect_honest_call("two calls of a second");
}

/// The first three cannot be read, the fourth could be called: what was tried before tells what it is.
#[test]
fn whoever_tries_prefixes_is_locked_before_one_gets_out() {
    let town = watched("spellings = 3");
    for number in ["90012025550123", "000012025550123", "81012025550123"] {
        assert_eq!(bob(&town, number), 403, "{number}");
    }
    assert_eq!(town.counted(LOCKED), 0, "nothing can be locked before it is known what is called");
    expect_locked(&town, "0012025550123");
    town.expect_honest_call("prefixes");
}

#[test]
fn an_expensive_call_from_a_strange_phone_is_suspect() {
    let town = watched("expensive = \"1.00\"");
    let call = |place: &str, agent: &str| {
        let phone = town.caller(place);
        let mut invite = phone.invite("sip:0012025550123@{gate}", "102", &town);
        invite.headers.push(format!("User-Agent: {agent}"));
        let heard = phone.prove(&mut invite, "102", "password-102");
        settle(&town, &phone, &invite, heard.iter().map(|message| message.status()).max())
    };
    assert_eq!(call("phone_one", "Desk/1.0"), 486, "the phone that she always had");
    assert_eq!(call("phone_two", "Desk/1.1 (new)"), 486, "the same after an update, on the next table");
    assert_eq!(call("phone_one", "Evil/1.0"), 403, "her password in another kind of phone");
    assert_eq!(town.counted(LOCKED), 1);
    town.expect_honest_call("a strange phone");
}

/// Whatever the clock says while this runs: nobody here has worked since 2001.
#[test]
#[allow(clippy::disallowed_methods)] // The gate reads in its own time what was called before; no call waits for that.
fn a_first_call_to_a_country_is_not_made_while_nobody_works() {
    let rule = format!("[fraud]\nworking_hours = \"2001 Jan 01 10:00-11:00\"\n\n{END_OF_POLICY}");
    let town = Town::open_where(&[
        ("policy.toml", END_OF_POLICY, &rule),
        ("tariff.csv", "1,USA", "33,France,1.2000,,60,60,2020-01-01\n1,USA"),
    ]);
    sleep(Duration::from_secs(1));
    assert_eq!(bob(&town, "0012025550123"), 486, "a house that never called anywhere has no habits");
    assert_eq!(bob(&town, "0012025550199"), 486, "there somebody has called before");
    expect_locked(&town, "0033142685300");
    town.expect_honest_call("a first call to a country");
}

/// Who is locked can still call for help, and whom she always calls.
#[test]
fn a_thiefs_lock_keeps_nobody_from_calling_for_help() {
    let town = watched("neighbours = 3");
    assert_eq!((bob(&town, "0012025550101"), bob(&town, "0012025550102")), (486, 486));
    expect_locked(&town, "0012025550103");
    let caller = town.caller("pbx");
    let invite = caller.invite("sip:112@{gate}", "102", &town);
    assert!(caller.exchange(&invite.bytes()).iter().all(|message| message.status() < 200));
    let came = town.two.expect_method("INVITE");
    assert_eq!(came.request_uri(), town.fill("sip:112@{trunk_two}"));
    for trunk in [&town.two, &town.one] {
        let came =
            if trunk.address() == town.two.address() { came.clone() } else { trunk.expect_method("INVITE") };
        trunk.answer(&came, 486, "trunk");
        trunk.expect_method("ACK");
    }
    caller.acknowledge(&invite.bytes(), &caller.expect_final());
    // Another class, by herself, to its end.
    talk(&town, "102").hang_up(&town, 2);
    // And another person is asked for no more than her password.
    let phone = town.caller("phone_one");
    let carol = phone.invite("sip:0012025550104@{gate}", "103", &town);
    assert_eq!(only(phone.exchange(&carol.bytes())).status(), 407);
    expect_locked(&town, "0012025550199");
    town.expect_honest_call("a lock");
}
