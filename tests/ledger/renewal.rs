//! What every store must do while a call lasts: renew, pass midnight, bear lowered limits, and charge an overrun where there is room.

use tollgate::base::Money;
use tollgate::ledger::{BudgetLine, Limit, Reply};

use super::words::*;

#[test]
fn an_overrun_is_charged_only_where_there_is_room_and_the_rest_is_written_off() {
    // reserved, Alice's limit, settled, charged, written off
    let cases = [
        ("1.00", "3.00", "1.00", "1.00", "0"),
        ("1.00", "3.00", "2.50", "2.50", "0"),
        ("1.00", "3.00", "3.00", "3.00", "0"),
        ("1.00", "3.00", "3.10", "3.00", "0.10"),
        ("1.00", "1.00", "1.20", "1.00", "0.20"),
        // The department has room for 1.50 in all.
        ("1.00", "9.00", "2.00", "1.50", "0.50"),
    ];
    for (reserved, limit, cost, charged, written_off) in cases {
        everywhere(|store| {
            store.ask(reserve(
                1,
                reserved,
                &[alice(limit), sales(if limit == "9.00" { "1.50" } else { "100" })],
            ));
            let reply = store.ask(settle(1, cost));
            let (charged, written_off) = (amount(charged), amount(written_off));
            assert_eq!(reply, Reply::Settled { id: id(1), charged, written_off, duplicate: false });
            let record = store.record(1).expect("a record");
            assert_eq!(
                (record.cost, record.written_off),
                (charged.money, written_off.money),
                "limit {limit}"
            );
        });
    }
}

#[test]
fn another_calls_reservation_is_no_room_for_an_overrun() {
    everywhere(|store| {
        store.ask(reserve(1, "1.00", &[alice("3")]));
        store.ask(reserve(2, "1.50", &[alice("3")]));
        let reply = store.ask(settle(1, "2.00"));
        let (charged, written_off) = (amount("1.50"), amount("0.50"));
        assert_eq!(reply, Reply::Settled { id: id(1), charged, written_off, duplicate: false });
        assert_eq!(store.money(&alice("0")), (money("1.50"), money("1.50")));
    });
}

#[test]
fn a_refused_renewal_leaves_the_call_what_it_has() {
    everywhere(|store| {
        store.ask(reserve(1, "1.00", &[alice("2.50")]));
        assert_eq!(covered(&store.ask(extend(1, "0", "2.00", &[alice("2.50")]))), Some(amount("2.00")));
        assert_eq!(covered(&store.ask(extend(1, "0", "3.00", &[alice("2.50")]))), None);
        assert_eq!(store.money(&alice("0")), (Money::ZERO, money("2.00")));
        // A late repeat of the first renewal takes nothing away.
        assert_eq!(covered(&store.ask(extend(1, "0", "1.50", &[alice("2.50")]))), Some(amount("2.00")));
        // The limit was lowered meanwhile: no more, but nothing is taken back.
        assert_eq!(covered(&store.ask(extend(1, "0", "2.10", &[alice("1.00")]))), None);
        assert_eq!(store.ask(settle(1, "1.80")), settled(1, "1.80"));
    });
}

#[test]
fn at_midnight_the_old_day_is_settled_and_the_new_one_reserved_in_one_step() {
    let tomorrow = |limit: &str| BudgetLine::hard(person("alice"), day("2026-11-24"), paid(limit));
    everywhere(|store| {
        store.ask(reserve(1, "2.00 120", &[alice("2"), sales("10")]));
        // 1.20 of the call belongs to the old day; up to 2.60 in all are wanted.
        let over = extend(1, "1.20 72", "2.60 150", &[tomorrow("5"), sales("10")]);
        for _ in 0..2 {
            assert_eq!(covered(&store.ask(over.clone())), Some(amount("2.60 150")));
            assert_eq!(store.money(&alice("0")), (money("1.20"), Money::ZERO));
            assert_eq!(store.money(&tomorrow("0")), (Money::ZERO, money("1.40")));
            assert_eq!(store.money(&sales("0")), (money("1.20"), money("1.40")));
            store.restart();
        }
        assert_eq!(store.ask(settle(1, "2.00 120")), settled(1, "2.00 120"));
        assert_eq!(store.money(&alice("0")), (money("1.20"), Money::ZERO));
        assert_eq!(store.money(&tomorrow("0")), (money("0.80"), Money::ZERO));
        assert_eq!(store.money(&sales("0")), (money("2.00"), Money::ZERO));
    });
    everywhere(|store| {
        store.ask(reserve(1, "2.00", &[alice("2"), sales("10")]));
        // The new day has no room: the call keeps the old day's money and ends with it.
        assert_eq!(covered(&store.ask(extend(1, "1.20", "2.60", &[tomorrow("1"), sales("10")]))), None);
        assert_eq!(store.money(&alice("0")), (Money::ZERO, money("2.00")));
        assert_eq!(store.money(&tomorrow("0")), (Money::ZERO, Money::ZERO));
        store.ask(settle(1, "1.20"));
        assert_eq!(store.money(&alice("0")), (money("1.20"), Money::ZERO));
    });
}

