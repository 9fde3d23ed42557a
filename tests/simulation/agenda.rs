//! What will happen in a town, in order of time; what was planned first happens first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

use bytes::Bytes;
use chrono::TimeDelta;
use tollgate::base::Moment;
use tollgate::gate::Input;
use tollgate::sip::Flow;

use super::vault::Mood;
use super::world::company::Company;
use super::world::text::Text;

/// Something that will happen. `count` keeps what is due at one moment in the order in which it was planned.
pub struct Event {
    pub at: Moment,
    count: u64,
    pub what: What,
}

pub enum What {
    /// `actor` has sent this over `flow`.
    ToGate {
        actor: usize,
        flow: Flow,
        bytes: Bytes,
    },
    ToActor {
        actor: usize,
        text: Rc<Text>,
    },
    Act {
        actor: usize,
        act: String,
    },
    /// What an actor may have to send again.
    Repeat {
        actor: usize,
        until: String,
    },
    Tidy,
    Input(Box<Input>),
    Trouble {
        actor: usize,
        trouble: Trouble,
    },
}

/// What goes wrong, or changes, in the world around the gate.
#[derive(Clone)]
pub enum Trouble {
    Store(Mood),
    /// ICMP says that nobody is there.
    WireBreaks,
    /// A phone comes back from another port, or over a new connection.
    Moves,
    /// Nothing passes to or from this party for so long.
    Storm {
        millis: u64,
    },
    PowerFails {
        millis: u64,
    },
    PowerReturns,
    NewSettings(Rc<Company>),
    /// The wall clock is set.
    ClockSteps(TimeDelta),
    /// kill -9; the gate is started again so long afterwards.
    Killed {
        millis: u64,
    },
    Started,
    /// Whoever still talks hangs up.
    AllHangUp,
    /// A stranger does what strangers do.
    Attack(Attack),
}

#[derive(Clone, Copy, Debug)]
pub enum Attack {
    /// Messages of others, sent once more from elsewhere.
    Replays,
    /// The same with some bytes changed.
    Garbles,
    /// BYE, CANCEL, re-INVITE, REFER and the like inside calls of others.
    Forges,
    /// A flood from one source.
    Floods,
    /// Passwords tried.
    Guesses,
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
