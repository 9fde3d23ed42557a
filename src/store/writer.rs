//! The thread that writes: many commands to one commit, replies after the commit, and nothing decided is ever lost to a store
//! that is down.
//!
//! The book beside the gate has decided already (`tray`): what comes here is a journal, kept in its order until it is written.
//! Only an Answer is a question: it is replied to after its commit, and when the store is down `Unavailable` at once.

use std::collections::VecDeque;
use std::mem;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chrono::NaiveDate;

use crate::base::Moment;
use crate::ledger::{Book, Command, Reply, Unavailable};

use super::pace::{self, Pace};
use super::{Store, StoreError};

/// Commands in one commit. Beyond that a commit grows with its commands and the first in it wait for the last.
pub const BATCH_MAX: usize = 256;
/// Bare records kept while the store is down, about 60 MB. Money is not counted: while the store is down no reservation is
/// made, so there is never more of it than there were calls in progress.
pub const RECORDS_KEPT_MAX: usize = 100_000;
/// How long after a failure the store is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How often an idle store is looked at, so that a deleted file is noticed before the next call needs it.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// What the thread reports, from the thread itself: the sink must be quick.
#[derive(Debug)]
pub enum WriterEvent {
    /// In the order of the commands. Committed, unless `Unavailable`.
    Replied(Vec<Reply>),
    /// One commit, the number of its last command among all that ever came, and how long it took. What came before that and was not
    /// refused or dropped is written.
    Committed { count: usize, through: u64, took: Duration },
    /// The store does not take commits; told once, until it is up again.
    Down { error: StoreError },
    /// A store that could not be read at the start can be: this is what stands in it. `Up` follows.
    Opened(Box<Book>),
    /// The first commit or look after an outage went well.
    Up,
    /// So many bare records were dropped because the outage lasts too long.
    RecordsDropped { count: usize },
    /// The thread ends and these statements could not be written: whoever stops the gate must say so.
    Unwritten(Vec<Command>),
}

/// Makes the writing thread.
#[derive(Debug)]
pub struct Writer;

impl Writer {
    /// Starts the thread. `clock` only measures commits; `sink` gets everything the thread has to say.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn spawn<S: Store + Send + 'static>(
        store: S,
        clock: impl FnMut() -> Moment + Send + 'static,
        sink: impl FnMut(WriterEvent) + Send + 'static,
    ) -> std::io::Result<WriterHandle> {
        Writer::spawn_with(store, None, clock, sink)
    }

    /// Starts the thread on a store that cannot be read yet; `Opened` comes when it can. `today` is when that was tried.
    ///
    /// # Errors
    /// As `spawn`.
    pub fn spawn_unread<S: Store + Send + 'static>(
        store: S,
        today: NaiveDate,
        clock: impl FnMut() -> Moment + Send + 'static,
        sink: impl FnMut(WriterEvent) + Send + 'static,
    ) -> std::io::Result<WriterHandle> {
        Writer::spawn_with(store, Some(today), clock, sink)
    }

    fn spawn_with<S: Store + Send + 'static>(
        store: S,
        unread: Option<NaiveDate>,
        clock: impl FnMut() -> Moment + Send + 'static,
        sink: impl FnMut(WriterEvent) + Send + 'static,
    ) -> std::io::Result<WriterHandle> {
        let (sender, queue) = mpsc::channel();
        let desk = Desk {
            store,
            clock,
            sink,
            backlog: VecDeque::new(),
            taken: 0,
            records: 0,
            // Whoever starts it so knows that it is down.
            told_down: unread.is_some(),
            down: unread.map(|_| Unavailable::NotWritable),
            unread,
            pace: Pace::default(),
        };
        let named = thread::Builder::new().name("store".to_owned());
        let thread = named.spawn(move || {
            pace::step_back();
            desk.work(&queue);
        })?;
        Ok(WriterHandle { sender: Some(sender), thread: Some(thread) })
    }
}

/// The writing thread has ended; these commands were not taken.
#[derive(Debug, thiserror::Error)]
#[error("the store has stopped")]
pub struct Stopped(pub Vec<Command>);

/// The way to the writing thread. Dropping it writes what is waiting and ends the thread.
#[derive(Debug)]
pub struct WriterHandle {
    sender: Option<Sender<Vec<Command>>>,
    thread: Option<JoinHandle<()>>,
}

