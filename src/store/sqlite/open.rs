//! Opening the file: settings of the connection, migrations in numbered files, the writer's generation, the book read back.

use std::path::Path;

use chrono::{Days, NaiveDate};
use rusqlite::{Connection, OpenFlags, Row, TransactionBehavior};

use crate::base::ReservationId;
use crate::ledger::{AccountPeriod, Book};
use crate::store::{Bookmark, StoreError};

use super::{STATEMENTS_CACHED, SqliteSettings, rows};

/// "TOLL" in ASCII: tells our files from other applications' (PRAGMA application_id).
const APPLICATION_ID: i32 = 0x544F_4C4C;

/// In order; a file's `user_version` is the count of those it has seen. They are never edited once released, only added to.
const MIGRATIONS: [&str; 5] = [
    include_str!("migrations/0001_ledger.sql"),
    include_str!("migrations/0002_fewer_indices.sql"),
    include_str!("migrations/0003_calls_in_progress.sql"),
    include_str!("migrations/0004_daybook.sql"),
    include_str!("migrations/0005_noted.sql"),
];

/// Pages of the write-ahead log after which it is copied into the database: 16 MiB. Pages that are written again and again,
/// such as the last of the journal, are copied once for many commits; a start after a crash reads the log within milliseconds.
const CHECKPOINT_PAGES: u32 = 4_096;
/// KiB of pages kept in memory: the balances and index pages of some ten thousand people, so that a commit reads nothing.
const CACHE_KIBIBYTES: i64 = 32 * 1_024;

/// A month, and the days until a period is over everywhere on Earth.
const LONGEST_PERIOD: Days = Days::new(40);

pub(super) fn connect_writer(
    path: &Path,
    settings: &SqliteSettings,
    create: bool,
) -> Result<Connection, StoreError> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    } else {
        // Says "gone" where SQLite would only say "cannot open".
        std::fs::metadata(path)?;
    }
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(settings.busy_timeout)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    if let Some(count) = settings.page_count_max {
        connection.pragma_update(None, "max_page_count", count)?;
    }
    check_application(&connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // Every commit is on the disk before its replies leave (R91).
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    // A negative size is in KiB, not in pages.
    connection.pragma_update(None, "cache_size", -CACHE_KIBIBYTES)?;
    // After a checkpoint the log is cut back to 16 MiB, so that one busy hour does not fill the disk for good.
    connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
    Ok(connection)
}

pub(super) fn connect_reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(SqliteSettings::default().busy_timeout)?;
    check_application(&connection)?;
    let found = version(&connection)?;
    if found as usize > MIGRATIONS.len() {
        return Err(StoreError::TooNew { found, known: MIGRATIONS.len() as u32 });
    }
    Ok(connection)
}

/// Runs the migrations that the file has not seen, each in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let known = MIGRATIONS.len() as u32;
    let found = version(connection)?;
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    for (number, migration) in (1..=known).zip(MIGRATIONS).skip(found as usize) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", number)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Makes this connection the one that may write: any other writer finds out at its next batch.
pub(super) fn next_generation(connection: &Connection) -> Result<i64, StoreError> {
    let sql = "UPDATE owner SET generation = generation + 1 RETURNING generation";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

pub(super) fn generation(connection: &Connection) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT generation FROM owner")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Up to which note everything is written.
pub(super) fn noted(connection: &Connection) -> Result<Bookmark, StoreError> {
    let read = |row: &Row<'_>| {
        Ok(Bookmark {
            run: row.get::<_, i64>(0)?.cast_unsigned(),
            count: row.get::<_, i64>(1)?.cast_unsigned(),
        })
    };
    Ok(connection.query_row("SELECT run, noted FROM owner", [], read)?)
}

pub(super) fn set_noted(connection: &Connection, bookmark: Bookmark) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("UPDATE owner SET run = ?1, noted = ?2")?;
    statement.execute([bookmark.run.cast_signed(), bookmark.count.cast_signed()])?;
    Ok(())
}

/// The open reservations with the balances they are held in, and the greatest id in the file. The rest is read when asked for.
pub(super) fn read_book(connection: &Connection) -> Result<(Book, u64), StoreError> {
    let mut book = Book::default();
    for (id, entry) in rows::open_entries(connection)? {
        for line in entry.lines.iter() {
            restore_place(connection, &mut book, &line.place())?;
        }
        book.restore_entry(id, entry);
    }
    let newest = "SELECT coalesce(max(id), 0) FROM reservation";
    let newest: i64 = connection.query_row(newest, [], |row| row.get(0))?;
    Ok((book, newest.cast_unsigned()))
}

/// The open reservations, and every balance of a period that may not be over by `today`.
pub(super) fn read_standing(connection: &Connection, today: NaiveDate) -> Result<Book, StoreError> {
    let (mut book, _) = read_book(connection)?;
    let first = today.checked_sub_days(LONGEST_PERIOD).unwrap_or(NaiveDate::MIN);
    for (place, balance) in rows::balances_since(connection, first)? {
        book.restore_balance(place, balance);
    }
    book.forget_ended_periods(today);
    Ok(book)
}

/// Brings the balance of `place` back into the book if the book has forgotten it.
pub(super) fn restore_place(
    connection: &Connection,
    book: &mut Book,
    place: &AccountPeriod,
) -> Result<(), StoreError> {
    if !book.knows_place(place) {
        let balance = rows::balance(connection, place)?;
        book.restore_balance(place.clone(), balance);
    }
    Ok(())
}

/// Brings a reservation back that the book has forgotten, with its balances.
pub(super) fn restore_entry(
    connection: &Connection,
    book: &mut Book,
    id: ReservationId,
) -> Result<(), StoreError> {
    if book.entry(id).is_none()
        && let Some(entry) = rows::entry(connection, id)?
    {
        book.restore_entry(id, entry);
    }
    Ok(())
}

fn version(connection: &Connection) -> Result<u32, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// An empty file may become ours; one of another application may not.
fn check_application(connection: &Connection) -> Result<(), StoreError> {
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if id == APPLICATION_ID || (id == 0 && tables == 0) { Ok(()) } else { Err(StoreError::Foreign) }
}
