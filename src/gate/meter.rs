//! How long an answered call may last, and when its next slice of money is due (R64, R66, R72). Pure arithmetic on moments.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{Blank, Moment, Money, Seldom};
use crate::ledger::{Amount, EndCause, Limit, Price, Slice, UNLIMITED};

use super::setup::Limits;

/// How long before a slice ends the next one is asked for: long enough for a slow store, short enough to reserve little ahead.
const RENEWAL_LEAD: Duration = Duration::from_secs(10);

/// How long a store that did not answer is left alone before it is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// A call that lasts longer than its grace, by however little, costs.
const AFTER_GRACE: Duration = Duration::from_millis(1);

/// An end further away than this is none.
const FAR: Duration = Duration::from_secs(400 * 86_400);
/// How long a call that is taken up again may ask for money before it is cut: within the two seconds of R91, and enough for a ledger
/// that is as busy as any at its start.
const TAKEN_UP: Duration = Duration::from_secs(1);

/// What must happen next to a call in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Renew,
    /// A budget's period ends: the old one is settled and the new one reserved in one step (R81).
    Midnight,
    /// The end is near: whoever wants to know is told.
    Warn,
    Cut(EndCause),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renewal {
    /// The next slice will be asked for when the time comes.
    Open,
    /// Asked; until the answer comes the call is held to what it has.
    Asked(Slice),
    /// The store could not answer; it is asked again then, as long as the slice lasts.
    Unanswered { again: Moment },
    /// There is no more money than what is reserved.
    Spent,
}

/// What a meter starts with.
pub struct Terms {
    /// `None` for a free call.
    pub price: Option<Arc<Price>>,
    /// What is reserved from the first second on.
    pub covered: Slice,
    /// `None`: nothing but its parties ends this call (R41).
    pub longest: Option<Duration>,
    /// When the first of its budgets begins a new period.
    pub period_end: Option<Moment>,
    /// What the budgets allow beyond, as far as is known.
    pub left: Option<Amount>,
}

/// The meter of one answered call; a free call has a meter without a price.
#[derive(Clone, Debug)]
pub struct Meter {
    answered: Moment,
    price: Option<Arc<Price>>,
    covered: Slice,
    renewal: Renewal,
    /// When its time is over, whatever money there is.
    time_end: Option<Moment>,
    period_end: Option<Moment>,
    past: Seldom<Past>,
    /// In seconds.
    slice: u32,
    cut_lead: Millis,
    /// The second at which money ends it, as far as is known; other calls may spend the same money. `UNLIMITED` if it does not.
    money_end: u64,
    /// How long before the end it is told, and the end that was told last.
    warn_lead: Millis,
    warned: Option<Moment>,
    /// Money does not end the call before.
    money_until: Moment,
    /// What is asked for is what is covered, under changed limits (R76).
    anew: bool,
    /// The money is gone already: the limits were lowered.
    overdrawn: bool,
}

/// What periods that are over are to be charged (R81): few calls last over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Past {
    charged: Amount,
    /// As much of it as the ledger has confirmed.
    confirmed: Amount,
}

impl Default for Past {
    fn default() -> Past {
        *Past::blank()
    }
}

impl Blank for Past {
    fn blank() -> &'static Past {
        static BLANK: Past = Past { charged: Amount::ZERO, confirmed: Amount::ZERO };
        &BLANK
    }
}

/// A span of a setting, in as little room as it needs: up to seven weeks.
#[derive(Clone, Copy, Debug)]
struct Millis(u32);

impl Millis {
    fn of(span: Duration) -> Millis {
        Millis(u32::try_from(span.as_millis()).unwrap_or(u32::MAX))
    }

    fn span(self) -> Duration {
        Duration::from_millis(self.0.into())
    }
}

