//! A call and its money: reserve before ringing, renew in time, settle or release once (R64 to R69).

use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use smallvec::SmallVec;

use super::call::{Call, CallKey, Funds};
use super::{Event, Gate, Output};
use crate::base::{Money, Now};
use crate::ledger::{
    Account, Amount, BudgetLine, Command, EndCause, Exhausted, Extend, Limit, PeriodKind, Price, Release,
    Reply, Reservation, Reserve, Settle, Slice, Strictness, Unavailable, period,
};
use crate::policy::{self, BudgetLimit, Holder, Permit, Reason, Refusal};

/// Questions put to the ledger for one call, each for less than before. Four budgets that differ are rare; a race that takes the
/// money away meanwhile must not go on for ever.
pub(super) const RESERVE_TRIES_MAX: u8 = 4;

impl Gate {
    /// Asks the ledger for the first slice. The call waits; nothing leaves before the answer (R64).
    pub(super) fn reserve(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at(key) else { return };
        let Funds::Asked { slice, .. } = &call.funds else { return };
        let command = Reserve {
            id: call.reservation,
            decision: call.decision,
            amount: slice.amount(),
            budgets: budget_lines(&call.permit, now.utc),
            at: now.utc,
            record: call.record.clone(),
        };
        self.outputs.push_back(Output::Ledger(Command::Reserve(command)));
    }

    pub(super) fn ledger_replied(&mut self, now: Now, reply: Reply) {
        let Some(key) = reply.reservation().and_then(|id| self.reservations.get(&id).copied()) else {
            return;
        };
        match reply {
            Reply::Reserved(reservation) => self.reserved(now, key, reservation),
            Reply::Refused { exhausted, .. } => self.reserve_less(now, key, &exhausted),
            Reply::Extended(_) => self.renewed(key),
            Reply::ExtendRefused { exhausted, .. } => self.renew_less(now, key, &exhausted),
            Reply::Unavailable { why, .. } => self.ledger_unavailable(now, key, why),
            // A call that the ledger has closed or never knew has no money: it ends as one whose renewal is refused.
            Reply::Closed { .. } | Reply::Unknown { .. } => self.renewal_lost(now, key),
            Reply::Settled { .. } | Reply::Released { .. } | Reply::Recorded { .. } => {}
        }
        self.set_alarm(key);
    }

    fn reserved(&mut self, now: Now, key: CallKey, reservation: Reservation) {
        let Some(call) = self.calls.at_mut(key) else { return };
        let Funds::Asked { price, slice, .. } = &call.funds else { return };
        let money = slice.cost;
        call.funds = Funds::Held { reservation, price: Some(price.clone()), slice: *slice };
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
        let Some(call) = self.calls.at_mut(key).filter(|call| call.over.is_none()) else { return };
        let Funds::Asked { price, slice, tries } = &mut call.funds else { return };
        let smaller = smaller_slice(price, *slice, exhausted, shortest);
        let Some(smaller) = smaller.filter(|_| *tries < RESERVE_TRIES_MAX) else {
            return self.refuse_call(now, key, Refusal::of(reason_for(exhausted)));
        };
        *slice = smaller;
        *tries += 1;
        self.reserve(now, key);
    }

    fn ledger_unavailable(&mut self, now: Now, key: CallKey, _why: Unavailable) {
        let Some(call) = self.calls.at_mut(key) else { return };
        match (&call.funds, &mut call.meter) {
            (Funds::Asked { .. }, _) => self.refuse_call(now, key, Refusal::of(Reason::LedgerUnavailable)),
            (Funds::Held { .. }, Some(meter)) => meter.unanswered(),
            (Funds::Held { .. } | Funds::Resolved, _) => {}
        }
    }

