//! Durable answers per second, and what the ledger adds before an INVITE and before a 2xx leaves, at several degrees of parallelism.
//!
//! So many calls at once go through the book beside the gate, the writing thread and SQLite, each reserved, answered and settled, as
//! fast as answers become durable. Each stands in three budgets (person's day, department's month, company's month) and leaves
//! its record. `cargo bench --bench ledger [SECONDS]`.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use chrono_tz::Europe::Berlin;
use tollgate::base::{DecisionId, Moment, Money, Random, ReservationId};
use tollgate::ledger::{
    Account, Amount, Answer, BudgetLine, CallRecord, Command, EndCause, Limit, PeriodKind, Reply, Reserve,
    Settle, period,
};
use tollgate::store::{Sqlite, SqliteSettings, Store, Tray, Writer, WriterEvent};

const PEOPLE: u64 = 1_000;
const DEPARTMENTS: u64 = 20;

fn main() {
    let seconds = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(3);
    println!(
        "{:>8} {:>10} {:>12} {:>14} {:>12} {:>12} {:>12}",
        "at once", "answers/s", "a commit", "INVITE ms", "p99", "2xx ms", "p99"
    );
    for at_once in [1, 8, 64, 256, 1_024] {
        Office::open().measure(at_once, Duration::from_secs(seconds));
    }
}

/// The ledger as the gate's thread sees it.
struct Office {
    tray: Tray,
    events: Receiver<WriterEvent>,
    began: Instant,
    random: Random,
    next: u64,
    /// When each call was answered, by its number.
    open: HashMap<u64, (Command, Instant)>,
    deciding: Vec<Duration>,
    writing: Vec<Duration>,
    commits: u64,
    _folder: tempfile::TempDir,
}

impl Office {
    fn open() -> Office {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.sqlite");
        let mut store = Sqlite::open(&path, SqliteSettings::default()).expect("a new store");
        let today = noon().date_naive();
        let book = store.standing(today).expect("a readable store");
        let (began, (sender, events)) = (Instant::now(), mpsc::channel());
        let clock = move || moment(began);
        let writer = Writer::spawn(store, clock, move |event| drop(sender.send(event))).expect("a thread");
        Office {
            tray: Tray::new(writer, book, today),
            events,
            began,
            random: Random::from_number(64),
            next: 1,
            open: HashMap::new(),
            deciding: Vec::new(),
            writing: Vec::new(),
            commits: 0,
            _folder: folder,
        }
    }

    /// Keeps so many calls at the ledger until the time is up; prints one line of the table.
    fn measure(mut self, at_once: usize, span: Duration) {
        while self.began.elapsed() < span {
            while self.open.len() < at_once {
                self.begin_call();
            }
            self.wait();
        }
        let took = self.began.elapsed().as_micros().max(1);
        let answers = self.writing.len() as u128;
        let (invite, invite_99) = spread(&mut self.deciding);
        let (answer, answer_99) = spread(&mut self.writing);
        println!(
            "{at_once:>8} {:>10} {:>12} {invite:>14} {invite_99:>12} {answer:>12} {answer_99:>12}",
            answers * 1_000_000 / took,
            answers / u128::from(self.commits.max(1)),
        );
        self.tray.stop(moment(self.began), || None);
    }

    fn begin_call(&mut self) {
        let reserve = reserve(self.next, &mut self.random);
        let asked = Instant::now();
        self.tray.put(moment(self.began), reserve.clone());
        assert!(matches!(self.tray.next_reply(), Some(Reply::Reserved(_))));
        self.deciding.push(asked.elapsed());
        self.tray.put(moment(self.began), answer(&reserve).expect("of a reservation"));
        self.open.insert(self.next, (reserve, Instant::now()));
        self.next += 1;
    }

    /// Until something is written, or is due to be.
    fn wait(&mut self) {
        let now = moment(self.began);
        let patience = self.tray.deadline().map_or(Duration::from_millis(5), |due| due.since(now));
        let first = self.events.recv_timeout(patience).ok();
        for event in first.into_iter().chain(self.events.try_iter()).collect::<Vec<_>>() {
            self.commits += u64::from(matches!(event, WriterEvent::Committed { .. }));
            self.tray.hear(moment(self.began), event);
        }
        while let Some(reply) = self.tray.next_reply() {
            let Reply::Answered { id } = reply else { continue };
            let Some((reserve, asked)) = self.open.remove(&id.as_u64()) else { continue };
            self.writing.push(asked.elapsed());
            self.tray.put(moment(self.began), settle(&reserve).expect("of a reservation"));
        }
        self.tray.advance(moment(self.began));
    }
}

fn moment(began: Instant) -> Moment {
    Moment::START + began.elapsed()
}

/// Median and the hundredth worst.
fn spread(spans: &mut [Duration]) -> (String, String) {
    spans.sort_unstable();
    let at = |hundredth: usize| spans.get(spans.len().saturating_sub(1) * hundredth / 100);
    let text = |span: Option<&Duration>| millis(span.copied().unwrap_or_default().as_micros());
    (text(at(50)), text(at(99)))
}

fn millis(micros: u128) -> String {
    format!("{}.{:03}", micros / 1_000, micros % 1_000)
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

fn answer(reserve: &Command) -> Option<Command> {
    let Command::Reserve(reserve) = reserve else { return None };
    let mut record = reserve.record.clone();
    record.answer = Some(noon());
    Some(Command::Answer(Answer { id: reserve.id, at: noon(), record, state: None }))
}

fn settle(reserve: &Command) -> Option<Command> {
    let Command::Reserve(reserve) = reserve else { return None };
    let mut record = reserve.record.clone();
    (record.answer, record.end) = (Some(noon()), Some(noon()));
    record.end_cause = Some(EndCause::CallerHungUp);
    let amount = Amount::new(Money::from_micros(310_000), 31);
    Some(Command::Settle(Settle { id: reserve.id, amount, at: noon(), record: Some(record) }))
}
