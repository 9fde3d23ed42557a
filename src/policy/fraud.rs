//! Signs of toll fraud: what they are called, and how much of each is too much (R2). What a person has lately dialled is kept in
//! the gate; nothing here changes with a call.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::base::{Money, PersonId};

use super::class::Class;
use super::snapshot::{ClassSet, Policy};

/// What makes a caller look like a thief of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Attempts to call watched classes, whatever became of them.
    Attempts,
    /// Different numbers of watched classes.
    Numbers,
    /// Answered calls of watched classes that were over at once.
    ShortCalls,
    /// Calls of watched classes at once.
    CallsAtOnce,
    /// The same digits behind several prefixes, as who looks for the way out dials them.
    Spellings,
    /// Numbers of one run, as who calls a rented block dials them.
    Neighbours,
    /// The first call ever to a country, outside working hours.
    NewCountry,
    /// An expensive call from a network or a kind of phone that the person has only just begun to use.
    NewSource,
}

impl Signal {
    pub const ALL: [Signal; 8] = [
        Signal::Attempts,
        Signal::Numbers,
        Signal::ShortCalls,
        Signal::CallsAtOnce,
        Signal::Spellings,
        Signal::Neighbours,
        Signal::NewCountry,
        Signal::NewSource,
    ];

    /// Stable: in records as `fraud.CODE`, in logs and as a metric label.
    pub const fn code(self) -> &'static str {
        match self {
            Signal::Attempts => "attempts",
            Signal::Numbers => "numbers",
            Signal::ShortCalls => "short_calls",
            Signal::CallsAtOnce => "calls_at_once",
            Signal::Spellings => "spellings",
            Signal::Neighbours => "neighbours",
            Signal::NewCountry => "new_country",
            Signal::NewSource => "new_source",
        }
    }

    pub fn from_code(code: &str) -> Option<Signal> {
        Signal::ALL.into_iter().find(|signal| signal.code() == code)
    }

    /// Where the limit of this signal stands in the policy document.
    pub const fn path(self) -> &'static str {
        match self {
            Signal::Attempts => "fraud.attempts",
            Signal::Numbers => "fraud.numbers",
            Signal::ShortCalls => "fraud.short_calls",
            Signal::CallsAtOnce => "fraud.calls_at_once",
            Signal::Spellings => "fraud.spellings",
            Signal::Neighbours => "fraud.neighbours",
            Signal::NewCountry => "fraud.working_hours",
            Signal::NewSource => "fraud.expensive",
        }
    }
}

/// How much of each sign of toll fraud is too much. A limit of zero turns its sign off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FraudRule {
    /// What thieves call; nothing else is watched or locked.
    pub classes: BTreeSet<Class>,
    /// How far back counts reach.
    pub window: Duration,
    /// Attempts in the window.
    pub attempts: u32,
    /// Different numbers in the window.
    pub numbers: u32,
    /// Answered calls in the window that lasted no longer than `short`.
    pub short_calls: u32,
    pub short: Duration,
    /// Of one person.
    pub calls_at_once: u32,
    /// Ways in which the same last eight digits were dialled in the window.
    pub spellings: u32,
    /// Numbers in the window that differ in their last two digits alone.
    pub neighbours: u32,
    /// Opening-hours expression; outside it the first call ever to a country is suspect. Empty text: at no time.
    pub working_hours: String,
    /// Per minute, from which on a call from a new network or phone is suspect. Zero: none is.
    pub expensive: Money,
    /// How long a class stays locked.
    pub lock: Duration,
}

impl Default for FraudRule {
    /// Far above what a person dials by hand, far below what a machine dials in a night.
    fn default() -> FraudRule {
        FraudRule {
            classes: [Class::International, Class::Premium, Class::Satellite, Class::Special].into(),
            window: Duration::from_secs(600),
            attempts: 40,
            numbers: 20,
            short_calls: 10,
            short: Duration::from_secs(15),
            calls_at_once: 5,
            spellings: 4,
            neighbours: 6,
            working_hours: "Mo-Sa 06:00-22:00; PH off".to_owned(),
            expensive: Money::from_micros(500_000),
            lock: Duration::from_secs(3600),
        }
    }
}

/// How much of each signal one person may give before the class she calls is locked for her.
#[derive(Clone, Debug)]
pub struct FraudLimits {
    pub(super) classes: ClassSet,
    /// How far back counts reach.
    pub window: Duration,
    /// From how many on; `None`: never. The first of the window counts as one.
    pub attempts: Option<u32>,
    pub numbers: Option<u32>,
    pub short_calls: Option<u32>,
    pub calls_at_once: Option<u32>,
    pub spellings: Option<u32>,
    pub neighbours: Option<u32>,
    /// An answered call that lasts no longer is short.
    pub short: Duration,
    /// From this price per minute on a call is expensive.
    pub expensive: Option<Money>,
    /// The company's working hours, by position among the hours of the policy.
    pub(super) working_hours: Option<usize>,
    /// How long a class stays locked.
    pub lock: Duration,
}

impl FraudLimits {
    /// Whether calls of this class are watched at all.
    pub fn watches(&self, class: Class) -> bool {
        self.classes.has(class)
    }
}

impl Policy {
    pub fn fraud(&self) -> &FraudLimits {
        &self.fraud
    }

    /// Whether the working hours that fraud is judged by are over for this person. False where none are set.
    pub fn is_after_work(&self, person: PersonId, at: DateTime<Utc>) -> bool {
        let Some(hours) = self.fraud.working_hours.map(|at| &self.hours[at]) else { return false };
        let person = self.person(person);
        !hours.is_open(self.site(person.site).calendar, person.zone, at)
    }
}
