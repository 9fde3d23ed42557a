//! The truth in memory: balances and reservations, one command at a time (R64, R65, R69). Every store must agree with it.
//!
//! Commands are applied in batches: `keep` makes the batch final, `revert` takes it back whole, so that a store whose commit
//! fails can forget that it ever asked.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use smallvec::SmallVec;

use crate::base::{DecisionId, ReservationId, UtcMicros};

use super::fit::Fit;
use super::pages::{DAYS_TO_SURE_END, Pages};
use super::{
    AccountPeriod, Amount, BUDGETS_MAX, Balance, BudgetLine, Command, Extend, PeriodKey, Reply, Reservation,
    Reserve, Resolution, Settle, Strictness, Unavailable,
};

/// One reservation as the book knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub decision: DecisionId,
    pub standing: Standing,
    /// What is still set aside while it is open; what was written off once it is settled; nothing for the others.
    pub rest: Amount,
    /// Settled by renewals in periods that are over (R81), or the whole charge of a settled reservation.
    pub settled: Amount,
    pub lines: Arc<[BudgetLine]>,
    /// A soft limit was exceeded.
    pub warned: bool,
    pub opened: UtcMicros,
    pub changed: UtcMicros,
}

/// Whether the call goes on, or how its reservation ended. A book holds as many as there are calls, so nothing is kept that the other
/// fields of its entry tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Open,
    /// For all that is settled.
    Settled,
    Released,
    Expired,
}

impl Entry {
    /// Still set aside in the places of `lines`.
    pub fn held(&self) -> Amount {
        match self.standing {
            Standing::Open => self.rest,
            Standing::Settled | Standing::Released | Standing::Expired => Amount::ZERO,
        }
    }

    /// Talked away, and paid by nobody.
    pub fn written_off(&self) -> Amount {
        match self.standing {
            Standing::Settled => self.rest,
            Standing::Open | Standing::Released | Standing::Expired => Amount::ZERO,
        }
    }

    /// `None` while the call goes on.
    pub fn resolution(&self) -> Option<Resolution> {
        match self.standing {
            Standing::Open => None,
            Standing::Settled => Some(Resolution::Settled { charged: self.settled, written_off: self.rest }),
            Standing::Released => Some(Resolution::Released),
            Standing::Expired => Some(Resolution::Expired),
        }
    }

    pub fn is_open(&self) -> bool {
        self.standing == Standing::Open
    }

    /// The call's total that is paid for.
    pub fn covered(&self) -> Amount {
        self.settled + self.held()
    }

    /// The proof as it was handed out.
    pub fn reservation(&self, id: ReservationId) -> Reservation {
        Reservation::granted(id, self.covered(), self.warned)
    }
}

/// Balances and reservations in memory, and the rules by which commands change them.
#[derive(Clone, Debug, Default)]
pub struct Book {
    pages: Pages,
}

impl Book {
    /// Carries out one command and says what came of it. Refused commands and repeats change nothing.
    pub fn apply(&mut self, command: &Command) -> Reply {
        match command {
            Command::Reserve(reserve) => self.reserve(reserve),
            Command::Extend(extend) => self.extend(extend),
            Command::Answer(answer) => match self.open_entry(answer.id) {
                Ok(_) => Reply::Answered { id: answer.id },
                Err(reply) => reply,
            },
            Command::Settle(settle) => self.settle(settle),
            Command::Release(release) => self.end_unpaid(release.id, release.at, Standing::Released),
            Command::Expire(expire) => self.end_unpaid(expire.id, expire.at, Standing::Expired),
            Command::Record(record) => Reply::Recorded { decision: record.decision },
            Command::Remember(remember) => Reply::Recorded { decision: remember.decision },
        }
    }

    /// Makes everything since the last `keep` final.
    pub fn keep(&mut self) {
        self.pages.keep();
    }

    /// Takes everything since the last `keep` back.
    pub fn revert(&mut self) {
        self.pages.revert();
    }

    /// What the batch has changed so far, as it is now: each place once, in the order of first touch.
    pub fn changed_balances(&self) -> impl Iterator<Item = (&AccountPeriod, Balance)> {
        self.pages.changed_balances()
    }

    /// The reservations that the batch has changed so far, as they are now and as they were before it.
    pub fn changed_entries(&self) -> impl Iterator<Item = (ReservationId, &Entry, Option<&Entry>)> {
        self.pages.changed_entries()
    }

    /// Zero for a place never charged.
    pub fn balance(&self, place: &AccountPeriod) -> Balance {
        self.pages.balance(place)
    }

    pub fn entry(&self, id: ReservationId) -> Option<&Entry> {
        self.pages.entry(id)
    }

