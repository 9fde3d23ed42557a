//! The book beside the gate, which decides at once, and the out-tray of its journal, which the writing thread writes.
//!
//! Reserve and Extend are answered from memory: settled + reserved <= limit holds in this book at every instant (R64, R65). What was
//! decided goes to the writer in its order. An Answer is replied to when it is durable, so that no call is connected that a crash
//! would forget (R91), and so is a Settle, so that nobody has hung up for whom a crash would let the call go on. A reservation of a
//! call that only rings need not be durable: a crash of the machine ends the ringing and frees the money anyway. What a kill of the
//! process alone would take away stands in the notes (R100).

use std::collections::{HashSet, VecDeque};
use std::time::Duration;
use std::{io, mem};

use chrono::NaiveDate;

use crate::base::{Moment, ReservationId};
use crate::ledger::{Book, BudgetLine, Command, Reply, Unavailable};

use super::closing::as_charged;
use super::notes::Notes;
use super::writer::{BATCH_MAX, Stopped, WriterEvent, WriterHandle};

/// How long a statement may wait for company. Until it is written, a crash leaves its call as one that was still in progress, and
/// the next start resolves it (R91); so the span is a few times what a commit takes anyway.
pub const STATEMENT_PATIENCE: Duration = Duration::from_millis(20);
/// How long an answer waits for company: a caller hears nothing of it, and at three hundred calls a second six share a commit.
pub const ANSWER_PATIENCE: Duration = Duration::from_millis(20);
/// How long the row of an attempt that cost nothing waits for company: refused calls come in floods, and a commit for each would be
/// what they cost. A crash of the machine may take away the rows of so long.
pub const RECORD_PATIENCE: Duration = Duration::from_millis(200);
/// How long the row of a call that rings waits for company: its answer takes it along, and most are answered or given up sooner.
pub const OPENING_PATIENCE: Duration = Duration::from_secs(1);
/// A writer that has not ended a commit for so long counts as down: a disk that hangs gives no error.
pub const STALLED_AFTER: Duration = Duration::from_secs(5);
/// Commands that may wait for the writer: half a second of work. With more, new calls that cost are refused (R92).
pub const COMMANDS_WAITING_MAX: usize = 16_384;
/// Ended reservations that are remembered, for commands that come twice.
const RESOLVED_KEPT: usize = 4_096;

/// The ledger as the gate's thread has it.
#[derive(Debug)]
pub struct Tray {
    book: Book,
    writer: WriterHandle,
    /// Why nothing new is reserved.
    down: Option<Unavailable>,
    waiting: Vec<Command>,
    /// When what waits must leave.
    deadline: Option<Moment>,
    /// Answers and settlements that the writer has not replied to.
    asked: HashSet<ReservationId, ahash::RandomState>,
    replies: VecDeque<Reply>,
    /// Commands that the writer has not written, and when it last got on.
    outstanding: usize,
    progress: Moment,
    /// How many commands it was ever given, and up to which of them everything is written.
    handed: u64,
    written: u64,
    /// For the next start, if the process is killed before they are written.
    notes: Option<Notes>,
    /// Periods that are over by this day are not in the book.
    swept: NaiveDate,
    unwritten: Vec<Command>,
}

impl Tray {
    /// With what stands in the store, read on `today`.
    pub fn new(writer: WriterHandle, book: Book, today: NaiveDate) -> Tray {
        Tray {
            book,
            writer,
            down: None,
            waiting: Vec::new(),
            deadline: None,
            asked: HashSet::default(),
            replies: VecDeque::new(),
            outstanding: 0,
            progress: Moment::START,
            handed: 0,
            written: 0,
            notes: None,
            swept: today,
            unwritten: Vec::new(),
        }
    }

    /// Before a store that cannot be read: nothing is reserved until `WriterEvent::Opened` says what stands in it.
    pub fn unread(writer: WriterHandle, today: NaiveDate) -> Tray {
        Tray { down: Some(Unavailable::NotWritable), ..Tray::new(writer, Book::default(), today) }
    }

    /// From now on each command is noted; `write_notes` comes before anything of it leaves.
    pub fn note_in(&mut self, notes: Notes) {
        self.notes = Some(notes);
    }

