//! What money would say to a call that nobody has placed: the questions of `money`, put to a book in hand (R64, R66).

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::budget;
use super::invite::price_of;
use super::money::RESERVE_TRIES_MAX;
use super::setup::Limits;
use crate::base::{DecisionId, ReservationId};
use crate::ledger::{
    Amount, Book, BudgetLine, CallRecord, Command, Limit, Price, Reply, Reserve, Slice, Strictness,
    TariffBook, UNLIMITED,
};
use crate::policy::{Permit, Reason, Refusal};

/// How a permitted call could be paid, and for how long.
#[derive(Clone, Debug, PartialEq)]
pub struct Means {
    /// `None`: it costs nothing.
    pub price: Option<Arc<Price>>,
    /// What is set aside before it rings.
    pub first: Slice,
    /// It is ended then, if nobody has hung up; when money is the bound, a second earlier (R72).
    pub longest: Duration,
    pub bound: Bound,
}

/// What ends a call that nobody ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// The permit's longest call.
    Permit,
    /// The longest call of the house.
    House,
    /// The end of the permitted hours, where the permit says that its calls end with them.
    Hours,
    /// What this budget has left.
    Budget(BudgetLine),
}

/// What would become of the call at `at`, if the balances in `book` stay as they are. The refusal is the gate's own. Calls at
/// once are not looked at: only a running gate knows them.
///
/// # Errors
/// No price, or no money: the refusal that the caller would get.
pub fn foresee(
    mut book: Book,
    tariffs: &TariffBook,
    permit: &Permit,
    limits: &Limits,
    at: DateTime<Utc>,
) -> Result<Means, Box<Refusal>> {
    let refused = |refusal: Refusal| Box::new(refusal.about(permit));
    let longest = permit.longest().unwrap_or(limits.longest_call).min(limits.longest_call);
    let bound = if permit.longest() == Some(longest) { Bound::Permit } else { Bound::House };
    let closes = permit.closes().map(|end| (end - at).to_std().unwrap_or_default());
    if closes.is_some_and(|closes| closes < limits.shortest_call) {
        return Err(refused(Refusal::of(Reason::OutsideHours)));
    }
    let (longest, bound) = match closes {
        Some(closes) if closes < longest => (closes, Bound::Hours),
        Some(_) | None => (longest, bound),
    };
    let Some(price) = price_of(tariffs, permit, at) else {
        return Err(refused(Refusal::of(Reason::NoTariff)));
    };
    let Some(price) = price else {
        let first = Slice { seconds: 0, cost: crate::base::Money::ZERO };
        return Ok(Means { price: None, first, longest, bound });
    };
    let lines = budget::lines(permit.budgets(), at);
    let (longest, bound) = least(&book, &lines, price, longest, bound);
    let mut first = price.slice(limits.first_slice.as_secs().min(longest_of(permit, limits)));
    for tries in 1..=RESERVE_TRIES_MAX {
        match book.apply(&question(&lines, first.amount(), at)) {
            Reply::Refused { exhausted, .. } => {
                let shortest = limits.shortest_call.as_secs();
                let smaller = budget::smaller_slice(price, first, &exhausted, shortest);
                let Some(smaller) = smaller.filter(|_| tries < RESERVE_TRIES_MAX) else {
                    return Err(refused(budget::refusal(&exhausted, price, shortest, permit.budgets(), at)));
                };
                first = smaller;
            }
            Reply::Reserved(_) => return Ok(Means { price: Some(Arc::clone(price)), first, longest, bound }),
            Reply::Extended(_)
            | Reply::ExtendRefused { .. }
            | Reply::Answered { .. }
            | Reply::Settled { .. }
            | Reply::Released { .. }
            | Reply::Closed { .. }
            | Reply::Unknown { .. }
            | Reply::Recorded { .. }
            | Reply::Unavailable { .. } => break,
        }
    }
    Err(refused(Refusal::of(Reason::LedgerUnavailable)))
}

fn longest_of(permit: &Permit, limits: &Limits) -> u64 {
    permit.longest().unwrap_or(limits.longest_call).as_secs()
}

/// The least of all limits (R66).
fn least(
    book: &Book,
    lines: &[BudgetLine],
    price: &Arc<Price>,
    mut longest: Duration,
    mut bound: Bound,
) -> (Duration, Bound) {
    for line in lines.iter().filter(|line| line.strictness == Strictness::Hard) {
        let seconds = match line.limit.left(book.balance(&line.place()).used()) {
            Limit::Money(left) => price.seconds_for(left),
            Limit::Seconds(left) => left,
        };
        if seconds != UNLIMITED && Duration::from_secs(seconds) < longest {
            longest = Duration::from_secs(seconds);
            bound = Bound::Budget(line.clone());
        }
    }
    (longest, bound)
}

fn question(lines: &Arc<[BudgetLine]>, amount: Amount, at: DateTime<Utc>) -> Command {
    let (id, decision) = (ReservationId::from_u64(0), DecisionId::from_u64(0));
    let record = Box::new(CallRecord::new(decision, "", at));
    Command::Reserve(Reserve { id, decision, amount, budgets: Arc::clone(lines), at, record })
}
