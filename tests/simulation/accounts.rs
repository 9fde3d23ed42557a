//! The money side of the reference model: budgets, what is durable, sums, and a tariff in plain arithmetic.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tollgate::base::{DecisionId, Moment};
use tollgate::ledger::{Account, AccountPeriod, Amount, Book, BudgetLine, Command, Limit, Reply, Strictness};
use tollgate::store::{RecordFilter, Reports};

use super::model::{Model, Rule};
use super::vault::Vault;

/// What a call is charged when it ends.
pub(super) struct Settling {
    pub decision: DecisionId,
    pub amount: Amount,
    /// `None`: it is free.
    pub number: Option<String>,
    /// It was found dead, and ends when it was last known to live (R74).
    pub estimated: bool,
}

/// Until when a call may last for what is set aside for it.
pub(super) fn end_of(answer: Moment, covered: Option<Amount>) -> Moment {
    let seconds = covered.map_or(u64::MAX, |covered| covered.seconds).min(u64::from(u32::MAX));
    answer + Duration::from_secs(seconds)
}

impl Model {
    /// The book beside the gate has decided the command that was noted last: no budget grows beyond its limit (R65).
    pub fn decided(&mut self, book: &Book) -> Rule {
        let Some((id, lines)) = self.asked.take() else { return Ok(()) };
        let touched: BTreeSet<AccountPeriod> = lines.iter().map(BudgetLine::place).collect();
        for place in
            self.places.get(&id).into_iter().flatten().chain(&touched).cloned().collect::<BTreeSet<_>>()
        {
            let used = book.balance(&place).used();
            let before = self.used.insert(place.clone(), used).unwrap_or(Amount::ZERO);
            let hard =
                lines.iter().filter(|line| line.strictness() == Strictness::Hard && line.place() == place);
            if let Some(line) = hard.clone().find(|line| is_broken(line.limit(), before, used)) {
                return Err(format!("{}: {used} is used of {}", place.account, line.limit()));
            }
        }
        self.places.entry(id).or_default().extend(touched);
        Ok(())
    }

    /// What is durable now: the journal is never refused what was decided, and each reservation is resolved once (R69).
    pub fn wrote(&mut self, durable: &[(Command, Reply)]) -> Rule {
        for (command, reply) in durable {
            match (command, reply) {
                (Command::Reserve(_), Reply::Reserved(_) | Reply::Closed { .. }) => {}
                (Command::Extend(_), Reply::Extended(_) | Reply::Closed { .. }) => {}
                (Command::Reserve(_) | Command::Extend(_), refused) => {
                    return Err(format!("the journal refuses what was decided: {refused:?}"));
                }
                (Command::Answer(_), Reply::Answered { .. } | Reply::Closed { .. }) => {}
                _ => self.resolve(reply)?,
            }
            if let Command::Reserve(reserve) = command {
                let person = reserve.budgets.iter().any(|line| matches!(line.account, Account::Person(_)));
                self.personal.entry(reserve.id).or_insert(Some(person));
            }
            if let Command::Extend(extend) = command {
                let person = extend.budgets.iter().any(|line| matches!(line.account, Account::Person(_)));
                let personal = self.personal.entry(extend.id).or_insert(Some(person));
                *personal = personal.filter(|personal| *personal == person);
            }
        }
        Ok(())
    }

    /// R61, R62, R67: seconds from the answer to the end, rounded up, for each leg, at the price of the prefix.
    pub(super) fn check_price(&self, now: Moment, settling: &Settling) -> Rule {
        let Settling { decision, amount, number, .. } = settling;
        let attempt = &self.attempts[decision];
        let since = attempt.taken_up.map(|taken_up| taken_up.since);
        let is_forked = attempt.legs.len() > 1;
        let mut talks: Vec<Duration> = attempt
            .legs
            .iter()
            .map(|leg| (leg, if is_forked { since.min(Some(leg.answered)) } else { since }))
            .map(|(leg, since)| leg.ended.unwrap_or(now).since(since.unwrap_or(leg.answered)))
            .collect();
        if let (Some(since), true) = (since, talks.is_empty()) {
            talks.push(now.since(since));
        }
        let seconds = talks.iter().map(|talk| (talk.as_micros() as u64).div_ceil(1_000_000).max(1));
        let seconds: Vec<u64> = seconds.collect();
        let micros =
            number.as_ref().map_or(0, |number| seconds.iter().map(|seconds| price(number, *seconds)).sum());
        let (sum, charged) = (seconds.iter().sum::<u64>(), amount.money.as_micros());
        // A leg that was answered or ended in the last moment of a run is as the next one knows it.
        let is_loose = settling.estimated || (since.is_some() && is_forked);
        if (sum == amount.seconds && charged == micros)
            || (is_loose && amount.seconds <= sum && charged <= micros)
        {
            return Ok(());
        }
        Err(format!(
            "{decision} is billed {amount} for {number:?}; it talked {seconds:?} s, which is {micros} millionths"
        ))
    }

