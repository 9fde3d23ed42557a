//! More comes than can be read (R92): when the wire has not been empty for a while, new calls are turned away at the doorstep, before
//! they cost anything, until it is. Calls in progress and calls for help go on.

use std::time::Duration;

use super::doorstep::is_new_call;
use super::{Event, Gate};
use crate::base::{Moment, Now};
use crate::sip::{Flow, Message};

/// For so long after an overload the gate is wary: the flood that caused it is likely to go on, and each time that it is let in again
/// costs messages of calls in progress.
const WARY: Duration = Duration::from_secs(10);

/// How much sooner a wary gate turns new calls away.
const WARY_SOONER: u32 = 5;

/// Of the time between two looks no more counts than this part of the patience: a machine that stood still leaves much to read, and no
/// overload.
const STANDSTILL: u32 = 4;

/// How the wire has been of late.
#[derive(Debug, Default)]
pub(super) struct Overload {
    /// The latest look, and for how long more has waited at each than could be taken; `None`: the wire was empty then.
    behind: Option<(Moment, Duration)>,
    /// When new calls were last turned away.
    last: Option<Moment>,
    turns_away: bool,
}

impl Overload {
    /// Takes note of one look at the wire; true if an overload begins of which nobody was told.
    fn look(&mut self, now: Moment, is_behind: bool, longest: Duration) -> bool {
        if !is_behind {
            (self.behind, self.turns_away) = (None, false);
            return false;
        }
        let since = |(looked, long): (Moment, Duration)| long + now.since(looked).min(longest / STANDSTILL);
        let long = self.behind.map(since).unwrap_or_default();
        self.behind = Some((now, long));
        let is_wary = self.last.is_some_and(|last| now.since(last) < WARY);
        let patience = if is_wary { longest / WARY_SOONER } else { longest };
        if long < patience {
            return false;
        }
        (self.last, self.turns_away) = (Some(now), true);
        !is_wary
    }
}

impl Gate {
    /// One look at the wire: whether more waits there than could be taken at once. To be told before what was taken.
    pub fn look_at_wire(&mut self, now: Now, is_behind: bool) {
        if self.overload.look(now.moment, is_behind, self.setup.limits.behind_longest) {
            self.tell(Event::Overloaded);
        }
    }

    /// Whether this is a new call, and there is no time for one. A call for help is never one too many (R41).
    pub(super) fn is_too_much(&mut self, now: Now, flow: Flow, message: &Message) -> bool {
        self.overload.turns_away && is_new_call(message) && !self.is_call_for_help(now, flow, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_millis(100);

    fn at(millis: u64) -> Moment {
        Moment::from_micros(1_000_000 + millis * 1_000)
    }

    #[test]
    fn it_begins_when_the_wire_is_not_empty_for_long_and_ends_when_it_is() {
        let mut overload = Overload::default();
        for (millis, is_behind, told, turns_away) in [
            (0, true, false, false),
            (25, true, false, false),
            (50, true, false, false),
            (75, true, false, false),
            (99, true, false, false),
            (100, true, true, true),
            (110, true, false, true),
            (111, false, false, false),
            // Wary now: a fifth of the time is enough, and nobody is told again.
            (120, true, false, false),
            (139, true, false, false),
            (140, true, false, true),
            (150, false, false, false),
            // Ten seconds later it is patient again.
            (10_200, true, false, false),
            (10_220, true, false, false),
            (10_240, true, false, false),
            (10_260, true, false, false),
            (10_280, true, false, false),
            (10_299, true, false, false),
            (10_300, false, false, false),
            // A second without a look, then much to read: it stood still, and is not overloaded.
            (10_301, true, false, false),
            (11_301, true, false, false),
            (11_305, false, false, false),
            // Looks far apart count little each, and in the end they count.
            (11_400, true, false, false),
            (11_500, true, false, false),
            (11_600, true, false, false),
            (11_700, true, false, false),
            (11_800, true, true, true),
        ] {
            assert_eq!(overload.look(at(millis), is_behind, LONGEST), told, "told at {millis} ms");
            assert_eq!(overload.turns_away, turns_away, "at {millis} ms");
        }
    }
}
