//! What a call costs, and how long a sum of money lasts: R61 in exact integers, rounded once. No floats, no decimals.
//!
//! A price per minute bought by the second makes sixtieths; so sums are kept in sixtieths of a millionth, 128 bits wide,
//! and nothing is lost before the one rounding at the end.

use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::base::Money;

use super::{Amount, TariffMark};

/// More seconds than any call lasts: the answer of `seconds_for` where talking longer costs no more.
pub const UNLIMITED: u64 = u64::MAX;

/// Sixtieths in a whole: one minute of a price per minute.
const SECONDS_PER_MINUTE: i128 = 60;

/// Up, to a number of decimal places of the currency unit; applied once, at settlement (R61).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rounding {
    places: u8,
}

impl Rounding {
    /// Money is kept in millionths.
    pub const PLACES_MAX: u8 = 6;

    /// `None` for more than six places, which money cannot hold.
    pub const fn up_to_places(places: u8) -> Option<Rounding> {
        if places <= Rounding::PLACES_MAX { Some(Rounding { places }) } else { None }
    }

    /// The millionths in one step of the last place kept.
    fn step(self) -> i128 {
        10_i128.pow(u32::from(Rounding::PLACES_MAX - self.places))
    }
}

impl Default for Rounding {
    fn default() -> Rounding {
        Rounding { places: 4 }
    }
}

/// One row of a tariff in force: money per minute, sold in increments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// The digits it matches, without the plus.
    pub prefix: Arc<str>,
    pub valid_from: NaiveDate,
    pub per_minute: Money,
    /// Charged once for a call that is answered.
    pub connect: Money,
    /// Seconds; at least 1.
    pub first_increment: u64,
    /// Seconds; at least 1.
    pub next_increment: u64,
    /// A call of at most so many seconds costs nothing; usually 0.
    pub grace: u64,
    pub rounding: Rounding,
}

/// A piece of a call and what it costs from the first second (R64).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    pub seconds: u64,
    pub cost: Money,
}

impl Slice {
    pub fn amount(self) -> Amount {
        Amount::new(self.cost, self.seconds)
    }
}

impl Price {
    /// The cost of an answered call of `seconds`, rounded. Not answered (0 s) costs nothing. Saturates at `Money::MAX`.
    pub fn cost(&self, seconds: u64) -> Money {
        if seconds == 0 || seconds <= self.grace {
            return Money::ZERO;
        }
        let sixtieths = self.sixtieths(self.increment_edge(seconds));
        let step = self.rounding.step();
        let steps = ceil_div(sixtieths, step.saturating_mul(SECONDS_PER_MINUTE));
        let micros = i64::try_from(steps.saturating_mul(step)).unwrap_or(i64::MAX);
        Money::from_micros(micros)
    }

    /// The largest number of seconds, on an increment's edge, whose rounded cost lies within `money` (R66). Zero if not even
    /// the first increment does; `UNLIMITED` if talking longer costs no more.
    pub fn seconds_for(&self, money: Money) -> u64 {
        if self.cost(self.first_increment.max(self.grace.saturating_add(1))) > money {
            return if money >= Money::ZERO { self.grace } else { 0 };
        }
        let step = self.rounding.step();
        // Rounding goes up, so a cost fits exactly if its exact sum fits into the whole steps within the money.
        let whole_steps = i128::from(money.as_micros()) / step * step;
        let budget = whole_steps.saturating_mul(SECONDS_PER_MINUTE) - self.sixtieths(self.first_increment);
        let per_increment =
            i128::from(self.per_minute.as_micros()).saturating_mul(i128::from(self.next_increment));
        if per_increment == 0 {
            return UNLIMITED;
        }
        let increments = u64::try_from(budget / per_increment).unwrap_or(u64::MAX);
        self.first_increment.saturating_add(increments.saturating_mul(self.next_increment))
    }

    /// The piece that covers at least `seconds`, to the end of the increment: at least the first one (R64).
    pub fn slice(&self, seconds: u64) -> Slice {
        let seconds = self.increment_edge(seconds);
        Slice { seconds, cost: self.cost(seconds) }
    }

    /// The end of the increment that second number `seconds` lies in.
    pub fn increment_edge(&self, seconds: u64) -> u64 {
        if seconds <= self.first_increment {
            return self.first_increment;
        }
        let increments = (seconds - self.first_increment).div_ceil(self.next_increment);
        self.first_increment.saturating_add(increments.saturating_mul(self.next_increment))
    }

    /// What was read back can be reckoned with: the price list takes nothing else.
    pub fn is_sound(&self) -> bool {
        self.first_increment > 0
            && self.next_increment > 0
            && self.rounding.places <= Rounding::PLACES_MAX
            && self.per_minute >= Money::ZERO
            && self.connect >= Money::ZERO
    }

