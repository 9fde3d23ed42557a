//! What calls cost and which day they belong to, computed by hand (R61 to R64, R66, R80).

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use tollgate::base::{Money, PhoneNumber};
use tollgate::ledger::{
    PeriodKind, Price, Rounding, TariffBook, TariffFault, TariffProblem, TariffRow, UNLIMITED, period,
};

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

/// A price as a tariff sheet says it: per minute, increments as in 30/6, connect fee, grace seconds.
fn price(per_minute: &str, increments: &str, connect: &str, grace: u64) -> Price {
    let (first, next) = increments.split_once('/').expect("increments such as 30/6");
    Price {
        prefix: "49".into(),
        valid_from: date("2026-01-01"),
        per_minute: money(per_minute),
        connect: money(connect),
        first_increment: first.parse().expect("seconds"),
        next_increment: next.parse().expect("seconds"),
        grace,
        rounding: Rounding::default(),
    }
}

#[test]
fn a_call_costs_what_the_sheet_says() {
    // per minute, increments, connect fee, grace, seconds talked, cost
    let cases = [
        // The example of R61.
        ("0.60", "60/60", "0", 0, 61, "1.20"),
        ("0.60", "30/6", "0", 0, 61, "0.66"),
        ("0.60", "1/1", "0", 0, 61, "0.61"),
        // 60/60: every minute begun.
        ("0.60", "60/60", "0", 0, 0, "0"),
        ("0.60", "60/60", "0", 0, 1, "0.60"),
        ("0.60", "60/60", "0", 0, 60, "0.60"),
        ("0.60", "60/60", "0", 0, 120, "1.20"),
        ("0.60", "60/60", "0", 0, 121, "1.80"),
        ("0.60", "60/60", "0", 0, 3600, "36.00"),
        // 30/6: half a minute at least, then tenths of a minute.
        ("0.60", "30/6", "0", 0, 1, "0.30"),
        ("0.60", "30/6", "0", 0, 30, "0.30"),
        ("0.60", "30/6", "0", 0, 31, "0.36"),
        ("0.60", "30/6", "0", 0, 36, "0.36"),
        ("0.60", "30/6", "0", 0, 37, "0.42"),
        // 1/1: by the second. A second of 0.10 a minute is 0.001666..., up to 0.0017.
        ("0.10", "1/1", "0", 0, 1, "0.0017"),
        ("0.10", "1/1", "0", 0, 2, "0.0034"),
        ("0.10", "1/1", "0", 0, 3, "0.005"),
        ("0.10", "1/1", "0", 0, 59, "0.0984"),
        ("0.10", "1/1", "0", 0, 60, "0.10"),
        // Rounded once, not each second: 7 s of 0.0125 a minute are 0.00145833..., seven rounded seconds would be 0.0021.
        ("0.0125", "1/1", "0", 0, 7, "0.0015"),
        ("0.000001", "1/1", "0", 0, 1, "0.0001"),
        ("0.01", "60/1", "0", 0, 60, "0.01"),
        // 60/1: a minute, then seconds.
        ("0.60", "60/1", "0", 0, 61, "0.61"),
        ("0.60", "60/1", "0", 0, 5, "0.60"),
        // The first increment may be the shorter one.
        ("0.60", "6/60", "0", 0, 6, "0.06"),
        ("0.60", "6/60", "0", 0, 7, "0.66"),
        // Connect fee: once, and only for an answered call.
        ("0.60", "60/60", "0.05", 0, 0, "0"),
        ("0.60", "60/60", "0.05", 0, 1, "0.65"),
        ("0.60", "60/60", "0.05", 0, 61, "1.25"),
        ("0", "1/1", "0.25", 0, 600, "0.25"),
        // Grace: wrong numbers hung up at once cost nothing, all others cost in full.
        ("0.60", "60/60", "0.05", 3, 3, "0"),
        ("0.60", "60/60", "0.05", 3, 4, "0.65"),
        // Dear and long: a day at 9.99.
        ("9.99", "1/1", "0", 0, 86_400, "14385.60"),
        // Free.
        ("0", "60/60", "0", 0, 600, "0"),
    ];
    for (per_minute, increments, connect, grace, seconds, cost) in cases {
        let price = price(per_minute, increments, connect, grace);
        assert_eq!(price.cost(seconds), money(cost), "{per_minute} {increments} +{connect}, {seconds} s");
    }
}

#[test]
fn rounding_goes_up_at_the_place_the_company_chose() {
    // 31 s at 0.07 a minute by the second: 0.036166...
    for (places, cost) in
        [(2, "0.04"), (3, "0.037"), (4, "0.0362"), (5, "0.03617"), (6, "0.036167"), (0, "1")]
    {
        let rounding = Rounding::up_to_places(places).expect("at most six places");
        let price = Price { rounding, ..price("0.07", "1/1", "0", 0) };
        assert_eq!(price.cost(31), money(cost), "{places} places");
    }
    assert_eq!(Rounding::up_to_places(7), None);
}

