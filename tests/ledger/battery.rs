//! What every store must do, in the order of a call: reserve, renew, settle or release, and what is left behind.

use tollgate::base::Money;
use tollgate::ledger::{
    Amount, BudgetLine, CallRecord, Command, Exhausted, Limit, Reply, Resolution, Unavailable,
};
use tollgate::store::{RecordFilter, Totals};

use super::words::*;

/// Runs the same story on each store; afterwards the auditor must be content.
fn everywhere(story: impl Fn(&mut Subject)) {
    for (name, mut subject) in Subject::all() {
        eprintln!("on {name}");
        story(&mut subject);
        assert_eq!(subject.differences(), [], "on {name}");
    }
}

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
        let (account, period, limit) = (sales_line.account, sales_line.period, sales_line.limit);
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
        let (account, period, limit, left) = (line.account, line.period, line.limit, Limit::Seconds(60));
        assert_eq!(
            reply,
            Reply::Refused { id: id(3), exhausted: Exhausted { index: 0, account, period, limit, left } }
        );
        assert_eq!(store.ask(settle(1, "0.09 55")), settled(1, "0.09 55"));
        assert!(covered(&store.ask(reserve(3, "0.10 65", &lines))).is_some());
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
fn a_call_without_budgets_is_charged_to_its_record_alone() {
    everywhere(|store| {
        assert!(covered(&store.ask(reserve(1, "5.00", &[]))).is_some());
        assert_eq!(store.ask(settle(1, "7.00")), settled(1, "7.00"));
        assert_eq!(store.record(1).map(|record| record.cost), Some(money("7.00")));
        assert_eq!(store.balances(), []);
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

#[test]
fn balances_and_reservations_outlive_restarts() {
    everywhere(|store| {
        store.ask(reserve(1, "1.00 60", &[alice("3"), sales("50")]));
        store.ask(reserve(2, "1.00 60", &[alice("3"), sales("50")]));
        store.ask(settle(2, "0.40 20"));
        let before = store.balances();
        store.restart();
        assert_eq!(store.balances(), before);
        assert_eq!(covered(&store.ask(reserve(3, "1.61", &[alice("3")]))), None);
        assert!(covered(&store.ask(reserve(3, "1.60", &[alice("3")]))).is_some());
        assert_eq!(store.ask(settle(1, "1.00 60")), settled(1, "1.00 60"));
        let open = store.with_reports(|reports| reports.open_reservations().expect("open reservations"));
        assert_eq!(open.iter().map(|open| open.id).collect::<Vec<_>>(), [id(3)]);
        assert_eq!(open[0].record.as_ref(), Some(&*opening(3)));
    });
}

#[test]
fn old_days_are_remembered_although_they_left_the_memory() {
    everywhere(|store| {
        store.ask(reserve(1, "1.00", &[alice("3")]));
        store.ask(settle(1, "1.00"));
        // A month later the day is long forgotten...
        let mut later = CallRecord::new(decision(50), "110", at(30 * 86_400));
        later.person = Some("bob".into());
        store.ask(Command::Record(Box::new(later)));
        // ...until the clock is put back, or a late settlement comes.
        assert_eq!(covered(&store.ask(reserve(2, "2.50", &[alice("3")]))), None);
        assert!(covered(&store.ask(reserve(2, "2.00", &[alice("3")]))).is_some());
        assert_eq!(store.money(&alice("0")), (money("1.00"), money("2.00")));
    });
}

#[test]
fn every_attempt_leaves_its_row() {
    everywhere(|store| {
        // A refusal of the ledger leaves none by itself: the gate writes it with the reason.
        store.ask(reserve(1, "9.00", &[alice("3")]));
        assert_eq!(store.record(1), None);
        let mut refused = opening(1);
        refused.reason = Some("daily_spend".into());
        refused.reservation = None;
        assert_eq!(store.ask(Command::Record(refused.clone())), Reply::Recorded { decision: decision(1) });
        assert_eq!(store.record(1), Some(*refused));

        store.ask(reserve(2, "1.00", &[alice("3")]));
        assert_eq!(store.record(2), Some(*opening(2)));
        store.ask(settle(2, "0.66"));
        assert_eq!(store.record(2), Some(*closing(2, "0.66")));
        // A late repeat of the reservation does not open the row again.
        store.ask(reserve(2, "1.00", &[alice("3")]));
        assert_eq!(store.record(2), Some(*closing(2, "0.66")));

        let refused_only = RecordFilter { refused: Some(true), ..RecordFilter::default() };
        assert_eq!(
            store.records(&refused_only).iter().map(|row| row.decision).collect::<Vec<_>>(),
            [decision(1)]
        );
        let nobody = RecordFilter { person: Some("bob".into()), ..RecordFilter::default() };
        assert_eq!(store.records(&nobody), []);
        let hour = RecordFilter {
            from: Some(at(-1)),
            until: Some(at(1)),
            count_max: Some(1),
            ..RecordFilter::default()
        };
        assert_eq!(store.records(&hour).iter().map(|row| row.decision).collect::<Vec<_>>(), [decision(2)]);
        assert_eq!(store.records(&RecordFilter { until: Some(at(0)), ..hour.clone() }), []);
        let totals = store.with_reports(|reports| reports.totals(&RecordFilter::default()).expect("sums"));
        let (cost, written_off) = (money("0.66"), Money::ZERO);
        assert_eq!(totals, Totals { calls: 2, refused: 1, billed_seconds: 60, cost, written_off });
    });
}

#[test]
fn every_column_of_a_record_comes_back() {
    let mut record = *closing(7, "1.25");
    record.site = Some("berlin".into());
    record.canonical = Some("+49301234".into());
    record.country = Some("DE".into());
    record.rule = Some("sales/national".into());
    record.policy_version = 42;
    record.tariff =
        Some(tollgate::ledger::TariffMark { prefix: "49".into(), valid_from: at(0).date_naive() });
    record.trunk = Some("first".into());
    record.written_off = money("0.000001");
    record.status = Some(200);
    record.estimated = true;
    everywhere(|store| {
        // Not `ask(settle)`: a bare record's cost is the gate's own affair, and no reservation stands behind it.
        let mut bare = record.clone();
        (bare.reservation, bare.cost) = (None, Money::ZERO);
        store.ask(Command::Record(Box::new(bare.clone())));
        assert_eq!(store.record(7), Some(bare));
        let mut open = record.clone();
        open.end_cause = None;
        store.ask(Command::Record(Box::new(open.clone())));
        assert_eq!(store.record(7), Some(open));
    });
}
