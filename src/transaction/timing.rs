//! The timers of RFC 3261 §17 (table 4) and RFC 6026, by their letters, and the two alarms that one transaction can have set.

use std::time::Duration;

use crate::base::Moment;

/// The three times from which every timer of SIP follows (RFC 3261 §17.1.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// An estimate of the round trip.
    pub t1: Duration,
    /// The longest wait between two sendings of a non-INVITE request or an INVITE's final response.
    pub t2: Duration,
    /// The longest that a message stays in the network.
    pub t4: Duration,
}

/// Timers of zero length still take their turn of the wheel, so that a transaction over TCP ends after its user has seen why.
impl Timing {
    pub const RFC: Timing =
        Timing { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) };

    /// Timer D over UDP is "at least 32 s" whatever T1 is (§17.1.1.2).
    const D_AT_LEAST: Duration = Duration::from_secs(32);

    /// A: the INVITE is sent again, first after T1, then at doubled intervals, without a ceiling.
    pub(super) fn a(&self) -> Duration {
        self.t1
    }

    /// B: an INVITE that nobody answered has timed out.
    pub(super) fn b(&self) -> Duration {
        self.t1 * 64
    }

    /// D: how long a client waits for repeats of a final response to its INVITE.
    pub(super) fn d(&self, reliable: bool) -> Duration {
        if reliable { Duration::ZERO } else { Timing::D_AT_LEAST.max(self.t1 * 64) }
    }

    /// E: a non-INVITE request is sent again, first after T1, doubled up to T2.
    pub(super) fn e(&self) -> Duration {
        self.t1
    }

    /// F: a non-INVITE request without a final response has timed out.
    pub(super) fn f(&self) -> Duration {
        self.t1 * 64
    }

    /// G: a final response to an INVITE is sent again, first after T1, doubled up to T2.
    pub(super) fn g(&self) -> Duration {
        self.t1
    }

    /// H: the ACK of a final response never came.
    pub(super) fn h(&self) -> Duration {
        self.t1 * 64
    }

    /// I: how long a server absorbs repeats of the ACK.
    pub(super) fn i(&self, reliable: bool) -> Duration {
        if reliable { Duration::ZERO } else { self.t4 }
    }

    /// J: how long a server answers repeats of a non-INVITE request.
    pub(super) fn j(&self, reliable: bool) -> Duration {
        if reliable { Duration::ZERO } else { self.t1 * 64 }
    }

    /// K: how long a client absorbs repeats of a final response to a non-INVITE request.
    pub(super) fn k(&self, reliable: bool) -> Duration {
        if reliable { Duration::ZERO } else { self.t4 }
    }

    /// L: how long a server absorbs repeats of an INVITE that was accepted, over any transport (RFC 6026 §8.7).
    pub(super) fn l(&self) -> Duration {
        self.t1 * 64
    }

    /// M: how long a client passes on repeated and forked 2xx, over any transport (RFC 6026 §8.4).
    pub(super) fn m(&self) -> Duration {
        self.t1 * 64
    }
}

impl Default for Timing {
    fn default() -> Timing {
        Timing::RFC
    }
}

/// What one transaction waits for: no state of the four machines has more than one alarm that sends again (A, E, G) and one
/// that ends it (B, D, F, H to M).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Alarms {
    again: Option<Again>,
    end: Option<Moment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Again {
    at: Moment,
    interval: Duration,
}

/// Which alarm rang. It is off then, so that nothing rings twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rung {
    Nothing,
    /// To send again, `interval` after the last time.
    Again {
        interval: Duration,
    },
    End,
}

impl Alarms {
    pub(super) fn next(&self) -> Option<Moment> {
        let again = self.again.map(|again| again.at);
        again.into_iter().chain(self.end).min()
    }

    /// Forgets all alarms; a machine does so whenever it changes state.
    pub(super) fn clear(&mut self) {
        *self = Alarms::default();
    }

    pub(super) fn send_again_after(&mut self, now: Moment, interval: Duration) {
        self.again = Some(Again { at: now + interval, interval });
    }

    pub(super) fn end_after(&mut self, now: Moment, span: Duration) {
        self.end = Some(now + span);
    }

    /// Takes the alarm that is due. The end comes first: who gives up does not send once more.
    pub(super) fn ring(&mut self, now: Moment) -> Rung {
        if self.end.is_some_and(|end| end <= now) {
            self.clear();
            return Rung::End;
        }
        match self.again.take_if(|again| again.at <= now) {
            Some(Again { interval, .. }) => Rung::Again { interval },
            None => Rung::Nothing,
        }
    }
}
