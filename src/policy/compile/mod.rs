//! From document and rows to the snapshot, or to every problem at once. A document with an error is refused whole.

mod contacts;
mod findings;
mod fraud;
mod people;
mod places;
mod roles;
mod standing;

use std::sync::Arc;

use chrono_tz::Tz;

use crate::base::number::DialPlan;

use super::class::Country;
use super::class_table::ClassTable;
use super::document::{Document, PersonRow, Rows};
use super::hours::Calendars;
use super::problem::{Problem, Severity};
use super::snapshot::{
    Department, GuardEntry, List, Map, PermitEntry, Person, Policy, RoleEntry, Site, fixed_keys,
};

pub use contacts::Intake;
use findings::Findings;

/// What the steps of the compilation build up; each step reads what the ones before it left.
#[derive(Default)]
struct Draft {
    zone: Tz,
    calendars: Calendars,
    sites: Vec<Site>,
    /// The sites' plans for numbers as people write them.
    writing: Vec<Arc<DialPlan>>,
    departments: Vec<Department>,
    roles: Vec<RoleEntry>,
    permits: Vec<PermitEntry>,
    guards: Vec<GuardEntry>,
    company_guards: Vec<usize>,
    hours: Vec<super::hours::Hours>,
    lists: Vec<List>,
    list_names: Vec<String>,
    classes: ClassTable,
    /// Countries of each zone, by name.
    zones: Map<String, Vec<Country>>,
    databases: Vec<Arc<str>>,
    people: Vec<Person>,
    findings: Findings,
}

/// Compiles a policy.
///
/// # Errors
/// Every problem of the document and its rows, errors and warnings, in the order of the document. With warnings alone
/// the policy stands, and `Policy::warnings` lists them.
pub fn compile(document: &Document, rows: &Rows) -> Result<Policy, Vec<Problem>> {
    let mut databases: Vec<Arc<str>> = Vec::new();
    for row in &rows.contacts {
        if !databases.iter().any(|name| **name == *row.database) {
            databases.push(row.database.as_str().into());
        }
    }
    build(document, databases, &rows.people, |intake| {
        rows.contacts.iter().for_each(|row| intake.take(&row.as_line()));
    })
}

/// As `compile`, but the contacts of `Document::databases` are handed in one by one by `contacts` when their turn has come.
///
/// # Errors
/// As `compile`.
pub fn compile_with(
    document: &Document,
    people: &[PersonRow],
    contacts: impl FnOnce(&mut Intake<'_>),
) -> Result<Policy, Vec<Problem>> {
    build(document, Vec::new(), people, contacts)
}

fn build(
    document: &Document,
    databases: Vec<Arc<str>>,
    people: &[PersonRow],
    contacts: impl FnOnce(&mut Intake<'_>),
) -> Result<Policy, Vec<Problem>> {
    let mut draft = Draft { zones: Map::with_hasher(fixed_keys()), databases, ..Draft::default() };
    draft.databases.extend(document.databases.iter().map(|name| Arc::from(name.as_str())));
    places::compile(document, &mut draft);
    roles::compile(document, &mut draft);
    let fraud = fraud::compile(&document.fraud, &mut draft);
    let directory = people::compile(document, people, &mut draft);
    let rights = standing::compile(document, people, &mut draft);
    let trunk_limits = standing::trunk_limits(document, draft.zone);
    let mut intake = Intake::of(document, &directory.by_key, &mut draft);
    contacts(&mut intake);
    let databases = intake.finish();
    let problems = draft.findings.into_problems();
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(problems);
    }
    Ok(Policy {
        version: document.version,
        zone: draft.zone,
        people: draft.people,
        sites: draft.sites,
        departments: draft.departments,
        roles: draft.roles,
        permits: draft.permits,
        guards: draft.guards,
        company_guards: draft.company_guards,
        fraud,
        rights,
        classes: draft.classes,
        hours: draft.hours,
        lists: draft.lists,
        databases,
        trunk_limits,
        by_key: directory.by_key,
        by_sip_user: directory.by_sip_user,
        by_number: directory.by_number,
        by_extension: directory.by_extension,
        by_company_extension: directory.by_company_extension,
        warnings: problems,
    })
}
