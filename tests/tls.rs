//! TLS through the real gate: phones, trunks that prove themselves and those that cannot, and certificates that change in mid-call.
#![allow(clippy::disallowed_methods)] // Real sockets and processes need a real clock.

#[path = "wire/baresip.rs"]
#[expect(dead_code, reason = "each binary plays other parts of it")]
mod baresip;
#[path = "tls/caller.rs"]
mod caller;
#[path = "tls/carrier.rs"]
mod carrier;
#[path = "tls/files.rs"]
mod files;
#[path = "scenarios/gate.rs"]
mod gate;
#[path = "routes/house.rs"]
mod house;
#[path = "tls/line.rs"]
mod line;
#[path = "routes/name_server.rs"]
#[expect(dead_code, reason = "the routes use the rest")]
mod name_server;
#[path = "scenarios/places.rs"]
mod places;
#[path = "wire/plain_sip.rs"]
#[expect(dead_code, reason = "each binary plays other parts of it")]
mod plain_sip;
#[path = "tls/strangers.rs"]
mod strangers;
#[path = "tls/town.rs"]
mod town;

use std::fs;
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

use baresip::{Identity, Phone};
use caller::Caller;
use carrier::{Carrier, answer};
use house::{House, NUMBER};
use line::{Line, values};
use name_server::NameServer;
use places::Places;
use plain_sip::{Pbx, answering_trunk};
use town::Town;

type Change = (&'static str, String);

/// A TLS listener with the town's certificate for the gate, which asks for certificates of the town.
fn listener(town: &Town) -> Change {
    let path = |file: &str| town.path(file).display().to_string();
    let (pem, key, ca) = (path("gate.pem"), path("gate.key"), path("ca.pem"));
    let tls = format!(
        "[[listen]]\nname = \"tls\"\ntransport = \"tls\"\naddress = \"@gate_tls@\"\n\n\
         [tls]\ncertificate = {pem:?}\nkey = {key:?}\nclient_ca = {ca:?}\n\n[[trunk]]\nname = \"one\""
    );
    ("[[trunk]]\nname = \"one\"", tls)
}

/// Trunk one is reached over TLS at this address, and proves to be `domain`.
fn trunk_one(town: &Town, address: &str, domain: &str) -> Change {
    let ca = town.path("ca.pem").display().to_string();
    let domain = if domain.is_empty() { String::new() } else { format!("domain = \"{domain}\"\n") };
    let text = format!("address = \"{address}\"\ntransport = \"tls\"\n{domain}ca = {ca:?}\n");
    ("address = \"@trunk_one@\"\nlistener = \"udp\"\n", text)
}

/// A company whose first trunk is `carrier.test` over TLS.
fn house(town: &Town, places: &Places) -> House {
    House::open(places, &[listener(town), trunk_one(town, "@trunk_one@", "carrier.test")])
}

/// The trusted telephone system, over TLS.
fn telephone_system(town: &Town, places: &Places) -> Caller {
    let line = Line::dial(town.client(None), places.at("pbx"), places.at("gate_tls"), "gate.test");
    Caller::over(line.expect("the gate's certificate is believed"))
}

fn phone<'a>(places: &Places, extension: &'a str, place: &str, control: &str) -> Identity<'a> {
    let gate = places.at("gate_tls");
    Identity { extension, transport: "tls", own: places.at(place), control: places.at(control), gate }
}

#[test]
fn two_phones_call_each_other_over_tls_and_hold() {
    let (town, places) = (Town::new(), Places::free());
    let house = house(&town, &places);
    let gina = phone(&places, "107", "phone_one", "control_one");
    let henry = phone(&places, "108", "phone_two", "control_two");
    let mut gina = Phone::registered(&house.folder.join("107"), &gina);
    let mut henry = Phone::registered(&house.folder.join("108"), &henry);
    gina.say("dial", "sip:108@company.example");
    gina.hear("CALL_ESTABLISHED");
    gina.hear("CALL_REMOTE_SDP");
    henry.hear("CALL_ESTABLISHED");
    gina.say("hold", "");
    gina.hear("CALL_REMOTE_SDP");
    gina.say("hangup", "");
    gina.hear("CALL_CLOSED");
    henry.hear("CALL_CLOSED");
    let (calls, _) = house.close();
    assert_eq!(calls.len(), 1);
}

