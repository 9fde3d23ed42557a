//! Using proofs that were not made for this (R25, RFC 7616 §3.3, §3.4, §5): replayed, of another method, address, nonce or person.

use tollgate::sip::Message;

use super::attacks::{Attack, CALL, WRONG_DIGEST, all_fail};
use super::caller::{Caller, Request, answer_to, only};
use super::town::Town;

const NUMBER: &str = "sip:03023125500@{gate}";
const OTHER: &str = "sip:03023125501@{gate}";

/// The challenge to this request.
fn challenge(phone: &Caller, request: &Request) -> Message {
    only(phone.exchange(&request.bytes()))
}

/// A new call with these credentials; the status of what came back.
fn present(town: &Town, phone: &Caller, uri: &str, credentials: &str) -> u16 {
    let invite = phone.invite(uri, "108", town).with(&format!("Proxy-Authorization: {credentials}"));
    let heard = phone.exchange(&invite.bytes());
    let status = heard.first().map_or(0, Message::status);
    if status == 100 {
        let came = town.one.expect_method("INVITE");
        town.one.answer(&came, 486, "trunk");
        town.one.expect_method("ACK");
        phone.acknowledge(&invite.bytes(), &phone.expect_final());
    }
    status
}

/// A challenge that nobody has answered yet, from a phone of Mallory's.
fn fresh(town: &Town, phone: &Caller) -> Message {
    challenge(phone, &phone.invite(NUMBER, "108", town))
}

#[test]
fn a_digest_serves_once() {
    let town = Town::open();
    let (phone, thief) = (town.caller("phone_one"), town.caller("stranger"));
    let challenged = fresh(&town, &phone);
    let used = answer_to(&challenged, "108", "password-108", "INVITE", &town.fill(NUMBER), 1);
    assert_eq!(present(&town, &phone, NUMBER, &used), 100, "honest");
    assert_eq!(present(&town, &phone, NUMBER, &used), 407, "the same again");
    assert_eq!(present(&town, &thief, NUMBER, &used), 407, "the same from elsewhere");
    let second = answer_to(&challenged, "108", "password-108", "INVITE", &town.fill(NUMBER), 2);
    assert_eq!(
        present(&town, &phone, NUMBER, &second.replace("nc=00000002", "nc=00000003")),
        407,
        "another count"
    );
    assert_eq!(present(&town, &phone, NUMBER, &second), 100, "the next count");
    town.expect_quiet_trunks("replayed digests");
}

#[test]
fn a_digest_without_count_serves_once_too() {
    let town = Town::open();
    let phone = town.caller("phone_one");
    let challenged = fresh(&town, &phone);
    let old = old_way(&challenged, &town.fill(NUMBER));
    assert_eq!(present(&town, &phone, NUMBER, &old), 100, "honest, as of RFC 2069");
    assert_eq!(present(&town, &phone, NUMBER, &old), 407, "the same again");
    town.expect_quiet_trunks("replayed digests without a count");
}