    /// Refuses a call that the rules had permitted but that money stops.
    fn refuse_call(&mut self, now: Now, key: CallKey, refusal: Refusal) {
        let Some(call) = self.calls.at_mut(key).filter(|call| call.over.is_none()) else { return };
        let refusal = refusal.about(&call.permit);
        let refusal = match budget_end(&call.permit, refusal.reason(), now.utc) {
            Some(end) => refusal.until(end),
            None => refusal,
        };
        call.funds = Funds::Resolved;
        call.over = Some(EndCause::Refused);
        let (server, invite) = (call.server, call.invite.clone());
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

    fn extend(&mut self, now: Now, key: CallKey, slice: Slice) {
        let Some(call) = self.calls.at(key) else { return };
        let command = Extend {
            id: call.reservation,
            charged: Amount::ZERO,
            total: slice.amount(),
            budgets: budget_lines(&call.permit, now.utc),
            at: now.utc,
        };
        self.outputs.push_back(Output::Ledger(Command::Extend(command)));
    }

    fn renewed(&mut self, key: CallKey) {
        let Some(meter) = self.calls.at_mut(key).and_then(|call| call.meter.as_mut()) else { return };
        let before = meter.covered().cost;
        meter.renewed();
        let money = meter.covered().cost - before;
        self.tell(Event::Reserved { money });
    }

    fn renew_less(&mut self, now: Now, key: CallKey, exhausted: &Exhausted) {
        let Some(meter) = self.calls.at_mut(key).and_then(|call| call.meter.as_mut()) else { return };
        if let Some(slice) = meter.refused(exhausted.left) {
            self.extend(now, key, slice);
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

    /// The call is over: settle what it cost, or release what it never used, or write the record of a free call. Once.
    pub(super) fn resolve_funds(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at_mut(key) else { return };
        let funds = std::mem::replace(&mut call.funds, Funds::Resolved);
        let held = match funds {
            Funds::Held { reservation, slice, .. } => (reservation, slice),
            // The answer to the question is still under way: whatever it grants is released when it comes.
            Funds::Asked { .. } => return call.funds = funds,
            Funds::Resolved => return,
        };
        let spent = spent(call, now);
        close_record(call, now, spent);
        let (decision, id, at) = (call.decision, call.reservation, now.utc);
        let reserved = call.meter.as_ref().map_or(held.1.cost, |meter| meter.covered().cost);
        let cause = call.over.unwrap_or(EndCause::Failed);
        let record = call.record.clone();
        let command = match (held.0.is_free(), call.is_answered()) {
            (true, _) => Command::Record(record),
            (false, true) => Command::Settle(Settle { id, amount: spent, at, record: Some(record) }),
            (false, false) => Command::Release(Release { id, at, record: Some(record) }),
        };
        let freed = if held.0.is_free() { Money::ZERO } else { reserved };
        self.outputs.push_back(Output::Ledger(command));
        self.tell(Event::Ended {
            decision,
            seconds: spent.seconds,
            cost: spent.money,
            reserved: freed,
            cause,
        });
    }
}

/// Talk time and cost of a call that ends now; nothing for one that was never answered (R62).
fn spent(call: &Call, now: Now) -> Amount {
    let meter = call.meter.as_ref();
    meter.map_or(Amount::ZERO, |meter| Amount::new(meter.cost(now.moment), meter.seconds(now.moment)))
}

fn close_record(call: &mut Call, now: Now, spent: Amount) {
    call.record.end = Some(now.utc);
    call.record.end_cause = call.over;
    call.record.billed_seconds = spent.seconds;
    call.record.cost = spent.money;
}

/// What the exhausted budget still buys, if that is less than `slice` and worth connecting (R66).
pub(super) fn smaller_slice(
    price: &Price,
    slice: Slice,
    exhausted: &Exhausted,
    shortest: u64,
) -> Option<Slice> {
    let seconds = match exhausted.left {
        Limit::Money(left) => price.seconds_for(left),
        Limit::Seconds(left) => left,
    };
    (seconds >= shortest && seconds < slice.seconds).then(|| Slice { seconds, cost: price.cost(seconds) })
}

/// The budgets of a permit as the ledger knows them.
pub(super) fn budget_lines(permit: &Permit, at: DateTime<Utc>) -> Arc<[BudgetLine]> {
    permit.budgets().iter().map(|budget| budget_line(budget, at)).collect()
}

/// A budget as the ledger knows it, in the period of `at` by its own zone (R80).
pub fn budget_line(budget: &BudgetLimit, at: DateTime<Utc>) -> BudgetLine {
    BudgetLine {
        account: account(&budget.holder),
        period: period(kind(budget.period), budget.zone, at).key,
        limit: match budget.amount {
            policy::Amount::Money(money) => Limit::Money(money),
            policy::Amount::Minutes(minutes) => Limit::Seconds(u64::from(minutes) * 60),
        },
        strictness: if budget.soft { Strictness::Soft } else { Strictness::Hard },
    }
}

fn account(holder: &Holder) -> Account {
    match holder {
        Holder::Person(name) => Account::Person(name.clone()),
        Holder::Department(name) => Account::Department(name.clone()),
        Holder::Trunk(name) => Account::Trunk(name.clone()),
        Holder::Company => Account::Company,
    }
}

fn kind(kind: policy::PeriodKind) -> PeriodKind {
    match kind {
        policy::PeriodKind::Day => PeriodKind::Day,
        policy::PeriodKind::Week => PeriodKind::Week,
        policy::PeriodKind::Month => PeriodKind::Month,
    }
}

pub(super) fn reason_for(exhausted: &Exhausted) -> Reason {
    match (exhausted.limit, exhausted.period.kind) {
        (Limit::Seconds(_), _) => Reason::TalkTime,
        (Limit::Money(_), PeriodKind::Day) => Reason::DailySpend,
        (Limit::Money(_), PeriodKind::Week) => Reason::WeeklySpend,
        (Limit::Money(_), PeriodKind::Month) => Reason::MonthlySpend,
    }
}

/// When the budget behind this reason begins anew, in its own zone.
pub(super) fn budget_end(permit: &Permit, reason: Reason, at: DateTime<Utc>) -> Option<DateTime<Tz>> {
    let wanted = match reason {
        Reason::DailySpend | Reason::TalkTime => policy::PeriodKind::Day,
        Reason::WeeklySpend => policy::PeriodKind::Week,
        Reason::MonthlySpend => policy::PeriodKind::Month,
        _ => return None,
    };
    let budget = permit.budgets().iter().find(|budget| budget.period == wanted)?;
    Some(period(kind(budget.period), budget.zone, at).end.with_timezone(&budget.zone))
}

/// The holders whose calls at once this permit counts among (R68).
pub(super) fn holders(permit: &Permit) -> SmallVec<[Holder; 2]> {
    permit.concurrency().iter().map(|limit| limit.holder.clone()).collect()
}
