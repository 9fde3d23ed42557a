//! Many towns one after another, with a progress bar; a town that fails is cut down to the items that matter, and told with the command
//! that replays it.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::town::{Life, Sums, live};

/// Lives spent on cutting one failing life down.
const CUTS_MAX: u32 = 200;
/// A long run stops after so many failing seeds: they mostly have one cause.
const FAILURES_MAX: usize = 5;

/// Lives one life; what broke in it, if something did, with the way to see it again.
pub fn try_life(life: &Life) -> Result<Sums, String> {
    attempt(life).map_err(|why| {
        let (seed, calls) = (life.seed, life.calls);
        format!(
            "{why}\nreplay: SEED={seed} CALLS={calls} cargo test --test simulation one_seed -- --nocapture"
        )
    })
}

fn attempt(life: &Life) -> Result<Sums, String> {
    catch_unwind(AssertUnwindSafe(|| live(life))).map_err(|cause| {
        let text = cause.downcast_ref::<String>().cloned();
        let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        text.unwrap_or_else(|| "it panicked without a word".to_owned()).trim().to_owned()
    })
}

/// What all towns so far came to.
#[derive(Default)]
struct Tally {
    sums: Sums,
    lived: u64,
    failures: Vec<String>,
}

/// Lives through `seeds` towns of `calls` calls each, so many at a time, and prints what they came to.
#[expect(
    clippy::disallowed_methods,
    reason = "only the speed of the run is measured; the towns have a clock of their own"
)]
pub fn run(from: u64, seeds: u64, calls: u64, threads: u64) {
    let style = "{bar:30} {pos}/{len} towns, {elapsed} gone, {eta} to go, {msg}";
    let bar = ProgressBar::new(seeds);
    bar.set_style(ProgressStyle::with_template(style).expect("a template of ours"));
    let (tally, next, begun) = (Mutex::new(Tally::default()), AtomicU64::new(from), Instant::now());
    let speed = |judged: u64| u128::from(judged) * 1_000 / begun.elapsed().as_millis().max(1);
    let hook = std::panic::take_hook();
    // A failing town is tried many times while it is cut down: its words are printed once, below.
    std::panic::set_hook(Box::new(|_| {}));
    let live_on = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= from + seeds || tally.lock().expect("no panic holds it").failures.len() >= FAILURES_MAX {
            return;
        }
        let life = Life { seed, calls, ..Life::default() };
        let lived = attempt(&life).map_err(|why| {
            let why = why.lines().last().unwrap_or_default();
            format!("seed {seed}: {why}\n  {}", tell_shortest(life, why))
        });
        let mut tally = tally.lock().expect("no panic holds it");
        tally.lived += 1;
        match lived {
            Ok(one) => add(&mut tally.sums, one),
            Err(failure) => {
                bar.suspend(|| println!("{failure}"));
                tally.failures.push(failure);
            }
        }
        let judged = tally.sums.judged;
        bar.inc(1);
        bar.set_message(format!("{judged} calls, {}/s, {} failures", speed(judged), tally.failures.len()));
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(live_on);
        }
    });
    std::panic::set_hook(hook);
    bar.finish();
    let Tally { sums, lived, failures } = tally.into_inner().expect("no panic held it");
    println!(
        "{lived} towns, {} attempts to call judged ({} answered, {} refused), {} messages to the gate, {} starts, {} calls taken up, {:.1} s, {} calls/s",
        sums.judged,
        sums.answered,
        sums.refused,
        sums.messages,
        sums.starts,
        sums.taken_up,
        begun.elapsed().as_secs_f32(),
        speed(sums.judged)
    );
    for (kind, count) in &sums.faults {
        println!("  {count:>9} {kind}");
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn add(sums: &mut Sums, one: Sums) {
    sums.judged += one.judged;
    sums.answered += one.answered;
    sums.refused += one.refused;
    sums.messages += one.messages;
    sums.starts += one.starts;
    sums.taken_up += one.taken_up;
    for (kind, count) in one.faults {
        *sums.faults.entry(kind).or_default() += count;
    }
}

/// Leaves out halves, quarters and so on of the plan as long as the same thing breaks.
fn tell_shortest(mut life: Life, why: &str) -> String {
    let calls = life.calls;
    let items = super::plan::Plan::of_seed(life.seed, calls).items.len();
    let (mut piece, mut tries) = (items.div_ceil(2), 0);
    while piece > 0 && tries < CUTS_MAX {
        for from in (0..items).step_by(piece) {
            let mut shorter = life.clone();
            shorter.without.extend(from..(from + piece).min(items));
            if shorter.without.len() == life.without.len() || tries >= CUTS_MAX {
                continue;
            }
            tries += 1;
            if attempt(&shorter).err().is_some_and(|other| kind(&other) == kind(why)) {
                life = shorter;
            }
        }
        piece /= 2;
    }
    let left = items - life.without.len();
    format!(
        "{left} of {items} items are enough: SEED={} CALLS={calls} WITHOUT={} cargo test --test simulation one_seed -- --nocapture",
        life.seed,
        spans(&life.without)
    )
}

/// The words of a failure without its numbers and names.
fn kind(why: &str) -> String {
    let last = why.lines().last().unwrap_or_default();
    last.split_whitespace().filter(|word| word.chars().all(|letter| letter.is_ascii_lowercase())).collect()
}

/// `3,7-9`: places, and spans with both ends.
pub fn places(text: &str) -> BTreeSet<usize> {
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let spans = text.split(',').filter(|span| !span.is_empty());
    let span = |span: &str| match span.split_once('-') {
        Some((first, last)) => number(first)..number(last) + 1,
        None => number(span)..number(span) + 1,
    };
    spans.flat_map(span).collect()
}

fn spans(places: &BTreeSet<usize>) -> String {
    let mut spans: BTreeMap<usize, usize> = BTreeMap::new();
    for place in places {
        match spans.last_entry() {
            Some(mut last) if *last.get() + 1 == *place => drop(last.insert(*place)),
            _ => drop(spans.insert(*place, *place)),
        }
    }
    let texts: Vec<String> = spans
        .into_iter()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
        .collect();
    texts.join(",")
}

/// A number from the environment.
pub fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
