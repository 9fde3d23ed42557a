//! `tollgate demo` as a stranger runs it: the real program, from an empty folder, with status 0 and everything it promises on the page.
#![allow(clippy::disallowed_methods)] // A real process takes real time.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use tollgate::config;
use tollgate::policy::Reason;

/// Refusals that the demo cannot bring about within a few seconds, with why.
const NOT_SHOWN: [(Reason, &str); 6] = [
    (Reason::UntrustedPeer, "an untrusted peer's words are removed, not refused"),
    (
        Reason::NotByTransfer,
        "refuses the REFER inside a call that goes on; the table shows it beside that call",
    ),
    (Reason::Holiday, "needs a public holiday"),
    (Reason::TooLittleLeft, "the ledger names the budget instead"),
    (Reason::LedgerUnavailable, "needs a store that fails"),
    (Reason::ContactsUnavailable, "needs a contact database that fails"),
];

#[test]
fn every_call_goes_as_it_should_and_says_so_in_a_table() {
    let output = demo(&[]);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    for part in [
        "403 Not a customer contact",
        "200 OK, then Budget spent",
        "then 403 Transfer not permitted",
        "Every call went as it should.",
    ] {
        assert!(text.contains(part), "{part} is not on the page:\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "no colour where nobody sees it");
}

#[test]
fn the_document_for_machines_has_every_kind_of_reason() {
    let output = demo(&["--json"]);
    let document: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert!(output.status.success() && document["right"] == true, "{document:#}");
    let calls = document["calls"].as_array().expect("calls");
    let verdicts: BTreeSet<&str> = calls.iter().filter_map(|call| call["verdict"].as_str()).collect();
    let missing: Vec<&str> = Reason::ALL
        .iter()
        .filter(|reason| !NOT_SHOWN.iter().any(|(hidden, _)| hidden == *reason))
        .map(|reason| reason.code())
        .filter(|code| !verdicts.contains(code))
        .collect();
    assert!(missing.is_empty(), "no call is refused for {missing:?}");
    let ends: BTreeSet<&str> = calls.iter().filter_map(|call| call["end"].as_str()).collect();
    for end in ["caller_hung_up", "callee_hung_up", "cancelled", "declined", "cut_money", "refused"] {
        assert!(ends.contains(end), "no call ends with {end}: {ends:?}");
    }
    assert_eq!(document["sums"]["prices"], document["sums"]["settled"]);
    assert_eq!(document["sums"]["reserved"], "0.000000");
}

#[test]
fn the_files_of_its_company_load_as_they_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo/tollgate.toml");
    let loaded = config::load(&path).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert!(loaded.warnings.is_empty(), "{:#?}", loaded.warnings);
}

/// Runs the program where none of its files are, with a folder of its own for what it leaves behind: nothing.
fn demo(arguments: &[&str]) -> Output {
    let scratch = TempDir::with_prefix("tollgate-demo-test-").expect("a scratch folder can be made");
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .arg("demo")
        .args(arguments)
        .current_dir(scratch.path())
        .env("TMPDIR", scratch.path())
        .env_remove("TOLLGATE_LOG")
        .output()
        .expect("the program starts");
    let left = std::fs::read_dir(scratch.path()).expect("the folder is there").count();
    assert_eq!(left, 0, "nothing stays behind");
    output
}
