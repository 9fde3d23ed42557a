//! A large company: `cargo bench --bench scale` prints how long the real gate takes to start with it, how much memory it takes, and how
//! long a decision takes. Fails where a promise is not kept.
#![allow(clippy::disallowed_methods)] // Spans are measured by a real clock.

#[path = "scale/crowd.rs"]
#[allow(dead_code, reason = "shared with the tests, which use the rest")]
mod crowd;
#[path = "../tests/scenarios/gate.rs"]
#[allow(dead_code, reason = "shared with the tests, which use the rest")]
mod gate;
#[path = "../tests/scenarios/places.rs"]
#[allow(dead_code, reason = "shared with the tests, which use the rest")]
mod places;

use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chrono::{TimeZone, Utc};
use crowd::LARGE;
use gate::Gate;
use places::Places;
use tempfile::TempDir;
use tollgate::base::number::Dialled;
use tollgate::policy::{Attempt, By, Caller, Policy, Target, decide};

const START_MOST: Duration = Duration::from_secs(10);
const MEMORY_MOST: u64 = 300_000_000;
const DECIDE_MEDIAN_MOST: Duration = Duration::from_micros(5);
const DECISIONS: u64 = 200_000;

fn main() -> ExitCode {
    let scratch = TempDir::with_prefix("tollgate-scale-").expect("a scratch folder can be made");
    let places = Places::free();
    let company = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp-scenarios/company");
    gate::write_company(scratch.path(), &company, &places, "500ms").expect("the company's files");
    LARGE.join(scratch.path()).expect("the crowd's files");
    println!("{LARGE:?}");

    let begun = Instant::now();
    let gate = Gate::launch(scratch.path(), &places).expect("the gate starts");
    let start = begun.elapsed();
    let (peak, resident) = gate.memory();
    gate.stop().expect("the gate ends well");
    let spans = decisions(scratch.path());
    let of = |per_mille: usize| spans[(spans.len() - 1) * per_mille / 1000];

    let kept = [
        row("start until ready", format!("{:.2} s", start.as_secs_f64()), start < START_MOST, "10 s"),
        row("memory, peak", megabytes(peak), peak < MEMORY_MOST, "300 MB"),
        row("memory, at rest", megabytes(resident), resident < MEMORY_MOST, "300 MB"),
        row("decide, median", format!("{:?}", of(500)), of(500) < DECIDE_MEDIAN_MOST, "5 µs"),
        row("decide, 99 %", format!("{:?}", of(990)), true, "-"),
    ];
    if kept.into_iter().all(|kept| kept) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn row(what: &str, figure: String, kept: bool, most: &str) -> bool {
    println!("{what:<20}{figure:>14}   at most {most}{}", if kept { "" } else { "   NOT KEPT" });
    kept
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// The span of each decision, sorted: people of every role, contacts of every spelling, strangers among them.
fn decisions(folder: &Path) -> Vec<Duration> {
    let loaded = tollgate::config::load(&folder.join("tollgate.toml")).expect("a sound company");
    let policy = &loaded.policy;
    let mut spans: Vec<Duration> = (0..DECISIONS).map(|at| span_of_one(policy, at)).collect();
    spans.sort_unstable();
    spans
}

fn span_of_one(policy: &Policy, at: u64) -> Duration {
    // Strides scatter the turns over the tables, so that no cache flatters the figure.
    let caller = policy.person_by_key(&crowd::key(at * 7919 % LARGE.people)).expect("one of the crowd");
    let number = crowd::number(at * 104_729 % (LARGE.contacts + LARGE.contacts / 10));
    let attempt = Attempt {
        caller: Caller::Person(caller),
        site: policy.person(caller).site,
        target: Target::Dialled(Dialled::sip(&number)),
        by: By::Dial,
        other_party_outside: false,
        caller_number: None,
        at: Utc.with_ymd_and_hms(2026, 11, 23, 10, 0, 0).single().expect("an instant"),
    };
    let begun = Instant::now();
    black_box(decide(black_box(policy), black_box(&attempt)));
    begun.elapsed()
}
