//! Toll fraud: who calls as a thief does finds the class locked, and nothing else (CALLS R2).

use std::time::Duration;

use tollgate::base::{Moment, Money, Now};
use tollgate::gate::{Event, FraudLock};
use tollgate::policy::document::FraudRule;
use tollgate::policy::{Class, Country, Signal};

use crate::world::{Company, World, plays_in};

fn watched(change: impl FnOnce(&mut FraudRule)) -> Company {
    Company::new().with(|company| change(&mut company.document.fraud))
}

fn locks(world: &World) -> Vec<(&str, Class, Signal)> {
    let locks = world.events.iter().filter_map(|event| match event {
        Event::FraudLocked(FraudLock { person, class, signal, .. }) => Some((&**person, *class, *signal)),
        _ => None,
    });
    locks.collect()
}

/// Carol calls a number that is busy, at this second.
fn busy(second: u64, number: &str) -> String {
    let at = second * 1000;
    format!(
        "
        {at} carol  > INVITE {number}
        {at} carol  < 100
        {at} ledger < reserve 1.20
        {} main   < INVITE
        {} main   > 486
        {} main   < ACK
        {} carol  < 486
        {} ledger < release declined
        ",
        at + 4,
        at + 20,
        at + 20,
        at + 20,
        at + 20,
    )
}

/// Carol's class is locked, and her phone says until when.
fn locked(second: u64, number: &str, until: &str) -> String {
    format!(
        "
        {second}s carol  > INVITE {number}
        {second}s carol  < 403 reason='Locked, ask the administrator, ends 2 Mar {until}'
        {second}s ledger < record fraud_lock
        "
    )
}

#[test]
fn a_run_of_neighbours_locks_the_class_for_a_while_and_nothing_else() {
    let table = [
        busy(0, "0033142685300"),
        busy(1, "0033142685301"),
        locked(2, "0033142685302", "10:01"),
        locked(3, "0033199999999", "10:01"),
        // Another class, another person, and an emergency.
        "
         4s carol  > INVITE 03023125500
         4s carol  < 100
         4s ledger < reserve 0.60
       4004 main   < INVITE
       4020 main   > 486
       4020 main   < ACK
       4020 carol  < 486
       4020 ledger < release declined
         5s carol  > INVITE 112
         5s carol  < 100
         5s main   < INVITE
       5020 main   > 486
       5020 main   < ACK
       5020 backup < INVITE
       5040 backup > 486
       5040 backup < ACK
       5040 carol  < 503
       5040 ledger < record failed
        "
        .to_owned(),
        busy(70, "0033142685302"),
    ];
    let company = watched(|rule| (rule.neighbours, rule.lock) = (3, Duration::from_secs(60)));
    let world = plays_in(company, &table.concat());
    assert_eq!(locks(&world), [("carol", Class::International, Signal::Neighbours)]);
}

#[test]
fn refused_attempts_count_as_well() {
    // Alice may not call abroad at all: nothing leaves, and her guesses are seen all the same.
    let refused = |second: u64, number: &str, reason: &str| {
        format!(
            "
            {second}s alice  > INVITE {number}
            {second}s alice  < 403
            {second}s ledger < record {reason}
            "
        )
    };
    let table = [
        refused(0, "0033142685300", "not_permitted"),
        refused(1, "90033142685300", "unknown_number"),
        refused(2, "0000033142685300", "unknown_number"),
        refused(3, "0033142685300", "not_permitted"),
    ];
    let world = plays_in(watched(|rule| rule.spellings = 3), &table.concat());
    assert_eq!(locks(&world), [("alice", Class::International, Signal::Spellings)]);
}

#[test]
fn too_many_calls_at_once_are_one_too_many() {
    let talk = |second: u64, number: &str| {
        let at = second * 1000;
        format!(
            "
            {at} carol  > INVITE {number}
            {at} carol  < 100
            {at} ledger < reserve 1.20
            {} main   < INVITE
            {} main   > 180
            {} carol  < 180
            ",
            at + 4,
            at + 20,
            at + 20,
        )
    };
    let table = [talk(0, "0033142685311"), talk(1, "0033242685322"), locked(2, "0033342685333", "11:00")];
    let company = watched(|rule| rule.calls_at_once = 2);
    let mut world = World::new(&company);
    world.begins(&table.concat());
    assert_eq!(locks(&world), [("carol", Class::International, Signal::CallsAtOnce)]);
}

