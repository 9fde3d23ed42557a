//! What every store must do: reserve in all budgets or in none, settle or release once, answer repeats as the first time.

use tollgate::base::Money;
use tollgate::ledger::{Amount, BudgetLine, Command, Exhausted, Limit, Reply, Resolution, Unavailable};

use super::words::*;

#[test]
fn two_hundred_calls_at_once_on_a_budget_for_three_connect_exactly_three() {
    everywhere(|store| {
        let calls: Vec<Command> =
            (1..=200).map(|call| reserve(call, "1.00", &[alice("3.50"), sales("100")])).collect();
        let granted = store.batch(&calls).iter().filter_map(covered).count();
        assert_eq!(granted, 3);
        assert_eq!(store.money(&alice("0")), (Money::ZERO, money("3.00")));
        assert_eq!(store.money(&sales("0")), (Money::ZERO, money("3.00")));
    });
    everywhere(|store| {
        let granted =
            (1..=200).filter(|call| covered(&store.ask(reserve(*call, "1.00", &[alice("3.50")]))).is_some());
        assert_eq!(granted.collect::<Vec<_>>(), [1, 2, 3]);
    });
}

#[test]
fn all_budgets_have_room_or_none_is_touched() {
    everywhere(|store| {
        let reply = store.ask(reserve(1, "1.00", &[alice("5"), sales("0.60")]));
        let left = Limit::Money(money("0.60"));
        let sales_line = sales("0.60");
        let (account, period, limit) = (sales_line.account.clone(), sales_line.period(), sales_line.limit());
        assert_eq!(
            reply,
            Reply::Refused { id: id(1), exhausted: Exhausted { index: 1, account, period, limit, left } }
        );
        assert_eq!(store.money(&alice("0")), (Money::ZERO, Money::ZERO));
        // Nothing is remembered of a refusal: with more room the same id may ask again.
        assert_eq!(
            covered(&store.ask(reserve(1, "0.60", &[alice("5"), sales("0.60")]))),
            Some(amount("0.60"))
        );
    });
}

#[test]
fn a_call_settles_what_it_cost_and_frees_the_rest() {
    everywhere(|store| {
        store.ask(reserve(1, "1.20", &[alice("2"), sales("50")]));
        assert_eq!(covered(&store.ask(reserve(2, "1.00", &[alice("2")]))), None);
        assert_eq!(store.ask(settle(1, "0.66 61")), settled(1, "0.66 61"));
        assert_eq!(store.money(&alice("0")), (money("0.66"), Money::ZERO));
        assert_eq!(store.money(&sales("0")), (money("0.66"), Money::ZERO));
        assert!(covered(&store.ask(reserve(2, "1.00", &[alice("2")]))).is_some());
    });
}

#[test]
fn asking_twice_is_answered_as_the_first_time_and_charges_once() {
    everywhere(|store| {
        let first = store.ask(reserve(1, "1.00", &[alice("1.50")]));
        assert_eq!(store.ask(reserve(1, "1.00", &[alice("1.50")])), first);
        assert_eq!(store.money(&alice("0")), (Money::ZERO, money("1.00")));

        let longer = store.ask(extend(1, "0", "1.50", &[alice("1.50")]));
        assert_eq!(store.ask(extend(1, "0", "1.50", &[alice("1.50")])), longer);
        assert_eq!(store.money(&alice("0")), (Money::ZERO, money("1.50")));

        assert_eq!(store.ask(settle(1, "1.20")), settled(1, "1.20"));
        store.restart();
        // Also with another amount: the first one counted.
        for repeated in ["1.20", "1.50"] {
            let reply = store.ask(settle(1, repeated));
            let written_off = Amount::ZERO;
            assert_eq!(
                reply,
                Reply::Settled { id: id(1), charged: amount("1.20"), written_off, duplicate: true }
            );
        }
        assert_eq!(store.money(&alice("0")), (money("1.20"), Money::ZERO));
        assert_eq!(store.record(1).map(|record| record.cost), Some(money("1.20")));

        store.ask(reserve(2, "0.10", &[alice("1.50")]));
        assert_eq!(
            store.ask(release(2)),
            Reply::Released { id: id(2), charged: Amount::ZERO, duplicate: false }
        );
        assert_eq!(
            store.ask(release(2)),
            Reply::Released { id: id(2), charged: Amount::ZERO, duplicate: true }
        );
    });
}

