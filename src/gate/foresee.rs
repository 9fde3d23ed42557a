//! What money would say to a call that nobody has placed: the questions of `money` and the turns of the meter, put to a book in hand
//! (R64, R66). What comes out is what the gate would do if nobody else called meanwhile.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::budget;
use super::invite::price_of;
use super::meter::{Due, Meter, Terms};
use super::money::RESERVE_TRIES_MAX;
use super::setup::Limits;
use crate::base::{DecisionId, Moment, Now, ReservationId};
use crate::ledger::{
    Account, Book, BudgetLine, CallRecord, Command, EndCause, Extend, Price, Reply, Reserve, Slice,
    TariffBook,
};
use crate::policy::{BudgetLimit, Permit, Reason, Refusal};

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
    /// Position of the trunk whose budget pays among those that were given; `None` if none was.
    pub trunk: Option<usize>,
}

/// What ends a call that nobody ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// Nothing: an emergency call (R41).
    Nothing,
    /// The permit's longest call.
    Permit,
    /// The longest call of the house.
    House,
    /// The end of the permitted hours, where the permit says that its calls end with them.
    Hours,
    /// What this budget has left.
    Budget(BudgetLine),
}

/// Renewals that are played through. Of a slice of a second, the shortest that the settings allow, these are a day.
const RENEWALS_MAX: usize = 100_000;

/// A call that the rules permit.
#[derive(Clone, Copy, Debug)]
pub struct Intended<'a> {
    pub permit: &'a Permit,
    /// Budgets of the trunks that it may take, in the order in which they are tried.
    pub trunks: &'a [&'a [BudgetLimit]],
    pub limits: &'a Limits,
    /// Of the INVITE; it is answered at once.
    pub at: DateTime<Utc>,
}

/// What would become of the call, if the balances in `book` stay as they are; the book is afterwards as it was. The refusal is the
/// gate's own. Calls at once are not looked at: only a running gate knows them.
///
/// # Errors
/// No price, or no money: the refusal that the caller would get.
pub fn foresee(book: &mut Book, tariffs: &TariffBook, call: &Intended<'_>) -> Result<Means, Box<Refusal>> {
    let refused = |refusal: Refusal| Box::new(refusal.about(call.permit));
    let shortest = call.limits.shortest_call;
    if call.permit.closes().is_some_and(|end| end < call.at + shortest) {
        return Err(refused(Refusal::of(Reason::OutsideHours)));
    }
    let Some(price) = price_of(tariffs, call.permit, call.at) else {
        return Err(refused(Refusal::of(Reason::NoTariff)));
    };
    let Some(price) = price else {
        let first = Slice { seconds: 0, cost: crate::base::Money::ZERO };
        let (longest, bound) = call.bound_in_time();
        return Ok(Means { price: None, first, longest, bound, trunk: None });
    };
    let means = call.reserve(book, price).map(|(first, trunk)| {
        let (longest, bound) = call.talk(book, price, first, trunk);
        Means { price: Some(Arc::clone(price)), first, longest, bound, trunk }
    });
    book.revert();
    means.map_err(refused)
}

