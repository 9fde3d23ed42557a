//! What every store must remember: balances and open reservations through restarts, and a row for every attempt (R100).

use tollgate::base::Money;
use tollgate::ledger::{Answer, CallRecord, Command, EndCause, Release, Reply, TariffMark};
use tollgate::store::{Grouping, RecordFilter, Sqlite, SqliteSettings, Store as _, Totals};

use super::words::*;

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
fn a_day_in_which_a_call_holds_nothing_is_still_remembered_when_it_ends() {
    everywhere(|store| {
        store.ask(reserve(1, "1.00", &[alice("3")]));
        store.ask(settle(1, "1.00"));
        store.ask(reserve(2, "0", &[alice("3")]));
        store.ask(Command::Record(Box::new(CallRecord::new(decision(50), "110", at(30 * 86_400)))));
        assert_eq!(store.ask(settle(2, "0.50")), settled(2, "0.50"));
        assert_eq!(store.money(&alice("0")), (money("1.50"), Money::ZERO));
    });
}

#[test]
fn what_the_next_run_would_need_of_a_call_goes_with_its_end() {
    for restarts in [false, true] {
        let mut store = Subject::sqlite();
        let path = store.path().expect("a file");
        let kept = || {
            let file = rusqlite::Connection::open(&path).expect("a database");
            let count = "SELECT count(*) FROM call_in_progress";
            file.query_row(count, [], |row| row.get::<_, u32>(0)).expect("a count")
        };
        let told = |call| match answer(call) {
            Command::Answer(answer) => Command::Answer(Answer { state: Some("dialog".into()), ..answer }),
            other => other,
        };
        for call in [1, 2, 3] {
            store.ask(reserve(call, "1.00", &[alice("9")]));
        }
        store.batch(&[told(1), told(2)]);
        store.batch(&[told(3), settle(3, "0.50")]);
        assert_eq!(kept(), 2, "one was over before it was posted");
        if restarts {
            store.restart();
        }
        store.ask(settle(1, "0.50"));
        assert_eq!(kept(), 1);
        store.batch(&[settle(2, "0.50"), settle(2, "0.50")]);
        assert_eq!(kept(), 0);
    }
}

#[test]
fn nothing_is_left_of_a_call_whose_answer_was_written_too_late() {
    let mut store = Subject::sqlite();
    store.ask(reserve(1, "1.00", &[alice("9")]));
    if let Command::Answer(answer) = answer(1) {
        store.ask(Command::Answer(Answer { state: Some("dialog".into()), ..answer }));
    }
    // The caller has got a 403 (ledger_unavailable) meanwhile.
    let mut record = closing(1, "0");
    (record.answer, record.end_cause) = (None, Some(EndCause::Refused));
    store.ask(Command::Release(Release { id: id(1), at: at(9), record: Some(record) }));
    let file = rusqlite::Connection::open(store.path().expect("a file")).expect("a database");
    let count = "SELECT count(*) FROM call_in_progress";
    assert_eq!(file.query_row(count, [], |row| row.get::<_, u32>(0)).expect("a count"), 0);
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
        assert_eq!(
            totals,
            Totals { calls: 2, refused: 1, answered: 1, billed_seconds: 60, cost, written_off }
        );
        let permitted = Totals { calls: 1, answered: 1, billed_seconds: 60, cost, ..Totals::default() };
        let refused = Totals { calls: 1, refused: 1, ..Totals::default() };
        let by_reason = store.with_reports(|reports| {
            reports.totals_by(&RecordFilter::default(), Grouping::Reason).expect("sums")
        });
        assert_eq!(by_reason, [(None, permitted), (Some("daily_spend".to_owned()), refused)]);
        let by_quarter = store
            .with_reports(|reports| reports.totals_by_quarter_hour(&RecordFilter::default()).expect("sums"));
        let mut sum = Totals::default();
        by_quarter.iter().for_each(|(_, part)| sum.merge(*part));
        assert_eq!(sum, totals);
        assert!(by_quarter.iter().all(|(start, _)| start.timestamp() % 900 == 0 && *start <= at(1)));
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
    record.tariff = Some(TariffMark { prefix: "49".into(), valid_from: at(0).date_naive() });
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

/// A gate that has read what stands in the store looks nobody's day up any more: what it read must be all there is.
#[test]
fn what_was_spent_before_the_start_is_spent_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    for (today, settings) in [
        ("2026-11-23", SqliteSettings::default()),
        ("2026-11-23", SqliteSettings::posting_behind()),
        // The day is surely over: it is not read, and so it is looked up.
        ("2026-11-30", SqliteSettings::posting_behind()),
    ] {
        let mut replies = Vec::new();
        let mut store = Sqlite::open(&path, settings.clone()).expect("a store");
        store.apply(&[reserve(1, "3.00", &[alice("3")]), settle(1, "3.00")], &mut replies).expect("a commit");
        drop(store);
        let mut store = Sqlite::open(&path, settings).expect("the same store");
        store.standing(today.parse().expect("a date")).expect("a readable store");
        store.apply(&[reserve(2, "0.10", &[alice("3")])], &mut replies).expect("a commit");
        assert!(matches!(replies[..], [Reply::Refused { .. }]), "{today}: {replies:?}");
    }
}