impl Meter {
    pub fn start(answered: Moment, terms: Terms, limits: &Limits) -> Meter {
        let free = terms.price.is_none();
        let unlimited = Slice { seconds: UNLIMITED, cost: Money::ZERO };
        let mut meter = Meter {
            answered,
            covered: if free { unlimited } else { terms.covered },
            renewal: if free || terms.covered.seconds == UNLIMITED { Renewal::Spent } else { Renewal::Open },
            price: terms.price,
            time_end: None,
            period_end: terms.period_end.filter(|_| !free),
            past: Seldom::default(),
            slice: u32::try_from(limits.first_slice.as_secs()).unwrap_or(u32::MAX),
            cut_lead: Millis::of(limits.cut_lead),
            money_end: UNLIMITED,
            warn_lead: Millis::of(limits.warn_before),
            warned: None,
            money_until: answered,
            anew: false,
            overdrawn: false,
        };
        meter.limit_to(terms.longest, limits);
        meter.foresee(terms.left);
        meter
    }

    /// How long the money lasts if nobody else spends it.
    fn foresee(&mut self, left: Option<Amount>) {
        let Some((price, left)) = self.price.as_ref().zip(left) else { return };
        let by_money = price.seconds_for(self.covered.cost + left.money);
        let by_time = self.covered.seconds.saturating_add(left.seconds);
        self.money_end = by_money.min(by_time);
    }

    /// When the call will be ended, and why, as far as is known.
    fn end(&self) -> Option<(Moment, EndCause)> {
        let seconds = match self.renewal {
            Renewal::Spent => self.covered.seconds,
            Renewal::Open | Renewal::Asked(_) | Renewal::Unanswered { .. } => self.money_end,
        };
        // Far ends are no ends: nobody plans for centuries, and their sums would overflow.
        let is_near = |end: &Moment| end.since(self.answered) < FAR;
        let money = Some(self.answered + Duration::from_secs(seconds)).filter(is_near);
        let money = money.map(|end| (end - self.cut_lead.span(), EndCause::CutMoney));
        let time = self.time_end.filter(is_near).map(|end| (end, EndCause::CutTime));
        time.into_iter().chain(money).min_by_key(|(end, _)| *end)
    }

    /// When the end is to be told, unless it was.
    fn warning(&self) -> Option<Moment> {
        let (end, _) = self.end().filter(|_| self.warn_lead.0 > 0)?;
        let is_news = self.warned.is_none_or(|told| end > told + self.warn_lead.span());
        is_news.then(|| (end - self.warn_lead.span()).max(self.answered))
    }

    /// The end is told now: how long the call still lasts, and what ends it.
    pub fn warn(&mut self, now: Moment) -> Option<(Duration, EndCause)> {
        let (end, cause) = self.end()?;
        self.warned = Some(end);
        Some((end.since(now), cause))
    }

    /// Of a call that is taken up again at `now`: what was charged to periods that are over (R81). A slice that ended while no gate
    /// was there may still be renewed before the call is cut.
    pub fn taken_up(mut self, now: Moment, charged: Amount) -> Meter {
        if charged != Amount::ZERO {
            self.past = Seldom::new(Past { charged, confirmed: charged });
        }
        self.money_until = now + TAKEN_UP;
        self
    }

    pub fn answered(&self) -> Moment {
        self.answered
    }

    /// What so much talk costs, rounded once (R61), and its seconds, rounded up (R62); an answered call lasts at least one.
    pub fn amount(&self, talk: Duration) -> Amount {
        let seconds = whole_seconds(talk).max(1);
        Amount::new(self.price.as_ref().map_or(Money::ZERO, |price| price.cost(seconds)), seconds)
    }

    pub fn covered(&self) -> Slice {
        self.covered
    }

    pub fn charged(&self) -> Amount {
        self.past.charged
    }

