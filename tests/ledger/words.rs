//! Short words for the tests of the ledger: commands, budgets, replies, and the stores under test.

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tempfile::TempDir;
use tollgate::base::{DecisionId, Money, ReservationId};
use tollgate::ledger::{
    Account, AccountPeriod, Amount, Answer, Balance, BudgetLine, CallRecord, Command, EndCause, Expire,
    Extend, Limit, PeriodKey, PeriodKind, Release, Reply, Reserve, Settle,
};
use tollgate::store::{
    BalanceFilter, Difference, Memory, RecordFilter, Reports, Sqlite, SqliteReader, SqliteSettings, Store,
    audit,
};

pub fn money(text: &str) -> Money {
    Money::parse(text).expect("an amount")
}

/// Money, and seconds if there is a second word: `"1.20 61"`.
pub fn amount(text: &str) -> Amount {
    let (paid, seconds) = text.split_once(' ').unwrap_or((text, "0"));
    Amount::new(money(paid), seconds.parse().expect("seconds"))
}

pub fn id(number: u64) -> ReservationId {
    ReservationId::from_u64(number)
}

pub fn decision(number: u64) -> DecisionId {
    DecisionId::from_u64(number)
}

/// So many seconds after noon of 23 November 2026, a Monday.
pub fn at(seconds: i64) -> DateTime<Utc> {
    let noon: DateTime<Utc> = "2026-11-23T12:00:00Z".parse().expect("an instant");
    noon + TimeDelta::seconds(seconds)
}

pub fn day(start: &str) -> PeriodKey {
    PeriodKey { kind: PeriodKind::Day, start: date(start) }
}

pub fn month(start: &str) -> PeriodKey {
    PeriodKey { kind: PeriodKind::Month, start: date(start) }
}

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

pub fn person(name: &str) -> Account {
    Account::Person(name.into())
}

pub fn department(name: &str) -> Account {
    Account::Department(name.into())
}

pub fn paid(text: &str) -> Limit {
    Limit::Money(money(text))
}

/// Alice's money on 23 November.
pub fn alice(limit: &str) -> BudgetLine {
    BudgetLine::hard(person("alice"), day("2026-11-23"), paid(limit))
}

/// The sales department's money in November.
pub fn sales(limit: &str) -> BudgetLine {
    BudgetLine::hard(department("sales"), month("2026-11-01"), paid(limit))
}

/// The opening row of call `number`.
pub fn opening(number: u64) -> Box<CallRecord> {
    let mut record = CallRecord::new(decision(number), "0049301234", at(0));
    record.reservation = Some(id(number));
    record.person = Some("alice".into());
    record.department = Some("sales".into());
    record.class = Some("national".into());
    Box::new(record)
}

/// The closing row; the gate hopes for this cost.
pub fn closing(number: u64, cost: &str) -> Box<CallRecord> {
    let mut record = opening(number);
    record.answer = Some(at(5));
    record.end = Some(at(65));
    record.billed_seconds = 60;
    record.cost = money(cost);
    record.end_cause = Some(EndCause::CallerHungUp);
    record
}

pub fn reserve(number: u64, wanted: &str, budgets: &[BudgetLine]) -> Command {
    Command::Reserve(Reserve {
        id: id(number),
        decision: decision(number),
        amount: amount(wanted),
        budgets: budgets.into(),
        at: at(0),
        record: opening(number),
    })
}

pub fn extend(number: u64, charged: &str, total: &str, budgets: &[BudgetLine]) -> Command {
    let (charged, total) = (amount(charged), amount(total));
    Command::Extend(Extend {
        id: id(number),
        charged,
        total,
        budgets: budgets.into(),
        anew: false,
        at: at(60),
    })
}

/// As `extend`, when the limits have changed (R76).
pub fn revise(number: u64, charged: &str, total: &str, budgets: &[BudgetLine]) -> Command {
    match extend(number, charged, total, budgets) {
        Command::Extend(extend) => Command::Extend(Extend { anew: true, ..extend }),
        other => other,
    }
}

/// The row that says that call `number` is answered.
pub fn answering(number: u64) -> Box<CallRecord> {
    let mut record = opening(number);
    (record.answer, record.status) = (Some(at(5)), Some(200));
    record
}

pub fn answer(number: u64) -> Command {
    Command::Answer(Answer { id: id(number), at: at(5), record: answering(number), state: None })
}

pub fn answered(number: u64) -> Reply {
    Reply::Answered { id: id(number) }
}

pub fn settle(number: u64, cost: &str) -> Command {
    let asked = amount(cost);
    let record = closing(number, &asked.money.to_string());
    Command::Settle(Settle { id: id(number), amount: asked, at: at(65), record: Some(record) })
}

