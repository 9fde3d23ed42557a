//! What an administrator asks beside a running gate: the real binary, the real ledger, calls that were really placed.

use std::process::{Command, Output};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use super::reload::{Exchange, STRANGER};

/// Twice as long as rows may take from the daybook to the tables that are asked.
const WRITTEN_BY: Duration = Duration::from_secs(2);

impl Exchange {
    pub fn ask(&self, words: &[&str]) -> Output {
        let config = self.folder.join("tollgate.toml");
        let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        command.args(words).env_remove("TOLLGATE_LOG");
        if !words.contains(&"--store") {
            command.arg("--config").arg(config);
        }
        // A row stands in the tables about a second after the answer has left.
        sleep(WRITTEN_BY);
        command.output().expect("tollgate runs")
    }

    /// What is printed, and the exit status.
    pub fn text(&self, words: &[&str]) -> (String, i32) {
        let output = self.ask(words);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let errors = String::from_utf8_lossy(&output.stderr);
        println!("$ tollgate {}\n{text}{errors}", words.join(" "));
        (text, output.status.code().expect("an exit status"))
    }

    pub fn json(&self, words: &[&str]) -> Value {
        let words: Vec<&str> = words.iter().chain(&["--json"]).copied().collect();
        let (text, _) = self.text(&words);
        serde_json::from_str(&text).expect("one JSON document")
    }

    fn talk(&mut self, caller: &str, number: &str) {
        let answer = self.pbx.call(caller, number);
        assert_eq!((answer.status, self.pbx.hang_up(&answer)), (200, 200));
    }
}

pub fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in\n{text}");
    }
}

#[test]
fn a_refused_call_tells_why_and_what_would_let_it_through() {
    let mut exchange = Exchange::open();
    let refused = exchange.pbx.call("101", STRANGER);
    let id = refused.decision();
    let (text, status) = exchange.text(&["why", &id]);
    assert_eq!(status, 0);
    has(&text, &[&id, "not_a_contact", "alice", "+493023125999", "roles.customers_only.permits[0]"]);
    has(&text, &["would go", "with the role everything"]);
    assert!(!text.contains("has changed since"), "{text}");
    let answer = exchange.json(&["why", &id.to_lowercase()]);
    assert_eq!(answer["record"]["reason"], "not_a_contact");
    assert_eq!((&answer["agrees"], &answer["policy_changed"]), (&true.into(), &false.into()));
    assert_eq!(answer["explanation"]["decision"]["reason"], "not_a_contact");

    exchange.edit("policy.toml", "\"crm_and_colleagues\"", "\"any\"");
    exchange.await_reloads("accepted", 1);
    let (text, _) = exchange.text(&["why", &id]);
    has(&text, &["The policy has changed since this call", "permitted  by", "The rules now say otherwise"]);
    let (_, status) = exchange.text(&["why", "0C7NKX2P0QGW4"]);
    assert_eq!(status, 1);
    let (_, status) = exchange.text(&["why", "nonsense"]);
    assert_eq!(status, 2);
    exchange.gate.stop().expect("the gate ends well");
}

#[test]
fn a_spent_budget_explains_itself_and_the_next_call_as_the_gate_will() {
    let mut exchange = Exchange::open();
    let ahead = exchange.json(&["explain", "--as", "103", "--to", STRANGER]);
    assert_eq!(ahead["decision"]["verdict"], "permitted");
    // 0.02 to connect and 0.58 a minute: one euro buys one minute.
    assert_eq!(
        (&ahead["money"]["longest_s"], &ahead["money"]["bound"]),
        (&60.into(), &"person carol, day".into())
    );
    exchange.talk("103", STRANGER);
    let (text, status) = exchange.text(&["explain", "--as", "carol", "--to", STRANGER]);
    assert_eq!(status, 1);
    has(&text, &["refused  403 daily_spend", "when the budget begins anew", "person carol", "60 %"]);
    let refused = exchange.pbx.call("103", STRANGER);
    assert_eq!(refused.status, 403);
    let why = exchange.json(&["why", &refused.decision()]);
    assert_eq!((&why["record"]["reason"], &why["stopped_by"]), (&"daily_spend".into(), &"money".into()));
    assert_eq!(why["agrees"], true);
    assert!(why["explanation"]["remedies"][0]["wait"].is_string(), "{why}");
    exchange.gate.stop().expect("the gate ends well");
}

