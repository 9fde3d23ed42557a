//! Durable reservations per second, and how long one commit takes, at several degrees of parallelism.
//!
//! Each reservation stands in three budgets (person's day, department's month, company's month) and opens its call record, as
//! at a real INVITE; each is settled in a later batch. `cargo bench --bench ledger [SECONDS]`.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use chrono_tz::Europe::Berlin;
use tollgate::base::{DecisionId, Money, Random, ReservationId};
use tollgate::ledger::{
    Account, Amount, BudgetLine, CallRecord, Command, EndCause, Limit, PeriodKind, Reply, Reserve, Settle,
    period,
};
use tollgate::store::{Sqlite, SqliteSettings, Store};

const PEOPLE: u64 = 1_000;
const DEPARTMENTS: u64 = 20;

fn main() {
    let seconds = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(3);
    println!(
        "{:>6} {:>16} {:>14} {:>12} {:>12}",
        "batch", "reservations/s", "settled/s", "median ms", "p99 ms"
    );
    for batch in [1, 8, 64, 256] {
        measure(batch, Duration::from_secs(seconds));
    }
}

/// Reserves and settles in turn until the time is up; prints one line of the table.
fn measure(batch: u64, span: Duration) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let mut store = Sqlite::open(&path, SqliteSettings::default()).expect("a new store");
    let mut random = Random::from_number(64);
    let (mut reserving, mut settling) = (Vec::new(), Vec::new());
    let (mut next, mut replies) = (1, Vec::new());
    let began = Instant::now();
    while began.elapsed() < span {
        let calls: Vec<Command> = (next..next + batch).map(|call| reserve(call, &mut random)).collect();
        reserving.push(timed(&mut store, &calls, &mut replies));
        assert!(replies.iter().all(|reply| matches!(reply, Reply::Reserved(_))));
        let ends: Vec<Command> = calls.iter().filter_map(settle).collect();
        settling.push(timed(&mut store, &ends, &mut replies));
        next += batch;
    }
    reserving.sort_unstable();
    let count = u128::from(next - 1) * 1_000_000;
    let micros = |spans: &[Duration]| spans.iter().map(Duration::as_micros).sum::<u128>().max(1);
    let at = |hundredth: usize| reserving[(reserving.len() - 1) * hundredth / 100].as_micros();
    println!(
        "{batch:>6} {:>16} {:>14} {:>12} {:>12}",
        count / micros(&reserving),
        count / micros(&settling),
        millis(at(50)),
        millis(at(99))
    );
}

fn millis(micros: u128) -> String {
    format!("{}.{:03}", micros / 1_000, micros % 1_000)
}

fn timed(store: &mut Sqlite, batch: &[Command], replies: &mut Vec<Reply>) -> Duration {
    let began = Instant::now();
    store.apply(batch, replies).expect("a working store");
    began.elapsed()
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_431_600, 0).expect("a valid instant")
}

fn reserve(call: u64, random: &mut Random) -> Command {
    let person: Arc<str> = format!("person-{}", random.below(PEOPLE)).into();
    let department: Arc<str> = format!("department-{}", random.below(DEPARTMENTS)).into();
    let key = |kind| period(kind, Berlin, noon()).key;
    let limit = Limit::Money(Money::MAX);
    let budgets = [
        BudgetLine::hard(Account::Person(Arc::clone(&person)), key(PeriodKind::Day), limit),
        BudgetLine::hard(Account::Department(Arc::clone(&department)), key(PeriodKind::Month), limit),
        BudgetLine::hard(Account::Company, key(PeriodKind::Month), limit),
    ];
    let (id, decision) = (ReservationId::from_u64(call), DecisionId::from_u64(call));
    let mut record = CallRecord::new(decision, "004930123456", noon());
    record.reservation = Some(id);
    record.person = Some(person);
    record.department = Some(department);
    record.canonical = Some("+4930123456".into());
    record.class = Some("national".into());
    let amount = Amount::new(Money::from_micros(600_000), 60);
    let budgets = Arc::new(budgets);
    Command::Reserve(Reserve { id, decision, amount, budgets, at: noon(), record: Box::new(record) })
}

fn settle(reserve: &Command) -> Option<Command> {
    let Command::Reserve(reserve) = reserve else { return None };
    let mut record = reserve.record.clone();
    (record.answer, record.end) = (Some(noon()), Some(noon()));
    record.end_cause = Some(EndCause::CallerHungUp);
    let amount = Amount::new(Money::from_micros(310_000), 31);
    Some(Command::Settle(Settle { id: reserve.id, amount, at: noon(), record: Some(record) }))
}
