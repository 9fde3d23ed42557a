//! The writing thread: many commands to one commit, and an outage in which nothing that was stated is lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use chrono::NaiveDate;
use tollgate::base::Moment;
use tollgate::ledger::{Book, Command, Reply, Unavailable};
use tollgate::store::{
    BATCH_MAX, Memory, RecordFilter, Reports, Sqlite, SqliteReader, SqliteSettings, Store, StoreError,
    Unopened, Writer, WriterEvent, WriterHandle, audit,
};

use super::words::*;

/// Longer than any test takes that is not stuck.
const PATIENCE: Duration = Duration::from_secs(20);

/// A clock that gains a microsecond whenever it is read.
fn ticking() -> impl FnMut() -> Moment + Send {
    let mut micros = 0;
    move || {
        micros += 1;
        Moment::from_micros(micros)
    }
}

fn start<S: Store + Send + 'static>(store: S) -> (WriterHandle, Receiver<WriterEvent>) {
    let (sender, events) = mpsc::channel();
    let handle = Writer::spawn(store, ticking(), move |event| {
        // A test that has seen enough no longer listens.
        let _ = sender.send(event);
    });
    (handle.expect("a thread"), events)
}

fn send(handle: &WriterHandle, command: Command) {
    handle.send(command).expect("a running thread");
}

/// The next so many replies, whatever happens between them.
fn replies(events: &Receiver<WriterEvent>, count: usize) -> Vec<Reply> {
    let mut found = Vec::new();
    while found.len() < count {
        if let WriterEvent::Replied(replies) = events.recv_timeout(PATIENCE).expect("an event") {
            found.extend(replies);
        }
    }
    found
}

/// A store that can be told to fail, before or after the work is done, and to wait.
#[derive(Clone, Default)]
struct Moody {
    inner: Arc<Mutex<Memory>>,
    /// So many batches fail without a trace.
    failures: Arc<AtomicUsize>,
    /// So many batches are done, and then reported as failed.
    torn: Arc<AtomicUsize>,
    /// How often recovery fails.
    stubborn: Arc<AtomicUsize>,
    /// The first batch waits here.
    gate: Option<Arc<Mutex<Receiver<()>>>>,
}

