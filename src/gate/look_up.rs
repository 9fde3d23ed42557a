//! The stage before a refusal for want of a contact (R90): the database is asked about the number while its INVITE waits. Questions about one
//! number share one request; answers are remembered for a while; a database that is silent leaves the call to what the rules say then.
//! An emergency call never comes here.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ahash::RandomState;
use smallvec::SmallVec;

use super::identify::Identity;
use super::setup::Snapshot;
use super::{Asked, Gate, Output};
use crate::base::{Moment, Now, PersonId, PhoneNumber, Place, Slab, Wheel};
use crate::ledger::{Command, EndCause};
use crate::policy::{
    Attempt, Decision, Hearsay, Policy, Reason, Said, Word, decide, decide_hearing, whom_to_ask,
};
use crate::proxy::{loop_mark, validate};
use crate::sip::{Flow, Message};
use crate::transaction::ServerId;

/// How long an INVITE waits at most. Whoever asks has a shorter deadline and says when it is over; this is for one who says nothing.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a database that was silent is left alone about one number: a caller who tries again at once does not make it slower.
const SILENCE_FOR: Duration = Duration::from_secs(5);

/// INVITEs that wait at once. Beyond, a call is judged as if the database were silent (R92).
const WAITING_MAX: usize = 1000;

/// Answers that are remembered: a few megabytes. Beyond, the oldest are forgotten.
const REMEMBERED_MAX: usize = 20_000;

/// A number, and the database that is asked about it.
type Subject = (Arc<str>, PhoneNumber);

/// What a database answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookedUp {
    /// It counts for `remember`, and for `grace` beyond that as long as the database is silent.
    Contact {
        owner: Option<Arc<str>>,
        remember: Duration,
        grace: Duration,
    },
    Stranger {
        remember: Duration,
    },
    /// No answer in time, or none that can be understood.
    Silence,
}

/// What was heard, and what is asked.
pub(super) struct LookUps {
    remembered: HashMap<Subject, Remembered, RandomState>,
    /// The subjects of `remembered`, the oldest first.
    order: VecDeque<Subject>,
    asked: HashMap<Subject, SmallVec<[Place; 1]>, RandomState>,
    waiting: Slab<Waiting>,
    deadlines: Wheel<Place>,
}

struct Remembered {
    said: Said,
    until: Moment,
    grace: Moment,
}

/// An INVITE whose number is asked about.
struct Waiting {
    server: ServerId,
    flow: Flow,
    invite: Message,
    identity: Identity,
    /// Those that have not answered yet.
    subjects: SmallVec<[Subject; 1]>,
}

/// What the rules say once what was heard is counted in.
pub(super) enum Hearing {
    Verdict(Decision),
    /// These could still let it through.
    Ask(PhoneNumber, Vec<Arc<str>>),
}

impl LookUps {
    pub fn new(keys: RandomState) -> LookUps {
        LookUps {
            remembered: HashMap::with_hasher(keys.clone()),
            order: VecDeque::new(),
            asked: HashMap::with_hasher(keys),
            waiting: Slab::new(),
            deadlines: Wheel::new(),
        }
    }

    pub fn next_deadline(&self) -> Option<Moment> {
        self.deadlines.next_deadline()
    }

    /// The rules' verdict, with what is remembered of the number. An INVITE that has waited is not made to wait again: whoever has
    /// still said nothing is silent.
    pub fn judge(&self, now: Now, policy: &Policy, attempt: &Attempt<'_>, has_waited: bool) -> Hearing {
        let decision = decide(policy, attempt);
        let Some(refusal) = decision.refusal() else { return Hearing::Verdict(decision) };
        let Some((number, names)) = whom_to_ask(policy, attempt, refusal.reason(), &[]) else {
            return Hearing::Verdict(decision);
        };
        let may_wait = !has_waited && self.waiting.len() < WAITING_MAX;
        let said = |name: &Arc<str>| self.said(now.moment, &(Arc::clone(name), number));
        let missing: Vec<Arc<str>> = names.iter().filter(|name| said(name).is_none()).cloned().collect();
        let word =
            |name: &Arc<str>| Word { database: Arc::clone(name), said: said(name).unwrap_or(Said::Silence) };
        // One yes is enough: the others need not be asked.
        let known: Vec<Word> = names.iter().filter(|name| said(name).is_some()).map(word).collect();
        let so_far = decide_hearing(policy, attempt, Hearsay::Said(&known));
        if so_far.permit().is_some() || missing.is_empty() {
            return Hearing::Verdict(so_far);
        }
        if may_wait {
            return Hearing::Ask(number, missing);
        }
        let words: Vec<Word> = names.iter().map(word).collect();
        Hearing::Verdict(decide_hearing(policy, attempt, Hearsay::Said(&words)))
    }

    fn said(&self, now: Moment, subject: &Subject) -> Option<Said> {
        let remembered = self.remembered.get(subject).filter(|each| now < each.until)?;
        Some(remembered.said.clone())
    }