/// RFC 2617 §3.2.2.1 without a quality of protection.
fn old_way(challenged: &Message, uri: &str) -> String {
    use md5::Digest as _;
    let hash = |text: String| {
        md5::Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let value = answer_to(challenged, "108", "password-108", "INVITE", uri, 1);
    let nonce = value.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a nonce");
    let (one, two) = (hash("108:company.example:password-108".into()), hash(format!("INVITE:{uri}")));
    let response = hash(format!("{one}:{nonce}:{two}"));
    format!(
        "Digest username=\"108\", realm=\"company.example\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\""
    )
}

#[test]
fn a_digest_serves_its_own_request_alone() {
    let town = Town::open();
    let phone = town.caller("phone_one");
    let elsewhere = Town::open();
    let foreign = fresh(&elsewhere, &elsewhere.caller("phone_one"));
    let for_number = |user: &str, password: &str, method: &str, uri: &str| {
        let challenged = fresh(&town, &phone);
        answer_to(&challenged, user, password, method, &town.fill(uri), 1)
    };
    let good = || for_number("108", "password-108", "INVITE", NUMBER);
    let registered = {
        let register = Request::new(&phone, "REGISTER", &town.fill("sip:{gate}"), "108");
        answer_to(&challenge(&phone, &register), "108", "password-108", "REGISTER", &town.fill(NUMBER), 1)
    };
    let rows = [
        ("a digest made for another number", OTHER, good()),
        (
            "a digest made for another host",
            NUMBER,
            for_number("108", "password-108", "INVITE", "sip:03023125500@evil.example"),
        ),
        ("a digest of REGISTER", NUMBER, registered),
        ("a digest of BYE", NUMBER, for_number("108", "password-108", "BYE", NUMBER)),
        ("a wrong password", NUMBER, for_number("108", "password-102", "INVITE", NUMBER)),
        ("no password", NUMBER, for_number("108", "", "INVITE", NUMBER)),
        ("a user nobody has", NUMBER, for_number("999", "password-108", "INVITE", NUMBER)),
        ("a person without a phone", NUMBER, for_number("alice", "password-101", "INVITE", NUMBER)),
        (
            "a nonce of another gate",
            NUMBER,
            answer_to(&foreign, "108", "password-108", "INVITE", &town.fill(NUMBER), 1),
        ),
        ("a nonce made up", NUMBER, good().replacen("nonce=\"", "nonce=\"AA", 1)),
        ("another realm", NUMBER, good().replace("company.example", "evil.example")),
        ("integrity that was not offered", NUMBER, good().replace("qop=auth", "qop=auth-int")),
        ("a hash that was not offered", NUMBER, good().replace("algorithm=MD5", "algorithm=SHA-512")),
        ("a hash of another kind", NUMBER, good().replace("algorithm=MD5", "algorithm=SHA-256")),
        ("Bob's name over one's own proof", NUMBER, good().replace("username=\"108\"", "username=\"102\"")),
        ("no response", NUMBER, good().replace("response=", "answer=")),
        ("another scheme", NUMBER, good().replace("Digest ", "Basic ")),
        ("a proof cut short", NUMBER, good().chars().take(60).collect()),
    ];
    for (what, uri, credentials) in rows {
        assert_eq!(present(&town, &phone, uri, &credentials), 407, "{what}: {credentials}");
        town.expect_quiet_trunks(what);
    }
    assert_eq!(present(&town, &phone, NUMBER, &good()), 100, "an honest call after all");
    town.expect_honest_call("digests made for something else");
}

/// Several phones write only the gate's address as the digest's uri (see `gate::identify`): that says nothing of another number.
#[test]
fn a_digest_for_the_gate_itself_serves_once() {
    let town = Town::open();
    let phone = town.caller("phone_one");
    let challenged = fresh(&town, &phone);
    let credentials = answer_to(&challenged, "108", "password-108", "INVITE", &town.fill("sip:{gate}"), 1);
    assert_eq!(present(&town, &phone, NUMBER, &credentials), 100);
    assert_eq!(present(&town, &phone, OTHER, &credentials), 407);
}

/// The answer to a guess tells nobody who exists (R25).
#[test]
fn a_user_who_exists_is_answered_like_one_who_does_not() {
    let town = Town::open();
    let guess = |user: &'static str| Attack {
        hope: user,
        rule: "R25",
        from: user,
        login: Some((user, "guess")),
        counted: WRONG_DIGEST,
        ..CALL
    };
    all_fail(&town, &[guess("102"), guess("999"), guess("admin"), guess("")]);
}

/// More than the company's `failures_before_lock`.
const GUESSES: usize = 70;

