//! Calls in progress when the rules change (R76): within a second each is judged anew and its money counted anew.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use super::budget;
use super::call::{Call, CallKey, Funds};
use super::money::budgets;
use super::setup::Limits;
use super::{Event, Gate};
use crate::base::{Blank, Moment, Now, Seldom};
use crate::ledger::{EndCause, Exhausted, Slice};
use crate::policy::document::Ending;
use crate::policy::{Caller, Permit, Policy, Reason, Refusal};

/// The calls in progress are looked at over this span, so that ten thousand of them do not hold up the next INVITE. What is left of
/// the second is for the ledger.
const SPREAD: Duration = Duration::from_millis(500);

/// When a call whose question is at the ledger is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// When a ledger that could not answer is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What a change of the rules means for one call.
#[derive(Default)]
pub struct Review {
    /// When it is judged anew.
    pub at: Option<Moment>,
    /// Its right is gone, and it lives until then.
    pub until: Option<Moment>,
    /// What the ledger is asked for under changed budgets, before anybody has answered.
    pub asked: Option<Slice>,
    /// Why the caller is refused though it rang already.
    pub refusal: Option<Box<Refusal>>,
    /// Until when it may ring, where the permitted hours end its calls (R66).
    pub ring_until: Option<Moment>,
}

impl Review {
    /// Of a call that may ring until then.
    pub fn of(ring_until: Option<Moment>) -> Seldom<Review> {
        ring_until.map_or(Seldom::default(), |_| Seldom::new(Review { ring_until, ..Review::default() }))
    }

    /// Of a call that is taken up again: the rules may have changed meanwhile.
    pub fn of_earlier_run(now: Moment) -> Seldom<Review> {
        Seldom::new(Review { at: Some(now), ..Review::default() })
    }

    pub fn due(&self) -> Option<Moment> {
        [self.at, self.until, self.ring_until].into_iter().flatten().min()
    }

    /// Nothing is to be done or said about the call.
    fn is_over(&self) -> bool {
        self.due().is_none() && self.asked.is_none() && self.refusal.is_none()
    }
}

impl Blank for Review {
    fn blank() -> &'static Review {
        static BLANK: LazyLock<Review> = LazyLock::new(Review::default);
        &BLANK
    }
}

impl Seldom<Review> {
    /// Somebody has answered. Whoever has lost her right meanwhile is not connected for long.
    pub fn answered(&mut self, now: Moment) {
        let Some(review) = self.written() else { return };
        review.ring_until = None;
        if review.refusal.is_some() {
            review.until = Some(now);
        }
        self.end();
    }

    /// Gives its memory back when it is over.
    fn end(&mut self) {
        if self.is_over() {
            self.clear();
        }
    }
}

/// The last moment at which a call may be answered so that it lasts as long as is worth a connection (R66).
pub(super) fn ring_until(permit: &Permit, limits: &Limits, now: Now) -> Option<Moment> {
    let left = permit.closes().map(|end| (end - now.utc).to_std().unwrap_or_default())?;
    Some(now.moment + left.saturating_sub(limits.shortest_call))
}

impl Gate {
    /// New rules are in force: every call in progress is looked at within the span, one after the other.
    pub(super) fn review_calls(&mut self, now: Now) {
        let is_live = |call: &Call| call.over.is_none() && !call.permit.emergency();
        let keys: Vec<CallKey> =
            self.calls.iter().filter(|(_, call)| is_live(call)).map(|(key, _)| key).collect();
        let count = u32::try_from(keys.len().max(1)).unwrap_or(u32::MAX);
        for (index, key) in (0..count).zip(keys) {
            if let Some(call) = self.calls.at_mut(key) {
                call.review.at = Some(now.moment + SPREAD * index / count);
            }
            self.set_alarm(key);
        }
    }

    /// What the rules have made due for one call.
    pub(super) fn attend_review(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at_mut(key).filter(|call| call.over.is_none()) else { return };
        if call.review.until.is_some_and(|until| until <= now.moment) {
            call.review.until = None;
            return self.end_for_rights(now, key, None);
        }
        if call.review.ring_until.is_some_and(|end| end <= now.moment) {
            call.review.ring_until = None;
            return self.refuse_ringing(now, key, Refusal::of(Reason::OutsideHours));
        }
        if call.review.at.is_some_and(|at| at <= now.moment) {
            call.review.at = None;
            self.review(now, key);
            self.calls.at_mut(key).into_iter().for_each(|call| call.review.end());
        }
    }

    fn review(&mut self, now: Now, key: CallKey) {
        let setup = Arc::clone(&self.setup);
        let Some(call) = self.calls.at_mut(key).filter(|call| call.given_up.is_none()) else { return };
        let caller = caller_of(&setup.policy, call);
        let verdict = call.permit.judge_anew(&setup.policy, caller, call.record.start);
        match verdict {
            Ok(()) => {
                call.review.until = None;
                call.review.ring_until =
                    ring_until(&call.permit, &setup.limits, now).filter(|_| !call.is_answered());
            }
            Err((_, Ending::Finish)) => {}
            Err((refusal, Ending::Cut)) => return self.end_for_rights(now, key, Some(refusal)),
            Err((_, Ending::After(span))) => {
                let until = now.moment + span;
                call.review.until = Some(call.review.until.map_or(until, |before| before.min(until)));
            }
        }
        self.count_among(key);
        self.count_anew(now, key);
        self.set_alarm(key);
    }