impl Intended<'_> {
    fn bound_in_time(&self) -> (Duration, Bound) {
        if self.permit.emergency() {
            return (Duration::MAX, Bound::Nothing);
        }
        let house = self.limits.longest_call;
        let (longest, bound) = match self.permit.longest() {
            Some(longest) if longest <= house => (longest, Bound::Permit),
            Some(_) | None => (house, Bound::House),
        };
        match self.permit.closes().map(|end| (end - self.at).to_std().unwrap_or_default()) {
            Some(closes) if closes < longest => (closes, Bound::Hours),
            Some(_) | None => (longest, bound),
        }
    }

    fn budgets(&self, trunk: Option<usize>) -> Vec<BudgetLimit> {
        let trunk = trunk.map_or(&[][..], |at| self.trunks[at]);
        self.permit.budgets().iter().chain(trunk).cloned().collect()
    }

    /// The first slice, and the trunk whose budget is among those that pay.
    fn reserve(&self, book: &mut Book, price: &Price) -> Result<(Slice, Option<usize>), Refusal> {
        let longest = self.permit.longest().unwrap_or(self.limits.longest_call).as_secs();
        let shortest = self.limits.shortest_call.as_secs();
        let mut slice = price.slice(self.limits.first_slice.as_secs().min(longest));
        let mut trunk = (!self.trunks.is_empty()).then_some(0);
        let mut tries = 1;
        loop {
            let budgets = self.budgets(trunk);
            let exhausted = match book.apply(&self.reserve_command(&budgets, slice)) {
                Reply::Reserved(_) => return Ok((slice, trunk)),
                Reply::Refused { exhausted, .. } => exhausted,
                Reply::Extended(_)
                | Reply::ExtendRefused { .. }
                | Reply::Answered { .. }
                | Reply::Settled { .. }
                | Reply::Released { .. }
                | Reply::Closed { .. }
                | Reply::Unknown { .. }
                | Reply::Recorded { .. }
                | Reply::Unavailable { .. } => return Err(Refusal::of(Reason::LedgerUnavailable)),
            };
            let smaller = budget::smaller_slice(price, slice, &exhausted, shortest);
            if let Some(smaller) = smaller.filter(|_| tries < RESERVE_TRIES_MAX) {
                slice = smaller;
                tries += 1;
                continue;
            }
            let next = trunk.map(|at| at + 1).filter(|next| *next < self.trunks.len());
            match (&exhausted.account, next) {
                (Account::Trunk(_), Some(next)) => trunk = Some(next),
                _ => return Err(budget::refusal(&exhausted, price, shortest, &budgets, self.at)),
            }
        }
    }

    fn reserve_command(&self, budgets: &[BudgetLimit], slice: Slice) -> Command {
        let (id, decision) = (ReservationId::from_u64(0), DecisionId::from_u64(0));
        let record = Box::new(CallRecord::new(decision, "", self.at));
        let budgets = budget::lines(budgets, self.at);
        Command::Reserve(Reserve { id, decision, amount: slice.amount(), budgets, at: self.at, record })
    }

    /// The call is answered, and nobody hangs up: renewal after renewal until something ends it.
    fn talk(
        &self,
        book: &mut Book,
        price: &Arc<Price>,
        first: Slice,
        trunk: Option<usize>,
    ) -> (Duration, Bound) {
        let begin = Now::new(Moment::START, self.at);
        let (in_time, bound_in_time) = self.bound_in_time();
        let budgets = self.budgets(trunk);
        let terms = Terms {
            price: Some(Arc::clone(price)),
            covered: first,
            longest: Some(in_time),
            period_end: budget::first_end(&budgets, begin),
        };
        let mut meter = Meter::start(begin.moment, terms, self.limits);
        let mut spent = None;
        for _ in 0..RENEWALS_MAX {
            let Some((moment, due)) = meter.due() else { break };
            let now = begin.after(moment.since(begin.moment));
            let mut asked = match due {
                Due::Renew => meter.ask_renewal(),
                Due::Midnight => meter.ask_midnight(budget::first_end(&budgets, now)),
                Due::Cut(EndCause::CutMoney) => {
                    let longest = Duration::from_secs(meter.covered().seconds);
                    return (longest, spent.map_or(bound_in_time, Bound::Budget));
                }
                Due::Cut(_) => break,
            };
            while let Some(total) = asked {
                let lines = budget::lines(&budgets, now.utc);
                asked = match book.apply(&extend(Arc::clone(&lines), &meter, total, now)) {
                    Reply::ExtendRefused { exhausted, .. } => {
                        spent = lines.get(exhausted.index).cloned();
                        meter.refused(exhausted.left)
                    }
                    Reply::Extended(_)
                    | Reply::Reserved(_)
                    | Reply::Refused { .. }
                    | Reply::Answered { .. }
                    | Reply::Settled { .. }
                    | Reply::Released { .. }
                    | Reply::Closed { .. }
                    | Reply::Unknown { .. }
                    | Reply::Recorded { .. }
                    | Reply::Unavailable { .. } => {
                        meter.renewed();
                        None
                    }
                };
            }
        }
        (in_time, bound_in_time)
    }
}

/// The call's total so far, and what it needs next.
fn extend(budgets: Arc<[BudgetLine]>, meter: &Meter, total: Slice, now: Now) -> Command {
    let id = ReservationId::from_u64(0);
    Command::Extend(Extend {
        id,
        charged: meter.charged(),
        total: total.amount(),
        budgets,
        at: now.utc,
        anew: false,
    })
}
