//! What each person may do and spend, from one change of roles to the next (R3, R6).

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use super::Draft;
use super::findings::unknown;
use crate::base::{DepartmentId, RoleId};
use crate::policy::attempt::{Amount, BudgetLimit, ConcurrencyLimit, Holder, Limits};
use crate::policy::document::{BudgetHolder, Document, Limit, PeriodKind, PersonRow, Quantity};
use crate::policy::hours::instant;
use crate::policy::problem::Fault;
use crate::policy::snapshot::{Assignment, Era, Map, Rights, Via, fixed_keys};

/// Fills in the assignments and eras of every person; gives the sets of rights that eras point to.
pub(super) fn compile(document: &Document, people: &[PersonRow], draft: &mut Draft) -> Vec<Rights> {
    check_names(document, people, draft);
    let mut rights = Vec::new();
    let mut known: Map<Vec<RoleId>, usize> = Map::with_hasher(fixed_keys());
    let own_rules = own_rules(document);
    let shared = Shared::of(document, draft);
    for (at, row) in people.iter().enumerate() {
        let assignments = assignments(document, row, at, draft);
        let starts = std::iter::once(DateTime::<Utc>::MIN_UTC);
        let mut changes: Vec<_> =
            starts.chain(assignments.iter().flat_map(|each| [each.start, each.end]).flatten()).collect();
        changes.sort_unstable();
        changes.dedup();
        let eras = changes.into_iter().map(|from| {
            let roles = closure(&assignments, from, draft);
            let limits = person_limits(document, row, at, &roles, &own_rules, &shared, draft);
            let fresh = rights.len();
            let index = *known.entry(roles.clone()).or_insert(fresh);
            if index == fresh {
                rights.push(rights_of(roles, draft));
            }
            Era { from, rights: index, limits: Arc::new(limits) }
        });
        let eras = eras.collect();
        draft.people[at].eras = eras;
        draft.people[at].assignments = assignments;
    }
    rights
}

fn check_names(document: &Document, people: &[PersonRow], draft: &mut Draft) {
    let names = document.roles.iter().map(|role| role.name.as_str());
    for group in &document.groups {
        for (at, role) in group.roles.iter().enumerate() {
            draft.findings.find(format!("groups.{}.roles[{at}]", group.name), "role", role, names.clone());
        }
    }
    for department in &document.departments {
        for (at, role) in department.roles.iter().enumerate() {
            draft.findings.find(
                format!("departments.{}.roles[{at}]", department.name),
                "role",
                role,
                names.clone(),
            );
        }
    }
    for (at, rule) in document.budgets.iter().enumerate() {
        let path = format!("budgets[{at}].name");
        let trunks = document.trunks.iter().map(String::as_str);
        let departments = document.departments.iter().map(|department| department.name.as_str());
        let people = people.iter().map(|person| person.key.as_str());
        match &rule.holder {
            BudgetHolder::Company => None,
            BudgetHolder::Person(key) => draft.findings.find(path, "person", key, people),
            BudgetHolder::Department(name) => draft.findings.find(path, "department", name, departments),
            BudgetHolder::Trunk(name) => draft.findings.find(path, "trunk", name, trunks),
        };
    }
}