/// From a phone with digest over TLS to a trunk that wants to see our certificate; the certificate changes while they talk.
#[test]
fn a_call_over_mutual_tls_goes_on_when_the_certificate_changes() {
    let (town, places) = (Town::new(), Places::free());
    let carrier = Carrier::open(places.at("trunk_one"), town.server("trunk"));
    let house = house(&town, &places);
    let gina = phone(&places, "107", "phone_one", "control_one");
    let mut gina = Phone::registered(&house.folder.join("107"), &gina);
    gina.say("dial", "sip:03023125500@company.example");
    gina.hear("CALL_ESTABLISHED");
    let (_, invite) = carrier.await_request("INVITE ");
    let uri = "INVITE sip:+493023125500@carrier.test;transport=tls SIP/2.0";
    assert!(invite.starts_with(uri), "{invite}");
    let via = &values(&invite, "Via")[0];
    assert!(via.starts_with("SIP/2.0/TLS ") && via.ends_with(";alias"), "{via}");
    assert!(values(&invite, "Record-Route")[0].contains(";transport=tls;lr"), "{invite}");
    carrier.await_request("ACK ");
    let end = house.metric("tollgate_tls_certificate_end_timestamp_seconds");
    assert_eq!(end.as_deref(), Some("3786912000"), "the new year of 2090");
    let before = carrier.heard.lock().expect("no panic").shown[0].clone();

    // A new certificate with a key that is not its own is refused whole; the right one is taken within seconds.
    let old_key = fs::read(town.path("gate.key")).expect("a key");
    let renewed = town.certify("gate", &["gate.test", "127.0.0.10"]);
    let new_key = fs::read(town.path("gate.key")).expect("a key");
    fs::write(town.path("gate.key"), old_key).expect("a file can be written");
    house.await_log("the old one stays in force", 1);
    assert!(house.log().contains("does not belong to the certificate"), "{}", house.log());
    let shown = |house: &House| {
        let line = Line::dial(town.client(None), places.at("pbx"), places.at("gate_tls"), "gate.test");
        assert!(house.metric("tollgate_calls").is_some_and(|calls| calls == "1"), "the call goes on");
        line.expect("TLS").shown.expect("a certificate")
    };
    assert_eq!(shown(&house), before);
    fs::write(town.path("gate.key"), new_key).expect("a file can be written");
    house.await_log("the changed configuration is in force", 1);
    assert_eq!(shown(&house), renewed);

    // A new connection to the trunk would show the new one; the call goes on over the old one, and ends over it.
    gina.say("hangup", "");
    gina.hear("CALL_CLOSED");
    let (connection, _) = carrier.await_request("BYE ");
    assert_eq!((connection, carrier.connections()), (0, 1));
    let (calls, _) = house.close();
    assert_eq!(calls.len(), 1);
}

#[test]
fn many_calls_of_one_client_share_one_connection_on_each_side() {
    let (town, places) = (Town::new(), Places::free());
    let carrier = Carrier::open(places.at("trunk_one"), town.server("trunk"));
    let house = house(&town, &places);
    let mut caller = telephone_system(&town, &places);
    for _ in 0..20 {
        let call = caller.call("102", &format!("sip:{NUMBER}@company.example"));
        assert_eq!(call.status, 200, "{}", call.answer);
        assert_eq!(caller.hang_up(&call), 200);
    }
    assert_eq!((carrier.connections(), carrier.count("INVITE "), carrier.count("BYE ")), (1, 20, 20));
    let (calls, _) = house.close();
    assert_eq!(calls.len(), 20);
}

