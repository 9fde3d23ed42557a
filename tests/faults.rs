//! Faults on the real binary under SIPp load (CALLS R65, R90, R91): kill -9, a full disk, a process that stands still. What SIPp saw is held
//! against the ledger. `TOLLGATE_FAULTS=long` lets it stand still for ten seconds; `TOLLGATE_FAULTS_SEED` repeats a run.
#![allow(clippy::disallowed_methods)] // Real processes need a real clock.

#[path = "faults/books.rs"]
mod books;
#[path = "scenarios/gate.rs"]
#[allow(dead_code, reason = "the scenarios use the rest")]
mod gate;
#[path = "faults/house.rs"]
mod house;
#[path = "scenarios/places.rs"]
mod places;
#[path = "faults/sipp.rs"]
mod sipp;

use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use tollgate::base::Random;

use books::Books;
use house::House;
use sipp::{Talk, Told};

/// What `brief` may talk, by the permit that the house gives her.
const LONGEST: Duration = Duration::from_secs(12);
/// R91: no call outlives its limit by more.
const LATEST: Duration = Duration::from_secs(2);

fn is_long() -> bool {
    std::env::var("TOLLGATE_FAULTS").is_ok_and(|form| form == "long")
}

fn chance() -> Random {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let given = std::env::var("TOLLGATE_FAULTS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or(now.as_micros() as u64);
    println!("TOLLGATE_FAULTS_SEED={seed}");
    Random::from_number(seed)
}

/// Nobody talks on: whoever waits for the end of the permitted time is cut in time.
fn hold_limits(told: &[Told]) {
    for line in told.iter().filter(|line| line.what == "cut") {
        let answered = told.iter().find(|other| other.what == "answered" && other.decision == line.decision);
        let answered = answered.expect("who is cut was answered").at;
        let limit = answered + LONGEST;
        let latest = limit + LATEST;
        assert!(line.at <= latest, "{:?} was cut {:?} late", line.decision, line.at - latest);
        assert!(line.at + Duration::from_millis(500) >= limit, "{:?} was cut early", line.decision);
    }
}

#[test]
fn two_hundred_invites_on_money_for_three_connect_three_over_a_kill() {
    let mut house = House::open();
    let _trunk = house.trunk();
    let first = house.calls("132", Talk::Waits, 200, 1_000);
    sleep(Duration::from_millis(chance().below(250)));
    house.kill_and_restart();
    sleep(Duration::from_secs(5));
    // Those that only rang at the kill are free again: what is left of the money connects others.
    let second = house.calls("132", Talk::Waits, 200, 1_000);
    sleep(Duration::from_secs(5));
    let mut told = first.stop();
    told.extend(second.stop());
    let answered = told.iter().filter(|line| line.what == "answered").count();
    let refused = told.iter().filter(|line| line.what == "refused").count();
    println!(
        "400 INVITEs at once on money for three, killed between: {answered} connected, {refused} refused"
    );
    assert_eq!(answered, 3);
    house.gate.take().expect("a gate").stop().expect("the gate ends well");
    let books = Books::read(&house.database());
    books.hold_together(&house);
    assert!(books.spent("trio") <= 1_800_000, "settled is within the limit");
}

#[test]
fn money_for_twenty_seconds_ends_the_call_in_time_over_a_kill() {
    let mut house = House::open();
    let _trunk = house.trunk();
    let call = house.calls("131", Talk::Waits, 1, 1);
    sleep(Duration::from_secs(9));
    house.kill_and_restart();
    let told = call.finish(Duration::from_secs(60));
    let at = |what: &str| told.iter().find(|line| line.what == what).map(|line| line.at).expect(what);
    let talked = at("cut") - at("answered");
    println!("money for 20 s, killed at second 9: cut after {talked:?}");
    assert!(talked >= Duration::from_millis(18_500) && talked <= Duration::from_millis(20_500), "{talked:?}");
    house.gate.take().expect("a gate").stop().expect("the gate ends well");
    let books = Books::read(&house.database());
    books.hold_together(&house);
    assert!(books.spent("poor") <= 200_000 && books.spent("poor") >= 190_000);
}

#[test]
fn a_process_that_stands_still_goes_on_where_it_was() {
    let still = Duration::from_secs(if is_long() { 10 } else { 3 });
    let mut house = House::open();
    let _trunk = house.trunk();
    let calls = house.calls("102", Talk::HangsUp, 40, 8);
    let waits = house.calls("130", Talk::Waits, 2, 2);
    sleep(Duration::from_secs(2));
    let gate = house.gate.as_ref().expect("a gate");
    gate.signal("STOP").expect("a signal");
    sleep(still);
    gate.signal("CONT").expect("a signal");
    let mut told = calls.finish(Duration::from_secs(60));
    told.extend(waits.finish(Duration::from_secs(60)));
    house.gate.take().expect("a gate").stop().expect("the gate ends well");
    let books = Books::read(&house.database());
    books.hold_together(&house);
    books.hold_against(&told);
    hold_limits(&told);
    let answered = told.iter().filter(|line| line.what == "answered").count();
    println!("stood still for {still:?}: {answered} of 42 calls answered");
    assert!(answered >= 40, "those that rang meanwhile were answered after");
}

#[test]
fn a_full_disk_stops_what_costs_and_nothing_else() {
    let mut house = House::open();
    let _trunk = house.trunk();
    let talk = house.calls("130", Talk::Waits, 1, 1);
    sleep(Duration::from_secs(2));
    house.fill_the_disk();
    let refused = house.calls("102", Talk::HangsUp, 5, 5).finish(Duration::from_secs(60));
    let help = house.emergency_calls(3).finish(Duration::from_secs(60));
    let count = |told: &[Told], what: &str| told.iter().filter(|line| line.what == what).count();
    assert_eq!((count(&refused, "refused"), count(&refused, "answered")), (5, 0), "no money, no call");
    assert_eq!(count(&help, "answered"), 3, "R41");
    // It ends while nothing can be written.
    let mut told = talk.finish(Duration::from_secs(60));
    house.empty_the_disk();
    let end = Instant::now() + Duration::from_secs(30);
    let mut after = Vec::new();
    while Instant::now() < end && count(&after, "answered") == 0 {
        after.extend(house.calls("102", Talk::HangsUp, 1, 1).finish(Duration::from_secs(60)));
    }
    assert!(count(&after, "answered") > 0, "calls that cost are taken again");
    told.extend(after);
    house.gate.take().expect("a gate").stop().expect("the gate ends well");
    let books = Books::read(&house.database());
    books.hold_together(&house);
    books.hold_against(&told);
    hold_limits(&told);
    println!(
        "full disk: 5 calls refused, 3 emergencies answered, a call in progress settled when there was room"
    );
}