    /// When something must be done next, and what. Only these limits end a call; no message moves them (R73).
    pub fn due(&self) -> Option<(Moment, Due)> {
        let time_over = self.time_end.map(|end| (end, Due::Cut(EndCause::CutTime)));
        let asking = matches!(self.renewal, Renewal::Asked(_));
        let midnight = self.midnight().filter(|_| !asking).map(|moment| (moment, Due::Midnight));
        let warning = self.warning().map(|moment| (moment, Due::Warn));
        [time_over, midnight, self.money_due(), warning]
            .into_iter()
            .flatten()
            .min_by_key(|(moment, _)| *moment)
    }

    /// When the period's end is attended to: at once, but for a call that may yet cost nothing. Whether its first increment is
    /// charged to the old period shows only when its grace is over.
    fn midnight(&self) -> Option<Moment> {
        let (price, end) = (self.price.as_ref()?, self.period_end?);
        let costs_from = self.answered + Duration::from_secs(price.grace) + AFTER_GRACE;
        Some(if price.grace > 0 { end.max(costs_from) } else { end })
    }

    fn money_due(&self) -> Option<(Moment, Due)> {
        if self.covered.seconds == UNLIMITED {
            return None;
        }
        if self.overdrawn {
            return Some((self.answered, Due::Cut(EndCause::CutMoney)));
        }
        let slice_end = self.answered + Duration::from_secs(self.covered.seconds);
        if self.time_end.is_some_and(|end| end <= slice_end) {
            // Time ends the call before money does.
            return None;
        }
        let cut = ((slice_end - self.cut_lead.span()).max(self.money_until), Due::Cut(EndCause::CutMoney));
        let renewal = match self.renewal {
            Renewal::Open => {
                (slice_end - RENEWAL_LEAD.min(Duration::from_secs(self.slice.into()) / 2), Due::Renew)
            }
            Renewal::Unanswered { again } => (again, Due::Renew),
            Renewal::Asked(_) | Renewal::Spent => cut,
        };
        // Between a period's end and its being attended to, a renewal would carry everything over.
        let period_over = self.period_end.filter(|end| *end <= renewal.0).and(self.midnight());
        let renewal = (period_over.map_or(renewal.0, |attended| renewal.0.max(attended)), renewal.1);
        Some(if renewal.0 < cut.0 { renewal } else { cut })
    }

    /// The total that the next slice needs, counted from the first second. `None` when nothing is to be asked.
    pub fn ask_renewal(&mut self) -> Option<Slice> {
        let price = self.price.as_ref()?;
        match self.renewal {
            Renewal::Open | Renewal::Unanswered { .. } => {}
            Renewal::Asked(_) | Renewal::Spent => return None,
        }
        // No more than the longest call needs.
        let longest = self.time_end.map_or(u64::MAX, |end| whole_seconds(end.since(self.answered)));
        let next = price.slice(self.covered.seconds.saturating_add(self.slice.into()).min(longest));
        self.renewal = Renewal::Asked(next);
        Some(next)
    }

    /// A period ends: what began in it is charged to it (R81), and the total to be covered stays at least as it is.
    /// `next_end` is when the period after it ends.
    pub fn ask_midnight(&mut self, next_end: Option<Moment>) -> Option<Slice> {
        let (price, end) = (self.price.as_ref()?, self.period_end?);
        self.period_end = next_end;
        let begun = whole_seconds(end.since(self.answered));
        if begun > 0 {
            let slice = price.slice(begun);
            self.past.charged = self.past.charged.max(slice.amount());
        }
        let total =
            if self.past.charged.seconds > self.covered.seconds { price.slice(begun) } else { self.covered };
        self.renewal = Renewal::Asked(total);
        Some(total)
    }

    /// The ledger set the asked total aside; so much is left beyond it.
    pub fn renewed(&mut self, left: Option<Amount>) {
        if let Renewal::Asked(slice) = self.renewal {
            if let Some(past) = self.past.written() {
                past.confirmed = past.charged;
            }
            self.covered = slice;
            self.renewal = Renewal::Open;
            self.anew = false;
            self.foresee(left);
        }
    }