    /// The call has lost its right: BYE to both sides, or while it rings CANCEL downstream and 403 upstream (R71).
    fn end_for_rights(&mut self, now: Now, key: CallKey, refusal: Option<Refusal>) {
        let Some(call) = self.calls.at_mut(key) else { return };
        if call.is_answered() {
            return self.cut(now, key, EndCause::CutRights);
        }
        let refusal = refusal.unwrap_or_else(|| Refusal::of(Reason::NotPermitted));
        self.refuse_ringing(now, key, refusal);
    }

    /// Gives a search up with a 403 that says why.
    pub(super) fn refuse_ringing(&mut self, now: Now, key: CallKey, refusal: Refusal) {
        if let Some(call) = self.calls.at_mut(key) {
            call.review.refusal = Some(Box::new(refusal.about(&call.permit)));
            self.give_up_search(now, key, 403);
        }
    }

    /// The money of a call under the budgets of now: what it holds is asked for once more, if anything has changed.
    fn count_anew(&mut self, now: Now, key: CallKey) {
        let setup = Arc::clone(&self.setup);
        let Some(call) = self.calls.at_mut(key) else { return };
        let longest = call.longest(call.record.answer.unwrap_or(now.utc));
        if let Some(meter) = &mut call.meter {
            meter.limit_to(longest, &setup.limits);
        }
        let Some(known) = call.lines.clone() else { return };
        let period_over = call.meter.as_ref().is_some_and(|meter| meter.is_period_over(now.moment));
        let asking = matches!(call.funds, Funds::Asked { .. })
            || call.search.parked.is_some()
            || call.review.asked.is_some()
            || call.meter.as_ref().is_some_and(|meter| meter.is_asking());
        if asking || period_over {
            call.review.at = Some(now.moment + LOOK_AGAIN);
            return;
        }
        let (lines, period_end) = budget::lines_and_end(&budgets(&setup, call), now);
        if known == lines {
            return;
        }
        let slice = match (&mut call.meter, &call.funds) {
            (Some(meter), Funds::Held { .. }) => meter.ask_anew(period_end),
            (None, Funds::Held { .. }) => {
                call.period_end = period_end;
                let slice = call.search.slice;
                call.review.asked = Some(slice);
                Some(slice)
            }
            (Some(_) | None, Funds::Asked { .. } | Funds::Resolved) => None,
        };
        if let Some(slice) = slice {
            self.extend_anew(now, key, slice);
        }
    }

    /// The ledger agrees to what a call holds before its answer, or to less.
    pub(super) fn revised(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at_mut(key) else { return };
        let Some(asked) = call.review.asked.take() else { return };
        if call.meter.is_some() {
            // Answered meanwhile: the meter asks for itself.
            call.review.at = Some(now.moment);
            call.lines = Some(Arc::default());
        } else if let Funds::Held { .. } = &call.funds {
            call.search.slice = asked;
        }
    }

    /// What a call holds is too much for the changed budgets (R76): it goes on with less, or it ends.
    pub(super) fn revise_less(&mut self, now: Now, key: CallKey, exhausted: &Exhausted) {
        let setup = Arc::clone(&self.setup);
        let shortest = setup.limits.shortest_call.as_secs();
        let Some(call) = self.calls.at_mut(key).filter(|call| call.over.is_none()) else { return };
        if let Some(meter) = &mut call.meter {
            if call.review.asked.take().is_some() {
                call.review.at = Some(now.moment);
                return;
            }
            match meter.refused_anew(now.moment, exhausted.left) {
                Some(slice) => self.extend_anew(now, key, slice),
                None => {
                    self.tell(Event::Exhausted(exhausted.clone()));
                    self.set_alarm(key);
                }
            }
            return;
        }
        let Some(asked) = call.review.asked.take() else { return };
        let Funds::Held { price: Some(price) } = &call.funds else { return };
        match budget::smaller_slice(price, asked, exhausted, shortest) {
            Some(smaller) => {
                call.review.asked = Some(smaller);
                self.extend_anew(now, key, smaller);
            }
            None => {
                let refusal = budget::refusal(exhausted, price, shortest, &budgets(&setup, call), now.utc);
                self.refuse_ringing(now, key, refusal);
            }
        }
    }

    /// The ledger could not be asked about changed budgets.
    pub(super) fn revision_unanswered(&mut self, now: Now, key: CallKey) {
        if let Some(call) = self.calls.at_mut(key) {
            call.review.asked = None;
            call.lines = Some(Arc::default());
            call.review.at = Some(now.moment + ASK_AGAIN);
            call.meter.iter_mut().for_each(|meter| meter.take_back());
        }
    }

    /// Whether the question under way is about changed budgets.
    pub(super) fn is_revising(&self, key: CallKey) -> bool {
        let Some(call) = self.calls.at(key) else { return false };
        call.review.asked.is_some() || call.meter.as_ref().is_some_and(|meter| meter.is_asking_anew())
    }
}

/// Who is responsible for the call, in a policy that may know her no more.
fn caller_of(policy: &Policy, call: &Call) -> Caller {
    match &call.record.person {
        None => Caller::Outside,
        Some(key) => policy.person_by_key(key).map_or(Caller::Unknown, Caller::Person),
    }
}
