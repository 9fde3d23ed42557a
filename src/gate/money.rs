//! A call and its money: reserve before ringing, renew in time, settle or release once (R64 to R69).

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use super::call::{Call, CallKey, Funds, Parked};
use super::setup::Snapshot;
use super::{Ended, Event, Gate, Output, budget};
use crate::base::{Money, Now};
use crate::ledger::{
    Account, Amount, Command, EndCause, Exhausted, Extend, Limit, Release, Reply, Reservation, Reserve,
    Settle, Slice,
};
use crate::policy::{BudgetLimit, Reason, Refusal};
use crate::proxy::Target;

/// Questions put to the ledger for one call, each for less than before. Four budgets that differ are rare; a race that takes the
/// money away meanwhile must not go on for ever.
pub(super) const RESERVE_TRIES_MAX: u8 = 4;

/// How long a caller waits for the ledger before the call is refused (R90): a disk that hangs gives no answer at all, and a PBX
/// tries its next way after about as long.
pub(super) const LEDGER_PATIENCE: Duration = Duration::from_secs(5);

impl Gate {
    /// Asks the ledger for the first slice. The call waits; nothing leaves before the answer (R64).
    pub(super) fn reserve(&mut self, now: Now, key: CallKey) {
        let setup = Arc::clone(&self.setup);
        let Some(call) = self.calls.at_mut(key) else { return };
        let Funds::Asked { .. } = &call.funds else { return };
        let (lines, period_end) = budget::lines_and_end(&budgets(&setup, call), now);
        call.period_end = period_end;
        call.lines = Some(Arc::clone(&lines));
        let command = Reserve {
            id: call.reservation,
            decision: call.decision,
            amount: call.search.slice.amount(),
            budgets: lines,
            at: now.utc,
            record: call.boxed_record(),
        };
        self.outputs.push_back(Output::Ledger(Command::Reserve(command)));
        self.set_alarm(key);
    }

    pub(super) fn ledger_replied(&mut self, now: Now, reply: Reply) {
        let Some(key) = reply.reservation().and_then(|id| self.reservations.get(&id).copied()) else {
            return self.give_back(now, &reply);
        };
        match reply {
            Reply::Settled { .. } => self.settlement_written(now, key),
            Reply::Reserved(reservation) => self.reserved(now, key, reservation),
            Reply::Refused { exhausted, .. } => self.reserve_less(now, key, &exhausted),
            Reply::Extended(granted) if self.is_revising(key) => self.revision_granted(now, key, &granted),
            Reply::ExtendRefused { exhausted, .. } if self.is_revising(key) => {
                self.revise_less(now, key, &exhausted)
            }
            Reply::Unavailable { .. } if self.is_revising(key) => self.revision_unanswered(now, key),
            Reply::Extended(_) if self.is_parked(key) => self.moved_to_trunk(now, key, true),
            Reply::ExtendRefused { .. } if self.is_parked(key) => self.moved_to_trunk(now, key, false),
            Reply::Extended(granted) => self.renewed(key, &granted),
            Reply::ExtendRefused { exhausted, .. } => self.renew_less(now, key, &exhausted),
            Reply::Answered { .. } => self.answer_written(now, key),
            Reply::Unavailable { .. } => self.ledger_unavailable(now, key),
            Reply::Closed { .. } | Reply::Unknown { .. } if self.holds_answer(key) => {
                self.answer_lost(now, key)
            }
            // A call that the ledger has closed or never knew has no money: it ends as one whose renewal is refused.
            Reply::Closed { .. } | Reply::Unknown { .. } => self.renewal_lost(now, key),
            Reply::Released { .. } | Reply::Recorded { .. } => {}
        }
        self.set_alarm(key);
    }

    /// Money for a call that did not wait so long is nobody's: it goes back at once (R69).
    fn give_back(&mut self, now: Now, reply: &Reply) {
        if let Reply::Reserved(reservation) = reply {
            let release = Release { id: reservation.id(), at: now.utc, record: None };
            self.outputs.push_back(Output::Ledger(Command::Release(release)));
        }
    }

