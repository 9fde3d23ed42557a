//! A call and its money: reserve before ringing, renew in time, settle or release once (R64 to R69).

use std::sync::Arc;

use smallvec::SmallVec;

use super::call::{Call, CallKey, Funds};
use super::{Ended, Event, Gate, Output};
use crate::base::{Money, Now};
use crate::ledger::{
    Account, Amount, BudgetLine, Command, EndCause, Exhausted, Extend, Limit, PeriodKind, Release, Reply,
    Reservation, Reserve, Settle, Slice, Strictness, Unavailable, period,
};
use crate::policy::{self, BudgetLimit, Holder, Permit, Reason, Refusal};

/// Questions put to the ledger for one call, each for less than before. Four budgets that differ are rare; a race that takes the
/// money away meanwhile must not go on for ever.
const RESERVE_TRIES_MAX: u8 = 4;

impl Gate {
    /// Asks the ledger for the first slice. The call waits; nothing leaves before the answer (R64).
    pub(super) fn reserve(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at(key) else { return };
        let Funds::Asked { slice, .. } = &call.funds else { return };
        let command = Reserve {
            id: call.reservation,
            decision: call.decision,
            amount: slice.amount(),
            budgets: budget_lines(&call.permit, now),
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
        self.tell_permitted(key);
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
        let seconds = match exhausted.left {
            Limit::Money(left) => price.seconds_for(left),
            Limit::Seconds(left) => left,
        };
        if seconds < shortest || seconds >= slice.seconds || *tries >= RESERVE_TRIES_MAX {
            return self.refuse_call(now, key, Refusal::of(reason_for(exhausted)));
        }
        *slice = Slice { seconds, cost: price.cost(seconds) };
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
        let refusal = match budget_end(&call.permit, refusal.reason(), now) {
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
            budgets: budget_lines(&call.permit, now),
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
        let (reservation, slice, price) = match funds {
            Funds::Held { reservation, slice, price } => (reservation, slice, price),
            // The answer to the question is still under way: whatever it grants is released when it comes.
            Funds::Asked { .. } => return call.funds = funds,
            Funds::Resolved => return,
        };
        let spent = spent(call, now);
        close_record(call, now, spent);
        let (id, at) = (call.reservation, now.utc);
        let reserved = call.meter.as_ref().map_or(slice.cost, |meter| meter.covered().cost);
        let record = call.record.clone();
        let command = match (reservation.is_free(), call.is_answered()) {
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
            price: price.map(|price| price.per_minute),
            seconds: spent.seconds,
            cost: spent.money,
            reserved: if reservation.is_free() { Money::ZERO } else { reserved },
            cause: call.over.unwrap_or(EndCause::Failed),
            status: call.record.status,
        };
        self.outputs.push_back(Output::Ledger(command));
        self.tell(Event::Ended(ended));
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

/// The budgets of a permit as the ledger knows them, each in the period of now and its own zone (R80).
fn budget_lines(permit: &Permit, now: Now) -> Arc<[BudgetLine]> {
    permit.budgets().iter().map(|budget| budget_line(budget, now)).collect()
}

fn budget_line(budget: &BudgetLimit, now: Now) -> BudgetLine {
    BudgetLine {
        account: account(&budget.holder),
        period: period(kind(budget.period), budget.zone, now.utc).key,
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

fn reason_for(exhausted: &Exhausted) -> Reason {
    match (exhausted.limit, exhausted.period.kind) {
        (Limit::Seconds(_), _) => Reason::TalkTime,
        (Limit::Money(_), PeriodKind::Day) => Reason::DailySpend,
        (Limit::Money(_), PeriodKind::Week) => Reason::WeeklySpend,
        (Limit::Money(_), PeriodKind::Month) => Reason::MonthlySpend,
    }
}

/// When the budget behind this reason begins anew, in its own zone.
fn budget_end(permit: &Permit, reason: Reason, now: Now) -> Option<chrono::DateTime<chrono_tz::Tz>> {
    let wanted = match reason {
        Reason::DailySpend | Reason::TalkTime => policy::PeriodKind::Day,
        Reason::WeeklySpend => policy::PeriodKind::Week,
        Reason::MonthlySpend => policy::PeriodKind::Month,
        _ => return None,
    };
    let budget = permit.budgets().iter().find(|budget| budget.period == wanted)?;
    Some(period(kind(budget.period), budget.zone, now.utc).end.with_timezone(&budget.zone))
}

/// The holders whose calls at once this permit counts among (R68).
pub(super) fn holders(permit: &Permit) -> SmallVec<[Holder; 2]> {
    permit.concurrency().iter().map(|limit| limit.holder.clone()).collect()
}
