//! Commands as rows, and rows as statements: every row that commands change is written once, when they are posted, as it then stands.

use std::collections::{HashMap, hash_map};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::{Connection, params};

use crate::base::{DecisionId, ReservationId};
use crate::ledger::{AccountPeriod, Amount, Balance, Book, BudgetLine, CallRecord, Command, Entry, Reply};
use crate::store::StoreError;
use crate::store::closing::{apply_with_record, ends_progress, state_after};

use super::{open, rows};

/// What is to be posted besides the changes of the book.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) journal: Vec<JournalLine>,
    /// In the order of their first command.
    pub(super) calls: Vec<CallRows>,
    places: HashMap<DecisionId, usize, ahash::RandomState>,
}

/// The rows of one call.
#[derive(Debug)]
pub(super) struct CallRows {
    pub(super) decision: DecisionId,
    pub(super) record: Option<CallRecord>,
    pub(super) progress: Progress,
}

/// What becomes of the row that the next run would take the call up from.
#[derive(Debug, Default)]
pub(super) enum Progress {
    #[default]
    Untouched,
    Kept(Box<str>),
    Over,
}

/// Room for so many calls and lines is kept for the next posting: what a thousand calls a second leave in between.
const ROWS_KEPT: usize = 2_048;

impl Rows {
    /// The same, empty, with the room that they stood in.
    pub(super) fn emptied(mut self) -> Rows {
        self.journal.clear();
        self.journal.shrink_to(ROWS_KEPT);
        self.calls.clear();
        self.calls.shrink_to(ROWS_KEPT);
        self.places.clear();
        self.places.shrink_to(ROWS_KEPT);
        self
    }

    fn of(&mut self, decision: DecisionId) -> &mut CallRows {
        let place = match self.places.entry(decision) {
            hash_map::Entry::Occupied(place) => *place.get(),
            hash_map::Entry::Vacant(place) => {
                self.calls.push(CallRows { decision, record: None, progress: Progress::Untouched });
                *place.insert(self.calls.len() - 1)
            }
        };
        &mut self.calls[place]
    }
}

/// What is known of the tables without looking.
#[derive(Clone, Copy, Debug)]
pub(super) struct Horizon {
    /// No reservation has a greater id.
    pub(super) newest: u64,
    /// Every balance of a period that was not surely over by this day is in the book.
    pub(super) whole_on: Option<NaiveDate>,
}

impl Horizon {
    fn covers(self, place: &AccountPeriod) -> bool {
        self.whole_on.is_some_and(|day| !Book::is_surely_over(place.period, day))
    }
}

/// Applies one command to the book, and takes note of its journal line and its call's rows.
pub(super) fn command(
    connection: &Connection,
    book: &mut Book,
    horizon: Horizon,
    command: &Command,
    rows: &mut Rows,
) -> Result<Reply, StoreError> {
    bring_back(connection, book, horizon, command)?;
    let known = command.reservation().is_some_and(|id| book.entry(id).is_some());
    let (reply, record) = apply_with_record(book, command);
    if takes_effect(&reply, known) {
        rows.journal.extend(journal_line(command));
    }
    if let Some((decision, state)) = state_after(command, &reply) {
        rows.of(decision).progress = Progress::Kept(state.into());
    }
    if let Some(record) = record {
        let call = rows.of(record.decision);
        if ends_progress(&record) {
            call.progress = Progress::Over;
        }
        call.record = Some(record.into_owned());
    }
    Ok(reply)
}

/// Budget lines as JSON, by where they stand in memory: a reservation and its line of the journal name the same ones.
#[derive(Debug, Default)]
pub(super) struct Texts(HashMap<usize, Box<str>, ahash::RandomState>);

impl Texts {
    /// The posting holds on to `lines` until it is over.
    fn of(&mut self, lines: &Arc<[BudgetLine]>) -> &str {
        self.0.entry(lines.as_ptr().addr()).or_insert_with(|| rows::lines_to_json(lines))
    }
}