fn one_of(count: &AtomicUsize) -> bool {
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl Store for Moody {
    fn apply(&mut self, batch: &[Command], replies: &mut Vec<Reply>) -> Result<(), StoreError> {
        if let Some(gate) = self.gate.take() {
            gate.lock().expect("one reader").recv().expect("a word to go on");
        }
        if one_of(&self.failures) {
            return Err(StoreError::Replaced);
        }
        self.inner.lock().expect("one writer").apply(batch, replies)?;
        if one_of(&self.torn) {
            replies.clear();
            return Err(StoreError::Replaced);
        }
        Ok(())
    }

    fn standing(&mut self, today: NaiveDate) -> Result<Book, StoreError> {
        self.inner.lock().expect("one writer").standing(today)
    }

    fn probe(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn recover(&mut self) -> Result<(), StoreError> {
        if one_of(&self.stubborn) { Err(StoreError::Replaced) } else { Ok(()) }
    }
}

#[test]
fn what_arrives_during_a_commit_shares_the_next_one() {
    let (open_gate, gate): (Sender<()>, _) = mpsc::channel();
    let store = Moody { gate: Some(Arc::new(Mutex::new(gate))), ..Moody::default() };
    let (handle, events) = start(store);
    send(&handle, reserve(1, "1.00", &[alice("1000")]));
    for call in 2..=600 {
        send(&handle, reserve(call, "1.00", &[alice("1000")]));
    }
    open_gate.send(()).expect("a waiting store");
    handle.stop();
    let commits: Vec<usize> = events.iter().filter_map(|event| committed(&event)).collect();
    // The first batch holds whatever had arrived by then; all later ones are as full as may be.
    assert_eq!(commits.iter().sum::<usize>(), 600);
    assert!(commits.len() <= 4 && commits.iter().all(|count| *count <= BATCH_MAX), "{commits:?}");
}

fn committed(event: &WriterEvent) -> Option<usize> {
    match event {
        WriterEvent::Committed { count, .. } => Some(*count),
        WriterEvent::Replied(_)
        | WriterEvent::Down { .. }
        | WriterEvent::Opened(_)
        | WriterEvent::Up
        | WriterEvent::RecordsDropped { .. }
        | WriterEvent::Unwritten(_) => None,
    }
}

#[test]
fn two_hundred_callers_in_parallel_on_a_budget_for_three_get_exactly_three() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let (handle, events) = start(Sqlite::open(&path, SqliteSettings::default()).expect("a new store"));
    let handle = Arc::new(handle);
    let barrier = Arc::new(Barrier::new(8));
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let (handle, barrier) = (Arc::clone(&handle), Arc::clone(&barrier));
            std::thread::spawn(move || {
                barrier.wait();
                (0..25).for_each(|n| send(&handle, reserve(1 + thread * 25 + n, "1.00", &[alice("3.99")])));
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("a caller"));
    assert_eq!(replies(&events, 200).iter().filter_map(covered).count(), 3);
    drop(handle);
    assert_eq!(audit(&path).expect("a readable file"), []);
}

#[test]
fn in_an_outage_answers_are_refused_at_once_and_everything_else_waits() {
    let store = Moody::default();
    let (handle, events) = start(store.clone());
    send(&handle, reserve(1, "1.00", &[alice("5")]));
    send(&handle, answer(1));
    assert_eq!(replies(&events, 2)[1], answered(1));

    store.failures.store(1, Ordering::SeqCst);
    store.stubborn.store(1, Ordering::SeqCst);
    handle.send_all(vec![reserve(2, "1.00", &[alice("5")]), answer(2)]).expect("a running thread");
    let unavailable = |call| Reply::Unavailable { id: id(call), why: Unavailable::FileGone };
    assert_eq!(replies(&events, 1), [unavailable(2)]);
    // While the store is down.
    send(&handle, release(2));
    send(&handle, settle(1, "0.66"));
    send(&handle, Command::Record(opening(7)));
    send(&handle, answer(3));
    assert_eq!(replies(&events, 1), [unavailable(3)]);
    // The store comes back by itself, and what waited is written in its order.
    let written = replies(&events, 4);
    assert!(matches!(written[..2], [Reply::Reserved(_), Reply::Released { .. }]), "{written:?}");
    assert_eq!(written[2..], [settled(1, "0.66"), Reply::Recorded { decision: decision(7) }]);
    handle.stop();
    let inner = store.inner.lock().expect("one writer");
    assert_eq!(inner.record(decision(1)).expect("records").map(|record| record.cost), Some(money("0.66")));
    assert_eq!(inner.book().open_entries(), []);
}

#[test]
fn a_store_that_opens_and_fails_again_is_reported_down_once_and_up_once() {
    let store = Moody::default();
    store.failures.store(3, Ordering::SeqCst);
    let (handle, events) = start(store);
    send(&handle, Command::Record(opening(1)));
    let mut told = Vec::new();
    while told.last() != Some(&"written") {
        match events.recv_timeout(PATIENCE).expect("an event") {
            WriterEvent::Down { .. } => told.push("down"),
            WriterEvent::Up => told.push("up"),
            WriterEvent::Replied(_) => told.push("written"),
            WriterEvent::Committed { .. }
            | WriterEvent::Opened(_)
            | WriterEvent::RecordsDropped { .. }
            | WriterEvent::Unwritten(_) => {}
        }
    }
    assert_eq!(told, ["down", "up", "written"]);
}

#[test]
fn a_commit_of_unknown_end_leaves_no_money_behind() {
    let store = Moody::default();
    let (handle, events) = start(store.clone());
    send(&handle, reserve(1, "1.00", &[alice("5")]));
    send(&handle, answer(1));
    replies(&events, 2);
    store.torn.store(1, Ordering::SeqCst);
    handle.send_all(vec![reserve(2, "2.00", &[alice("5")]), answer(2)]).expect("a running thread");
    let why = Unavailable::FileGone;
    assert_eq!(replies(&events, 1), [Reply::Unavailable { id: id(2), why }]);
    // Whoever was told so ends the call: its answer stands on the disk all the same, and is taken back.
    send(&handle, release(2));
    replies(&events, 2);
    store.torn.store(1, Ordering::SeqCst);
    send(&handle, settle(1, "0.66"));
    // Done once, reported as failed, asked again, and charged once.
    let reply = replies(&events, 1).remove(0);
    let Reply::Settled { charged, .. } = reply else { panic!("{reply:?}") };
    assert_eq!(charged, amount("0.66"));
    handle.stop();
    let inner = store.inner.lock().expect("one writer");
    assert_eq!(inner.book().open_entries(), []);
    assert_eq!(inner.record(decision(2)).expect("records").map(|record| record.cost), Some(money("0")));
    let totals = inner.totals(&RecordFilter::default()).expect("sums");
    assert_eq!(totals.cost, money("0.66"));
}

#[test]
fn a_store_that_opens_late_says_what_stands_in_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, away) = (folder.path().join("ledger.sqlite"), folder.path().join("away.sqlite"));
    let mut store = Sqlite::open(&path, SqliteSettings::default()).expect("a new store");
    store.apply(&[reserve(1, "1.00", &[alice("5")])], &mut Vec::new()).expect("a working store");
    drop(store);
    std::fs::rename(&path, &away).expect("moved");
    std::fs::create_dir(&path).expect("a folder in its place");
    let (sender, events) = mpsc::channel();
    let unopened = Unopened::new(path.clone(), SqliteSettings::default());
    let sink = move |event| drop(sender.send(event));
    let handle = Writer::spawn_unread(unopened, at(0).date_naive(), ticking(), sink).expect("a thread");
    std::fs::remove_dir(&path).expect("gone again");
    std::fs::rename(&away, &path).expect("moved back");
    let opened = events.recv_timeout(PATIENCE).expect("an event");
    let WriterEvent::Opened(book) = opened else { panic!("{opened:?}") };
    assert_eq!(book.open_entries().len(), 1);
    assert_eq!(book.balance(&alice("0").place()).reserved, amount("1.00"));
    assert!(matches!(events.recv_timeout(PATIENCE), Ok(WriterEvent::Up)));
    handle.stop();
}