#[test]
fn money_lasts_so_many_seconds() {
    // money left, per minute, increments, connect fee, seconds
    let cases = [
        ("1.80", "0.60", "60/60", "0", 180),
        ("1.79", "0.60", "60/60", "0", 120),
        ("0.59", "0.60", "60/60", "0", 0),
        ("0.60", "0.60", "60/60", "0.05", 0),
        ("0.65", "0.60", "60/60", "0.05", 60),
        ("0.66", "0.60", "30/6", "0", 66),
        ("0.30", "0.60", "30/6", "0", 30),
        ("0.61", "0.60", "1/1", "0", 61),
        // 0.10 a minute by the second: 5 s are 0.0084 rounded up, 6 s are 0.01.
        ("0.0099", "0.10", "1/1", "0", 5),
        ("0.01", "0.10", "1/1", "0", 6),
        ("0", "0", "60/60", "0", UNLIMITED),
        ("0.10", "0", "60/60", "0.10", UNLIMITED),
        ("0.09", "0", "60/60", "0.10", 0),
        ("-1", "0.60", "1/1", "0", 0),
    ];
    for (left, per_minute, increments, connect, seconds) in cases {
        let price = price(per_minute, increments, connect, 0);
        assert_eq!(price.seconds_for(money(left)), seconds, "{left} at {per_minute} {increments} +{connect}");
    }
}

#[test]
fn a_first_slice_is_a_minute_or_the_first_increment_if_that_is_longer() {
    for (increments, seconds, cost) in
        [("1/1", 60, "0.65"), ("30/6", 60, "0.65"), ("30/7", 65, "0.70"), ("180/60", 180, "1.85")]
    {
        let slice = price("0.60", increments, "0.05", 0).slice(60);
        assert_eq!((slice.seconds, slice.cost), (seconds, money(cost)), "{increments}");
    }
}

