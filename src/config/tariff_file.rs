//! Reads `tariff.csv`: what a minute to each prefix costs, and from when. The ledger compiles the rows into its book.

use std::io::Read;

use chrono::NaiveDate;

use super::problem::Problems;
use super::rows::{self, Column, optional, required};
use crate::ledger::TariffRow;

const COLUMNS: [Column; 8] = [
    required("prefix"),
    optional("description"),
    required("price_per_minute"),
    optional("connect_fee"),
    optional("first_increment_s"),
    optional("next_increment_s"),
    optional("grace_s"),
    required("valid_from"),
];

/// By the minute begun, where a row says nothing else.
const INCREMENT_DEFAULT_SECONDS: u64 = 60;

pub(super) fn read(problems: &Problems, source: impl Read) -> Vec<TariffRow> {
    let mut tariff = Vec::new();
    rows::read(problems, &COLUMNS, source, |row| {
        tariff.push(TariffRow {
            line: u64::from(row.line),
            prefix: row.needed("prefix"),
            per_minute: row.required("price_per_minute"),
            connect: row.optional("connect_fee").unwrap_or_default(),
            first_increment: row.optional("first_increment_s").unwrap_or(INCREMENT_DEFAULT_SECONDS),
            next_increment: row.optional("next_increment_s").unwrap_or(INCREMENT_DEFAULT_SECONDS),
            grace: row.optional("grace_s").unwrap_or(0),
            valid_from: row.required::<NaiveDate>("valid_from"),
        });
    });
    tariff
}