    pub(super) fn resolve(&mut self, reply: &Reply) -> Rule {
        match reply {
            Reply::Settled { id, written_off, .. } if !written_off.is_zero() && !self.may_overrun(*id) => {
                return Err(format!("{id} cost {written_off} more than was reserved"));
            }
            Reply::Settled { id, duplicate: false, .. } | Reply::Released { id, duplicate: false, .. } => {
                *self.resolved.entry(*id).or_default() += 1;
            }
            Reply::Closed { id, resolution } => {
                return Err(format!("{id} was closed already: {resolution:?}"));
            }
            _ => {}
        }
        Ok(())
    }

    /// What the accounts of people say is what their records say.
    pub(super) fn check_sums(&self, vault: &Vault) -> Rule {
        let mut charged = BTreeMap::<String, i64>::new();
        let mut unclear = BTreeSet::new();
        for record in vault.durable().records(&RecordFilter::default()).expect("memory does not fail") {
            let personal = record.reservation.and_then(|id| self.personal.get(&id));
            match (record.person, personal) {
                (Some(person), Some(Some(true))) => {
                    *charged.entry(person.to_string()).or_default() += record.cost.as_micros();
                }
                (Some(person), Some(None)) => drop(unclear.insert(person.to_string())),
                _ => {}
            }
        }
        let mut spent = BTreeMap::<String, i64>::new();
        for (place, balance) in vault.durable().book().balances() {
            // The book beside the gate forgets what is over, and nothing else.
            if vault.book().knows_place(&place) && vault.book().balance(&place) != balance {
                return Err(format!("the book and the store disagree about {}", place.account));
            }
            if let Account::Person(person) = &place.account {
                *spent.entry(person.to_string()).or_default() += balance.settled.money.as_micros();
            }
        }
        charged.retain(|person, micros| *micros != 0 && !unclear.contains(person));
        spent.retain(|person, micros| *micros != 0 && !unclear.contains(person));
        if spent == charged {
            Ok(())
        } else {
            Err(format!("the accounts say {spent:?}, the records {charged:?}"))
        }
    }
}

/// What has grown is beyond its limit; settings may have lowered the limit of what has not.
fn is_broken(limit: Limit, before: Amount, used: Amount) -> bool {
    let has_grown = match limit {
        Limit::Money(_) => used.money > before.money,
        Limit::Seconds(_) => used.seconds > before.seconds,
    };
    has_grown && !limit.covers(used)
}

/// The tariff of the town once more, in plain arithmetic (R61): millionths, rounded up to a hundred of them.
pub(super) fn price(number: &str, seconds: u64) -> i64 {
    // Prefix, per minute and connect in millionths, first and next increment.
    const ROWS: [(&str, u64, u64, u64, u64); 5] = [
        ("+4930", 600_000, 0, 1, 1),
        ("+49800", 0, 0, 60, 60),
        ("+4917", 300_000, 50_000, 30, 6),
        ("+49", 120_000, 0, 60, 60),
        ("+33", 1_200_000, 0, 60, 60),
    ];
    let row = ROWS.iter().find(|(prefix, ..)| number.starts_with(prefix)).expect("a number of the tariff");
    let (_, per_minute, connect, first, next) = *row;
    let billed = if seconds <= first { first } else { first + (seconds - first).div_ceil(next) * next };
    ((connect * 60 + per_minute * billed).div_ceil(60 * 100) * 100) as i64
}