    /// Puts what was decided where a kill does not reach it.
    ///
    /// # Errors
    /// It cannot be; said once, and nothing is noted any more. The ledger itself is none the worse.
    pub fn write_notes(&mut self, now: Moment) -> io::Result<()> {
        if self.notes.as_ref().is_some_and(Notes::is_full) {
            // What a full file holds is with the writer, or on its way.
            self.close_page(now);
            let needed_until = self.handed;
            return self.notes.as_mut().map_or(Ok(()), |notes| notes.turn(needed_until));
        }
        self.notes.as_mut().map_or(Ok(()), Notes::write)
    }

    /// The truth of this moment.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Takes a command; never waits. Drain `next_reply` afterwards.
    pub fn put(&mut self, now: Moment, command: Command) {
        self.sweep(&command);
        if let Some((id, why)) = self.refusal(now, &command) {
            return self.replies.push_back(Reply::Unavailable { id, why });
        }
        let known = command.reservation().is_some_and(|id| self.book.entry(id).is_some());
        let reply = self.book.apply(&command);
        self.book.keep();
        let command = as_charged(command, &reply);
        if let Command::Answer(_) | Command::Settle(_) = command {
            return self.ask(now, command, reply);
        }
        let is_bare = matches!(reply, Reply::Recorded { .. });
        if let Some(patience) = patience(&command, &reply, known) {
            self.send(now, patience, command);
        }
        if !is_bare {
            self.replies.push_back(reply);
        }
    }

    /// What the ledger says to the gate.
    pub fn next_reply(&mut self) -> Option<Reply> {
        self.replies.pop_front()
    }

    /// When `advance` must be called.
    pub fn deadline(&self) -> Option<Moment> {
        self.deadline
    }

