//! Exact money: an integer of millionths of the ledger's currency inside, `rust_decimal` at every edge (R60). No floats.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An amount in 1/1,000,000 of the currency unit. Nine million million units fit; sums saturate there rather than wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(i64);

/// Whoever wrote the amount must write it otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("an amount has at most six decimal places")]
    TooFine,
    #[error("an amount lies between -9,000,000,000,000 and 9,000,000,000,000")]
    TooLarge,
    #[error("an amount is written as in 12.50")]
    NotANumber,
}

impl Money {
    pub const ZERO: Money = Money(0);
    pub const MAX: Money = Money(i64::MAX);
    const PLACES: u32 = 6;

    pub const fn from_micros(micros: i64) -> Money {
        Money(micros)
    }

    pub const fn as_micros(self) -> i64 {
        self.0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub const fn checked_add(self, other: Money) -> Option<Money> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Money(sum)),
            None => None,
        }
    }

    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, Money::PLACES)
    }

    /// Reads `12.50`; at most six decimal places.
    ///
    /// # Errors
    /// `NotANumber`, `TooFine` or `TooLarge`, all the writer's to mend.
    pub fn parse(text: &str) -> Result<Money, MoneyError> {
        Decimal::from_str_exact(text.trim()).map_err(|_| MoneyError::NotANumber)?.try_into()
    }
}

impl TryFrom<Decimal> for Money {
    type Error = MoneyError;

    fn try_from(amount: Decimal) -> Result<Money, MoneyError> {
        let micros = amount.checked_mul(Decimal::from(1_000_000)).ok_or(MoneyError::TooLarge)?;
        if !micros.fract().is_zero() {
            return Err(MoneyError::TooFine);
        }
        micros.to_i64().map(Money).ok_or(MoneyError::TooLarge)
    }
}

/// A decimal where people read, millionths elsewhere.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            Serialize::serialize(&self.to_decimal(), serializer)
        } else {
            serializer.serialize_i64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
        if deserializer.is_human_readable() {
            <Decimal as Deserialize>::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Money)
        }
    }
}

impl From<Money> for Decimal {
    fn from(amount: Money) -> Decimal {
        amount.to_decimal()
    }
}

impl Add for Money {
    type Output = Money;
    fn add(self, other: Money) -> Money {
        Money(self.0.saturating_add(other.0))
    }
}

impl Sub for Money {
    type Output = Money;
    fn sub(self, other: Money) -> Money {
        Money(self.0.saturating_sub(other.0))
    }
}

impl Neg for Money {
    type Output = Money;
    fn neg(self) -> Money {
        Money(self.0.saturating_neg())
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        *self = *self + other;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Money) {
        *self = *self - other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(amounts: I) -> Money {
        amounts.fold(Money::ZERO, Add::add)
    }
}

/// At least two places, more only where they are not zero: `0.60`, `0.0125`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut amount = self.to_decimal().normalize();
        if amount.scale() < 2 {
            amount.rescale(2);
        }
        f.pad(&amount.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_and_print_exactly() {
        for (text, micros, printed) in [
            ("0.6", 600_000, "0.60"),
            ("12", 12_000_000, "12.00"),
            ("0.0125", 12_500, "0.0125"),
            ("-3.1", -3_100_000, "-3.10"),
        ] {
            let amount = Money::parse(text).expect("a plain amount");
            assert_eq!(amount.as_micros(), micros, "{text}");
            assert_eq!(amount.to_string(), printed);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        assert_eq!(Money::parse("0.0000001"), Err(MoneyError::TooFine));
        assert_eq!(Money::parse("99999999999999"), Err(MoneyError::TooLarge));
        assert_eq!(Money::parse("ten"), Err(MoneyError::NotANumber));
    }
}
