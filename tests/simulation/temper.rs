//! How people and carriers behave, drawn by chance: who rings, answers, forks, refuses, says nothing, and who hangs up when.

use tollgate::base::Random;

use super::actor::Plan;
use super::world::text::{Text, uri_of};

/// What one party does in one call that others would not.
#[derive(Clone, Copy)]
pub struct Habit {
    /// Answers a 2xx with an ACK.
    pub acknowledges: bool,
    /// Answers a BYE.
    pub answers_bye: bool,
}

impl Default for Habit {
    fn default() -> Habit {
        Habit { acknowledges: true, answers_bye: true }
    }
}

impl Habit {
    pub fn drawn(random: &mut Random) -> Habit {
        Habit { acknowledges: !random.one_in(40), answers_bye: !random.one_in(25) }
    }
}

/// How a callee or a trunk takes a call.
pub fn on_call(call_id: &str, is_trunk: bool, random: &mut Random) -> Vec<Plan> {
    let say = |after: u64, words: &str| Plan::new(after, format!("{words} to=INVITE id={call_id}"));
    let trying = say(5, "100 keep=yes");
    let ringing = 20 + random.below(800);
    let answer = ringing + 200 + random.below(6_000);
    match random.below(28) {
        0 if is_trunk => Vec::new(),
        1 | 2 if is_trunk => vec![trying, say(100, "503")],
        3 | 4 => vec![trying, say(ringing, "180 keep=yes"), say(answer, "486")],
        5 | 6 => vec![trying, say(ringing, pick(random, &["404", "603", "500", "480", "408", "410"]))],
        // It rings until somebody loses patience.
        7 => vec![trying, say(ringing, "180 keep=yes")],
        // Sound without an answer, the oldest of free calls (R75).
        8 if is_trunk => vec![trying, say(ringing, "183 keep=yes")],
        9 if is_trunk => vec![
            trying,
            say(ringing, "180 keep=yes tag=a"),
            say(ringing + 10, "183 keep=yes tag=b"),
            say(answer, "200 keep=yes tag=a"),
            say(answer + random.below(3_000), "200 tag=b"),
        ],
        10 if is_trunk => vec![trying, say(ringing, CHALLENGE)],
        11 if is_trunk => vec![trying, say(ringing, "302 Contact=<sip:+33123456789@198.51.100.7>")],
        12 => vec![say(10, "200")],
        kind => {
            let mut plans = vec![
                trying,
                say(ringing, if kind == 13 { "183 keep=yes" } else { "180 keep=yes" }),
                say(answer, "200"),
            ];
            if random.one_in(2) {
                plans.push(Plan::new(answer + 500 + random.below(100_000), format!("BYE id={call_id}")));
            }
            if random.one_in(6) {
                let later = answer + 1_000 + random.below(40_000);
                plans.push(Plan::new(
                    later,
                    format!("{} id={call_id}", pick(random, &["re-INVITE", "UPDATE", "INFO"])),
                ));
            }
            plans
        }
    }
}

/// What a carrier says that wants to be paid first.
const CHALLENGE: &str =
    "407 Proxy-Authenticate='Digest realm=\"carrier.example\", nonce=\"n1\", algorithm=MD5, qop=\"auth\"'";

/// The caller has lost patience; now and then the answer is quicker than that.
pub fn on_cancel(call_id: &str, random: &mut Random) -> Vec<Plan> {
    let status = if random.one_in(4) { "200" } else { "487" };
    vec![Plan::new(random.below(80), format!("{status} to=INVITE id={call_id}"))]
}

pub fn on_re_invite(call_id: &str, random: &mut Random) -> Vec<Plan> {
    let status = pick(random, &["200", "200", "200", "488", "500", ""]);
    if status.is_empty() {
        Vec::new()
    } else {
        vec![Plan::new(20, format!("{status} to=INVITE id={call_id}"))]
    }
}

pub fn on_bye(call_id: &str, habit: Habit, random: &mut Random) -> Vec<Plan> {
    if !habit.answers_bye {
        return Vec::new();
    }
    let status = pick(random, &["200", "200", "200", "200", "200", "200", "500", "481"]);
    vec![Plan::new(random.below(100), format!("{status} to=BYE id={call_id}"))]
}

/// The other party is to call somebody else: it agrees, and does so now and then.
pub fn on_refer(call_id: &str, refer: &Text, is_trunk: bool, random: &mut Random) -> Vec<Plan> {
    let mut plans = vec![Plan::new(10, format!("202 to=REFER id={call_id}"))];
    let target = refer.header("Refer-To").map(|to| uri_of(&to).to_owned()).unwrap_or_default();
    if !is_trunk && target.starts_with("sip:") && !random.one_in(3) {
        plans.push(Plan::new(60, format!("INVITE {target} id=referred-{call_id}")));
        plans.push(Plan::new(80, format!("NOTIFY id={call_id} Event=refer Subscription-State=terminated")));
    }
    plans
}

/// The caller has been answered.
pub fn on_answer(call_id: &str, random: &mut Random) -> Vec<Plan> {
    let mut plans = Vec::new();
    // Some leave the end to the other side, or to the gate.
    if !random.one_in(8) {
        plans.push(Plan::new(200 + random.below(120_000), format!("BYE id={call_id}")));
    }
    if random.one_in(5) {
        let every = 1_000 + random.below(20_000);
        for time in 1..=random.below(4) {
            plans.push(Plan::new(every * time, format!("re-INVITE id={call_id}")));
        }
    }
    if random.one_in(10) {
        let to = pick(random, &["03023125501", "203", "0033123456789", "206", "112"]);
        let later = 2_000 + random.below(20_000);
        plans.push(Plan::new(later, format!("REFER id={call_id} Refer-To=<sip:{to}@house.example>")));
    }
    plans
}

pub fn pick<'a>(random: &mut Random, words: &[&'a str]) -> &'a str {
    words[random.below(words.len() as u64) as usize]
}
