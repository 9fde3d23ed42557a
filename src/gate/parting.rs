//! The answer to a BYE waits, some milliseconds, until the ledger has written what the call cost (R91): whoever has heard it says nothing
//! more, and a kill in between would leave a call that nobody ends.

use std::collections::HashMap;
use std::time::Duration;

use ahash::RandomState;
use bytes::Bytes;
use smallvec::SmallVec;

use super::Gate;
use super::call::CallKey;
use crate::base::{Moment, Now, shrink_after_rush};
use crate::sip::{Message, reason_phrase, reply};
use crate::transaction::ServerId;

/// How long it waits at most. The BYE itself has long gone on to the other end (R16); its writer repeats it meanwhile and hears nothing
/// (RFC 3261 §17.2.2), and a disk that takes longer than this will not be waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Each end hangs up once; one that does so again with credentials does so twice.
const ANSWERS_MAX: usize = 4;

/// Whether what a call cost is being written, and whether somebody waits for that.
#[derive(Clone, Copy, Default)]
pub struct Parting {
    until: Option<Moment>,
    is_awaited: bool,
}

/// The answers that wait, by call. They are few at any time, so calls in progress have no room for them.
pub type Partings = HashMap<CallKey, SmallVec<[(ServerId, u16, Bytes); 1]>, RandomState>;

impl Parting {
    pub fn due(&self) -> Option<Moment> {
        self.until.filter(|_| self.is_awaited)
    }
}

impl Gate {
    /// The ledger is told now what the call cost.
    pub(super) fn await_settlement(&mut self, now: Now, key: CallKey) {
        if let Some(call) = self.calls.at_mut(key) {
            call.parting.until = Some(now.moment + PATIENCE);
        }
    }

    /// Answers a BYE inside this call with 200.
    pub(super) fn part(&mut self, now: Now, key: CallKey, server: ServerId, bye: &Message) {
        let tag = self.random.token();
        let bytes = reply(bye, 200, reason_phrase(200), &tag, &[]);
        self.pass_parting(now, key, server, 200, bytes);
    }

    /// The final answer to a BYE inside this call, to its writer.
    pub(super) fn pass_parting(
        &mut self,
        now: Now,
        key: CallKey,
        server: ServerId,
        status: u16,
        bytes: Bytes,
    ) {
        let is_due = |parting: &&mut Parting| parting.until.is_some_and(|until| until > now.moment);
        let Some(parting) = self.calls.at_mut(key).map(|call| &mut call.parting).filter(is_due) else {
            return self.respond(now, server, status, bytes);
        };
        let answers = self.partings.entry(key).or_default();
        if answers.len() >= ANSWERS_MAX {
            return self.respond(now, server, status, bytes);
        }
        answers.push((server, status, bytes));
        parting.is_awaited = true;
        self.set_alarm(key);
    }

    /// The ledger has written what the call cost, or cannot: whoever waits for it hears the answer.
    pub(super) fn settlement_written(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at_mut(key).filter(|call| call.over.is_some()) else { return };
        if !std::mem::take(&mut call.parting).is_awaited {
            return;
        }
        for (server, status, bytes) in self.partings.remove(&key).into_iter().flatten() {
            self.respond(now, server, status, bytes);
        }
        shrink_after_rush(&mut self.partings);
    }

    pub(super) fn attend_parting(&mut self, now: Now, key: CallKey) {
        let due = self.calls.at(key).and_then(|call| call.parting.due());
        if due.is_some_and(|due| due <= now.moment) {
            self.settlement_written(now, key);
        }
    }
}
