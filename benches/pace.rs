//! How many whole gated calls a second the pure gate does on one core: `cargo bench --bench pace [-- CALLS]`. With the allocator
//! of the program and nothing that counts, unlike `gate`; few calls under callgrind tell the instructions of one.
#![allow(clippy::disallowed_methods)] // Spans are measured by a real clock.

#[allow(dead_code, reason = "shared with the count of allocations, which uses the rest")]
mod house;

use std::time::Instant;

use house::{House, Size};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Enough that the first third of a second of a machine that sleeps does not count.
const CALLS: usize = 100_000;

/// Rounds whose median is told.
const ROUNDS: usize = 5;

/// Calls before the measured ones: more than 32 seconds of them, so that as many transactions end as begin.
const WARM_UP: usize = 4_000;

fn main() {
    let asked: Option<usize> = std::env::args().skip(1).find_map(|word| word.parse().ok());
    // `cargo test` runs benches too, as debug builds, to see that they run; then a few calls will do.
    let measured = std::env::args().any(|word| word == "--bench");
    let calls = asked.unwrap_or(if measured { CALLS } else { CALLS / 1_000 });
    let mut house = House::new(Size::USUAL);
    if measured && asked.is_none() {
        (0..WARM_UP).for_each(|_| house.whole_call());
    }
    let mut rates: Vec<f64> = (0..ROUNDS).map(|_| rate(&mut house, calls / ROUNDS)).collect();
    rates.sort_by(f64::total_cmp);
    println!(
        "{:.0} calls a second, median of {ROUNDS} rounds ({:.0} to {:.0})",
        rates[ROUNDS / 2],
        rates[0],
        rates[ROUNDS - 1]
    );
}

fn rate(house: &mut House, calls: usize) -> f64 {
    let began = Instant::now();
    (0..calls).for_each(|_| house.whole_call());
    calls as f64 / began.elapsed().as_secs_f64()
}
