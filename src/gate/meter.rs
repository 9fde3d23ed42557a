//! How long an answered call may last, and when its next slice of money is due (R64, R66, R72). Pure arithmetic on moments.

use std::time::Duration;

use crate::base::{Moment, Money};
use crate::ledger::{EndCause, Limit, Price, Slice, UNLIMITED};

use super::setup::Limits;

/// How long before a slice ends the next one is asked for: long enough for a slow store, short enough to reserve little ahead.
const RENEWAL_LEAD: Duration = Duration::from_secs(10);

/// How long after a failure of the store the question is put again.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// What must happen next to a call in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Renew,
    Cut(EndCause),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renewal {
    /// The next slice will be asked for when the time comes.
    Open,
    /// Asked; until the answer comes the call is held to what it has.
    Asked(Slice),
    /// The store could not answer; it is asked again then.
    Again(Moment),
    /// There is no more money than what is reserved.
    Spent,
}

/// The meter of one answered call; a free call has a meter without a price.
#[derive(Clone, Debug)]
pub struct Meter {
    answered: Moment,
    price: Option<Price>,
    /// Seconds and money reserved from the first second on.
    covered: Slice,
    renewal: Renewal,
    /// The permit's longest call, or the house's.
    longest: Duration,
    slice: u64,
    cut_lead: Duration,
}

impl Meter {
    pub fn start(
        answered: Moment,
        price: Option<Price>,
        covered: Slice,
        longest: Duration,
        limits: &Limits,
    ) -> Meter {
        let free = price.is_none();
        Meter {
            answered,
            price,
            covered: if free { Slice { seconds: UNLIMITED, cost: Money::ZERO } } else { covered },
            renewal: if free || covered.seconds == UNLIMITED { Renewal::Spent } else { Renewal::Open },
            longest: longest.min(limits.longest_call),
            slice: limits.first_slice.as_secs(),
            cut_lead: limits.cut_lead,
        }
    }

    /// Seconds of talk until `now`, rounded up (R62); an answered call lasts at least one.
    pub fn seconds(&self, now: Moment) -> u64 {
        let talk = now.since(self.answered);
        talk.as_secs().saturating_add(u64::from(talk.subsec_nanos() > 0)).max(1)
    }

    /// What the talk until `now` costs, rounded once (R61).
    pub fn cost(&self, now: Moment) -> Money {
        self.price.as_ref().map_or(Money::ZERO, |price| price.cost(self.seconds(now)))
    }

    pub fn covered(&self) -> Slice {
        self.covered
    }

    /// When something must be done next, and what. Only these limits end a call; no message moves them (R73).
    pub fn due(&self) -> (Moment, Due) {
        let time_over = (self.answered + self.longest, Due::Cut(EndCause::CutTime));
        if self.covered.seconds == UNLIMITED {
            return time_over;
        }
        let slice_end = self.answered + Duration::from_secs(self.covered.seconds);
        // What covers the longest call needs no renewal, and no money ends before time does.
        if time_over.0 <= slice_end {
            return time_over;
        }
        let cut = (slice_end - self.cut_lead, Due::Cut(EndCause::CutMoney));
        let money = match self.renewal {
            Renewal::Open => (slice_end - RENEWAL_LEAD.min(self.half_slice()), Due::Renew),
            Renewal::Again(at) if at < cut.0 => (at, Due::Renew),
            Renewal::Again(_) | Renewal::Asked(_) | Renewal::Spent => cut,
        };
        if time_over.0 < money.0 { time_over } else { money }
    }

    /// The total that the next slice needs, counted from the first second. `None` when nothing is to be asked.
    pub fn ask_renewal(&mut self) -> Option<Slice> {
        match self.renewal {
            Renewal::Open | Renewal::Again(_) => {}
            Renewal::Asked(_) | Renewal::Spent => return None,
        }
        let price = self.price.as_ref()?;
        let longest = self.longest.as_secs().saturating_add(u64::from(self.longest.subsec_nanos() > 0));
        let next = price.slice(self.covered.seconds.saturating_add(self.slice).min(longest));
        self.renewal = Renewal::Asked(next);
        Some(next)
    }