/// RFC 5922 §7.2: each of these is the trunk's failure, and the next trunk takes the call.
#[test]
fn a_trunk_that_cannot_prove_itself_gets_no_call_and_the_next_does() {
    let stranger = Town::new();
    for (town, names, year, reason) in [
        (None, ["thief.test"], 2090, "other_name"),
        (None, ["*.test"], 2090, "other_name"),
        (None, ["carrier.test"], 2020, "expired"),
        (Some(&stranger), ["carrier.test"], 2090, "unknown_authority"),
    ] {
        let (ours, places) = (Town::new(), Places::free());
        let theirs = town.unwrap_or(&ours);
        theirs.certify_until("trunk", &names, year);
        let carrier = Carrier::open(places.at("trunk_one"), theirs.server("trunk"));
        answering_trunk(places.at("trunk_two"));
        let mut house = house(&ours, &places);
        assert_eq!(house.call(), 200, "{reason}");
        house.await_log("no TLS with the trunk", 1);
        let log = house.log();
        let line = log.lines().find(|line| line.contains("no TLS with the trunk")).unwrap_or_default();
        assert!(line.contains("trunk=\"one\"") && line.contains(reason), "{line}");
        let series = format!("tollgate_tls_failures_total{{reason=\"{reason}\"}}");
        assert_eq!(house.metric(&series).as_deref(), Some("1"));
        assert_eq!(carrier.count("INVITE "), 0);
        let (calls, _) = house.close();
        assert_eq!(calls, [("two".to_owned(), 600_000)], "{reason}");
    }
}

/// R41: help is not kept waiting by a certificate.
#[test]
fn an_emergency_call_passes_over_a_trunk_that_cannot_prove_itself() {
    let (town, places) = (Town::new(), Places::free());
    town.certify_until("trunk", &["carrier.test"], 2020);
    let carrier = Carrier::open(places.at("trunk_one"), town.server("trunk"));
    answering_trunk(places.at("trunk_two"));
    let order = ("emergency_trunks = [\"two\", \"one\"]", "emergency_trunks = [\"one\", \"two\"]".into());
    let changes = [listener(&town), trunk_one(&town, "@trunk_one@", "carrier.test"), order];
    let mut house = House::open(&places, &changes);
    let call = house.pbx.call("102", "112");
    assert_eq!(call.status, 200, "{}", call.text);
    assert_eq!(house.pbx.hang_up(&call), 200);
    assert_eq!(carrier.count("INVITE "), 0);
    assert_eq!(house.close(), (vec![("two".to_owned(), 0)], 0));
}

/// The carrier believes another authority than the one that signed ours: TLS 1.3 tells it only after our handshake is done.
#[test]
fn a_trunk_that_does_not_take_our_certificate_is_passed_over_at_once() {
    let (town, other, places) = (Town::new(), Town::new(), Places::free());
    other.certify("gate", &["gate.test"]);
    let carrier = Carrier::open(places.at("trunk_one"), town.server("trunk"));
    answering_trunk(places.at("trunk_two"));
    let path = |file: &str| other.path(file).display().to_string();
    let (from, one) = trunk_one(&town, "@trunk_one@", "carrier.test");
    let one =
        format!("{one}client_certificate = {:?}\nclient_key = {:?}\n", path("gate.pem"), path("gate.key"));
    let mut house = House::open(&places, &[listener(&town), (from, one)]);
    let began = std::time::Instant::now();
    assert_eq!(house.call(), 200);
    // Silence would have cost the eight seconds of the company's settings.
    assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
    assert!(house.log().contains("refused_by_peer"), "{}", house.log());
    assert_eq!(carrier.count("INVITE "), 0);
    let (calls, _) = house.close();
    assert_eq!(calls, [("two".to_owned(), 600_000)]);
}