    /// The ledger has only `left` beyond what is reserved: asks for as much of it as buys another increment (R66), else the
    /// call ends with its slice (R64).
    pub fn refused(&mut self, left: Limit) -> Option<Slice> {
        let asked = match self.renewal {
            Renewal::Asked(slice) => slice,
            Renewal::Open | Renewal::Unanswered { .. } | Renewal::Spent => return None,
        };
        if self.past.charged != self.past.confirmed && asked.seconds > self.covered.seconds {
            // What is left of a new period says nothing beyond what is covered: first that must be carried over, then more is asked.
            self.renewal = Renewal::Asked(self.covered);
            return Some(self.covered);
        }
        self.renewal = Renewal::Spent;
        let price = self.price.as_ref()?;
        let seconds = match left {
            Limit::Money(left) => price.seconds_for(self.covered.cost + left),
            Limit::Seconds(left) => self.covered.seconds.saturating_add(left),
        };
        if seconds <= self.covered.seconds || seconds >= asked.seconds {
            return None;
        }
        let rest = Slice { seconds, cost: price.cost(seconds) };
        self.renewal = Renewal::Asked(rest);
        Some(rest)
    }

    /// A question is at the ledger, or could not be answered.
    pub fn is_asking(&self) -> bool {
        matches!(self.renewal, Renewal::Asked(_) | Renewal::Unanswered { .. })
    }

    /// The rules have changed (R76): the longest call and the period's end are those of now, and what is covered is asked for once
    /// more. `None` when nothing is to be asked. Not while a question is under way.
    pub fn ask_anew(&mut self, period_end: Option<Moment>) -> Option<Slice> {
        self.price.as_ref()?;
        self.period_end = period_end;
        self.anew = true;
        self.renewal = Renewal::Asked(self.covered);
        Some(self.covered)
    }

    pub fn limit_to(&mut self, longest: Option<Duration>, limits: &Limits) {
        self.time_end = longest.map(|longest| self.answered + longest.min(limits.longest_call));
    }

    /// A period has ended, and its end is not attended to yet.
    pub fn is_period_over(&self, now: Moment) -> bool {
        self.period_end.is_some_and(|end| end <= now)
    }

    pub fn is_asking_anew(&self) -> bool {
        self.anew && self.is_asking()
    }

    /// What is covered was too much for the changed limits: of it this call may hold no more than `left`. Asks for as much as that
    /// buys, if it has not been talked away by now; then the call ends at once.
    pub fn refused_anew(&mut self, now: Moment, left: Limit) -> Option<Slice> {
        let Renewal::Asked(asked) = self.renewal else { return None };
        let price = self.price.as_ref()?;
        let seconds = match left {
            Limit::Money(left) => price.seconds_for(self.past.confirmed.money + left),
            Limit::Seconds(left) => self.past.confirmed.seconds.saturating_add(left),
        };
        let end = Duration::from_secs(seconds.min(asked.seconds)).saturating_sub(self.cut_lead.span());
        if self.answered + end <= now || seconds >= asked.seconds {
            self.renewal = Renewal::Spent;
            self.anew = false;
            self.overdrawn = true;
            return None;
        }
        let rest = Slice { seconds, cost: price.cost(seconds) };
        self.renewal = Renewal::Asked(rest);
        Some(rest)
    }

    /// The question about changed limits could not be answered; it will be put again.
    pub fn take_back(&mut self) {
        self.anew = false;
        self.renewal = Renewal::Open;
    }

    /// The store cannot answer just now: the slice stands, and the question is put again as long as it lasts.
    pub fn unanswered(&mut self, now: Moment) {
        if let Renewal::Asked(_) = self.renewal {
            self.renewal = Renewal::Unanswered { again: now + ASK_AGAIN };
        }
    }
}

fn whole_seconds(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests;
