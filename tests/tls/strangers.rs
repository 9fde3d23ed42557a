//! Who has a certificate that says too little, or none at all: users of the trunk's domain, trunks that share an address, noise.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::caller::Caller;
use super::carrier::Carrier;
use super::line::Line;
use super::places::Places;
use super::plain_sip::answering_trunk;
use super::town::Town;
use super::{House, house, listener, telephone_system, trunk_one};

/// RFC 5922 §7.1: a certificate of alice at the carrier speaks for her, not for the carrier; neither as it calls nor as it is called.
#[test]
fn a_certificate_of_a_user_of_the_trunks_domain_names_no_trunk() {
    let (town, places) = (Town::new(), Places::free());
    town.certify_uri("user", "sip:alice@carrier.test");
    let carrier = Carrier::open(places.at("trunk_one"), town.server("user"));
    answering_trunk(places.at("trunk_two"));
    let mut house = house(&town, &places);
    for (own, status) in [("user", 407), ("trunk", 480)] {
        let line =
            Line::dial(town.client(Some(own)), places.at("third_party"), places.at("gate_tls"), "gate.test");
        let mut caller = Caller::over(line.expect("the gate is believed"));
        // Alice's phone is away: whoever hears that was taken for the telephone network.
        assert_eq!(caller.call("+4930111", "sip:03023125101@company.example").status, status, "{own}");
    }
    assert_eq!(house.call(), 200);
    house.await_log("no TLS with the trunk", 1);
    assert!(house.log().contains("other_name"), "{}", house.log());
    assert_eq!(carrier.count("INVITE "), 0);
    let (calls, _) = house.close();
    assert_eq!(calls, [("two".to_owned(), 600_000)]);
}

/// RFC 5923 §5: one connection serves two trunks only if the certificate names both.
#[test]
fn trunks_at_one_address_must_both_be_named() {
    for (names, is_taken) in [(&["carrier.test"][..], false), (&["carrier.test", "other.test"], true)] {
        let (town, places) = (Town::new(), Places::free());
        town.certify("trunk", names);
        let carrier = Carrier::open(places.at("trunk_one"), town.server("trunk"));
        let (_, other) = trunk_one(&town, "@trunk_one@", "other.test");
        let two = ("address = \"@trunk_two@\"\nlistener = \"udp\"\n", other);
        let changes = [listener(&town), trunk_one(&town, "@trunk_one@", "carrier.test"), two];
        let mut house = House::open(&places, &changes);
        let status = house.call();
        assert_eq!(status == 200, is_taken, "{status} with {names:?}");
        assert_eq!(carrier.count("INVITE ") == 1, is_taken, "{names:?}");
        house.close();
    }
}

#[test]
fn what_is_no_tls_is_let_go_of_on_the_running_gate() {
    let (town, places) = (Town::new(), Places::free());
    let house = house(&town, &places);
    let sip =
        b"OPTIONS sip:gate.test SIP/2.0\r\nVia: SIP/2.0/TLS h;branch=z9hG4bKx\r\nFrom: <sip:x@h>;tag=1\r\n\
                To: <sip:gate.test>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    let noise: Vec<u8> = (0..4_096_u32).map(|number| (number * 167 % 251) as u8).collect();
    // A hello that is cut short, and one whose length is a lie.
    let hello = [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(), &[7; 40]].concat();
    let liar = [b"\x16\x03\x01\xff\xff".as_slice(), &[1; 400]].concat();
    for (what, bytes) in
        [("SIP", sip.to_vec()), ("noise", noise), ("half a hello", hello), ("a hello that lies", liar)]
    {
        let mut stream = TcpStream::connect(places.at("gate_tls")).expect("the gate takes it");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
        stream.write_all(&bytes).expect("the gate takes it");
        let mut heard = Vec::new();
        let ended = stream.read_to_end(&mut heard);
        assert!(
            !matches!(&ended, Err(fault) if fault.kind() == std::io::ErrorKind::WouldBlock),
            "{what}: still open"
        );
        assert!(!heard.starts_with(b"SIP"), "{what}: {}", String::from_utf8_lossy(&heard));
        assert!(heard.len() < 100, "{what}: an alert is short, this has {} bytes", heard.len());
    }
    assert_eq!(telephone_system(&town, &places).call("102", "sip:03023125101@company.example").status, 480);
    house.close();
}