    fn reserved(&mut self, now: Now, key: CallKey, reservation: Reservation) {
        let Some(call) = self.calls.at_mut(key) else { return };
        let Funds::Asked { price, .. } = &call.funds else { return };
        call.funds = Funds::Held { price: Some(price.clone()) };
        call.search.proof = Some(reservation);
        let money = call.search.slice.cost;
        let over = call.over.is_some();
        self.tell(Event::Reserved { money });
        if over {
            self.resolve_funds(now, key);
        } else {
            self.search(now, key);
        }
    }

    /// A budget lacks room for the whole slice: what is left becomes seconds (R66), and those are asked for instead.
    fn reserve_less(&mut self, now: Now, key: CallKey, exhausted: &Exhausted) {
        let shortest = self.setup.limits.shortest_call.as_secs();
        let Some(call) = self.calls.at_mut(key) else { return };
        if call.over.is_some() {
            return self.record_unpaid(key);
        }
        let Funds::Asked { price, tries } = &mut call.funds else { return };
        let smaller = budget::smaller_slice(price, call.search.slice, exhausted, shortest);
        let Some(smaller) = smaller.filter(|_| *tries < RESERVE_TRIES_MAX) else {
            if matches!(exhausted.account, Account::Trunk(_))
                && call.search.skip_trunk(&mut call.budget_trunk)
            {
                // Its budget is this trunk's alone: the next one may have room.
                return self.reserve(now, key);
            }
            let price = Arc::clone(price);
            let refusal = budget::refusal(exhausted, &price, shortest, &budgets(&self.setup, call), now.utc);
            self.outputs.push_back(Output::Event(Event::Exhausted(exhausted.clone())));
            return self.refuse_call(now, key, refusal);
        };
        *tries += 1;
        call.search.slice = smaller;
        self.reserve(now, key);
    }

    /// The store cannot answer, or has said nothing for too long (R90).
    pub(super) fn ledger_unavailable(&mut self, now: Now, key: CallKey) {
        if self.holds_answer(key) {
            return self.answer_lost(now, key);
        }
        if self.is_parked(key) {
            return self.moved_to_trunk(now, key, false);
        }
        self.settlement_written(now, key);
        let Some(call) = self.calls.at_mut(key) else { return };
        match (&call.funds, &mut call.meter) {
            (Funds::Asked { .. }, _) if call.over.is_some() => self.record_unpaid(key),
            (Funds::Asked { .. }, _) => self.refuse_call(now, key, Refusal::of(Reason::LedgerUnavailable)),
            (Funds::Held { .. }, Some(meter)) => meter.unanswered(now.moment),
            (Funds::Held { .. } | Funds::Resolved, _) => {}
        }
    }

    /// Refuses a call that the rules had permitted but that money stops.
    fn refuse_call(&mut self, now: Now, key: CallKey, refusal: Refusal) {
        let Some(call) = self.calls.at_mut(key).filter(|call| call.over.is_none()) else { return };
        let refusal = refusal.about(&call.permit);
        call.funds = Funds::Resolved;
        call.over = Some(EndCause::Refused);
        let (server, Some(invite)) = (call.server, call.invite.clone()) else { return };
        let facts = call.facts();
        self.refuse(now, server, &invite, &facts, &refusal);
        self.forget_call(key);
    }

    /// Asks for the next slice of an answered call.
    pub(super) fn renew(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at_mut(key) else { return };
        if let Some(slice) = call.meter.as_mut().and_then(|meter| meter.ask_renewal()) {
            self.extend(now, key, slice);
        }
    }

    /// A budget's period ends during the call: the old one is charged and the new one reserved, in one step (R81).
    pub(super) fn cross_midnight(&mut self, now: Now, key: CallKey) {
        let setup = Arc::clone(&self.setup);
        let Some(call) = self.calls.at_mut(key) else { return };
        let next = budget::first_end(&budgets(&setup, call), now);
        if let Some(slice) = call.meter.as_mut().and_then(|meter| meter.ask_midnight(next)) {
            self.extend(now, key, slice);
        }
    }

