//! What the real binary says, asked all at once.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use super::attempts::Attempt;
use super::house::House;

/// An answer of `explain`, as far as it can be compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    pub permitted: bool,
    pub reason: Option<String>,
    /// Prefix and date.
    pub price: Option<(String, String)>,
    pub reserved: Option<(String, u64)>,
    /// Seconds; `None`: nothing ends it, or it does not begin.
    pub longest: Option<u64>,
    pub bound: Option<String>,
}

pub fn explain(house: &House, attempts: &[Attempt]) -> Vec<Told> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["explain", "--batch", "--json", "--config"])
        .arg(house.config())
        .env_remove("TOLLGATE_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("tollgate runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let lines: Vec<String> =
        attempts.iter().map(|attempt| serde_json::to_string(attempt).expect("JSON") + "\n").collect();
    // Answers come while questions go: on one thread both pipes would fill.
    let asking = thread::spawn(move || stdin.write_all(lines.concat().as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    asking.join().expect("a thread").expect("questions are read");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let told: Vec<Told> =
        text.lines().map(|line| Told::of(&serde_json::from_str(line).expect("JSON"))).collect();
    assert_eq!(told.len(), attempts.len());
    told
}

impl Told {
    fn of(answer: &Value) -> Told {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let (decision, money) = (&answer["decision"], &answer["money"]);
        let price = &money["price"];
        Told {
            permitted: decision["verdict"] == "permitted",
            reason: text(&decision["reason"]),
            price: text(&price["prefix"]).zip(text(&price["valid_from"])),
            reserved: text(&money["reserved"]).zip(money["reserved_s"].as_u64()).filter(|_| !price.is_null()),
            longest: money["longest_s"].as_u64(),
            bound: text(&money["bound"]),
        }
    }
}
