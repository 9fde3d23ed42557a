//! After the calls: what the phones saw and what the ledger holds, against what had to come of it.

use std::time::Duration;

use super::phone::{Ended, Outcome};
use super::story::{Call, Verdict};
use crate::base::Money;
use crate::ledger::{Account, CallRecord, EndCause, PeriodKind};
use crate::store::{BalanceFilter, RecordFilter, Reports, StoreError};

/// One call with all that is known of it.
pub struct Reviewed {
    pub call: Call,
    pub outcome: Outcome,
    pub record: Option<CallRecord>,
    /// Each says what is otherwise than it had to be.
    pub faults: Vec<String>,
}

impl Reviewed {
    pub fn price(&self) -> Money {
        self.record.as_ref().map_or(Money::ZERO, |record| record.cost)
    }

    /// What the gate said: the stored verdict, not what was expected.
    pub fn verdict(&self) -> &str {
        match &self.record {
            Some(record) => record.reason.as_deref().unwrap_or("permitted"),
            None => Verdict::TurnedAway.code(),
        }
    }
}

/// The sums of the whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    pub permitted: usize,
    pub refused: usize,
    pub turned_away: usize,
    /// The sum of the prices in the call records.
    pub prices: Money,
    /// What the ledger has settled for the company.
    pub settled: Money,
    /// What it still holds reserved.
    pub reserved: Money,
    /// Calls that reached a trunk that answers.
    pub heard: usize,
}

/// What there is to tell.
pub struct Review {
    pub calls: Vec<Reviewed>,
    pub sums: Sums,
    /// What is wrong with the whole rather than with one call.
    pub faults: Vec<String>,
    pub took: Duration,
}

impl Review {
    pub fn is_right(&self) -> bool {
        self.faults.is_empty() && self.calls.iter().all(|call| call.faults.is_empty())
    }
}

/// What the demo has seen.
pub struct Seen {
    pub outcomes: Vec<Outcome>,
    pub heard: usize,
    /// What went wrong before the first call.
    pub faults: Vec<String>,
    pub took: Duration,
}

/// Compares everything.
///
/// # Errors
/// The ledger cannot be read.
pub fn review(calls: &[Call], seen: Seen, ledger: &impl Reports) -> Result<Review, StoreError> {
    let mut records = ledger.records(&RecordFilter::default())?;
    let named: Vec<_> = seen.outcomes.iter().map(|outcome| take_named(&mut records, outcome)).collect();
    let reviewed: Vec<Reviewed> = calls
        .iter()
        .zip(seen.outcomes)
        .zip(named)
        .map(|((call, outcome), named)| {
            let record = named.or_else(|| take_unnamed(&mut records, call, &outcome));
            let faults = faults(call, &outcome, record.as_ref());
            Reviewed { call: *call, outcome, record, faults }
        })
        .collect();
    let sums = sums(&reviewed, seen.heard, ledger)?;
    let mut whole = seen.faults;
    whole.extend(
        records.iter().map(|record| format!("a record of no call: {} to {}", record.decision, record.raw)),
    );
    whole.extend(faults_of_sums(calls, &sums, ledger)?);
    Ok(Review { calls: reviewed, sums, faults: whole, took: seen.took })
}

/// The record of the verdict whose id the phone was told.
fn take_named(records: &mut Vec<CallRecord>, outcome: &Outcome) -> Option<CallRecord> {
    let decision = outcome.decision.as_deref()?;
    let at = records.iter().position(|record| record.decision.to_string() == decision)?;
    Some(records.swap_remove(at))
}

/// The record of a call that ended before its phone heard of any id: one whose callee was busy, for instance.
fn take_unnamed(records: &mut Vec<CallRecord>, call: &Call, outcome: &Outcome) -> Option<CallRecord> {
    if outcome.decision.is_some() || call.must.verdict == Verdict::TurnedAway {
        return None;
    }
    let fits =
        |record: &CallRecord| record.person.as_deref() == call.must.payer && *record.raw == *call.dials;
    let at = records.iter().position(fits)?;
    Some(records.swap_remove(at))
}