    /// Nothing is ever charged under this price.
    pub fn is_free(&self) -> bool {
        self.per_minute.is_zero() && self.connect.is_zero()
    }

    pub fn mark(&self) -> TariffMark {
        TariffMark { prefix: self.prefix.clone(), valid_from: self.valid_from }
    }

    /// The exact cost of `edge` seconds, which end an increment, in sixtieths of a millionth.
    fn sixtieths(&self, edge: u64) -> i128 {
        let connect = i128::from(self.connect.as_micros()) * SECONDS_PER_MINUTE;
        let talk = i128::from(self.per_minute.as_micros()).saturating_mul(i128::from(edge));
        connect.saturating_add(talk)
    }
}

/// Rounds up; both operands are not negative.
fn ceil_div(sum: i128, divisor: i128) -> i128 {
    sum / divisor + i128::from(sum % divisor != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Random;
    use rust_decimal::{Decimal, RoundingStrategy};

    fn price(per_minute: i64, connect: i64, first: u64, next: u64, places: u8) -> Price {
        Price {
            prefix: "49".into(),
            valid_from: NaiveDate::default(),
            per_minute: Money::from_micros(per_minute),
            connect: Money::from_micros(connect),
            first_increment: first,
            next_increment: next,
            grace: 0,
            rounding: Rounding::up_to_places(places).unwrap(),
        }
    }

    fn any_price(random: &mut Random) -> Price {
        let per_minute = match random.below(4) {
            0 => random.below(100),
            1 => random.below(20_000),
            _ => random.below(3_000_000),
        };
        let connect = if random.one_in(2) { 0 } else { random.below(500_000) };
        let increments = [1, 6, 7, 10, 13, 30, 60, 90];
        let first = increments[random.below(8) as usize];
        let next = increments[random.below(8) as usize];
        let mut price = price(per_minute as i64, connect as i64, first, next, random.below(7) as u8);
        price.grace = if random.one_in(4) { random.below(8) } else { 0 };
        price
    }

    /// R61 read aloud, in another arithmetic: decimals of 28 digits, one increment after the other.
    fn cost_in_decimals(price: &Price, seconds: u64) -> Decimal {
        if seconds == 0 || seconds <= price.grace {
            return Decimal::ZERO;
        }
        let per_minute = price.per_minute.to_decimal();
        let mut talked = price.first_increment;
        while talked < seconds {
            talked += price.next_increment;
        }
        let talk = per_minute * Decimal::from(talked) / Decimal::from(60);
        let exact = price.connect.to_decimal() + talk;
        exact.round_dp_with_strategy(u32::from(price.rounding.places), RoundingStrategy::AwayFromZero)
    }

    #[test]
    fn every_cost_is_what_decimals_say() {
        let mut random = Random::from_number(61);
        for _ in 0..500 {
            let price = any_price(&mut random);
            for _ in 0..40 {
                let seconds = random.below(5_000);
                assert_eq!(
                    price.cost(seconds).to_decimal(),
                    cost_in_decimals(&price, seconds),
                    "{price:?} {seconds} s"
                );
            }
        }
    }

    #[test]
    fn money_lasts_to_the_last_second_it_can_pay_and_no_longer() {
        let mut random = Random::from_number(66);
        for _ in 0..3_000 {
            let price = any_price(&mut random);
            let money = Money::from_micros(random.below(9_000_000) as i64);
            let seconds = price.seconds_for(money);
            if seconds == UNLIMITED {
                assert!(price.cost(1_000_000) <= money && price.per_minute.is_zero(), "{price:?} {money}");
                continue;
            }
            assert!(price.cost(seconds) <= money, "{price:?} {money} {seconds}");
            assert!(price.cost(seconds + 1) > money, "{price:?} {money} {seconds}");
        }
    }

    #[test]
    fn a_slice_ends_with_an_increment() {
        let mobile = price(600_000, 0, 30, 6, 4);
        assert_eq!(mobile.slice(10), Slice { seconds: 30, cost: Money::from_micros(300_000) });
        assert_eq!(mobile.slice(60), Slice { seconds: 60, cost: Money::from_micros(600_000) });
        assert_eq!(mobile.slice(61), Slice { seconds: 66, cost: Money::from_micros(660_000) });
    }

    #[test]
    fn sums_beyond_all_money_saturate() {
        let dear = price(i64::MAX, i64::MAX, 1, 1, 4);
        assert_eq!(dear.cost(u64::MAX), Money::MAX);
        assert_eq!(dear.seconds_for(Money::ZERO), 0);
    }
}
