//! Both positions of the gate (R21) beside a real Kamailio: phones that register through the gate at a telephone system behind it, and
//! a telephone system in front of it that says who calls. The phones are baresip.
#![allow(clippy::disallowed_methods)] // Real sockets and processes need a real clock.

#[path = "wire/baresip.rs"]
mod baresip;
#[path = "scenarios/gate.rs"]
mod gate;
#[path = "neighbours/kamailio.rs"]
mod kamailio;
#[path = "scenarios/places.rs"]
mod places;
#[path = "neighbours/trunk.rs"]
mod trunk;

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use baresip::{Identity, Phone};
use gate::Gate;
use kamailio::Kamailio;
use places::Places;
use trunk::{Trunk, value};

#[test]
fn phones_register_through_the_gate_at_kamailio_and_call() {
    phones_behind_the_gate("udp");
}

#[test]
fn phones_register_through_the_gate_over_tcp_and_call() {
    phones_behind_the_gate("tcp");
}

/// Position one: phones, gate, Kamailio, and trunks at the gate.
fn phones_behind_the_gate(transport: &str) {
    let town = Town::built("behind.cfg");
    let (mut gina, mut henry) = (town.phone("107", transport, "gate"), town.phone("108", transport, "gate"));
    let mut trunk = Trunk::at(town.places.at("trunk_one"), town.places.at("gate"));
    calls_a_colleague(&mut gina, &mut henry, "108");
    calls_a_colleague(&mut henry, &mut gina, "107");
    calls_out_and_in(&mut gina, &mut trunk, "<sip:+493023125107@company.example>");
    let ended = town.closed();
    // Whatever rings a colleague passes the gate twice: to the telephone system, and from there to the phone.
    assert_eq!(ended, ["hung up; 12 calls", "refused: not_permitted; 1 calls"]);
}

/// Position two: phones, Kamailio, gate, trunks.
#[test]
fn kamailio_in_front_says_who_calls() {
    let town = Town::built("before.cfg");
    let (mut gina, mut henry) = (town.phone("107", "udp", "pbx"), town.phone("108", "udp", "pbx"));
    let mut trunk = Trunk::at(town.places.at("trunk_one"), town.places.at("gate"));
    calls_a_colleague(&mut gina, &mut henry, "108");
    calls_out_and_in(&mut gina, &mut trunk, "<sip:+493023125107@company.example>");
    let ended = town.closed();
    // What the telephone system settles by itself never comes to the gate.
    assert_eq!(ended, ["hung up; 3 calls", "refused: not_permitted; 1 calls"]);
}

/// Held and resumed; each side hangs up once.
fn calls_a_colleague(caller: &mut Phone, callee: &mut Phone, extension: &str) {
    for caller_hangs_up in [true, false] {
        caller.say("dial", &format!("sip:{extension}@company.example"));
        caller.hear("CALL_ESTABLISHED");
        caller.hear("CALL_REMOTE_SDP");
        callee.hear("CALL_ESTABLISHED");
        caller.say("hold", "");
        caller.hear("CALL_REMOTE_SDP");
        callee.trace_with("a=sendonly");
        caller.say("resume", "");
        caller.hear("CALL_REMOTE_SDP");
        let ends = if caller_hangs_up { &mut *caller } else { &mut *callee };
        ends.say("hangup", "");
        caller.hear("CALL_CLOSED");
        callee.hear("CALL_CLOSED");
    }
}

/// Out to the trunk, ended from either side; refused abroad; in from the trunk.
fn calls_out_and_in(phone: &mut Phone, trunk: &mut Trunk, asserted: &str) {
    phone.say("dial", "sip:03023125500@company.example");
    let mut talk = trunk.answers();
    assert_eq!(value(&talk.invite, "P-Asserted-Identity"), asserted);
    assert!(talk.invite.starts_with("INVITE sip:+493023125500@"), "{}", talk.invite);
    phone.hear("CALL_ESTABLISHED");
    trunk.hangs_up(&mut talk);
    phone.hear("CALL_CLOSED");

    phone.say("dial", "sip:03023125500@company.example");
    trunk.answers();
    phone.hear("CALL_ESTABLISHED");
    phone.say("hangup", "");
    trunk.hears_the_end();
    phone.hear("CALL_CLOSED");

    phone.say("dial", "sip:+12125550123@company.example");
    let shown = phone.hear("CALL_CLOSED");
    assert!(shown.starts_with("403 Not permitted"), "{shown}");

    let mut talk = trunk.calls("+4917012345678", "+493023125107");
    phone.hear("CALL_ESTABLISHED");
    trunk.hangs_up(&mut talk);
    phone.hear("CALL_CLOSED");
}

