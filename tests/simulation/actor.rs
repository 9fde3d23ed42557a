//! A phone or trunk with a will of its own: what it does next comes from chance, what it repeats from RFC 3261 §17.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use tollgate::base::{Moment, Random};

use super::world::compose::branch_of;
use super::world::endpoint::Endpoint;
use super::world::script::Words;
use super::world::text::Text;

/// T1 and T2 (§17.1.1.1), and 64*T1.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(32);

/// One party of the town.
pub struct Actor {
    pub endpoint: Endpoint,
    /// Carries calls for everybody rather than being called.
    pub is_trunk: bool,
    /// What each request got as its last answer, for its repeats.
    answered: BTreeMap<String, Option<Bytes>>,
    /// The ACK of each final answer to an INVITE of its own, for its repeats.
    acknowledged: BTreeMap<String, Bytes>,
    repeats: Vec<Repeat>,
    /// Calls that are over here.
    ended: Vec<String>,
    /// Whom each call of its own is for.
    targets: BTreeMap<String, String>,
}

/// A message that is sent again until something is heard.
struct Repeat {
    /// What ends it: `branch METHOD` for a request, `call-id ACK` for an answer.
    until: String,
    bytes: Bytes,
    next: Moment,
    interval: Duration,
    end: Moment,
    is_invite: bool,
}

/// What an actor will do, and when.
pub struct Plan {
    pub after: Duration,
    pub act: String,
}

impl Plan {
    fn new(after_millis: u64, act: impl Into<String>) -> Plan {
        Plan { after: Duration::from_millis(after_millis), act: act.into() }
    }
}

impl Actor {
    pub fn new(endpoint: Endpoint) -> Actor {
        Actor {
            is_trunk: matches!(endpoint.name, "main" | "backup"),
            endpoint,
            answered: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            repeats: Vec::new(),
            ended: Vec::new(),
            targets: BTreeMap::new(),
        }
    }

    pub fn is_reliable(&self) -> bool {
        self.endpoint.flow.transport.is_reliable()
    }

    /// Does what it had planned; nothing if there is no longer anything to do it about.
    pub fn act(&mut self, now: Moment, act: &str) -> Option<Bytes> {
        let words = Words::read(act);
        let call_id = words.value("id").unwrap_or_default().to_owned();
        let verb = words.bare.first().cloned().unwrap_or_default();
        let hangs_up = verb == "BYE";
        if self.ended.contains(&call_id) && (hangs_up || verb == "re-INVITE" || verb == "CANCEL") {
            return None;
        }
        let bytes = self.endpoint.say(&words).ok()?;
        if let (true, Some(target)) = (verb == "INVITE", words.bare.get(1)) {
            self.targets.insert(call_id.clone(), target.clone());
        }
        if hangs_up {
            self.ended.push(call_id);
        }
        self.sent(now, &bytes);
        Some(bytes)
    }

    /// What time makes it send again.
    pub fn due(&mut self, now: Moment) -> Vec<Bytes> {
        self.repeats.retain(|repeat| repeat.end > now);
        let mut all = Vec::new();
        for repeat in self.repeats.iter_mut().filter(|repeat| repeat.next <= now) {
            all.push(repeat.bytes.clone());
            repeat.interval *= 2;
            if !repeat.is_invite {
                repeat.interval = repeat.interval.min(T2);
            }
            repeat.next = now + repeat.interval;
        }
        all
    }

    pub fn next_deadline(&self) -> Option<Moment> {
        self.repeats.iter().map(|repeat| repeat.next).min()
    }

    /// A message from the gate: what goes back at once, and what it decides to do later.
    pub fn hear(&mut self, now: Moment, bytes: &Bytes, random: &mut Random) -> (Vec<Bytes>, Vec<Plan>) {
        let text = Text::read(bytes);
        if text.is_request() {
            self.hear_request(now, bytes, &text, random)
        } else {
            self.hear_response(bytes, &text, random)
        }
    }

    fn hear_request(
        &mut self,
        now: Moment,
        bytes: &Bytes,
        text: &Text,
        random: &mut Random,
    ) -> (Vec<Bytes>, Vec<Plan>) {
        let call_id = text.header("Call-ID").unwrap_or_default();
        let method = text.method();
        if method == "ACK" {
            self.repeats.retain(|repeat| repeat.until != format!("{call_id} ACK {}", text.cseq()));
            return (Vec::new(), Vec::new());
        }
        let key = format!("{} {method}", branch_of(text));
        if let Some(answer) = self.answered.get(&key) {
            return (answer.iter().cloned().collect(), Vec::new());
        }
        self.answered.insert(key.clone(), None);
        let within = text.header("To").is_some_and(|to| to.contains(";tag="));
        if method == "CANCEL" {
            let answer = self.endpoint.hear(bytes);
            self.answered.insert(key, answer.clone());
            return (
                answer.into_iter().collect(),
                vec![Plan::new(random.below(50), format!("487 to=INVITE id={call_id}"))],
            );
        }
        self.endpoint.hear(bytes);
        let plans = match method.as_str() {
            "INVITE" if within => vec![Plan::new(
                20,
                format!("{} to=INVITE id={call_id}", pick(random, &["200", "200", "488"])),
            )],
            "INVITE" => self.answer_call(&call_id, random),
            "BYE" => {
                self.ended.push(call_id.clone());
                vec![Plan::new(random.below(100), format!("200 to=BYE id={call_id}"))]
            }
            _ => vec![Plan::new(10, format!("200 to={method} id={call_id}"))],
        };
        let _ = now;
        (Vec::new(), plans)
    }

