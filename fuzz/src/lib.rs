//! What is fuzzed: one function for each target, from raw bytes. It returns if they do no harm, and panics if they do. The engine
//! (`fuzz_targets/`) and `tests/fuzz_corpus.rs` call the same functions.

mod cost;
mod gate;
mod ledger;
mod message;
mod number;
mod second_reader;
mod siege;
mod stream;

#[allow(dead_code, reason = "the world of the timelines; here its people are at home, and its watch")]
#[path = "../../tests/world/mod.rs"]
mod world;

/// A target by its name, which is that of its corpus and of its file in `fuzz_targets/`.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
}

pub const TARGETS: [Target; 6] = [
    Target { name: "message", run: message::run },
    Target { name: "stream", run: stream::run },
    Target { name: "number", run: number::run },
    Target { name: "gate", run: gate::run },
    Target { name: "ledger", run: ledger::run },
    Target { name: "second_reader", run: second_reader::run },
];

/// Runs the target of that name.
pub fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this name");
    (target.run)(bytes);
}

/// Whether the second reader was asked about it.
#[allow(dead_code, reason = "for the test of the corpus")]
pub fn is_compared(bytes: &[u8]) -> bool {
    second_reader::compares(bytes)
}
