//! What an administrator tells a running gate: read the files anew, show and lift the locks of toll fraud.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::questions::has;
use super::reload::{Exchange, STRANGER};

impl Exchange {
    /// Bob calls a number in New York, and hangs up. The status that his phone saw.
    fn bob_calls(&mut self, last: u32) -> u16 {
        let answer = self.pbx.call("102", &format!("001212555{last:04}"));
        if answer.status == 200 {
            assert_eq!(self.pbx.hang_up(&answer), 200);
        }
        answer.status
    }

    /// Waits until so many fraud locks stand in the file beside the ledger.
    fn await_locks_written(&self, count: i64) {
        let file = Connection::open(self.folder.join("ledger.sqlite.locks")).expect("the file of the locks");
        let end = Instant::now() + Duration::from_secs(15);
        let written = || file.query_row("SELECT count(*) FROM fraud_lock", [], |row| row.get::<_, i64>(0));
        while written().expect("the file can be read") != count {
            assert!(Instant::now() < end, "not {count} locks are written down");
            sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn who_calls_a_run_of_numbers_is_locked_until_somebody_lifts_it() {
    let mut exchange = Exchange::open();
    let statuses: Vec<u16> = (100..106).map(|last| exchange.bob_calls(last)).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 403], "six neighbours are one too many");
    let (locks, status) = exchange.text(&["locks"]);
    assert_eq!(status, 0);
    has(&locks, &["bob", "international", "neighbours"]);
    let refused = exchange.pbx.call("102", "0012125559999");
    assert_eq!(refused.status, 403);
    let (why, _) = exchange.text(&["why", &refused.decision()]);
    has(&why, &["fraud_lock", "fraud.neighbours"]);
    let national = exchange.pbx.call("102", STRANGER);
    assert_eq!((national.status, exchange.pbx.hang_up(&national)), (200, 200));
    let (lifted, status) = exchange.text(&["unlock", "102"]);
    assert_eq!((lifted.as_str(), status), ("One lock lifted.\n", 0));
    assert_eq!(exchange.bob_calls(106), 200);
    assert_eq!(exchange.json(&["locks"])["locks"].as_array().map(Vec::len), Some(0));
    exchange.gate.stop().expect("the gate ends well");
}

#[test]
fn a_lock_outlives_a_kill_and_one_that_was_lifted_does_not_come_back() {
    let mut exchange = Exchange::open();
    let statuses: Vec<u16> = (100..106).map(|last| exchange.bob_calls(last)).collect();
    assert_eq!(statuses.last(), Some(&403), "{statuses:?}");
    let locks = |exchange: &Exchange| {
        let (table, status) = exchange.text(&["locks"]);
        assert_eq!(status, 0);
        table
    };
    let before = locks(&exchange);
    has(&before, &["bob", "international", "neighbours"]);
    exchange.await_locks_written(1);
    exchange.is_killed_and_started();
    assert_eq!(locks(&exchange), before, "the same class, for the same reason, until the same time");
    assert_eq!(exchange.pbx.call("102", "0012125559999").status, 403);
    let national = exchange.pbx.call("102", STRANGER);
    assert_eq!((national.status, exchange.pbx.hang_up(&national)), (200, 200));
    assert_eq!(exchange.text(&["unlock", "102"]).1, 0);
    exchange.await_locks_written(0);
    exchange.is_killed_and_started();
    assert_eq!(exchange.json(&["locks"])["locks"].as_array().map(Vec::len), Some(0));
    assert_eq!(exchange.bob_calls(200), 200);
    exchange.gate.stop().expect("the gate ends well");
}

#[test]
fn a_command_has_the_files_read_anew_and_tells_what_came_of_it() {
    let mut exchange = Exchange::open();
    assert_eq!(exchange.pbx.call("101", STRANGER).status, 403);
    exchange.edit("policy.toml", "\"crm_and_colleagues\"", "\"anybody\"");
    let (refused, status) = exchange.text(&["reload"]);
    assert_eq!(status, 1);
    has(&refused, &["anybody", "Refused whole"]);
    exchange.edit("policy.toml", "\"anybody\"", "\"any\"");
    let (accepted, status) = exchange.text(&["reload"]);
    assert_eq!(status, 0);
    has(&accepted, &["In force: policy version"]);
    let answer = exchange.pbx.call("101", STRANGER);
    assert_eq!((answer.status, exchange.pbx.hang_up(&answer)), (200, 200));
    let socket = exchange.folder.join("ledger.sock");
    assert!(socket.exists());
    exchange.gate.stop().expect("the gate ends well");
    assert!(!Path::new(&socket).exists(), "a gate that has ended leaves no socket");
}

#[test]
fn without_a_gate_nobody_hears() {
    let exchange = Exchange::open();
    let socket = exchange.folder.join("ledger.sock");
    exchange.gate.signal("TERM").expect("the gate can be told");
    let end = Instant::now() + Duration::from_secs(15);
    while socket.exists() {
        assert!(Instant::now() < end, "the gate does not end");
        sleep(Duration::from_millis(20));
    }
    let output = exchange.ask(&["locks"]);
    assert_eq!(output.status.code(), Some(2));
    has(&String::from_utf8_lossy(&output.stderr), &["no gate hears at", "ledger.sock"]);
}