/// Whatever the command is about that the book has forgotten, from the file. Also the places of a call that holds nothing:
/// charging them unread would overwrite what they held.
fn bring_back(
    connection: &Connection,
    book: &mut Book,
    horizon: Horizon,
    command: &Command,
) -> Result<(), StoreError> {
    if let Some(id) = command.reservation().filter(|id| id.as_u64() <= horizon.newest) {
        open::restore_entry(connection, book, id)?;
        let held_in = book.entry(id).filter(|entry| entry.is_open()).map(|entry| Arc::clone(&entry.lines));
        restore_places(connection, book, horizon, held_in.as_deref().unwrap_or_default())?;
    }
    match command {
        Command::Reserve(reserve) => restore_places(connection, book, horizon, &reserve.budgets),
        Command::Extend(extend) => restore_places(connection, book, horizon, &extend.budgets),
        Command::Answer(_)
        | Command::Settle(_)
        | Command::Release(_)
        | Command::Expire(_)
        | Command::Record(_)
        | Command::Remember(_) => Ok(()),
    }
}

fn restore_places(
    connection: &Connection,
    book: &mut Book,
    horizon: Horizon,
    lines: &[BudgetLine],
) -> Result<(), StoreError> {
    for place in lines.iter().map(BudgetLine::place) {
        if !horizon.covers(&place) {
            open::restore_place(connection, book, &place)?;
        }
    }
    Ok(())
}

/// Whether the command changed the book, so that a replay of the journal needs it. A repeated Extend may be there twice;
/// replaying it is as harmless as asking twice.
fn takes_effect(reply: &Reply, known: bool) -> bool {
    match reply {
        Reply::Reserved(_) => !known,
        Reply::Extended(_) => true,
        Reply::Settled { duplicate, .. } | Reply::Released { duplicate, .. } => !duplicate,
        Reply::Refused { .. }
        | Reply::ExtendRefused { .. }
        | Reply::Answered { .. }
        | Reply::Closed { .. }
        | Reply::Unknown { .. }
        | Reply::Recorded { .. }
        | Reply::Unavailable { .. } => false,
    }
}

/// A line of the journal, before it has a number.
#[derive(Debug)]
pub(super) struct JournalLine {
    kind: &'static str,
    reservation: ReservationId,
    decision: Option<DecisionId>,
    amount: Amount,
    charged: Amount,
    budgets: Option<Arc<[BudgetLine]>>,
    at: DateTime<Utc>,
}

fn journal_line(command: &Command) -> Option<JournalLine> {
    let reservation = command.reservation()?;
    let at = command.at();
    let bare = |kind, amount| JournalLine {
        kind,
        reservation,
        decision: None,
        amount,
        charged: Amount::ZERO,
        budgets: None,
        at,
    };
    match command {
        Command::Reserve(reserve) => Some(JournalLine {
            decision: Some(reserve.decision),
            budgets: Some(Arc::clone(&reserve.budgets)),
            ..bare("reserve", reserve.amount)
        }),
        Command::Extend(extend) => Some(JournalLine {
            charged: extend.charged,
            budgets: Some(Arc::clone(&extend.budgets)),
            ..bare(if extend.anew { "revise" } else { "extend" }, extend.total)
        }),
        Command::Settle(settle) => Some(bare("settle", settle.amount)),
        Command::Release(_) => Some(bare("release", Amount::ZERO)),
        Command::Expire(_) => Some(bare("expire", Amount::ZERO)),
        // No money moves.
        Command::Answer(_) | Command::Record(_) | Command::Remember(_) => None,
    }
}

pub(super) fn journal(
    connection: &Connection,
    lines: &[JournalLine],
    texts: &mut Texts,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO journal
            (kind, reservation, decision, money, seconds, charged_money, charged_seconds, budgets, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for line in lines {
        statement.execute(params![
            line.kind,
            line.reservation.as_u64().cast_signed(),
            line.decision.map(|decision| decision.as_u64().cast_signed()),
            line.amount.money.as_micros(),
            rows::whole(line.amount.seconds),
            line.charged.money.as_micros(),
            rows::whole(line.charged.seconds),
            line.budgets.as_ref().map(|lines| texts.of(lines)),
            rows::micros(line.at),
        ])?;
    }
    Ok(())
}

pub(super) fn balances(
    connection: &Connection,
    balances: &[(AccountPeriod, Balance)],
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO balance VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT DO UPDATE SET settled_money = ?5, settled_seconds = ?6, reserved_money = ?7, reserved_seconds = ?8",
    )?;
    for (place, balance) in balances {
        statement.execute(params![
            place.account.kind(),
            place.account.name(),
            place.period.kind.as_str(),
            &*rows::date(place.period.start),
            balance.settled.money.as_micros(),
            rows::whole(balance.settled.seconds),
            balance.reserved.money.as_micros(),
            rows::whole(balance.reserved.seconds),
        ])?;
    }
    Ok(())
}

