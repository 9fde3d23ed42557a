//! Reading beside the writer: reports, exports and the start after a crash, over a connection that cannot write.

use std::path::Path;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter, types::Value};

use crate::base::{DecisionId, Money};
use crate::ledger::{AccountPeriod, Balance, CallRecord};
use crate::store::reports::{QUARTER_SECONDS, start_of_quarter_hour};
use crate::store::{BalanceFilter, Grouping, OpenReservation, RecordFilter, Reports, StoreError, Totals};

use super::{open, progress, rows};

/// A read-only connection; it sees every commit that was made before its query began, and never makes the writer wait.
#[derive(Debug)]
pub struct SqliteReader {
    connection: Connection,
}

impl SqliteReader {
    /// Opens a file that a writer has made.
    ///
    /// # Errors
    /// The file is not there, not ours, or newer than this program.
    pub fn open(path: &Path) -> Result<SqliteReader, StoreError> {
        Ok(SqliteReader { connection: open::connect_reader(path)? })
    }

    /// Gives every call record that the filter lets through to `each`, oldest first, one at a time; its `count_max` is not looked
    /// at.
    ///
    /// # Errors
    /// The store cannot be read, or whatever `each` finds wrong, which ends it.
    pub fn each_record<E: From<StoreError>>(
        &self,
        filter: &RecordFilter,
        mut each: impl FnMut(CallRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        let conditions = Conditions::of(filter);
        let (columns, terms) = (rows::RECORD_COLUMNS, conditions.as_sql());
        let sql = format!("SELECT {columns} FROM call_record{terms} ORDER BY start, decision");
        let mut statement = self.connection.prepare_cached(&sql).map_err(StoreError::from)?;
        let found = statement.query_map(params_from_iter(conditions.values), rows::read_record);
        for record in found.map_err(StoreError::from)? {
            each(record.map_err(StoreError::from)?)?;
        }
        Ok(())
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }
}

impl Reports for SqliteReader {
    fn balances(&self, filter: &BalanceFilter) -> Result<Vec<(AccountPeriod, Balance)>, StoreError> {
        let mut conditions = Conditions::default();
        if let Some(account) = &filter.account {
            conditions.add("account_kind =", Value::from(account.kind().to_owned()));
            conditions.add("account_name =", Value::from(account.name().to_owned()));
        }
        if let Some(period) = filter.period {
            conditions.add("period_kind =", Value::from(period.kind.as_str().to_owned()));
            conditions.add("period_start =", Value::from(rows::date(period.start).to_string()));
        }
        let sql = format!(
            "SELECT account_kind, account_name, period_kind, period_start,
                settled_money, settled_seconds, reserved_money, reserved_seconds FROM balance{}",
            conditions.as_sql()
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let read = |row: &rusqlite::Row<'_>| Ok((rows::read_place(row, 0)?, rows::read_balance(row, 4)?));
        let mut found: Vec<_> = statement
            .query_map(params_from_iter(conditions.values), read)?
            .collect::<rusqlite::Result<_>>()?;
        // In the order of the types, not of their names in columns.
        found.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        Ok(found)
    }

    fn records(&self, filter: &RecordFilter) -> Result<Vec<CallRecord>, StoreError> {
        let conditions = Conditions::of(filter);
        let count = filter.count_max.map_or(-1, i64::from);
        let sql = format!(
            "SELECT {} FROM call_record{} ORDER BY start DESC, decision DESC LIMIT {count}",
            rows::RECORD_COLUMNS,
            conditions.as_sql(),
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let found = statement.query_map(params_from_iter(conditions.values), rows::read_record)?;
        Ok(found.collect::<rusqlite::Result<_>>()?)
    }

    fn record(&self, decision: DecisionId) -> Result<Option<CallRecord>, StoreError> {
        let sql = format!("SELECT {} FROM call_record WHERE decision = ?1", rows::RECORD_COLUMNS);
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement.query_row([decision.as_u64().cast_signed()], rows::read_record).optional()?)
    }

    fn totals(&self, filter: &RecordFilter) -> Result<Totals, StoreError> {
        let conditions = Conditions::of(filter);
        let sql = format!("SELECT {TOTALS} FROM call_record{}", conditions.as_sql());
        let mut statement = self.connection.prepare_cached(&sql)?;
        Ok(statement.query_row(params_from_iter(conditions.values), |row| read_totals(row, 0))?)
    }

    fn totals_by(
        &self,
        filter: &RecordFilter,
        by: Grouping,
    ) -> Result<Vec<(Option<String>, Totals)>, StoreError> {
        let conditions = Conditions::of(filter);
        let column = match by {
            Grouping::Person => "person",
            Grouping::Department => "department",
            Grouping::Class => "class",
            Grouping::Country => "country",
            Grouping::Reason => "reason",
        };
        let sql = format!(
            "SELECT {column}, {TOTALS} FROM call_record{} GROUP BY 1 ORDER BY 1",
            conditions.as_sql()
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let read = |row: &Row<'_>| Ok((row.get(0)?, read_totals(row, 1)?));
        let sums = statement.query_map(params_from_iter(conditions.values), read)?;
        Ok(sums.collect::<rusqlite::Result<_>>()?)
    }

    fn totals_by_quarter_hour(
        &self,
        filter: &RecordFilter,
    ) -> Result<Vec<(DateTime<Utc>, Totals)>, StoreError> {
        let conditions = Conditions::of(filter);
        // Times are microseconds after 1970; division cuts towards zero, and there are no calls before.
        let sql = format!(
            "SELECT start / {}, {TOTALS} FROM call_record{} GROUP BY 1 ORDER BY 1",
            QUARTER_SECONDS * 1_000_000,
            conditions.as_sql()
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let read = |row: &Row<'_>| Ok((start_of_quarter_hour(row.get(0)?), read_totals(row, 1)?));
        let sums = statement.query_map(params_from_iter(conditions.values), read)?;
        Ok(sums.collect::<rusqlite::Result<_>>()?)
    }

    fn open_reservations(&self) -> Result<Vec<OpenReservation>, StoreError> {
        let entries = rows::open_entries(&self.connection)?.into_iter();
        entries
            .map(|(id, entry)| {
                let record = self.record(entry.decision)?;
                let state = progress::state(&self.connection, entry.decision)?;
                Ok(OpenReservation { id, record, state, entry })
            })
            .collect()
    }

    fn free_calls_left(&self) -> Result<Vec<(CallRecord, Box<str>)>, StoreError> {
        progress::free_calls(&self.connection)
    }
}

const TOTALS: &str =
    "count(*), count(reason), count(answer), coalesce(sum(billed_seconds), 0), coalesce(sum(cost), 0),
    coalesce(sum(written_off), 0)";

fn read_totals(row: &Row<'_>, first: usize) -> rusqlite::Result<Totals> {
    let count = |column| row.get::<_, i64>(first + column).map(|count| u64::try_from(count).unwrap_or(0));
    Ok(Totals {
        calls: count(0)?,
        refused: count(1)?,
        answered: count(2)?,
        billed_seconds: count(3)?,
        cost: Money::from_micros(row.get(first + 4)?),
        written_off: Money::from_micros(row.get(first + 5)?),
    })
}

/// The conditions of one query, all of which must hold, and their values in order.
#[derive(Default)]
struct Conditions {
    terms: Vec<&'static str>,
    values: Vec<Value>,
}

impl Conditions {
    fn of(filter: &RecordFilter) -> Conditions {
        let mut conditions = Conditions::default();
        if let Some(from) = filter.from {
            conditions.add("start >=", Value::from(rows::micros(from)));
        }
        if let Some(until) = filter.until {
            conditions.add("start <", Value::from(rows::micros(until)));
        }
        if let Some(person) = &filter.person {
            conditions.add("person =", Value::from(person.to_string()));
        }
        if let Some(department) = &filter.department {
            conditions.add("department =", Value::from(department.to_string()));
        }
        if let Some(refused) = filter.refused {
            conditions.add("(reason IS NOT NULL) =", Value::from(refused));
        }
        conditions
    }

    fn add(&mut self, term: &'static str, value: Value) {
        self.terms.push(term);
        self.values.push(value);
    }

    /// With its WHERE, if there is anything to ask.
    fn as_sql(&self) -> String {
        if self.terms.is_empty() {
            return String::new();
        }
        let terms: Vec<_> =
            (1..).zip(&self.terms).map(|(number, term)| format!("{term} ?{number}")).collect();
        format!(" WHERE {}", terms.join(" AND "))
    }
}
