//! Why (R52): the same decision with its steps kept, and what would have let the call through.

use std::sync::Arc;

use chrono::DateTime;
use chrono_tz::Tz;

use super::attempt::{Attempt, Caller, Decision};
use super::cover::Asked;
use super::decide::{judge, read};
use super::hearsay::Hearsay;
use super::reason::Reason;
use super::snapshot::Policy;

/// What a step looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Check {
    Number,
    Emergency,
    Lock,
    Guard,
    Permit,
    Verdict,
}

/// One check, in the order in which they were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub check: Check,
    /// What stopped the call here; `None` if it passed.
    pub stopped: Option<Reason>,
    /// The path in the document, such as `roles.sales.permits[0]`; empty where no rule is involved.
    pub rule: String,
    /// What was found, for people to read.
    pub finding: String,
}

/// Receives the steps of a decision. The silent one costs nothing: its texts are never built.
pub(super) trait Recorder {
    /// `text` gives rule and finding.
    fn note(&mut self, check: Check, stopped: Option<Reason>, text: impl FnOnce() -> (String, String));
}

pub(super) struct Silent;

impl Recorder for Silent {
    fn note(&mut self, _: Check, _: Option<Reason>, _: impl FnOnce() -> (String, String)) {}
}

impl Recorder for Vec<Step> {
    fn note(&mut self, check: Check, stopped: Option<Reason>, text: impl FnOnce() -> (String, String)) {
        let (rule, finding) = text();
        self.push(Step { check, stopped, rule, finding });
    }
}

/// A decision with its trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    pub steps: Vec<Step>,
    pub decision: Decision,
    /// What would have let a refused call through; empty for permitted ones and where nothing would.
    pub remedies: Vec<Remedy>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Remedy {
    /// The same call at this moment.
    Wait(DateTime<Tz>),
    /// The same call now, under a role that the caller lacks.
    Role(Arc<str>),
}

/// The decision that `decide` makes, with every step of the way.
pub fn explain(policy: &Policy, attempt: &Attempt<'_>) -> Explanation {
    let mut steps = Vec::new();
    let decision = judge(policy, attempt, &mut steps);
    let remedies = remedies(policy, attempt, &decision);
    Explanation { steps, decision, remedies }
}

fn remedies(policy: &Policy, attempt: &Attempt<'_>, decision: &Decision) -> Vec<Remedy> {
    let (Some(refusal), Caller::Person(person)) = (decision.refusal(), attempt.caller) else {
        return Vec::new();
    };
    // Neither time nor roles help against a guard, a lock, an unreadable number.
    if refusal.reason() <= Reason::ForbiddenDestination && refusal.reason() != Reason::OutsideToOutside {
        return Vec::new();
    }
    let asked = Asked { policy, person, attempt, called: read(policy, attempt), hearsay: Hearsay::Nothing };
    let held = &policy.rights[policy.era(person, attempt.at).rights].roles;
    let others =
        policy.roles.iter().enumerate().filter(|(at, _)| !held.iter().any(|role| role.index() == *at));
    let helpful = others.filter(|(_, role)| {
        let mut permits = role.closure.iter().flat_map(|each| &policy.roles[each.index()].permits);
        permits.any(|at| asked.covers(&policy.permits[*at]).is_ok())
    });
    let roles = helpful.map(|(_, role)| Remedy::Role(role.name.clone()));
    refusal.ends().map(Remedy::Wait).into_iter().chain(roles).collect()
}
