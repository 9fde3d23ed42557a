//! Money in metrics: printed from integers, because the recorder would keep it as a float and a counter of whole units.

use std::fmt::Write;
use std::sync::atomic::{AtomicI64, Ordering};

use super::names::{MONEY_RESERVED, MONEY_SETTLED};
use crate::base::Money;

/// The two sums of the ledger, exact to the millionth.
#[derive(Debug)]
pub struct MoneySums {
    currency: String,
    reserved: AtomicI64,
    settled: AtomicI64,
}

impl MoneySums {
    /// `currency` as in ISO 4217.
    pub fn new(currency: &str) -> MoneySums {
        MoneySums { currency: currency.to_owned(), reserved: AtomicI64::new(0), settled: AtomicI64::new(0) }
    }

    /// What is reserved now, over all calls in progress.
    pub fn set_reserved(&self, sum: Money) {
        self.reserved.store(sum.as_micros(), Ordering::Relaxed);
    }

    pub fn add_reserved(&self, change: Money) {
        self.reserved.fetch_add(change.as_micros(), Ordering::Relaxed);
    }

    /// One call's cost, when it is settled.
    pub fn add_settled(&self, cost: Money) {
        self.settled.fetch_add(cost.as_micros(), Ordering::Relaxed);
    }

    pub(super) fn write(&self, page: &mut String) {
        let sums = [
            (MONEY_RESERVED, "gauge", "Money reserved for calls in progress.", &self.reserved),
            (MONEY_SETTLED, "counter", "Money settled since the start of the process.", &self.settled),
        ];
        for (name, kind, help, sum) in sums {
            let (currency, sum) = (&self.currency, Money::from_micros(sum.load(Ordering::Relaxed)));
            // Writing to a String cannot fail.
            let _ = write!(
                page,
                "# HELP {name} {help}\n# TYPE {name} {kind}\n{name}{{currency=\"{currency}\"}} {sum}\n\n"
            );
        }
    }
}
