//! The ledger as the gate's thread has it (the real `store::Tray` with its book), and behind it a writer with moods: it can be slow, fail,
//! fail and yet have written, or say nothing. When the machine dies, what was not durable never was; when the process dies alone, it
//! stands in the notes.

use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tollgate::base::{Moment, Random};
use tollgate::ledger::{Book, Command, Reply, Unavailable};
use tollgate::store::{BATCH_MAX, Memory, Store, StoreError, Tray, WriterEvent, WriterHandle};

/// How long after a failed commit the store is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// A commit takes so long.
    Open { millis: u64 },
    /// Commits fail; some of them have written all the same.
    Failing,
    /// Read-only: nothing is written.
    Shut,
    /// No commit ends until it opens again: a disk that hangs.
    Silent,
}

/// Commands by their number among all that this life has handed over.
type Numbered = (u64, Command);

/// What is durable since it was asked last, with what the store's book said to it.
pub type Durable = Vec<(Command, Reply)>;

pub struct Vault {
    durable: Memory,
    mood: Mood,
    tray: Tray,
    queue: Receiver<Vec<Command>>,
    /// Handed over and not written, oldest first.
    backlog: VecDeque<Numbered>,
    /// The commit that is under way, and when it ends.
    commit: Option<(Moment, Vec<Numbered>)>,
    /// Everything handed over that is not durable, also what the writer has given up.
    notes: VecDeque<Numbered>,
    /// How many commands were handed over, and up to which everything is written.
    taken: u64,
    written: u64,
    /// When a store that is down is tried again.
    retry_at: Option<Moment>,
}

impl Vault {
    pub fn new(now: DateTime<Utc>) -> Vault {
        let durable = Memory::default();
        let (tray, queue) = open(Book::default(), now);
        Vault {
            durable,
            mood: Mood::Open { millis: 4 },
            tray,
            queue,
            backlog: VecDeque::new(),
            commit: None,
            notes: VecDeque::new(),
            taken: 0,
            written: 0,
            retry_at: None,
        }
    }

    /// The book beside the gate.
    pub fn book(&self) -> &Book {
        self.tray.book()
    }

    pub fn durable(&self) -> &Memory {
        &self.durable
    }

    pub fn is_idle(&self) -> bool {
        self.backlog.is_empty() && self.commit.is_none() && self.tray.deadline().is_none()
    }

    pub fn turn(&mut self, now: Moment, mood: Mood) {
        self.mood = mood;
        if let Some((end, _)) = &mut self.commit {
            *end = (*end).max(now);
        }
    }

    /// Takes a command of the gate; drain `next_reply` afterwards.
    pub fn take(&mut self, now: Moment, command: Command) {
        self.tray.put(now, command);
        self.begin_commit(now);
    }

    /// The limits change.
    pub fn close_page(&mut self, now: Moment) {
        self.tray.close_page(now);
        self.begin_commit(now);
    }

    pub fn next_reply(&mut self) -> Option<Reply> {
        self.tray.next_reply()
    }

    pub fn next_deadline(&self) -> Option<Moment> {
        let commit = self.commit.as_ref().map(|(end, _)| *end).filter(|_| self.mood != Mood::Silent);
        [commit, self.retry_at, self.tray.deadline()].into_iter().flatten().min()
    }

    /// Does what is due; drain `next_reply` afterwards.
    pub fn due(&mut self, now: Moment, random: &mut Random) -> Durable {
        let mut durable = Vec::new();
        if self.tray.deadline().is_some_and(|deadline| deadline <= now) {
            self.tray.advance(now);
        }
        if self.retry_at.is_some_and(|retry_at| retry_at <= now) {
            self.retry_at = None;
        }
        let ends = |(end, _): &mut (Moment, Vec<Numbered>)| *end <= now;
        if self.mood != Mood::Silent
            && let Some((_, batch)) = self.commit.take_if(ends)
        {
            match self.mood {
                Mood::Open { .. } | Mood::Silent => durable = self.end_commit(now, batch),
                Mood::Failing | Mood::Shut => {
                    if self.mood == Mood::Failing && random.one_in(2) {
                        durable = self.write(&batch);
                    }
                    self.put_back(now, batch);
                }
            }
        }
        self.begin_commit(now);
        durable
    }

