//! A seeded world that nobody has written down: phones that call as they like, trunks that fail, a network that loses, doubles and
//! reorders, a store that shuts, hangs and tears, a process that is killed, clocks that jump, strangers. The same seed gives the same
//! log, byte for byte.

#[path = "simulation/accounts.rs"]
mod accounts;
#[path = "simulation/actor.rs"]
mod actor;
#[path = "simulation/agenda.rs"]
mod agenda;
#[path = "simulation/attacks.rs"]
mod attacks;
#[path = "simulation/long_run.rs"]
mod long_run;
#[path = "simulation/model.rs"]
mod model;
#[path = "simulation/network.rs"]
mod network;
#[path = "simulation/plan.rs"]
mod plan;
#[path = "simulation/questions.rs"]
mod questions;
#[path = "simulation/restarts.rs"]
mod restarts;
#[path = "simulation/temper.rs"]
mod temper;
#[path = "simulation/town.rs"]
mod town;
#[path = "simulation/troubles.rs"]
mod troubles;
#[path = "simulation/vault.rs"]
mod vault;
#[expect(
    dead_code,
    reason = "the tables of the world are for the timelines; here only its people are at home"
)]
#[path = "world/mod.rs"]
mod world;

use long_run::{number, try_life};
use town::{Life, live};

const CALLS: u64 = 100;

/// A failure prints its seed and how to replay it.
fn lives_through(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        if let Err(why) = try_life(&Life { seed, calls: CALLS, ..Life::default() }) {
            panic!("{why}");
        }
    }
}

#[test]
fn towns_1_to_5() {
    lives_through(1..6);
}

#[test]
fn towns_6_to_10() {
    lives_through(6..11);
}

#[test]
fn towns_11_to_15() {
    lives_through(11..16);
}

#[test]
fn towns_16_to_20() {
    lives_through(16..21);
}

/// Lines of `seed calls what it found`: each was a fault once. `without=3,7-9` leaves out items of the plan.
#[test]
fn found_seeds_stay_found() {
    for line in include_str!("simulation/found_seeds.txt").lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse().ok());
        let (Some(seed), Some(calls)) = (number(0), number(1)) else { panic!("seed and calls: {line}") };
        let without = words.get(2).and_then(|word| word.strip_prefix("without="));
        let without = long_run::places(without.unwrap_or_default());
        if let Err(why) = try_life(&Life { seed, calls, without, with_log: false }) {
            panic!("{line}\n{why}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_log() {
    let log = |seed| live(&Life { seed, calls: CALLS, with_log: true, ..Life::default() }).log.join("\n");
    for seed in [1, 2] {
        assert!(log(seed) == log(seed), "seed {seed} does not repeat itself");
    }
    assert!(log(1) != log(2), "another seed, another town");
}

/// `SEED=17 CALLS=100 cargo test --test simulation one_seed -- --nocapture` prints all that happens in one town; `WITHOUT=3,7-9` leaves
/// out items of its plan.
#[test]
fn one_seed() {
    let without = long_run::places(&std::env::var("WITHOUT").unwrap_or_default());
    let life = Life { seed: number("SEED", 1), calls: number("CALLS", CALLS), without, with_log: true };
    live(&life).log.iter().for_each(|line| println!("{line}"));
}

/// `SEEDS=1000 CALLS=1000 THREADS=2 cargo test --release --test simulation long_run -- --nocapture`
#[test]
fn long_run() {
    long_run::run(number("FROM", 1_000), number("SEEDS", 2), number("CALLS", CALLS), number("THREADS", 1));
}
