//! The thread that writes: many commands to one commit, replies after the commit, and nothing stated is ever lost to a store
//! that is down.
//!
//! Reserve and Extend are questions: when the store is down they are answered `Unavailable` at once. Settle, Release, Expire and
//! Record are statements: they wait in memory, in their order, until they are written.

use std::collections::{BTreeSet, VecDeque};
use std::mem;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::base::{Moment, ReservationId};
use crate::ledger::{Command, Release, Reply, Unavailable};

use super::{Store, StoreError};

/// Commands in one commit. Beyond that a commit grows with its commands and the first in it wait for the last.
pub const BATCH_MAX: usize = 256;
/// Questions that may wait while a commit lasts: a tenth of a second of work. More would be answered after the caller's INVITE
/// has been repeated, so they are refused at once (R92).
pub const QUESTIONS_WAITING_MAX: usize = 4_096;
/// Bare records kept while the store is down, about 60 MB. Money statements are not counted: while the store is down no
/// reservation is made, so there are never more of them than there were calls in progress.
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
    /// One commit and how long it took.
    Committed { count: usize, took: Duration },
    /// The store does not take commits; told once, until it is up again.
    Down { error: StoreError },
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
        let (sender, queue) = mpsc::channel();
        let desk = Desk {
            store,
            clock,
            sink,
            backlog: VecDeque::new(),
            questions: 0,
            records: 0,
            freed: BTreeSet::new(),
            told_down: false,
            down: None,
        };
        let thread = thread::Builder::new().name("store".to_owned()).spawn(move || desk.work(&queue))?;
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

    fn finish(&mut self) {
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
    /// Oldest first. Statements of failed batches stay at the front.
    backlog: VecDeque<Command>,
    /// How many of the backlog are questions, and bare records.
    questions: usize,
    records: usize,
    /// Reservations that a failed commit may have made and that the thread itself releases: nobody waits for those replies.
    freed: BTreeSet<ReservationId>,
    /// Why the store is down, if it is.
    down: Option<Unavailable>,
    /// The outage has been reported, and its end not yet: a full disk opens well and fails at the next commit.
    told_down: bool,
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
        }
        self.close();
    }

    /// Waits for something to do. False when no more commands will come.
    fn listen(&mut self, queue: &Receiver<Vec<Command>>) -> bool {
        let patience = if self.down.is_some() { RETRY_AFTER } else { PROBE_EVERY };
        if self.down.is_some() {
            return self.answer_while_down(queue, patience);
        }
        match queue.recv_timeout(patience) {
            Ok(commands) => {
                self.take_all(commands);
                self.drain(queue)
            }
            Err(RecvTimeoutError::Timeout) => {
                if let Err(error) = self.store.probe() {
                    self.go_down(error);
                }
                true
            }
            Err(RecvTimeoutError::Disconnected) => false,
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
        let refusal = match self.down {
            Some(why) => Some(why),
            None if self.questions >= QUESTIONS_WAITING_MAX => Some(Unavailable::Overloaded),
            None => None,
        };
        if let Some(why) = refusal.filter(|_| command.is_question()) {
            self.refuse(&command, why);
        } else if is_bare_record(&command) && self.records >= RECORDS_KEPT_MAX {
            (self.sink)(WriterEvent::RecordsDropped { count: 1 });
        } else {
            self.count_in(&command);
            self.backlog.push_back(command);
        }
    }

    fn commit_batch(&mut self) {
        let count = self.backlog.len().min(BATCH_MAX);
        let batch: Vec<Command> = self.backlog.drain(..count).collect();
        batch.iter().for_each(|command| self.count_out(command));
        let mut replies = Vec::with_capacity(count);
        let began = (self.clock)();
        match self.store.apply(&batch, &mut replies) {
            Ok(()) => {
                let took = (self.clock)().since(began);
                self.tell_up();
                (self.sink)(WriterEvent::Committed { count, took });
                let replies = self.without_own(&batch, replies);
                (self.sink)(WriterEvent::Replied(replies));
            }
            Err(error) => self.put_back(batch, error),
        }
    }

    /// The replies to commands that came from outside.
    fn without_own(&mut self, batch: &[Command], replies: Vec<Reply>) -> Vec<Reply> {
        if self.freed.is_empty() {
            return replies;
        }
        let freed = &mut self.freed;
        let mut own = |command: &Command| match command {
            Command::Release(release) => freed.remove(&release.id),
            Command::Reserve(_)
            | Command::Extend(_)
            | Command::Settle(_)
            | Command::Expire(_)
            | Command::Record(_) => false,
        };
        batch.iter().zip(replies).filter(|(command, _)| !own(command)).map(|(_, reply)| reply).collect()
    }

    /// After a failed commit: questions get their answer, statements wait at the front. A commit that failed may yet turn out
    /// to have happened, so what nobody was promised is released.
    fn put_back(&mut self, batch: Vec<Command>, error: StoreError) {
        let why = error.why();
        self.go_down(error);
        let mut kept = Vec::with_capacity(batch.len());
        for command in batch {
            if command.is_question() {
                self.refuse(&command, why);
            }
            match command {
                Command::Reserve(reserve) => {
                    self.freed.insert(reserve.id);
                    kept.push(Command::Release(Release { id: reserve.id, at: reserve.at, record: None }));
                }
                Command::Extend(_) => {}
                Command::Settle(_) | Command::Release(_) | Command::Expire(_) | Command::Record(_) => {
                    kept.push(command)
                }
            }
        }
        kept.iter().for_each(|command| self.count_in(command));
        kept.into_iter().rev().for_each(|command| self.backlog.push_front(command));
    }

    /// The store has just failed: nobody who waits for an answer waits for its return.
    fn go_down(&mut self, error: StoreError) {
        let why = error.why();
        self.down = Some(why);
        if !mem::replace(&mut self.told_down, true) {
            (self.sink)(WriterEvent::Down { error });
        }
        for command in mem::take(&mut self.backlog) {
            if command.is_question() {
                self.count_out(&command);
                self.refuse(&command, why);
            } else {
                self.backlog.push_back(command);
            }
        }
    }

    fn try_recover(&mut self) {
        match self.store.recover() {
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
            (self.sink)(WriterEvent::Unwritten(self.backlog.into()));
        }
    }

    fn refuse(&mut self, command: &Command, why: Unavailable) {
        if let Some(id) = command.reservation() {
            (self.sink)(WriterEvent::Replied(vec![Reply::Unavailable { id, why }]));
        }
    }

    fn count_in(&mut self, command: &Command) {
        self.questions += usize::from(command.is_question());
        self.records += usize::from(is_bare_record(command));
    }

    fn count_out(&mut self, command: &Command) {
        self.questions -= usize::from(command.is_question());
        self.records -= usize::from(is_bare_record(command));
    }
}

fn is_bare_record(command: &Command) -> bool {
    match command {
        Command::Record(_) => true,
        Command::Reserve(_)
        | Command::Extend(_)
        | Command::Settle(_)
        | Command::Release(_)
        | Command::Expire(_) => false,
    }
}