/// Guesses from this place, each over the challenge that `asker` got; the status of the last answer.
fn guess(town: &Town, guesser: &Caller, asker: &Caller) -> u16 {
    let mut status = 0;
    for number in 0..GUESSES {
        let challenged = fresh(town, asker);
        if challenged.status() != 407 {
            return challenged.status();
        }
        let credentials =
            answer_to(&challenged, "102", &format!("guess-{number}"), "INVITE", &town.fill(NUMBER), 1);
        status = present(town, guesser, NUMBER, &credentials);
    }
    status
}

#[test]
fn a_guessing_source_is_locked_and_staff_is_not() {
    let town = Town::open();
    let (guesser, staff) = (town.caller("stranger"), town.caller("phone_one"));
    assert_eq!(guess(&town, &guesser, &guesser), 403, "locked");
    assert!(town.counted("tollgate_rejections_total code=\"source_locked\"") > 0);
    let right = answer_to(&fresh(&town, &staff), "108", "password-108", "INVITE", &town.fill(NUMBER), 1);
    assert_eq!(present(&town, &staff, NUMBER, &right), 100);
    town.expect_honest_call("guessed passwords");
}

/// One request with many answers is one guess, and the right one among them does not count.
#[test]
fn many_guesses_in_one_request_are_few() {
    let town = Town::open();
    let guesser = town.caller("stranger");
    let mut invite = guesser.invite(NUMBER, "108", &town);
    let challenged = challenge(&guesser, &invite);
    invite.again(&guesser);
    for number in 0..100 {
        let password = if number == 50 { "password-108".into() } else { format!("guess-{number}") };
        let answer = answer_to(&challenged, "108", &password, "INVITE", &invite.uri, number + 1);
        invite.headers.push(format!("Proxy-Authorization: {answer}"));
    }
    assert_eq!(only(guesser.exchange(&invite.bytes())).status(), 407);
    town.expect_quiet_trunks("a hundred guesses at once");
}

/// Over UDP anybody can send in the name of a phone, but only the phone hears its challenge: what was not made for its address is no
/// guess of its own. A second socket at the phone's address stands for the forger.
#[test]
fn guesses_in_the_name_of_a_phone_do_not_lock_it() {
    let town = Town::open();
    let (phone, forger, stranger) =
        (town.caller("phone_one"), town.caller("phone_one"), town.caller("stranger"));
    // The phone has been here before: what is sent in its name without a proof does not count against it either.
    let right = answer_to(&fresh(&town, &phone), "108", "password-108", "INVITE", &town.fill(NUMBER), 1);
    assert_eq!(present(&town, &phone, NUMBER, &right), 100);
    assert_eq!(guess(&town, &forger, &stranger), 407);
    for number in 0..GUESSES {
        let made_up = format!(
            "Digest username=\"102\", realm=\"company.example\", nonce=\"{number:056x}\", uri=\"sip:x@y\", \
             response=\"{number:032x}\""
        );
        assert_eq!(present(&town, &forger, NUMBER, &made_up), 407);
    }
    let right = answer_to(&fresh(&town, &phone), "108", "password-108", "INVITE", &town.fill(NUMBER), 1);
    assert_eq!(present(&town, &phone, NUMBER, &right), 100);
    let stolen = answer_to(&fresh(&town, &phone), "108", "password-108", "INVITE", &town.fill(NUMBER), 1);
    assert_eq!(present(&town, &stranger, NUMBER, &stolen), 407, "a proof that was caught on its way, unused");
}

/// A trunk or PBX is known by its address: what digests pass through it say nothing of it.
#[test]
fn digests_that_pass_through_a_trunk_do_not_lock_it() {
    let town = Town::open();
    let (trunk, stranger, gina) =
        (town.caller("trunk_tcp"), town.caller("stranger"), town.caller("phone_one"));
    super::registrations::at_home(&gina, &town, "107");
    guess(&town, &trunk, &stranger);
    let call = trunk.invite("sip:+493023125107@{gate}", "+12025550123", &town);
    trunk.exchange(&call.bytes());
    assert_eq!(gina.expect().method_text(), "INVITE");
}