/// A reservation as it then stands.
#[derive(Debug)]
pub(super) struct ReservationRow {
    pub(super) id: ReservationId,
    pub(super) entry: Entry,
    /// It stands in the file already, under the same budgets.
    pub(super) is_amended: bool,
}

pub(super) fn reservations(
    connection: &Connection,
    changed: &[ReservationRow],
    texts: &mut Texts,
) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO reservation VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
         ON CONFLICT DO UPDATE SET state = ?3, held_money = ?4, held_seconds = ?5, settled_money = ?6, settled_seconds = ?7,
            written_off_money = ?8, written_off_seconds = ?9, warned = ?10, budgets = ?11, changed = ?13",
    )?;
    // Most that last end so.
    let mut amend = connection.prepare_cached(
        "UPDATE reservation SET state = ?2, held_money = ?3, held_seconds = ?4, settled_money = ?5, settled_seconds = ?6,
            written_off_money = ?7, written_off_seconds = ?8, warned = ?9, changed = ?10 WHERE id = ?1",
    )?;
    for ReservationRow { id, entry, is_amended } in changed {
        let written_off = entry.written_off();
        if *is_amended {
            amend.execute(params![
                id.as_u64().cast_signed(),
                rows::state(entry.standing),
                entry.held().money.as_micros(),
                rows::whole(entry.held().seconds),
                entry.settled.money.as_micros(),
                rows::whole(entry.settled.seconds),
                written_off.money.as_micros(),
                rows::whole(written_off.seconds),
                entry.warned,
                entry.changed.as_i64(),
            ])?;
            continue;
        }
        insert.execute(params![
            id.as_u64().cast_signed(),
            entry.decision.as_u64().cast_signed(),
            rows::state(entry.standing),
            entry.held().money.as_micros(),
            rows::whole(entry.held().seconds),
            entry.settled.money.as_micros(),
            rows::whole(entry.settled.seconds),
            written_off.money.as_micros(),
            rows::whole(written_off.seconds),
            entry.warned,
            texts.of(&entry.lines),
            entry.opened.as_i64(),
            entry.changed.as_i64(),
        ])?;
    }
    Ok(())
}

/// Writes or replaces the rows of attempts. Who called and when stay as first written, whatever becomes of the call: an
/// update that names them would write the index by start anew.
pub(super) fn records<'r>(
    connection: &Connection,
    records: impl Iterator<Item = &'r CallRecord>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO call_record VALUES
            (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)
         ON CONFLICT DO UPDATE SET reservation = ?2, department = ?4, site = ?5, raw = ?6, canonical = ?7,
            class = ?8, country = ?9, reason = ?10, rule = ?11, policy_version = ?12, tariff_prefix = ?13, tariff_from = ?14,
            trunk = ?15, answer = ?17, \"end\" = ?18, billed_seconds = ?19, cost = ?20, written_off = ?21,
            end_cause = ?22, status = ?23, estimated = ?24",
    )?;
    for record in records {
        statement.execute(params![
            record.decision.as_u64().cast_signed(),
            record.reservation.map(|id| id.as_u64().cast_signed()),
            record.person,
            record.department,
            record.site,
            record.raw,
            record.canonical,
            record.class,
            record.country,
            record.reason,
            record.rule,
            rows::whole(record.policy_version),
            record.tariff.as_ref().map(|mark| &mark.prefix),
            record.tariff.as_ref().map(|mark| rows::date(mark.valid_from)).as_deref(),
            record.trunk,
            rows::micros(record.start),
            record.answer.map(rows::micros),
            record.end.map(rows::micros),
            rows::whole(record.billed_seconds),
            record.cost.as_micros(),
            record.written_off.as_micros(),
            record.end_cause.map(|cause| cause.code()),
            record.status,
            record.estimated,
        ])?;
    }
    Ok(())
}