    /// Hands over what has waited long enough.
    pub fn advance(&mut self, now: Moment) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.hand_over(now);
        }
    }

    /// Takes what the writing thread has to say.
    pub fn hear(&mut self, now: Moment, event: WriterEvent) {
        match event {
            WriterEvent::Replied(replies) => replies.into_iter().for_each(|reply| self.replied(reply)),
            WriterEvent::Committed { count, through, .. } => {
                self.dealt_with(count);
                self.progress = now;
                self.written = through;
                if let Some(notes) = &mut self.notes {
                    notes.written(through);
                }
            }
            WriterEvent::Down { error } => self.down = Some(error.why()),
            WriterEvent::Opened(book) => self.book = *book,
            WriterEvent::Up => self.down = None,
            WriterEvent::RecordsDropped { count } => self.dealt_with(count),
            // The notes keep them for the next start.
            WriterEvent::Unwritten(_) => self.outstanding = 0,
        }
    }

    fn dealt_with(&mut self, count: usize) {
        self.outstanding = self.outstanding.saturating_sub(count);
    }

    /// The limits change: what was reserved under the old ones reaches the journal before what is reserved under the new ones, so
    /// that whoever replays the journal finds room for both.
    pub fn close_page(&mut self, now: Moment) {
        self.hand_over(now);
    }

    /// What a writing thread that has ended did not take.
    pub fn take_unwritten(&mut self) -> Vec<Command> {
        mem::take(&mut self.unwritten)
    }

    /// Writes everything and ends the writing thread; `told` gives what it says until then.
    pub fn stop(mut self, now: Moment, mut told: impl FnMut() -> Option<WriterEvent>) {
        self.close_page(now);
        self.writer.finish();
        while let Some(event) = told() {
            self.hear(now, event);
        }
        if let Some(notes) = self.notes.take_if(|_| self.written == self.handed) {
            notes.end();
        }
    }

    /// Why a question gets no answer from the book.
    fn refusal(&self, now: Moment, command: &Command) -> Option<(ReservationId, Unavailable)> {
        let (budgets, is_new): (&[BudgetLine], bool) = match command {
            Command::Reserve(reserve) => (&reserve.budgets, true),
            Command::Extend(extend) => (&extend.budgets, false),
            Command::Answer(_) => (&[], false),
            Command::Settle(_)
            | Command::Release(_)
            | Command::Expire(_)
            | Command::Record(_)
            | Command::Remember(_) => return None,
        };
        let id = command.reservation()?;
        let stalled = self.outstanding > 0 && now.since(self.progress) >= STALLED_AFTER;
        let why = match self.down {
            Some(why) => Some(why),
            None if stalled => Some(Unavailable::Busy),
            None if is_new && self.outstanding >= COMMANDS_WAITING_MAX => Some(Unavailable::Overloaded),
            None if budgets.iter().any(|line| self.is_forgotten(line)) => Some(Unavailable::ClockPutBack),
            None => None,
        };
        why.map(|why| (id, why))
    }

    /// Whether the book may once have known this balance: an empty one would let it be spent twice.
    fn is_forgotten(&self, line: &BudgetLine) -> bool {
        Book::is_surely_over(line.period(), self.swept) && !self.book.knows_place(&line.place())
    }

    /// Whoever was answered, and whoever hung up, hears so when it is durable; nobody waits for a store that is down.
    fn ask(&mut self, now: Moment, command: Command, reply: Reply) {
        let is_answer = matches!(command, Command::Answer(_));
        if is_answer && !matches!(reply, Reply::Answered { .. }) {
            return self.replies.push_back(reply);
        }
        match command.reservation().filter(|_| is_answer || self.down.is_none()) {
            Some(id) => drop(self.asked.insert(id)),
            None => self.replies.push_back(reply),
        }
        self.send(now, if is_answer { ANSWER_PATIENCE } else { STATEMENT_PATIENCE }, command);
    }

    /// Puts the command into the tray, and into the notes; a full tray waits no longer.
    fn send(&mut self, now: Moment, patience: Duration, command: Command) {
        if let Some(notes) = &mut self.notes {
            notes.note(&command);
        }
        self.waiting.push(command);
        let deadline = if self.waiting.len() >= BATCH_MAX { now } else { now + patience };
        self.deadline = Some(self.deadline.map_or(deadline, |set| set.min(deadline)));
    }

    /// Only answers and ends of calls are waited for: everything else was replied to when it was decided.
    fn replied(&mut self, reply: Reply) {
        let concerns = match &reply {
            Reply::Unavailable { .. } => {
                self.dealt_with(1);
                true
            }
            Reply::Answered { .. } | Reply::Settled { .. } | Reply::Closed { .. } | Reply::Unknown { .. } => {
                true
            }
            Reply::Reserved(_)
            | Reply::Refused { .. }
            | Reply::Extended(_)
            | Reply::ExtendRefused { .. }
            | Reply::Released { .. }
            | Reply::Recorded { .. } => false,
        };
        if concerns && reply.reservation().is_some_and(|id| self.asked.remove(&id)) {
            self.replies.push_back(reply);
        }
    }

    fn hand_over(&mut self, now: Moment) {
        self.deadline = None;
        if self.waiting.is_empty() {
            return;
        }
        if self.outstanding == 0 {
            self.progress = now;
        }
        let commands = mem::replace(&mut self.waiting, Vec::with_capacity(BATCH_MAX / 4));
        self.outstanding += commands.len();
        self.handed += commands.len() as u64;
        if let Err(Stopped(commands)) = self.writer.send_all(commands) {
            self.outstanding = 0;
            self.down = Some(Unavailable::Stopped);
            let asked = mem::take(&mut self.asked);
            let replies = asked.into_iter().map(|id| Reply::Unavailable { id, why: Unavailable::Stopped });
            self.replies.extend(replies);
            self.unwritten.extend(commands);
        }
    }

    /// Forgets what is over, so that the book does not grow with the days.
    fn sweep(&mut self, command: &Command) {
        self.book.forget_resolved(RESOLVED_KEPT);
        let today = command.at().date_naive();
        if today > self.swept {
            self.swept = today;
            self.book.forget_ended_periods(today);
        }
    }
}

/// How long a command that nobody waits for may wait for company; `None` if it changed nothing.
fn patience(command: &Command, reply: &Reply, known: bool) -> Option<Duration> {
    match command {
        Command::Reserve(_) => (matches!(reply, Reply::Reserved(_)) && !known).then_some(OPENING_PATIENCE),
        Command::Extend(_) => matches!(reply, Reply::Extended(_)).then_some(STATEMENT_PATIENCE),
        Command::Record(_) | Command::Release(_) | Command::Expire(_) => Some(RECORD_PATIENCE),
        Command::Answer(_) | Command::Settle(_) | Command::Remember(_) => Some(STATEMENT_PATIENCE),
    }
}
