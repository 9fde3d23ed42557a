//! The ledger's desk: the book itself, behind a counter that takes its time, shuts, or says nothing.

use std::collections::VecDeque;
use std::time::Duration;

use tollgate::base::Moment;
use tollgate::ledger::{Book, Command, Reply, Unavailable};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Open,
    /// Questions get `Unavailable`; statements are kept until it opens again, as the writer keeps them.
    Down,
    /// Nothing is answered until it opens again: a disk that hangs.
    Silent,
}

pub struct Desk {
    pub book: Book,
    pub delay: Duration,
    mood: Mood,
    queue: VecDeque<(Moment, Command)>,
    kept: Vec<Command>,
}

impl Desk {
    pub fn new(delay: Duration) -> Desk {
        Desk { book: Book::default(), delay, mood: Mood::Open, queue: VecDeque::new(), kept: Vec::new() }
    }

    pub fn take(&mut self, now: Moment, command: Command) {
        self.queue.push_back((now + self.delay, command));
    }

    pub fn next_deadline(&self) -> Option<Moment> {
        self.queue.front().map(|(due, _)| *due)
    }

    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.kept.is_empty()
    }

    /// The answer that is due by now, if one is.
    pub fn answer(&mut self, now: Moment) -> Option<Reply> {
        while self.next_deadline().is_some_and(|due| due <= now) {
            let (_, command) = self.queue.pop_front()?;
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
        let reply = self.book.apply(command);
        self.book.keep();
        reply
    }
}