#[test]
fn a_gate_that_stops_during_an_outage_is_told_what_was_not_written() {
    let store = Moody::default();
    store.failures.store(usize::MAX, Ordering::SeqCst);
    store.stubborn.store(usize::MAX, Ordering::SeqCst);
    let (handle, events) = start(store);
    send(&handle, settle(1, "0.66"));
    handle.stop();
    let unwritten = events.iter().find_map(|event| match event {
        WriterEvent::Unwritten(commands) => Some(commands),
        WriterEvent::Replied(_)
        | WriterEvent::Committed { .. }
        | WriterEvent::Down { .. }
        | WriterEvent::Opened(_)
        | WriterEvent::Up
        | WriterEvent::RecordsDropped { .. } => None,
    });
    assert_eq!(unwritten, Some(vec![settle(1, "0.66")]));
}

#[test]
fn a_deleted_file_is_noticed_without_any_call_and_its_return_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ledger.sqlite");
    let (handle, events) = start(Sqlite::open(&path, SqliteSettings::default()).expect("a new store"));
    send(&handle, reserve(1, "1.00", &[alice("5")]));
    replies(&events, 1);
    let away = folder.path().join("away");
    std::fs::create_dir(&away).expect("a folder");
    let names = ["ledger.sqlite", "ledger.sqlite-wal"];
    names.iter().for_each(|name| std::fs::rename(folder.path().join(name), away.join(name)).expect("moved"));
    assert!(events.iter().any(|event| matches!(event, WriterEvent::Down { .. })));
    send(&handle, settle(1, "0.66"));
    names
        .iter()
        .for_each(|name| std::fs::rename(away.join(name), folder.path().join(name)).expect("moved back"));
    assert_eq!(replies(&events, 1), [settled(1, "0.66")]);
    handle.stop();
    assert_eq!(audit(&path).expect("a readable file"), []);
    let reader = SqliteReader::open(&path).expect("a reader");
    assert_eq!(reader.totals(&RecordFilter::default()).expect("sums").cost, money("0.66"));
}
