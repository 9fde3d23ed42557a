//! Faults on the real binary under SIPp load (CALLS R65, R90, R91): kill -9 at any moment, a full disk, a process that stands still. What SIPp
//! saw is held against the ledger. `TOLLGATE_FAULTS=long` makes it a thousand calls and twenty kills, money for 90 s, ten seconds of standstill;
//! `TOLLGATE_FAULTS_SEED` repeats a run.
#![allow(clippy::disallowed_methods)] // Real processes need a real clock.

#[path = "faults/books.rs"]
mod books;
#[path = "scenarios/gate.rs"]
#[allow(dead_code, reason = "the scenarios use the rest")]
mod gate;
#[path = "faults/hostile.rs"]
mod hostile;
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
use hostile::{Attempt, MANNERS, Manner, Peer, Seen};
use house::{HOSTILE, House};
use sipp::{Talk, Told};

/// What `brief` may talk, by the permit that the house gives her.
const LONGEST: Duration = Duration::from_secs(12);
/// The longest outage, and what a callee lets pass before it repeats its answer (RFC 3261 §13.3.1.4).
const LATE_ANSWER: Duration = Duration::from_secs(6);
/// R91: no call outlives its limit by more, counted from the restart if the limit fell into an outage.
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

/// From the kill to the new gate's readiness, by the wall clock, which SIPp's log has too.
struct Outage {
    from: Duration,
    until: Duration,
}

/// The long form is what docs/reliability.md tells of; the short one runs every time.
#[test]
fn kill_9_at_random_moments_loses_and_doubles_nothing() {
    let (calls, kills, rate) = if is_long() { (1_000, 20, 8) } else { (100, 4, 7) };
    let mut random = chance();
    let mut house = House::open();
    let _trunk = house.trunk();
    let hang_up = house.calls("102", Talk::HangsUp, calls * 4 / 5, rate);
    let wait = house.calls("130", Talk::Waits, calls / 5, rate / 3);
    let mut outages = Vec::new();
    for _ in 0..kills {
        sleep(Duration::from_millis(1_500 + random.below(4_500)));
        let from = sipp::wall_clock();
        house.kill_and_restart();
        outages.push(Outage { from, until: sipp::wall_clock() });
    }
    let mut told = hang_up.finish(Duration::from_secs(240));
    told.extend(wait.finish(Duration::from_secs(120)));
    house.gate.take().expect("a gate").stop().expect("the gate ends well");
    let books = Books::read(&house.database());
    books.hold_together(&house);
    books.hold_against(&told);
    books.hold_each(House::dialled(1, calls * 4 / 5).chain(House::dialled(2, calls / 5)));
    hold_limits(&books, &told, &outages);
    let count = |what: &str| told.iter().filter(|line| line.what == what).count();
    let longest = outages.iter().map(|outage| outage.until - outage.from).max().unwrap_or_default();
    println!(
        "{calls} calls, {kills} kills, longest outage {} ms: {} answered, {} hung up, {} cut at their limit, {} refused, {} rang at a kill, \
         {} of those who hung up heard that their end was gone, {} heard nothing, {} rows answered that SIPp did not see",
        longest.as_millis(),
        count("answered"),
        count("hung-up"),
        count("cut"),
        count("refused"),
        count("unanswered"),
        count("orphan"),
        count("unheard"),
        books.unseen(&told),
    );
    assert_eq!(
        count("answered") + count("refused") + count("unanswered"),
        calls as usize,
        "every call has its outcome"
    );
    assert_eq!(count("hung-up") + count("cut"), count("answered"), "and every one that was answered its end");
    assert!(count("answered") * 10 > calls as usize * 8, "most calls are answered all the same");
}

