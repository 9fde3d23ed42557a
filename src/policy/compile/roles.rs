//! Roles with their inheritance, permits, guards, named lists, departments.

use std::sync::Arc;
use std::time::Duration;

use super::Draft;
use super::places::{bad_prefix, country, digits, home_index, number};
use crate::base::digit_trie::DigitTrie;
use crate::base::{DepartmentId, PhoneNumber, RoleId};
use crate::policy::attempt::{Origin, Terms, TrunkChoice};
use crate::policy::class::{Class, Country};
use crate::policy::document::{By, Contacts, Document, Guard, PermitRule};
use crate::policy::hours::Hours;
use crate::policy::problem::Fault;
use crate::policy::snapshot::{
    ClassSet, Department, GuardEntry, List, PermitEntry, Reach, RoleEntry, Set, fixed_keys,
};

pub(super) fn compile(document: &Document, draft: &mut Draft) {
    lists(document, draft);
    for (at, role) in document.roles.iter().enumerate() {
        let path = format!("roles.{}", role.name);
        if document.roles[..at].iter().any(|before| before.name == role.name) {
            draft.findings.error(&path, Fault::Duplicate { name: role.name.clone() });
        }
        let permits = (0..role.permits.len()).map(|index| permit(document, at, index, draft)).collect();
        let guards = (0..role.guards.len())
            .map(|index| guard(&role.guards[index], &format!("{path}.guards[{index}]"), draft));
        let guards = guards.collect();
        let closure = closure(document, at, draft);
        let (name, on_change) = (role.name.as_str().into(), role.on_change);
        draft.roles.push(RoleEntry { name, closure, on_change, permits, guards });
    }
    draft.company_guards = (0..document.guards.len())
        .map(|at| guard(&document.guards[at], &format!("guards[{at}]"), draft))
        .collect();
    departments(document, draft);
}

/// The role itself and all it inherits from, each once. Circles and unknown names are errors of the role that states them.
fn closure(document: &Document, start: usize, draft: &mut Draft) -> Vec<RoleId> {
    let names = document.roles.iter().map(|role| role.name.as_str());
    let mut found = vec![start];
    let mut next = 0;
    while let Some(at) = found.get(next).copied() {
        let role = &document.roles[at];
        for (index, name) in role.inherits.iter().enumerate() {
            let parent = if at == start {
                draft.findings.find(
                    format!("roles.{}.inherits[{index}]", role.name),
                    "role",
                    name,
                    names.clone(),
                )
            } else {
                names.clone().position(|each| each == name)
            };
            let Some(parent) = parent else { continue };
            if parent == start {
                let circle =
                    format!("{} inherits from {name} through {}", document.roles[start].name, role.name);
                draft.findings.error(
                    format!("roles.{}.inherits", document.roles[start].name),
                    Fault::Circle { circle },
                );
            } else if !found.contains(&parent) {
                found.push(parent);
            }
        }
        next += 1;
    }
    found.into_iter().map(|at| RoleId(at as u16)).collect()
}

fn permit(document: &Document, role: usize, index: usize, draft: &mut Draft) -> usize {
    let rule = &document.roles[role].permits[index];
    let path = format!("roles.{}.permits[{index}]", document.roles[role].name);
    let countries = countries(&rule.countries, &rule.zones, &path, draft);
    check_destinations(rule, &path, draft);
    let reach = reach(document, &rule.contacts, &path, draft);
    let hours = rule.hours.as_deref().and_then(|text| hours(text, format!("{path}.hours"), draft));
    for (at, trunk) in rule.trunks.iter().enumerate() {
        let names = document.trunks.iter().map(String::as_str);
        draft.findings.find(format!("{path}.trunks[{at}]"), "trunk", trunk, names);
    }
    let named: Arc<[Arc<str>]> = rule.trunks.iter().map(|name| Arc::from(name.as_str())).collect();
    let path: Arc<str> = path.into();
    let terms = Terms {
        trunks: if named.is_empty() { TrunkChoice::Any } else { TrunkChoice::Named(named) },
        longest: rule.longest_s.map(|seconds| Duration::from_secs(seconds.into())),
        on_change: document.roles[role].on_change,
        origin: Origin::Permit {
            role: document.roles[role].name.as_str().into(),
            index: index as u16,
            path: Arc::clone(&path),
        },
    };
    draft.permits.push(PermitEntry {
        path,
        terms: Arc::new(terms),
        classes: ClassSet::of(&rule.classes),
        countries,
        reach,
        hours,
        by: if rule.by.is_empty() { vec![By::Dial] } else { rule.by.iter().copied().collect() },
        at_close: rule.at_close,
        outside_to_outside: rule.outside_to_outside,
        rule: rule.clone(),
    });
    draft.permits.len() - 1
}

