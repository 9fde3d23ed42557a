//! Where the stages of a call meet the watch over toll fraud.

use std::sync::Arc;

use super::{FraudLock, Sighting};
use crate::base::{Money, Now};
use crate::gate::call::CallKey;
use crate::gate::fraud;
use crate::gate::identify::Caller;
use crate::gate::invite::{Question, price_of};
use crate::gate::live::Group;
use crate::gate::transfer::Standing;
use crate::gate::{Event, Gate};
use crate::policy::{self, Class, Country, Decision, Destination, Permit, Reason, Refusal};
use crate::sip::Name;

impl Gate {
    /// The classes that are locked for somebody who looks like a thief of calls (R2).
    pub fn fraud_locks(&self, now: Now) -> Vec<FraudLock> {
        self.fraud.locks(now).cloned().collect()
    }

    /// Puts the locks of an earlier run in force again, as far as they have not ended and their people are still of the house. None
    /// lasts longer than a new one would, whatever the clock did meanwhile. How many there are.
    pub fn restore_fraud_locks(&mut self, now: Now, locks: impl IntoIterator<Item = FraudLock>) -> usize {
        let policy = &self.setup.policy;
        let latest = fraud::lock_end(now, policy);
        for lock in locks {
            let Some(person) = policy.person_by_key(&lock.person) else { continue };
            let (person, until) = (policy.person(person).key.clone(), lock.until.min(latest));
            self.fraud.lock(FraudLock { person, until, ..lock });
        }
        self.fraud.locks(now).count()
    }

    /// The countries that were called before this run; until they are known no call counts as the first to its country.
    pub fn remember_countries(&mut self, called: impl IntoIterator<Item = Country>) {
        self.fraud.remember_countries(called);
    }

    /// Lifts the locks of a person, of one class or of all, and begins her counts anew. How many there were.
    pub fn lift_fraud_locks(&mut self, person: &str, class: Option<Class>) -> usize {
        self.fraud.lift(person, class)
    }

    /// Takes note of an attempt of a person who is known, before anything else can stop it.
    pub(in crate::gate) fn watch_attempt(&mut self, asked: &Question<'_>, standing: &Standing) {
        let Question { now, setup, flow, invite, uri, .. } = *asked;
        let Standing { caller, decision, .. } = standing;
        let (policy::Caller::Person(person), Some(key)) = (caller.policy, &caller.key) else { return };
        let agent = invite.header(Name::UserAgent);
        let is_new_source = self.fraud.came_from(now, key, flow.remote.ip(), agent.as_deref());
        let (class, country, destination) = match decision {
            Decision::Permitted(permit) => (permit.class(), permit.country(), Some(permit.destination())),
            Decision::Refused(refusal) => {
                (refusal.class().unwrap_or(Class::Unknown), refusal.country(), refusal.destination())
            }
        };
        if class != Class::Unknown && !setup.policy.fraud().watches(class) {
            return;
        }
        let number = match destination {
            Some(Destination::Number(number)) => Some(number),
            Some(_) | None => None,
        };
        let price = decision.permit().and_then(|permit| price_of(&setup.tariffs, permit, now.utc).flatten());
        let seen = Sighting {
            person,
            class,
            country,
            number,
            raw: uri.user.unwrap_or(uri.body),
            price: price.map_or(Money::ZERO, |price| price.per_minute),
            is_new_source,
            calls_at_once: self.live.count(&Group::Watched(key.clone())),
            is_permitted: decision.permit().is_some(),
        };
        if let Some(lock) = self.fraud.attempted(now, &setup.policy, &seen) {
            self.tell(Event::FraudLocked(lock));
        }
    }

    /// Takes note of the end of an answered call.
    pub(in crate::gate) fn watch_end(&mut self, now: Now, key: CallKey, class: Class, seconds: u64) {
        let setup = Arc::clone(&self.setup);
        let answered = self.calls.at(key).filter(|call| call.is_answered());
        let Some(person) = answered.and_then(|call| call.record.person.as_ref()) else { return };
        if let Some(lock) = self.fraud.ended(now, &setup.policy, person, class, seconds) {
            self.tell(Event::FraudLocked(lock));
        }
    }

    /// The refusal of a call whose class is locked for the caller.
    pub(in crate::gate) fn fraud_refusal(
        &self,
        now: Now,
        caller: &Caller,
        permit: &Permit,
    ) -> Option<Refusal> {
        let (policy::Caller::Person(person), Some(key)) = (caller.policy, &caller.key) else { return None };
        let FraudLock { signal, until, .. } = self.fraud.lock_on(now, key, permit.class())?;
        let zone = self.setup.policy.person(person).zone;
        let refusal = Refusal::of(Reason::FraudLock).about(permit).until(until.with_timezone(&zone));
        Some(refusal.by_rule(signal.path()))
    }
}