/// Nobody talks on: whoever waits for the end of the permitted time is cut in time. It counts from what the ledger calls the answer: one that
/// a kill kept from its caller reaches her when it is repeated.
fn hold_limits(books: &Books, told: &[Told], outages: &[Outage]) {
    for line in told.iter().filter(|line| line.what == "cut") {
        let heard = told.iter().find(|other| other.what == "answered" && other.decision == line.decision);
        let heard = heard.expect("who is cut was answered").at;
        let answered = books.answered_at(&line.decision).expect("its row says so");
        assert!(
            answered <= heard && heard <= answered + LATE_ANSWER,
            "{line:?} was answered {answered:?}, and heard so {heard:?}"
        );
        let limit = answered + LONGEST;
        let outage = outages.iter().find(|outage| outage.from <= limit && limit <= outage.until);
        let latest = outage.map_or(limit, |outage| outage.until) + LATEST;
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

/// Each manner at either end, all calls at once, each with money of its own: once without and once with a kill in the middle.
#[test]
fn money_ends_calls_in_time_however_their_ends_take_it() {
    let money = if is_long() { 90 } else { 12 };
    for is_killed in [false, true] {
        let mut house = House::open_with(money);
        let refresh = Duration::from_secs(if is_long() { 10 } else { 2 });
        let gate = house.place("gate");
        let callee = Peer::callee(house.place("trunk_one"), gate, refresh);
        let attempts = (0..HOSTILE).map(|at| {
            let manner = MANNERS[at as usize / 2];
            // Either its caller or its callee is as bad as that.
            let (caller, callee) = if at % 2 == 0 { (manner, 0) } else { (Manner::Obeys, at / 2) };
            let id = format!("{at}-{manner:?}-{}", if at % 2 == 0 { "caller" } else { "callee" });
            Attempt {
                id,
                caller: (140 + at).to_string(),
                number: format!("0302312560{callee}"),
                manner: caller,
            }
        });
        let callers = Peer::callers(house.place("pbx"), gate, refresh, attempts.collect());
        sleep(Duration::from_secs(u64::from(money) / 2));
        if is_killed {
            house.kill_and_restart();
        }
        // The last of an end that never answers is Timer F's, after 32 s; what is asked for here is the first.
        sleep(Duration::from_secs(u64::from(money) / 2 + 4));
        let (callers, callees) = (callers.stop(), callee.stop());
        house.gate.take().expect("a gate").stop().expect("the gate ends well");
        let words = if is_killed { "killed in the middle" } else { "not killed" };
        assert_eq!((callers.len(), callees.len()), (HOSTILE as usize, HOSTILE as usize), "{words}");
        let mut rows: Vec<(&String, &Seen)> = callers.iter().collect();
        rows.sort_by_key(|(id, _)| *id);
        for (id, caller) in rows {
            let callee = &callees[id];
            let stood = caller.stood.unwrap_or_else(|| panic!("{id}: {caller:?}"));
            let talked = [caller, callee].map(|end| end.ended.map(|ended| ended - stood));
            println!(
                "{money} s of money, {words}, {id}: {talked:.2?}, BYEs {} and {}",
                caller.byes, callee.byes
            );
            for talked in talked {
                let talked = talked.unwrap_or_else(|| panic!("{id}: no BYE"));
                let (least, most) = (f64::from(money) - 2.0, f64::from(money));
                assert!((least..=most).contains(&talked.as_secs_f64()), "{id}: {talked:?}");
            }
            if id.contains("Refreshes") {
                assert!(caller.refreshed + callee.refreshed > 2, "{id}: {caller:?} {callee:?}");
            }
        }
        let books = Books::read(&house.database());
        books.hold_together(&house);
        for at in 0..HOSTILE {
            let spent = books.spent(&format!("hostile{at}"));
            assert!(
                spent <= i64::from(money) * 10_000 && spent >= i64::from(money - 2) * 10_000,
                "{at}: {spent}"
            );
        }
    }
}

#[test]
fn who_hung_up_while_no_gate_was_there_is_asked_and_billed_to_the_kill() {
    let mut house = House::open_with(40);
    let gate = house.place("gate");
    let callee = Peer::callee(house.place("trunk_one"), gate, Duration::from_secs(2));
    let (id, number) = ("gone".to_owned(), "03023125600".to_owned());
    let attempt = Attempt { id: id.clone(), caller: "140".into(), number, manner: Manner::IsGone };
    let callers = Peer::callers(house.place("pbx"), gate, Duration::from_secs(2), vec![attempt]);
    sleep(Duration::from_secs(4));
    drop(house.gate.take());
    sleep(Duration::from_secs(5));
    house.start();
    sleep(Duration::from_secs(8));
    let (callers, callees) = (callers.stop(), callee.stop());
    house.gate.take().expect("a gate").stop().expect("the gate ends well");
    let (stood, ended) =
        (callers[&id].stood.expect("a call"), callees[&id].ended.expect("a BYE to who is left"));
    let books = Books::read(&house.database());
    books.hold_together(&house);
    let spent = books.spent("hostile0");
    println!(
        "gone at second 4, gate back at second 9: ended after {:?}, {spent} of 400000 billed",
        ended - stood
    );
    assert!(spent <= 50_000, "no more than until the kill: {spent}");
}

/// `[stop]`: what an administrator does who upgrades, and one who empties the house first.
#[test]
fn sigterm_leaves_calls_to_the_next_start_or_waits_for_them() {
    let mut house = House::open();
    let _trunk = house.trunk();
    house.stops_with("0s", "leave");
    drop(house.gate.take());
    house.start();
    let call = house.calls("131", Talk::Waits, 1, 1);
    sleep(Duration::from_secs(4));
    let begun = Instant::now();
    house.gate.take().expect("a gate").stop().expect("the gate ends well");
    assert!(begun.elapsed() < Duration::from_secs(4), "it waits for nobody: {:?}", begun.elapsed());
    assert!(house.log().contains("the next start takes them up"), "{}", house.log());
    sleep(Duration::from_secs(2));
    house.stops_with("60s", "end");
    house.start();
    let told = call.finish(Duration::from_secs(60));
    let at = |what: &str| told.iter().find(|line| line.what == what).map(|line| line.at).expect(what);
    let talked = at("cut") - at("answered");
    println!("money for 20 s, stopped at second 4, started at second 6: cut after {talked:?}");
    assert!(talked >= Duration::from_millis(18_500) && talked <= Duration::from_millis(20_500), "{talked:?}");

    // Now it waits: one talks to her own end, new ones are refused, help is called for.
    let talk = house.calls("130", Talk::Waits, 1, 1);
    sleep(Duration::from_secs(3));
    let gate = house.gate.take().expect("a gate");
    let begun = Instant::now();
    gate.signal("TERM").expect("a signal");
    sleep(Duration::from_millis(500));
    assert!(!gate.get("/readyz").is_some_and(|answer| answer.starts_with("HTTP/1.1 200")));
    let refused = house.calls("102", Talk::HangsUp, 2, 2).finish(Duration::from_secs(30));
    let help = house.emergency_calls(1).finish(Duration::from_secs(30));
    gate.await_end(Duration::from_secs(40)).expect("the gate ends well");
    let waited = begun.elapsed();
    let told = talk.finish(Duration::from_secs(30));
    let count = |told: &[Told], what: &str| told.iter().filter(|line| line.what == what).count();
    assert_eq!((count(&refused, "refused"), count(&refused, "answered")), (2, 0), "no new calls");
    assert_eq!(count(&help, "answered"), 1, "R41");
    assert_eq!(count(&told, "cut"), 1, "{told:?}");
    hold_limits(&Books::read(&house.database()), &told, &[]);
    println!("waited {waited:?} for the last call");
    assert!(waited < Duration::from_secs(30), "no longer than for the last call: {waited:?}");
    assert!(house.log().contains("stopping: calls in progress may end"), "{}", house.log());

    // Whoever asks twice is in a hurry: what is left is ended and written.
    house.start();
    let talk = house.calls("130", Talk::Waits, 1, 1);
    sleep(Duration::from_secs(2));
    let gate = house.gate.take().expect("a gate");
    gate.signal("TERM").expect("a signal");
    sleep(Duration::from_millis(500));
    let begun = Instant::now();
    gate.stop().expect("the gate ends well");
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    assert_eq!(count(&talk.finish(Duration::from_secs(30)), "cut"), 1, "BYE to both ends");
    Books::read(&house.database()).hold_together(&house);
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
    hold_limits(&books, &told, &[]);
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
    // The daybook writes over what is posted for as long as the tables take it: a second, and the ledger is known to be full.
    let before = house.calls("102", Talk::HangsUp, 1, 1).finish(Duration::from_secs(60));
    sleep(Duration::from_secs(2));
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
    told.extend(before);
    told.extend(after);
    house.gate.take().expect("a gate").stop().expect("the gate ends well");
    let books = Books::read(&house.database());
    books.hold_together(&house);
    books.hold_against(&told);
    hold_limits(&books, &told, &[]);
    println!(
        "full disk: 5 calls refused, 3 emergencies answered, a call in progress settled when there was room"
    );
}
