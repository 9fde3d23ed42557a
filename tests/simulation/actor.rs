//! A phone or trunk with a will of its own: what it does next comes from chance (`temper`), what it repeats from RFC 3261 §17.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use tollgate::base::{Moment, Random};

use super::temper::{self, Habit};
use super::world::compose::branch_of;
use super::world::endpoint::Endpoint;
use super::world::script::{Pair, Words};
use super::world::text::{Text, tag_of};

/// T1 and T2 (§17.1.1.1), and 64*T1.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(32);
/// How long what is over is kept for repeats: twice 64*T1 and a little.
const KEPT: Duration = Duration::from_secs(70);

/// One party of the town.
pub struct Actor {
    pub endpoint: Endpoint,
    /// Carries calls for everybody rather than being called.
    pub is_trunk: bool,
    /// Without power: it hears and says nothing.
    pub is_dark: bool,
    /// What each request got as its last answer, for its repeats.
    answered: BTreeMap<String, (Moment, Option<Bytes>)>,
    /// The ACK of each final answer to an INVITE of its own, for its repeats.
    acknowledged: BTreeMap<String, (Moment, Option<Bytes>)>,
    /// What is sent again until something is heard, by what ends it: `branch METHOD` for a request, `call-id ACK …` for an answer.
    repeats: BTreeMap<String, Repeat>,
    talks: BTreeMap<String, Talk>,
}

struct Repeat {
    bytes: Bytes,
    next: Moment,
    interval: Duration,
    end: Moment,
    is_invite: bool,
}

/// One call as this party sees it.
#[derive(Default)]
struct Talk {
    /// Whom it is for, if it is its own.
    target: String,
    ended: Option<Moment>,
    habit: Habit,
    /// To-tags of the 2xx that came.
    forks: Vec<String>,
}

/// What an actor will do, and when.
pub struct Plan {
    pub after: Duration,
    pub act: String,
}

impl Plan {
    pub fn new(after_millis: u64, act: impl Into<String>) -> Plan {
        Plan { after: Duration::from_millis(after_millis), act: act.into() }
    }
}

/// What comes of something: messages that leave at once, later acts, and when to look at what is repeated.
#[derive(Default)]
pub struct Upshot {
    pub send: Vec<Bytes>,
    pub plans: Vec<Plan>,
    pub repeats: Vec<(Moment, String)>,
}

impl Upshot {
    fn plans(plans: Vec<Plan>) -> Upshot {
        Upshot { plans, ..Upshot::default() }
    }

    fn send(bytes: Option<Bytes>) -> Upshot {
        Upshot { send: bytes.into_iter().collect(), ..Upshot::default() }
    }
}

impl Actor {
    pub fn new(endpoint: Endpoint) -> Actor {
        Actor {
            is_trunk: matches!(endpoint.name, "main" | "backup"),
            is_dark: false,
            endpoint,
            answered: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            repeats: BTreeMap::new(),
            talks: BTreeMap::new(),
        }
    }

    pub fn is_reliable(&self) -> bool {
        self.endpoint.flow.transport.is_reliable()
    }

    /// The plug is pulled: what it knew is gone.
    pub fn go_dark(&mut self) {
        self.is_dark = true;
        self.endpoint.forget(None);
        self.answered.clear();
        self.acknowledged.clear();
        self.repeats.clear();
        self.talks.clear();
    }

    /// Does what it had planned; nothing if there is no longer anything to do it about.
    pub fn act(&mut self, now: Moment, act: &str) -> Upshot {
        let mut words = Words::read(act);
        let call_id = &words.value("id").unwrap_or_default().to_owned();
        let first = self.talks.get(call_id).and_then(|talk| talk.forks.first().cloned());
        if let (Some(value), None) = (first.clone(), words.value("with")) {
            words.pairs.push(Pair { key: "with".to_owned(), within: false, value });
        }
        let verb = words.bare.first().map_or("", String::as_str);
        let is_over = self.talks.get(call_id).is_some_and(|talk| talk.ended.is_some());
        if self.is_dark || (is_over && verb.starts_with(char::is_alphabetic)) {
            return Upshot::default();
        }
        let Ok(bytes) = self.endpoint.say(&words) else { return Upshot::default() };
        if let (true, Some(target)) = (verb == "INVITE", words.bare.get(1)) {
            self.talk(call_id).target.clone_from(target);
        }
        if verb == "BYE" && words.value("with") == first.as_deref() {
            self.talk(call_id).ended = Some(now);
        }
        let repeats = self.sent(now, &bytes).into_iter().collect();
        Upshot { send: vec![bytes], repeats, ..Upshot::default() }
    }

