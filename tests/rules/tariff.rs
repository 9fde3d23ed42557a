//! Which price a number has, and what is wrong with a price list (R63).

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use tollgate::base::{Money, PhoneNumber, Random};
use tollgate::ledger::{Rounding, TariffBook, TariffFault, TariffProblem, TariffRow};

fn money(text: &str) -> Money {
    Money::parse(text).expect("an amount")
}

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date such as 2026-03-29")
}

fn zone(name: &str) -> Tz {
    name.parse().expect("an IANA zone")
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant such as 2026-03-29T00:00:00+01:00")
}

fn row(line: u64, prefix: &str, per_minute: &str, valid_from: &str) -> TariffRow {
    TariffRow {
        line,
        prefix: prefix.to_owned(),
        per_minute: money(per_minute),
        connect: Money::ZERO,
        first_increment: 60,
        next_increment: 60,
        grace: 0,
        valid_from: date(valid_from),
    }
}

fn compile(rows: &[TariffRow]) -> Result<TariffBook, Vec<TariffProblem>> {
    TariffBook::compile(rows, zone("Europe/Berlin"), Rounding::default())
}

#[test]
fn the_longest_prefix_in_force_at_the_start_of_the_call_prices_it() {
    let book = compile(&[
        row(2, "49", "0.02", "2026-01-01"),
        row(3, "+4915", "0.10", "2026-01-01"),
        row(4, "4915", "0.12", "2026-07-01"),
        row(5, "49151", "0.30", "2026-08-01"),
        row(6, "1", "0.01", "2026-01-01"),
        row(7, "1900", "2.00", "2026-01-01"),
    ])
    .expect("a sound sheet");
    // number, at, price per minute
    let cases = [
        ("4930123456", "2026-06-01T12:00:00Z", Some("0.02")),
        ("4915112345", "2026-06-01T12:00:00Z", Some("0.10")),
        // The tariff changes at Berlin's midnight, which is 22:00 UTC.
        ("4916012345", "2026-06-30T21:59:59Z", Some("0.02")),
        ("4915212345", "2026-06-30T21:59:59Z", Some("0.10")),
        ("4915212345", "2026-06-30T22:00:00Z", Some("0.12")),
        // A longer prefix counts only from its day on.
        ("4915112345", "2026-07-31T12:00:00Z", Some("0.12")),
        ("4915112345", "2026-08-01T12:00:00Z", Some("0.30")),
        ("19005551234", "2026-06-01T12:00:00Z", Some("2.00")),
        ("12125551234", "2026-06-01T12:00:00Z", Some("0.01")),
        ("1", "2026-06-01T12:00:00Z", Some("0.01")),
        // Nothing in force, nothing priced.
        ("4930123456", "2025-12-31T22:59:59Z", None),
        ("33123456789", "2026-06-01T12:00:00Z", None),
        ("4", "2026-06-01T12:00:00Z", None),
    ];
    for (number, at, per_minute) in cases {
        let number = PhoneNumber::from_digits(number).expect("a number");
        let found = book.price(&number, instant(at)).map(|price| price.per_minute);
        assert_eq!(found, per_minute.map(money), "{number} {at}");
    }
}

#[test]
fn every_fault_of_a_sheet_is_reported_with_its_line() {
    let mut halves = row(9, "46", "0.10", "2026-01-01");
    halves.next_increment = 0;
    let problems = compile(&[
        row(2, "49", "0.02", "2026-01-01"),
        row(3, "049", "0.02", "2026-01-01"),
        row(4, "49", "0.02", "2026-01-01"),
        row(5, "44", "-0.02", "2026-01-01"),
        row(6, "+49", "0.03", "2026-01-01"),
        row(7, "49", "0.03", "2026-02-01"),
        row(8, "49x", "0.03", "2026-02-01"),
        halves,
    ])
    .expect_err("a sheet with six faults");
    let found: Vec<_> = problems.into_iter().map(|problem| (problem.line, problem.fault)).collect();
    assert_eq!(
        found,
        [
            (3, TariffFault::BadPrefix),
            (4, TariffFault::Duplicate { first: 2 }),
            (5, TariffFault::NegativePrice),
            (6, TariffFault::Contradiction { first: 4 }),
            (8, TariffFault::BadPrefix),
            (9, TariffFault::BadIncrement),
        ]
    );
}

#[test]
fn a_large_tariff_agrees_with_a_search_line_by_line() {
    let mut random = Random::from_number(63);
    let mut rows = Vec::new();
    for line in 2..3_000 {
        let digits = 1 + random.below(9) * 10_u64.pow(random.below(5) as u32) + random.below(500);
        let from = if random.one_in(3) { "2026-06-01" } else { "2026-01-01" };
        let row = row(line, &digits.to_string(), &format!("0.{line:05}"), from);
        if !rows
            .iter()
            .any(|other: &TariffRow| other.prefix == row.prefix && other.valid_from == row.valid_from)
        {
            rows.push(row);
        }
    }
    let book = compile(&rows).expect("a sound sheet");
    for _ in 0..2_000 {
        let number = 1 + random.below(9_999_999_999);
        let at = instant(if random.one_in(2) { "2026-03-01T12:00:00Z" } else { "2026-09-01T12:00:00Z" });
        let text = number.to_string();
        let in_force = |row: &&TariffRow| text.starts_with(&row.prefix) && row.valid_from <= at.date_naive();
        let expected = rows.iter().filter(in_force).max_by_key(|row| (row.prefix.len(), row.valid_from));
        let number = PhoneNumber::from_digits(&text).expect("a number");
        let found = book.price(&number, at);
        assert_eq!(found.map(|price| price.per_minute), expected.map(|row| row.per_minute), "{text}");
    }
}
