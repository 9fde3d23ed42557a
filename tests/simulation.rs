//! A seeded world that nobody has written down: phones that call as they like, trunks that fail, a network that loses, doubles and
//! reorders, a ledger that shuts. The same seed gives the same log, byte for byte.

#[path = "simulation/actor.rs"]
mod actor;
#[path = "simulation/agenda.rs"]
mod agenda;
#[path = "simulation/town.rs"]
mod town;
#[expect(
    dead_code,
    reason = "the tables of the world are for the timelines; here only its people are at home"
)]
#[path = "world/mod.rs"]
mod world;

use town::Town;

/// A failure prints its seed; `SEED=17 cargo test --test simulation one_seed -- --nocapture` replays it with its log.
fn lives_through(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        Town::of_seed(seed).live();
    }
}

#[test]
fn towns_1_to_10() {
    lives_through(1..11);
}

#[test]
fn towns_11_to_20() {
    lives_through(11..21);
}

#[test]
fn towns_21_to_30() {
    lives_through(21..31);
}

#[test]
fn towns_31_to_40() {
    lives_through(31..41);
}

#[test]
fn towns_41_to_50() {
    lives_through(41..51);
}

#[test]
fn the_same_seed_gives_the_same_log() {
    for seed in [1, 2] {
        let log = |seed| Town::of_seed(seed).live().join("\n");
        assert!(log(seed) == log(seed), "seed {seed} does not repeat itself");
    }
    assert!(Town::of_seed(1).live() != Town::of_seed(2).live(), "another seed, another town");
}

#[test]
fn one_seed() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0);
    for line in Town::of_seed(seed).live() {
        println!("{line}");
    }
}