    fn end_commit(&mut self, now: Moment, batch: Vec<Numbered>) -> Durable {
        let durable = self.write(&batch);
        let replies = durable.iter().map(|(_, reply)| reply.clone()).collect();
        self.tray.hear(now, WriterEvent::Up);
        let (count, through, took) = (batch.len(), self.written, Duration::ZERO);
        self.tray.hear(now, WriterEvent::Committed { count, through, took });
        self.tray.hear(now, WriterEvent::Replied(replies));
        durable
    }

    /// As the writing thread does it: Answers are told so, everything else waits at the front. Whether it was written nobody knows.
    fn put_back(&mut self, now: Moment, batch: Vec<Numbered>) {
        let error = StoreError::from(std::io::Error::other("the simulated disk failed"));
        self.tray.hear(now, WriterEvent::Down { error });
        self.retry_at = Some(now + RETRY_AFTER);
        batch.into_iter().rev().for_each(|numbered| self.backlog.push_front(numbered));
        self.refuse_answers(now);
    }

    fn refuse_answers(&mut self, now: Moment) {
        for (number, command) in std::mem::take(&mut self.backlog) {
            match command.reservation().filter(|_| command.waits_for_commit()) {
                Some(id) => {
                    let reply = Reply::Unavailable { id, why: Unavailable::NotWritable };
                    self.tray.hear(now, WriterEvent::Replied(vec![reply]));
                }
                None => self.backlog.push_back((number, command)),
            }
        }
    }

    /// Takes what was handed over, and begins a commit if none is under way.
    fn begin_commit(&mut self, now: Moment) {
        self.take_queue();
        if self.retry_at.is_some() {
            return self.refuse_answers(now);
        }
        if self.commit.is_none() && !self.backlog.is_empty() {
            let millis = if let Mood::Open { millis } = self.mood { millis } else { 4 };
            let count = self.backlog.len().min(BATCH_MAX);
            let batch = self.backlog.drain(..count).collect();
            self.commit = Some((now + Duration::from_millis(millis), batch));
        }
    }

    /// The machine dies: what was under way is written whole or not at all, what waited is gone.
    pub fn crash(&mut self, random: &mut Random) -> Durable {
        self.notes.clear();
        self.backlog.clear();
        self.retry_at = None;
        let commit = self.commit.take().filter(|_| self.mood != Mood::Shut && random.one_in(2));
        commit.map(|(_, batch)| self.write(&batch)).unwrap_or_default()
    }

    /// The process alone is killed: the next start writes what it had noted.
    pub fn killed(&mut self, now: Moment, random: &mut Random) -> Durable {
        self.tray.close_page(now);
        self.take_queue();
        let notes = std::mem::take(&mut self.notes);
        let mut durable = self.crash(random);
        let written = self.written;
        let left: Vec<_> = notes.into_iter().filter(|(number, _)| *number > written).collect();
        durable.extend(self.write(&left));
        durable
    }

    /// The process starts with what is durable.
    pub fn open(&mut self, now: DateTime<Utc>) {
        let book = self.durable.standing(now.date_naive()).expect("memory does not fail");
        (self.tray, self.queue) = open(book, now);
        (self.taken, self.written) = (0, 0);
    }

    fn take_queue(&mut self) {
        for command in self.queue.try_iter().flatten() {
            self.taken += 1;
            self.backlog.push_back((self.taken, command.clone()));
            self.notes.push_back((self.taken, command));
        }
    }

    fn write(&mut self, batch: &[Numbered]) -> Durable {
        let commands: Vec<Command> = batch.iter().map(|(_, command)| command.clone()).collect();
        let mut replies = Vec::with_capacity(commands.len());
        self.durable.apply(&commands, &mut replies).expect("memory does not fail");
        self.written = batch.last().map_or(self.written, |(number, _)| *number);
        while self.notes.front().is_some_and(|(number, _)| *number <= self.written) {
            self.notes.pop_front();
        }
        commands.into_iter().zip(replies).collect()
    }
}

fn open(book: Book, now: DateTime<Utc>) -> (Tray, Receiver<Vec<Command>>) {
    let (sender, queue) = mpsc::channel();
    (Tray::new(WriterHandle::to(sender), book, now.date_naive()), queue)
}
