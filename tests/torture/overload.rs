//! Holding the gate up (R92): more INVITEs than can be read, and a phone that rings for ever at a call that is over.

use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tollgate::sip::Message;

use super::caller::{Caller, Request, only, read};
use super::dialogs::{accept, talk};
use super::registrations::at_home;
use super::town::{PATIENCE, Town, Trunk, text};

/// What waits in a full buffer of the kernel is lost: SIP sends again (RFC 3261 §17.1), and so do these.
const AGAIN: Duration = Duration::from_millis(100);
const TRIES: u32 = 100;
/// What waits when the gate begins to read, fewer than the kernel's least buffer takes.
const HEAD_START: u32 = 200;

/// Sends this until something of the method comes to the trunk.
fn until_heard(caller: &Caller, bytes: &[u8], trunk: &Trunk, method: &str) -> Message {
    for _ in 0..TRIES {
        caller.send(bytes);
        if let Some(came) = trunk.hear_within(AGAIN).filter(|came| came.method_text() == method) {
            return came;
        }
    }
    panic!("{method} never came to the trunk");
}

/// The trunk says 200 until the caller hears something final.
fn until_answered(caller: &Caller, trunk: &Trunk, came: &Message) -> Message {
    caller.set_patience(AGAIN);
    for _ in 0..TRIES {
        trunk.answer(came, 200, "there");
        while let Some(heard) = caller.hear().map(read) {
            if heard.status() >= 200 {
                return heard;
            }
        }
    }
    panic!("nobody hears the trunk");
}

/// INVITEs of Bob's, each a call of its own, to a number that he may not call.
fn flood(socket: &UdpSocket, template: &str, gate: SocketAddr, numbers: impl Iterator<Item = u32>) {
    for number in numbers {
        let invite = template.replace("@NUMBER@", &number.to_string());
        socket.send_to(invite.as_bytes(), gate).expect("loopback takes it");
    }
}

/// Ends the flood, also when something else has failed: nobody would hear of that from a thread that never ends.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The first 503 that comes back among all the rest.
fn first_503(socket: &UdpSocket) -> Option<String> {
    let mut buffer = vec![0; 65_536];
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    loop {
        let length = socket.recv(&mut buffer).ok()?;
        let heard = String::from_utf8_lossy(&buffer[..length]);
        if heard.starts_with("SIP/2.0 503 ") {
            return Some(heard.into_owned());
        }
    }
}

#[test]
fn when_more_comes_than_can_be_read_calls_in_progress_and_for_help_go_on() {
    // As soon as the settings allow, so that one busy core is enough for a flood.
    let town = Town::open_where(&[("tollgate.toml", "[sip]\n", "[sip]\nbehind_longest = \"10ms\"\n")]);
    let talk = talk(&town, "102");
    let hall = town.caller("phone_one");
    let help = hall.invite("sip:112@{gate}", "105", &town);
    let template = Request {
        branch: "z9hG4bKflood-@NUMBER@".into(),
        call_id: "flood-@NUMBER@".into(),
        ..talk.bob.invite("sip:+499001234567@{gate}", "102", &town)
    };
    let template = String::from_utf8(template.bytes()).expect("text");
    let socket = UdpSocket::bind((town.at("pbx").ip(), 0)).expect("an address of its own");
    let (gate, over) = (town.at("gate"), AtomicBool::new(false));
    town.signal("STOP");
    flood(&socket, &template, gate, 0..HEAD_START);
    let (hangs_up, calls_for_help) = thread::scope(|threads| {
        let (over, socket) = (&over, &socket);
        threads.spawn(move || {
            flood(socket, &template, gate, (HEAD_START..).take_while(|_| !over.load(Ordering::Relaxed)));
        });
        let end = End(over);
        town.signal("CONT");
        let refused = first_503(socket);
        // Both while the flood goes on.
        let bye = talk.request(&talk.bob, "BYE", 2, &town).bytes();
        let hangs_up = until_heard(&talk.bob, &bye, &town.one, "BYE");
        let calls_for_help = until_heard(&hall, &help.bytes(), &town.two, "INVITE");
        drop(end);
        let refused = refused.expect("a new call is turned away");
        assert!(refused.contains("\r\nRetry-After: "), "{refused}");
        (hangs_up, calls_for_help)
    });
    assert_eq!(calls_for_help.request_uri(), town.fill("sip:112@{trunk_two}"));
    let parties = [(&talk.bob, &town.one, hangs_up), (&hall, &town.two, calls_for_help)];
    for (party, trunk, came) in parties {
        let answer = until_answered(party, trunk, &came);
        assert_eq!(answer.status(), 200, "{}", text(answer.bytes()));
    }
    // Once the wire is empty a new call is one like any other.
    assert!(town.caller("stranger").exchange(b"\r\n\r\n").is_empty());
    for trunk in [&town.one, &town.two] {
        while trunk.hear_within(AGAIN).is_some() {}
    }
    town.expect_honest_call("a flood of INVITEs");
}

/// Longer than the gate remembers a call that is over (`gate::cutoff`).
const FORGOTTEN: Duration = Duration::from_secs(34);

/// Gina's second phone is silent until the call that rang there too is over, rings then, and never says more: the gate once stood
/// still for ever when the call was to be forgotten.
#[test]
#[allow(clippy::disallowed_methods)] // The gate forgets by its own clock.
fn a_phone_that_first_rings_when_the_call_is_over_does_not_hold_up_the_gate() {
    let town = Town::open();
    let (first, second, frank) = (town.caller("phone_one"), town.caller("phone_two"), town.caller("pbx"));
    at_home(&first, &town, "107");
    at_home(&second, &town, "107");
    let invite = frank.invite("sip:107@{gate}", "106", &town);
    frank.exchange(&invite.bytes());
    let rings = second.expect();
    assert_eq!(rings.method_text(), "INVITE");
    accept(&first, &first.expect());
    assert_eq!(frank.expect_final().status(), 200);
    let inside = |method: &str, cseq: u32| Request {
        method: method.into(),
        branch: frank.fresh("z9hG4bK"),
        to: format!("{};tag=same", invite.to),
        cseq,
        headers: vec![town.fill("Route: <sip:{gate};lr>")],
        ..invite.clone()
    };
    frank.send(&inside("ACK", 1).bytes());
    assert_eq!(first.expect().method_text(), "ACK");
    frank.send(&inside("BYE", 2).bytes());
    accept(&first, &first.expect());
    assert_eq!(frank.expect_final().status(), 200);

    second.send(&tollgate::sip::reply(&rings, 180, "Ringing", "late", &[]));
    let mut heard = second.expect();
    while heard.method_text() == "INVITE" {
        heard = second.expect();
    }
    assert_eq!(heard.method_text(), "CANCEL");
    thread::sleep(FORGOTTEN);
    let options = Request::new(&frank, "OPTIONS", &town.fill("sip:{gate}"), "106");
    assert_eq!(only(frank.exchange(&options.bytes())).status(), 200);
    town.expect_honest_call("a phone that rings for ever");
}
