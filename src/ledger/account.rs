//! Whose money: accounts, their balances, and the budgets that a call must fit into (R3).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Amount, Limit, PeriodKey};

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetLine {
    pub account: Account,
    pub period: PeriodKey,
    pub limit: Limit,
    pub strictness: Strictness,
}

impl BudgetLine {
    pub fn hard(account: Account, period: PeriodKey, limit: Limit) -> BudgetLine {
        BudgetLine { account, period, limit, strictness: Strictness::Hard }
    }

    /// Where this line is charged.
    pub fn place(&self) -> AccountPeriod {
        AccountPeriod { account: self.account.clone(), period: self.period }
    }

    /// Whether both are charged in the same place, whatever their limits.
    pub fn shares_place_with(&self, other: &BudgetLine) -> bool {
        self.period == other.period && self.account == other.account
    }

    pub fn soft(account: Account, period: PeriodKey, limit: Limit) -> BudgetLine {
        BudgetLine { account, period, limit, strictness: Strictness::Soft }
    }
}
