//! The INVITE server transaction: RFC 3261 §17.2.1 with the Accepted state of RFC 6026 §8.7. Pure states; it sends nothing.
//! A repeat of the INVITE is answered with the response that was last to be kept, if there is one (`Answer`, `Acknowledged`).

use super::step::{Acknowledged, Alarm, Answer};
use super::timing::{Alarms, Rung, Timing};
use crate::base::Moment;

#[derive(Clone, Debug)]
pub(super) struct ServerInvite {
    state: State,
    reliable: bool,
    /// Timer G sends a refusal again until its ACK comes.
    insists: bool,
    alarms: Alarms,
}

/// The figure's Terminated has no name here: a terminated machine is dropped by the set that keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Proceeding,
    /// A 3xx to 6xx was sent and waits for its ACK.
    Completed,
    /// The ACK came; its repeats are absorbed.
    Confirmed,
    /// A 2xx was sent; repeats of the INVITE are absorbed, repeats of the 2xx are the user's.
    Accepted,
}

impl ServerInvite {
    /// Sends no 100 of its own: the transaction user does so at once, or answers within 200 ms (§17.2.1).
    pub(super) fn start(reliable: bool) -> ServerInvite {
        ServerInvite { state: State::Proceeding, reliable, insists: !reliable, alarms: Alarms::default() }
    }

    /// Timer G stays off: whoever sent the INVITE repeats it until it hears something, and each repeat is answered (RFC 3261
    /// §26.3.2.4 asks for no more towards strangers, whose address may be another's).
    pub(super) fn answer_once(&mut self) {
        self.insists = false;
    }

    /// The transaction user answers.
    pub(super) fn respond(&mut self, now: Moment, status: u16, timing: &Timing) -> Answer {
        match (self.state, status) {
            (State::Proceeding, ..200) => Answer::SendAndKeep,
            (State::Proceeding, 200..300) => {
                self.state = State::Accepted;
                self.alarms.end_after(now, timing.l());
                Answer::Send
            }
            (State::Proceeding, 300..) => {
                self.state = State::Completed;
                if self.insists {
                    self.alarms.send_again_after(now, timing.g());
                }
                self.alarms.end_after(now, timing.h());
                Answer::SendAndKeep
            }
            (State::Accepted, 200..300) => Answer::Send,
            (State::Accepted | State::Completed | State::Confirmed, _) => Answer::Refuse,
        }
    }

    /// An ACK that matches this INVITE.
    pub(super) fn ack(&mut self, now: Moment, timing: &Timing) -> Acknowledged {
        match self.state {
            State::Completed => {
                self.state = State::Confirmed;
                self.alarms.clear();
                self.alarms.end_after(now, timing.i(self.reliable));
                Acknowledged::Done
            }
            State::Accepted => Acknowledged::Pass,
            // Before the final response there is nothing to acknowledge.
            State::Proceeding | State::Confirmed => Acknowledged::Ignore,
        }
    }

    pub(super) fn alarm(&mut self, now: Moment, timing: &Timing) -> Alarm {
        match (self.alarms.ring(now), self.state) {
            (Rung::Again { interval }, State::Completed) => {
                self.alarms.send_again_after(now, timing.t2.min(interval * 2));
                Alarm::SendAgain
            }
            (Rung::End, State::Completed) => Alarm::TimedOut,
            (Rung::End, State::Confirmed | State::Accepted) => Alarm::End,
            (Rung::Again { .. }, State::Proceeding | State::Confirmed | State::Accepted)
            | (Rung::End, State::Proceeding)
            | (Rung::Nothing, _) => Alarm::Nothing,
        }
    }

    pub(super) fn next_alarm(&self) -> Option<Moment> {
        self.alarms.next()
    }
}
