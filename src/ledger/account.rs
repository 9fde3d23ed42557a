//! Whose money: accounts, their balances, and the budgets that a call must fit into (R3).

use std::fmt;
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize, Serializer};

use crate::base::Money;

use super::{Amount, Limit, PeriodKey, PeriodKind};

/// Who spends. Each account has one balance for each period.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    Person(Arc<str>),
    Department(Arc<str>),
    Company,
    Trunk(Arc<str>),
}

impl Account {
    /// The kind as it stands in tables and reports: `person`, `department`, `company`, `trunk`.
    pub fn kind(&self) -> &'static str {
        match self {
            Account::Person(_) => "person",
            Account::Department(_) => "department",
            Account::Company => "company",
            Account::Trunk(_) => "trunk",
        }
    }

    /// The key of the person, department or trunk; empty for the company.
    pub fn name(&self) -> &str {
        match self {
            Account::Person(name) | Account::Department(name) | Account::Trunk(name) => name,
            Account::Company => "",
        }
    }

    /// The account that `kind` and `name` stand for, as a store keeps them.
    pub fn from_parts(kind: &str, name: &str) -> Option<Account> {
        match kind {
            "person" => Some(Account::Person(name.into())),
            "department" => Some(Account::Department(name.into())),
            "company" => Some(Account::Company),
            "trunk" => Some(Account::Trunk(name.into())),
            _ => None,
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Account::Company => f.write_str("company"),
            Account::Person(_) | Account::Department(_) | Account::Trunk(_) => {
                write!(f, "{} {}", self.kind(), self.name())
            }
        }
    }
}

/// One account in one period: what has a balance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountPeriod {
    pub account: Account,
    pub period: PeriodKey,
}

/// What an account has spent and what is set aside for calls in progress, in one period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    pub settled: Amount,
    pub reserved: Amount,
}

impl Balance {
    /// Settled and reserved together: what the limit is held against (R65).
    pub fn used(self) -> Amount {
        self.settled + self.reserved
    }

    pub fn is_zero(self) -> bool {
        self.settled.is_zero() && self.reserved.is_zero()
    }
}

/// Whether a full budget refuses or only warns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strictness {
    #[default]
    Hard,
    Soft,
}

/// One budget as it stands at the time of the command: the account, its period, and the limit then in force.
/// Several lines may name one account and period (money and minutes, a soft limit below a hard one); it is charged once.
///
/// Every call in progress has some, so period and limit are taken apart, and their parts stand side by side without room between.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Whole<Account>")]
pub struct BudgetLine {
    pub account: Account,
    /// Micros of money, or seconds.
    limit: u64,
    start: NaiveDate,
    kind: PeriodKind,
    is_money: bool,
    strictness: Strictness,
}

impl BudgetLine {
    pub fn new(account: Account, period: PeriodKey, limit: Limit, strictness: Strictness) -> BudgetLine {
        let PeriodKey { kind, start } = period;
        let (is_money, limit) = match limit {
            Limit::Money(money) => (true, money.as_micros().cast_unsigned()),
            Limit::Seconds(seconds) => (false, seconds),
        };
        BudgetLine { account, limit, start, kind, is_money, strictness }
    }

    pub fn hard(account: Account, period: PeriodKey, limit: Limit) -> BudgetLine {
        BudgetLine::new(account, period, limit, Strictness::Hard)
    }

    pub fn soft(account: Account, period: PeriodKey, limit: Limit) -> BudgetLine {
        BudgetLine::new(account, period, limit, Strictness::Soft)
    }

    pub fn period(&self) -> PeriodKey {
        PeriodKey { kind: self.kind, start: self.start }
    }

    pub fn limit(&self) -> Limit {
        match self.is_money {
            true => Limit::Money(Money::from_micros(self.limit.cast_signed())),
            false => Limit::Seconds(self.limit),
        }
    }

    pub fn strictness(&self) -> Strictness {
        self.strictness
    }

    /// Where this line is charged.
    pub fn place(&self) -> AccountPeriod {
        AccountPeriod { account: self.account.clone(), period: self.period() }
    }

    /// Whether both are charged in the same place, whatever their limits.
    pub fn shares_place_with(&self, other: &BudgetLine) -> bool {
        self.period() == other.period() && self.account == other.account
    }
}

/// A line as it is written down: its account, or a reference to it, its period and its limit.
#[derive(Serialize, Deserialize)]
struct Whole<A> {
    account: A,
    period: PeriodKey,
    limit: Limit,
    strictness: Strictness,
}

impl From<Whole<Account>> for BudgetLine {
    fn from(line: Whole<Account>) -> BudgetLine {
        BudgetLine::new(line.account, line.period, line.limit, line.strictness)
    }
}

impl Serialize for BudgetLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let BudgetLine { account, strictness, .. } = self;
        let (period, limit, strictness) = (self.period(), self.limit(), *strictness);
        Whole { account, period, limit, strictness }.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_line_is_small_and_tells_what_it_was_given() {
        assert_eq!(size_of::<BudgetLine>(), 40);
        let start = NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date");
        let limits = [0, 1, i64::MAX as u64, u64::MAX].map(Limit::Seconds);
        let sums =
            [i64::MIN, -1, 0, 5_000_000, i64::MAX].map(|micros| Limit::Money(Money::from_micros(micros)));
        for limit in limits.into_iter().chain(sums) {
            for (kind, strictness) in PeriodKind::ALL.into_iter().zip([Strictness::Hard, Strictness::Soft]) {
                let period = PeriodKey { kind, start };
                let line = BudgetLine::new(Account::Company, period, limit, strictness);
                assert_eq!((line.period(), line.limit(), line.strictness()), (period, limit, strictness));
                let text = serde_json::to_string(&line).expect("can be written");
                assert_eq!(serde_json::from_str::<BudgetLine>(&text).expect("can be read"), line);
            }
        }
    }

    /// Notes and daybooks of earlier versions are read.
    #[test]
    fn a_budget_line_is_written_as_account_period_limit_and_strictness() {
        let period = PeriodKey {
            kind: PeriodKind::Day,
            start: NaiveDate::from_ymd_opt(2026, 11, 23).expect("a date"),
        };
        let line = BudgetLine::hard(Account::Company, period, Limit::Seconds(600));
        let text = serde_json::to_string(&line).expect("can be written");
        let whole = r#"{"account":"company","period":{"kind":"day","start":"2026-11-23"},"limit":{"seconds":600},"strictness":"hard"}"#;
        assert_eq!(text, whole);
    }
}
