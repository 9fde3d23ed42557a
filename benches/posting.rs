//! What a call costs the writing thread, to be counted in instructions: no clock, no threads, and the same calls every time.
//!
//! A thousand calls a second in simulated time, a commit every 20 ms, each call reserved, answered after 50 ms and settled after
//! its duration, in three budgets, with what the next run would need of it. The first half warms; only the second is counted with
//! `valgrind --tool=callgrind --toggle-collect='posting::measured' <binary> [CALLS] [MILLISECONDS OF A CALL]`.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Europe::Berlin;
use tollgate::base::{IdSource, Money, Random};
use tollgate::ledger::{
    Account, Amount, Answer, BudgetLine, CallRecord, Command, EndCause, Limit, PeriodKind, Reserve, Settle,
    TariffMark, period,
};
use tollgate::store::{Sqlite, SqliteSettings, Store, Tended};

const PEOPLE: u64 = 10_000;
const DEPARTMENTS: u64 = 20;
const TICK_MILLIS: u64 = 20;
const RING_TICKS: u64 = 2;
/// About what the dialog of a call between a phone and a trunk takes.
const STATE_BYTES: usize = 1_200;

fn main() {
    let mut numbers = std::env::args().filter_map(|word| word.parse::<u64>().ok());
    let calls = numbers.next().unwrap_or(20_000);
    let talk_ticks = numbers.next().unwrap_or(200) / TICK_MILLIS;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let mut store = Sqlite::open(&path, SqliteSettings::posting_behind()).expect("a new store");
    store.standing(noon().date_naive()).expect("a readable store");
    let mut traffic =
        Traffic { ids: IdSource::default(), random: Random::from_number(64), calls: Vec::new(), tick: 0 };
    let ticks = calls / TICK_MILLIS;
    let half = ticks / 2;
    for _ in 0..half {
        apply(&mut store, &traffic.next(talk_ticks));
    }
    for _ in half..ticks {
        let batch = traffic.next(talk_ticks);
        measured(&mut store, &batch);
    }
    let pages = std::fs::metadata(&path).map_or(0, |file| file.len() / 4_096);
    println!("{} calls counted, {pages} pages", (ticks - half) * TICK_MILLIS);
}

#[inline(never)]
fn measured(store: &mut Sqlite, batch: &[Command]) {
    apply(store, batch);
}

fn apply(store: &mut Sqlite, batch: &[Command]) {
    for batch in batch.chunks(tollgate::store::BATCH_MAX) {
        let mut replies = Vec::with_capacity(batch.len());
        store.apply(batch, &mut replies).expect("a store that works");
        while store.tend().expect("a store that works") != Tended::Done {}
    }
}

struct Traffic {
    ids: IdSource,
    random: Random,
    /// Those begun at each tick.
    calls: Vec<Vec<Reserve>>,
    tick: u64,
}

impl Traffic {
    /// What one commit holds.
    fn next(&mut self, talk_ticks: u64) -> Vec<Command> {
        let now = noon() + TimeDelta::milliseconds((self.tick * TICK_MILLIS).cast_signed());
        let begun: Vec<_> = (0..TICK_MILLIS).map(|_| self.reserve(now)).collect();
        let ago = |ticks: u64| self.tick.checked_sub(ticks).and_then(|tick| self.calls.get(tick as usize));
        let answers = ago(RING_TICKS).into_iter().flatten().map(|call| answer(call, now));
        let settles = ago(RING_TICKS + talk_ticks).into_iter().flatten().map(|call| settle(call, now));
        let reserves = begun.iter().cloned().map(Command::Reserve);
        let batch = reserves.chain(answers).chain(settles).collect();
        self.calls.push(begun);
        self.tick += 1;
        batch
    }

    fn reserve(&mut self, at: DateTime<Utc>) -> Reserve {
        let person: Arc<str> = format!("person-{}", self.random.below(PEOPLE)).into();
        let department: Arc<str> = format!("department-{}", self.random.below(DEPARTMENTS)).into();
        let key = |kind| period(kind, Berlin, at).key;
        let limit = Limit::Money(Money::from_micros(9_000_000_000_000));
        let budgets = [
            BudgetLine::hard(Account::Person(Arc::clone(&person)), key(PeriodKind::Day), limit),
            BudgetLine::hard(Account::Department(Arc::clone(&department)), key(PeriodKind::Month), limit),
            BudgetLine::hard(Account::Company, key(PeriodKind::Month), limit),
        ];
        let (decision, id) = (self.ids.decision(at), self.ids.reservation(at));
        let mut record = CallRecord::new(decision, "004930123456", at);
        record.reservation = Some(id);
        record.person = Some(person);
        record.department = Some(department);
        record.site = Some("head-office".into());
        record.canonical = Some("+4930123456".into());
        record.class = Some("national".into());
        record.country = Some("DE".into());
        record.rule = Some("role clerk, may call national".into());
        record.policy_version = 7;
        record.tariff = Some(TariffMark { prefix: "4930".into(), valid_from: at.date_naive() });
        record.trunk = Some("carrier".into());
        let amount = Amount::new(Money::from_micros(600_000), 60);
        Reserve { id, decision, amount, budgets: Arc::new(budgets), at, record: Box::new(record) }
    }
}

fn answer(call: &Reserve, at: DateTime<Utc>) -> Command {
    let mut record = call.record.clone();
    record.answer = Some(at);
    record.status = Some(200);
    Command::Answer(Answer { id: call.id, at, record, state: Some("s".repeat(STATE_BYTES).into()) })
}

fn settle(call: &Reserve, at: DateTime<Utc>) -> Command {
    let mut record = call.record.clone();
    (record.answer, record.end, record.status) = (Some(call.at), Some(at), Some(200));
    record.end_cause = Some(EndCause::CallerHungUp);
    record.billed_seconds = 31;
    record.cost = Money::from_micros(310_000);
    let amount = Amount::new(Money::from_micros(310_000), 31);
    Command::Settle(Settle { id: call.id, amount, at, record: Some(record) })
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_431_600, 0).expect("a valid instant")
}