/// A gate and a Kamailio beside it.
struct Town {
    gate: Gate,
    places: Places,
    // Before its folder, in which it writes to the end.
    _kamailio: Kamailio,
    scratch: TempDir,
}

impl Town {
    fn built(configuration: &str) -> Town {
        let scratch = TempDir::with_prefix("tollgate-neighbours-").expect("a scratch folder can be made");
        let places = Places::free();
        let company = company(scratch.path());
        let gate = Gate::start(scratch.path(), &company, &places, "500ms")
            .unwrap_or_else(|fault| panic!("{fault}\n{}", Gate::log_tail(scratch.path())));
        let text =
            fs::read_to_string(here().join("tests/neighbours").join(configuration)).expect("it is there");
        let text = places.fill(&text, "@", "@").replace("@gate_ip@", &places.at("gate").ip().to_string());
        let folder = scratch.path().join("kamailio");
        let kamailio = Kamailio::start(&folder, &text, places.at("pbx"), places.at("stranger"));
        Town { gate, places, _kamailio: kamailio, scratch }
    }

    /// A phone that has registered by way of `proxy`.
    fn phone(&self, extension: &str, transport: &str, proxy: &str) -> Phone {
        let one = extension == "107";
        let (place, control) = if one { ("phone_one", "control_one") } else { ("phone_two", "control_two") };
        let (own, control, gate) = (self.places.at(place), self.places.at(control), self.places.at(proxy));
        let identity = Identity { extension, transport, own, control, gate };
        Phone::registered(&self.scratch.path().join(extension), &identity)
    }

    /// Stops the gate; how its calls have ended, and how many so.
    fn closed(self) -> Vec<String> {
        let database = self.gate.database();
        self.gate.stop().expect("the gate ends well");
        let ledger = Connection::open(database).expect("the ledger opens");
        let mut statement = ledger
            .prepare(
                "SELECT CASE WHEN answer IS NULL THEN 'refused: ' || coalesce(reason, end_cause)
                     WHEN end_cause LIKE '%hung_up' THEN 'hung up' ELSE end_cause END AS ending, count(*)
                 FROM call_record GROUP BY ending ORDER BY ending",
            )
            .expect("call records can be read");
        let rows = statement.query_map([], |row| {
            let (ending, count): (String, i64) = (row.get(0)?, row.get(1)?);
            Ok(format!("{ending}; {count} calls"))
        });
        rows.expect("call records can be read").map(|row| row.expect("a row can be read")).collect()
    }
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The company of the SIPp scenarios, whose phones have their telephone system in Kamailio and no passwords here.
fn company(scratch: &Path) -> PathBuf {
    let folder = scratch.join("company");
    fs::create_dir(&folder).expect("a scratch folder can be made");
    let shipped = here().join("sipp-scenarios/company");
    for name in ["tollgate.toml", "policy.toml", "people.csv", "contacts.csv", "tariff.csv"] {
        let mut text = fs::read_to_string(shipped.join(name)).expect("the company has its files");
        for (old, new) in changes(name) {
            assert!(text.contains(old), "{name} no longer holds {old:?}");
            text = text.replace(old, new);
        }
        fs::write(folder.join(name), text).expect("a scratch folder can be written");
    }
    folder
}

fn changes(name: &str) -> &'static [(&'static str, &'static str)] {
    match name {
        "tollgate.toml" => &[
            ("trusted = true\n", "trusted = true\naddress = \"@pbx@\"\n"),
            ("callback = ", "registrar = \"pbx\"\ncallback = "),
        ],
        "people.csv" => &[("107,password-107", "107,"), ("108,password-108", "108,")],
        _ => &[],
    }
}