/// R20: a trunk that calls in is known by the name in its certificate, wherever it calls from; its address alone is nothing.
#[test]
fn a_trunk_that_calls_in_is_known_by_its_certificate() {
    let (town, places) = (Town::new(), Places::free());
    town.certify("thief", &["thief.test"]);
    town.certify_uri("uri", "sip:carrier.test");
    let house = house(&town, &places);
    let status = |own: Option<&str>, place: &str| {
        let line = Line::dial(town.client(own), places.at(place), places.at("gate_tls"), "gate.test");
        let mut caller = Caller::over(line.expect("the gate is believed"));
        caller.call("+4930111", "sip:03023125101@company.example").status
    };
    // Alice's phone is away: whoever hears that was taken for the telephone network. The others are asked for a digest.
    assert_eq!(status(Some("trunk"), "third_party"), 480);
    assert_eq!(status(Some("uri"), "third_party"), 480);
    assert_eq!(status(Some("thief"), "third_party"), 407);
    assert_eq!(status(None, "third_party"), 407);
    assert_eq!(status(Some("trunk"), "trunk_one"), 480);
    for own in [None, Some("thief")] {
        let line = Line::dial(town.client(own), places.at("trunk_one"), places.at("gate_tls"), "gate.test");
        // The refusal may come after our end of the handshake.
        assert!(line.and_then(|mut line| line.receive()).is_err(), "{own:?} from the trunk's address");
    }
    house.await_log("no TLS with the trunk", 2);
    // Nor is its address anybody over UDP, where it can be forged.
    let mut forger = Pbx::at(places.at("trunk_one"), places.at("gate"));
    assert_eq!(forger.call("+4930111", "03023125101").status, 407);
    house.close();
}

/// RFC 3263 and RFC 5922 §4: DNS says where, the settings say who.
#[test]
fn the_name_of_the_settings_counts_and_not_the_host_that_srv_gives() {
    for (names, takes_it) in [(["carrier.test"], true), (["edge.other.test"], false)] {
        let (town, places) = (Town::new(), Places::free());
        town.certify("trunk", &names);
        let one = places.at("trunk_one");
        let dns = NameServer::start(&[
            format!("srv-host=_sips._tcp.carrier.test,edge.other.test,{},10,60", one.port()),
            format!("host-record=edge.other.test,{}", one.ip()),
        ]);
        let carrier = Carrier::open(one, town.server("trunk"));
        answering_trunk(places.at("trunk_two"));
        let servers = ("[sip]\n", format!("[dns]\nservers = [\"{}\"]\n\n[sip]\n", dns.address));
        let mut house =
            House::open(&places, &[listener(&town), trunk_one(&town, "carrier.test", ""), servers]);
        house.await_log("the trunk's name leads here", 1);
        assert_eq!(house.call(), 200);
        assert_eq!(carrier.count("INVITE ") == 1, takes_it, "{names:?}");
        house.close();
    }
}

/// RFC 3261 §26.2.2, RFC 5630: what is called by sips: goes over TLS or not at all, and says so to everyone on its way.
#[test]
fn a_sips_call_never_leaves_tls() {
    let (town, places) = (Town::new(), Places::free());
    let carrier = Carrier::open(places.at("trunk_one"), town.server("trunk"));
    let mut house = house(&town, &places);
    let mut caller = telephone_system(&town, &places);
    let call = caller.call("102", &format!("sips:{NUMBER}@company.example"));
    assert_eq!(call.status, 200, "{}", call.answer);
    let (_, invite) = carrier.await_request("INVITE ");
    assert!(invite.starts_with("INVITE sips:+493023125500@carrier.test SIP/2.0"), "{invite}");
    assert!(values(&invite, "Record-Route")[0].starts_with("<sips:"), "{invite}");
    assert!(values(&call.answer, "Record-Route")[0].starts_with("<sips:"), "{}", call.answer);
    assert_eq!(caller.hang_up(&call), 200);
    house.close();

    // The same with a trunk that has no TLS: there is no way, and no money goes.
    let places = Places::free();
    answering_trunk(places.at("trunk_one"));
    answering_trunk(places.at("trunk_two"));
    house = House::open(&places, &[listener(&town)]);
    let mut caller = telephone_system(&town, &places);
    let call = caller.call("102", &format!("sips:{NUMBER}@company.example"));
    assert_eq!(call.status, 480, "{}", call.answer);
    assert_eq!(values(&call.answer, "Warning"), ["380 company.example \"SIPS Not Allowed\""]);
    // Help comes any way there is (R41).
    let call = caller.call("102", "sips:112@company.example");
    assert_eq!(call.status, 200, "{}", call.answer);
    assert_eq!(caller.hang_up(&call), 200);
    let (calls, settled) = house.close();
    assert_eq!((calls.len(), settled), (1, 0));
}