    /// Every balance in memory, in order.
    pub fn balances(&self) -> Vec<(AccountPeriod, Balance)> {
        self.pages.balances()
    }

    /// Every reservation of a call in progress, in order of id.
    pub fn open_entries(&self) -> Vec<(ReservationId, Entry)> {
        self.pages.open_entries()
    }

    /// Whether the balance of this place is in memory; a store that has forgotten it brings it back first.
    pub fn knows_place(&self, place: &AccountPeriod) -> bool {
        self.pages.knows_place(place)
    }

    /// Brings back a balance that a store has kept. It counts as if it had always been here.
    pub fn restore_balance(&mut self, place: AccountPeriod, balance: Balance) {
        self.pages.restore_balance(place, balance);
    }

    /// Brings back a reservation that a store has kept.
    pub fn restore_entry(&mut self, id: ReservationId, entry: Entry) {
        self.pages.restore_entry(id, entry);
    }

    /// Whether a period is over by `today` (UTC) wherever on Earth its accounts are.
    pub fn is_surely_over(period: PeriodKey, today: NaiveDate) -> bool {
        period.end_date() + DAYS_TO_SURE_END <= today
    }

    /// Drops balances of periods surely over by `today` (UTC) with nothing reserved, but for those that the present batch has changed.
    /// Only for stores that can bring them back.
    pub fn forget_ended_periods(&mut self, today: NaiveDate) {
        self.pages.forget_ended_periods(today);
    }

    /// Drops all but the newest `count` resolved reservations; as above.
    pub fn forget_resolved(&mut self, count: usize) {
        self.pages.forget_resolved(count);
    }

    fn reserve(&mut self, reserve: &Reserve) -> Reply {
        let id = reserve.id;
        if let Some(entry) = self.pages.entry(id) {
            return match entry.resolution() {
                None => Reply::Reserved(entry.reservation(id).with_left(self.room(&entry.lines))),
                Some(resolution) => Reply::Closed { id, resolution },
            };
        }
        if reserve.budgets.len() > BUDGETS_MAX {
            return Reply::Unavailable { id, why: Unavailable::TooManyBudgets };
        }
        let amount = reserve.amount.max(Amount::ZERO);
        let Fit { warned, left } = match self.fit(&reserve.budgets, |_, used| used + amount) {
            Ok(fit) => fit,
            Err(exhausted) => return Reply::Refused { id, exhausted },
        };
        let before = self.used_in(&reserve.budgets);
        for line in places(&reserve.budgets) {
            self.pages.balance_mut(line.place()).reserved += amount;
        }
        self.assert_within(&reserve.budgets, &before);
        let entry = Entry {
            decision: reserve.decision,
            standing: Standing::Open,
            rest: amount,
            settled: Amount::ZERO,
            lines: Arc::clone(&reserve.budgets),
            warned,
            opened: reserve.at.into(),
            changed: reserve.at.into(),
        };
        let reservation = entry.reservation(id).with_left(left);
        self.pages.put_entry(id, entry);
        Reply::Reserved(reservation)
    }

    fn extend(&mut self, extend: &Extend) -> Reply {
        let id = extend.id;
        let mut entry = match self.open_entry(id) {
            Ok(entry) => entry,
            Err(reply) => return reply,
        };
        if extend.budgets.len() > BUDGETS_MAX {
            return Reply::Unavailable { id, why: Unavailable::TooManyBudgets };
        }
        let settling = extend.charged.beyond(entry.settled).min(entry.held());
        let mut held = extend.total.beyond(entry.settled + settling);
        if same_places(&entry.lines, &extend.budgets) && !extend.anew {
            if settling.is_zero() && held.beyond(entry.held()).is_zero() {
                return Reply::Extended(entry.reservation(id).with_left(self.room(&entry.lines)));
            }
            // A late, smaller renewal takes nothing away from a call that was promised more.
            held = held.max(entry.held() - settling);
        }
        let others = |line: &BudgetLine, used: Amount| {
            let is_here = entry.lines.iter().any(|old| old.shares_place_with(line));
            if is_here { used - entry.held() + settling } else { used }
        };
        let fit = match extend.anew {
            true => self.fit_whole(&extend.budgets, held, others),
            false => self.fit(&extend.budgets, |line, used| others(line, used) + held),
        };
        let Fit { warned, left } = match fit {
            Ok(fit) => fit,
            Err(exhausted) => return Reply::ExtendRefused { id, exhausted },
        };
        entry.warned = warned;
        let before = self.used_in(&extend.budgets);
        self.unhold(&entry, settling);
        for line in places(&extend.budgets) {
            self.pages.balance_mut(line.place()).reserved += held;
        }
        self.assert_within(&extend.budgets, &before);
        entry.settled += settling;
        entry.rest = held;
        entry.lines = Arc::clone(&extend.budgets);
        entry.changed = extend.at.into();
        let reservation = entry.reservation(id).with_left(left);
        self.pages.put_entry(id, entry);
        Reply::Extended(reservation)
    }

