//! Signs of life of an answered call (R73, R74): what a session timer promises (RFC 4028), and what is done when the promise is broken.
//! A session timer only tells that a call lives; it moves no limit.

use std::num::NonZeroU32;
use std::time::Duration;

use super::Gate;
use super::call::CallKey;
use crate::base::{Moment, Now};
use crate::ledger::EndCause;
use crate::sip::{Message, Method, Name};

/// RFC 4028 §4 knows no shorter session interval, in seconds.
const INTERVAL_SHORTEST: u32 = 90;

/// How long after its session has expired a call may still be silent: 64*T1, the patience of the refresh that may be under way.
const MARGIN: Duration = Duration::from_secs(32);

/// How long an emergency call in which nobody says a word is remembered. Nothing of the gate ends it (R41); but a phone without power
/// says no BYE, and such a call would be remembered for ever.
const EMERGENCY_SILENCE: Duration = Duration::from_secs(24 * 3600);

/// What is known of the life of one call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Life {
    /// What both ends have agreed on, in seconds; `None`: nobody promised anything, and silence means nothing.
    interval: Option<NonZeroU32>,
    /// When either end has last said anything inside the call.
    heard: Option<Moment>,
    /// The call was found dead, and ended then.
    pub ended: Option<Moment>,
}

impl Life {
    /// Of a call that is taken up again: whatever was said while no gate was there, nobody heard.
    pub fn of_earlier_run(now: Moment, interval: Option<Duration>) -> Life {
        let interval = interval.and_then(|interval| NonZeroU32::new(interval.as_secs().try_into().ok()?));
        Life { interval, heard: Some(now), ended: None }
    }

    pub fn interval(&self) -> Option<Duration> {
        self.interval.map(|seconds| Duration::from_secs(seconds.get().into()))
    }

    pub fn heard(&self) -> Option<Moment> {
        self.heard
    }

    pub fn hear(&mut self, now: Moment) {
        self.heard = Some(now);
    }

    /// A 2xx to an INVITE or UPDATE settles the session interval anew (RFC 4028 §7.2, §9); without one there is none.
    pub fn agree(&mut self, now: Moment, response: &Message) {
        self.hear(now);
        self.interval = response.header(Name::SessionExpires).and_then(|value| interval(&value));
    }

    /// When the call counts as dead.
    pub fn due(&self) -> Option<Moment> {
        let (interval, heard) = (self.interval()?, self.heard?);
        Some(heard + interval + MARGIN)
    }

    /// When an emergency call is remembered no more. A session timer that is not kept says too little: its BYE must still find its way.
    pub fn forgotten_at(&self) -> Option<Moment> {
        Some(self.heard? + EMERGENCY_SILENCE)
    }
}

impl Gate {
    /// Somebody has said something inside a call.
    pub(super) fn hear_life(&mut self, now: Now, key: CallKey) {
        if let Some(call) = self.calls.at_mut(key) {
            call.life.hear(now.moment);
        }
    }

    /// As `hear_life`, for a response that may agree on a session timer.
    pub(super) fn hear_session(&mut self, now: Now, key: CallKey, response: &Message) {
        let Some(call) = self.calls.at_mut(key) else { return };
        match (response.status(), response.method()) {
            (200..=299, Method::Invite | Method::Update) => call.life.agree(now.moment, response),
            _ => call.life.hear(now.moment),
        }
        self.set_alarm(key);
    }

    /// A call without a sign of life is settled to the last one, and both ends are told (R74); of an emergency call only the book is
    /// closed.
    pub(super) fn attend_life(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at_mut(key).filter(|call| call.over.is_none()) else { return };
        let emergency = call.permit.emergency();
        let due = if emergency { call.life.forgotten_at() } else { call.life.due() };
        if !call.is_answered() || due.is_none_or(|due| due > now.moment) {
            return;
        }
        call.life.ended = call.life.heard;
        call.record.estimated = true;
        if emergency {
            // Only the book is closed: no BYE leaves, and whoever should still talk talks on.
            self.end_call(now, key, EndCause::Dead);
        } else {
            self.cut(now, key, EndCause::Dead);
        }
    }
}

/// `1800;refresher=uac` (RFC 4028 §4).
fn interval(value: &str) -> Option<NonZeroU32> {
    let seconds: u32 = value.split(';').next()?.trim().parse().ok()?;
    NonZeroU32::new(seconds.max(INTERVAL_SHORTEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_4028_section_4_session_expires_is_read() {
        let second = |count| NonZeroU32::new(count).unwrap();
        assert_eq!(interval("1800;refresher=uac"), Some(second(1800)));
        assert_eq!(interval(" 600 "), Some(second(600)));
        assert_eq!(interval("10"), Some(second(INTERVAL_SHORTEST)), "no session is shorter");
        assert_eq!(interval("soon"), None);
        assert_eq!(interval("99999999999999999999"), None);
    }
}
