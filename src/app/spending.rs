//! Budgets beside what is spent of them, as the ledger has it now.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::grid::{Grid, Tone};
use super::paint::Paint;
use crate::base::Money;
use crate::gate::budget_line;
use crate::ledger::{Account, Balance, Book, BudgetLine, Limit, Strictness};
use crate::policy::BudgetLimit;
use crate::store::{BalanceFilter, Reports, SqliteReader, StoreError};

/// One budget in one period.
#[derive(Clone, Debug)]
pub(super) struct Spending {
    pub line: BudgetLine,
    pub balance: Balance,
    /// Where the policy says so.
    pub origin: String,
}

/// The balances of a ledger that were asked for, as a book that can be asked what a call would do to them.
pub(super) struct Ledger<'l> {
    /// `None`: no gate has ever run, and nothing is spent.
    reader: Option<&'l SqliteReader>,
    pub book: Book,
    known: HashSet<Account>,
}

impl<'l> Ledger<'l> {
    pub fn of(reader: Option<&'l SqliteReader>) -> Ledger<'l> {
        Ledger { reader, book: Book::default(), known: HashSet::new() }
    }

    pub fn exists(&self) -> bool {
        self.reader.is_some()
    }

    /// What is spent of one budget in one period.
    fn balance(&mut self, line: &BudgetLine) -> Result<Balance, StoreError> {
        let place = line.place();
        if let Some(reader) = self.reader.filter(|_| !self.book.knows_place(&place)) {
            let filter = BalanceFilter { account: Some(line.account.clone()), period: Some(line.period()) };
            let found = reader.balances(&filter)?;
            let balance = found.first().map(|(_, balance)| *balance).unwrap_or_default();
            self.book.restore_balance(place.clone(), balance);
        }
        Ok(self.book.balance(&place))
    }

    /// Brings what is spent of these budgets into the book, of all their periods: a call may last into the next.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub fn bring<'b>(
        &mut self,
        budgets: impl IntoIterator<Item = &'b BudgetLimit>,
        at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        for budget in budgets {
            let account = budget_line(budget, at).account;
            let Some(reader) = self.reader.filter(|_| !self.known.contains(&account)) else { continue };
            let filter = BalanceFilter { account: Some(account.clone()), period: None };
            for (place, balance) in reader.balances(&filter)? {
                self.book.restore_balance(place, balance);
            }
            self.known.insert(account);
        }
        Ok(())
    }
}

impl Spending {
    /// Of each budget in its period of `at`; nothing is spent where there is no ledger.
    pub fn of(
        budgets: &[BudgetLimit],
        ledger: &mut Ledger<'_>,
        at: DateTime<Utc>,
    ) -> Result<Vec<Spending>, StoreError> {
        let one = |budget: &BudgetLimit| {
            let line = budget_line(budget, at);
            let balance = ledger.balance(&line)?;
            Ok(Spending { line, balance, origin: budget.origin.to_string() })
        };
        budgets.iter().map(one).collect()
    }

    /// Whole percent of the limit, settled and reserved; a limit of nothing is full.
    pub fn percent(&self) -> u64 {
        let used = self.balance.used();
        let (used, limit) = match self.line.limit() {
            Limit::Money(limit) => (used.money.as_micros(), limit.as_micros()),
            Limit::Seconds(limit) => (whole(used.seconds), whole(limit)),
        };
        let percent = i128::from(used) * 100 / i128::from(limit.max(1));
        if limit == 0 { 100 } else { u64::try_from(percent).unwrap_or(0) }
    }

    fn left(&self) -> Limit {
        self.line.limit().left(self.balance.used())
    }

    fn tone(&self) -> Tone {
        match self.percent() {
            100.. => Tone::Bad,
            80.. => Tone::Odd,
            _ => Tone::Plain,
        }
    }

    pub fn as_json(&self) -> Value {
        let (line, balance) = (&self.line, self.balance);
        let unit = match line.limit() {
            Limit::Money(_) => "money",
            Limit::Seconds(_) => "minutes",
        };
        json!({
            "holder": line.account.to_string(),
            "period": line.period().kind.as_str(),
            "from": line.period().start.to_string(),
            "unit": unit,
            "limit": amount(line.limit()),
            "settled": part(line.limit(), balance.settled.money, balance.settled.seconds),
            "reserved": part(line.limit(), balance.reserved.money, balance.reserved.seconds),
            "left": amount(self.left()),
            "percent": self.percent(),
            "soft": line.strictness() == Strictness::Soft,
            "origin": self.origin,
        })
    }
}

fn whole(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

pub(super) fn table(spendings: &[Spending], currency: &str, paint: Paint) -> String {
    let headings =
        ["budget", "period", "since", ">limit", ">spent", ">reserved", ">left", ">used", "", "from"];
    let mut grid = Grid::new(&headings, paint);
    for spending in spendings {
        let Spending { line, balance, origin } = spending;
        let cells = [
            line.account.to_string(),
            line.period().kind.as_str().to_owned(),
            line.period().start.to_string(),
            with_unit(line.limit(), currency),
            part(line.limit(), balance.settled.money, balance.settled.seconds),
            part(line.limit(), balance.reserved.money, balance.reserved.seconds),
            amount(spending.left()),
            format!("{} %", spending.percent()),
            if line.strictness() == Strictness::Soft { "notice only".to_owned() } else { String::new() },
            origin.clone(),
        ];
        grid.toned_row(spending.tone(), 7, cells);
    }
    grid.text()
}

pub(super) fn with_unit(limit: Limit, currency: &str) -> String {
    match limit {
        Limit::Money(_) => format!("{} {currency}", amount(limit)),
        Limit::Seconds(_) => format!("{} min", amount(limit)),
    }
}

fn amount(limit: Limit) -> String {
    match limit {
        Limit::Money(money) => money.to_string(),
        Limit::Seconds(seconds) => minutes(seconds),
    }
}

/// The part of an amount that a limit counts.
fn part(limit: Limit, money: Money, seconds: u64) -> String {
    match limit {
        Limit::Money(_) => amount(Limit::Money(money)),
        Limit::Seconds(_) => amount(Limit::Seconds(seconds)),
    }
}

/// `12`, or `12:30` where seconds are left over.
fn minutes(seconds: u64) -> String {
    match seconds % 60 {
        0 => (seconds / 60).to_string(),
        rest => format!("{}:{rest:02}", seconds / 60),
    }
}