pub fn release(number: u64) -> Command {
    Command::Release(Release { id: id(number), at: at(10), record: Some(closing(number, "0")) })
}

pub fn expire(number: u64) -> Command {
    Command::Expire(Expire { id: id(number), at: at(10), record: Some(closing(number, "0")) })
}

pub fn settled(number: u64, charged: &str) -> Reply {
    let (charged, written_off) = (amount(charged), Amount::ZERO);
    Reply::Settled { id: id(number), charged, written_off, duplicate: false }
}

/// What a Reserve or Extend came to: the total covered, or `None` if it was refused.
pub fn covered(reply: &Reply) -> Option<Amount> {
    match reply {
        Reply::Reserved(reservation) | Reply::Extended(reservation) => Some(reservation.covered()),
        Reply::Refused { .. } | Reply::ExtendRefused { .. } => None,
        Reply::Answered { .. }
        | Reply::Settled { .. }
        | Reply::Released { .. }
        | Reply::Closed { .. }
        | Reply::Unknown { .. }
        | Reply::Recorded { .. }
        | Reply::Unavailable { .. } => panic!("{reply:?} answers no question about room"),
    }
}

/// A store under test.
pub enum Subject {
    Memory(Box<Memory>),
    Sqlite { store: Box<Sqlite>, folder: TempDir },
}

impl Subject {
    pub fn memory() -> Subject {
        Subject::Memory(Box::default())
    }

    pub fn sqlite() -> Subject {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.sqlite");
        let store = Sqlite::open(&path, SqliteSettings::default()).expect("a new store");
        Subject::Sqlite { store: Box::new(store), folder }
    }

    pub fn all() -> [(&'static str, Subject); 2] {
        [("book", Subject::memory()), ("sqlite", Subject::sqlite())]
    }

    pub fn path(&self) -> Option<PathBuf> {
        match self {
            Subject::Memory(_) => None,
            Subject::Sqlite { folder, .. } => Some(folder.path().join("ledger.sqlite")),
        }
    }

    pub fn batch(&mut self, commands: &[Command]) -> Vec<Reply> {
        let mut replies = Vec::new();
        let done = match self {
            Subject::Memory(store) => store.apply(commands, &mut replies),
            Subject::Sqlite { store, .. } => store.apply(commands, &mut replies),
        };
        done.expect("a store in working order");
        assert_eq!(replies.len(), commands.len());
        replies
    }

    pub fn ask(&mut self, command: Command) -> Reply {
        self.batch(&[command]).remove(0)
    }

    /// Closes the file and opens it again, as a restart does; a store in memory goes on.
    pub fn restart(&mut self) {
        if let (Some(path), Subject::Sqlite { store, .. }) = (self.path(), self) {
            **store = Sqlite::open(&path, SqliteSettings::default()).expect("the same store");
        }
    }

    fn reports(&self) -> Box<dyn Reports> {
        match (self.path(), self) {
            (Some(path), _) => Box::new(SqliteReader::open(&path).expect("a reader")),
            (None, Subject::Memory(store)) => store.clone(),
            (None, Subject::Sqlite { .. }) => unreachable!("a file has a path"),
        }
    }

    pub fn balances(&self) -> Vec<(AccountPeriod, Balance)> {
        self.reports().balances(&BalanceFilter::default()).expect("balances")
    }

    /// Settled and reserved money of one budget line's place.
    pub fn money(&self, line: &BudgetLine) -> (Money, Money) {
        let filter = BalanceFilter { account: Some(line.account.clone()), period: Some(line.period()) };
        let found = self.reports().balances(&filter).expect("balances");
        found.first().map_or((Money::ZERO, Money::ZERO), |(_, balance)| {
            (balance.settled.money, balance.reserved.money)
        })
    }

    pub fn record(&self, number: u64) -> Option<CallRecord> {
        self.reports().record(decision(number)).expect("records")
    }

    pub fn records(&self, filter: &RecordFilter) -> Vec<CallRecord> {
        self.reports().records(filter).expect("records")
    }

    pub fn with_reports<T>(&self, look: impl FnOnce(&dyn Reports) -> T) -> T {
        look(&*self.reports())
    }

    /// What the auditor finds; a store in memory has no journal and nothing to find.
    pub fn differences(&self) -> Vec<Difference> {
        self.path().map_or_else(Vec::new, |path| audit(&path).expect("a readable file"))
    }
}

/// Runs the same story on each store; afterwards the auditor must be content.
pub fn everywhere(story: impl Fn(&mut Subject)) {
    for (name, mut subject) in Subject::all() {
        eprintln!("on {name}");
        story(&mut subject);
        assert_eq!(subject.differences(), [], "on {name}");
    }
}
