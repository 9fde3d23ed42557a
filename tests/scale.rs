//! A company of a million contacts, ten thousand people and a hundred thousand prices: the real gate stays small with it, and takes
//! another million over while calls come in. `cargo bench --bench scale` measures how fast a release build is.
#![allow(clippy::disallowed_methods)] // Real sockets and processes need a real clock.

#[path = "../benches/scale/crowd.rs"]
#[allow(dead_code, reason = "shared with the bench, which uses the rest")]
mod crowd;
#[path = "scenarios/gate.rs"]
#[allow(dead_code, reason = "shared with the scenarios, which use the rest")]
mod gate;
#[path = "scenarios/places.rs"]
mod places;
#[path = "scale/sipp.rs"]
mod sipp;

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;

use crowd::LARGE;
use gate::Gate;
use places::Places;
use sipp::Sipp;

const MEMORY_MOST: u64 = 300_000_000;

/// A debug build on a busy machine needs about a quarter of this.
const RELOAD_PATIENCE: Duration = Duration::from_secs(120);

/// Load before the change and after it.
const ALONGSIDE: Duration = Duration::from_secs(3);

#[test]
fn another_million_contacts_are_taken_over_and_no_call_is_lost() {
    let scratch = TempDir::with_prefix("tollgate-scale-").expect("a scratch folder can be made");
    let folder = scratch.path();
    let places = Places::free();
    let company = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp-scenarios/company");
    gate::write_company(folder, &company, &places, "500ms").expect("the company's files");
    LARGE.join(folder).expect("the crowd's files");
    let begun = Instant::now();
    let gate =
        Gate::launch(folder, &places).unwrap_or_else(|fault| panic!("{fault}\n{}", Gate::log_tail(folder)));
    let (started, (peak, resident)) = (begun.elapsed(), gate.memory());
    println!("ready after {started:?}, {peak} bytes at most, {resident} at rest");
    assert!(peak < MEMORY_MOST, "{peak} bytes at the peak of the start");

    let next = folder.join("next.csv");
    LARGE.write_contacts(&next).expect("another million");
    let trunk = Sipp::start(folder, "trunk", &places, "trunk_one", "answers", &[]);
    let words = ["-key", "caller", "102", "-key", "to", "sip:03023125500@company.example", "-r", "50"];
    let caller = Sipp::start(folder, "caller", &places, "pbx", "caller", &words);
    sleep(ALONGSIDE);
    fs::rename(&next, folder.join("contacts.csv")).expect("one file takes the other's place");
    let begun = Instant::now();
    await_reload(&gate, folder);
    println!("in force after {:?}", begun.elapsed());
    sleep(ALONGSIDE);
    let calls = caller.finish();
    drop(trunk);

    let (peak, resident) = gate.memory();
    println!("{calls:?}; {peak} bytes at most, {resident} at rest");
    assert!(peak < MEMORY_MOST, "{peak} bytes at the peak of the change");
    assert_eq!(calls.failed, 0, "{calls:?}\n{}", Gate::log_tail(folder));
    assert!(calls.good >= 300, "{calls:?}");
    // Half a second without a word has a message sent again. Other tests on this machine may cause one; a gate that stands still while
    // it reloads would cause one for each call of that time.
    assert!(calls.sent_again <= calls.good / 100, "{calls:?}");
    let database = gate.database();
    gate.stop().expect("the gate ends well");
    assert_eq!(answered(&database), calls.good, "each call has its record");
}

fn await_reload(gate: &Gate, folder: &Path) {
    let end = Instant::now() + RELOAD_PATIENCE;
    let line = "tollgate_reloads_total{outcome=\"accepted\"} 1";
    while !gate.get("/metrics").is_some_and(|page| page.lines().any(|shown| shown == line)) {
        assert!(Instant::now() < end, "not taken over\n{}", Gate::log_tail(folder));
        sleep(Duration::from_millis(100));
    }
}

fn answered(database: &Path) -> u64 {
    let ledger = Connection::open(database).expect("the ledger opens");
    let count = "SELECT count(*) FROM call_record WHERE answer IS NOT NULL AND end_cause = 'caller_hung_up'";
    let count: i64 = ledger.query_row(count, [], |row| row.get(0)).expect("call records can be read");
    u64::try_from(count).expect("a count")
}
