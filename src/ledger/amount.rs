//! What a budget counts: money and seconds of talk, always moved together, each held to its own limit (R3).

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};

use serde::{Deserialize, Serialize};

use crate::base::Money;

/// Money and talk time of one call or one account. Sums saturate rather than wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Amount {
    pub money: Money,
    /// Whole seconds of talk.
    pub seconds: u64,
}

impl Amount {
    pub const ZERO: Amount = Amount { money: Money::ZERO, seconds: 0 };

    pub const fn new(money: Money, seconds: u64) -> Amount {
        Amount { money, seconds }
    }

    /// Money alone, for calls that no budget of minutes counts.
    pub const fn of_money(money: Money) -> Amount {
        Amount { money, seconds: 0 }
    }

    pub const fn is_zero(self) -> bool {
        self.money.is_zero() && self.seconds == 0
    }

    /// Part by part, the smaller of both.
    pub fn min(self, other: Amount) -> Amount {
        Amount { money: self.money.min(other.money), seconds: self.seconds.min(other.seconds) }
    }

    /// Part by part, the larger of both.
    pub fn max(self, other: Amount) -> Amount {
        Amount { money: self.money.max(other.money), seconds: self.seconds.max(other.seconds) }
    }

    /// Part by part, what is left of `self` once `other` is taken away; never below zero.
    pub fn beyond(self, other: Amount) -> Amount {
        Amount {
            money: (self.money - other.money).max(Money::ZERO),
            seconds: self.seconds.saturating_sub(other.seconds),
        }
    }
}

impl Add for Amount {
    type Output = Amount;
    fn add(self, other: Amount) -> Amount {
        Amount { money: self.money + other.money, seconds: self.seconds.saturating_add(other.seconds) }
    }
}

impl Sub for Amount {
    type Output = Amount;
    fn sub(self, other: Amount) -> Amount {
        self.beyond(other)
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Amount) {
        *self = *self + other;
    }
}

impl SubAssign for Amount {
    fn sub_assign(&mut self, other: Amount) {
        *self = *self - other;
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {} s", self.money, self.seconds)
    }
}

/// How much of one thing a budget allows in its period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    Money(Money),
    /// Seconds of talk.
    Seconds(u64),
}

impl Limit {
    /// Whether `amount` stays within this limit. The other part of the amount is not looked at.
    pub fn covers(self, amount: Amount) -> bool {
        match self {
            Limit::Money(limit) => amount.money <= limit,
            Limit::Seconds(limit) => amount.seconds <= limit,
        }
    }

    /// Whether a step from `before` to `after` takes more of what this limit counts.
    pub fn is_strained(self, before: Amount, after: Amount) -> bool {
        match self {
            Limit::Money(_) => after.money > before.money,
            Limit::Seconds(_) => after.seconds > before.seconds,
        }
    }

    /// What remains of this limit once `used` is spent or reserved; zero if it is overdrawn.
    pub fn left(self, used: Amount) -> Limit {
        match self {
            Limit::Money(limit) => Limit::Money((limit - used.money).max(Money::ZERO)),
            Limit::Seconds(limit) => Limit::Seconds(limit.saturating_sub(used.seconds)),
        }
    }

    /// This limit as an amount whose other part has no end.
    pub(super) fn as_bound(self) -> Amount {
        match self {
            Limit::Money(money) => Amount { money, seconds: u64::MAX },
            Limit::Seconds(seconds) => Amount { money: Money::MAX, seconds },
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Money(money) => write!(f, "{money}"),
            Limit::Seconds(seconds) => write!(f, "{seconds} s"),
        }
    }
}