fn faults(call: &Call, outcome: &Outcome, record: Option<&CallRecord>) -> Vec<String> {
    let must = &call.must;
    let mut faults = Vec::new();
    let mut compare = |what: &str, right: &str, found: &str| {
        if right != found {
            faults.push(format!("{what} is {found}, not {right}"));
        }
    };
    let text = |value: Option<&str>| value.unwrap_or("none").to_owned();
    compare("the answer", &must.status.to_string(), &outcome.status.to_string());
    let ended = ending(call);
    if !ended.is_empty() {
        compare("the end", ended, seen_ending(outcome));
    }
    compare("what came of the talk", &text(must.aside), &text(outcome.aside.as_deref()));
    let Some(record) = record else {
        if must.verdict != Verdict::TurnedAway {
            faults.push("the ledger has no record of it".to_owned());
        }
        return faults;
    };
    compare("the verdict", must.verdict.code(), record.reason.as_deref().unwrap_or("permitted"));
    compare("the price", must.price, &record.cost.to_string());
    compare("the trunk", &text(must.trunk), &text(record.trunk.as_deref()));
    compare("the person on record", &text(must.payer), &text(record.person.as_deref()));
    compare("the recorded end", must.end.code(), record.end_cause.map_or("open", EndCause::code));
    faults
}

/// How the call must have ended for the phone; empty where that says nothing new.
fn ending(call: &Call) -> &'static str {
    match call.must.end {
        EndCause::CallerHungUp => "hung up here",
        EndCause::CalleeHungUp => "hung up there",
        EndCause::CutMoney => "cut: budget spent",
        EndCause::Refused
        | EndCause::Cancelled
        | EndCause::Declined
        | EndCause::NoAnswer
        | EndCause::Failed => "never answered",
        EndCause::CutTime | EndCause::CutRights | EndCause::Dead | EndCause::Lost => "",
    }
}

fn seen_ending(outcome: &Outcome) -> &'static str {
    match &outcome.ended {
        Ended::NeverAnswered => "never answered",
        Ended::ByUs => "hung up here",
        Ended::ByThem { .. } if outcome.reason() == Some("Budget spent") => "cut: budget spent",
        Ended::ByThem { .. } => "hung up there",
        Ended::Lost => "lost",
    }
}

fn sums(reviewed: &[Reviewed], heard: usize, ledger: &impl Reports) -> Result<Sums, StoreError> {
    let filter = BalanceFilter { account: Some(Account::Company), period: None };
    let mut sums = Sums { heard, ..Sums::default() };
    for (place, balance) in ledger.balances(&filter)? {
        if place.period.kind == PeriodKind::Day {
            sums.settled += balance.settled.money;
            sums.reserved += balance.reserved.money;
        }
    }
    for call in reviewed {
        sums.prices += call.price();
        match &call.record {
            None => sums.turned_away += 1,
            Some(record) if record.reason.is_some() => sums.refused += 1,
            Some(_) => sums.permitted += 1,
        }
    }
    Ok(sums)
}

fn faults_of_sums(calls: &[Call], sums: &Sums, ledger: &impl Reports) -> Result<Vec<String>, StoreError> {
    let mut faults = Vec::new();
    if sums.prices != sums.settled {
        faults.push(format!("the calls cost {}, but the ledger has settled {}", sums.prices, sums.settled));
    }
    let open = ledger.open_reservations()?.len();
    if open > 0 || !sums.reserved.is_zero() {
        faults.push(format!("{open} reservations are open, {} is still reserved", sums.reserved));
    }
    let due = calls.iter().filter(|call| call.must.trunk.is_some()).count();
    if sums.heard != due {
        faults.push(format!("{} calls reached a trunk that answers, {due} had to", sums.heard));
    }
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::super::story::permitted;
    use super::*;
    use crate::base::DecisionId;

    #[test]
    fn whatever_is_otherwise_is_named() {
        let call = permitted("ada", "23125501", "0.02", "A call.").by(Some("harbour"));
        let mut outcome = Outcome { status: 200, ended: Ended::ByUs, ..Outcome::default() };
        let start = DateTime::from_timestamp(1_800_000_000, 0).expect("an instant");
        let mut record = CallRecord::new(DecisionId::from_u64(1), "23125501", start);
        record.person = Some("ada".into());
        record.trunk = Some("harbour".into());
        record.cost = Money::from_micros(20_000);
        record.end_cause = Some(EndCause::CallerHungUp);
        assert_eq!(faults(&call, &outcome, Some(&record)), Vec::<String>::new());

        record.cost = Money::from_micros(30_000);
        outcome.status = 403;
        assert_eq!(
            faults(&call, &outcome, Some(&record)),
            ["the answer is 403, not 200", "the price is 0.03, not 0.02"]
        );
        outcome.status = 200;
        assert_eq!(faults(&call, &outcome, None), ["the ledger has no record of it"]);
    }
}
