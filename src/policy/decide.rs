//! The decision (R1, R2, R5 to R7, R40 to R51): one pure function over the snapshot. `explain` runs the very same code.

use std::sync::Arc;

use chrono::DateTime;
use chrono_tz::Tz;

use crate::base::number::{Canonical, canonical};
use crate::base::{PersonId, PhoneNumber, SiteId};

use super::attempt::{
    Attempt, Caller, Decision, Destination, Limits, Origin, Permit, Refusal, Target, TrunkChoice,
};
use super::class::{Class, Country};
use super::document::By;
use super::explain::{Check, Recorder, Silent};
use super::reason::Reason;
use super::snapshot::{Era, GuardEntry, PermitEntry, Policy, Reach, Site};

/// May this caller call this destination now? The same facts and policy version give the same answer for ever (R7).
pub fn decide(policy: &Policy, attempt: &Attempt<'_>) -> Decision {
    judge(policy, attempt, &mut Silent)
}

/// What is called, as the rules see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Called {
    pub destination: Destination,
    pub class: Class,
    pub country: Option<Country>,
}

impl Called {
    fn number(&self) -> Option<PhoneNumber> {
        match self.destination {
            Destination::Number(number) => Some(number),
            Destination::Emergency(_)
            | Destination::Internal(_)
            | Destination::Feature(_)
            | Destination::NoSuchExtension(_)
            | Destination::Unknown(_) => None,
        }
    }

    fn refusal(&self, reason: Reason) -> Refusal {
        let mut refusal = Refusal::of(reason);
        refusal.class = Some(self.class);
        refusal.country = self.country;
        refusal.destination = Some(self.destination);
        refusal
    }
}

pub(super) fn judge<R: Recorder>(policy: &Policy, attempt: &Attempt<'_>, record: &mut R) -> Decision {
    let site = policy.site(attempt.site);
    let called = read(policy, attempt);
    record.note(Check::Number, None, || (String::new(), describe(policy, called)));
    if let Destination::Emergency(_) = called.destination {
        record.note(Check::Emergency, None, || (String::new(), "an emergency call passes everything".into()));
        return Decision::Permitted(emergency(attempt.site, site, called));
    }
    let verdict = match attempt.caller {
        Caller::Unknown => Err(called.refusal(Reason::UnknownCaller)),
        Caller::Person(_) | Caller::Outside => may_be_called(called).and_then(|()| match attempt.caller {
            Caller::Person(person) => outgoing(policy, attempt, person, called, record),
            Caller::Outside | Caller::Unknown => incoming(policy, attempt, called, record),
        }),
    };
    match verdict {
        Ok(permit) => Decision::Permitted(permit),
        Err(refusal) => {
            record.note(Check::Verdict, Some(refusal.reason()), || {
                (refusal.rule().unwrap_or_default().to_owned(), refusal.sentence(site.language))
            });
            Decision::Refused(refusal)
        }
    }
}

fn may_be_called(called: Called) -> Result<(), Refusal> {
    match called.destination {
        Destination::Unknown(_) => Err(called.refusal(Reason::UnknownNumber)),
        Destination::NoSuchExtension(_) => Err(called.refusal(Reason::NoSuchExtension)),
        Destination::Number(_) if called.class == Class::Unknown => {
            Err(called.refusal(Reason::UnknownNumber))
        }
        Destination::Emergency(_)
        | Destination::Internal(_)
        | Destination::Number(_)
        | Destination::Feature(_) => Ok(()),
    }
}

pub(super) fn read(policy: &Policy, attempt: &Attempt<'_>) -> Called {
    let site = policy.site(attempt.site);
    let destination = match attempt.target {
        Target::Known(destination) => destination,
        Target::Dialled(dialled) => match canonical(&dialled, &site.plan) {
            Canonical::Emergency(code) => Destination::Emergency(code),
            Canonical::Feature(code) => Destination::Feature(code),
            Canonical::Unknown(why) => Destination::Unknown(why),
            Canonical::Number(number) => {
                policy.person_by_number(number).map_or(Destination::Number(number), Destination::Internal)
            }
            Canonical::Extension(code) => policy
                .person_by_extension(attempt.site, code.as_str())
                .map_or(Destination::NoSuchExtension(code), Destination::Internal),
        },
    };
    let (class, country) = match destination {
        Destination::Emergency(_) => (Class::Emergency, Some(site.country)),
        Destination::Internal(_) | Destination::Feature(_) | Destination::NoSuchExtension(_) => {
            (Class::Internal, None)
        }
        Destination::Number(number) => policy.classes.class(number, site.home()),
        Destination::Unknown(_) => (Class::Unknown, None),
    };
    Called { destination, class, country }
}

fn describe(policy: &Policy, called: Called) -> String {
    let what = match called.destination {
        Destination::Emergency(code) => format!("emergency number {code}"),
        Destination::Internal(person) => format!("colleague {}", policy.person(person).key),
        Destination::Number(number) => number.to_string(),
        Destination::Feature(code) => format!("feature code {code}"),
        Destination::NoSuchExtension(code) => format!("extension {code}, which nobody has"),
        Destination::Unknown(why) => return format!("unknown: {why}"),
    };
    match called.country {
        Some(country) => format!("{what}: {}, {country}", called.class),
        None => format!("{what}: {}", called.class),
    }
}

