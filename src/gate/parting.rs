//! The answer to a BYE waits, some milliseconds, until the ledger has written what the call cost (R91): whoever has heard it says nothing
//! more, and a kill in between would leave a call that nobody ends.

use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;

use super::Gate;
use super::call::CallKey;
use crate::base::{Moment, Now};
use crate::sip::{Message, reason_phrase, reply};
use crate::transaction::ServerId;

/// How long it waits at most. The BYE itself has long gone on to the other end (R16); its writer repeats it meanwhile and hears nothing
/// (RFC 3261 §17.2.2), and a disk that takes longer than this will not be waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Each end hangs up once; one that does so again with credentials does so twice.
const ANSWERS_MAX: usize = 4;

/// What of a call that is over is not written yet, and who waits for that.
#[derive(Default)]
pub struct Parting {
    until: Option<Moment>,
    answers: SmallVec<[(ServerId, u16, Bytes); 1]>,
}

impl Parting {
    pub fn due(&self) -> Option<Moment> {
        self.until.filter(|_| !self.answers.is_empty())
    }
}

impl Gate {
    /// The ledger is told now what the call cost.
    pub(super) fn await_settlement(&mut self, now: Now, key: CallKey) {
        if let Some(call) = self.calls.at_mut(key) {
            let until = Some(now.moment + PATIENCE);
            call.parting = Some(Box::new(Parting { until, ..Parting::default() }));
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
        let waits = |parting: &&mut Parting| {
            parting.until.is_some_and(|until| until > now.moment) && parting.answers.len() < ANSWERS_MAX
        };
        match self.calls.at_mut(key).and_then(|call| call.parting.as_deref_mut()).filter(waits) {
            Some(parting) => {
                parting.answers.push((server, status, bytes));
                self.set_alarm(key);
            }
            None => self.respond(now, server, status, bytes),
        }
    }

    /// The ledger has written what the call cost, or cannot: whoever waits for it hears the answer.
    pub(super) fn settlement_written(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at_mut(key).filter(|call| call.over.is_some()) else { return };
        for (server, status, bytes) in call.parting.take().into_iter().flat_map(|parting| parting.answers) {
            self.respond(now, server, status, bytes);
        }
    }

    pub(super) fn attend_parting(&mut self, now: Now, key: CallKey) {
        let due = self.calls.at(key).and_then(|call| call.parting.as_ref()?.due());
        if due.is_some_and(|due| due <= now.moment) {
            self.settlement_written(now, key);
        }
    }
}
