//! Toll fraud (R2): who behaves like a thief of calls finds the class that she calls locked for a while. Only that class, only for
//! her, and never an emergency call; the lock says why, and expires by itself.

mod sources;
mod stage;
mod trail;

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use ahash::RandomState;
use chrono::{DateTime, TimeDelta, Utc};
use smallvec::SmallVec;

use crate::base::{Money, Now, PersonId, PhoneNumber};
use crate::policy::{Class, Country, Policy, Signal};

use sources::Sources;
use trail::Trail;

/// A class that is locked for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FraudLock {
    pub person: Arc<str>,
    pub class: Class,
    pub signal: Signal,
    pub until: DateTime<Utc>,
}

/// One attempt of a known person to call a watched class or a number that cannot be read.
struct Sighting<'a> {
    person: PersonId,
    class: Class,
    country: Option<Country>,
    number: Option<PhoneNumber>,
    /// As dialled.
    raw: &'a str,
    /// Per minute.
    price: Money,
    /// She is known elsewhere and has only just begun to call from here, or with such a phone.
    is_new_source: bool,
    /// Her calls of watched classes in progress, without this one.
    calls_at_once: usize,
    is_permitted: bool,
}

/// What is remembered of one person.
#[derive(Default)]
struct Habits {
    trail: Trail,
    networks: Sources,
    phones: Sources,
}

/// What is remembered of the callers, and what is locked.
pub(super) struct Fraud {
    people: HashMap<Arc<str>, Habits, RandomState>,
    locks: HashMap<(Arc<str>, Class), FraudLock, RandomState>,
    /// Countries that anybody here has ever called; `None` until that is known.
    countries: Option<HashSet<Country, RandomState>>,
    hasher: RandomState,
}

impl Fraud {
    pub fn new(hasher: RandomState) -> Fraud {
        Fraud {
            people: HashMap::with_hasher(hasher.clone()),
            locks: HashMap::with_hasher(hasher.clone()),
            countries: None,
            hasher,
        }
    }

    /// The countries that were called before this run. Without them no call counts as the first to its country.
    pub fn remember_countries(&mut self, called: impl IntoIterator<Item = Country>) {
        let countries = self.countries.get_or_insert_with(|| HashSet::with_hasher(self.hasher.clone()));
        countries.extend(called);
    }

    /// Puts a lock in force, such as one that was in force before a restart.
    pub fn lock(&mut self, lock: FraudLock) {
        self.locks.insert((lock.person.clone(), lock.class), lock);
    }

    /// Ends the locks of a person, of one class or of all, and begins her counts anew. How many there were.
    pub fn lift(&mut self, person: &str, class: Option<Class>) -> usize {
        let before = self.locks.len();
        self.locks.retain(|(key, locked), _| **key != *person || class.is_some_and(|class| class != *locked));
        if let Some(habits) = self.people.get_mut(person) {
            habits.trail.begin_anew();
            habits.networks.trust();
            habits.phones.trust();
        }
        before - self.locks.len()
    }

    /// The lock on this class for this person, if one is in force.
    pub fn lock_on(&self, now: Now, person: &Arc<str>, class: Class) -> Option<&FraudLock> {
        self.locks.get(&(person.clone(), class)).filter(|lock| lock.until > now.utc)
    }

    pub fn locks(&self, now: Now) -> impl Iterator<Item = &FraudLock> {
        self.locks.values().filter(move |lock| lock.until > now.utc)
    }