    /// What is sent again now, and when it is to be looked at once more.
    pub fn repeat(&mut self, now: Moment, until: &str) -> Upshot {
        let Some(repeat) = self.repeats.get_mut(until).filter(|repeat| repeat.next <= now) else {
            return Upshot::default();
        };
        if repeat.end <= now {
            self.repeats.remove(until);
            return Upshot::default();
        }
        repeat.interval *= 2;
        if !repeat.is_invite {
            repeat.interval = repeat.interval.min(T2);
        }
        repeat.next = now + repeat.interval;
        let (bytes, next) = (repeat.bytes.clone(), repeat.next);
        Upshot { send: vec![bytes], repeats: vec![(next, until.to_owned())], ..Upshot::default() }
    }

    /// What it says in every call that it believes to be alive.
    pub fn last_words(&self) -> Vec<String> {
        let open = self.talks.iter().filter(|(_, talk)| talk.ended.is_none());
        open.map(|(call_id, _)| format!("BYE id={call_id}")).collect()
    }

    /// Forgets what nobody can ask about any more.
    pub fn tidy(&mut self, now: Moment) {
        let is_old = |at: Moment| at + KEPT < now;
        self.answered.retain(|_, (at, _)| !is_old(*at));
        self.acknowledged.retain(|_, (at, _)| !is_old(*at));
        let over: Vec<String> = self
            .talks
            .iter()
            .filter(|(_, talk)| talk.ended.is_some_and(is_old))
            .map(|(id, _)| id.clone())
            .collect();
        for call_id in over {
            self.talks.remove(&call_id);
            self.endpoint.forget(Some(&call_id));
        }
    }

    /// A message from the gate: what goes back at once, and what it decides to do later.
    pub fn hear(&mut self, now: Moment, text: &Text, random: &mut Random) -> Upshot {
        if text.is_request() {
            self.hear_request(now, text, random)
        } else {
            self.hear_response(now, text, random)
        }
    }

    fn hear_request(&mut self, now: Moment, text: &Text, random: &mut Random) -> Upshot {
        let call_id = text.header("Call-ID").unwrap_or_default();
        let method = text.method();
        if method == "ACK" {
            let acknowledged = format!("{call_id} ACK {}", text.cseq());
            self.repeats.retain(|until, _| !until.starts_with(&acknowledged));
            return Upshot::default();
        }
        let key = format!("{} {method}", branch_of(text));
        if let Some((_, answer)) = self.answered.get(&key) {
            return Upshot::send(answer.clone());
        }
        self.answered.insert(key.clone(), (now, None));
        let within = text.header_str("To").is_some_and(|to| to.contains(";tag="));
        let is_new = !self.talks.contains_key(&call_id);
        let talk = self.talk(&call_id);
        if is_new {
            talk.habit = Habit::drawn(random);
        }
        if within && is_new {
            // §12.2.2: there is no such dialog, or none any more.
            talk.ended = Some(now);
        }
        let (habit, is_over) = (talk.habit, within && talk.ended.is_some());
        if is_over && (is_new || method != "BYE") {
            self.endpoint.hear_text(text.clone());
            return Upshot::plans(vec![Plan::new(10, format!("481 to={method} id={call_id}"))]);
        }
        if method == "CANCEL" {
            let answer = self.endpoint.hear_text(text.clone());
            self.answered.insert(key, (now, answer.clone()));
            return Upshot { plans: temper::on_cancel(&call_id, random), ..Upshot::send(answer) };
        }
        if method == "INVITE" && !within && !is_new {
            // The same call once more, by a process that knows nothing of the first: only the latest INVITE is answered.
            self.endpoint.forget(Some(&call_id));
        }
        self.endpoint.hear_text(text.clone());
        match method.as_str() {
            "INVITE" if within => Upshot::plans(temper::on_re_invite(&call_id, random)),
            "INVITE" => Upshot::plans(temper::on_call(&call_id, self.is_trunk, random)),
            "BYE" => {
                self.talk(&call_id).ended = Some(now);
                Upshot::plans(temper::on_bye(&call_id, habit, random))
            }
            "REFER" => Upshot::plans(temper::on_refer(&call_id, text, self.is_trunk, random)),
            _ => Upshot::plans(vec![Plan::new(10, format!("200 to={method} id={call_id}"))]),
        }
    }