#[test]
fn an_answer_moves_no_money_and_leaves_its_row() {
    everywhere(|store| {
        assert_eq!(store.ask(answer(1)), Reply::Unknown { id: id(1) });
        store.ask(reserve(1, "1.00", &[alice("3")]));
        for _ in 0..2 {
            assert_eq!(store.ask(answer(1)), answered(1));
            assert_eq!(store.record(1), Some(*answering(1)));
            assert_eq!(store.money(&alice("0")), (Money::ZERO, money("1.00")));
            store.restart();
        }
        store.ask(settle(1, "0.66"));
        // Late, it opens nothing again.
        let charged = Resolution::Settled { charged: amount("0.66"), written_off: Amount::ZERO };
        assert_eq!(store.ask(answer(1)), Reply::Closed { id: id(1), resolution: charged });
        assert_eq!(store.record(1), Some(*closing(1, "0.66")));
    });
}

#[test]
fn a_reservation_ends_once_and_stays_ended() {
    everywhere(|store| {
        store.ask(reserve(1, "1.00", &[alice("5")]));
        store.ask(release(1));
        store.ask(reserve(2, "1.00", &[alice("5")]));
        store.ask(settle(2, "0.50"));
        store.ask(reserve(3, "1.00", &[alice("5")]));
        store.ask(expire(3));
        store.restart();

        let closed = |number, resolution| Reply::Closed { id: id(number), resolution };
        let charged = Resolution::Settled { charged: amount("0.50"), written_off: Amount::ZERO };
        assert_eq!(store.ask(settle(1, "1.00")), closed(1, Resolution::Released));
        assert_eq!(store.ask(reserve(1, "1.00", &[alice("5")])), closed(1, Resolution::Released));
        assert_eq!(store.ask(release(2)), closed(2, charged));
        assert_eq!(store.ask(extend(2, "0", "2.00", &[alice("5")])), closed(2, charged));
        assert_eq!(store.ask(settle(3, "1.00")), closed(3, Resolution::Expired));
        assert_eq!(store.money(&alice("0")), (money("0.50"), Money::ZERO));

        for command in [settle(9, "1"), release(9), expire(9), extend(9, "0", "1", &[alice("5")])] {
            assert_eq!(store.ask(command), Reply::Unknown { id: id(9) });
        }
    });
}

#[test]
fn soft_limits_warn_and_never_refuse() {
    let soft = |limit: &str| BudgetLine::soft(person("alice"), day("2026-11-23"), paid(limit));
    everywhere(|store| {
        let lines = [soft("1.00"), alice("3.00")];
        let warned = |reply: &Reply| match reply {
            Reply::Reserved(reservation) => Some(reservation.warned()),
            _ => None,
        };
        assert_eq!(warned(&store.ask(reserve(1, "1.00", &lines))), Some(false));
        assert_eq!(warned(&store.ask(reserve(2, "1.00", &lines))), Some(true));
        // Both lines name one account, which is charged once.
        assert_eq!(store.money(&alice("0")), (Money::ZERO, money("2.00")));
        assert_eq!(warned(&store.ask(reserve(3, "1.01", &lines))), None);
        // A soft limit bounds no overrun either.
        assert_eq!(store.ask(settle(1, "2.00")), settled(1, "2.00"));
    });
}

#[test]
fn minutes_are_a_budget_like_money() {
    let minutes = |seconds| BudgetLine::hard(person("alice"), day("2026-11-23"), Limit::Seconds(seconds));
    everywhere(|store| {
        let lines = [minutes(180), alice("10")];
        assert!(covered(&store.ask(reserve(1, "0.10 60", &lines))).is_some());
        // A free call takes minutes and no money.
        assert!(covered(&store.ask(reserve(2, "0 60", &lines))).is_some());
        let reply = store.ask(reserve(3, "0.10 61", &lines));
        let line = minutes(180);
        let (account, period, limit, left) =
            (line.account.clone(), line.period(), line.limit(), Limit::Seconds(60));
        assert_eq!(
            reply,
            Reply::Refused { id: id(3), exhausted: Exhausted { index: 0, account, period, limit, left } }
        );
        assert_eq!(store.ask(settle(1, "0.09 55")), settled(1, "0.09 55"));
        assert!(covered(&store.ask(reserve(3, "0.10 65", &lines))).is_some());
    });
}

#[test]
fn too_many_budgets_are_refused_rather_than_cut_short() {
    let lines: Vec<_> =
        (0..33).map(|n| BudgetLine::hard(person(&n.to_string()), day("2026-11-23"), paid("5"))).collect();
    everywhere(|store| {
        let why = Unavailable::TooManyBudgets;
        assert_eq!(store.ask(reserve(1, "1", &lines)), Reply::Unavailable { id: id(1), why });
        assert_eq!(store.ask(settle(1, "1")), Reply::Unknown { id: id(1) });
    });
}
