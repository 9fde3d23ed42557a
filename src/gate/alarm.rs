//! What time alone makes due for a call: silent targets, Timer C, the next slice of money, the end of the call.

use super::Gate;
use super::call::{Call, CallKey};
use super::meter::Due;
use crate::base::{Moment, Now};
use crate::ledger::EndCause;

/// Alarms that ring in one pass at most, for each call: several things may be due for it at one moment, but what is due again and again
/// must not keep the gate from everything else.
const RINGS_MAX: usize = 64;

impl Gate {
    /// Sets the call's alarm for the next thing that is due. An earlier alarm that is already set rings first and finds nothing.
    pub(super) fn set_alarm(&mut self, key: CallKey) {
        let Some(call) = self.calls.at_mut(key) else { return };
        let Some(due) = call.due() else { return };
        if call.alarm.is_none_or(|set| due < set) {
            call.alarm = Some(due);
            self.alarms.insert(due, key);
        }
    }

    pub(super) fn sound_alarms(&mut self, now: Now) {
        let mut rings = RINGS_MAX * (self.calls.len() + 1);
        while let Some(key) = self.alarms.pop_due(now.moment) {
            // An alarm that a sooner one has replaced, or whose call is forgotten, rings in vain and once: however many of them there
            // are, they come to an end. What is due then is set anew.
            let is_latest = |call: &&mut Call| call.alarm.is_some_and(|set| set <= now.moment);
            let Some(call) = self.calls.at_mut(key).filter(is_latest) else { continue };
            call.alarm = None;
            self.attend(now, key);
            self.set_alarm(key);
            rings -= 1;
            if rings == 0 {
                debug_assert!(false, "an alarm rings again and again at one moment");
                return;
            }
        }
    }

    /// Does what is due for one call.
    fn attend(&mut self, now: Now, key: CallKey) {
        self.attend_review(now, key);
        self.attend_meter(now, key);
        self.attend_life(now, key);
        self.attend_enquiry(now, key);
        self.attend_guards(now, key);
        self.attend_parting(now, key);
        self.give_up_overdue(now, key);
        self.give_up_re_invites(now, key);
        if self.calls.at(key).is_some_and(|call| call.is_spent(now.moment)) {
            self.forget_call(key);
        }
    }

    fn attend_meter(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at(key).filter(|call| call.over.is_none()) else { return };
        let Some((moment, due)) = call.meter.as_ref().and_then(|meter| meter.due()) else { return };
        if moment > now.moment {
            return;
        }
        match due {
            Due::Renew => self.renew(now, key),
            Due::Warn => self.warn_of_end(now, key),
            Due::Midnight => self.cross_midnight(now, key),
            Due::Cut(cause) => self.cut(now, key, cause),
        }
    }

    fn attend_guards(&mut self, now: Now, key: CallKey) {
        // R41: nothing but its parties ends an emergency call.
        let guarded = |call: &&Call| call.over.is_none() && !call.permit.emergency();
        let Some(call) = self.calls.at(key).filter(guarded) else { return };
        let is_due = |guard: Option<Moment>| guard.is_some_and(|end| end <= now.moment);
        if is_due(call.search.early_until) {
            self.give_up_search(now, key, 408);
        } else if is_due(call.ack_until) {
            self.cut(now, key, EndCause::Dead);
        } else if is_due(call.waits_for_ledger_until()) {
            self.ledger_unavailable(now, key);
        }
    }

    fn give_up_overdue(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at(key) else { return };
        let overdue: Vec<_> = call.search.overdue(now.moment).collect();
        for branch in overdue {
            self.give_up_branch(now, key, branch);
        }
    }
}