fn assignments(document: &Document, row: &PersonRow, at: usize, draft: &mut Draft) -> Vec<Assignment> {
    let mut found = Vec::new();
    let role =
        |name: &str| document.roles.iter().position(|role| role.name == name).map(|at| RoleId(at as u16));
    let zone = draft.people[at].zone;
    for (index, text) in row.roles.iter().enumerate() {
        let path = format!("people[{at}].roles[{index}]");
        let (name, span) =
            text.split_once('@').map_or((text.as_str(), None), |(name, span)| (name, Some(span)));
        let span = match span.map(|span| read_span(span, zone)) {
            None => Some((None, None)),
            Some(read) => read,
        };
        let Some((start, end)) = span else {
            let remedy = "role@2026-01-01..2026-01-31, role@2026-01-01T08:00.. or role@..2026-01-31";
            let fault = Fault::Malformed { what: "role with a span of time", text: text.clone(), remedy };
            draft.findings.row_error(path, row.line, fault);
            continue;
        };
        match role(name.trim()) {
            Some(role) => found.push(Assignment { role, via: Via::Own, start, end }),
            None => {
                let names = document.roles.iter().map(|role| role.name.as_str());
                draft.findings.row_error(path, row.line, unknown("role", name.trim(), names));
            }
        }
    }
    let mut always = |name: &String, via: Via| {
        found.extend(role(name).map(|role| Assignment { role, via, start: None, end: None }));
    };
    for (index, name) in row.groups.iter().enumerate() {
        match document.groups.iter().find(|group| group.name == *name) {
            Some(group) => group.roles.iter().for_each(|role| always(role, Via::Group(name.as_str().into()))),
            None => {
                let names = document.groups.iter().map(|group| group.name.as_str());
                draft.findings.row_error(
                    format!("people[{at}].groups[{index}]"),
                    row.line,
                    unknown("group", name, names),
                );
            }
        }
    }
    for id in upwards(draft.people[at].department, draft) {
        let department = &document.departments[id.index()];
        department
            .roles
            .iter()
            .for_each(|role| always(role, Via::Department(department.name.as_str().into())));
    }
    found
}

/// A department and all above it.
fn upwards(from: Option<DepartmentId>, draft: &Draft) -> Vec<DepartmentId> {
    std::iter::successors(from, |id| {
        draft.departments.get(id.index()).and_then(|department| department.parent)
    })
    .collect()
}

type Span = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// `start..end`, either of which may be left out; a date alone as end includes its day.
fn read_span(text: &str, zone: Tz) -> Option<Span> {
    let (start, end) = text.split_once("..")?;
    let side = |text: &str, days: i64| match text.trim() {
        "" => Some(None),
        text => moment(text, zone, days).map(Some),
    };
    let (start, end) = (side(start, 0)?, side(end, 1)?);
    let ordered = start.zip(end).is_none_or(|(start, end)| start < end);
    (ordered && (start.is_some() || end.is_some())).then_some((start, end))
}

fn moment(text: &str, zone: Tz, days_added_to_date: i64) -> Option<DateTime<Utc>> {
    let wall = match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(date) => date.checked_add_signed(TimeDelta::days(days_added_to_date))?.and_time(NaiveTime::MIN),
        Err(_) => NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M").ok()?,
    };
    instant(zone, wall).map(|moment| moment.to_utc())
}

/// The roles held at a moment with all they inherit, each once and in order.
fn closure(assignments: &[Assignment], at: DateTime<Utc>, draft: &Draft) -> Vec<RoleId> {
    let held = assignments.iter().filter(|each| each.holds(at));
    let mut roles: Vec<RoleId> =
        held.flat_map(|each| draft.roles[each.role.index()].closure.iter().copied()).collect();
    roles.sort_unstable();
    roles.dedup();
    roles
}

fn rights_of(roles: Vec<RoleId>, draft: &Draft) -> Rights {
    let entries = || roles.iter().map(|role| &draft.roles[role.index()]);
    let permits = entries().flat_map(|role| role.permits.iter().copied()).collect();
    let guards = entries().flat_map(|role| role.guards.iter().copied()).collect();
    Rights { permits, guards, roles }
}

/// What makes two limits the same one: the larger of several holds, and the person's own replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct LimitKey {
    /// Money, minutes, calls.
    what: u8,
    period: Option<PeriodKind>,
    soft: bool,
}

fn key_of(limit: &Limit) -> LimitKey {
    let (what, period) = match limit.quantity {
        Quantity::Money { period, .. } => (0, Some(period)),
        Quantity::Minutes { period, .. } => (1, Some(period)),
        Quantity::Calls { .. } => (2, None),
    };
    LimitKey { what, period, soft: limit.soft }
}

/// Comparable among limits of the same key only.
fn size_of(limit: &Limit) -> i64 {
    match limit.quantity {
        Quantity::Money { amount, .. } => amount.as_micros(),
        Quantity::Minutes { count, .. } | Quantity::Calls { count } => count.into(),
    }
}

/// Limits of the document, by the key of the person they are for, each with its path.
type OwnRules<'a> = BTreeMap<&'a str, Vec<(Limit, String)>>;

