//! The ledger's desk: the book itself, behind a counter that takes its time, shuts, or says nothing.
//!
//! The real one decides at once (`store::Tray`); this one may take its time for that too, so that the gate's patience is seen.

use std::collections::VecDeque;
use std::time::Duration;

use tollgate::base::Moment;
use tollgate::ledger::{Book, Command, Reply, Unavailable};
use tollgate::store::{Memory, Store};

use super::World;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Open,
    /// Questions get `Unavailable`; statements are kept until it opens again, as the writer keeps them.
    Down,
    /// Nothing is answered until it opens again: a disk that hangs.
    Silent,
}

pub struct Desk {
    pub store: Memory,
    /// How long a decision takes.
    pub delay: Duration,
    /// How long an answer, or the end of a call, waits for its commit.
    pub commit: Duration,
    mood: Mood,
    queue: VecDeque<(Moment, Command)>,
    commits: VecDeque<(Moment, Command)>,
    kept: Vec<Command>,
}

impl Desk {
    pub fn new(delay: Duration) -> Desk {
        let (queue, commits, kept) = (VecDeque::new(), VecDeque::new(), Vec::new());
        Desk {
            store: Memory::default(),
            delay,
            commit: Duration::ZERO,
            mood: Mood::Open,
            queue,
            commits,
            kept,
        }
    }

    pub fn take(&mut self, now: Moment, command: Command) {
        // What is stated after an answer is written after it.
        let after = self.commits.back().map(|(due, _)| *due).filter(|_| !command.is_question());
        // Whoever hung up hears so after a commit; whatever was asked before is answered before.
        let is_end = matches!(command, Command::Settle(_)) && self.queue.is_empty();
        let is_asked = |(_, asked): &(Moment, Command)| asked.reservation() == command.reservation();
        let is_asked = command.reservation().is_some() && self.queue.iter().any(is_asked);
        match after.filter(|_| !is_asked) {
            _ if command.waits_for_commit() || is_end => self.commits.push_back((now + self.commit, command)),
            Some(due) => self.commits.push_back((due, command)),
            None => {
                let decided = now + self.delay;
                self.queue.push_back((after.map_or(decided, |due| due.max(decided)), command));
            }
        }
    }

    pub fn next_deadline(&self) -> Option<Moment> {
        [&self.queue, &self.commits].into_iter().filter_map(|queue| Some(queue.front()?.0)).min()
    }

    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.commits.is_empty() && self.kept.is_empty()
    }

    /// The answer that is due by now, if one is.
    pub fn answer(&mut self, now: Moment) -> Option<Reply> {
        while let Some(command) = self.due(now) {
            let question = command.reservation().filter(|_| command.is_question());
            match (self.mood, question) {
                (Mood::Open, _) => return Some(self.write(&command)),
                (Mood::Down, Some(id)) => {
                    return Some(Reply::Unavailable { id, why: Unavailable::NotWritable });
                }
                (Mood::Down, None) | (Mood::Silent, _) => self.kept.push(command),
            }
        }
        None
    }

    fn due(&mut self, now: Moment) -> Option<Command> {
        let is_due = |queue: &VecDeque<(Moment, Command)>| queue.front().is_some_and(|(due, _)| *due <= now);
        let queue = if is_due(&self.commits) { &mut self.commits } else { &mut self.queue };
        if is_due(queue) { queue.pop_front().map(|(_, command)| command) } else { None }
    }

    /// Changes its mood; opening, it answers what has waited.
    pub fn turn(&mut self, mood: Mood) -> Vec<Reply> {
        self.mood = mood;
        if mood != Mood::Open {
            return Vec::new();
        }
        let kept = std::mem::take(&mut self.kept);
        kept.iter().map(|command| self.write(command)).collect()
    }

    fn write(&mut self, command: &Command) -> Reply {
        let mut replies = Vec::new();
        self.store.apply(std::slice::from_ref(command), &mut replies).expect("memory does not fail");
        replies.remove(0)
    }

    pub fn book(&self) -> &Book {
        self.store.book()
    }

    /// kill -9: what was not written never was.
    pub fn lose_what_waits(&mut self) {
        self.queue.clear();
        self.commits.clear();
        self.kept.clear();
    }
}

impl World {
    /// The ledger takes that long for each answer.
    pub fn slow_ledger(mut self, delay: Duration) -> World {
        self.desk.delay = delay;
        self
    }

    /// The ledger takes that long to write an answer.
    pub fn slow_commit(mut self, commit: Duration) -> World {
        self.desk.commit = commit;
        self
    }
}
