//! Living configuration with the real binary: what is changed in the files is what the next call is judged by.

use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::gate::Gate;
use super::places::Places;
use super::plain_sip::{Pbx, answering_trunk};

pub const STRANGER: &str = "03023125999";

/// A gate, a telephone system and a trunk that answers.
pub struct Exchange {
    pub pbx: Pbx,
    pub gate: Gate,
    pub folder: PathBuf,
    places: Places,
    _scratch: TempDir,
}

impl Exchange {
    pub fn open() -> Exchange {
        let scratch = TempDir::with_prefix("tollgate-reload-").expect("a scratch folder can be made");
        let company = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp-scenarios/company");
        let places = Places::free();
        let gate = Gate::start(scratch.path(), &company, &places, "500ms")
            .unwrap_or_else(|fault| panic!("{fault}\n{}", Gate::log_tail(scratch.path())));
        answering_trunk(places.at("trunk_one"));
        let pbx = Pbx::at(places.at("pbx"), places.at("gate"));
        Exchange { pbx, gate, folder: scratch.path().to_owned(), places, _scratch: scratch }
    }

    /// kill -9, and a new start.
    pub fn is_killed_and_started(&mut self) {
        self.gate.kill();
        self.gate = Gate::launch(&self.folder, &self.places)
            .unwrap_or_else(|fault| panic!("{fault}\n{}", Gate::log_tail(&self.folder)));
    }

    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.folder.join(file);
        let text = std::fs::read_to_string(&path).expect("a file of the company");
        assert!(text.contains(from), "{file} has no {from:?}");
        std::fs::write(&path, text.replace(from, to)).expect("the folder can be written");
    }

    /// Waits until the gate has taken over, or refused, so many changes.
    pub fn await_reloads(&self, outcome: &str, count: u32) {
        let line = format!("tollgate_reloads_total{{outcome=\"{outcome}\"}} {count}");
        let end = Instant::now() + Duration::from_secs(20);
        while !self.gate.get("/metrics").is_some_and(|page| page.lines().any(|shown| shown == line)) {
            assert!(Instant::now() < end, "no {line}\n{}", Gate::log_tail(&self.folder));
            sleep(Duration::from_millis(50));
        }
    }

    fn policy_version(&self) -> String {
        let page = self.gate.get("/metrics").expect("the metrics page");
        let line = page.lines().find(|line| line.starts_with("tollgate_policy_version "));
        line.expect("a policy version").to_owned()
    }
}

#[test]
fn the_next_call_is_judged_by_the_changed_role() {
    let mut exchange = Exchange::open();
    assert_eq!(exchange.pbx.call("101", STRANGER).status, 403);
    let before = exchange.policy_version();
    exchange.edit("policy.toml", "\"crm_and_colleagues\"", "\"any\"");
    exchange.await_reloads("accepted", 1);
    assert_ne!(exchange.policy_version(), before);
    let answer = exchange.pbx.call("101", STRANGER);
    assert_eq!(answer.status, 200);
    assert_eq!(exchange.pbx.hang_up(&answer), 200);
    exchange.gate.stop().expect("the gate ends well");
}

#[test]
fn a_broken_file_changes_nothing_and_calls_go_on() {
    let mut exchange = Exchange::open();
    let before = exchange.policy_version();
    let talk = exchange.pbx.call("106", STRANGER);
    assert_eq!(talk.status, 200);
    // One file is right and would lock everybody out of the trunk, the other is not: neither counts.
    exchange.edit("people.csv", "at_home", "rings_only");
    exchange.edit("policy.toml", "contacts = \"any\"", "contacts = \"anybody\"");
    exchange.await_reloads("refused", 1);
    assert_eq!(exchange.policy_version(), before);
    let log = Gate::log_tail(&exchange.folder);
    assert!(log.contains("anybody"), "{log}");
    assert!(log.contains("refused whole"), "{log}");
    let second = exchange.pbx.call("106", STRANGER);
    assert_eq!(second.status, 200);
    assert_eq!(exchange.pbx.hang_up(&second), 200);
    assert_eq!(exchange.pbx.hang_up(&talk), 200);
    exchange.edit("policy.toml", "contacts = \"anybody\"", "contacts = \"any\"");
    exchange.await_reloads("accepted", 1);
    assert_eq!(exchange.pbx.call("106", STRANGER).status, 403);
    exchange.gate.stop().expect("the gate ends well");
}

