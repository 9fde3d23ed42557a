//! The auditor: recomputes the ledger from its journal and compares it with what the tables say. Trusts nothing but the journal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Row};

use crate::base::{DecisionId, Money, ReservationId};
use crate::ledger::{
    AccountPeriod, Amount, Balance, Book, BudgetLine, CallRecord, Command, Entry, Expire, Extend, Release,
    Reserve, Settle,
};
use crate::store::{BalanceFilter, RecordFilter, Reports, StoreError};

use super::{SqliteReader, rows};

/// One thing that is not as the journal says. A sound ledger has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// A balance differs.
    Balance { place: AccountPeriod, journal: Balance, table: Balance },
    /// A reservation differs, or is in one of the two only.
    Reservation { id: ReservationId, journal: Option<Box<Entry>>, table: Option<Box<Entry>> },
    /// A reservation without its call record.
    NoRecord { id: ReservationId, decision: DecisionId },
    /// A finished call's cost is not what its reservations were charged.
    Cost { decision: DecisionId, charged: Money, record: Money },
    /// What is reserved in a place is not the sum of the open reservations there.
    Reserved { place: AccountPeriod, open: Amount, table: Amount },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Balance { place, journal, table } => write!(
                f,
                "{}, {}: the journal gives {} settled and {} reserved, the table {} and {}",
                place.account, place.period, journal.settled, journal.reserved, table.settled, table.reserved
            ),
            Difference::Reservation { id, journal, table } => {
                let state =
                    |entry: &Option<Box<Entry>>| entry.as_ref().map_or("none", |e| rows::state(e.standing));
                write!(f, "reservation {id}: journal {}, table {}", state(journal), state(table))
            }
            Difference::NoRecord { id, decision } => write!(f, "reservation {id}: no call record {decision}"),
            Difference::Cost { decision, charged, record } => {
                write!(f, "call {decision}: {charged} was charged, its record says {record}")
            }
            Difference::Reserved { place, open, table } => write!(
                f,
                "{}, {}: open reservations hold {open}, the balance says {table}",
                place.account, place.period
            ),
        }
    }
}

/// Recomputes the whole ledger in the file and reports every difference, in a stable order. It reads one snapshot, also while
/// a writer is at work.
///
/// # Errors
/// The file cannot be read, or holds rows that Tollgate never wrote.
pub fn audit(path: &Path) -> Result<Vec<Difference>, StoreError> {
    let reader = SqliteReader::open(path)?;
    let snapshot = reader.connection().unchecked_transaction()?;
    let (book, ids) = replay(&snapshot)?;
    let entries: BTreeMap<_, _> = rows::all_entries(&snapshot)?.into_iter().collect();
    let mut differences = Vec::new();
    compare_balances(&book, &reader, &entries, &mut differences)?;
    compare_entries(&book, &ids, &entries, &mut differences);
    compare_records(&reader, &entries, &mut differences)?;
    Ok(differences)
}

fn replay(connection: &Connection) -> Result<(Book, BTreeSet<ReservationId>), StoreError> {
    let mut statement = connection.prepare(
        "SELECT kind, reservation, decision, money, seconds, charged_money, charged_seconds, budgets, at
         FROM journal ORDER BY sequence",
    )?;
    let mut book = Book::default();
    let mut ids = BTreeSet::new();
    let commands = statement.query_map([], read_command)?;
    for command in commands {
        let command = command?;
        ids.extend(command.reservation());
        book.apply(&command);
        book.keep();
    }
    Ok((book, ids))
}

