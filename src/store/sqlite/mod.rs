//! The embedded store: SQLite with a write-ahead log and full synchronisation, one writer, the book beside it in memory. Batches are
//! written into a daybook at once and posted to the tables together.

mod audit;
mod daybook;
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

use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::{Connection, TransactionBehavior};

use crate::ledger::{Book, Command, Reply};

use super::{Bookmark, Earlier, Store, StoreError};

pub use audit::{Difference, audit};
pub use locks::{LockRow, Locks};
pub use notices::{Delivery, NoticeFile};
pub use phones::{PhoneRow, Phones};
pub use reader::SqliteReader;

use file::FileIdentity;
use write::Rows;

/// Resolved reservations kept in memory, so that late repeats need no look into the file: some minutes at full load.
const RESOLVED_KEPT: usize = 20_000;
/// Statements prepared once and kept; the store has about two dozen.
const STATEMENTS_CACHED: usize = 64;

/// Commands that wait to be posted at most: some ten milliseconds of work, which a commit that comes meanwhile waits for.
const UNPOSTED_MAX: usize = 2_048;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteSettings {
    /// How long a commit waits for another process (a backup, a report) to let go of the file.
    pub busy_timeout: Duration,
    /// The largest size of the file in pages of 4 KiB; `None` leaves it to the disk.
    pub page_count_max: Option<u32>,
    /// How long the daybook may hold what the tables do not: readers of the tables are so far behind, and nothing is lost over a
    /// crash. Zero posts each batch as it comes.
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
    /// What the tables do not have yet; the daybook has it, and the book holds its changes as one batch.
    unposted: Unposted,
    /// A commit failed whose batch cannot be taken back alone: the file must be read anew.
    astray: bool,
    /// No reservation in the file has a greater id: a new one need not be looked up.
    newest: u64,
    /// Up to which note of which run everything is written with the batch under way.
    bookmark: Option<Bookmark>,
    /// The last day on which balances of ended periods were dropped from memory.
    swept: NaiveDate,
}

/// What waits to be posted.
#[derive(Debug, Default)]
struct Unposted {
    rows: Rows,
    count: usize,
    /// There is something to clear away in the daybook.
    in_daybook: bool,
    /// When the first of it came.
    since: Option<DateTime<Utc>>,
}

impl Unposted {
    /// Whether this batch is to be posted with all that waits. A clock that was put back does not put the posting off.
    fn is_due(&self, batch: &[Command], post_after: Duration) -> bool {
        let Some(now) = batch.iter().map(Command::at).max() else { return false };
        let waited = (now - self.since.unwrap_or(now)).to_std();
        waited.is_err() || waited.is_ok_and(|waited| waited >= post_after) || self.count >= UNPOSTED_MAX
    }

    fn clear(&mut self) {
        self.rows.clear();
        (self.count, self.since, self.in_daybook) = (0, None, false);
    }
}

impl Sqlite {
    /// Opens the file, creates it if it is not there, brings its tables up to date and reads the open reservations.
    ///
    /// # Errors
    /// The file cannot be used; the operator's to mend.
    pub fn open(path: &Path, settings: SqliteSettings) -> Result<Sqlite, StoreError> {
        let mut connection = open::connect_writer(path, &settings, true)?;
        open::migrate(&mut connection)?;
        let generation = open::next_generation(&connection)?;
        let (book, newest) = open::read_book(&connection)?;
        let mut store = Sqlite {
            path: path.to_owned(),
            settings,
            connection,
            identity: FileIdentity::of(path)?,
            generation,
            book,
            unposted: Unposted::default(),
            astray: false,
            newest,
            bookmark: None,
            swept: NaiveDate::MIN,
        };
        store.post_what_is_left()?;
        store.write_what_was_noted()?;
        Ok(store)
    }

    /// The truth in memory, as of the last commit. It may have forgotten what is long over; the file has not.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// A crash came between commit and posting.
    fn post_what_is_left(&mut self) -> Result<(), StoreError> {
        let left = daybook::unposted(&self.connection)?;
        self.unposted.in_daybook = !left.is_empty();
        if left.is_empty() { Ok(()) } else { self.write(&left, &mut Vec::new(), true) }
    }

    /// A kill came before the commit.
    fn write_what_was_noted(&mut self) -> Result<(), StoreError> {
        let Some(earlier) = &self.settings.noted else { return Ok(()) };
        let (commands, end) = earlier.read(open::noted(&self.connection)?)?;
        if !commands.is_empty() {
            self.bookmark = Some(end);
            self.write(&commands, &mut Vec::new(), true)?;
        }
        self.settings.noted.iter().for_each(Earlier::forget);
        Ok(())
    }

    fn write(&mut self, batch: &[Command], replies: &mut Vec<Reply>, posts: bool) -> Result<(), StoreError> {
        let waits = self.unposted.count > 0;
        if let Err(error) = self.commit(batch, replies, posts) {
            replies.clear();
            self.unposted.clear();
            self.book.revert();
            // What waited is in the daybook, and was taken back from the book with the rest.
            self.astray = waits;
            return Err(error);
        }
        let newest = batch.iter().filter_map(Command::reservation).map(|id| id.as_u64()).max();
        self.newest = self.newest.max(newest.unwrap_or(0));
        if posts {
            self.unposted.clear();
            self.book.keep();
            self.sweep(batch);
        } else {
            self.unposted.in_daybook = true;
            self.unposted.count += batch.len();
            self.unposted.since = self.unposted.since.or_else(|| batch.first().map(Command::at));
        }
        Ok(())
    }

    fn commit(&mut self, batch: &[Command], replies: &mut Vec<Reply>, posts: bool) -> Result<(), StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if open::generation(&transaction)? != self.generation {
            return Err(StoreError::TakenOver);
        }
        let rows = &mut self.unposted.rows;
        for command in batch {
            replies.push(write::command(&transaction, &mut self.book, self.newest, command, rows)?);
        }
        if posts {
            write::post(&transaction, &self.book, rows)?;
            if self.unposted.in_daybook {
                daybook::clear(&transaction)?;
            }
        } else {
            daybook::keep(&transaction, batch)?;
        }
        if let Some(bookmark) = self.bookmark.take() {
            open::set_noted(&transaction, bookmark)?;
        }
        transaction.commit()?;
        // A file moved away or deleted takes commits without complaint; only one that is still there counts.
        self.identity.check(&self.path)
    }

    /// Brings the tables up to date.
    fn post(&mut self) -> Result<(), StoreError> {
        if self.unposted.count == 0 { Ok(()) } else { self.write(&[], &mut Vec::new(), true) }
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
        if self.astray {
            self.recover()?;
        }
        let posts = self.unposted.is_due(batch, self.settings.post_after);
        self.write(batch, replies, posts)
    }

    fn bookmark(&mut self, commands: u64) {
        self.bookmark = self.settings.noted.as_ref().map(|noted| noted.bookmark(commands));
    }

    fn standing(&mut self, today: NaiveDate) -> Result<Book, StoreError> {
        self.post()?;
        open::read_standing(&self.connection, today)
    }

    /// An idle store is one whose tables can be brought up to date.
    fn probe(&mut self) -> Result<(), StoreError> {
        self.identity.check(&self.path)?;
        self.post()
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
        self.unposted.clear();
        self.astray = true;
        self.post_what_is_left()?;
        self.astray = false;
        Ok(())
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // What cannot be posted now is posted by whoever opens the file next.
        let _ = self.post();
    }
}
