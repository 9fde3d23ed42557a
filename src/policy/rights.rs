//! The effective rights of one person (R6): every permit, guard and budget with where it came from, for one printed page.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::base::PersonId;

use super::attempt::{BudgetLimit, ConcurrencyLimit};
use super::document::PermitRule;
use super::snapshot::{Assignment, Policy, Via};

/// What one person may do and spend at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectiveRights {
    pub person: PersonId,
    /// Nothing below counts while this holds.
    pub locked: bool,
    /// Every assignment, also those that are over or yet to come.
    pub assignments: Vec<HeldRole>,
    pub permits: Vec<HeldPermit>,
    pub guards: Vec<HeldGuard>,
    /// Each says itself where it comes from.
    pub budgets: Vec<BudgetLimit>,
    pub concurrency: Vec<ConcurrencyLimit>,
}

/// A role the person was given, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRole {
    pub name: Arc<str>,
    pub via: Via,
    pub start: Option<DateTime<Utc>>,
    pub end: Option<DateTime<Utc>>,
    /// Whether it holds at the moment asked about.
    pub holds: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct HeldPermit {
    /// Such as `roles.sales.permits[0]`.
    pub path: String,
    /// The roles given to the person that bring it, itself or by inheritance.
    pub brought_by: Vec<Arc<str>>,
    pub rule: PermitRule,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldGuard {
    /// Such as `guards[0]` or `roles.sales.guards[1]`.
    pub path: Arc<str>,
    pub name: Arc<str>,
}

impl Policy {
    /// Everything that `decide` would go by for this person at this moment.
    pub fn effective_rights(&self, id: PersonId, at: DateTime<Utc>) -> EffectiveRights {
        let person = self.person(id);
        let era = self.era(id, at);
        let rights = &self.rights[era.rights];
        let permits = rights.permits.iter().map(|index| {
            let permit = &self.permits[*index];
            HeldPermit {
                path: permit.path.to_string(),
                brought_by: self.bringing(&person.assignments, *index, at),
                rule: permit.rule.clone(),
            }
        });
        let guards = self.company_guards.iter().chain(&rights.guards).map(|index| {
            let guard = &self.guards[*index];
            HeldGuard { path: guard.path.clone(), name: guard.name.clone() }
        });
        let held = person.assignments.iter().map(|each| HeldRole {
            name: self.roles[each.role.index()].name.clone(),
            via: each.via.clone(),
            start: each.start,
            end: each.end,
            holds: each.holds(at),
        });
        EffectiveRights {
            person: id,
            locked: person.locked,
            assignments: held.collect(),
            permits: permits.collect(),
            guards: guards.collect(),
            budgets: era.limits.budgets.clone(),
            concurrency: era.limits.concurrency.clone(),
        }
    }

    fn bringing(&self, assignments: &[Assignment], permit: usize, at: DateTime<Utc>) -> Vec<Arc<str>> {
        let held =
            assignments.iter().filter(|each| each.holds(at)).map(|each| &self.roles[each.role.index()]);
        let brings = held.filter(|role| {
            role.closure.iter().any(|each| self.roles[each.index()].permits.contains(&permit))
        });
        let mut names: Vec<Arc<str>> = brings.map(|role| role.name.clone()).collect();
        names.dedup();
        names
    }
}
