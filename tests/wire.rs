//! Real phones through the real gate: two baresip register with digest, call each other, hold, and are told why not.
#![allow(clippy::disallowed_methods)] // Real sockets and processes need a real clock.

#[path = "wire/baresip.rs"]
mod baresip;
#[path = "wire/control.rs"]
mod control;
#[path = "wire/crash.rs"]
mod crash;
#[path = "scenarios/gate.rs"]
mod gate;
#[path = "scenarios/places.rs"]
mod places;
#[path = "wire/plain_sip.rs"]
mod plain_sip;
#[path = "wire/questions.rs"]
mod questions;
#[path = "wire/reload.rs"]
mod reload;

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use baresip::{Identity, Phone};
use gate::Gate;
use places::Places;

#[test]
fn two_phones_call_each_other_over_udp_and_hold() {
    call_and_hold("udp");
}

#[test]
fn two_phones_call_each_other_over_tcp_and_hold() {
    call_and_hold("tcp");
}

#[test]
fn a_forbidden_number_shows_its_reason_at_the_phone() {
    let office = Office::open("udp");
    let Office { mut gina, .. } = office;
    gina.say("dial", "sip:+1-212-555-0123@company.example");
    let shown = gina.hear("CALL_CLOSED");
    assert!(shown.starts_with("403 Not permitted"), "{shown}");
    office.gate.stop().expect("the gate ends well");
}

fn call_and_hold(transport: &str) {
    let Office { mut gina, mut henry, gate, _scratch, .. } = Office::open(transport);
    let database = gate.database();
    gina.say("dial", "sip:108@company.example");
    gina.hear("CALL_ESTABLISHED");
    gina.hear("CALL_REMOTE_SDP");
    henry.hear("CALL_ESTABLISHED");

    gina.say("hold", "");
    gina.hear("CALL_REMOTE_SDP");
    henry.trace_with("a=sendonly");
    gina.trace_with("a=recvonly");
    gina.say("resume", "");
    gina.hear("CALL_REMOTE_SDP");
    gina.say("hangup", "");
    gina.hear("CALL_CLOSED");
    henry.hear("CALL_CLOSED");

    gate.stop().expect("the gate ends well");
    assert_eq!(answered_calls(&database), [("gina".to_owned(), 0)]);
}

#[test]
fn phones_talk_on_and_are_found_again_after_kill_9() {
    let Office { mut gina, mut henry, gate, places, _scratch } = Office::open("udp");
    gina.say("dial", "sip:108@company.example");
    gina.hear("CALL_ESTABLISHED");
    gina.hear("CALL_REMOTE_SDP");
    henry.hear("CALL_ESTABLISHED");
    // Registrations are written within a second.
    sleep(Duration::from_millis(1_500));
    drop(gate);

    let gate = Gate::launch(_scratch.path(), &places).unwrap_or_else(|fault| panic!("{fault}"));
    let database = gate.database();
    gina.say("hold", "");
    gina.hear("CALL_REMOTE_SDP");
    henry.trace_with("a=sendonly");
    gina.say("resume", "");
    gina.hear("CALL_REMOTE_SDP");
    gina.say("hangup", "");
    gina.hear("CALL_CLOSED");
    henry.hear("CALL_CLOSED");

    gina.say("dial", "sip:108@company.example");
    henry.hear("CALL_ESTABLISHED");
    gina.hear("CALL_ESTABLISHED");
    gina.say("hangup", "");
    henry.hear("CALL_CLOSED");
    gate.stop().expect("the gate ends well");
    assert!(!answered_calls(&database).is_empty());
}

/// A gate and two registered phones.
struct Office {
    gina: Phone,
    henry: Phone,
    gate: Gate,
    places: Places,
    _scratch: TempDir,
}

impl Office {
    fn open(transport: &str) -> Office {
        let scratch = TempDir::with_prefix("tollgate-wire-").expect("a scratch folder can be made");
        let company = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp-scenarios/company");
        let places = Places::free();
        let gate = Gate::start(scratch.path(), &company, &places, "500ms")
            .unwrap_or_else(|fault| panic!("{fault}\n{}", Gate::log_tail(scratch.path())));
        let phone = |extension, place, control| {
            let (own, control, gate) = (places.at(place), places.at(control), places.at("gate"));
            let identity = Identity { extension, transport, own, control, gate };
            Phone::registered(&scratch.path().join(extension), &identity)
        };
        let gina = phone("107", "phone_one", "control_one");
        let henry = phone("108", "phone_two", "control_two");
        Office { gina, henry, gate, places, _scratch: scratch }
    }
}

/// Who called, and for how many millionths.
fn answered_calls(database: &Path) -> Vec<(String, i64)> {
    let ledger = Connection::open(database).expect("the ledger opens");
    let mut statement = ledger
        .prepare("SELECT person, cost FROM call_record WHERE answer IS NOT NULL ORDER BY start")
        .expect("call records can be read");
    let rows =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("call records can be read");
    rows.map(|row| row.expect("a row can be read")).collect()
}