#[test]
fn rights_stand_on_one_page_with_their_origins() {
    let mut exchange = Exchange::open();
    exchange.talk("103", STRANGER);
    let (text, status) = exchange.text(&["policy", "show", "--as", "103"]);
    assert_eq!(status, 0);
    has(
        &text,
        &["Carol may spend one euro a day (carol)", "at_home", "from people.csv", "roles.at_home.permits[0]"],
    );
    has(&text, &["premium", "guards[0]", "person carol", "department Sales", "company", "0.60", "0.40"]);
    let rights = exchange.json(&["policy", "show", "--as", "carol"]);
    assert_eq!(rights["budgets"][0]["left"], "0.40");
    let (_, status) = exchange.text(&["policy", "show", "--as", "nobody"]);
    assert_eq!(status, 2);
    exchange.gate.stop().expect("the gate ends well");
}

#[test]
fn the_report_the_export_and_the_audit_agree() {
    let mut exchange = Exchange::open();
    let budget = "[[budgets]]\nholder = \"trunk\"\nname = \"one\"\nperiod = \"month\"\nmoney = \"40.00\"\n\n";
    let guards = "[departments.Sales]";
    exchange.edit("policy.toml", guards, &format!("{budget}{guards}"));
    exchange.await_reloads("accepted", 1);
    exchange.talk("103", STRANGER);
    exchange.talk("102", "004930555555");
    assert_eq!(exchange.pbx.call("101", STRANGER).status, 403);
    assert_eq!(exchange.pbx.call("105", STRANGER).status, 403);
    let (text, status) = exchange.text(&["report", "--from", "today"]);
    assert_eq!(status, 0);
    has(
        &text,
        &["Refused most", "not_a_contact", "incoming_only", "1.20", "Budgets now", "department Sales"],
    );
    has(&text, &["trunk one"]);
    let report = exchange.json(&["report", "--from", "yesterday"]);
    let totals = &report["totals"];
    assert_eq!(
        (&totals["calls"], &totals["refused"], &totals["spent"]),
        (&4.into(), &2.into(), &"1.20".into())
    );
    let budgets = report["budgets"].as_array().expect("budgets");
    let trunk = budgets.iter().find(|budget| budget["holder"] == "trunk one").expect("the trunk's budget");
    assert_eq!(
        (&trunk["limit"], &trunk["settled"], &trunk["percent"]),
        (&"40.00".into(), &"1.20".into(), &3.into())
    );
    for list in ["by_person", "by_department", "by_class", "by_day"] {
        let rows = report[list].as_array().expect("rows");
        assert_eq!(rows.iter().filter_map(|row| row["calls"].as_u64()).sum::<u64>(), 4, "{list}");
    }
    let days = exchange.json(&["report", "--by", "day", "--until", "2026-01-01"]);
    assert_eq!(days["rows"].as_array().map(Vec::len), Some(0));

    let (csv, _) = exchange.text(&["export"]);
    let (lines, _) = exchange.text(&["export", "--format", "jsonl"]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let persons: Vec<String> = reader.records().map(|row| row.expect("a row")[4].to_owned()).collect();
    assert_eq!(persons, ["carol", "bob", "alice", "erin"]);
    let records: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(records.iter().filter_map(|record| record["person"].as_str()).collect::<Vec<_>>(), persons);

    assert_eq!(exchange.text(&["audit"]).1, 0);
    let Exchange { gate, folder, .. } = &exchange;
    let database = gate.database();
    let copy = folder.join("tampered.sqlite");
    let ledger = rusqlite::Connection::open(&database).expect("the ledger opens");
    ledger.execute("VACUUM INTO ?1", [copy.to_string_lossy()]).expect("a copy");
    let tampered = rusqlite::Connection::open(&copy).expect("the copy opens");
    tampered.pragma_update(None, "journal_mode", "WAL").expect("as the store has it");
    tampered
        .execute("UPDATE balance SET settled_money = 0 WHERE account_kind = 'company'", [])
        .expect("an update");
    drop(tampered);
    let copy = copy.to_string_lossy().into_owned();
    let (text, status) = exchange.text(&["audit", "--store", &copy]);
    assert_eq!(status, 1);
    has(&text, &["differs", "company", "1 difference"]);
    exchange.gate.stop().expect("the gate ends well");
}

#[test]
fn a_test_call_is_a_call_like_any_other() {
    let exchange = Exchange::open();
    let (text, status) = exchange.text(&["call", "--as", "106", "--to", "030 23125 999", "--talk", "1"]);
    assert_eq!(status, 0);
    has(
        &text,
        &["Frank may call at home (frank) calls 030 23125 999", "200 OK", "talked 1 s", "tollgate why"],
    );
    let refused = exchange.json(&["call", "--as", "erin", "--to", STRANGER, "--over", "tcp"]);
    assert_eq!((&refused["status"], &refused["phrase"]), (&403.into(), &"Incoming calls only".into()));
    let why = exchange.json(&["why", refused["decision"].as_str().expect("an id")]);
    assert_eq!(
        (&why["record"]["person"], &why["record"]["reason"]),
        (&"erin".into(), &"incoming_only".into())
    );
    exchange.gate.stop().expect("the gate ends well");
}
