//! Taking somebody's calls, or sending them elsewhere, with REGISTER (R13, R25; RFC 3261 §10, RFC 4475 §3.3.14).

use tollgate::sip::{Message, Name};

use super::caller::{Caller, Request, only};
use super::town::{Town, text};

/// A REGISTER of `user` with this Contact, proved with this login.
fn register(phone: &Caller, town: &Town, user: &str, contact: &str, login: (&str, &str)) -> Message {
    let mut request = registration(phone, town, user, contact);
    only(phone.prove(&mut request, login.0, login.1))
}

fn registration(phone: &Caller, town: &Town, user: &str, contact: &str) -> Request {
    let mut request = Request::new(phone, "REGISTER", &town.fill("sip:{gate}"), user);
    request.to = format!("<sip:{user}@company.example>");
    request.contact = town.fill(contact).replace("{me}", &phone.address().to_string());
    request
}

/// Registers this phone as its owner does.
pub fn at_home(phone: &Caller, town: &Town, user: &str) {
    let answer = register(phone, town, user, "<sip:me@{me}>", (user, &format!("password-{user}")));
    assert_eq!(answer.status(), 200, "{}", text(answer.bytes()));
}

const MALLORY: (&str, &str) = ("108", "password-108");
const FOREIGN: &str = "tollgate_rejections_total code=\"foreign_registration\"";

/// Whose binding, Contact, status.
const ATTACKS: &[(&str, &str, &str, u16)] = &[
    ("take Bob's calls", "102", "<sip:me@{me}>", 403),
    ("take Bob's calls, his name escaped", "10%32", "<sip:me@{me}>", 403),
    ("remove Bob's phones", "102", "*", 403),
    ("read where Bob's phones are", "102", "", 403),
    ("register nobody", "999", "<sip:me@{me}>", 403),
    ("register by extension of a person without a phone", "105", "<sip:me@{me}>", 403),
    ("a Contact with maddr", "108", "<sip:me@{me};maddr={trunk_one.ip}>", 400),
    ("a Contact with MADDR", "108", "<sip:me@{me};MADDR={trunk_one.ip}>", 400),
    ("a Contact with a method", "108", "<sip:me@{me};method=BYE>", 400),
    ("a Contact without brackets, with headers", "108", "sip:me@{me}?Route=%3Csip:{trunk_one}%3E", 400),
    ("a Contact that is a number", "108", "<tel:+499001234567>", 400),
    ("a Contact of another scheme", "108", "<http://{trunk_one}/>", 400),
    ("a star beside a Contact", "108", "*, <sip:me@{me}>", 400),
    ("a Contact that never ends", "108", "<sip:me@{me}", 400),
];

#[test]
fn nobody_registers_for_another_or_elsewhere() {
    let town = Town::open();
    let bob = town.caller("phone_one");
    at_home(&bob, &town, "102");
    let phone = town.caller("phone_two");
    let unproved = only(phone.exchange(&registration(&phone, &town, "102", "<sip:me@{me}>").bytes()));
    assert_eq!(unproved.status(), 401);
    for (hope, user, contact, status) in ATTACKS {
        let counted = town.counted(FOREIGN) + town.counted("tollgate_parse_errors_total");
        let mut request = registration(&phone, &town, user, contact);
        let mut answer = only(phone.exchange(&request.bytes()));
        if answer.status() == 401 {
            request.again(&phone);
            request.sign(&answer, MALLORY.0, MALLORY.1, 1);
            answer = only(phone.exchange(&request.bytes()));
        }
        println!("{hope:55} {} {}", answer.status(), answer.reason());
        assert_eq!(answer.status(), *status, "{hope}: {}", text(answer.bytes()));
        let counts = town.counted(FOREIGN) + town.counted("tollgate_parse_errors_total") > counted;
        assert!(counts || *status == 400, "{hope} is not counted");
    }
    let many: Vec<String> = (0..40).map(|port| format!("<sip:me@{{me}};x={port}>")).collect();
    assert_eq!(register(&phone, &town, "108", &many.join(", "), MALLORY).status(), 403, "a fork bomb");
    expect_only_contact(&bob, &town);
    town.expect_honest_call("foreign registrations");
}