/// A permit that says two things, or nothing, was not meant so.
fn check_destinations(rule: &PermitRule, path: &str, draft: &mut Draft) {
    let abroad = !rule.countries.is_empty() || !rule.zones.is_empty();
    if abroad && rule.classes.contains(&Class::International) {
        let what = "the class international covers every country, and countries or zones are ticked as well";
        let remedy = "keep either the class or the countries and zones";
        draft.findings.error(format!("{path}.classes"), Fault::Contradiction { what, remedy });
    }
    if let Some(class) = rule.classes.iter().find(|class| !class.can_be_permitted()) {
        let remedy = "emergency calls need no permit, and unknown numbers have none";
        let fault =
            Fault::Malformed { what: "class that a permit can name", text: class.code().into(), remedy };
        draft.findings.error(format!("{path}.classes"), fault);
    }
    let colleagues = matches!(
        rule.contacts,
        Contacts::IncomingOnly | Contacts::InternalOnly | Contacts::CrmAndColleagues(_)
    );
    if rule.classes.is_empty() && !abroad && !colleagues {
        let fault = Fault::Missing {
            what: "the destination of the permit",
            remedy: "tick classes, countries or zones",
        };
        draft.findings.error(path, fault);
    }
}

fn reach(document: &Document, contacts: &Contacts, path: &str, draft: &mut Draft) -> Reach {
    match contacts {
        Contacts::IncomingOnly => Reach::Nobody,
        Contacts::Any => Reach::Any,
        Contacts::Crm(names) => Reach::Crm { databases: databases(names, path, draft), colleagues: false },
        Contacts::CrmAndColleagues(names) => {
            Reach::Crm { databases: databases(names, path, draft), colleagues: true }
        }
        Contacts::OwnCrm(names) => Reach::Own { databases: databases(names, path, draft) },
        Contacts::InternalOnly => Reach::Colleagues,
        Contacts::Lists(names) if names.is_empty() => {
            let fault = Fault::Missing { what: "the lists of the permit", remedy: "lists = [\"name\"]" };
            draft.findings.error(format!("{path}.lists"), fault);
            Reach::Nobody
        }
        Contacts::Lists(names) => Reach::Lists(list_indexes(document, names, path, draft)),
    }
}

/// A database without rows is a warning only: an empty export must not refuse the whole policy, and it permits nobody.
fn databases(names: &[String], path: &str, draft: &mut Draft) -> Vec<usize> {
    if names.is_empty() {
        return (0..draft.databases.len()).collect();
    }
    let mut found = Vec::new();
    for (at, name) in names.iter().enumerate() {
        match draft.databases.iter().position(|each| **each == **name) {
            Some(index) => found.push(index),
            None => {
                let known = draft.databases.clone();
                let fault = super::findings::unknown(
                    "contact database with rows",
                    name,
                    known.iter().map(|each| &**each),
                );
                draft.findings.warning(format!("{path}.databases[{at}]"), fault);
            }
        }
    }
    found
}

fn list_indexes(document: &Document, names: &[String], path: &str, draft: &mut Draft) -> Vec<usize> {
    let known = document.lists.iter().map(|list| list.name.as_str());
    let paths = names.iter().enumerate();
    paths
        .filter_map(|(at, name)| {
            draft.findings.find(format!("{path}.lists[{at}]"), "list", name, known.clone())
        })
        .collect()
}

/// The position of these hours, which stand at `path`. The same expression is kept once, however many state it.
pub(super) fn hours(text: &str, path: String, draft: &mut Draft) -> Option<usize> {
    if let Some(at) = draft.hours.iter().position(|hours| hours.text() == text) {
        return Some(at);
    }
    let Some(hours) = Hours::parse(text, &draft.calendars) else {
        draft.findings.error(path, Fault::Hours { text: text.to_owned() });
        return None;
    };
    draft.hours.push(hours);
    Some(draft.hours.len() - 1)
}