    /// How a callee or a trunk takes a call.
    fn answer_call(&self, call_id: &str, random: &mut Random) -> Vec<Plan> {
        let say = |after: u64, status: &str| Plan::new(after, format!("{status} to=INVITE id={call_id}"));
        let trying = say(5, "100 keep=yes");
        let ringing = 20 + random.below(800);
        let end = ringing + 200 + random.below(6_000);
        match random.below(12) {
            0 if self.is_trunk => Vec::new(),
            1 if self.is_trunk => vec![trying, say(100, "503")],
            2 => vec![trying, say(ringing, "180 keep=yes"), say(end, "486")],
            3 => vec![trying, say(ringing, pick(random, &["404", "603", "500", "480"]))],
            // It rings until somebody loses patience.
            4 => vec![trying, say(ringing, "180 keep=yes")],
            _ => {
                let mut plans = vec![trying, say(ringing, "180 keep=yes"), say(end, "200")];
                if random.one_in(2) {
                    plans.push(Plan::new(end + 500 + random.below(100_000), format!("BYE id={call_id}")));
                }
                plans
            }
        }
    }

    fn hear_response(&mut self, bytes: &Bytes, text: &Text, random: &mut Random) -> (Vec<Bytes>, Vec<Plan>) {
        let branch = branch_of(text);
        let (status, method) = (text.status(), text.method());
        let call_id = text.header("Call-ID").unwrap_or_default();
        if method == "INVITE" || status >= 200 {
            self.repeats.retain(|repeat| repeat.until != format!("{branch} {method}"));
        }
        if method != "INVITE" || status < 200 {
            self.endpoint.hear(bytes);
            return (Vec::new(), Vec::new());
        }
        if let Some(ack) = self.acknowledged.get(&branch) {
            return (vec![ack.clone()], Vec::new());
        }
        let mut ack = self.endpoint.hear(bytes);
        let mut plans = Vec::new();
        if (200..300).contains(&status) {
            let words = Words::read(&format!("ACK id={call_id}"));
            ack = self.endpoint.say(&words).ok();
            if text.cseq() <= 2 {
                plans.push(Plan::new(200 + random.below(120_000), format!("BYE id={call_id}")));
                if random.one_in(5) {
                    plans.push(Plan::new(1_000 + random.below(20_000), format!("re-INVITE id={call_id}")));
                }
            }
        }
        if status == 407 && text.cseq() == 1 {
            let target = self.targets.get(&call_id).cloned().unwrap_or_default();
            plans.push(Plan::new(10, format!("INVITE {target} id={call_id}")));
        }
        if let Some(ack) = &ack {
            self.acknowledged.insert(branch, ack.clone());
        }
        (ack.into_iter().collect(), plans)
    }

    /// What is sent will be sent again until it has its answer, over UDP.
    fn sent(&mut self, now: Moment, bytes: &Bytes) {
        let text = Text::read(bytes);
        let (method, call_id) = (text.method(), text.header("Call-ID").unwrap_or_default());
        let until = match text.status() {
            0 if method == "ACK" => return,
            0 => format!("{} {method}", branch_of(&text)),
            status => {
                self.answered.insert(format!("{} {method}", branch_of(&text)), Some(bytes.clone()));
                if method != "INVITE" || status < 200 {
                    return;
                }
                format!("{call_id} ACK {}", text.cseq())
            }
        };
        // A 2xx travels from end to end, so it is repeated over every transport (§13.3.1.4).
        let is_success = method == "INVITE" && (200..300).contains(&text.status());
        if !self.is_reliable() || is_success {
            let is_invite = method == "INVITE" && text.is_request();
            let repeat = Repeat {
                until,
                bytes: bytes.clone(),
                next: now + T1,
                interval: T1,
                end: now + PATIENCE,
                is_invite,
            };
            self.repeats.push(repeat);
        }
    }
}

pub fn pick<'a>(random: &mut Random, words: &[&'a str]) -> &'a str {
    words[random.below(words.len() as u64) as usize]
}
