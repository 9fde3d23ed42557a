//! Every input of `fuzz/corpus`, those that broke something once among them, and some changed at random, through the function that is
//! fuzzed: on plain stable, without an engine. Long runs: `fuzz/run`.

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::path::Path;

use tollgate::base::Random;

/// How often each input is changed at random: a sequence of gate inputs lives some hours of simulated time.
const CHANGED: usize = 20;
const GATE_CHANGED: usize = 3;

/// All inputs of one target.
fn lives_through(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("a corpus")
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    files.sort();
    assert!(files.len() >= 5, "{}: {} inputs", folder.display(), files.len());
    let changed = if name == "gate" { GATE_CHANGED } else { CHANGED };
    let mut random = Random::from_number(5626);
    for file in files {
        println!("{}", file.display());
        let input = fs::read(&file).expect("a readable input");
        targets::run(name, &input);
        for _ in 0..changed {
            let input = change(input.clone(), &mut random);
            println!("changed: {}", String::from_utf8_lossy(&input).escape_debug());
            targets::run(name, &input);
        }
    }
}

/// A few bytes are others, gone, or there twice; the same ones on every run.
fn change(mut input: Vec<u8>, random: &mut Random) -> Vec<u8> {
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() as u64 + 1) as usize;
        let end = (at + random.below(12) as usize).min(input.len());
        match random.below(4) {
            0 => drop(input.drain(at..end)),
            1 => drop(input.splice(at..at, [random.below(256) as u8])),
            2 => input[at..end].iter_mut().take(1).for_each(|byte| *byte = random.below(256) as u8),
            _ => {
                let twice = input[at..end].to_vec();
                drop(input.splice(at..at, twice));
            }
        }
    }
    input
}

#[test]
fn messages() {
    lives_through("message");
}

#[test]
fn streams() {
    lives_through("stream");
}

#[test]
fn numbers() {
    lives_through("number");
}

#[test]
fn gate_sequences() {
    lives_through("gate");
}

#[test]
fn ledger_sequences() {
    lives_through("ledger");
}

#[test]
fn second_readers() {
    lives_through("second_reader");
}

/// The second reader has its say: what it is asked about is not so little that its agreement would mean nothing.
#[test]
fn the_second_reader_is_asked_about_most_inputs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/second_reader");
    let inputs = fs::read_dir(&folder).expect("a corpus").map(|entry| {
        let path = entry.expect("a readable folder").path();
        (fs::read(&path).expect("a readable input"), path)
    });
    let (compared, left): (Vec<_>, Vec<_>) = inputs.partition(|(input, _)| targets::is_compared(input));
    let left: Vec<_> = left.iter().map(|(_, path)| path.display()).collect();
    println!("left out: {left:#?}");
    assert!(compared.len() >= 12 && left.len() <= compared.len() / 2, "{} are compared", compared.len());
}
