//! A trunk's name that changes its address under the running gate: the next call goes there, and what comes from there is the trunk's.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::house::House;
use super::name_server::NameServer;
use super::places::Places;
use super::plain_sip::{Pbx, answering_trunk};

fn at(address: SocketAddr) -> Vec<String> {
    vec![
        "naptr-record=carrier.test,10,50,s,SIP+D2U,,_sip._udp.carrier.test".to_owned(),
        format!("srv-host=_sip._udp.carrier.test,edge.carrier.test,{},10,60", address.port()),
        format!("host-record=edge.carrier.test,{}", address.ip()),
    ]
}

#[test]
fn calls_follow_a_name_that_changes_its_address() {
    let places = Places::free();
    let (one, two) = (places.at("trunk_one"), places.at("trunk_two"));
    let mut dns = NameServer::start(&at(one));
    answering_trunk(one);
    // Trunk two is nobody's address but the name's.
    let mut house = House::open(
        &places,
        &[
            ("address = \"@trunk_one@\"", "address = \"carrier.test\"".into()),
            ("address = \"@trunk_two@\"", "address = \"@stranger@\"".into()),
            ("[sip]\n", format!("[dns]\nservers = [\"{}\"]\n\n[sip]\n", dns.address)),
        ],
    );
    house.await_log("the trunk's name leads here", 1);
    assert_eq!(house.call(), 200);
    // A stranger there is nobody yet.
    let mut caller = Pbx::at(two, places.at("gate"));
    assert_eq!(caller.call("+4930111", "03023125101").status, 407);

    dns.change(&at(two));
    house.await_log("the trunk's name leads here", 2);
    // What the name leads to now may call in as the trunk: no proof is asked for, only whether the phone is there.
    assert_eq!(caller.call("+4930111", "03023125101").status, 480);
    drop(caller);
    answering_trunk(two);
    assert_eq!(house.call(), 200);

    // DNS is gone: the last good address serves on.
    dns.silence();
    house.await_log("cannot be looked up", 1);
    assert_ne!(house.metric("tollgate_lookup_failures_total").as_deref(), Some("0"));
    assert_eq!(house.call(), 200);
    let (calls, settled) = house.close();
    assert_eq!(
        calls,
        [("one".to_owned(), 600_000), ("one".to_owned(), 600_000), ("one".to_owned(), 600_000)]
    );
    assert_eq!(settled, 1_800_000);
}

#[test]
fn a_name_that_leads_nowhere_is_named_by_check() {
    let dns = NameServer::start(&["host-record=known.test,127.0.0.41".to_owned()]);
    let folder = tempfile::tempdir().expect("a scratch folder can be made");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    for entry in std::fs::read_dir(shipped).expect("config/").flatten() {
        if !entry.path().is_file() {
            continue;
        }
        let mut text = std::fs::read_to_string(entry.path()).expect("a shipped file");
        if entry.file_name() == "tollgate.toml" {
            text = text.replacen("[\"192.0.2.20\", \"192.0.2.21\"]", "[\"known.test\", \"unknown.test\"]", 1);
            text = format!("{text}\n[dns]\nservers = [\"{}\"]\n", dns.address);
        }
        std::fs::write(folder.path().join(entry.file_name()), text).expect("a file can be written");
    }
    let mut check = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    check.args(["check", "--config"]).arg(folder.path().join("tollgate.toml"));
    let output = check.output().expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "a name server that is away stops no gate: {said}");
    assert!(said.contains("trunk[0].address") && said.contains("\"unknown.test\" leads nowhere"), "{said}");
    assert!(!said.contains("\"known.test\""), "{said}");
}