    fn extend(&mut self, now: Now, key: CallKey, slice: Slice) {
        self.ask_to_extend(now, key, slice, false);
    }

    /// As `extend`, after a change of the budgets (R76).
    pub(super) fn extend_anew(&mut self, now: Now, key: CallKey, slice: Slice) {
        self.ask_to_extend(now, key, slice, true);
    }

    fn ask_to_extend(&mut self, now: Now, key: CallKey, slice: Slice, anew: bool) {
        let setup = Arc::clone(&self.setup);
        let Some(call) = self.calls.at_mut(key) else { return };
        let lines = budget::lines(&budgets(&setup, call), now.utc);
        if anew || call.review.at.is_none() {
            call.lines = Some(Arc::clone(&lines));
        }
        let command = Extend {
            id: call.reservation,
            charged: call.meter.as_ref().map_or(Amount::ZERO, |meter| meter.charged()),
            total: slice.amount(),
            budgets: lines,
            anew,
            at: now.utc,
        };
        self.outputs.push_back(Output::Ledger(Command::Extend(command)));
    }

    fn revision_granted(&mut self, now: Now, key: CallKey, granted: &Reservation) {
        if self.calls.at(key).is_some_and(|call| call.review.asked.is_some()) {
            self.revised(now, key);
        } else {
            self.renewed(key, granted);
        }
    }

    /// A renewal that comes after the end of the call has been freed with it.
    fn renewed(&mut self, key: CallKey, granted: &Reservation) {
        let live = self.calls.at_mut(key).filter(|call| call.over.is_none());
        let Some(meter) = live.and_then(|call| call.meter.as_mut()) else { return };
        let before = meter.covered().cost;
        meter.renewed(granted.left());
        let money = meter.covered().cost - before;
        self.tell(Event::Reserved { money });
    }

    fn renew_less(&mut self, now: Now, key: CallKey, exhausted: &Exhausted) {
        let live = self.calls.at_mut(key).filter(|call| call.over.is_none());
        let Some(meter) = live.and_then(|call| call.meter.as_mut()) else { return };
        match meter.refused(exhausted.left) {
            Some(slice) => self.extend(now, key, slice),
            None => self.tell(Event::Exhausted(exhausted.clone())),
        }
    }

    fn renewal_lost(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at_mut(key) else { return };
        match (&call.funds, &mut call.meter) {
            (Funds::Asked { .. }, _) => self.refuse_call(now, key, Refusal::of(Reason::LedgerUnavailable)),
            (Funds::Held { .. }, Some(meter)) => {
                meter.refused(Limit::Money(Money::ZERO));
            }
            (Funds::Held { .. } | Funds::Resolved, _) => {}
        }
    }

    /// Makes sure that the budgets of the step's trunk are among the reserved ones. False if the ledger is asked first.
    pub(super) fn reserve_on_trunk(&mut self, now: Now, key: CallKey, step: &[Target]) -> bool {
        let setup = Arc::clone(&self.setup);
        let Some(call) = self.calls.at_mut(key) else { return true };
        let before = call.budget_trunk.clone();
        call.budget_trunk = step.first().and_then(|target| target.trunk.clone());
        let Funds::Held { price: Some(_) } = &call.funds else { return true };
        let slice = call.search.slice;
        if trunk_budgets(&setup, before.as_deref()) == trunk_budgets(&setup, call.budget_trunk.as_deref()) {
            return true;
        }
        self.extend(now, key, slice);
        false
    }

    fn holds_answer(&self, key: CallKey) -> bool {
        self.calls.at(key).is_some_and(|call| call.search.held.is_some())
    }

    fn is_parked(&self, key: CallKey) -> bool {
        self.calls.at(key).is_some_and(|call| call.search.parked.is_some())
    }

