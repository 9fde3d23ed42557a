//! What is asked of a store beside the money path: balances, call records, sums, calls left open by a crash.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::base::{DecisionId, Money, ReservationId};
use crate::ledger::{Account, AccountPeriod, Balance, CallRecord, Entry, PeriodKey};

use super::StoreError;

/// Reading never waits for the writer.
pub trait Reports {
    /// Balances in order of account and period.
    ///
    /// # Errors
    /// The store cannot be read.
    fn balances(&self, filter: &BalanceFilter) -> Result<Vec<(AccountPeriod, Balance)>, StoreError>;

    /// Call records, newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    fn records(&self, filter: &RecordFilter) -> Result<Vec<CallRecord>, StoreError>;

    /// The call record of one verdict.
    ///
    /// # Errors
    /// The store cannot be read.
    fn record(&self, decision: DecisionId) -> Result<Option<CallRecord>, StoreError>;

    /// Sums over the call records that the filter lets through; its `count_max` is not looked at.
    ///
    /// # Errors
    /// The store cannot be read.
    fn totals(&self, filter: &RecordFilter) -> Result<Totals, StoreError>;

    /// Sums as `totals`, one for each value of `by`, in order of the value; calls without one come first.
    ///
    /// # Errors
    /// The store cannot be read.
    fn totals_by(
        &self,
        filter: &RecordFilter,
        by: Grouping,
    ) -> Result<Vec<(Option<String>, Totals)>, StoreError>;

    /// Sums as `totals`, one for each quarter of an hour with calls, in order. In every zone in use a day begins with one.
    ///
    /// # Errors
    /// The store cannot be read.
    fn totals_by_quarter_hour(
        &self,
        filter: &RecordFilter,
    ) -> Result<Vec<(DateTime<Utc>, Totals)>, StoreError>;

    /// Reservations of calls that have not ended as far as the store knows, in order of id: for the start after a crash (R91).
    ///
    /// # Errors
    /// The store cannot be read.
    fn open_reservations(&self) -> Result<Vec<OpenReservation>, StoreError>;
}

/// `None` lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BalanceFilter {
    pub account: Option<Account>,
    pub period: Option<PeriodKey>,
}

/// `None` lets everything through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordFilter {
    /// Calls that started at or after this.
    pub from: Option<DateTime<Utc>>,
    /// Calls that started before this.
    pub until: Option<DateTime<Utc>>,
    pub person: Option<Arc<str>>,
    pub department: Option<Arc<str>>,
    /// Only refused calls, or only permitted ones.
    pub refused: Option<bool>,
    pub count_max: Option<u32>,
}

/// What calls can be summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grouping {
    Person,
    Department,
    Class,
    Country,
    /// Of refusals; permitted calls have none.
    Reason,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub calls: u64,
    pub refused: u64,
    pub answered: u64,
    pub billed_seconds: u64,
    pub cost: Money,
    pub written_off: Money,
}

/// A reservation without an end, and the opening row of its call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenReservation {
    pub id: ReservationId,
    pub entry: Entry,
    pub record: Option<CallRecord>,
}

impl BalanceFilter {
    pub(super) fn admits(&self, place: &AccountPeriod) -> bool {
        self.account.as_ref().is_none_or(|account| *account == place.account)
            && self.period.is_none_or(|period| period == place.period)
    }
}

impl RecordFilter {
    pub(super) fn admits(&self, record: &CallRecord) -> bool {
        self.from.is_none_or(|from| record.start >= from)
            && self.until.is_none_or(|until| record.start < until)
            && (self.person.is_none() || self.person == record.person)
            && (self.department.is_none() || self.department == record.department)
            && self.refused.is_none_or(|refused| refused == record.reason.is_some())
    }
}

/// The quarter of an hour that an instant lies in, in whole ones since 1970.
pub(super) fn quarter_hour(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(QUARTER_SECONDS)
}

pub(super) fn start_of_quarter_hour(quarter: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(quarter.saturating_mul(QUARTER_SECONDS), 0).unwrap_or_default()
}

pub(super) const QUARTER_SECONDS: i64 = 15 * 60;

impl Grouping {
    pub(super) fn value(self, record: &CallRecord) -> Option<&str> {
        match self {
            Grouping::Person => record.person.as_deref(),
            Grouping::Department => record.department.as_deref(),
            Grouping::Class => record.class.as_deref(),
            Grouping::Country => record.country.as_deref(),
            Grouping::Reason => record.reason.as_deref(),
        }
    }
}

impl Totals {
    /// Takes another sum in.
    pub fn merge(&mut self, other: Totals) {
        self.calls += other.calls;
        self.refused += other.refused;
        self.answered += other.answered;
        self.billed_seconds += other.billed_seconds;
        self.cost += other.cost;
        self.written_off += other.written_off;
    }

    pub(super) fn add(&mut self, record: &CallRecord) {
        self.calls += 1;
        self.refused += u64::from(record.reason.is_some());
        self.answered += u64::from(record.answer.is_some());
        self.billed_seconds += record.billed_seconds;
        self.cost += record.cost;
        self.written_off += record.written_off;
    }
}
