//! Budgets of the policy in the words of the ledger: accounts, periods, what is left of them, and the refusal that follows (R3, R80).

use std::borrow::Borrow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use smallvec::SmallVec;

use crate::base::{Moment, Now};
use crate::ledger::{
    Account, BudgetLine, Exhausted, Limit, PeriodKey, PeriodKind, Price, Slice, Strictness, key_and_end,
};
use crate::policy::{self, BudgetLimit, Holder, Reason, Refusal};

/// The budgets as the ledger knows them.
pub(super) fn lines(budgets: &[impl Borrow<BudgetLimit>], at: DateTime<Utc>) -> Arc<[BudgetLine]> {
    Periods::at(at).lines(budgets)
}

/// The same, and when the first of their periods ends.
pub(super) fn lines_and_end(
    budgets: &[impl Borrow<BudgetLimit>],
    now: Now,
) -> (Arc<[BudgetLine]>, Option<Moment>) {
    let mut periods = Periods::at(now.utc);
    (periods.lines(budgets), periods.first_end(budgets, now))
}

/// A budget as the ledger knows it, in the period of `at` by its own zone (R80).
pub fn budget_line(budget: &BudgetLimit, at: DateTime<Utc>) -> BudgetLine {
    line(budget, Periods::at(at).of(budget).0)
}

fn line(budget: &BudgetLimit, period: PeriodKey) -> BudgetLine {
    let limit = match budget.amount {
        policy::Amount::Money(money) => Limit::Money(money),
        policy::Amount::Minutes(minutes) => Limit::Seconds(u64::from(minutes) * 60),
    };
    let strictness = if budget.soft { Strictness::Soft } else { Strictness::Hard };
    BudgetLine::new(account(&budget.holder), period, limit, strictness)
}

/// When the first of these periods ends, on the monotonic clock.
pub(super) fn first_end(budgets: &[impl Borrow<BudgetLimit>], now: Now) -> Option<Moment> {
    Periods::at(now.utc).first_end(budgets, now)
}

/// The periods of one instant. The budgets of a call mostly share kind and zone, and asking a zone for its midnights costs more than
/// all else that a reservation needs.
struct Periods {
    at: DateTime<Utc>,
    known: SmallVec<[Known; 4]>,
}

/// A period by the clocks of a zone, and when it ends.
struct Known {
    zone: Tz,
    key: PeriodKey,
    end: DateTime<Utc>,
}

impl Periods {
    fn at(at: DateTime<Utc>) -> Periods {
        Periods { at, known: SmallVec::new() }
    }

    fn lines(&mut self, budgets: &[impl Borrow<BudgetLimit>]) -> Arc<[BudgetLine]> {
        let budgets = budgets.iter().map(Borrow::borrow);
        budgets.map(|budget| line(budget, self.of(budget).0)).collect()
    }

    fn first_end(&mut self, budgets: &[impl Borrow<BudgetLimit>], now: Now) -> Option<Moment> {
        let end = budgets.iter().map(|budget| self.of(budget.borrow()).1).min()?;
        Some(now.moment + (end - now.utc).to_std().unwrap_or_default())
    }

    /// The budget's period, and when that ends.
    fn of(&mut self, budget: &BudgetLimit) -> (PeriodKey, DateTime<Utc>) {
        let (kind, zone) = (kind(budget.period), budget.zone);
        let known = self.known.iter().find(|known| known.zone == zone && known.key.kind == kind);
        if let Some(known) = known {
            return (known.key, known.end);
        }
        let (key, end) = key_and_end(kind, zone, self.at);
        self.known.push(Known { zone, key, end });
        (key, end)
    }
}

/// What the exhausted budget still buys, if that is less than `slice` and worth connecting (R66). `shortest` in seconds.
pub(super) fn smaller_slice(
    price: &Price,
    slice: Slice,
    exhausted: &Exhausted,
    shortest: u64,
) -> Option<Slice> {
    let seconds = seconds_left(price, exhausted);
    (seconds >= shortest && seconds < slice.seconds).then(|| Slice { seconds, cost: price.cost(seconds) })
}

/// The refusal of a call that this budget cannot pay, with the end of its period.
pub(super) fn refusal(
    exhausted: &Exhausted,
    price: &Price,
    shortest: u64,
    budgets: &[impl Borrow<BudgetLimit>],
    at: DateTime<Utc>,
) -> Refusal {
    let few = (1..shortest).contains(&seconds_left(price, exhausted));
    let refusal = Refusal::of(if few { Reason::TooLittleLeft } else { reason_for(exhausted) });
    match budgets.get(exhausted.index) {
        Some(budget) => {
            let budget = budget.borrow();
            refusal.until(Periods::at(at).of(budget).1.with_timezone(&budget.zone))
        }
        None => refusal,
    }
}

fn seconds_left(price: &Price, exhausted: &Exhausted) -> u64 {
    match exhausted.left {
        Limit::Money(left) => price.seconds_for(left),
        Limit::Seconds(left) => left,
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

/// The holder as the ledger knows it.
pub fn account(holder: &Holder) -> Account {
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