#[test]
fn midnight_passes_although_the_month_is_full_to_the_brim_with_this_very_call() {
    let tomorrow = BudgetLine::hard(person("alice"), day("2026-11-24"), paid("5"));
    everywhere(|store| {
        store.ask(reserve(1, "2.00", &[alice("2"), sales("2")]));
        let reply = store.ask(extend(1, "1.20", "2.00", &[tomorrow.clone(), sales("2")]));
        assert_eq!(covered(&reply), Some(amount("2.00")));
        assert_eq!(store.money(&sales("0")), (money("1.20"), money("0.80")));
    });
}

#[test]
fn a_released_call_keeps_what_midnight_settled() {
    let tomorrow = BudgetLine::hard(person("alice"), day("2026-11-24"), paid("5"));
    everywhere(|store| {
        store.ask(reserve(1, "2.00", &[alice("2")]));
        store.ask(extend(1, "1.20", "2.60", std::slice::from_ref(&tomorrow)));
        for duplicate in [false, true] {
            assert_eq!(
                store.ask(expire(1)),
                Reply::Released { id: id(1), charged: amount("1.20"), duplicate }
            );
            store.restart();
        }
        assert_eq!(store.record(1).map(|record| record.cost), Some(money("1.20")));
        assert_eq!(store.money(&alice("0")), (money("1.20"), Money::ZERO));
        assert_eq!(store.money(&tomorrow), (Money::ZERO, Money::ZERO));
    });
}

#[test]
fn a_lowered_limit_refuses_only_who_wants_more_of_the_same() {
    let minutes = BudgetLine::hard(person("alice"), day("2026-11-23"), Limit::Seconds(600));
    everywhere(|store| {
        store.ask(reserve(1, "2.00 60", &[alice("3"), minutes.clone()]));
        let lowered = [alice("1"), minutes.clone()];
        assert_eq!(covered(&store.ask(reserve(2, "0.10 60", &lowered))), None);
        // A free call takes none of the money that is overdrawn.
        assert_eq!(covered(&store.ask(reserve(2, "0 60", &lowered))), Some(amount("0 60")));
        let (charged, written_off) = (amount("0 70"), amount("0.20"));
        assert_eq!(
            store.ask(settle(2, "0.20 70")),
            Reply::Settled { id: id(2), charged, written_off, duplicate: false }
        );
        assert_eq!(store.ask(settle(1, "1.50 60")), settled(1, "1.50 60"));
    });
}

#[test]
fn a_lowered_limit_counts_for_all_that_a_call_holds_when_it_is_asked_anew() {
    everywhere(|store| {
        store.ask(reserve(1, "0.60", &[alice("10")]));
        store.ask(reserve(2, "0.60", &[alice("10")]));
        let lowered = [alice("1")];
        // The other call has 0.60 of the 1.00; this one may hold 0.40, and nothing has changed yet.
        match store.ask(revise(1, "0", "0.60", &lowered)) {
            Reply::ExtendRefused { exhausted, .. } => assert_eq!(exhausted.left, paid("0.40")),
            other => panic!("{other:?}"),
        }
        assert_eq!(store.money(&alice("0")), (Money::ZERO, money("1.20")));
        for _ in 0..2 {
            assert_eq!(covered(&store.ask(revise(1, "0", "0.40", &lowered))), Some(amount("0.40")));
            assert_eq!(store.money(&alice("0")), (Money::ZERO, money("1.00")));
            store.restart();
        }
        assert_eq!(covered(&store.ask(revise(2, "0", "0.60", &lowered))), Some(amount("0.60")));
        assert_eq!(store.ask(settle(1, "0.40")), settled(1, "0.40"));
        assert_eq!(store.ask(settle(2, "0.60")), settled(2, "0.60"));
        assert_eq!(store.money(&alice("0")), (money("1.00"), Money::ZERO));
    });
}

#[test]
fn a_budget_that_is_new_takes_over_what_a_call_holds() {
    everywhere(|store| {
        store.ask(reserve(1, "0.60", &[alice("10")]));
        assert_eq!(covered(&store.ask(revise(1, "0", "0.60", &[alice("10"), sales("0.50")]))), None);
        let both = [alice("10"), sales("0.60")];
        assert_eq!(covered(&store.ask(revise(1, "0", "0.60", &both))), Some(amount("0.60")));
        assert_eq!(store.money(&sales("0")), (Money::ZERO, money("0.60")));
        // And one that is gone lets go of it.
        let one = [sales("0.60")];
        assert_eq!(covered(&store.ask(revise(1, "0", "0.60", &one))), Some(amount("0.60")));
        assert_eq!(store.money(&alice("0")), (Money::ZERO, Money::ZERO));
        assert_eq!(store.ask(settle(1, "0.10")), settled(1, "0.10"));
    });
}
