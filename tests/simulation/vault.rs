//! The store as the writing thread drives it: commands gather, one commit at a time makes them durable, and what was not durable when
//! the process dies never was. It can be slow, fail, fail and yet have written, or say nothing.

use std::time::Duration;

use tollgate::base::{Moment, Random};
use tollgate::ledger::{Book, Command, Release, Reply, Unavailable};
use tollgate::store::{Memory, STATEMENT_PATIENCE, Store};

/// How long after a failed commit the store is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// A commit takes so long.
    Open { millis: u64 },
    /// Commits fail; some of them have written all the same.
    Failing,
    /// Read-only: nothing is written, and that is known at once.
    Shut,
    /// Nothing is answered until it opens again: a disk that hangs.
    Silent,
}

/// What a step of the vault came to.
#[derive(Default)]
pub struct Written {
    /// In the order of the commands.
    pub replies: Vec<Reply>,
    /// What is durable now, with what the book said to it.
    pub durable: Vec<(Command, Reply)>,
}

pub struct Vault {
    durable: Memory,
    mood: Mood,
    waiting: Vec<Command>,
    /// When what waits is written at the latest.
    leaves_at: Option<Moment>,
    /// The commit that is under way, and when it ends.
    commit: Option<(Moment, Vec<Command>)>,
}

impl Vault {
    pub fn new() -> Vault {
        Vault {
            durable: Memory::default(),
            mood: Mood::Open { millis: 4 },
            waiting: Vec::new(),
            leaves_at: None,
            commit: None,
        }
    }

    pub fn book(&self) -> &Book {
        self.durable.book()
    }

    pub fn durable(&self) -> &Memory {
        &self.durable
    }

    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.commit.is_none()
    }

    pub fn turn(&mut self, now: Moment, mood: Mood) {
        self.mood = mood;
        if let Some((end, _)) = &mut self.commit {
            *end = (*end).max(now);
        }
        self.leaves_at = self.leaves_at.map(|leaves_at| leaves_at.max(now));
    }

    /// Takes a command; what can be answered without writing is.
    pub fn take(&mut self, now: Moment, command: Command) -> Option<Reply> {
        if self.mood == Mood::Shut && command.is_question() {
            return refusal(&command);
        }
        let leaves_at = if command.is_question() { now } else { now + STATEMENT_PATIENCE };
        self.leaves_at = Some(self.leaves_at.map_or(leaves_at, |before| before.min(leaves_at)));
        self.waiting.push(command);
        None
    }

    pub fn next_deadline(&self) -> Option<Moment> {
        if self.mood == Mood::Silent {
            return None;
        }
        match &self.commit {
            Some((end, _)) => Some(*end),
            None => self.leaves_at,
        }
    }

    /// Does what is due: a commit ends, the next begins.
    pub fn due(&mut self, now: Moment, random: &mut Random) -> Written {
        let mut written = Written::default();
        if let Some((_, batch)) = self.commit.take_if(|(end, _)| *end <= now) {
            match self.mood {
                Mood::Open { .. } | Mood::Silent => {
                    written.durable = self.write(batch);
                    written.replies = written.durable.iter().map(|(_, reply)| reply.clone()).collect();
                }
                Mood::Failing | Mood::Shut => self.put_back(now, batch, &mut written, random),
            }
        }
        if self.commit.is_none() && self.leaves_at.is_some_and(|leaves_at| leaves_at <= now) {
            self.leaves_at = None;
            let millis = if let Mood::Open { millis } = self.mood { millis } else { 4 };
            self.commit = Some((now + Duration::from_millis(millis), std::mem::take(&mut self.waiting)));
        }
        written
    }

    /// A failed commit: questions are told so, statements wait; whether it was written nobody knows, so that what nobody was promised
    /// is released.
    fn put_back(&mut self, now: Moment, batch: Vec<Command>, written: &mut Written, random: &mut Random) {
        if self.mood == Mood::Failing && random.one_in(2) {
            written.durable = self.write(batch.clone());
        }
        let mut kept = Vec::new();
        for command in batch {
            written.replies.extend(refusal(&command));
            match command {
                Command::Reserve(reserve) => {
                    kept.push(Command::Release(Release { id: reserve.id, at: reserve.at, record: None }));
                }
                Command::Extend(_) => {}
                Command::Settle(_) | Command::Release(_) | Command::Expire(_) | Command::Record(_) => {
                    kept.push(command)
                }
            }
        }
        for command in std::mem::take(&mut self.waiting) {
            match refusal(&command) {
                Some(reply) => written.replies.push(reply),
                None => kept.push(command),
            }
        }
        self.leaves_at = (!kept.is_empty()).then(|| now + RETRY_AFTER);
        self.waiting = kept;
    }

    /// The process is killed. What was under way is written whole or not at all; what only waited is gone, and given back.
    pub fn crash(&mut self, random: &mut Random) -> (Vec<(Command, Reply)>, Vec<Command>) {
        let mut lost = std::mem::take(&mut self.waiting);
        self.leaves_at = None;
        let (mut durable, commit) = (Vec::new(), self.commit.take());
        if let Some((_, batch)) = commit {
            match self.mood {
                Mood::Open { .. } | Mood::Silent | Mood::Failing if random.one_in(2) => {
                    durable = self.write(batch)
                }
                Mood::Open { .. } | Mood::Silent | Mood::Failing | Mood::Shut => {
                    lost.splice(0..0, batch).for_each(drop)
                }
            }
        }
        (durable, lost)
    }

    /// Writes at once, as a start does before the gate opens.
    pub fn write(&mut self, batch: Vec<Command>) -> Vec<(Command, Reply)> {
        let mut replies = Vec::with_capacity(batch.len());
        self.durable.apply(&batch, &mut replies).expect("memory does not fail");
        batch.into_iter().zip(replies).collect()
    }
}

fn refusal(command: &Command) -> Option<Reply> {
    let id = command.reservation().filter(|_| command.is_question())?;
    Some(Reply::Unavailable { id, why: Unavailable::NotWritable })
}
