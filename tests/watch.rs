//! Prometheus itself scrapes the real gate under SIPp load, with the rules of `deploy/`: every recording rule and every query of the
//! board returns figures, and the alerts fire when they should. Those that take long are `promtool`'s, with time made up.
#![allow(clippy::disallowed_methods)] // Real sockets and processes need a real clock.

#[path = "watch/cast.rs"]
mod cast;
#[path = "scenarios/gate.rs"]
mod gate;
#[path = "scenarios/places.rs"]
mod places;
#[path = "watch/prometheus.rs"]
mod prometheus;
#[path = "watch/rules.rs"]
mod rules;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use cast::Cast;
use gate::Gate;
use places::Places;
use prometheus::Prometheus;
use rules::{Alert, root};

/// Alerts that fire in the play below. The others need minutes, a slow disk or a long outage: see `alerts.test.yml`.
const UNDER_LOAD: [&str; 11] = [
    "TollgateCallsNearLimit",
    "TollgateOverloaded",
    "TollgateEmergencyCall",
    "TollgateRefusalsSurge",
    "TollgateTrunkFailing",
    "TollgateTrunkUnanswered",
    "TollgateTrunkNearLimit",
    "TollgateRetransmissions",
    "TollgateParseErrors",
    "TollgateAuthFailures",
    "TollgateSourceLocked",
];

const PATIENCE: Duration = Duration::from_secs(40);

#[test]
fn promtool_finds_the_files_right_and_every_alert_fires() {
    for arguments in [
        ["check", "config", "deploy/prometheus/prometheus.yml"].as_slice(),
        ["test", "rules", "tests/watch/alerts.test.yml"].as_slice(),
    ] {
        let output = Command::new("promtool").args(arguments).current_dir(root()).output();
        let output = output.expect("promtool runs; tests/all installs it with Prometheus");
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "promtool {arguments:?}:\n{said}");
    }
    let fired = rules::fired_in_promtool();
    for Alert { name, .. } in rules::alerts() {
        assert!(fired.contains(&name), "{name} fires in no test of alerts.test.yml");
    }
}

#[test]
fn every_alert_says_what_to_do() {
    let runbook = fs::read_to_string(root().join("docs/runbook.md")).expect("docs/runbook.md");
    let entries = rules::entries(&runbook);
    let alerts = rules::alerts();
    for Alert { name, severity, runbook: link } in &alerts {
        assert!(["page", "warn", "info"].contains(&severity.as_str()), "{name}: {severity}");
        assert_eq!(*link, format!("docs/runbook.md#{}", name.to_lowercase()));
        let entry = entries.get(name.as_str()).unwrap_or_else(|| panic!("docs/runbook.md has no {name}"));
        for part in ["**Means.**", "**Whose fault.**", "**Do.**"] {
            assert!(entry.contains(part), "docs/runbook.md, {name}: no {part}");
        }
    }
    for name in entries.keys().filter(|name| name.starts_with("Tollgate")) {
        assert!(alerts.iter().any(|alert| alert.name == *name), "docs/runbook.md: there is no alert {name}");
    }
}

#[test]
fn rules_board_and_alerts_work_on_a_gate_under_load() {
    let scratch = TempDir::with_prefix("tollgate-watch-").expect("a scratch folder can be made");
    let places = Places::free();
    let company = cast::company(scratch.path(), &places);
    let gate = Gate::start(scratch.path(), &company, &places, "100ms")
        .unwrap_or_else(|fault| panic!("{fault}\n{}", Gate::log_tail(scratch.path())));
    let prometheus = Prometheus::start(scratch.path(), places.at("http"));
    let cast = Cast::enter(scratch.path(), &places);

    // Wrong, then right again: both change the figures, and neither stops a call.
    let policy = scratch.path().join("policy.toml");
    let right = fs::read_to_string(&policy).expect("the policy");
    fs::write(&policy, format!("{right}\n[[guards]]\nclasses = [\"preemium\"]\n")).expect("the policy");
    prometheus.await_fired(&["TollgateConfigRefused"], PATIENCE);
    fs::write(&policy, format!("{right}\n# Looked at again.\n[groups.night]\nroles = [\"sales\"]\n"))
        .expect("the policy");

    prometheus.await_fired(&UNDER_LOAD, PATIENCE);
    for (origin, query) in rules::recording().into_iter().chain(rules::board()) {
        prometheus.await_figures(&origin, &query, PATIENCE);
    }
    prometheus.await_over("TollgateConfigRefused", PATIENCE);
    one_line_a_call(scratch.path());

    // The ledger's file goes, then the gate itself.
    for alert in ["TollgateStoreNotWritable", "TollgateNotReady", "TollgateDown"] {
        assert!(!prometheus.has_fired(alert), "{alert} fired too early");
    }
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{suffix}", gate.database().display()));
    }
    prometheus.await_fired(&["TollgateStoreNotWritable", "TollgateNotReady"], PATIENCE);
    drop(cast);
    gate.stop().expect("the gate ends well");
    prometheus.await_fired(&["TollgateDown"], PATIENCE);
}

/// Each call that is over has one line at INFO, and no line shows a number (R103).
fn one_line_a_call(folder: &Path) {
    let log = fs::read_to_string(folder.join("gate.log")).expect("the gate's log");
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(" INFO ")).collect();
    let ended: Vec<&&str> = lines.iter().filter(|line| line.contains("call ended")).collect();
    let refused = lines.iter().filter(|line| line.contains("call refused")).count();
    assert!(!ended.is_empty() && refused > 0, "{log}");
    let mut decisions: Vec<&str> = ended.iter().filter_map(|line| word(line, "decision=")).collect();
    assert_eq!(decisions.len(), ended.len());
    decisions.sort_unstable();
    decisions.dedup();
    assert_eq!(decisions.len(), ended.len(), "one line for each call");
    let answered = ended.iter().find(|line| line.contains("caller_hung_up")).expect("an answered call");
    for field in ["person=", "site=", "to=", "trunk=", "price=", "seconds=", "cost=", "cause=", "status="] {
        assert!(answered.contains(field), "no {field} in {answered}");
    }
    for number in cast::numbers() {
        assert!(!log.contains(&number), "{number} stands in the log");
    }
}

fn word<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_once(name)?.1.split_whitespace().next()
}
