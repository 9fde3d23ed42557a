//! A posting: what had changed at one moment, written to the tables in small pieces, all within one transaction, so that whoever reads sees
//! all of it or nothing. Between two pieces the writing thread can commit to the daybook, or leave its core to others.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rusqlite::Connection;

use crate::base::DecisionId;
use crate::ledger::{AccountPeriod, Balance, Book};
use crate::store::StoreError;

use super::open::Reached;
use super::write::{self, Progress, ReservationRow, Rows, Texts};
use super::{open, progress};

/// Rows of one piece: about half a millisecond of work, which an answer that is to be written meanwhile waits for.
const PIECE_ROWS: usize = 48;

/// The calls that `call_in_progress` has a row of.
pub(super) type Kept = HashSet<DecisionId, ahash::RandomState>;

#[derive(Debug)]
pub(super) struct Posting {
    rows: Rows,
    balances: Vec<(AccountPeriod, Balance)>,
    reservations: Vec<ReservationRow>,
    /// Up to where the tables hold everything when it is over.
    reached: Reached,
    until: Option<DateTime<Utc>>,
    texts: Texts,
    /// How much of each is written.
    journal_done: usize,
    balances_done: usize,
    reservations_done: usize,
    calls_done: usize,
    is_begun: bool,
}

impl Posting {
    /// Of everything that the book has changed since it was last kept, and the rows that go with it; the last of it was said at `until`.
    pub(super) fn of(book: &Book, rows: Rows, reached: Reached, until: Option<DateTime<Utc>>) -> Posting {
        let balances = book.changed_balances().map(|(place, balance)| (place.clone(), balance)).collect();
        let mut reservations = Vec::with_capacity(rows.calls.len());
        reservations.extend(book.changed_entries().map(|(id, entry, before)| ReservationRow {
            id,
            entry: entry.clone(),
            is_amended: before.is_some_and(|before| Arc::ptr_eq(&before.lines, &entry.lines)),
        }));
        Posting {
            rows,
            balances,
            reservations,
            reached,
            until,
            texts: Texts::default(),
            journal_done: 0,
            balances_done: 0,
            reservations_done: 0,
            calls_done: 0,
            is_begun: false,
        }
    }

    /// When the last of what it posts was said.
    pub(super) fn until(&self) -> Option<DateTime<Utc>> {
        self.until
    }

    /// The rows that it has written, beside those of the book.
    pub(super) fn into_rows(self) -> Rows {
        self.rows
    }

    /// How many it writes.
    pub(super) fn rows(&self) -> usize {
        self.rows.journal.len() + self.balances.len() + self.reservations.len() + self.rows.calls.len()
    }

    pub(super) fn begin(&mut self, connection: &Connection, generation: i64) -> Result<(), StoreError> {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        self.is_begun = true;
        if open::generation(connection)? == generation { Ok(()) } else { Err(StoreError::TakenOver) }
    }

    /// Writes the next piece; true when it was the last one and all is committed.
    pub(super) fn go_on(
        &mut self,
        connection: &Connection,
        generation: i64,
        kept: &mut Kept,
    ) -> Result<bool, StoreError> {
        if !self.is_begun {
            self.begin(connection, generation)?;
        }
        if self.write_piece(connection, kept)? {
            return Ok(false);
        }
        open::set_reached(connection, self.reached)?;
        connection.execute_batch("COMMIT")?;
        Ok(true)
    }

    /// False if there was nothing left to write.
    fn write_piece(&mut self, connection: &Connection, kept: &mut Kept) -> Result<bool, StoreError> {
        let mut room = PIECE_ROWS;
        let lines = next(&self.rows.journal, &mut self.journal_done, &mut room);
        if !lines.is_empty() {
            write::journal(connection, lines, &mut self.texts)?;
        }
        let balances = next(&self.balances, &mut self.balances_done, &mut room);
        if !balances.is_empty() {
            write::balances(connection, balances)?;
        }
        let reservations = next(&self.reservations, &mut self.reservations_done, &mut room);
        if !reservations.is_empty() {
            write::reservations(connection, reservations, &mut self.texts)?;
        }
        let calls = next(&self.rows.calls, &mut self.calls_done, &mut room);
        if !calls.is_empty() {
            write::records(connection, calls.iter().filter_map(|call| call.record.as_ref()))?;
        }
        for call in calls {
            match &call.progress {
                Progress::Untouched => {}
                Progress::Kept(state) => {
                    progress::keep(connection, call.decision, state)?;
                    kept.insert(call.decision);
                }
                Progress::Over if kept.remove(&call.decision) => progress::forget(connection, call.decision)?,
                Progress::Over => {}
            }
        }
        Ok(room < PIECE_ROWS)
    }
}

/// As many of them as there is room for, from where the last piece ended.
fn next<'r, T>(rows: &'r [T], done: &mut usize, room: &mut usize) -> &'r [T] {
    let end = rows.len().min(*done + *room);
    let piece = &rows[*done..end];
    *room -= piece.len();
    *done = end;
    piece
}
