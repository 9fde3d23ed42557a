//! The embedded store: SQLite with a write-ahead log and full synchronisation, one writer, the book beside it in memory. Batches are
//! written into a daybook at once and posted to the tables together, in small pieces.

mod audit;
mod daybook;
mod file;
mod locks;
mod notices;
mod open;
mod phones;
mod posting;
mod progress;
mod reader;
mod rows;
mod unposted;
mod write;

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::Connection;

use crate::ledger::{Book, Command, Reply};

use super::{Bookmark, Earlier, Store, StoreError, Tended};

pub use audit::{Difference, audit};
pub use locks::{LockRow, Locks};
pub use notices::{Delivery, NoticeFile};
pub use open::SqliteSettings;
pub use phones::{PhoneRow, Phones};
pub use reader::SqliteReader;

use daybook::{Batch, Daybook, Left};
use file::FileIdentity;
use open::Reached;
use posting::{Kept, Posting};
use unposted::{UNPOSTED_MANY, UNPOSTED_MAX, Unposted};
use write::{Horizon, Rows};

/// Resolved reservations kept in memory, so that late repeats need no look into the file: some minutes at full load.
const RESOLVED_KEPT: usize = 20_000;

/// The writer's side of the file. Readers open their own `SqliteReader`.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    settings: SqliteSettings,
    connection: Connection,
    identity: FileIdentity,
    /// The `owner` row as this writer left it.
    generation: i64,
    /// What the tables do not have yet.
    daybook: Option<Daybook>,
    /// Of the ledger, in each batch of its daybook.
    key: i64,
    book: Book,
    /// What waits for the next posting; the daybook has it, and the book holds its changes as one batch.
    unposted: Unposted,
    /// The posting under way.
    posting: Option<Posting>,
    kept: Kept,
    /// Rows that were posted since the write-ahead log was last copied into the database.
    unfolded: usize,
    /// What memory holds is not what the disk holds: the file must be read anew.
    astray: bool,
    /// No reservation in the file has a greater id: a new one need not be looked up.
    newest: u64,
    /// Up to where the tables, and the batches that wait, hold everything.
    reached: Reached,
    /// Up to which note of which run everything is written with the batch under way.
    bookmark: Option<Bookmark>,
    /// The last day on which balances of ended periods were dropped from memory, and whether all others are there.
    swept: NaiveDate,
    is_whole: bool,
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
        let mut store = Sqlite {
            path: path.to_owned(),
            settings,
            identity: FileIdentity::of(path)?,
            connection,
            generation,
            daybook: None,
            key: 0,
            book: Book::default(),
            unposted: Unposted::default(),
            posting: None,
            kept: Kept::default(),
            unfolded: 0,
            astray: false,
            newest: 0,
            reached: Reached::default(),
            bookmark: None,
            swept: NaiveDate::MIN,
            is_whole: false,
        };
        store.read_tables()?;
        store.post_what_is_left()?;
        store.write_what_was_noted()?;
        Ok(store)
    }

    /// The truth in memory, as of the last commit. It may have forgotten what is long over; the file has not.
    pub fn book(&self) -> &Book {
        &self.book
    }

    fn read_tables(&mut self) -> Result<(), StoreError> {
        (self.book, self.newest) = open::read_book(&self.connection)?;
        self.is_whole = false;
        (self.reached, self.key) = open::reached(&self.connection)?;
        self.kept = progress::kept(&self.connection)?;
        Ok(())
    }

    /// A crash came between commit and posting. Then a daybook is begun.
    fn post_what_is_left(&mut self) -> Result<(), StoreError> {
        let older = open::left_by_older_program(&self.connection)?;
        if !older.is_empty() {
            self.write_through(&older, &mut Vec::new(), self.reached, open::clear_older_daybook)?;
        }
        // What was set aside must be gone before more is.
        let left = Left::of_earlier_start(&self.path);
        self.post_all(left.read(self.key)?)?;
        left.forget()?;
        let left = Left::set_aside(&self.path)?;
        self.post_all(left.read(self.key)?)?;
        left.forget()?;
        if !self.settings.post_after.is_zero() {
            self.daybook = Some(Daybook::begin(&self.path, self.key, self.reached.posted)?);
        }
        Ok(())
    }

    /// Posts what follows the last batch that the tables hold.
    fn post_all(&mut self, found: Vec<Batch>) -> Result<(), StoreError> {
        let batches = daybook::following(found, self.reached.posted);
        let Some(last) = batches.last() else { return Ok(()) };
        let reached = Reached { posted: last.number, noted: last.bookmark };
        let commands: Vec<Command> = batches.into_iter().flat_map(|batch| batch.commands).collect();
        self.write_through(&commands, &mut Vec::new(), reached, |_| Ok(()))
    }

    /// A kill came before the commit.
    fn write_what_was_noted(&mut self) -> Result<(), StoreError> {
        let Some(earlier) = &self.settings.noted else { return Ok(()) };
        let (commands, noted) = earlier.read(self.reached.noted)?;
        if !commands.is_empty() {
            let reached = Reached { noted, ..self.reached };
            self.write_through(&commands, &mut Vec::new(), reached, |_| Ok(()))?;
        }
        self.settings.noted.iter().for_each(Earlier::forget);
        Ok(())
    }

    /// Writes the batch to the tables at once, `also` with it; nothing else may wait to be posted.
    fn write_through(
        &mut self,
        batch: &[Command],
        replies: &mut Vec<Reply>,
        reached: Reached,
        also: impl FnOnce(&Connection) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let written = self.try_write_through(batch, replies, reached, also);
        if written.is_err() {
            replies.clear();
            self.book.revert();
            self.give_up_posting();
        }
        written
    }

    fn try_write_through(
        &mut self,
        batch: &[Command],
        replies: &mut Vec<Reply>,
        reached: Reached,
        also: impl FnOnce(&Connection) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (mut rows, horizon) = (Rows::default(), self.horizon());
        for command in batch {
            replies.push(write::command(&self.connection, &mut self.book, horizon, command, &mut rows)?);
        }
        let until = batch.iter().map(Command::at).max();
        let mut posting = Posting::of(&self.book, rows, reached, until);
        posting.begin(&self.connection, self.generation)?;
        also(&self.connection)?;
        while !posting.go_on(&self.connection, self.generation, &mut self.kept)? {}
        // A file moved away or deleted takes commits without complaint; only one that is still there counts.
        self.identity.check(&self.path)?;
        self.book.keep();
        self.reached = reached;
        self.remember_newest(batch);
        self.sweep(until);
        Ok(())
    }

    /// Writes the batch into the daybook; it is posted later.
    fn write_behind(&mut self, batch: &[Command], replies: &mut Vec<Reply>) -> Result<(), StoreError> {
        let Some(daybook) = &mut self.daybook else { return Err(StoreError::Replaced) };
        let noted = self.bookmark.take().unwrap_or(self.reached.noted);
        // Files moved away or deleted take batches without complaint; only those that are still there count.
        self.identity.check(&self.path)?;
        daybook.keep(batch, noted)?;
        self.reached = Reached { posted: daybook.number(), noted };
        let (horizon, rows) = (self.horizon(), &mut self.unposted.rows);
        for command in batch {
            replies.push(write::command(&self.connection, &mut self.book, horizon, command, rows)?);
        }
        self.remember_newest(batch);
        self.unposted.add(batch);
        if self.unposted.count >= UNPOSTED_MAX { self.post() } else { Ok(()) }
    }

    fn horizon(&self) -> Horizon {
        Horizon { newest: self.newest, whole_on: self.is_whole.then_some(self.swept) }
    }

    fn remember_newest(&mut self, batch: &[Command]) {
        let ids = batch.iter().filter_map(Command::reservation).map(|id| id.as_u64());
        self.newest = ids.fold(self.newest, u64::max);
    }

    /// What waits is posted from now on, and what comes waits for the next time.
    fn begin_posting(&mut self) -> Result<(), StoreError> {
        if let Some(daybook) = &mut self.daybook {
            daybook.turn()?;
        }
        let (rows, until) = self.unposted.take();
        self.posting = Some(Posting::of(&self.book, rows, self.reached, until));
        self.book.keep();
        Ok(())
    }

    /// One piece of the posting under way, if there is one.
    fn go_on_posting(&mut self) -> Result<(), StoreError> {
        let Some(mut posting) = self.posting.take() else { return Ok(()) };
        if !posting.go_on(&self.connection, self.generation, &mut self.kept)? {
            self.posting = Some(posting);
            return Ok(());
        }
        let until = posting.until();
        self.unfolded += posting.rows();
        self.unposted.reuse(posting.into_rows());
        self.identity.check(&self.path)?;
        self.sweep(until);
        Ok(())
    }

    /// Brings the tables up to date.
    fn post(&mut self) -> Result<(), StoreError> {
        loop {
            while self.posting.is_some() {
                self.go_on_posting()?;
            }
            if self.unposted.count == 0 {
                return Ok(());
            }
            self.begin_posting()?;
        }
    }

    /// Whatever goes wrong while the tables lag behind, the daybook has what memory may have lost.
    fn or_go_astray<T>(&mut self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if done.is_err() {
            self.astray = true;
            self.give_up_posting();
        }
        done
    }

    /// The tables stay as they were before it.
    fn give_up_posting(&mut self) {
        self.posting = None;
        if !self.connection.is_autocommit() {
            // A connection that cannot go back is closed by whoever recovers, which does the same.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    /// Forgets in memory what is over and stands in the tables; the file brings it back if it is asked for.
    fn sweep(&mut self, now: Option<DateTime<Utc>>) {
        self.book.forget_resolved(RESOLVED_KEPT);
        if let Some(today) = now.map(|now| now.date_naive()).filter(|today| *today > self.swept) {
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
        let written = if self.settings.post_after.is_zero() {
            let noted = self.bookmark.take().unwrap_or(self.reached.noted);
            self.write_through(batch, replies, Reached { noted, ..self.reached }, |_| Ok(()))
        } else {
            self.write_behind(batch, replies)
        };
        if written.is_err() {
            replies.clear();
        }
        self.or_go_astray(written)
    }

    fn bookmark(&mut self, commands: u64) {
        self.bookmark = self.settings.noted.as_ref().map(|noted| noted.bookmark(commands));
    }

    fn tend(&mut self) -> Result<Tended, StoreError> {
        let is_due = |store: &Sqlite| store.unposted.is_due(store.settings.post_after);
        if self.astray {
            return Ok(Tended::Done);
        }
        if self.posting.is_none() && self.unfolded >= open::CHECKPOINT_ROWS {
            self.unfolded = 0;
            open::checkpoint(&self.connection);
            return Ok(Tended::More);
        }
        if self.posting.is_none() && !is_due(self) {
            return Ok(Tended::Done);
        }
        let begun = if self.posting.is_none() { self.begin_posting() } else { Ok(()) };
        let done = begun.and_then(|()| self.go_on_posting());
        self.or_go_astray(done)?;
        Ok(match self.posting {
            Some(_) if self.unposted.count >= UNPOSTED_MANY => Tended::Behind,
            None if !is_due(self) => Tended::Done,
            Some(_) | None => Tended::More,
        })
    }

    fn standing(&mut self, today: NaiveDate) -> Result<Book, StoreError> {
        let posted = self.post();
        self.or_go_astray(posted)?;
        let standing = open::read_standing(&self.connection, today)?;
        // From here on nobody's first call of a day has to be looked up.
        let unknown = standing.balances().into_iter().filter(|(place, _)| !self.book.knows_place(place));
        let unknown: Vec<_> = unknown.collect();
        unknown.into_iter().for_each(|(place, balance)| self.book.restore_balance(place, balance));
        (self.swept, self.is_whole) = (self.swept.max(today), true);
        Ok(standing)
    }

    /// An idle store is one whose tables can be brought up to date.
    fn probe(&mut self) -> Result<(), StoreError> {
        self.identity.check(&self.path)?;
        self.daybook.iter().try_for_each(Daybook::check)?;
        if self.astray {
            return self.recover();
        }
        let posted = self.post();
        self.or_go_astray(posted)
    }

    fn recover(&mut self) -> Result<(), StoreError> {
        self.astray = true;
        self.give_up_posting();
        let connection = open::connect_writer(&self.path, &self.settings, false)?;
        // A writer that came later keeps the file; taking it back would make the two take turns at failing.
        if open::generation(&connection)? > self.generation {
            return Err(StoreError::TakenOver);
        }
        self.generation = open::next_generation(&connection)?;
        self.identity = FileIdentity::of(&self.path)?;
        self.connection = connection;
        self.unposted = Unposted::default();
        self.read_tables()?;
        if let Some(daybook) = &self.daybook {
            let own = daybook.read()?;
            self.post_all(own)?;
        }
        self.daybook = None;
        self.post_what_is_left()?;
        self.astray = false;
        Ok(())
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // What cannot be posted now is posted by whoever opens the file next.
        if !self.astray && self.post().is_ok() {
            self.daybook.iter().for_each(Daybook::end);
        }
    }
}
