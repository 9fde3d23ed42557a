//! What will happen in a town, in order of time; what was planned first happens first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use bytes::Bytes;
use tollgate::base::Moment;

use super::world::Mood;
use super::world::company::Company;

/// Something that will happen. `count` keeps what is due at one moment in the order in which it was planned.
pub struct Event {
    pub at: Moment,
    count: u64,
    pub what: What,
}

pub enum What {
    ToGate { actor: usize, bytes: Bytes },
    ToActor { actor: usize, bytes: Bytes },
    Act { actor: usize, act: String },
    Ledger(Mood),
    WireBreaks { actor: usize },
    NewSettings(Box<Company>),
}

/// Everything that is planned.
#[derive(Default)]
pub struct Agenda {
    events: BinaryHeap<Reverse<Event>>,
    count: u64,
}

impl Agenda {
    pub fn plan(&mut self, at: Moment, what: What) {
        self.count += 1;
        self.events.push(Reverse(Event { at, count: self.count, what }));
    }

    pub fn next(&self) -> Option<Moment> {
        self.events.peek().map(|Reverse(event)| event.at)
    }

    /// The first thing that is due by now.
    pub fn take_due(&mut self, now: Moment) -> Option<What> {
        self.next().filter(|next| *next <= now)?;
        self.events.pop().map(|Reverse(event)| event.what)
    }
}

impl PartialEq for Event {
    fn eq(&self, other: &Event) -> bool {
        (self.at, self.count) == (other.at, other.count)
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Event) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Event) -> std::cmp::Ordering {
        (self.at, self.count).cmp(&(other.at, other.count))
    }
}