impl WriterHandle {
    /// The way to somebody else who writes, as the simulation does in its own time.
    pub fn to(queue: Sender<Vec<Command>>) -> WriterHandle {
        WriterHandle { sender: Some(queue), thread: None }
    }

    /// Hands the command over; never waits.
    ///
    /// # Errors
    /// `Stopped` gives the command back.
    pub fn send(&self, command: Command) -> Result<(), Stopped> {
        self.send_all(vec![command])
    }

    /// Hands the commands over together, so that one commit can hold them all.
    ///
    /// # Errors
    /// `Stopped` gives the commands back.
    pub fn send_all(&self, commands: Vec<Command>) -> Result<(), Stopped> {
        match &self.sender {
            Some(sender) => sender.send(commands).map_err(|returned| Stopped(returned.0)),
            None => Err(Stopped(commands)),
        }
    }

    /// Writes what is waiting and ends the thread. Statements that cannot be written come as `WriterEvent::Unwritten`.
    pub fn stop(mut self) {
        self.finish();
    }

    /// As `stop`, in place.
    pub(super) fn finish(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has already said so; there is nothing to add here.
            let _ = thread.join();
        }
    }
}

impl Drop for WriterHandle {
    fn drop(&mut self) {
        self.finish();
    }
}

/// What the thread has on its desk.
struct Desk<S, C, E> {
    store: S,
    clock: C,
    sink: E,
    /// Oldest first, numbered as they came. Statements of failed batches stay at the front.
    backlog: VecDeque<(u64, Command)>,
    /// How many commands ever came.
    taken: u64,
    /// How many of the backlog are bare records.
    records: usize,
    /// Why the store is down, if it is.
    down: Option<Unavailable>,
    /// The outage has been reported, and its end not yet: a full disk opens well and fails at the next commit.
    told_down: bool,
    /// Nobody has read what stands in the store; since this day.
    unread: Option<NaiveDate>,
    pace: Pace,
}

impl<S: Store, C: FnMut() -> Moment, E: FnMut(WriterEvent)> Desk<S, C, E> {
    fn work(mut self, queue: &Receiver<Vec<Command>>) {
        loop {
            let open = self.listen(queue);
            if self.down.is_some() {
                self.try_recover();
            }
            while self.down.is_none() && !self.backlog.is_empty() {
                self.commit_batch();
                if !self.drain(queue) {
                    break;
                }
            }
            if !open {
                break;
            }
            self.tend();
        }
        self.close();
    }

    /// Waits for something to do. False when no more commands will come.
    fn listen(&mut self, queue: &Receiver<Vec<Command>>) -> bool {
        if self.down.is_some() {
            return self.answer_while_down(queue, RETRY_AFTER);
        }
        let until_next_piece = self.pace.wait((self.clock)());
        match queue.recv_timeout(until_next_piece.unwrap_or(PROBE_EVERY)) {
            Ok(commands) => {
                self.take_all(commands);
                self.drain(queue)
            }
            Err(RecvTimeoutError::Timeout) if until_next_piece.is_some() => true,
            Err(RecvTimeoutError::Timeout) => {
                if let Err(error) = self.store.probe() {
                    self.go_down(error);
                }
                true
            }
            Err(RecvTimeoutError::Disconnected) => false,
        }
    }

    /// Has the store do a piece of what it has put off, if it is time. What waits for a commit has been written by now.
    fn tend(&mut self) {
        let began = (self.clock)();
        if self.down.is_some() || !self.pace.is_due(began) {
            return;
        }
        match self.store.tend() {
            Ok(tended) => self.pace.rest(began, (self.clock)(), tended),
            Err(error) => self.go_down(error),
        }
    }

