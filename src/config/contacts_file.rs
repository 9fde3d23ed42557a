//! Reads one database of contacts: whom the company, or one of its people, knows. A million lines are usual, so each passes by.

use std::io::Read;

use super::problem::Problems;
use super::rows::{self, Column, optional, required};
use crate::policy::document::ContactLine;

const COLUMNS: [Column; 4] = [required("number"), optional("name"), optional("owner"), optional("site")];

/// Hands each contact of the database `name` to `each`.
pub(super) fn read(
    problems: &Problems,
    source: impl Read,
    name: &str,
    mut each: impl FnMut(&ContactLine<'_>),
) {
    rows::read(problems, &COLUMNS, source, |row| {
        let Some(number) = row.text("number") else {
            return row.blame("number", "is empty", "every row has one");
        };
        each(&ContactLine {
            database: name,
            owner: row.text("owner"),
            number,
            site: row.text("site"),
            line: Some(u64::from(row.line)),
        });
    });
}
