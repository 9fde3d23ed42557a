//! People: who they are and by what they are found. What they may do is `standing`.

use std::sync::Arc;

use super::Draft;
use super::places::{number, site_index, zone};
use crate::base::number::ShortCode;
use crate::base::{DepartmentId, PersonId, PhoneNumber, SiteId};
use crate::policy::document::{Document, PersonRow};
use crate::policy::problem::Fault;
use crate::policy::snapshot::{Map, Person, fixed_keys};

pub(super) struct Directory {
    pub by_key: Map<Arc<str>, PersonId>,
    pub by_sip_user: Map<Arc<str>, PersonId>,
    pub by_number: Map<u64, PersonId>,
    pub by_extension: Map<(SiteId, ShortCode), PersonId>,
    pub by_company_extension: Map<ShortCode, PersonId>,
}

pub(super) fn compile(document: &Document, people: &[PersonRow], draft: &mut Draft) -> Directory {
    let mut directory = Directory {
        by_key: Map::with_hasher(fixed_keys()),
        by_sip_user: Map::with_hasher(fixed_keys()),
        by_number: Map::with_hasher(fixed_keys()),
        by_extension: Map::with_hasher(fixed_keys()),
        by_company_extension: Map::with_hasher(fixed_keys()),
    };
    let mut shared: Vec<ShortCode> = Vec::new();
    for (at, row) in people.iter().enumerate() {
        let path = format!("people[{at}]");
        let person = person(document, row, &path, draft);
        let id = PersonId(at as u32);
        enter(&mut directory, id, &person, row, &path, draft);
        if let Some(code) = person.extension {
            if directory.by_company_extension.insert(code, id).is_some() {
                shared.push(code);
            }
            if let Some(site) = draft.sites.get_mut(person.site.index()) {
                site.plan.known_extensions.insert(code);
            }
        }
        draft.people.push(person);
    }
    for code in shared {
        directory.by_company_extension.remove(&code);
    }
    // An extension that only one site has can be dialled from every site.
    for site in &mut draft.sites {
        site.plan.known_extensions.extend(directory.by_company_extension.keys());
        site.incoming_plan = site.plan.for_incoming();
    }
    directory
}

fn person(document: &Document, row: &PersonRow, path: &str, draft: &mut Draft) -> Person {
    if row.key.is_empty() {
        let fault =
            Fault::Missing { what: "the person's key", remedy: "a short text that stays the same for ever" };
        draft.findings.row_error(format!("{path}.key"), row.line, fault);
    }
    let site = site_index(row.site.as_deref(), &format!("{path}.site"), row.line, document, draft);
    let plan = draft.writing.get(site).cloned().unwrap_or_default();
    let own_zone = row.zone.as_deref().map(|text| zone(text, &format!("{path}.zone"), draft));
    let mut numbers = Vec::new();
    for (at, text) in row.numbers.iter().enumerate() {
        numbers.extend(number(text, &plan, &format!("{path}.numbers[{at}]"), row.line, draft));
    }
    let stated = row.outgoing.as_deref();
    let outgoing = stated.and_then(|text| number(text, &plan, &format!("{path}.outgoing"), row.line, draft));
    Person {
        key: row.key.as_str().into(),
        name: row.name.as_str().into(),
        site: SiteId(site as u16),
        department: department(document, row, path, draft),
        zone: own_zone.unwrap_or_else(|| draft.sites.get(site).map_or(draft.zone, |site| site.zone)),
        extension: extension(row, site, path, draft),
        outgoing: outgoing.or(numbers.first().copied()),
        numbers,
        sip_user: row.sip_user.as_deref().map(Arc::from),
        pickup_group: row.pickup_group.as_deref().map(Arc::from),
        locked: row.locked,
        assignments: Vec::new(),
        eras: Vec::new(),
    }
}

fn department(document: &Document, row: &PersonRow, path: &str, draft: &mut Draft) -> Option<DepartmentId> {
    let name = row.department.as_deref()?;
    let names = || document.departments.iter().map(|department| department.name.as_str());
    let found = names().position(|each| each == name);
    if found.is_none() {
        let fault = super::findings::unknown("department", name, names());
        draft.findings.row_error(format!("{path}.department"), row.line, fault);
    }
    found.map(|at| DepartmentId(at as u16))
}

fn extension(row: &PersonRow, site: usize, path: &str, draft: &mut Draft) -> Option<ShortCode> {
    let text = row.extension.as_deref()?;
    let path = format!("{path}.extension");
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(code) = ShortCode::from_text(text).filter(|_| digits) else {
        let fault = Fault::Malformed { what: "extension", text: text.to_owned(), remedy: "1 to 15 digits" };
        draft.findings.row_error(path, row.line, fault);
        return None;
    };
    let remedy = "give the person another extension";
    let clash = draft.sites.get(site).and_then(|site| {
        let outside = site.plan.outside_line.as_deref();
        if site.plan.emergency.contains(&code) {
            Some("this extension is an emergency number of the site")
        } else {
            outside
                .filter(|outside| text.starts_with(outside))
                .map(|_| "this extension begins with the outside-line digit")
        }
    });
    if let Some(what) = clash {
        draft.findings.row_error(path, row.line, Fault::Contradiction { what, remedy });
    }
    Some(code)
}

/// Puts the person under every name they are found by; a name that is taken is an error.
fn enter(
    directory: &mut Directory,
    id: PersonId,
    person: &Person,
    row: &PersonRow,
    path: &str,
    draft: &mut Draft,
) {
    let mut taken = |key: &str, name: String| {
        draft.findings.row_error(format!("{path}.{key}"), row.line, Fault::Duplicate { name });
    };
    if directory.by_key.insert(person.key.clone(), id).is_some() {
        taken("key", row.key.clone());
    }
    if let Some(user) = &person.sip_user
        && directory.by_sip_user.insert(user.clone(), id).is_some()
    {
        taken("sip_user", user.to_string());
    }
    if let Some(code) = person.extension
        && directory.by_extension.insert((person.site, code), id).is_some()
    {
        taken("extension", code.to_string());
    }
    for number in person.numbers.iter().copied() {
        if directory.by_number.insert(PhoneNumber::as_u64(number), id).is_some() {
            taken("numbers", number.to_string());
        }
    }
}
