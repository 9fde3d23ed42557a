//! The non-INVITE client transaction: RFC 3261 §17.1.2. Pure states; it sends nothing.

use super::step::{Alarm, Failed, Heard};
use super::timing::{Alarms, Rung, Timing};
use crate::base::Moment;

#[derive(Clone, Debug)]
pub(super) struct ClientNonInvite {
    state: State,
    reliable: bool,
    alarms: Alarms,
}

/// The figure's Terminated has no name here: a terminated machine is dropped by the set that keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Trying,
    Proceeding,
    /// The final response was delivered; its repeats are absorbed.
    Completed,
}

impl ClientNonInvite {
    /// The request has just been sent.
    pub(super) fn start(now: Moment, reliable: bool, timing: &Timing) -> ClientNonInvite {
        let mut alarms = Alarms::default();
        if !reliable {
            alarms.send_again_after(now, timing.e());
        }
        alarms.end_after(now, timing.f());
        ClientNonInvite { state: State::Trying, reliable, alarms }
    }

    pub(super) fn response(&mut self, now: Moment, status: u16, timing: &Timing) -> Heard {
        match (self.state, status) {
            // The alarm for the next sending stays as it was set; T2 follows once it has rung (§17.1.2.2).
            (State::Trying | State::Proceeding, ..200) => {
                self.state = State::Proceeding;
                Heard::Deliver
            }
            (State::Trying | State::Proceeding, 200..) => {
                self.state = State::Completed;
                self.alarms.clear();
                self.alarms.end_after(now, timing.k(self.reliable));
                Heard::Deliver
            }
            (State::Completed, _) => Heard::Ignore,
        }
    }

    pub(super) fn alarm(&mut self, now: Moment, timing: &Timing) -> Alarm {
        match (self.alarms.ring(now), self.state) {
            (Rung::Again { interval }, State::Trying) => {
                self.alarms.send_again_after(now, timing.t2.min(interval * 2));
                Alarm::SendAgain
            }
            (Rung::Again { .. }, State::Proceeding) => {
                self.alarms.send_again_after(now, timing.t2);
                Alarm::SendAgain
            }
            (Rung::End, State::Trying | State::Proceeding) => Alarm::TimedOut,
            (Rung::End, State::Completed) => Alarm::End,
            (Rung::Again { .. }, State::Completed) | (Rung::Nothing, _) => Alarm::Nothing,
        }
    }

    /// Figure 6 fails in Trying and Proceeding: the request would be sent again in both.
    pub(super) fn transport_failed(&self) -> Failed {
        match self.state {
            State::Trying | State::Proceeding => Failed::Tell,
            State::Completed => Failed::Ignore,
        }
    }

    /// The request may yet be sent again, cancelled or acknowledged.
    pub(super) fn awaits_final(&self) -> bool {
        match self.state {
            State::Trying | State::Proceeding => true,
            State::Completed => false,
        }
    }

    pub(super) fn next_alarm(&self) -> Option<Moment> {
        self.alarms.next()
    }
}