fn read_command(row: &Row<'_>) -> rusqlite::Result<Command> {
    let id = ReservationId::from_u64(row.get::<_, i64>(1)?.cast_unsigned());
    let amount = rows::read_amount(row, 3)?;
    let at = rows::read_instant(row, 8)?;
    let budgets = || -> rusqlite::Result<Arc<[BudgetLine]>> {
        let json: String = row.get(7)?;
        rows::lines_from_json(&json).ok_or_else(|| rows::unreadable(7))
    };
    Ok(match row.get::<_, String>(0)?.as_str() {
        "reserve" => {
            let decision = DecisionId::from_u64(row.get::<_, i64>(2)?.cast_unsigned());
            // The journal holds money; what else was known of the call stands in its record.
            let record = Box::new(CallRecord::new(decision, "", at));
            Command::Reserve(Reserve { id, decision, amount, budgets: budgets()?, at, record })
        }
        kind @ ("extend" | "revise") => {
            let (charged, anew) = (rows::read_amount(row, 5)?, kind == "revise");
            Command::Extend(Extend { id, charged, total: amount, budgets: budgets()?, anew, at })
        }
        "settle" => Command::Settle(Settle { id, amount, at, record: None }),
        "release" => Command::Release(Release { id, at, record: None }),
        "expire" => Command::Expire(Expire { id, at, record: None }),
        _ => return Err(rows::unreadable(0)),
    })
}

fn compare_balances(
    book: &Book,
    reader: &SqliteReader,
    entries: &BTreeMap<ReservationId, Entry>,
    differences: &mut Vec<Difference>,
) -> Result<(), StoreError> {
    let mut places: BTreeMap<AccountPeriod, (Balance, Balance)> = BTreeMap::new();
    for (place, balance) in book.balances() {
        places.entry(place).or_default().0 = balance;
    }
    for (place, balance) in reader.balances(&BalanceFilter::default())? {
        places.entry(place).or_default().1 = balance;
    }
    let mut held: BTreeMap<AccountPeriod, Amount> = BTreeMap::new();
    for entry in entries.values().filter(|entry| entry.is_open()) {
        let here: BTreeSet<_> = entry.lines.iter().map(BudgetLine::place).collect();
        here.into_iter().for_each(|place| *held.entry(place).or_default() += entry.held());
    }
    for (place, (journal, table)) in places {
        let open = held.get(&place).copied().unwrap_or_default();
        if open != table.reserved {
            differences.push(Difference::Reserved { place: place.clone(), open, table: table.reserved });
        }
        if journal != table {
            differences.push(Difference::Balance { place, journal, table });
        }
    }
    Ok(())
}

fn compare_entries(
    book: &Book,
    ids: &BTreeSet<ReservationId>,
    entries: &BTreeMap<ReservationId, Entry>,
    differences: &mut Vec<Difference>,
) {
    let all: BTreeSet<_> = ids.iter().chain(entries.keys()).copied().collect();
    for id in all {
        let (journal, table) = (book.entry(id), entries.get(&id));
        if journal != table {
            let boxed = |entry: Option<&Entry>| entry.cloned().map(Box::new);
            differences.push(Difference::Reservation { id, journal: boxed(journal), table: boxed(table) });
        }
    }
}

fn compare_records(
    reader: &SqliteReader,
    entries: &BTreeMap<ReservationId, Entry>,
    differences: &mut Vec<Difference>,
) -> Result<(), StoreError> {
    let records = reader.records(&RecordFilter::default())?;
    let records: BTreeMap<_, _> = records.iter().map(|record| (record.decision, record)).collect();
    let mut charged: BTreeMap<DecisionId, Money> = BTreeMap::new();
    for (id, entry) in entries {
        if !entry.is_open() {
            *charged.entry(entry.decision).or_default() += entry.settled.money;
        }
        if !records.contains_key(&entry.decision) {
            differences.push(Difference::NoRecord { id: *id, decision: entry.decision });
        }
    }
    for (decision, record) in records.iter().filter(|(_, record)| record.end_cause.is_some()) {
        let charged = charged.get(decision).copied().unwrap_or_default();
        if charged != record.cost {
            differences.push(Difference::Cost { decision: *decision, charged, record: record.cost });
        }
    }
    Ok(())
}