    /// Takes note of an attempt. The lock that it brings about, if it does.
    fn attempted(&mut self, now: Now, policy: &Policy, seen: &Sighting<'_>) -> Option<FraudLock> {
        let limits = policy.fraud();
        let key = policy.person(seen.person).key.clone();
        let spelling = self.hasher.hash_one(digits_of(seen.raw).as_slice());
        let trail = &mut self.people.entry(key.clone()).or_default().trail;
        trail.attempted(now.moment, seen.number, seen.raw, spelling);
        // What cannot be read calls nobody: it counts as a spelling of what will be read later.
        if !limits.watches(seen.class) || self.lock_on(now, &key, seen.class).is_some() {
            return None;
        }
        let crowded = limits
            .calls_at_once
            .is_some_and(|limit| seen.is_permitted && seen.calls_at_once >= limit as usize);
        let is_expensive = limits.expensive.is_some_and(|limit| seen.price >= limit);
        let stolen = seen.is_permitted && seen.is_new_source && is_expensive;
        let explored = seen.is_permitted && self.is_first_call(seen.country, now, policy, seen.person);
        let trail = &mut self.people.get_mut(&key)?.trail;
        let signal = trail
            .signal(now.moment, limits)
            .or(crowded.then_some(Signal::CallsAtOnce))
            .or(explored.then_some(Signal::NewCountry))
            .or(stolen.then_some(Signal::NewSource))?;
        Some(self.lock_out(now, policy, key, seen.class, signal))
    }

    /// Takes note of an answered call of a watched class that has ended.
    fn ended(
        &mut self,
        now: Now,
        policy: &Policy,
        person: &Arc<str>,
        class: Class,
        seconds: u64,
    ) -> Option<FraudLock> {
        let limits = policy.fraud();
        if !limits.watches(class) || seconds > limits.short.as_secs() {
            return None;
        }
        let trail = &mut self.people.entry(person.clone()).or_default().trail;
        trail.talked_shortly(now.moment);
        let is_over = trail.is_short_winded(now.moment, limits);
        is_over.then(|| self.lock_out(now, policy, person.clone(), class, Signal::ShortCalls))
    }

    /// Takes note of the network and the kind of phone that somebody who proved herself uses. True if one of them is new for her.
    fn came_from(&mut self, now: Now, person: &Arc<str>, source: IpAddr, agent: Option<&str>) -> bool {
        let network = self.hasher.hash_one(network_of(source));
        let phone = self.hasher.hash_one(agent.map(kind_of_phone));
        let habits = self.people.entry(person.clone()).or_default();
        let is_new_network = habits.networks.saw(now.moment, network);
        habits.phones.saw(now.moment, phone) || is_new_network
    }

    fn is_first_call(
        &mut self,
        country: Option<Country>,
        now: Now,
        policy: &Policy,
        person: PersonId,
    ) -> bool {
        let (Some(country), Some(known)) = (country, &mut self.countries) else { return false };
        // Who has never called anywhere has no habits to depart from.
        let has_habits = !known.is_empty();
        known.insert(country) && has_habits && policy.is_after_work(person, now.utc)
    }

    fn lock_out(
        &mut self,
        now: Now,
        policy: &Policy,
        person: Arc<str>,
        class: Class,
        signal: Signal,
    ) -> FraudLock {
        if let Some(habits) = self.people.get_mut(&person) {
            habits.trail.begin_anew();
        }
        let lock = FraudLock { person, class, signal, until: lock_end(now, policy) };
        self.lock(lock.clone());
        lock
    }
}

/// When a lock that begins now ends.
fn lock_end(now: Now, policy: &Policy) -> DateTime<Utc> {
    let span = TimeDelta::from_std(policy.fraud().lock).unwrap_or(TimeDelta::MAX);
    now.utc.checked_add_signed(span).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The digits of what was dialled: two spellings that differ in separators alone are one.
fn digits_of(raw: &str) -> SmallVec<[u8; 32]> {
    raw.bytes().filter(u8::is_ascii_digit).collect()
}

/// Phones change their address within a network: 24 bits of an IPv4 address, 48 of an IPv6 address.
fn network_of(source: IpAddr) -> [u8; 6] {
    match source.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            [a, b, c, 0, 0, 0]
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, ..] = address.octets();
            [a, b, c, d, e, f]
        }
    }
}

/// A phone after an update is the same phone: what stands before the first version counts.
fn kind_of_phone(agent: &str) -> &str {
    agent.split(['/', ' ', '(']).next().unwrap_or_default()
}