#[test]
fn days_weeks_and_months_go_from_local_midnight_to_local_midnight() {
    // zone, an instant, kind, first day, start, hours
    let cases = [
        // Ordinary days, and the seconds on both sides of midnight.
        (
            "Europe/Berlin",
            "2026-07-01T23:59:59+02:00",
            PeriodKind::Day,
            "2026-07-01",
            "2026-07-01T00:00:00+02:00",
            24,
        ),
        (
            "Europe/Berlin",
            "2026-07-02T00:00:00+02:00",
            PeriodKind::Day,
            "2026-07-02",
            "2026-07-02T00:00:00+02:00",
            24,
        ),
        // Clocks forward in Berlin on 29 March 2026: a day of 23 hours.
        (
            "Europe/Berlin",
            "2026-03-28T23:30:00+01:00",
            PeriodKind::Day,
            "2026-03-28",
            "2026-03-28T00:00:00+01:00",
            24,
        ),
        (
            "Europe/Berlin",
            "2026-03-29T12:00:00+02:00",
            PeriodKind::Day,
            "2026-03-29",
            "2026-03-29T00:00:00+01:00",
            23,
        ),
        (
            "Europe/Berlin",
            "2026-03-29T23:59:59+02:00",
            PeriodKind::Day,
            "2026-03-29",
            "2026-03-29T00:00:00+01:00",
            23,
        ),
        // Clocks back in Berlin on 25 October 2026: 25 hours, and 02:30 comes twice on the same day.
        (
            "Europe/Berlin",
            "2026-10-25T02:30:00+02:00",
            PeriodKind::Day,
            "2026-10-25",
            "2026-10-25T00:00:00+02:00",
            25,
        ),
        (
            "Europe/Berlin",
            "2026-10-25T02:30:00+01:00",
            PeriodKind::Day,
            "2026-10-25",
            "2026-10-25T00:00:00+02:00",
            25,
        ),
        (
            "Europe/Berlin",
            "2026-10-26T00:00:00+01:00",
            PeriodKind::Day,
            "2026-10-26",
            "2026-10-26T00:00:00+01:00",
            24,
        ),
        // Clocks forward in New York on 8 March 2026, back on 1 November 2026.
        (
            "America/New_York",
            "2026-03-08T12:00:00-04:00",
            PeriodKind::Day,
            "2026-03-08",
            "2026-03-08T00:00:00-05:00",
            23,
        ),
        (
            "America/New_York",
            "2026-11-01T12:00:00-05:00",
            PeriodKind::Day,
            "2026-11-01",
            "2026-11-01T00:00:00-04:00",
            25,
        ),
        // One instant, two days.
        (
            "America/New_York",
            "2026-07-02T03:30:00Z",
            PeriodKind::Day,
            "2026-07-01",
            "2026-07-01T04:00:00Z",
            24,
        ),
        ("Asia/Tokyo", "2026-07-02T03:30:00Z", PeriodKind::Day, "2026-07-02", "2026-07-01T15:00:00Z", 24),
        // Where clocks skip midnight itself, the day begins after the gap: Santiago, 6 September 2026.
        (
            "America/Santiago",
            "2026-09-06T12:00:00-03:00",
            PeriodKind::Day,
            "2026-09-06",
            "2026-09-06T01:00:00-03:00",
            23,
        ),
        // Where they fall back at midnight, 23:30 comes twice on the old day: Santiago, 4 April 2026.
        (
            "America/Santiago",
            "2026-04-04T23:30:00-04:00",
            PeriodKind::Day,
            "2026-04-04",
            "2026-04-04T00:00:00-03:00",
            25,
        ),
        // Samoa had no 30 December 2011.
        (
            "Pacific/Apia",
            "2011-12-29T12:00:00-10:00",
            PeriodKind::Day,
            "2011-12-29",
            "2011-12-29T00:00:00-10:00",
            24,
        ),
        (
            "Pacific/Apia",
            "2011-12-31T12:00:00+14:00",
            PeriodKind::Day,
            "2011-12-31",
            "2011-12-31T00:00:00+14:00",
            24,
        ),
        // Weeks begin on Monday; this one loses an hour.
        (
            "Europe/Berlin",
            "2026-03-29T12:00:00+02:00",
            PeriodKind::Week,
            "2026-03-23",
            "2026-03-23T00:00:00+01:00",
            167,
        ),
        (
            "Europe/Berlin",
            "2026-03-30T00:00:00+02:00",
            PeriodKind::Week,
            "2026-03-30",
            "2026-03-30T00:00:00+02:00",
            168,
        ),
        (
            "Europe/Berlin",
            "2027-01-01T10:00:00+01:00",
            PeriodKind::Week,
            "2026-12-28",
            "2026-12-28T00:00:00+01:00",
            168,
        ),
        // Months: their last second, a leap February, the months in which clocks change.
        (
            "Europe/Berlin",
            "2026-01-31T23:59:59+01:00",
            PeriodKind::Month,
            "2026-01-01",
            "2026-01-01T00:00:00+01:00",
            744,
        ),
        (
            "Europe/Berlin",
            "2026-02-01T00:00:00+01:00",
            PeriodKind::Month,
            "2026-02-01",
            "2026-02-01T00:00:00+01:00",
            672,
        ),
        (
            "Europe/Berlin",
            "2028-02-29T12:00:00+01:00",
            PeriodKind::Month,
            "2028-02-01",
            "2028-02-01T00:00:00+01:00",
            696,
        ),
        (
            "Europe/Berlin",
            "2026-03-15T12:00:00+01:00",
            PeriodKind::Month,
            "2026-03-01",
            "2026-03-01T00:00:00+01:00",
            743,
        ),
        (
            "Europe/Berlin",
            "2026-10-31T12:00:00+01:00",
            PeriodKind::Month,
            "2026-10-01",
            "2026-10-01T00:00:00+02:00",
            745,
        ),
        (
            "America/New_York",
            "2026-11-30T12:00:00-05:00",
            PeriodKind::Month,
            "2026-11-01",
            "2026-11-01T00:00:00-04:00",
            721,
        ),
    ];
    for (name, at, kind, first_day, start, hours) in cases {
        let found = period(kind, zone(name), instant(at));
        assert_eq!((found.key.kind, found.key.start), (kind, date(first_day)), "{name} {at}");
        assert_eq!(found.start, instant(start), "{name} {at}");
        assert_eq!(found.end - found.start, TimeDelta::hours(hours), "{name} {at}");
        assert!(found.start <= instant(at) && instant(at) < found.end, "{name} {at}");
    }
}

#[test]
fn every_instant_lies_in_one_period_and_periods_leave_no_gap() {
    let places = [
        "Europe/Berlin",
        "America/New_York",
        "America/Santiago",
        "Africa/Cairo",
        "Asia/Beirut",
        "Australia/Lord_Howe",
    ];
    for name in places {
        for kind in PeriodKind::ALL {
            let mut at = instant("2026-01-01T12:00:00Z");
            while at < instant("2027-02-01T00:00:00Z") {
                let here = period(kind, zone(name), at);
                assert!(here.start <= at && at < here.end, "{name} {at}");
                assert_eq!(period(kind, zone(name), here.start), here, "{name} {at}");
                let next = period(kind, zone(name), here.end);
                assert_eq!(next.start, here.end, "{name} {at}");
                assert!(next.key > here.key, "{name} {at}");
                at = here.end;
            }
        }
    }
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
    let mut random = tollgate::base::Random::from_number(63);
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