/// Countries and those of the zones, sorted, each once.
fn countries(codes: &[String], zones: &[String], path: &str, draft: &mut Draft) -> Vec<Country> {
    let stated = codes.iter().enumerate();
    let mut found: Vec<Country> =
        stated.filter_map(|(at, code)| country(code, &format!("{path}.countries[{at}]"), draft)).collect();
    for (at, name) in zones.iter().enumerate() {
        match draft.zones.get(name) {
            Some(countries) => found.extend(countries),
            None => {
                let fault = super::findings::unknown("zone", name, draft.zones.keys().map(String::as_str));
                draft.findings.error(format!("{path}.zones[{at}]"), fault);
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn guard(stated: &Guard, path: &str, draft: &mut Draft) -> usize {
    let countries = countries(&stated.countries, &stated.zones, path, draft);
    let mut lists = Vec::new();
    for (at, name) in stated.lists.iter().enumerate() {
        let known = draft.list_names.clone();
        let names = known.iter().map(String::as_str);
        lists.extend(draft.findings.find(format!("{path}.lists[{at}]"), "list", name, names));
    }
    let prefixes = prefixes(&stated.prefixes, path, draft);
    let texts = [&stated.countries, &stated.zones, &stated.lists, &stated.prefixes];
    if stated.classes.is_empty() && texts.iter().all(|each| each.is_empty()) {
        let remedy = "state classes, countries, zones, prefixes or lists";
        draft.findings.error(path, Fault::Missing { what: "what the guard forbids", remedy });
    }
    draft.guards.push(GuardEntry {
        path: path.into(),
        name: stated.name.as_str().into(),
        classes: ClassSet::of(&stated.classes),
        countries,
        prefixes,
        lists,
        fraud_lock: stated.fraud_lock,
    });
    draft.guards.len() - 1
}

fn prefixes(texts: &[String], path: &str, draft: &mut Draft) -> DigitTrie<()> {
    let mut trie = DigitTrie::default();
    for (at, text) in texts.iter().enumerate() {
        if digits(text, PhoneNumber::DIGITS_MAX) {
            trie.insert(text, ());
        } else {
            draft.findings.error(format!("{path}.prefixes[{at}]"), bad_prefix(text));
        }
    }
    trie
}

fn lists(document: &Document, draft: &mut Draft) {
    let plan = draft.writing.get(home_index(document)).cloned().unwrap_or_default();
    for stated in &document.lists {
        let path = format!("lists.{}", stated.name);
        if draft.list_names.contains(&stated.name) {
            draft.findings.error(&path, Fault::Duplicate { name: stated.name.clone() });
        }
        let mut numbers = Set::with_hasher(fixed_keys());
        for (at, text) in stated.numbers.iter().enumerate() {
            numbers.extend(
                number(text, &plan, &format!("{path}.numbers[{at}]"), None, draft).map(PhoneNumber::as_u64),
            );
        }
        let prefixes = prefixes(&stated.prefixes, &path, draft);
        draft.list_names.push(stated.name.clone());
        draft.lists.push(List { numbers, prefixes });
    }
}

fn departments(document: &Document, draft: &mut Draft) {
    let names = document.departments.iter().map(|department| department.name.as_str());
    for (at, stated) in document.departments.iter().enumerate() {
        let path = format!("departments.{}", stated.name);
        if names.clone().take(at).any(|before| before == stated.name) {
            draft.findings.error(&path, Fault::Duplicate { name: stated.name.clone() });
        }
        let parent = stated.parent.as_deref();
        let parent = parent.and_then(|name| {
            draft.findings.find(format!("{path}.parent"), "department", name, names.clone())
        });
        let parent = parent.map(|at| DepartmentId(at as u16));
        draft.departments.push(Department { name: stated.name.as_str().into(), parent });
    }
    for at in 0..draft.departments.len() {
        if let Some(circle) = circle_from(&draft.departments, at) {
            let path = format!("departments.{}.parent", draft.departments[at].name);
            draft.findings.error(path, Fault::Circle { circle });
            // Broken here so that whoever walks upwards comes to an end.
            draft.departments[at].parent = None;
        }
    }
}

/// The way from a department back to itself, if there is one.
fn circle_from(departments: &[Department], start: usize) -> Option<String> {
    let mut way = departments[start].name.to_string();
    let mut at = start;
    for _ in 0..departments.len() {
        at = departments[at].parent?.index();
        way = format!("{way}, {}", departments[at].name);
        if at == start {
            return Some(way);
        }
    }
    None
}
