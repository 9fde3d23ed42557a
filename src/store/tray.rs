//! The book beside the gate, which decides at once, and the out-tray of its journal, which the writing thread writes.
//!
//! Reserve and Extend are answered from memory: settled + reserved <= limit holds in this book at every instant (R64, R65). What was
//! decided goes to the writer in its order. An Answer is replied to when it is durable, so that no call is connected that a kill
//! would forget (R91), and so is a Settle, so that nobody has hung up for whom a kill would let the call go on. A reservation of a
//! call that only rings need not be durable: a kill ends the ringing and frees the money anyway. It is written with the answer, or
//! after `OPENING_PATIENCE` for the sake of the call's row (R100).

use std::collections::{HashMap, HashSet, VecDeque};
use std::mem;
use std::time::Duration;

use chrono::NaiveDate;

use crate::base::{Moment, ReservationId};
use crate::ledger::{
    Amount, Book, BudgetLine, CallRecord, Command, Extend, Reply, Reserve, Settle, Unavailable,
};

use super::writer::{BATCH_MAX, Stopped, WriterEvent, WriterHandle};

/// How long a statement may wait for company. Until it is written, a crash leaves its call as one that was still in progress, and
/// the next start resolves it (R91); so the span is a few times what a commit takes anyway.
pub const STATEMENT_PATIENCE: Duration = Duration::from_millis(20);
/// How long an answer waits for company: a caller hears nothing of it, and at three hundred calls a second six share a commit.
pub const ANSWER_PATIENCE: Duration = Duration::from_millis(20);
/// How long the row of an attempt that cost nothing waits for company: refused calls come in floods, and a commit for each would be
/// what they cost. A kill may take away the rows of so long.
pub const RECORD_PATIENCE: Duration = Duration::from_millis(200);
/// After how long the row of a call that still rings is written, so that a kill leaves a trace of the attempt (R100).
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
    /// Reservations that the writer has not been given: their calls ring.
    ringing: HashMap<ReservationId, Reserve, ahash::RandomState>,
    /// When each of them was made, oldest first; also of some that are gone.
    opened: VecDeque<(Moment, ReservationId)>,
    waiting: Vec<Command>,
    /// When what waits must leave.
    deadline: Option<Moment>,
    /// Answers and settlements that the writer has not replied to.
    asked: HashSet<ReservationId, ahash::RandomState>,
    replies: VecDeque<Reply>,
    /// Commands that the writer has not written, and when it last got on.
    outstanding: usize,
    progress: Moment,
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
            ringing: HashMap::default(),
            opened: VecDeque::new(),
            waiting: Vec::new(),
            deadline: None,
            asked: HashSet::default(),
            replies: VecDeque::new(),
            outstanding: 0,
            progress: Moment::START,
            swept: today,
            unwritten: Vec::new(),
        }
    }

    /// Before a store that cannot be read: nothing is reserved until `WriterEvent::Opened` says what stands in it.
    pub fn unread(writer: WriterHandle, today: NaiveDate) -> Tray {
        Tray { down: Some(Unavailable::NotWritable), ..Tray::new(writer, Book::default(), today) }
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
        match command {
            Command::Reserve(reserve) => self.reserved(now, reserve, reply, known),
            Command::Extend(extend) => self.extended(now, extend, reply),
            Command::Answer(answer) => {
                if !matches!(reply, Reply::Answered { .. }) {
                    return self.replies.push_back(reply);
                }
                self.open(answer.id);
                self.asked.insert(answer.id);
                self.send(now, ANSWER_PATIENCE, Command::Answer(answer));
            }
            Command::Settle(settle) => {
                self.open(settle.id);
                // Whoever hung up hears so when it is durable; nobody waits for a store that is down.
                match self.down {
                    Some(_) => self.replies.push_back(reply.clone()),
                    None => drop(self.asked.insert(settle.id)),
                }
                self.send(now, STATEMENT_PATIENCE, Command::Settle(as_charged(settle, &reply)));
            }
            Command::Release(release) => self.ended_unpaid(now, Command::Release(release), reply),
            Command::Expire(expire) => self.ended_unpaid(now, Command::Expire(expire), reply),
            command @ Command::Record(_) => self.send(now, RECORD_PATIENCE, command),
            command @ Command::Remember(_) => self.send(now, STATEMENT_PATIENCE, command),
        }
    }

    /// What the ledger says to the gate.
    pub fn next_reply(&mut self) -> Option<Reply> {
        self.replies.pop_front()
    }

    /// When `advance` must be called.
    pub fn deadline(&self) -> Option<Moment> {
        let opening = self.opened.front().map(|(made, _)| *made + OPENING_PATIENCE);
        [self.deadline, opening].into_iter().flatten().min()
    }

    /// Hands over what has waited long enough.
    pub fn advance(&mut self, now: Moment) {
        while let Some((_, id)) =
            self.opened.front().copied().filter(|(made, _)| *made + OPENING_PATIENCE <= now)
        {
            self.opened.pop_front();
            if self.ringing.contains_key(&id) {
                self.open(id);
                self.deadline = Some(now);
            }
        }
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.hand_over(now);
        }
    }

    /// Takes what the writing thread has to say.
    pub fn hear(&mut self, now: Moment, event: WriterEvent) {
        match event {
            WriterEvent::Replied(replies) => replies.into_iter().for_each(|reply| self.replied(reply)),
            WriterEvent::Committed { count, .. } => {
                self.outstanding = self.outstanding.saturating_sub(count);
                self.progress = now;
            }
            WriterEvent::Down { error } => self.down = Some(error.why()),
            WriterEvent::Opened(book) => self.book = *book,
            WriterEvent::Up => self.down = None,
            WriterEvent::RecordsDropped { count } => {
                self.outstanding = self.outstanding.saturating_sub(count);
            }
            WriterEvent::Unwritten(_) => self.outstanding = 0,
        }
    }

    /// The limits change: what was reserved under the old ones reaches the journal before what is reserved under the new ones, so
    /// that whoever replays the journal finds room for both.
    pub fn close_page(&mut self, now: Moment) {
        self.open_all();
        self.hand_over(now);
    }

    /// What a writing thread that has ended did not take.
    pub fn take_unwritten(&mut self) -> Vec<Command> {
        mem::take(&mut self.unwritten)
    }

    /// Writes everything and ends the writing thread.
    pub fn stop(mut self, now: Moment) {
        self.open_all();
        self.hand_over(now);
        self.writer.stop();
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
        Book::is_surely_over(line.period, self.swept) && !self.book.knows_place(&line.place())
    }

    fn reserved(&mut self, now: Moment, reserve: Reserve, reply: Reply, known: bool) {
        if matches!(reply, Reply::Reserved(_)) && !known {
            self.opened.push_back((now, reserve.id));
            self.ringing.insert(reserve.id, reserve);
        }
        self.replies.push_back(reply);
    }

    fn extended(&mut self, now: Moment, extend: Extend, reply: Reply) {
        let covered =
            if let Reply::Extended(reservation) = &reply { Some(reservation.covered()) } else { None };
        self.replies.push_back(reply);
        let Some(covered) = covered else { return };
        // A call that rings on another trunk: what is reserved for it now is all that was ever reserved.
        if let Some(reserve) = self.ringing.get_mut(&extend.id).filter(|_| extend.charged.is_zero()) {
            (reserve.amount, reserve.budgets) = (covered, extend.budgets);
            return;
        }
        self.open(extend.id);
        self.send(now, STATEMENT_PATIENCE, Command::Extend(extend));
    }

    /// A call that was never answered leaves its row alone, if the writer has not heard of its money.
    fn ended_unpaid(&mut self, now: Moment, command: Command, reply: Reply) {
        let rang = command.reservation().and_then(|id| self.ringing.remove(&id)).is_some();
        if !rang {
            self.send(now, STATEMENT_PATIENCE, command);
        } else if let Some(record) = record_of(command) {
            self.send(now, RECORD_PATIENCE, Command::Record(record));
        }
        self.replies.push_back(reply);
    }

    /// Gives the writer the reservation of this call, if it does not have it.
    fn open(&mut self, id: ReservationId) {
        if let Some(reserve) = self.ringing.remove(&id) {
            self.waiting.push(Command::Reserve(reserve));
        }
    }

    fn open_all(&mut self) {
        while let Some((_, id)) = self.opened.pop_front() {
            self.open(id);
        }
    }

    /// Puts the command into the tray; a full one waits no longer.
    fn send(&mut self, now: Moment, patience: Duration, command: Command) {
        self.waiting.push(command);
        let deadline = if self.waiting.len() >= BATCH_MAX { now } else { now + patience };
        self.deadline = Some(self.deadline.map_or(deadline, |set| set.min(deadline)));
    }

    /// Only answers and ends of calls are waited for: everything else was replied to when it was decided.
    fn replied(&mut self, reply: Reply) {
        let concerns = match &reply {
            Reply::Unavailable { .. } => {
                self.outstanding = self.outstanding.saturating_sub(1);
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

/// The settlement as the book has made it: with fewer reservations in sight the store might charge more of an overrun.
fn as_charged(mut settle: Settle, reply: &Reply) -> Settle {
    if let Reply::Settled { charged, written_off, duplicate: false, .. } = reply
        && *written_off != Amount::ZERO
    {
        settle.amount = *charged;
        if let Some(record) = &mut settle.record {
            record.written_off = written_off.money;
        }
    }
    settle
}

fn record_of(command: Command) -> Option<Box<CallRecord>> {
    match command {
        Command::Release(release) => release.record,
        Command::Expire(expire) => expire.record,
        Command::Record(record) => Some(record),
        Command::Reserve(_)
        | Command::Extend(_)
        | Command::Answer(_)
        | Command::Settle(_)
        | Command::Remember(_) => None,
    }
}
