//! kill -9 under calls, with the real binary (R91): what was answered is charged once, what only rang is freed, the books agree.

use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::gate::Gate;
use super::places::Places;
use super::plain_sip::{Pbx, answering_trunk};

#[test]
fn an_answered_call_that_a_crash_cuts_off_is_charged_once() {
    let scratch = TempDir::with_prefix("tollgate-crash-").expect("a scratch folder can be made");
    let company = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp-scenarios/company");
    let places = Places::free();
    let start =
        || Gate::start(scratch.path(), &company, &places, "500ms").unwrap_or_else(|fault| panic!("{fault}"));
    let gate = start();
    let database = gate.database();
    answering_trunk(places.at("trunk_one"));
    let mut pbx = Pbx::at(places.at("pbx"), places.at("gate"));
    assert_eq!(pbx.call("102", "03023125500").status, 200);
    // The row that says so was written before the answer left.
    drop(gate);

    let gate = start();
    sleep(Duration::from_millis(200));
    gate.stop().expect("the gate ends well");
    let rows = Connection::open(&database).expect("the ledger");
    let closed: (i64, String) = rows
        .query_row("SELECT cost, end_cause FROM call_record", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .expect("one call");
    assert_eq!(closed, (600_000, "lost".to_owned()), "a minute was reserved and begun");
    let audit = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["audit", "--config"])
        .arg(scratch.path().join("tollgate.toml"))
        .output()
        .expect("the audit runs");
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}
