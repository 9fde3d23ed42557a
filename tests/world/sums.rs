//! What a world adds up to when a table is not enough.

use tollgate::base::Money;
use tollgate::gate::Event;
use tollgate::ledger::{Account, Amount};

use super::World;
use super::ladder::{Entry, Way};

impl World {
    /// What the days of one person's account have been charged, the first day first.
    pub fn spent(&self, person: &str) -> Vec<String> {
        let settled = self.settled(&Account::Person(person.into()));
        settled.iter().map(|amount| amount.money.to_string()).collect()
    }

    /// What the periods of an account have been charged, each kind in the order of time.
    pub fn settled(&self, account: &Account) -> Vec<Amount> {
        let balances = self.desk.book.balances().into_iter().filter(|(place, _)| place.account == *account);
        balances.map(|(_, balance)| balance.settled).collect()
    }

    /// How often the gate has sent that to whom: `count("main", "INVITE")`.
    pub fn count(&self, who: &str, title: &str) -> usize {
        let counted = |entry: &&Entry| {
            entry.way == Way::FromGate && entry.who == who && entry.title == title && !entry.again
        };
        self.entries.iter().filter(counted).count()
    }

    /// What the events of reservations and ends add up to, as the metrics do.
    pub fn money_reserved(&self) -> String {
        let change = |event: &Event| match event {
            Event::Reserved { money } => *money,
            Event::Ended(ended) => -ended.reserved,
            _ => Money::ZERO,
        };
        self.events.iter().map(change).sum::<Money>().to_string()
    }
}