#[test]
fn short_calls_one_after_another_are_seen_when_they_end() {
    let short = |call: u64, number: &str| {
        let at = call * 10_000;
        format!(
            "
            {at} carol  > INVITE {number} call={call}
            {at} carol  < 100
            {at} ledger < reserve 1.20
            {} main   < INVITE
            {} main   > 200
            {} carol  < 200
            {} carol  > ACK call={call}
            {} main   < ACK
            {} carol  > BYE call={call}
            {} main   < BYE
            {} ledger < settle 1.20 caller_hung_up
            {} main   > 200
            {} carol  < 200 BYE
            ",
            at + 4,
            at + 20,
            at + 20,
            at + 30,
            at + 30,
            at + 3000,
            at + 3000,
            at + 3000,
            at + 3010,
            at + 3010,
        )
    };
    let table = [short(1, "0033142685311"), short(2, "0033242685322"), locked(30, "0033342685333", "11:00")];
    let world = plays_in(watched(|rule| rule.short_calls = 2), &table.concat());
    assert_eq!(locks(&world), [("carol", Class::International, Signal::ShortCalls)]);
}

#[test]
fn an_expensive_call_from_a_new_kind_of_phone_is_suspect() {
    let company = watched(|rule| rule.expensive = Money::from_micros(1_000_000));
    let table = [
        busy(0, "0033142685311"),
        // Her password in another kind of phone.
        "
          1s carol  > INVITE 0033142685311 User-Agent=pplsip
          1s carol  < 403
          1s ledger < record fraud_lock
        "
        .to_owned(),
    ];
    let world = plays_in(company, &table.concat());
    assert_eq!(locks(&world), [("carol", Class::International, Signal::NewSource)]);
}

#[test]
fn the_first_call_to_a_country_is_not_made_at_night() {
    // It is ten in the morning; nobody works here before eleven.
    let night = |called: &[&str]| {
        let company = watched(|rule| rule.working_hours = "Mo-Fr 11:00-17:00".into());
        let mut world = World::new(&company);
        let called = called.iter().filter_map(|code| Country::from_code(code));
        world.gate.remember_countries(called.collect::<Vec<_>>());
        world
    };
    let mut world = night(&["PL"]);
    world.plays(&locked(0, "0033142685311", "11:00"));
    assert_eq!(locks(&world), [("carol", Class::International, Signal::NewCountry)]);
    for known in [&["PL", "FR"][..], &[]] {
        let mut world = night(known);
        world.plays(&busy(0, "0033142685311"));
        assert_eq!(locks(&world), [], "known: {known:?}");
    }
}

#[test]
fn at_work_the_first_call_to_a_country_is_a_call_like_any_other() {
    let mut world = World::new(&watched(|_| {}));
    world.gate.remember_countries(Country::from_code("PL"));
    world.plays(&busy(0, "0033142685311"));
    assert_eq!(locks(&world), []);
}

#[test]
fn a_restart_lifts_no_lock_and_makes_none_longer() {
    let company = watched(|rule| (rule.neighbours, rule.lock) = (3, Duration::from_secs(60)));
    let mut world = World::new(&company);
    world.begins(
        &[
            busy(0, "0033142685300"),
            busy(1, "0033142685301"),
            locked(2, "0033142685302", "10:01"),
            // Nothing may be under way when the gate goes down.
            "50s lobby > OPTIONS sip:house.example\n50s lobby < 200 OPTIONS\n".to_owned(),
        ]
        .concat(),
    );
    world.restarts(&company);
    // The nonces of the earlier run are worth nothing.
    let challenged = "54s carol > INVITE 0033199999999\n54s carol < 407\n".to_owned();
    world.plays(&[challenged, locked(55, "0033199999999", "10:01"), busy(70, "0033142685302")].concat());
    assert_eq!(locks(&world), [("carol", Class::International, Signal::Neighbours)], "it is the old lock");
}

#[test]
fn a_lock_of_an_earlier_run_is_held_to_what_holds_now() {
    // The clock was put back, or `lock` was shortened; and one person has left.
    let company = watched(|rule| rule.lock = Duration::from_secs(60));
    let mut world = World::new(&company);
    let lock = |person: &str, until: &str| FraudLock {
        person: person.into(),
        class: Class::International,
        signal: Signal::Attempts,
        until: until.parse().expect("an instant"),
    };
    let earlier = [lock("carol", "2026-03-09T09:00:00Z"), lock("nobody", "2026-03-02T09:00:30Z")];
    let now = Now::new(Moment::START, "2026-03-02T09:00:00Z".parse().expect("an instant"));
    assert_eq!(world.gate.restore_fraud_locks(now, earlier), 1);
    world.plays(&[locked(30, "0033199999999", "10:01"), busy(61, "0033142685302")].concat());
}