fn emergency(site_id: SiteId, site: &Site, called: Called) -> Permit {
    let listed = !site.emergency_trunks.is_empty();
    Permit {
        destination: called.destination,
        class: called.class,
        country: called.country,
        site: site_id,
        trunks: if listed { TrunkChoice::Named(site.emergency_trunks.clone()) } else { TrunkChoice::Any },
        longest: None,
        limits: Arc::new(Limits::default()),
        origin: Origin::Emergency,
    }
}

/// A call from a trunk: to one of our people, unless a guard stops the caller; never through us and out again (R23).
fn incoming<R: Recorder>(
    policy: &Policy,
    attempt: &Attempt<'_>,
    called: Called,
    record: &mut R,
) -> Result<Permit, Refusal> {
    let Destination::Internal(_) = called.destination else {
        return Err(called.refusal(Reason::OutsideToOutside));
    };
    for guard in policy.company_guards.iter().map(|at| &policy.guards[*at]) {
        let stopped = attempt
            .caller_number
            .is_some_and(|number| guard.lists.iter().any(|at| policy.lists[*at].has(number)));
        let reason = stopped.then(|| guard_reason(guard));
        record.note(Check::Guard, reason, || (guard.path.to_string(), guard.name.to_string()));
        if let Some(reason) = reason {
            return Err(by_rule(called.refusal(reason), &guard.path));
        }
    }
    Ok(Permit {
        destination: called.destination,
        class: called.class,
        country: called.country,
        site: attempt.site,
        trunks: TrunkChoice::Any,
        longest: None,
        limits: Arc::new(Limits::default()),
        origin: Origin::Incoming,
    })
}

fn outgoing<R: Recorder>(
    policy: &Policy,
    attempt: &Attempt<'_>,
    person: PersonId,
    called: Called,
    record: &mut R,
) -> Result<Permit, Refusal> {
    if policy.person(person).locked {
        record.note(Check::Lock, Some(Reason::FraudLock), || (String::new(), "the person is locked".into()));
        return Err(called.refusal(Reason::FraudLock));
    }
    let era = policy.era(person, attempt.at);
    let rights = &policy.rights[era.rights];
    for guard in policy.company_guards.iter().chain(&rights.guards).map(|at| &policy.guards[*at]) {
        let reason = stops(policy, guard, called).then(|| guard_reason(guard));
        record.note(Check::Guard, reason, || (guard.path.to_string(), guard.name.to_string()));
        if let Some(reason) = reason {
            return Err(by_rule(called.refusal(reason), &guard.path));
        }
    }
    let asked = Asked { policy, person, attempt, called };
    let mut nearest: Option<(Stop, usize)> = None;
    for at in rights.permits.iter().copied() {
        let permit = &policy.permits[at];
        match asked.covers(permit) {
            Ok(()) => {
                record.note(Check::Permit, None, || (permit.path(), "covers the call".into()));
                return Ok(minted(attempt, called, permit, era));
            }
            Err(stop) => {
                record.note(Check::Permit, Some(stop.reason), || (permit.path(), stop.finding()));
                if nearest.is_none_or(|(before, _)| stop.is_nearer_than(before)) {
                    nearest = Some((stop, at));
                }
            }
        }
    }
    Err(match nearest {
        None => called.refusal(Reason::IncomingOnly),
        Some((stop, at)) => {
            let mut refusal = called.refusal(stop.reason);
            refusal.until = stop.until;
            by_rule(refusal, &policy.permits[at].path().into())
        }
    })
}

fn minted(attempt: &Attempt<'_>, called: Called, permit: &PermitEntry, era: &Era) -> Permit {
    Permit {
        destination: called.destination,
        class: called.class,
        country: called.country,
        site: attempt.site,
        trunks: permit.trunks.clone(),
        longest: permit.longest,
        limits: era.limits.clone(),
        origin: Origin::Permit { role: permit.role.clone(), index: permit.index },
    }
}

fn by_rule(mut refusal: Refusal, path: &Arc<str>) -> Refusal {
    refusal.rule = Some(path.clone());
    refusal
}

fn guard_reason(guard: &GuardEntry) -> Reason {
    if guard.fraud_lock { Reason::FraudLock } else { Reason::ForbiddenDestination }
}

/// A guard stops whatever any one of its lists names.
fn stops(policy: &Policy, guard: &GuardEntry, called: Called) -> bool {
    if guard.classes.has(called.class) {
        return true;
    }
    let Some(number) = called.number() else { return false };
    called.country.is_some_and(|country| guard.countries.binary_search(&country).is_ok())
        || guard.prefixes.longest(number.digits().as_str()).is_some()
        || guard.lists.iter().any(|at| policy.lists[*at].has(number))
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
    fn is_nearer_than(&self, other: Stop) -> bool {
        let sooner = match (self.until, other.until) {
            (Some(mine), Some(theirs)) => mine < theirs,
            (Some(_), None) => true,
            (None, _) => false,
        };
        self.reason > other.reason || self.reason == other.reason && sooner
    }

    fn finding(&self) -> String {
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
