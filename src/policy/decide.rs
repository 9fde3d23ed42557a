//! The decision (R1, R2, R5 to R7, R40 to R51): one pure function over the snapshot. `explain` runs the very same code.

use std::sync::Arc;

use crate::base::PersonId;
use crate::base::number::{Canonical, canonical};

use super::attempt::{
    Attempt, Caller, Circumstances, Decision, Destination, Limits, Origin, Permit, Refusal, Target, Terms,
    TrunkChoice,
};
use super::class::Class;
use super::cover::{Asked, Called, Stop};
use super::document::Ending;
use super::explain::{Check, Recorder, Silent};
use super::hearsay::Hearsay;
use super::reason::Reason;
use super::snapshot::{Era, GuardEntry, PermitEntry, Policy, Site};

/// May this caller call this destination now? The same facts and policy version give the same answer for ever (R7).
pub fn decide(policy: &Policy, attempt: &Attempt<'_>) -> Decision {
    judge(policy, attempt, &mut Silent)
}

pub(super) fn judge<R: Recorder>(policy: &Policy, attempt: &Attempt<'_>, record: &mut R) -> Decision {
    judge_hearing(policy, attempt, Hearsay::Nothing, record)
}

pub(super) fn judge_hearing<R: Recorder>(
    policy: &Policy,
    attempt: &Attempt<'_>,
    hearsay: Hearsay<'_>,
    record: &mut R,
) -> Decision {
    let site = policy.site(attempt.site);
    let called = read(policy, attempt);
    record.note(Check::Number, None, || (String::new(), describe(policy, called)));
    // R41 is for our own people and phones: a trunk's caller is in the hands of her own network.
    let calls_for_help = matches!(called.destination, Destination::Emergency(_));
    if calls_for_help && attempt.caller != Caller::Outside {
        record.note(Check::Emergency, None, || (String::new(), "an emergency call passes everything".into()));
        return Decision::Permitted(emergency(attempt, site, called));
    }
    let verdict = match attempt.caller {
        Caller::Unknown => Err(called.refusal(Reason::UnknownCaller)),
        Caller::Person(_) | Caller::Outside => may_be_called(called).and_then(|()| match attempt.caller {
            Caller::Person(person) => outgoing(policy, attempt, person, called, hearsay, record),
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
    let plan = match attempt.caller {
        Caller::Outside => &site.incoming_plan,
        Caller::Person(_) | Caller::Unknown => &site.plan,
    };
    let destination = match attempt.target {
        Target::Known(destination) => destination,
        Target::Dialled(dialled) => match canonical(&dialled, plan) {
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

fn emergency(attempt: &Attempt<'_>, site: &Site, called: Called) -> Permit {
    let listed = !site.emergency_trunks.is_empty();
    Permit {
        destination: called.destination,
        class: called.class,
        country: called.country,
        site: attempt.site,
        closes: None,
        terms: Arc::new(Terms {
            trunks: if listed { TrunkChoice::Named(site.emergency_trunks.clone()) } else { TrunkChoice::Any },
            longest: None,
            on_change: Ending::Finish,
            origin: Origin::Emergency,
        }),
        limits: Arc::new(Limits::default()),
        circumstances: attempt.circumstances(),
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
        closes: None,
        terms: Arc::new(Terms {
            trunks: TrunkChoice::Any,
            longest: None,
            on_change: Ending::Finish,
            origin: Origin::Incoming,
        }),
        limits: Arc::new(Limits::default()),
        circumstances: attempt.circumstances(),
    })
}

fn outgoing<R: Recorder>(
    policy: &Policy,
    attempt: &Attempt<'_>,
    person: PersonId,
    called: Called,
    hearsay: Hearsay<'_>,
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
    let asked = Asked { policy, person, attempt, called, hearsay };
    let mut nearest: Option<(Stop, usize)> = None;
    for at in rights.permits.iter().copied() {
        let permit = &policy.permits[at];
        match asked.covers(permit) {
            Ok(()) => {
                record.note(Check::Permit, None, || (permit.path.to_string(), "covers the call".into()));
                return Ok(minted(&asked, permit, era));
            }
            Err(stop) => {
                record.note(Check::Permit, Some(stop.reason), || (permit.path.to_string(), stop.finding()));
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
            by_rule(refusal, &policy.permits[at].path)
        }
    })
}

fn minted(asked: &Asked<'_>, permit: &PermitEntry, era: &Era) -> Permit {
    let (attempt, called) = (asked.attempt, asked.called);
    Permit {
        destination: called.destination,
        class: called.class,
        country: called.country,
        site: attempt.site,
        closes: asked.closing(permit),
        terms: Arc::clone(&permit.terms),
        limits: era.limits.clone(),
        circumstances: Circumstances { heard: asked.hearsay != Hearsay::Nothing, ..attempt.circumstances() },
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
