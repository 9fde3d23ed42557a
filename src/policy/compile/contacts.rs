//! Contacts as hashed sets of numbers, through the same reading as dialled numbers (R31).

use std::sync::Arc;

use super::Draft;
use super::findings::unknown;
use super::places::site_index;
use crate::base::PersonId;
use crate::base::number::{Canonical, DialPlan, Dialled, canonical};
use crate::policy::document::{Document, Rows};
use crate::policy::problem::Fault;
use crate::policy::snapshot::{Database, Map, Set, fixed_keys};

/// A contact that cannot be read is a warning: one bad line of a CRM must not shut the house, and it permits nobody.
pub(super) fn compile(
    document: &Document,
    rows: &Rows,
    by_key: &Map<Arc<str>, PersonId>,
    draft: &mut Draft,
) -> Vec<Database> {
    let plans: Vec<DialPlan> = draft.sites.iter().map(|site| site.plan.for_writing()).collect();
    let empty = |name: &Arc<str>| Database {
        name: name.clone(),
        numbers: Set::with_hasher(fixed_keys()),
        owned: Set::with_hasher(fixed_keys()),
    };
    let mut databases: Vec<Database> = draft.databases.iter().map(empty).collect();
    for (at, row) in rows.contacts.iter().enumerate() {
        let path = |key: &str| format!("contacts[{at}].{key}");
        let site = match &row.site {
            None => super::places::home_index(document),
            Some(name) => site_index(Some(name), &path("site"), row.line, document, draft),
        };
        let (Some(plan), Some(database)) =
            (plans.get(site), databases.iter_mut().find(|database| *database.name == *row.database))
        else {
            continue;
        };
        // Spreadsheets put no-break spaces into numbers; they are spaces to whoever typed them.
        let text = row.number.replace('\u{a0}', " ");
        let number = match canonical(&Dialled::sip(text.trim()), plan) {
            Canonical::Number(number) => number.as_u64(),
            Canonical::Unknown(why) => {
                let fault = Fault::Number { text: row.number.clone(), why };
                draft.findings.row_warning(path("number"), row.line, fault);
                continue;
            }
            Canonical::Emergency(_) | Canonical::Extension(_) | Canonical::Feature(_) => {
                let remedy = "contacts are outside numbers";
                let fault = Fault::Malformed { what: "outside number", text: row.number.clone(), remedy };
                draft.findings.row_warning(path("number"), row.line, fault);
                continue;
            }
        };
        database.numbers.insert(number);
        if let Some(owner) = row.owner.as_deref().filter(|owner| !owner.is_empty()) {
            match by_key.get(owner) {
                Some(person) => {
                    database.owned.insert((number, person.0));
                }
                None => {
                    let keys = std::iter::empty();
                    draft.findings.row_warning(path("owner"), row.line, unknown("person", owner, keys));
                }
            }
        }
    }
    for database in &mut databases {
        database.numbers.shrink_to_fit();
        database.owned.shrink_to_fit();
    }
    databases
}
