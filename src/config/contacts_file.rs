//! Reads one database of contacts: whom the company, or one of its people, knows. A million lines are usual.

use std::io::Read;

use super::problem::Problems;
use super::rows::{self, Column, optional, required};
use crate::policy::document::ContactRow;

const COLUMNS: [Column; 4] = [required("number"), optional("name"), optional("owner"), optional("site")];

/// Appends the contacts of the database `name`.
pub(super) fn read(problems: &Problems, source: impl Read, name: &str, contacts: &mut Vec<ContactRow>) {
    rows::read(problems, &COLUMNS, source, |row| {
        contacts.push(ContactRow {
            database: name.to_owned(),
            owner: row.owned("owner"),
            number: row.needed("number"),
            name: row.owned("name").unwrap_or_default(),
            site: row.owned("site"),
            line: Some(u64::from(row.line)),
        });
    });
}
