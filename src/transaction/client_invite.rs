//! The INVITE client transaction: RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §8.4. Pure states; it sends nothing.

use std::time::Duration;

use super::step::{Alarm, Failed, Heard};
use super::timing::{Alarms, Rung, Timing};
use crate::base::Moment;

#[derive(Clone, Debug)]
pub(super) struct ClientInvite {
    state: State,
    reliable: bool,
    alarms: Alarms,
}

/// The figure's Terminated has no name here: a terminated machine is dropped by the set that keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Calling,
    Proceeding,
    /// A 3xx to 6xx was acknowledged; its repeats are acknowledged again.
    Completed,
    /// A 2xx was delivered; its repeats, and 2xx from other branches of the callee's side, are delivered too.
    Accepted,
}

impl ClientInvite {
    /// The request has just been sent.
    pub(super) fn start(now: Moment, reliable: bool, timing: &Timing) -> ClientInvite {
        let mut alarms = Alarms::default();
        if !reliable {
            alarms.send_again_after(now, timing.a());
        }
        alarms.end_after(now, timing.b());
        ClientInvite { state: State::Calling, reliable, alarms }
    }

    pub(super) fn response(&mut self, now: Moment, status: u16, timing: &Timing) -> Heard {
        match (self.state, status) {
            (State::Calling, ..200) => {
                // From the first provisional response on, nothing is sent again and no timer runs.
                self.state = State::Proceeding;
                self.alarms.clear();
                Heard::Deliver
            }
            // A later one restarts no timer: B guards Calling alone, and the user's Timer C the ringing.
            (State::Proceeding, ..200) => Heard::Deliver,
            (State::Calling | State::Proceeding, 200..300) => {
                self.enter(State::Accepted, now, timing.m());
                Heard::Deliver
            }
            (State::Calling | State::Proceeding, 300..) => {
                self.enter(State::Completed, now, timing.d(self.reliable));
                Heard::AcknowledgeAndDeliver
            }
            (State::Accepted, 200..300) => Heard::Deliver,
            (State::Completed, 300..) => Heard::AcknowledgeAgain,
            (State::Accepted | State::Completed, _) => Heard::Ignore,
        }
    }

    /// A CANCEL for this INVITE has been sent. A callee that never answers with a final response must not keep the
    /// transaction for ever: 64*T1 after the CANCEL the INVITE counts as cancelled (§9.1).
    pub(super) fn cancelled(&mut self, now: Moment, timing: &Timing) {
        match self.state {
            State::Proceeding => self.alarms.end_after(now, timing.b()),
            State::Calling | State::Completed | State::Accepted => {}
        }
    }

    pub(super) fn alarm(&mut self, now: Moment) -> Alarm {
        match (self.alarms.ring(now), self.state) {
            (Rung::Again { interval }, State::Calling) => {
                self.alarms.send_again_after(now, interval * 2);
                Alarm::SendAgain
            }
            (Rung::End, State::Calling | State::Proceeding) => Alarm::TimedOut,
            (Rung::End, State::Completed | State::Accepted) => Alarm::End,
            (Rung::Again { .. }, State::Proceeding | State::Completed | State::Accepted)
            | (Rung::Nothing, _) => Alarm::Nothing,
        }
    }

    /// Figure 5 fails in Calling, and in Completed where only the ACK is lost. While the callee rings nothing is sent, and
    /// its answer may come over a new connection (§18.2.2); that wait is bounded by the proxy's Timer C.
    pub(super) fn transport_failed(&self) -> Failed {
        match self.state {
            State::Calling => Failed::Tell,
            State::Completed => Failed::End,
            State::Proceeding | State::Accepted => Failed::Ignore,
        }
    }

    /// The request may yet be sent again, cancelled or acknowledged.
    pub(super) fn awaits_final(&self) -> bool {
        match self.state {
            State::Calling | State::Proceeding => true,
            State::Completed | State::Accepted => false,
        }
    }

    pub(super) fn next_alarm(&self) -> Option<Moment> {
        self.alarms.next()
    }

    fn enter(&mut self, state: State, now: Moment, span: Duration) {
        self.state = state;
        self.alarms.clear();
        self.alarms.end_after(now, span);
    }
}