fn own_rules(document: &Document) -> OwnRules<'_> {
    let mut rules = OwnRules::new();
    for (at, rule) in document.budgets.iter().enumerate() {
        if let BudgetHolder::Person(key) = &rule.holder {
            rules.entry(key).or_default().push((rule.limit, format!("budgets[{at}]")));
        }
    }
    rules
}

/// The limits that many people share.
struct Shared {
    company: Limits,
    departments: Vec<Limits>,
}

impl Shared {
    fn of(document: &Document, draft: &Draft) -> Shared {
        let of_holder = |wanted: &BudgetHolder, holder: &Holder| {
            let mut limits = Limits::default();
            for (at, rule) in document.budgets.iter().enumerate().filter(|(_, rule)| rule.holder == *wanted) {
                put(&mut limits, &rule.limit, holder, draft.zone, &format!("budgets[{at}]"));
            }
            limits
        };
        let company = of_holder(&BudgetHolder::Company, &Holder::Company);
        let department = |each: &crate::policy::snapshot::Department| {
            of_holder(
                &BudgetHolder::Department(each.name.to_string()),
                &Holder::Department(each.name.clone()),
            )
        };
        Shared { company, departments: draft.departments.iter().map(department).collect() }
    }
}

fn person_limits(
    document: &Document,
    row: &PersonRow,
    at: usize,
    roles: &[RoleId],
    own_rules: &OwnRules<'_>,
    shared: &Shared,
    draft: &Draft,
) -> Limits {
    let mut personal: BTreeMap<LimitKey, (Limit, String)> = BTreeMap::new();
    for role in roles.iter().map(|role| &document.roles[role.index()]) {
        for limit in &role.budgets {
            let stated = (*limit, format!("roles.{}", role.name));
            let largest = personal.entry(key_of(limit)).or_insert_with(|| stated.clone());
            if size_of(limit) > size_of(&largest.0) {
                *largest = stated;
            }
        }
    }
    let by_rule = own_rules.get(row.key.as_str()).into_iter().flatten().cloned();
    let by_row = row.budgets.iter().map(|limit| (*limit, format!("people.{}", row.key)));
    personal.extend(by_rule.chain(by_row).map(|stated| (key_of(&stated.0), stated)));

    let person = &draft.people[at];
    let mut limits = Limits::default();
    let holder = Holder::Person(person.key.clone());
    for (limit, origin) in personal.values() {
        put(&mut limits, limit, &holder, person.zone, origin);
    }
    let above = upwards(person.department, draft);
    for shared in above.iter().map(|id| &shared.departments[id.index()]).chain([&shared.company]) {
        limits.budgets.extend_from_slice(&shared.budgets);
        limits.concurrency.extend_from_slice(&shared.concurrency);
    }
    limits
}

fn put(limits: &mut Limits, limit: &Limit, holder: &Holder, zone: Tz, origin: &str) {
    let (holder, soft, origin) = (holder.clone(), limit.soft, Arc::from(origin));
    let (period, amount) = match limit.quantity {
        Quantity::Calls { count } => {
            return limits.concurrency.push(ConcurrencyLimit { holder, count, soft, origin });
        }
        Quantity::Money { period, amount } => (period, Amount::Money(amount)),
        Quantity::Minutes { period, count } => (period, Amount::Minutes(count)),
    };
    limits.budgets.push(BudgetLimit { holder, period, amount, soft, zone, origin });
}

pub(super) fn trunk_limits(document: &Document, zone: Tz) -> Map<Arc<str>, Arc<Limits>> {
    let mut by_trunk: BTreeMap<&str, Limits> = BTreeMap::new();
    for (at, rule) in document.budgets.iter().enumerate() {
        if let BudgetHolder::Trunk(name) = &rule.holder {
            let holder = Holder::Trunk(name.as_str().into());
            put(by_trunk.entry(name).or_default(), &rule.limit, &holder, zone, &format!("budgets[{at}]"));
        }
    }
    let mut limits = Map::with_hasher(fixed_keys());
    limits.extend(by_trunk.into_iter().map(|(name, found)| (Arc::from(name), Arc::new(found))));
    limits
}
