//! What calls cost and how long money lasts, computed by hand (R61, R64, R66).

use chrono::NaiveDate;
use tollgate::base::Money;
use tollgate::ledger::{Price, Rounding, UNLIMITED};

fn money(text: &str) -> Money {
    Money::parse(text).expect("an amount")
}

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date such as 2026-03-29")
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