    /// Answers questions at once, for as long as the store is not to be tried again.
    fn answer_while_down(&mut self, queue: &Receiver<Vec<Command>>, patience: Duration) -> bool {
        let until = (self.clock)() + patience;
        loop {
            let left = until.since((self.clock)());
            if left.is_zero() {
                return true;
            }
            match queue.recv_timeout(left) {
                Ok(commands) => self.take_all(commands),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Takes all that waits in the queue. False when no more will come.
    fn drain(&mut self, queue: &Receiver<Vec<Command>>) -> bool {
        loop {
            match queue.try_recv() {
                Ok(commands) => self.take_all(commands),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn take_all(&mut self, commands: Vec<Command>) {
        commands.into_iter().for_each(|command| self.take(command));
    }

    fn take(&mut self, command: Command) {
        self.taken += 1;
        if let Some(why) = self.down.filter(|_| command.waits_for_commit()) {
            self.refuse(&command, why);
        } else if is_bare_record(&command) && self.records >= RECORDS_KEPT_MAX {
            (self.sink)(WriterEvent::RecordsDropped { count: 1 });
        } else {
            self.records += usize::from(is_bare_record(&command));
            self.backlog.push_back((self.taken, command));
        }
    }

    fn commit_batch(&mut self) {
        let count = self.backlog.len().min(BATCH_MAX);
        let (numbers, batch): (Vec<u64>, Vec<Command>) = self.backlog.drain(..count).unzip();
        self.records -= batch.iter().filter(|command| is_bare_record(command)).count();
        let mut replies = Vec::with_capacity(count);
        let began = (self.clock)();
        let through = numbers.last().copied().unwrap_or(0);
        self.store.bookmark(through);
        match self.store.apply(&batch, &mut replies) {
            Ok(()) => {
                let now = (self.clock)();
                let took = now.since(began);
                self.pace.wake(now);
                self.tell_up();
                (self.sink)(WriterEvent::Committed { count, through, took });
                (self.sink)(WriterEvent::Replied(replies));
            }
            Err(error) => self.put_back(numbers.into_iter().zip(batch).collect(), error),
        }
    }

    /// After a failed commit: Answers get their answer, everything else waits at the front. A commit that failed may yet turn out
    /// to have happened: whoever is told that an answer was not written ends the call, and that is written after it.
    fn put_back(&mut self, batch: Vec<(u64, Command)>, error: StoreError) {
        self.records += batch.iter().filter(|(_, command)| is_bare_record(command)).count();
        batch.into_iter().rev().for_each(|numbered| self.backlog.push_front(numbered));
        self.go_down(error);
    }

    /// The store has just failed: nobody who waits for an answer waits for its return.
    fn go_down(&mut self, error: StoreError) {
        let why = error.why();
        self.down = Some(why);
        if !mem::replace(&mut self.told_down, true) {
            (self.sink)(WriterEvent::Down { error });
        }
        for (number, command) in mem::take(&mut self.backlog) {
            if command.waits_for_commit() {
                self.refuse(&command, why);
            } else {
                self.backlog.push_back((number, command));
            }
        }
    }

    fn try_recover(&mut self) {
        match self.store.recover() {
            Ok(()) if !self.read_standing() => {}
            Ok(()) => {
                self.down = None;
                // With something to write, the commit has the last word.
                if self.backlog.is_empty() {
                    self.tell_up();
                }
            }
            Err(error) => self.down = Some(error.why()),
        }
    }

    /// Reads what stands in a store that could not be read before. False if it still cannot be.
    fn read_standing(&mut self) -> bool {
        let Some(today) = self.unread else { return true };
        match self.store.standing(today) {
            Ok(book) => {
                self.unread = None;
                (self.sink)(WriterEvent::Opened(Box::new(book)));
                true
            }
            Err(error) => {
                self.down = Some(error.why());
                false
            }
        }
    }

    fn tell_up(&mut self) {
        if mem::take(&mut self.told_down) {
            (self.sink)(WriterEvent::Up);
        }
    }

    /// The last try, and the last word.
    fn close(mut self) {
        if self.down.is_some() {
            self.try_recover();
        }
        while self.down.is_none() && !self.backlog.is_empty() {
            self.commit_batch();
        }
        if !self.backlog.is_empty() {
            let unwritten = self.backlog.into_iter().map(|(_, command)| command).collect();
            (self.sink)(WriterEvent::Unwritten(unwritten));
        }
    }

    fn refuse(&mut self, command: &Command, why: Unavailable) {
        if let Some(id) = command.reservation() {
            (self.sink)(WriterEvent::Replied(vec![Reply::Unavailable { id, why }]));
        }
    }
}

fn is_bare_record(command: &Command) -> bool {
    match command {
        Command::Record(_) | Command::Remember(_) => true,
        Command::Reserve(_)
        | Command::Extend(_)
        | Command::Answer(_)
        | Command::Settle(_)
        | Command::Release(_)
        | Command::Expire(_) => false,
    }
}
