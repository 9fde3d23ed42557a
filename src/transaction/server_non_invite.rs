//! The non-INVITE server transaction: RFC 3261 §17.2.2. Pure states; it sends nothing.
//! A repeat of the request is answered with the response that was last to be kept, if there is one (`Answer`).
//! That a 408 is of no use here (RFC 4320) is the transaction user's to know.

use super::step::{Alarm, Answer};
use super::timing::{Alarms, Rung, Timing};
use crate::base::Moment;

#[derive(Clone, Debug)]
pub(super) struct ServerNonInvite {
    state: State,
    reliable: bool,
    alarms: Alarms,
}

/// The figure's Terminated has no name here: a terminated machine is dropped by the set that keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Trying,
    Proceeding,
    /// The final response was sent and answers repeats of the request.
    Completed,
}

impl ServerNonInvite {
    pub(super) fn start(reliable: bool) -> ServerNonInvite {
        ServerNonInvite { state: State::Trying, reliable, alarms: Alarms::default() }
    }

    /// The transaction user answers.
    pub(super) fn respond(&mut self, now: Moment, status: u16, timing: &Timing) -> Answer {
        match (self.state, status) {
            (State::Trying | State::Proceeding, ..200) => {
                self.state = State::Proceeding;
                Answer::SendAndKeep
            }
            (State::Trying | State::Proceeding, 200..) => {
                self.state = State::Completed;
                self.alarms.end_after(now, timing.j(self.reliable));
                Answer::SendAndKeep
            }
            (State::Completed, _) => Answer::Refuse,
        }
    }

    pub(super) fn alarm(&mut self, now: Moment) -> Alarm {
        match (self.alarms.ring(now), self.state) {
            (Rung::End, State::Completed) => Alarm::End,
            (Rung::Again { .. } | Rung::Nothing, _) | (Rung::End, State::Trying | State::Proceeding) => {
                Alarm::Nothing
            }
        }
    }

    pub(super) fn next_alarm(&self) -> Option<Moment> {
        self.alarms.next()
    }
}
