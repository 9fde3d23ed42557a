//! The embedded store: SQLite with a write-ahead log and full synchronisation, one writer, the book beside it in memory.

mod audit;
mod file;
mod locks;
mod notices;
mod open;
mod phones;
mod progress;
mod reader;
mod rows;
mod write;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::NaiveDate;
use rusqlite::{Connection, TransactionBehavior};

use crate::ledger::{Book, Command, Reply};

use super::{Store, StoreError};

pub use audit::{Difference, audit};
pub use locks::{LockRow, Locks};
pub use notices::{Delivery, NoticeFile};
pub use phones::{PhoneRow, Phones};
pub use reader::SqliteReader;

use file::FileIdentity;

/// Resolved reservations kept in memory, so that late repeats need no look into the file: some minutes at full load.
const RESOLVED_KEPT: usize = 20_000;
/// Statements prepared once and kept; the store has about two dozen.
const STATEMENTS_CACHED: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteSettings {
    /// How long a commit waits for another process (a backup, a report) to let go of the file.
    pub busy_timeout: Duration,
    /// The largest size of the file in pages of 4 KiB; `None` leaves it to the disk.
    pub page_count_max: Option<u32>,
}

impl Default for SqliteSettings {
    fn default() -> SqliteSettings {
        SqliteSettings { busy_timeout: Duration::from_secs(2), page_count_max: None }
    }
}

/// The writer's side of the file. Readers open their own `SqliteReader`.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    settings: SqliteSettings,
    connection: Connection,
    identity: FileIdentity,
    /// The `owner` row as this writer left it.
    generation: i64,
    book: Book,
    /// No reservation in the file has a greater id: a new one need not be looked up.
    newest: u64,
    /// The last day on which balances of ended periods were dropped from memory.
    swept: NaiveDate,
}

impl Sqlite {
    /// Opens the file, creates it if it is not there, brings its tables up to date and reads the open reservations.
    ///
    /// # Errors
    /// The file cannot be used; the operator's to mend.
    pub fn open(path: &Path, settings: SqliteSettings) -> Result<Sqlite, StoreError> {
        let mut connection = open::connect_writer(path, &settings, true)?;
        open::migrate(&mut connection)?;
        Sqlite::take_over(path.to_owned(), settings, connection)
    }

    fn take_over(
        path: PathBuf,
        settings: SqliteSettings,
        connection: Connection,
    ) -> Result<Sqlite, StoreError> {
        let generation = open::next_generation(&connection)?;
        let (book, newest) = open::read_book(&connection)?;
        let identity = FileIdentity::of(&path)?;
        let swept = NaiveDate::MIN;
        Ok(Sqlite { path, settings, connection, identity, generation, book, newest, swept })
    }

    /// The truth in memory, as of the last commit. It may have forgotten what is long over; the file has not.
    pub fn book(&self) -> &Book {
        &self.book
    }

    fn apply_in_transaction(
        &mut self,
        batch: &[Command],
        replies: &mut Vec<Reply>,
    ) -> Result<(), StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if open::generation(&transaction)? != self.generation {
            return Err(StoreError::TakenOver);
        }
        for command in batch {
            let reply = write::command(&transaction, &mut self.book, self.newest, command)?;
            replies.push(reply);
        }
        write::changes(&transaction, &self.book)?;
        transaction.commit()?;
        // A file moved away or deleted takes commits without complaint; only one that is still there counts.
        self.identity.check(&self.path)
    }

    /// Forgets in memory what is over; the file brings it back if it is asked for.
    fn sweep(&mut self, batch: &[Command]) {
        self.book.forget_resolved(RESOLVED_KEPT);
        let today = batch.iter().map(Command::at).max().map(|at| at.date_naive());
        if let Some(today) = today.filter(|today| *today > self.swept) {
            self.book.forget_ended_periods(today);
            self.swept = today;
        }
    }
}

impl Store for Sqlite {
    fn apply(&mut self, batch: &[Command], replies: &mut Vec<Reply>) -> Result<(), StoreError> {
        replies.clear();
        if let Err(error) = self.apply_in_transaction(batch, replies) {
            replies.clear();
            self.book.revert();
            return Err(error);
        }
        let newest = batch.iter().filter_map(Command::reservation).map(|id| id.as_u64()).max();
        self.newest = self.newest.max(newest.unwrap_or(0));
        self.book.keep();
        self.sweep(batch);
        Ok(())
    }

    fn standing(&mut self, today: NaiveDate) -> Result<Book, StoreError> {
        open::read_standing(&self.connection, today)
    }

    fn probe(&mut self) -> Result<(), StoreError> {
        self.identity.check(&self.path)
    }

    fn recover(&mut self) -> Result<(), StoreError> {
        let connection = open::connect_writer(&self.path, &self.settings, false)?;
        // A writer that came later keeps the file; taking it back would make the two take turns at failing.
        if open::generation(&connection)? > self.generation {
            return Err(StoreError::TakenOver);
        }
        self.generation = open::next_generation(&connection)?;
        let identity = FileIdentity::of(&self.path)?;
        (self.book, self.newest) = open::read_book(&connection)?;
        (self.connection, self.identity) = (connection, identity);
        Ok(())
    }
}
