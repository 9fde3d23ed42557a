//! The book beside the gate: it decides at once, its journal follows, and an answer waits for it.

use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use tollgate::base::{Moment, Random};
use tollgate::ledger::{Book, Command, Reply, Unavailable};
use tollgate::store::{
    ANSWER_PATIENCE, BalanceFilter, COMMANDS_WAITING_MAX, Memory, OPENING_PATIENCE, RECORD_PATIENCE, Reports,
    STALLED_AFTER, STATEMENT_PATIENCE, Sqlite, SqliteReader, SqliteSettings, Store, StoreError, Tray, Writer,
    WriterEvent, audit,
};

use super::chance::{any_command, assert_within_limits};
use super::words::*;

/// Longer than any test takes that is not stuck.
const PATIENCE: Duration = Duration::from_secs(20);

fn ms(millis: u64) -> Moment {
    Moment::from_micros(millis * 1_000)
}

/// A tray over a store, and what the writing thread says.
struct Office {
    tray: Tray,
    events: Receiver<WriterEvent>,
    now: Moment,
}

impl Office {
    fn over(mut store: impl Store + Send + 'static) -> Office {
        let today = at(0).date_naive();
        let book = store.standing(today).expect("a store that can be read");
        let (sender, events) = mpsc::channel();
        let handle = Writer::spawn(store, || Moment::START, move |event| drop(sender.send(event)));
        Office { tray: Tray::new(handle.expect("a thread"), book, today), events, now: ms(0) }
    }

    /// What is said at once.
    fn put(&mut self, command: Command) -> Option<Reply> {
        self.tray.put(self.now, command);
        self.tray.next_reply()
    }

    fn wait(&mut self, span: Duration) {
        self.now = self.now + span;
        self.tray.advance(self.now);
    }

    fn hear(&mut self, event: WriterEvent) -> Option<Reply> {
        self.tray.hear(self.now, event);
        self.tray.next_reply()
    }

    /// The size of the next commit; everything said until then is heard.
    fn commit(&mut self) -> usize {
        loop {
            let event = self.events.recv_timeout(PATIENCE).expect("an event");
            if let WriterEvent::Committed { count, .. } = event {
                self.hear(event);
                return count;
            }
            self.hear(event);
        }
    }

    /// The next answer that the gate hears.
    fn reply(&mut self) -> Reply {
        loop {
            let event = self.events.recv_timeout(PATIENCE).expect("an event");
            if let Some(reply) = self.hear(event) {
                return reply;
            }
        }
    }

    fn is_quiet(&self) -> bool {
        let mut told = std::iter::from_fn(|| self.events.recv_timeout(Duration::from_millis(20)).ok());
        !told.any(|event| matches!(event, WriterEvent::Committed { .. }))
    }
}

#[test]
fn room_is_decided_at_once_and_what_nobody_waits_for_waits_for_company() {
    let mut office = Office::over(Memory::default());
    assert!(office.put(reserve(1, "1.00", &[alice("3.99")])).as_ref().and_then(covered).is_some());
    // Two hundred at once on what is left connect two more.
    let more = (2..=200).filter_map(|call| office.put(reserve(call, "1.00", &[alice("3.99")])));
    assert_eq!(more.filter_map(|reply| covered(&reply)).count(), 2);
    for call in 1..=3 {
        assert!(matches!(office.put(release(call)), Some(Reply::Released { duplicate: false, .. })));
    }
    assert!(office.put(reserve(201, "3.99", &[alice("3.99")])).as_ref().and_then(covered).is_some());
    office.wait(STATEMENT_PATIENCE);
    assert!(office.is_quiet(), "rows of calls that cost nothing wait for company");
    office.wait(RECORD_PATIENCE);
    // Four reservations and three ends share a commit.
    assert_eq!(office.commit(), 7);
    assert!(office.is_quiet());
}

#[test]
fn an_answer_is_said_after_its_commit_and_takes_along_what_waits() {
    let mut office = Office::over(Memory::default());
    office.put(reserve(1, "1.00", &[alice("10")]));
    office.put(reserve(2, "1.00", &[alice("10")]));
    office.put(Command::Record(opening(7)));
    assert_eq!(office.put(answer(1)), None, "nobody is connected before the commit");
    assert_eq!(office.tray.deadline(), Some(office.now + ANSWER_PATIENCE));
    office.wait(ANSWER_PATIENCE);
    // The record, the reservations and the answer, in their order.
    assert_eq!(office.commit(), 4);
    assert_eq!(office.reply(), answered(1));
    assert_eq!(office.put(settle(1, "0.66")), None, "nobody has hung up before the commit");
    assert_eq!(office.put(answer(9)), Some(Reply::Unknown { id: id(9) }));
    office.wait(STATEMENT_PATIENCE);
    assert_eq!(office.commit(), 1);
    assert!(matches!(office.reply(), Reply::Settled { duplicate: false, .. }));
}

#[test]
fn a_call_that_rings_on_leaves_its_row_before_it_is_answered() {
    let mut office = Office::over(Memory::default());
    office.put(reserve(1, "1.00", &[alice("10")]));
    assert_eq!(office.tray.deadline(), Some(ms(0) + OPENING_PATIENCE));
    office.wait(OPENING_PATIENCE);
    assert_eq!(office.commit(), 1);
    // On another trunk, with its budget.
    let extended = office.put(extend(1, "0", "1.20", &[alice("10"), sales("5")]));
    assert_eq!(extended.as_ref().and_then(covered), Some(amount("1.20")));
    office.put(release(1));
    office.wait(STATEMENT_PATIENCE);
    assert_eq!(office.commit(), 2);
}

