//! Forged, stolen and old marks of calls (R12): what our Record-Route says of a call serves that call alone, and not for ever.

use std::thread::sleep;
use std::time::Duration;

use tollgate::sip::{Message, Name};

use super::after_a_kill::inside;
use super::caller::{Caller, Request, only};
use super::dialogs::{accept, talk};
use super::registrations::at_home;
use super::town::{Town, text};

/// A free call of Frank's that Gina has answered, and the mark that he holds.
struct Held {
    frank: Caller,
    gina: Caller,
    invite: Request,
    answer: Message,
    mark: String,
}

impl Held {
    fn begin(town: &Town) -> Held {
        let (frank, gina) = (town.caller("pbx"), town.caller("phone_one"));
        at_home(&gina, town, "107");
        let invite = frank.invite("sip:107@{gate}", "106", town);
        frank.exchange(&invite.bytes());
        accept(&gina, &gina.expect());
        let answer = frank.expect_final();
        assert_eq!(answer.status(), 200);
        let mark = answer.header(Name::RecordRoute).expect("the gate stays in the path").into_owned();
        let held = Held { frank, gina, invite, answer, mark };
        held.frank.send(&held.inside(&held.frank, "ACK", 1, &held.mark).bytes());
        assert_eq!(held.gina.expect().method_text(), "ACK");
        held
    }

    fn inside(&self, sender: &Caller, method: &str, cseq: u32, mark: &str) -> Request {
        inside(sender, &self.answer, &self.invite, method, cseq, mark)
    }

    /// This gets 481 and Gina nothing.
    fn expect_refused(&self, what: &str, request: &Request) {
        let heard = self.frank.exchange(&request.bytes());
        assert_eq!(heard.len(), 1, "{what}");
        let heard = only(heard);
        assert_eq!(heard.status(), 481, "{what}: {}", text(heard.bytes()));
    }

    fn expect_gina_heard_nothing(&self, of: &str) {
        assert!(self.gina.exchange(b"\r\n\r\n").is_empty(), "Gina heard something of {of}");
    }

    /// The BYE that was meant reaches Gina.
    fn hangs_up(&self) {
        self.frank.send(&self.inside(&self.frank, "BYE", 99, &self.mark).bytes());
        let bye = self.gina.expect();
        assert_eq!(bye.method_text(), "BYE");
        accept(&self.gina, &bye);
        assert_eq!(self.frank.expect_final().status(), 200);
    }
}

/// Each letter of it once, ends cut off, more behind it: none of them leads anywhere.
#[test]
fn no_letter_of_a_mark_can_be_changed_at_the_running_gate() {
    let mut town = Town::open();
    let held = Held::begin(&town);
    town.is_killed_and_started(false);
    let start = held.mark.find("tg=").expect("our mark") + "tg=".len();
    let length = held.mark[start..].find([';', '>']).expect("its end");
    let (before, rest) = held.mark.split_at(start);
    let (letters, after) = rest.split_at(length);
    assert!(length > 40, "{letters}");
    let changed = (0..length).map(|at| {
        let other = if &letters[at..=at] == "A" { "B" } else { "A" };
        [&letters[..at], other, &letters[at + 1..]].concat()
    });
    let cut = (1..length).step_by(7).map(|end| letters[..end].to_owned());
    let longer = ["A", "0", "%41"].map(|more| format!("{letters}{more}"));
    for letters in changed.chain(cut).chain(longer) {
        let mark = [before, &letters, after].concat();
        held.expect_refused(&mark, &held.inside(&held.frank, "BYE", 9, &mark));
    }
    held.expect_gina_heard_nothing("changed marks");
    held.hangs_up();
}

#[test]
fn a_mark_lets_no_foreign_ack_and_no_new_call_through() {
    let mut town = Town::open();
    let held = Held::begin(&town);
    town.is_killed_and_started(false);
    for place in ["stranger", "phone_two"] {
        let thief = town.caller(place);
        let ack = held.inside(&thief, "ACK", 1, &held.mark);
        assert!(thief.exchange(&ack.bytes()).is_empty(), "an ACK is never answered");
    }
    let mut other = held.inside(&held.frank, "ACK", 1, &held.mark);
    other.call_id.push('x');
    assert!(held.frank.exchange(&other.bytes()).is_empty(), "an ACK is never answered");
    held.expect_gina_heard_nothing("ACKs that are not hers");
    // A callee who does not know the dialog would take this for a call to a premium number.
    let mut again = held.inside(&held.frank, "INVITE", 9, &held.mark);
    again.uri = format!("sip:+499001234567@{}", held.gina.address());
    held.expect_refused("a re-INVITE to a premium number", &again);
    again = held.inside(&held.frank, "INVITE", 10, &held.mark);
    again.uri = town.fill("sip:+499001234567@{trunk_one}");
    held.expect_refused("a re-INVITE to a trunk", &again);
    held.expect_gina_heard_nothing("a new call");
    town.expect_quiet_trunks("a mark and a premium number");
    held.hangs_up();
}

/// Longer than the gate remembers a call that is over (`gate::cutoff`).
const FORGOTTEN: Duration = Duration::from_secs(34);

#[test]
#[allow(clippy::disallowed_methods)] // The gate forgets by its own clock.
fn a_mark_of_a_call_that_is_over_leads_nowhere() {
    let town = Town::open();
    let talk = talk(&town, "102");
    let mark = talk.came.header(Name::RecordRoute).expect("the gate stays in the path").into_owned();
    talk.hang_up(&town, 2);
    for cseq in [10, 20] {
        // A second BYE that crosses the answer to the first is passed on as long as the call is remembered (R16).
        let methods: &[&str] = if cseq == 10 { &["INVITE", "INFO"] } else { &["INVITE", "INFO", "BYE"] };
        for method in methods {
            let mut request = talk.request(&talk.bob, method, cseq, &town);
            request.headers = vec![format!("Route: {mark}")];
            let heard = talk.bob.exchange(&request.bytes());
            assert_eq!(heard.len(), 1, "{method} {cseq}");
            assert_eq!(heard[0].status(), 481, "{method} {cseq}");
        }
        town.expect_quiet_trunks("the mark of a call that is over");
        sleep(if cseq == 10 { FORGOTTEN } else { Duration::ZERO });
    }
    town.expect_honest_call("the mark of a call that is over");
}

/// The longest call and the longest ringing are as short here as the settings allow.
const LONGEST: Duration = Duration::from_secs(60 + 10);

#[test]
#[allow(clippy::disallowed_methods)] // Marks grow old by the gate's own clock.
fn a_mark_is_not_kept_for_another_day() {
    let mut town = Town::open_where(&[(
        "tollgate.toml",
        "[sip]\n",
        "[sip]\ncall_longest = \"1m\"\ntimer_c = \"10s\"\n",
    )]);
    let held = Held::begin(&town);
    town.is_killed_and_started(false);
    // It is good today.
    held.frank.send(&held.inside(&held.frank, "INFO", 5, &held.mark).bytes());
    let info = held.gina.expect();
    assert_eq!(info.method_text(), "INFO");
    accept(&held.gina, &info);
    assert_eq!(held.frank.expect_final().status(), 200);
    sleep(LONGEST + Duration::from_secs(2));
    for (cseq, method) in ["INFO", "BYE", "INVITE"].into_iter().enumerate() {
        held.expect_refused(method, &held.inside(&held.frank, method, 10 + cseq as u32, &held.mark));
    }
    held.expect_gina_heard_nothing("an old mark");
}