    fn remember(&mut self, now: Moment, subject: &Subject, answer: LookedUp) {
        let fresh = match answer {
            LookedUp::Contact { owner, remember, grace } => {
                let until = now + remember;
                Remembered { said: Said::Contact { owner }, until, grace: until + grace }
            }
            LookedUp::Stranger { remember } => {
                Remembered { said: Said::Stranger, until: now + remember, grace: now }
            }
            LookedUp::Silence => {
                let until = now + SILENCE_FOR;
                let old = self.remembered.get_mut(subject).filter(|old| now < old.grace);
                if let Some(old) = old {
                    // What it said before still counts for a while.
                    old.until = until.min(old.grace);
                    return;
                }
                Remembered { said: Said::Silence, until, grace: now }
            }
        };
        if self.remembered.insert(subject.clone(), fresh).is_none() {
            self.order.push_back(subject.clone());
        }
        if self.order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.remembered.remove(&oldest);
        }
    }

    /// The people behind waiting INVITEs in the words of another version of the policy.
    pub fn carry_over(&mut self, old: &Snapshot, new: &Snapshot) {
        for waiting in self.waiting.iter_mut() {
            waiting.identity.carry_over(&old.policy, &new.policy);
        }
    }
}

impl Identity {
    /// The same people in another version of the policy; whoever is gone is nobody.
    fn carry_over(&mut self, old: &Policy, new: &Policy) {
        let anew = |id: PersonId| new.person_by_key(&old.person(id).key);
        let gone = Identity::Refused { reason: Reason::UnknownCaller, person: None };
        match self {
            Identity::Person { id, .. } => match anew(*id) {
                Some(found) => *id = found,
                None => *self = gone,
            },
            Identity::Forwarder { id, speaker } => match anew(*id) {
                Some(found) => (*id, *speaker) = (found, speaker.and_then(anew)),
                None => *self = gone,
            },
            Identity::Refused { person, .. } => *person = person.and_then(anew),
            Identity::Outside { .. } | Identity::Nobody { .. } => {}
        }
    }
}

impl Gate {
    /// The INVITE waits until these databases have spoken of the number.
    pub(super) fn ask_about(
        &mut self,
        now: Now,
        from: (Flow, ServerId),
        invite: Message,
        identity: Identity,
        question: (PhoneNumber, Vec<Arc<str>>),
    ) {
        let ((flow, server), (number, names)) = (from, question);
        self.answer_plainly(now, server, &invite, 100);
        let subjects: SmallVec<[Subject; 1]> = names.into_iter().map(|name| (name, number)).collect();
        let waiting = Waiting { server, flow, invite, identity, subjects: subjects.clone() };
        let place = self.look_ups.waiting.insert(waiting);
        self.transactions.set_server(server, Asked::Waiting(place));
        self.look_ups.deadlines.insert(now.moment + PATIENCE, place);
        for subject in subjects {
            let others = self.look_ups.asked.entry(subject.clone()).or_default();
            others.push(place);
            if others.len() == 1 {
                let (database, number) = subject;
                self.outputs.push_back(Output::LookUp { database, number });
            }
        }
    }

    /// A database has spoken, or was silent. Those who waited for it alone are judged.
    pub(super) fn looked_up(&mut self, now: Now, database: Arc<str>, number: PhoneNumber, answer: LookedUp) {
        let subject = (database, number);
        self.look_ups.remember(now.moment, &subject, answer);
        for place in self.look_ups.asked.remove(&subject).unwrap_or_default() {
            let Some(waiting) = self.look_ups.waiting.at_mut(place) else { continue };
            waiting.subjects.retain(|each| *each != subject);
            if waiting.subjects.is_empty() {
                self.go_on(now, place);
            }
        }
    }

    /// Whoever has waited too long is judged without the answer, and nobody else waits for it.
    pub(super) fn give_up_look_ups(&mut self, now: Now) {
        while let Some(place) = self.look_ups.deadlines.pop_due(now.moment) {
            let Some(waiting) = self.look_ups.waiting.at(place) else { continue };
            for (database, number) in waiting.subjects.clone() {
                self.looked_up(now, database, number, LookedUp::Silence);
            }
        }
    }

    fn go_on(&mut self, now: Now, place: Place) {
        let Some(waiting) = self.look_ups.waiting.remove(place) else { return };
        self.judge_invite(now, waiting.flow, waiting.server, waiting.invite, Some(waiting.identity));
    }

    /// The caller hangs up while the number is asked about; the attempt is recorded (R100).
    pub(super) fn cancel_waiting(&mut self, now: Now, place: Place) {
        let Some(waiting) = self.look_ups.waiting.remove(place) else { return };
        self.end_waiting(now, waiting, 487);
    }

    /// The gate goes down: nobody is left waiting.
    pub(super) fn end_look_ups(&mut self, now: Now) {
        let places: Vec<Place> = self.look_ups.waiting.iter().map(|(place, _)| place).collect();
        for place in places {
            if let Some(waiting) = self.look_ups.waiting.remove(place) {
                self.end_waiting(now, waiting, 503);
            }
        }
    }

    fn end_waiting(&mut self, now: Now, waiting: Waiting, status: u16) {
        let Waiting { server, flow, invite, identity, .. } = waiting;
        let setup = Arc::clone(&self.setup);
        if let Ok(uri) = validate(&invite, &setup.interfaces, loop_mark(&self.loop_keys, &invite)) {
            let caller = identity.caller(&setup, flow, &invite);
            let mut record = self.facts(now, &setup, &caller, &uri).record;
            record.status = Some(status);
            record.end = Some(now.utc);
            record.end_cause = Some(if status == 487 { EndCause::Cancelled } else { EndCause::Lost });
            self.outputs.push_back(Output::Ledger(Command::Record(record)));
        }
        self.answer_plainly(now, server, &invite, status);
    }
}