    fn hear_response(&mut self, now: Moment, text: &Text, random: &mut Random) -> Upshot {
        let branch = branch_of(text);
        let (status, method) = (text.status(), text.method());
        let call_id = text.header("Call-ID").unwrap_or_default();
        if method == "INVITE" || status >= 200 {
            self.repeats.remove(&format!("{branch} {method}"));
        }
        if method != "INVITE" || status < 200 {
            self.endpoint.hear_text(text.clone());
            return Upshot::default();
        }
        let tag = text.header_str("To").and_then(tag_of).unwrap_or_default().to_owned();
        let key = format!("{branch} {tag}");
        if let Some((_, ack)) = self.acknowledged.get(&key) {
            return Upshot::send(ack.clone());
        }
        let is_new = !self.talks.contains_key(&call_id);
        let talk = self.talk(&call_id);
        if is_new || talk.forks.is_empty() {
            talk.habit = Habit::drawn(random);
        }
        let (habit, target) = (talk.habit, talk.target.clone());
        // A callee that asks again has no target of its own.
        let is_refresh = talk.forks.contains(&tag) || target.is_empty();
        let mut ack = self.endpoint.hear_text(text.clone());
        let mut plans = Vec::new();
        if (200..300).contains(&status) {
            let is_fork = !is_refresh && !self.talk(&call_id).forks.is_empty();
            self.talk(&call_id).forks.push(tag.clone());
            ack = self
                .endpoint
                .say(&Words::read(&format!("ACK id={call_id} with={tag}")))
                .ok()
                .filter(|_| habit.acknowledges);
            plans = match (is_refresh, is_fork) {
                (true, _) => Vec::new(),
                // §13.2.2.4: whoever wants one of several dialogs ends the others.
                (false, true) => vec![Plan::new(50, format!("BYE id={call_id} with={tag}"))],
                (false, false) => temper::on_answer(&call_id, random),
            };
        } else if status == 407 && text.cseq() == 1 && !target.is_empty() {
            plans.push(Plan::new(10, format!("INVITE {target} id={call_id}")));
        } else if matches!(status, 408 | 481) && is_refresh {
            // §12.2.1.2: the dialog is gone.
            plans.push(Plan::new(10, format!("BYE id={call_id}")));
        } else if !is_refresh {
            self.talk(&call_id).ended = Some(now);
        }
        self.acknowledged.insert(key, (now, ack.clone()));
        Upshot { plans, ..Upshot::send(ack) }
    }

    fn talk(&mut self, call_id: &str) -> &mut Talk {
        self.talks.entry(call_id.to_owned()).or_default()
    }

    /// What is sent will be sent again until it has its answer, over UDP.
    fn sent(&mut self, now: Moment, bytes: &Bytes) -> Option<(Moment, String)> {
        let text = Text::read(bytes);
        let (method, call_id) = (text.method(), text.header("Call-ID").unwrap_or_default());
        let until = match text.status() {
            0 if method == "ACK" => return None,
            0 => format!("{} {method}", branch_of(&text)),
            status => {
                self.answered.insert(format!("{} {method}", branch_of(&text)), (now, Some(bytes.clone())));
                if method != "INVITE" || status < 200 {
                    return None;
                }
                let tag = text.header_str("To").and_then(tag_of).unwrap_or_default();
                format!("{call_id} ACK {} {tag}", text.cseq())
            }
        };
        // A 2xx travels from end to end, so it is repeated over every transport (§13.3.1.4).
        let is_success = method == "INVITE" && (200..300).contains(&text.status());
        if self.is_reliable() && !is_success {
            return None;
        }
        let is_invite = method == "INVITE" && text.is_request();
        let next = now + T1;
        let repeat = Repeat { bytes: bytes.clone(), next, interval: T1, end: now + PATIENCE, is_invite };
        self.repeats.insert(until.clone(), repeat);
        Some((next, until))
    }
}