    /// The ledger set the asked total aside.
    pub fn renewed(&mut self) {
        if let Renewal::Asked(slice) = self.renewal {
            self.covered = slice;
            self.renewal = Renewal::Open;
        }
    }

    /// The ledger has only `left` beyond what is reserved: asks for as much of it as buys another increment (R66), else the
    /// call ends with its slice (R64).
    pub fn refused(&mut self, left: Limit) -> Option<Slice> {
        let asked = match self.renewal {
            Renewal::Asked(slice) => slice,
            Renewal::Open | Renewal::Again(_) | Renewal::Spent => return None,
        };
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

    /// The store cannot answer just now: the slice stands, and the question is put again as long as there is time.
    pub fn unanswered(&mut self, now: Moment) {
        if let Renewal::Asked(_) = self.renewal {
            self.renewal = Renewal::Again(now + AGAIN_AFTER);
        }
    }

    fn half_slice(&self) -> Duration {
        Duration::from_secs(self.slice) / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Rounding;

    fn price() -> Price {
        Price {
            prefix: "49".into(),
            valid_from: chrono::NaiveDate::from_ymd_opt(2026, 1, 1).expect("a date"),
            per_minute: Money::from_micros(600_000),
            connect: Money::ZERO,
            first_increment: 1,
            next_increment: 1,
            grace: 0,
            rounding: Rounding::default(),
        }
    }

    fn second(count: u64) -> Moment {
        Moment::START + Duration::from_secs(count)
    }

    fn meter(covered: u64) -> Meter {
        Meter::start(second(0), Some(price()), price().slice(covered), Duration::MAX, &Limits::default())
    }

    #[test]
    fn money_for_ninety_seconds_ends_the_call_a_second_early() {
        let mut meter = meter(60);
        assert_eq!(meter.due(), (second(50), Due::Renew));
        assert_eq!(meter.ask_renewal().map(|slice| slice.seconds), Some(120));
        let rest = meter.refused(Limit::Money(Money::from_micros(300_000)));
        assert_eq!(rest.map(|slice| slice.seconds), Some(90));
        meter.renewed();
        meter.ask_renewal();
        assert_eq!(meter.refused(Limit::Money(Money::ZERO)), None);
        assert_eq!(meter.due(), (second(89), Due::Cut(EndCause::CutMoney)));
    }

    #[test]
    fn a_store_that_failed_is_asked_again_while_there_is_time() {
        let mut meter = meter(60);
        meter.ask_renewal();
        meter.unanswered(second(50));
        assert_eq!(meter.due(), (second(52), Due::Renew));
        meter.ask_renewal();
        meter.unanswered(second(58));
        assert_eq!(meter.due(), (second(59), Due::Cut(EndCause::CutMoney)));
    }

    #[test]
    fn no_more_is_asked_than_the_longest_call_needs() {
        let limits = Limits::default();
        let longest = Duration::from_secs(90);
        let mut meter = Meter::start(second(0), Some(price()), price().slice(60), longest, &limits);
        assert_eq!(meter.ask_renewal().map(|slice| slice.seconds), Some(90));
        meter.renewed();
        assert_eq!(meter.due(), (second(90), Due::Cut(EndCause::CutTime)));
    }

    #[test]
    fn a_renewed_slice_moves_the_next_question() {
        let mut meter = meter(60);
        meter.ask_renewal();
        meter.renewed();
        assert_eq!(meter.due(), (second(110), Due::Renew));
    }

    #[test]
    fn a_free_call_ends_at_the_longest_call_alone() {
        let free = Meter::start(
            second(0),
            None,
            Slice { seconds: 0, cost: Money::ZERO },
            Duration::from_secs(300),
            &Limits::default(),
        );
        assert_eq!(free.due(), (second(300), Due::Cut(EndCause::CutTime)));
        assert_eq!(free.cost(second(200)), Money::ZERO);
    }

    #[test]
    fn seconds_are_rounded_up() {
        let meter = meter(60);
        assert_eq!(meter.seconds(second(0)), 1);
        assert_eq!(meter.seconds(second(61)), 61);
        assert_eq!(meter.seconds(second(61) + Duration::from_millis(1)), 62);
    }
}