    /// The ledger has spoken about the trunk that a call would go on to.
    fn moved_to_trunk(&mut self, now: Now, key: CallKey, has_room: bool) {
        let parked = self.calls.at_mut(key).and_then(|call| call.search.parked.take());
        let Some(Parked { step, from, .. }) = parked.map(|parked| *parked) else { return };
        if has_room && self.calls.at(key).is_some_and(|call| call.over.is_none()) {
            return self.send_step(now, key, &step);
        }
        if let Some(call) = self.calls.at_mut(key).filter(|_| !has_room) {
            call.budget_trunk = from;
        }
        self.try_next_targets(now, key);
    }

    /// The caller hung up while the ledger was asked, and it said no: nothing was reserved, but the attempt is recorded (R100).
    fn record_unpaid(&mut self, key: CallKey) {
        let Some(call) = self.calls.at_mut(key) else { return };
        call.funds = Funds::Resolved;
        let record = call.boxed_record();
        self.outputs.push_back(Output::Ledger(Command::Record(record)));
    }

    /// The call is over: settle what it cost, or release what it never used, or write the record of a free call. Once.
    pub(super) fn resolve_funds(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at_mut(key) else { return };
        let funds = std::mem::replace(&mut call.funds, Funds::Resolved);
        let price = match funds {
            Funds::Held { price } => price,
            // The answer to the question is still under way: whatever it grants is released when it comes.
            Funds::Asked { .. } => return call.funds = funds,
            Funds::Resolved => return,
        };
        let spent = spent(call, now);
        call.record.billed_seconds = spent.seconds;
        call.record.cost = spent.money;
        let (id, at) = (call.reservation, now.utc);
        let reserved = call.meter.as_ref().map_or(call.search.slice.cost, |meter| meter.covered().cost);
        let record = call.boxed_record();
        let command = match (price.is_none(), call.is_answered()) {
            (true, _) => Command::Record(record),
            (false, true) => Command::Settle(Settle { id, amount: spent, at, record: Some(record) }),
            (false, false) => Command::Release(Release { id, at, record: Some(record) }),
        };
        let ended = Ended {
            decision: call.decision,
            person: call.record.person.clone(),
            site: call.record.site.clone(),
            raw: call.record.raw.clone(),
            class: call.permit.class(),
            trunk: call.record.trunk.clone(),
            price: price.as_ref().map(|price| price.per_minute),
            seconds: spent.seconds,
            cost: spent.money,
            reserved: if price.is_none() { Money::ZERO } else { reserved },
            cause: call.over.unwrap_or(EndCause::Failed),
            status: call.record.status,
        };
        let (class, seconds) = (ended.class, ended.seconds);
        if matches!(command, Command::Settle(_)) {
            self.await_settlement(now, key);
        }
        self.outputs.push_back(Output::Ledger(command));
        self.tell(Event::Ended(ended));
        self.watch_end(now, key, class, seconds);
    }
}

/// Talk time and cost of a call that ends now; nothing for one that was never answered (R62).
fn spent(call: &Call, now: Now) -> Amount {
    let Some(meter) = &call.meter else { return Amount::ZERO };
    let legs = call.dialogs.iter().filter_map(|dialog| dialog.talked(now.moment));
    // R67: a call that several answered is paid for with each of them.
    let legs: SmallVec<[Amount; 2]> = legs.map(|talk| meter.amount(talk)).collect();
    match &legs[..] {
        [] | [_] => meter.amount(call.life.ended.unwrap_or(now.moment).since(meter.answered())),
        several => several.iter().fold(Amount::ZERO, |sum, leg| sum + *leg),
    }
}

/// Every budget that applies to the call: those of its permit, and those of the trunk that it takes (R3).
pub(super) fn budgets<'a>(setup: &'a Snapshot, call: &'a Call) -> SmallVec<[&'a BudgetLimit; 8]> {
    let trunk = trunk_budgets(setup, call.budget_trunk.as_deref());
    call.permit.budgets().iter().chain(trunk).collect()
}

fn trunk_budgets<'s>(setup: &'s Snapshot, trunk: Option<&str>) -> &'s [BudgetLimit] {
    let limits = trunk.and_then(|trunk| setup.policy.trunk_limits(trunk));
    limits.map_or(&[], |limits| &limits.budgets)
}
