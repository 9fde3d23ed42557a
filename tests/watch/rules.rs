//! The repository's rules, board and runbook as values.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

const RECORDING: &str = "deploy/prometheus/rules/recording.yml";
const ALERTS: &str = "deploy/prometheus/rules/alerts.yml";
const BOARD: &str = "deploy/grafana/boards/tollgate.json";
/// What Grafana puts in for its variables, here.
const VARIABLES: [(&str, &str); 3] = [("$__rate_interval", "10s"), ("$site", ".*"), ("$trunk", ".*")];

pub struct Alert {
    pub name: String,
    pub severity: String,
    pub runbook: String,
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn yaml(path: &str) -> Value {
    let text = fs::read_to_string(root().join(path)).unwrap_or_else(|fault| panic!("{path}: {fault}"));
    serde_saphyr::from_str(&text).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

pub fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(text).collect()
}

pub fn alerts() -> Vec<Alert> {
    let alert = |rule: &Value| Alert {
        name: text(&rule["alert"]),
        severity: text(&rule["labels"]["severity"]),
        runbook: text(&rule["annotations"]["runbook"]),
    };
    rules_of(ALERTS).iter().map(alert).collect()
}

/// Each recording rule's name, as what to ask for and as where it comes from.
pub fn recording() -> Vec<(String, String)> {
    let names = rules_of(RECORDING).into_iter().map(|rule| text(&rule["record"]));
    names.map(|name| (RECORDING.to_owned(), name)).collect()
}

/// Each query of the board with the title of its panel, those of its variables and annotations too.
pub fn board() -> Vec<(String, String)> {
    let json = fs::read_to_string(root().join(BOARD)).expect("the board");
    let board: Value = serde_json::from_str(&json).expect("the board is JSON");
    let mut queries = Vec::new();
    for panel in list(&board["panels"]) {
        let title = text(&panel["title"]);
        for target in list(&panel["targets"]) {
            queries.push((format!("{BOARD}, {title}"), filled(&text(&target["expr"]))));
        }
    }
    for variable in list(&board["templating"]["list"]) {
        let query = text(&variable["query"]["query"]);
        let inside = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
        let (metric, label) =
            inside.and_then(|inside| inside.split_once(", ")).expect("label_values(METRIC, LABEL)");
        queries.push((format!("{BOARD}, {label}"), format!("count by ({label}) ({metric})")));
    }
    for annotation in list(&board["annotations"]["list"]) {
        queries.push((format!("{BOARD}, {}", text(&annotation["name"])), text(&annotation["expr"])));
    }
    assert!(queries.len() > 30, "the board is there");
    queries
}

fn filled(query: &str) -> String {
    VARIABLES.iter().fold(query.to_owned(), |query, (name, value)| query.replace(name, value))
}

/// Alerts that at least one test of promtool expects to fire.
pub fn fired_in_promtool() -> BTreeSet<String> {
    let tests = yaml("tests/watch/alerts.test.yml");
    let checks = list(&tests["tests"]).iter().flat_map(|test| list(&test["alert_rule_test"]));
    let firing = checks.filter(|check| !list(&check["exp_alerts"]).is_empty());
    firing.map(|check| text(&check["alertname"])).collect()
}

/// The runbook by its headings.
pub fn entries(runbook: &str) -> BTreeMap<&str, &str> {
    let sections = runbook.split("\n### ").skip(1);
    sections
        .filter_map(|section| section.split_once('\n'))
        .map(|(name, entry)| (name.trim(), entry))
        .collect()
}

fn rules_of(path: &str) -> Vec<Value> {
    let file = yaml(path);
    let rules: Vec<Value> =
        list(&file["groups"]).iter().flat_map(|group| list(&group["rules"]).clone()).collect();
    assert!(!rules.is_empty(), "{path} holds rules");
    rules
}

fn list(value: &Value) -> &Vec<Value> {
    static NONE: Vec<Value> = Vec::new();
    value.as_array().unwrap_or(&NONE)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
