//! Calls in progress as the next run of the gate takes them up: one text each, which the gate alone reads, from the answer to the end.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};

use crate::base::DecisionId;
use crate::ledger::CallRecord;
use crate::store::StoreError;

use super::rows;

pub(super) fn keep(connection: &Connection, decision: DecisionId, state: &str) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare_cached("INSERT OR REPLACE INTO call_in_progress VALUES (?1, ?2)")?;
    statement.execute(params![decision.as_u64().cast_signed(), state])?;
    Ok(())
}

pub(super) fn forget(connection: &Connection, decision: DecisionId) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("DELETE FROM call_in_progress WHERE decision = ?1")?;
    statement.execute([decision.as_u64().cast_signed()])?;
    Ok(())
}

/// The calls that the table has a row of.
pub(super) fn kept(connection: &Connection) -> Result<HashSet<DecisionId, ahash::RandomState>, StoreError> {
    let mut statement = connection.prepare("SELECT decision FROM call_in_progress")?;
    let found =
        statement.query_map([], |row| Ok(DecisionId::from_u64(row.get::<_, i64>(0)?.cast_unsigned())))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn state(connection: &Connection, decision: DecisionId) -> Result<Option<Box<str>>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT state FROM call_in_progress WHERE decision = ?1")?;
    let found = statement.query_row([decision.as_u64().cast_signed()], |row| row.get(0)).optional()?;
    Ok(found.map(String::into_boxed_str))
}

/// Those that no money was reserved for.
pub(super) fn free_calls(connection: &Connection) -> Result<Vec<(CallRecord, Box<str>)>, StoreError> {
    let sql = format!(
        "SELECT {}, (SELECT state FROM call_in_progress WHERE decision = call_record.decision) FROM call_record
         WHERE decision IN (SELECT decision FROM call_in_progress) AND end_cause IS NULL
             AND NOT EXISTS (SELECT 1 FROM reservation WHERE id = call_record.reservation)",
        rows::RECORD_COLUMNS
    );
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_map([], |row| {
        let record = rows::read_record(row)?;
        Ok((record, row.get::<_, String>(rows::RECORD_COLUMN_COUNT)?.into_boxed_str()))
    })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}
