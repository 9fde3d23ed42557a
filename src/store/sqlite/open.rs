//! Opening the file: settings of the connection, migrations in numbered files, the writer's generation, the book read back.

use std::path::Path;
use std::time::Duration;

use chrono::{Days, NaiveDate};
use rusqlite::{Connection, OpenFlags, Row, TransactionBehavior};

use crate::base::ReservationId;
use crate::ledger::{AccountPeriod, Book, Command};
use crate::store::{Bookmark, Earlier, StoreError, written};

use super::rows;

/// "TOLL" in ASCII: tells our files from other applications' (PRAGMA application_id).
const APPLICATION_ID: i32 = 0x544F_4C4C;

/// In order; a file's `user_version` is the count of those it has seen. They are never edited once released, only added to.
const MIGRATIONS: [&str; 7] = [
    include_str!("migrations/0001_ledger.sql"),
    include_str!("migrations/0002_fewer_indices.sql"),
    include_str!("migrations/0003_calls_in_progress.sql"),
    include_str!("migrations/0004_daybook.sql"),
    include_str!("migrations/0005_noted.sql"),
    include_str!("migrations/0006_daybook_file.sql"),
    include_str!("migrations/0007_lighter_rows.sql"),
];

/// Rows that are posted before the write-ahead log is copied into the database, as a step of its own: some hundred pages, a few milliseconds
/// of work. More, and whoever shares a core with it waits for longer; fewer, and pages that each posting writes are copied for each.
pub(super) const CHECKPOINT_ROWS: usize = 8_192;
/// Pages of the write-ahead log after which SQLite does that with a commit, should nobody have done it: 16 MiB.
const CHECKPOINT_PAGES: u32 = 4_096;
/// Statements prepared once and kept; the store has about two dozen.
const STATEMENTS_CACHED: usize = 64;

/// A month, and the days until a period is over everywhere on Earth.
const LONGEST_PERIOD: Days = Days::new(40);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteSettings {
    /// How long a commit waits for another process (a backup, a report) to let go of the file.
    pub busy_timeout: Duration,
    /// The largest size of the file in pages of 4 KiB; `None` leaves it to the disk.
    pub page_count_max: Option<u32>,
    /// How long the daybook may hold what the tables do not: readers of the tables are so far behind, and nothing is lost over a
    /// crash. Zero posts each batch as it comes, without a daybook.
    pub post_after: Duration,
    /// What earlier runs have noted, to be written when the file is opened, and the number of this one.
    pub noted: Option<Earlier>,
}

impl SqliteSettings {
    /// As a gate under load wants it: a call that is over within a second touches each of its rows once.
    pub fn posting_behind() -> SqliteSettings {
        SqliteSettings { post_after: Duration::from_secs(1), ..SqliteSettings::default() }
    }
}

impl Default for SqliteSettings {
    fn default() -> SqliteSettings {
        SqliteSettings {
            busy_timeout: Duration::from_secs(2),
            page_count_max: None,
            post_after: Duration::ZERO,
            noted: None,
        }
    }
}

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
    // Its cache stays at SQLite's own 2 MB: more only grows with the calls in progress, and what is read again comes from the kernel's.
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

/// Copies the write-ahead log into the database as far as readers allow. What could not be copied is copied the next time.
pub(super) fn checkpoint(connection: &Connection) {
    // A log that cannot be copied is as safe as before; a disk that is at fault shows it with the next commit.
    let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
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

/// Up to where the tables hold everything.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reached {
    /// The last batch of the daybook.
    pub(super) posted: u64,
    /// The last of the notes.
    pub(super) noted: Bookmark,
}

/// Up to where the tables hold everything, and what the ledger's daybook is known by.
pub(super) fn reached(connection: &Connection) -> Result<(Reached, i64), StoreError> {
    let read = |row: &Row<'_>| {
        let noted = Bookmark {
            run: row.get::<_, i64>(0)?.cast_unsigned(),
            count: row.get::<_, i64>(1)?.cast_unsigned(),
        };
        Ok((Reached { posted: row.get::<_, i64>(2)?.cast_unsigned(), noted }, row.get(3)?))
    };
    Ok(connection.query_row("SELECT run, noted, posted, daybook FROM owner", [], read)?)
}

pub(super) fn set_reached(connection: &Connection, reached: Reached) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached("UPDATE owner SET run = ?1, noted = ?2, posted = ?3")?;
    let Reached { posted, noted } = reached;
    statement.execute([noted.run.cast_signed(), noted.count.cast_signed(), posted.cast_signed()])?;
    Ok(())
}

/// What an older program has left in its daybook, which was a table; whoever posts it clears it away in the same step.
pub(super) fn left_by_older_program(connection: &Connection) -> Result<Vec<Command>, StoreError> {
    let mut statement = connection.prepare("SELECT commands, layout FROM daybook ORDER BY sequence")?;
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

pub(super) fn clear_older_daybook(connection: &Connection) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM daybook")?.execute([])?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::DecisionId;
    use crate::ledger::CallRecord;
    use crate::store::{Reports as _, Sqlite, SqliteReader};

    #[test]
    fn what_an_older_program_has_left_in_its_daybook_is_posted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger.sqlite");
        let mut older = Connection::open(&path).expect("a file");
        for (number, migration) in (1..=5).zip(MIGRATIONS) {
            older.execute_batch(migration).expect("an older ledger");
            older.pragma_update(None, "user_version", number).expect("a version");
        }
        older.pragma_update(None, "application_id", APPLICATION_ID).expect("an id");
        let start = chrono::DateTime::from_timestamp(1_795_431_600, 0).expect("a valid instant");
        let record = CallRecord::new(DecisionId::from_u64(7), "112", start);
        let mut text = Vec::new();
        written::add(&Command::Record(Box::new(record.clone())), &mut text);
        let put = "INSERT INTO daybook (commands, layout) VALUES (?1, ?2)";
        older.execute(put, rusqlite::params![text, written::LAYOUT]).expect("a batch");
        assert_eq!(left_by_older_program(&older).expect("a batch").len(), 1);
        migrate(&mut older).expect("brought up to date");
        drop(older);

        drop(Sqlite::open(&path, SqliteSettings::posting_behind()).expect("a ledger of today"));
        let reader = SqliteReader::open(&path).expect("a reader");
        assert_eq!(reader.record(record.decision).expect("a row"), Some(record));
        assert!(left_by_older_program(reader.connection()).expect("a table").is_empty());
        drop(Sqlite::open(&path, SqliteSettings::posting_behind()).expect("once more"));
    }
}
