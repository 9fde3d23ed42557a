//! Contacts as hashed sets of numbers, through the same reading as dialled numbers (R31). They pass by one at a time; no row is kept.

use std::borrow::Cow;
use std::sync::Arc;

use super::Draft;
use super::findings::unknown;
use super::places::{home_index, site_index};
use crate::base::PersonId;
use crate::base::number::{Canonical, DialPlan, Dialled, canonical};
use crate::policy::document::{ContactLine, Document};
use crate::policy::problem::Fault;
use crate::policy::snapshot::{Database, Map, Set, fixed_keys};

/// Takes contacts in. One that cannot be read is a warning: one bad line of a CRM must not shut the house, and it permits nobody.
pub struct Intake<'c> {
    document: &'c Document,
    by_key: &'c Map<Arc<str>, PersonId>,
    draft: &'c mut Draft,
    /// Of the sites, for numbers as people write them.
    plans: Vec<DialPlan>,
    home: usize,
    databases: Vec<Database>,
    /// How many were taken in, good or bad.
    count: usize,
}

impl<'c> Intake<'c> {
    pub(super) fn of(
        document: &'c Document,
        by_key: &'c Map<Arc<str>, PersonId>,
        draft: &'c mut Draft,
    ) -> Intake<'c> {
        let plans = draft.sites.iter().map(|site| site.plan.for_writing()).collect();
        let empty = |name: &Arc<str>| Database {
            name: name.clone(),
            numbers: Set::with_hasher(fixed_keys()),
            owned: Set::with_hasher(fixed_keys()),
        };
        let databases = draft.databases.iter().map(empty).collect();
        Intake { document, by_key, draft, plans, home: home_index(document), databases, count: 0 }
    }

    /// Takes one contact in.
    pub fn take(&mut self, line: &ContactLine<'_>) {
        let at = self.count;
        self.count += 1;
        let site = match line.site {
            None => self.home,
            Some(name) => self.site_named(name, at, line.line),
        };
        let database = self.databases.iter_mut().find(|database| *database.name == *line.database);
        let (Some(plan), Some(database)) = (self.plans.get(site), database) else { return };
        let number = match read(line.number, plan) {
            Ok(number) => number,
            Err(fault) => {
                return self.draft.findings.row_warning(format!("contacts[{at}].number"), line.line, fault);
            }
        };
        database.numbers.insert(number);
        let Some(owner) = line.owner.filter(|owner| !owner.is_empty()) else { return };
        match self.by_key.get(owner) {
            Some(person) => {
                database.owned.insert((number, person.0));
            }
            None => {
                let fault = unknown("person", owner, std::iter::empty());
                self.draft.findings.row_warning(format!("contacts[{at}].owner"), line.line, fault);
            }
        }
    }

    fn site_named(&mut self, name: &str, at: usize, line: Option<u64>) -> usize {
        let known = self.document.sites.iter().position(|site| site.name == name);
        known.unwrap_or_else(|| {
            site_index(Some(name), &format!("contacts[{at}].site"), line, self.document, self.draft)
        })
    }

    /// How many were taken in, good or bad.
    pub fn count(&self) -> usize {
        self.count
    }

    pub(super) fn finish(mut self) -> Vec<Database> {
        for database in &mut self.databases {
            database.numbers.shrink_to_fit();
            database.owned.shrink_to_fit();
            if database.numbers.is_empty() {
                let remedy = "rows with a number; until then it permits nobody";
                let fault = Fault::Missing { what: "every contact", remedy };
                self.draft.findings.warning(format!("databases.{}", database.name), fault);
            }
        }
        self.databases
    }
}

/// The outside number that is written there.
fn read(written: &str, plan: &DialPlan) -> Result<u64, Fault> {
    // Spreadsheets put no-break spaces into numbers; they are spaces to whoever typed them.
    let text = match written.contains('\u{a0}') {
        true => Cow::Owned(written.replace('\u{a0}', " ")),
        false => Cow::Borrowed(written),
    };
    match canonical(&Dialled::sip(text.trim()), plan) {
        Canonical::Number(number) => Ok(number.as_u64()),
        Canonical::Unknown(why) => Err(Fault::Number { text: written.to_owned(), why }),
        Canonical::Emergency(_) | Canonical::Extension(_) | Canonical::Feature(_) => {
            let (what, remedy) = ("outside number", "contacts are outside numbers");
            Err(Fault::Malformed { what, text: written.to_owned(), remedy })
        }
    }
}