/// A store that is down from the first commit on, or hangs.
struct Broken;

impl Store for Broken {
    fn apply(&mut self, _: &[Command], _: &mut Vec<Reply>) -> Result<(), StoreError> {
        Err(StoreError::Replaced)
    }

    fn standing(&mut self, _: chrono::NaiveDate) -> Result<Book, StoreError> {
        Ok(Book::default())
    }

    fn probe(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn recover(&mut self) -> Result<(), StoreError> {
        Err(StoreError::Replaced)
    }
}

#[test]
fn a_store_that_is_down_reserves_nothing_and_an_answer_hears_of_it() {
    let mut office = Office::over(Broken);
    office.put(reserve(1, "1.00", &[alice("10")]));
    office.put(reserve(2, "1.00", &[alice("10")]));
    office.put(answer(1));
    office.wait(ANSWER_PATIENCE);
    let unavailable = |call| Reply::Unavailable { id: id(call), why: Unavailable::FileGone };
    assert_eq!(office.reply(), unavailable(1));
    for question in [reserve(3, "1.00", &[alice("10")]), extend(2, "0", "2.00", &[alice("10")]), answer(2)] {
        let asked = question.reservation();
        assert_eq!(
            office
                .put(question)
                .map(|reply| (reply.reservation(), reply.clone()))
                .map(|(id, reply)| (id == asked, matches!(reply, Reply::Unavailable { .. }))),
            Some((true, true))
        );
    }
    // What ends is freed in the book all the same.
    assert!(matches!(office.put(release(1)), Some(Reply::Released { .. })));
    assert!(matches!(office.put(release(2)), Some(Reply::Released { .. })));
    assert_eq!(office.tray.book().balance(&alice("0").place()).reserved, amount("0"));
    office.hear(WriterEvent::Up);
    assert!(office.put(reserve(3, "10", &[alice("10")])).as_ref().and_then(covered).is_some());
}

#[test]
fn a_writer_that_hangs_or_drowns_counts_as_down() {
    let mut office = Office::over(Memory::default());
    office.put(Command::Record(opening(1)));
    office.tray.advance(office.now + RECORD_PATIENCE);
    // Nobody listens to what the thread says: for the tray, nothing was written.
    office.now = office.now + RECORD_PATIENCE + STALLED_AFTER;
    let why = |why| Some(Reply::Unavailable { id: id(2), why });
    assert_eq!(office.put(reserve(2, "1.00", &[alice("10")])), why(Unavailable::Busy));
    office.commit();
    assert!(office.put(reserve(2, "1.00", &[alice("10")])).as_ref().and_then(covered).is_some());
    office.put(release(2));
    for call in 0..COMMANDS_WAITING_MAX as u64 {
        office.put(Command::Record(opening(1_000 + call)));
    }
    // A full tray waits no longer.
    assert_eq!(office.tray.deadline(), Some(office.now));
    office.wait(Duration::ZERO);
    assert_eq!(office.put(reserve(2, "1.00", &[alice("10")])), why(Unavailable::Overloaded));
}

#[test]
fn a_day_that_the_book_may_have_forgotten_is_not_spent_twice() {
    let mut store = Memory::default();
    store.apply(&[reserve(1, "3.00", &[alice("3")]), settle(1, "3.00")], &mut Vec::new()).expect("memory");
    let mut office = Office::over(store);
    // A month later the day is forgotten; then the clock is put back.
    let mut later = opening(50);
    later.start = at(30 * 86_400);
    office.put(Command::Record(later));
    let why = Unavailable::ClockPutBack;
    assert_eq!(office.put(reserve(2, "1.00", &[alice("3")])), Some(Reply::Unavailable { id: id(2), why }));
}

#[test]
fn whatever_is_decided_the_journal_agrees_and_a_restart_finds_it() {
    for seed in 300..312 {
        let mut random = Random::from_number(seed);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.sqlite");
        let mut office = Office::over(Sqlite::open(&path, SqliteSettings::default()).expect("a new store"));
        for _ in 0..200 {
            office.put(any_command(&mut random));
            assert_within_limits(&office.tray.book().balances());
            if random.one_in(4) {
                office.wait(Duration::from_millis(random.below(900)));
            }
        }
        let (balances, open) = (office.tray.book().balances(), office.tray.book().open_entries());
        office.tray.stop(office.now, || None);
        let held: Vec<_> = Sqlite::open(&path, SqliteSettings::default())
            .and_then(|mut store| store.standing(at(0).date_naive()))
            .expect("a sound file")
            .open_entries();
        let amounts = |entries: &[(_, tollgate::ledger::Entry)]| -> Vec<_> {
            entries.iter().map(|(id, entry)| (*id, entry.covered(), entry.lines.len())).collect()
        };
        assert_eq!(amounts(&held), amounts(&open), "seed {seed}");
        assert_eq!(audit(&path).expect("a readable file"), [], "seed {seed}");
        let written = SqliteReader::open(&path).expect("a reader").balances(&BalanceFilter::default());
        let is_used = |balance: &(_, tollgate::ledger::Balance)| balance.1.used() != amount("0");
        let used = |balances: Vec<_>| balances.into_iter().filter(is_used).collect::<Vec<_>>();
        assert_eq!(used(written.expect("balances")), used(balances), "seed {seed}");
    }
}
