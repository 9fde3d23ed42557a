//! Sources that are locked because they only ever ask (R25): not where somebody has proved herself, and never for help (R41).

use std::time::Duration;

use super::caller::{Caller, Request, only, read};
use super::registrations::at_home;
use super::tickets::call;
use super::town::{PATIENCE, Town};

/// More than a locked source is told about.
const REQUESTS: usize = 50;
const LOCKED: &str = "tollgate_rejections_total code=\"source_locked\"";

fn town() -> Town {
    // As few as the settings allow, and fewer than are sent.
    Town::open_where(&[("tollgate.toml", "[sip]\n", "[sip]\nunproven_before_lock = 10\n")])
}

/// An answer that is due comes within this; what does not come by then is silence.
const SILENCE: Duration = Duration::from_secs(2);

/// Asks without a proof.
fn ask(town: &Town, asker: &Caller) -> Request {
    asker.invite("sip:03023125500@{gate}", "108", town)
}

/// Asks on and on until nothing comes back; the statuses until then. A locked source is not even answered an OPTIONS.
fn asks_until_silence(town: &Town, asker: &Caller) -> Vec<u16> {
    asker.set_patience(SILENCE);
    let heard = (0..REQUESTS).map_while(|_| {
        let invite = ask(town, asker).bytes();
        asker.send(&invite);
        let answer = read(asker.hear()?);
        asker.acknowledge(&invite, &answer);
        Some(answer.status())
    });
    heard.collect()
}

/// A second socket at a phone's address stands for whoever forges that address over UDP.
#[test]
fn who_only_asks_is_locked_but_not_where_somebody_has_proved_herself() {
    let town = town();
    let (gina, forger) = (town.caller("phone_one"), town.caller("phone_one"));
    at_home(&gina, &town, "107");
    for _ in 0..REQUESTS {
        let heard = only(forger.exchange(&ask(&town, &forger).bytes()));
        assert_eq!(heard.status(), 407, "nothing is locked in her name");
    }
    assert_eq!(town.counted(LOCKED), 0);
    assert_eq!(call(&gina, "107", "03023125500", &town), 486, "and she calls on");

    let nobody = town.caller("phone_two");
    let heard = asks_until_silence(&town, &nobody);
    let challenged = heard.iter().take_while(|status| **status == 407).count();
    assert!((1..=10).contains(&challenged) && heard.len() < REQUESTS, "{heard:?}");
    assert!(heard[challenged..].iter().all(|status| *status == 403), "{heard:?}");
    assert!(town.counted(LOCKED) > 0);
    town.expect_honest_call("a locked source");
}

#[test]
fn a_locked_source_still_calls_for_help() {
    let town = town();
    let hall = town.caller("phone_two");
    let mut scan = hall.invite("sip:100@{gate}", "x", &town);
    scan.headers.push("User-Agent: friendly-scanner".into());
    hall.send(&scan.bytes());
    assert!(
        asks_until_silence(&town, &hall).is_empty(),
        "a scanner hears nothing, whatever it calls itself later"
    );
    assert!(town.counted("tollgate_source_locks_total") > 0);

    let help = hall.invite("sip:112@{gate}", "105", &town);
    hall.set_patience(PATIENCE);
    hall.send(&help.bytes());
    let came = town.two.expect_method("INVITE");
    assert_eq!(came.request_uri(), town.fill("sip:112@{trunk_two}"));
    assert_eq!(hall.expect().status(), 100);
    town.two.answer(&came, 200, "help");
    assert_eq!(hall.expect_final().status(), 200);
    town.expect_quiet_trunks("a call for help");
}