    fn settle(&mut self, settle: &Settle) -> Reply {
        let id = settle.id;
        let mut entry = match self.open_entry(id) {
            Ok(entry) => entry,
            Err(Reply::Closed { resolution: Resolution::Settled { charged, written_off }, .. }) => {
                return Reply::Settled { id, charged, written_off, duplicate: true };
            }
            Err(reply) => return reply,
        };
        let rest = settle.amount.beyond(entry.settled);
        let overrun = rest.beyond(entry.held());
        let charged_over = if overrun.is_zero() { overrun } else { overrun.min(self.room(&entry.lines)) };
        let charging = rest.min(entry.held()) + charged_over;
        let before = self.used_in(&entry.lines);
        self.unhold(&entry, charging);
        self.assert_within(&entry.lines, &before);
        let charged = entry.settled + charging;
        let written_off = overrun.beyond(charged_over);
        entry.settled = charged;
        entry.rest = written_off;
        self.close(id, entry, settle.at, Standing::Settled);
        Reply::Settled { id, charged, written_off, duplicate: false }
    }

    fn end_unpaid(&mut self, id: ReservationId, at: DateTime<Utc>, standing: Standing) -> Reply {
        match self.open_entry(id) {
            Ok(mut entry) => {
                let charged = entry.settled;
                self.unhold(&entry, Amount::ZERO);
                entry.rest = Amount::ZERO;
                self.close(id, entry, at, standing);
                Reply::Released { id, charged, duplicate: false }
            }
            Err(reply) => match self.pages.entry(id).filter(|entry| entry.standing == standing) {
                Some(entry) => Reply::Released { id, charged: entry.settled, duplicate: true },
                None => reply,
            },
        }
    }

    /// The open reservation, or the reply to a command about another.
    fn open_entry(&self, id: ReservationId) -> Result<Entry, Reply> {
        match self.pages.entry(id) {
            None => Err(Reply::Unknown { id }),
            Some(entry) => match entry.resolution() {
                None => Ok(entry.clone()),
                Some(resolution) => Err(Reply::Closed { id, resolution }),
            },
        }
    }

    /// Takes the reservation's held amount out of its places and settles `charging` there.
    fn unhold(&mut self, entry: &Entry, charging: Amount) {
        let held = entry.held();
        for line in places(&entry.lines) {
            let balance = self.pages.balance_mut(line.place());
            assert!(
                held.beyond(balance.reserved).is_zero(),
                "more is freed than was reserved: {held} of {}",
                balance.reserved,
            );
            balance.reserved -= held;
            balance.settled += charging;
        }
    }

    fn close(&mut self, id: ReservationId, entry: Entry, changed: DateTime<Utc>, standing: Standing) {
        self.pages.put_entry(id, Entry { standing, changed: changed.into(), ..entry });
    }

    /// R65, checked after every step: what a step has strained is within its limit.
    fn assert_within(&self, lines: &[BudgetLine], before: &[Amount]) {
        for (line, before) in
            lines.iter().zip(before).filter(|(line, _)| line.strictness() == Strictness::Hard)
        {
            let used = self.used(line);
            assert!(
                line.limit().covers(used) || !line.limit().is_strained(*before, used),
                "R65 broken for {}, {}: {used} of {}",
                line.account,
                line.period(),
                line.limit(),
            );
        }
    }

    fn used_in(&self, lines: &[BudgetLine]) -> SmallVec<[Amount; 8]> {
        lines.iter().map(|line| self.used(line)).collect()
    }

    pub(super) fn used(&self, line: &BudgetLine) -> Amount {
        self.pages.balance(&line.place()).used()
    }
}

/// One line for each place: several limits on one account charge it once.
fn places(lines: &[BudgetLine]) -> impl Iterator<Item = &BudgetLine> {
    let first =
        |index: usize, line: &BudgetLine| !lines[..index].iter().any(|other| other.shares_place_with(line));
    lines.iter().enumerate().filter(move |(index, line)| first(*index, line)).map(|(_, line)| line)
}

/// Whether both charge the same accounts and periods, in whatever order and under whatever limits.
fn same_places(left: &[BudgetLine], right: &[BudgetLine]) -> bool {
    let all_in = |some: &[BudgetLine], others: &[BudgetLine]| {
        some.iter().all(|line| others.iter().any(|other| other.shares_place_with(line)))
    };
    all_in(left, right) && all_in(right, left)
}
