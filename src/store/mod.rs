//! Where the ledger and the call records rest: one trait, the embedded SQLite store, a store in memory, and the thread that writes.

mod closing;
mod error;
mod memory;
mod notes;
mod pace;
mod reports;
mod sqlite;
mod tray;
mod unopened;
mod writer;
mod written;

use chrono::NaiveDate;

use crate::ledger::{Book, Command, Reply};

pub use error::StoreError;
pub use memory::Memory;
pub use notes::{Bookmark, Earlier, LAP_BYTES, LAPS_MAX, Notes};
pub use reports::{BalanceFilter, Grouping, OpenReservation, RecordFilter, Reports, Totals};
pub use sqlite::{
    Delivery, Difference, LockRow, Locks, NoticeFile, PhoneRow, Phones, Sqlite, SqliteReader, SqliteSettings,
    audit,
};
pub use tray::{
    ANSWER_PATIENCE, COMMANDS_WAITING_MAX, OPENING_PATIENCE, RECORD_PATIENCE, STALLED_AFTER,
    STATEMENT_PATIENCE, Tray,
};
pub use unopened::Unopened;
pub use writer::{BATCH_MAX, RECORDS_KEPT_MAX, Stopped, Writer, WriterEvent, WriterHandle};
pub use written::LAYOUT;

/// Keeps the ledger. Every store must answer as `ledger::Book` does; one battery of tests runs over all of them.
pub trait Store {
    /// Carries out a whole batch in one durable step and puts one reply for each command, in order, into `replies`.
    ///
    /// # Errors
    /// The store is at fault, never the commands. Nothing of the batch has taken effect as far as this store will ever
    /// answer, and `replies` is empty. A commit whose end is unknown may show after `recover`: commands are idempotent, so
    /// asking again is right.
    fn apply(&mut self, batch: &[Command], replies: &mut Vec<Reply>) -> Result<(), StoreError>;

    /// The next batch ends with the command of this number among all that the process has given. A store that is told what was
    /// noted keeps it with the batch, so that the next start knows what of the notes is written.
    fn bookmark(&mut self, _commands: u64) {}

    /// Does a small piece of the work that has been put off, some milliseconds at the most. To be asked after each `apply`, until it is done.
    ///
    /// # Errors
    /// As `apply`: nothing that was committed is lost.
    fn tend(&mut self) -> Result<Tended, StoreError> {
        Ok(Tended::Done)
    }

    /// What the book beside the gate begins with: every open reservation, and every balance of a period that may not be over
    /// by `today` (UTC).
    ///
    /// # Errors
    /// The store cannot be read.
    fn standing(&mut self, today: NaiveDate) -> Result<Book, StoreError>;

    /// Looks whether a commit would still be kept: cheap enough for once a second.
    ///
    /// # Errors
    /// What stands in the way; `recover` may mend it.
    fn probe(&mut self) -> Result<(), StoreError>;

    /// Opens the store anew and forgets whatever was not committed. It does not create a store that is gone: an empty one
    /// would let everyone spend their limits twice.
    ///
    /// # Errors
    /// What still stands in the way; try again later.
    fn recover(&mut self) -> Result<(), StoreError>;
}

/// What is left of the work that a store has put off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tended {
    /// Nothing that is due.
    Done,
    /// Some; it can wait a little.
    More,
    /// More comes than is done.
    Behind,
}