#[test]
fn a_call_in_progress_outlives_its_people_and_its_trunk() {
    let mut exchange = Exchange::open();
    let talk = exchange.pbx.call("106", STRANGER);
    assert_eq!(talk.status, 200);
    // Only Bob stays, and the trunk that carries the call goes.
    let people = std::fs::read_to_string(exchange.folder.join("people.csv")).expect("people");
    let kept = people.lines().filter(|line| ["#", "key", "bob"].iter().any(|start| line.starts_with(start)));
    std::fs::write(exchange.folder.join("people.csv"), kept.collect::<Vec<_>>().join("\n")).expect("a file");
    std::fs::write(exchange.folder.join("contacts.csv"), "number,name,owner,site\n").expect("a file");
    exchange.edit("tollgate.toml", "name = \"one\"", "name = \"uno\"");
    exchange.edit("tollgate.toml", "[\"two\", \"one\"]", "[\"two\", \"uno\"]");
    exchange.gate.signal("HUP").expect("the gate can be told");
    exchange.await_reloads("accepted", 1);
    assert_eq!(exchange.pbx.hang_up(&talk), 200);
    assert_eq!(exchange.pbx.call("106", STRANGER).status, 403);
    let answer = exchange.pbx.call("102", STRANGER);
    assert_eq!((answer.status, exchange.pbx.hang_up(&answer)), (200, 200));
    exchange.gate.stop().expect("the gate ends well");
}

/// How long after a change is in force its calls may live: CALLS R76, and what a busy machine adds.
const FELT_WITHIN: Duration = Duration::from_millis(2500);

#[test]
fn a_right_and_a_budget_that_go_are_felt_by_calls_in_progress() {
    let mut exchange = Exchange::open();
    let frank = exchange.pbx.call("106", STRANGER);
    let bob = exchange.pbx.call("102", STRANGER);
    assert_eq!((frank.status, bob.status), (200, 200));
    // Frank may call no stranger any more, and his role says that this cuts him off.
    let permit = "[[roles.at_home.permits]]\nclasses = [\"internal\", \"local\", \"national\", \"mobile\"]\n";
    let guarded = permit.replace("\"local\", ", "");
    exchange.edit("policy.toml", permit, &format!("[roles.at_home]\non_change = \"cut\"\n\n{guarded}"));
    exchange.gate.signal("HUP").expect("the gate can be told");
    exchange.await_reloads("accepted", 1);
    let changed = Instant::now();
    let bye = exchange.pbx.await_bye();
    assert!(changed.elapsed() < FELT_WITHIN, "{:?}", changed.elapsed());
    assert!(bye.contains("From: <sip:03023125999@") && bye.contains("cause=403"), "{bye}");
    // Bob's day is spent before it began.
    exchange.edit("people.csv", "password-102,", "password-102,0.00");
    exchange.gate.signal("HUP").expect("the gate can be told");
    exchange.await_reloads("accepted", 2);
    let changed = Instant::now();
    let bye = exchange.pbx.await_bye();
    assert!(changed.elapsed() < FELT_WITHIN, "{:?}", changed.elapsed());
    assert!(bye.contains("cause=402"), "{bye}");
    exchange.gate.stop().expect("the gate ends well");
}

#[test]
fn listeners_and_the_store_stay_where_they_are() {
    let mut exchange = Exchange::open();
    exchange.edit("tollgate.toml", "path = \"ledger.sqlite\"", "path = \"elsewhere.sqlite\"");
    exchange.edit(
        "tollgate.toml",
        "name = \"udp\"\n",
        "name = \"udp\"\nadvertise = \"gate.example.com:5060\"\n",
    );
    exchange.await_reloads("accepted", 1);
    let log = Gate::log_tail(&exchange.folder);
    assert!(log.contains("[[listen]], [store] path"), "{log}");
    let answer = exchange.pbx.call("102", STRANGER);
    assert_eq!((answer.status, exchange.pbx.hang_up(&answer)), (200, 200));
    assert!(!exchange.folder.join("elsewhere.sqlite").exists());
    exchange.gate.stop().expect("the gate ends well");
}
