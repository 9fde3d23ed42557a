//! The meter alone, by the second.

use super::*;
use crate::ledger::Rounding;

fn price() -> Price {
    Price {
        prefix: "49".into(),
        valid_from: chrono::NaiveDate::from_ymd_opt(2026, 1, 1).expect("a date"),
        per_minute: Money::from_micros(600_000),
        connect: Money::ZERO,
        first_increment: 1,
        next_increment: 1,
        grace: 0,
        rounding: Rounding::default(),
    }
}

fn second(count: u64) -> Moment {
    Moment::START + Duration::from_secs(count)
}

fn terms(price: Option<Price>, covered: u64) -> Terms {
    let covered =
        price.as_ref().map_or(Slice { seconds: 0, cost: Money::ZERO }, |price| price.slice(covered));
    Terms { price: price.map(Arc::new), covered, longest: Some(Duration::MAX), period_end: None }
}

fn meter(covered: u64) -> Meter {
    Meter::start(second(0), terms(Some(price()), covered), &Limits::default())
}

#[test]
fn money_for_ninety_seconds_ends_the_call_a_second_early() {
    let mut meter = meter(60);
    assert_eq!(meter.due(), Some((second(50), Due::Renew)));
    assert_eq!(meter.ask_renewal().map(|slice| slice.seconds), Some(120));
    let rest = meter.refused(Limit::Money(Money::from_micros(300_000)));
    assert_eq!(rest.map(|slice| slice.seconds), Some(90));
    meter.renewed();
    meter.ask_renewal();
    assert_eq!(meter.refused(Limit::Money(Money::ZERO)), None);
    assert_eq!(meter.due(), Some((second(89), Due::Cut(EndCause::CutMoney))));
}

#[test]
fn a_renewed_slice_moves_the_next_question() {
    let mut meter = meter(60);
    meter.ask_renewal();
    meter.renewed();
    assert_eq!(meter.due(), Some((second(110), Due::Renew)));
}

#[test]
fn a_free_call_ends_at_the_longest_call_alone() {
    let longest = Some(Duration::from_secs(300));
    let free = Meter::start(second(0), Terms { longest, ..terms(None, 0) }, &Limits::default());
    assert_eq!(free.due(), Some((second(300), Due::Cut(EndCause::CutTime))));
    assert_eq!(free.amount(Duration::from_secs(200)).money, Money::ZERO);
}

#[test]
fn no_more_is_asked_than_the_longest_call_needs() {
    let longest = Some(Duration::from_secs(90));
    let mut meter =
        Meter::start(second(0), Terms { longest, ..terms(Some(price()), 60) }, &Limits::default());
    assert_eq!(meter.ask_renewal().map(|slice| slice.seconds), Some(90));
    meter.renewed();
    assert_eq!(meter.due(), Some((second(90), Due::Cut(EndCause::CutTime))));
}

#[test]
fn nothing_ends_an_emergency_call() {
    let emergency = Meter::start(second(0), Terms { longest: None, ..terms(None, 0) }, &Limits::default());
    assert_eq!(emergency.due(), None);
}

#[test]
fn a_store_that_does_not_answer_is_asked_again_until_the_slice_ends() {
    let mut meter = meter(60);
    meter.ask_renewal();
    meter.unanswered(second(50));
    assert_eq!(meter.due(), Some((second(51), Due::Renew)));
    assert!(meter.ask_renewal().is_some());
    meter.unanswered(second(58));
    assert_eq!(meter.due(), Some((second(59), Due::Cut(EndCause::CutMoney))));
}

#[test]
fn midnight_charges_the_old_day_with_what_began_in_it() {
    let steps = Price { first_increment: 30, next_increment: 30, ..price() };
    let covered = steps.slice(60);
    let terms = Terms { price: Some(Arc::new(steps)), covered, longest: None, period_end: Some(second(40)) };
    let mut meter = Meter::start(second(0), terms, &Limits::default());
    assert_eq!(meter.due(), Some((second(40), Due::Midnight)));
    assert_eq!(meter.ask_midnight(None), Some(covered), "the increment that runs is paid for already");
    assert_eq!(meter.charged().seconds, 60, "both increments began before midnight");
    meter.renewed();
    assert_eq!(meter.due(), Some((second(50), Due::Renew)));
}

#[test]
fn a_period_that_ends_within_the_grace_waits_until_it_shows_whether_the_call_costs() {
    let steps = Price { grace: 8, ..price() };
    let covered = steps.slice(14);
    let terms = Terms { price: Some(Arc::new(steps)), covered, longest: None, period_end: Some(second(2)) };
    let short = Limits { first_slice: Duration::from_secs(14), ..Limits::default() };
    let mut meter = Meter::start(second(0), terms, &short);
    let after_grace = second(8) + AFTER_GRACE;
    assert_eq!(meter.due(), Some((after_grace, Due::Midnight)), "the renewal of second 7 waits for it");
    meter.ask_midnight(None);
    assert_eq!(meter.charged().seconds, 2);
}

#[test]
fn a_new_day_that_has_not_room_for_more_carries_at_least_what_is_covered() {
    let terms = Terms { period_end: Some(second(20)), longest: None, ..terms(Some(price()), 60) };
    let mut meter = Meter::start(second(0), terms, &Limits::default());
    meter.ask_midnight(None);
    meter.unanswered(second(20));
    assert_eq!(meter.ask_renewal().map(|slice| slice.seconds), Some(120));
    let left = Limit::Money(Money::from_micros(500_000));
    assert_eq!(meter.refused(left).map(|slice| slice.seconds), Some(60));
    meter.renewed();
    assert_eq!(meter.due(), Some((second(50), Due::Renew)));
}

#[test]
fn seconds_are_rounded_up() {
    let meter = meter(60);
    for (millis, seconds) in [(0, 1), (61_000, 61), (61_001, 62)] {
        assert_eq!(meter.amount(Duration::from_millis(millis)).seconds, seconds);
    }
}
