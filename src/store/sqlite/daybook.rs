//! The daybook: batches as they came, each in one row, until they are posted to the tables together. A commit so touches a page or
//! two instead of the scattered pages of balances, reservations, records and their indices; what is posted is written once, as it
//! stands by then.

use rusqlite::{Connection, params};

use crate::ledger::Command;
use crate::store::{StoreError, written};

use super::rows;

/// Writes one batch down.
pub(super) fn keep(connection: &Connection, batch: &[Command]) -> Result<(), StoreError> {
    let mut text = Vec::new();
    for command in batch {
        written::add(command, &mut text);
    }
    let mut statement =
        connection.prepare_cached("INSERT INTO daybook (commands, layout) VALUES (?1, ?2)")?;
    statement.execute(params![text, written::LAYOUT])?;
    Ok(())
}

/// Everything that is not posted, in order.
pub(super) fn unposted(connection: &Connection) -> Result<Vec<Command>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT commands, layout FROM daybook ORDER BY sequence")?;
    let batches = statement.query_map([], |row| {
        let mut left = row.get_ref(0)?.as_blob().map_err(|_| rows::unreadable(0))?;
        let mut batch = Vec::new();
        while let Some((command, rest)) = written::first(left) {
            batch.push(command);
            left = rest;
        }
        // A row is there whole or not at all: what cannot be read was written by another program.
        let is_known = row.get::<_, u8>(1)? == written::LAYOUT && left.is_empty();
        if is_known { Ok(batch) } else { Err(rows::unreadable(0)) }
    })?;
    let batches: Vec<Vec<Command>> = batches.collect::<rusqlite::Result<_>>()?;
    Ok(batches.into_iter().flatten().collect())
}

/// All of it stands in the tables.
pub(super) fn clear(connection: &Connection) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM daybook")?.execute([])?;
    Ok(())
}
