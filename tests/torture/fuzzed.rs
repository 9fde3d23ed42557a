//! What the fuzzing begins with, sent to the running gate: over UDP by a stranger, a phone and a trusted telephone system, over TCP.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::caller::Caller;
use super::stream::Stream;
use super::town::Town;

/// As long as a debug build on a busy machine may look at one of them, and far less than for ever.
const PATIENCE: Duration = Duration::from_secs(8);

fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = fs::read_dir(folder).expect("a corpus").map(|entry| {
        let path = entry.expect("a readable folder").path();
        (path.display().to_string(), fs::read(&path).expect("a readable input"))
    });
    files.collect()
}

#[test]
fn what_fuzzing_begins_with_does_the_running_gate_no_harm() {
    let town = Town::open();
    let mut sent = 0;
    for (name, input) in ["message", "second_reader", "stream"].map(inputs).concat() {
        for place in ["stranger", "phone_one", "pbx"] {
            let caller: Caller = town.caller(place);
            // What comes back is a matter of other rows; here the gate must answer what is asked behind it.
            let heard = caller.exchange(&input);
            assert!(heard.len() <= 2, "{name} from {place}: {heard:?}");
            sent += 1;
        }
        let mut stream = Stream::open(town.at("stranger").ip(), town.at("gate"));
        stream.set_patience(PATIENCE / 20);
        // Some wait for the rest of a message, others are cut off.
        stream.exchange(&input);
        town.expect_quiet_trunks(&name);
        sent += 1;
    }
    assert!(sent > 200, "{sent} inputs");
    let mut after = Stream::open(town.at("phone_one").ip(), town.at("gate"));
    after.set_patience(PATIENCE);
    assert_eq!(after.exchange(b"\r\n\r\n").1, super::stream::Standing::Open);
    town.expect_honest_call("all inputs of the fuzzing");
}
