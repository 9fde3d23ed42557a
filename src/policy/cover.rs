//! Whether one permit covers one call whole (R1), and if not, where it stopped (R51).

use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::base::{PersonId, PhoneNumber};

use super::attempt::{Attempt, Destination, Refusal};
use super::class::{Class, Country};
use super::document::{By, Ending};
use super::reason::Reason;
use super::snapshot::{PermitEntry, Policy, Reach};

/// What is called, as the rules see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Called {
    pub destination: Destination,
    pub class: Class,
    pub country: Option<Country>,
}

impl Called {
    pub fn number(&self) -> Option<PhoneNumber> {
        match self.destination {
            Destination::Number(number) => Some(number),
            Destination::Emergency(_)
            | Destination::Internal(_)
            | Destination::Feature(_)
            | Destination::NoSuchExtension(_)
            | Destination::Unknown(_) => None,
        }
    }

    pub fn refusal(&self, reason: Reason) -> Refusal {
        let mut refusal = Refusal::of(reason);
        refusal.class = Some(self.class);
        refusal.country = self.country;
        refusal.destination = Some(self.destination);
        refusal
    }
}

/// Where a permit stopped covering the call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    pub reason: Reason,
    pub until: Option<DateTime<Tz>>,
}

impl Stop {
    fn at(reason: Reason) -> Stop {
        Stop { reason, until: None }
    }

    /// Further down the list of reasons; of two equals the one that ends sooner (R51).
    pub fn is_nearer_than(&self, other: Stop) -> bool {
        let sooner = match (self.until, other.until) {
            (Some(mine), Some(theirs)) => mine < theirs,
            (Some(_), None) => true,
            (None, _) => false,
        };
        self.reason > other.reason || self.reason == other.reason && sooner
    }

    pub fn finding(&self) -> String {
        match self.until {
            Some(until) => format!("{}, until {}", self.reason, until.to_rfc3339()),
            None => self.reason.code().to_owned(),
        }
    }
}

/// One question to one permit after another.
pub(super) struct Asked<'a> {
    pub policy: &'a Policy,
    pub person: PersonId,
    pub attempt: &'a Attempt<'a>,
    pub called: Called,
}

impl Asked<'_> {
    /// Whether the permit covers the call whole; the checks stand in the order of the list of reasons (R51).
    pub fn covers(&self, permit: &PermitEntry) -> Result<(), Stop> {
        let outside = self.called.number().is_some();
        if self.attempt.other_party_outside && outside && !permit.outside_to_outside {
            return Err(Stop::at(Reason::OutsideToOutside));
        }
        match permit.reach {
            Reach::Nobody => return Err(Stop::at(Reason::IncomingOnly)),
            Reach::Colleagues if self.called.class != Class::Internal => {
                return Err(Stop::at(Reason::InternalOnly));
            }
            Reach::Colleagues | Reach::Any | Reach::Crm { .. } | Reach::Own { .. } | Reach::Lists(_) => {}
        }
        self.covers_way(permit)?;
        self.covers_class(permit)?;
        self.covers_contact(&permit.reach)?;
        self.covers_hour(permit)
    }

    fn covers_way(&self, permit: &PermitEntry) -> Result<(), Stop> {
        if permit.by.contains(&self.attempt.by) {
            return Ok(());
        }
        Err(Stop::at(match self.attempt.by {
            By::Dial => Reason::NotPermitted,
            By::Forward => Reason::NotByForward,
            By::Transfer => Reason::NotByTransfer,
        }))
    }

    fn covers_class(&self, permit: &PermitEntry) -> Result<(), Stop> {
        let class = self.called.class;
        let colleague = matches!(permit.reach, Reach::Colleagues | Reach::Crm { colleagues: true, .. });
        if permit.classes.has(class) || class == Class::Internal && colleague {
            return Ok(());
        }
        if class != Class::International || permit.countries.is_empty() {
            return Err(Stop::at(Reason::NotPermitted));
        }
        let ticked =
            self.called.country.is_some_and(|country| permit.countries.binary_search(&country).is_ok());
        if ticked { Ok(()) } else { Err(Stop::at(Reason::CountryNotPermitted)) }
    }

    fn covers_contact(&self, reach: &Reach) -> Result<(), Stop> {
        let colleague = self.called.class == Class::Internal;
        match reach {
            Reach::Any | Reach::Colleagues => Ok(()),
            Reach::Nobody => Err(Stop::at(Reason::IncomingOnly)),
            Reach::Crm { colleagues: true, .. } if colleague => Ok(()),
            Reach::Crm { databases, .. } => {
                if self.any_number(|number| self.in_databases(databases, number)) {
                    Ok(())
                } else {
                    Err(Stop::at(Reason::NotAContact))
                }
            }
            Reach::Own { databases } => {
                let owner = self.person.0;
                let mine = |number: PhoneNumber| {
                    databases
                        .iter()
                        .any(|at| self.policy.databases[*at].owned.contains(&(number.as_u64(), owner)))
                };
                if self.any_number(mine) {
                    return Ok(());
                }
                let others = self.any_number(|number| self.in_databases(databases, number));
                Err(Stop::at(if others { Reason::NotOwnContact } else { Reason::NotAContact }))
            }
            Reach::Lists(lists) => {
                if self.any_number(|number| lists.iter().any(|at| self.policy.lists[*at].has(number))) {
                    Ok(())
                } else {
                    Err(Stop::at(Reason::NotOnList))
                }
            }
        }
    }

    fn in_databases(&self, databases: &[usize], number: PhoneNumber) -> bool {
        databases.iter().any(|at| self.policy.databases[*at].numbers.contains(&number.as_u64()))
    }

    /// The number called, or any outside number of the colleague called.
    fn any_number(&self, wanted: impl Fn(PhoneNumber) -> bool) -> bool {
        match self.called.destination {
            Destination::Number(number) => wanted(number),
            Destination::Internal(person) => {
                self.policy.person(person).numbers.iter().any(|number| wanted(*number))
            }
            Destination::Emergency(_)
            | Destination::Feature(_)
            | Destination::NoSuchExtension(_)
            | Destination::Unknown(_) => false,
        }
    }

    /// When the permit's hours end this call, if it says that they do (R82).
    pub fn closing(&self, permit: &PermitEntry) -> Option<DateTime<Utc>> {
        let grace = match permit.at_close {
            Ending::Finish => return None,
            Ending::Cut => Duration::ZERO,
            Ending::After(grace) => grace,
        };
        let hours = &self.policy.hours[permit.hours?];
        let person = self.policy.person(self.person);
        let calendar = self.policy.site(person.site).calendar;
        Some(hours.closes(calendar, person.zone, self.attempt.at)?.to_utc() + grace)
    }

    fn covers_hour(&self, permit: &PermitEntry) -> Result<(), Stop> {
        let Some(hours) = permit.hours.map(|at| &self.policy.hours[at]) else { return Ok(()) };
        let person = self.policy.person(self.person);
        let calendar = self.policy.site(person.site).calendar;
        if hours.is_open(calendar, person.zone, self.attempt.at) {
            return Ok(());
        }
        let (reason, until) = hours.closed(calendar, person.zone, self.attempt.at);
        Err(Stop { reason, until })
    }
}
