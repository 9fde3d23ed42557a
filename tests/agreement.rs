//! What `tollgate explain` says is what the gate does: ten thousand random attempts, of staff, forwarders and outside callers, at random
//! hours and with random spellings, are put to the real binary and to the gate itself. Verdict, reason, price, what is set aside and the
//! second in which the call is cut must be the same.
//!
//! A disagreement prints its seed; `SEED=17 cargo test --test agreement one_seed -- --nocapture` plays that company again.
#![allow(clippy::disallowed_methods)] // The real binary needs a real process.

#[path = "agreement/attempts.rs"]
mod attempts;
#[path = "agreement/binary.rs"]
mod binary;
#[path = "agreement/house.rs"]
mod house;
#[path = "agreement/played.rs"]
mod played;

use house::House;

/// Attempts for the shipped company, and for each of the random ones.
const SHIPPED: usize = 4_000;
const RANDOM: usize = 1_500;

#[test]
fn they_agree_about_the_shipped_company() {
    let sums = compare(&House::shipped(1), 1, SHIPPED);
    // Otherwise the attempts would show nothing.
    assert!(sums.permitted > SHIPPED / 10 && sums.refused > SHIPPED / 10, "{sums:?}");
    assert!(sums.priced > SHIPPED / 40 && sums.cut_by_money > SHIPPED / 100, "{sums:?}");
    assert!(sums.reasons.len() >= 8, "{sums:?}");
}

#[test]
fn they_agree_about_random_companies() {
    for seed in 1..=4 {
        let sums = compare(&House::random(seed), seed, RANDOM);
        assert!(sums.permitted > RANDOM / 20 && sums.refused > RANDOM / 20, "{sums:?}");
    }
}

#[test]
fn one_seed() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(99);
    compare(&House::random(seed), seed, 200);
}

/// What the attempts came to.
#[derive(Debug, Default)]
struct Sums {
    permitted: usize,
    refused: usize,
    priced: usize,
    cut_by_money: usize,
    reasons: std::collections::BTreeSet<String>,
}

fn compare(house: &House, seed: u64, count: usize) -> Sums {
    let attempts = attempts::random(house, seed, count);
    let told = binary::explain(house, &attempts);
    let mut book = house.book();
    let mut sums = Sums::default();
    for (at, (attempt, told)) in attempts.iter().zip(&told).enumerate() {
        let done = played::play(house, attempt, &mut book);
        book.revert();
        assert!(
            done.agrees_with(told),
            "attempt {at} of seed {seed} in {}:\n{attempt:?}\nexplain says {told:#?}\nthe gate does {done:#?}",
            house.name
        );
        match &told.reason {
            None => sums.permitted += 1,
            Some(reason) => {
                sums.refused += 1;
                sums.reasons.insert(reason.clone());
            }
        }
        sums.priced += usize::from(told.price.is_some());
        sums.cut_by_money += usize::from(told.bound.as_deref().is_some_and(|bound| bound.contains(',')));
    }
    println!("{}: {sums:?}", house.name);
    sums
}
