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
    let rows = include_str!("cost_cases.txt").lines().filter(|line| !line.starts_with("//"));
    for row in rows {
        let (facts, _arithmetic) = row.split_once("--").expect("each row shows how it was computed");
        let cells: Vec<&str> = facts.split('|').map(str::trim).collect();
        let [per_minute, increments, connect, grace, places, talk, cost] = cells[..] else {
            panic!("seven cells: {row}")
        };
        let count = |text: &str| text.parse().expect("a whole number");
        let rounding = Rounding::up_to_places(count(places) as u8).expect("at most six places");
        let price = Price { rounding, ..price(per_minute, increments, connect, count(grace)) };
        assert_eq!(price.cost(count(talk)), money(cost), "{row}");
    }
}

#[test]
fn money_has_six_places_at_most() {
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