/// RFC 5923: what the `alias` in our Via says.
#[test]
fn a_trunk_hangs_up_over_the_connection_that_we_opened() {
    let (town, places) = (Town::new(), Places::free());
    let config = town.server("trunk");
    let place = places.at("trunk_one");
    let listener = std::net::TcpListener::bind(place).expect("the place is free");
    let house = house(&town, &places);
    let mut caller = telephone_system(&town, &places);
    let trunk = std::thread::spawn(move || {
        let mut line = Line::accept(config, listener.accept().expect("a connection").0).expect("TLS");
        let invite = line.receive().expect("an INVITE");
        let contact = format!("Contact: <sip:carrier@{place};transport=tls>\r\n");
        line.send(&answer(&invite, "200 OK", &contact)).expect("the gate listens");
        assert!(line.receive().expect("an ACK").starts_with("ACK "));
        line.send(&carrier::bye(&invite, place)).expect("the gate listens");
        line.receive().expect("an answer")
    });
    let call = caller.call("102", &format!("sip:{NUMBER}@company.example"));
    assert_eq!(call.status, 200, "{}", call.answer);
    let bye = caller.line.receive().expect("a BYE");
    assert!(bye.starts_with("BYE "), "{bye}");
    caller.line.send(&answer(&bye, "200 OK", "")).expect("the gate listens");
    let answered = trunk.join().expect("the carrier has its answer");
    assert!(answered.starts_with("SIP/2.0 200"), "{answered}");
    house.close();
}

/// A carrier's connection that ends in mid-call is made anew for the BYE.
#[test]
fn a_connection_that_the_carrier_closes_is_opened_again() {
    let (town, places) = (Town::new(), Places::free());
    let config = town.server("trunk");
    let listener = std::net::TcpListener::bind(places.at("trunk_one")).expect("the place is free");
    let house = house(&town, &places);
    let mut caller = telephone_system(&town, &places);
    let contact = format!("Contact: <sip:carrier@{};transport=tls>\r\n", places.at("trunk_one"));
    let trunk = std::thread::spawn(move || {
        let accept =
            || Line::accept(config.clone(), listener.accept().expect("a connection").0).expect("TLS");
        let mut first = accept();
        let invite = first.receive().expect("an INVITE");
        first.send(&answer(&invite, "200 OK", &contact)).expect("the gate listens");
        assert!(first.receive().expect("an ACK").starts_with("ACK "));
        drop(first);
        let mut second = accept();
        let bye = second.receive().expect("a BYE");
        second.send(&answer(&bye, "200 OK", "")).expect("the gate listens");
        bye
    });
    let call = caller.call("102", &format!("sip:{NUMBER}@company.example"));
    assert_eq!(call.status, 200, "{}", call.answer);
    sleep(Duration::from_millis(300));
    assert_eq!(caller.hang_up(&call), 200);
    assert!(trunk.join().expect("the carrier has both").starts_with("BYE "));
    house.close();
}

/// Whoever connects and says nothing is let go of within seconds, and does not keep others out.
#[test]
fn silent_connections_are_let_go_of() {
    let (town, places) = (Town::new(), Places::free());
    let house = house(&town, &places);
    let silent: Vec<std::net::TcpStream> = (0..200)
        .map(|number| {
            let place: SocketAddr = if number % 2 == 0 { places.at("gate") } else { places.at("gate_tls") };
            std::net::TcpStream::connect(place).expect("the gate takes it")
        })
        .collect();
    // Half-open handshakes of one host are at their limit for it, not for others.
    let mut caller = telephone_system(&town, &places);
    assert_eq!(caller.call("102", "sip:03023125101@company.example").status, 480);
    for mut stream in silent {
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
        let read = std::io::Read::read(&mut stream, &mut [0; 16]);
        assert!(!matches!(&read, Err(fault) if fault.kind() == std::io::ErrorKind::WouldBlock), "still open");
    }
    house.close();
}