/// Bob's phone is where it was, and nowhere else.
fn expect_only_contact(bob: &Caller, town: &Town) {
    let fetched = register(bob, town, "102", "", ("102", "password-102"));
    let contacts: Vec<String> = fetched.headers(Name::Contact).map(|contact| contact.into_owned()).collect();
    assert_eq!(contacts.len(), 1, "{contacts:?}");
    assert!(contacts[0].contains(&bob.address().to_string()), "{contacts:?}");
}

/// Calls go to where the REGISTER came from, whatever stands in it, and carry none of its `?headers`.
#[test]
fn a_registered_contact_sends_calls_nowhere_else() {
    let town = Town::open();
    for contact in [
        "<sip:+499001234567@{trunk_one}>",
        "<sip:+499001234567@{trunk_one};transport=tcp;lr>",
        "<sip:me@{trunk_two}?Route=%3Csip:{trunk_one}%3E&P-Asserted-Identity=%3Csip:102%3E>",
    ] {
        let phone = town.caller("phone_two");
        assert_eq!(register(&phone, &town, "108", "*", MALLORY).status(), 400, "needs Expires 0");
        let mut request = registration(&phone, &town, "108", contact)
            .with("Supported: path")
            .with(&town.fill("Path: <sip:{trunk_one};lr>"));
        assert_eq!(only(phone.prove(&mut request, MALLORY.0, MALLORY.1)).status(), 200, "{contact}");
        let bob = town.caller("pbx");
        let invite = bob.invite("sip:108@{gate}", "102", &town);
        bob.exchange(&invite.bytes());
        let came = phone.expect();
        assert_eq!(came.method_text(), "INVITE", "{contact}");
        let said = text(came.bytes());
        assert!(!came.request_uri().contains('?') && !said.contains("P-Asserted-Identity=<"), "{said}");
        town.expect_quiet_trunks(contact);
        let mut gone = registration(&phone, &town, "108", "*").with("Expires: 0");
        assert_eq!(only(phone.prove(&mut gone, MALLORY.0, MALLORY.1)).status(), 200);
    }
}

/// RFC 4475 §3.3.12 to §3.3.14 to their end: proved, they succeed, and a fetch shows the Contact as it was meant.
#[test]
fn the_registrations_of_rfc_4475_succeed_once_proved() {
    let town = Town::open();
    for (name, user, shown) in [
        ("cparam01", "watson", "<sip:+19725552222@gw1.example.net>"),
        ("cparam02", "watson", "<sip:+19725552222@gw1.example.net;unknownparam>"),
        ("regescrt", "user", "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>"),
    ] {
        let Some(sample) = super::corpus::samples().into_iter().find(|sample| sample.name == name) else {
            return;
        };
        let phone = town.caller("phone_one");
        // Its Via names a port of the message's own world.
        let head = |extra: &str| {
            let sent = text(&sample.bytes);
            let via = format!("Via: SIP/2.0/UDP {};rport;branch={}", phone.address(), phone.fresh("z9hG4bK"));
            let at = sent.find("Via:").expect("it has one");
            let end = at + sent[at..].find("\r\n").expect("a line");
            format!("{}{via}{extra}{}", &sent[..at], &sent[end..]).into_bytes()
        };
        let challenged = only(phone.exchange(&head("")));
        assert_eq!(challenged.status(), 401, "{name}");
        let (uri, password) = ("sip:example.com", format!("password-{user}"));
        let answer = super::caller::answer_to(&challenged, user, &password, "REGISTER", uri, 1);
        let answer = only(phone.exchange(&head(&format!("\r\nAuthorization: {answer}"))));
        assert_eq!(answer.status(), 200, "{name}: {}", text(answer.bytes()));
        let contacts: Vec<String> =
            answer.headers(Name::Contact).map(|contact| contact.into_owned()).collect();
        assert!(contacts.iter().any(|contact| contact.starts_with(shown)), "{name}: {contacts:?}");
    }
}
