//! Notices and their deliveries between two runs of the gate: a file of their own beside the ledger's, so that a notice goes out though the
//! ledger cannot be written, and a slow receiver never holds up a commit of money.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::store::StoreError;

/// How long a notice that was delivered is remembered: longer than the longest period, so that none is told twice.
const REMEMBERED: TimeDelta = TimeDelta::days(70);

/// How long another process may hold the file.
const BUSY: Duration = Duration::from_secs(2);

/// One notice on its way to one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The same for every try, and for every receiver of one notice.
    pub id: String,
    pub kind: String,
    pub body: String,
    /// How often it was tried in vain.
    pub tries: u32,
    /// When the notice was made.
    pub made: DateTime<Utc>,
}

#[derive(Debug)]
pub struct NoticeFile {
    connection: Connection,
}

impl NoticeFile {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// The file cannot be used, or is something else.
    pub fn open(path: &Path) -> Result<NoticeFile, StoreError> {
        NoticeFile::over(Connection::open(path)?)
    }

    /// A file that is none: what it holds is gone with the process.
    ///
    /// # Errors
    /// No memory.
    pub fn in_memory() -> Result<NoticeFile, StoreError> {
        NoticeFile::over(Connection::open_in_memory()?)
    }

    fn over(connection: Connection) -> Result<NoticeFile, StoreError> {
        connection.busy_timeout(BUSY)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // A notice may be lost with the power, never with the process.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS notice (
                 id   TEXT PRIMARY KEY,
                 kind TEXT NOT NULL,
                 made INTEGER NOT NULL,
                 -- As JSON.
                 body TEXT NOT NULL
             ) STRICT;
             CREATE TABLE IF NOT EXISTS delivery (
                 notice   TEXT NOT NULL,
                 receiver TEXT NOT NULL,
                 tries    INTEGER NOT NULL,
                 -- Unix microseconds.
                 due      INTEGER NOT NULL,
                 PRIMARY KEY (notice, receiver)
             ) STRICT, WITHOUT ROWID;
             CREATE INDEX IF NOT EXISTS delivery_due ON delivery (receiver, due);",
        )?;
        Ok(NoticeFile { connection })
    }

    /// Takes a notice in and lines it up for its receivers. False if it was told before.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn put(
        &mut self,
        id: &str,
        kind: &str,
        body: &str,
        made: DateTime<Utc>,
        receivers: &[&str],
    ) -> Result<bool, StoreError> {
        let transaction = self.connection.transaction()?;
        let micros = made.timestamp_micros();
        let insert = "INSERT OR IGNORE INTO notice VALUES (?1, ?2, ?3, ?4)";
        let is_new = transaction.execute(insert, params![id, kind, micros, body])? > 0;
        for receiver in receivers.iter().filter(|_| is_new) {
            let insert = "INSERT OR IGNORE INTO delivery VALUES (?1, ?2, 0, ?3)";
            transaction.execute(insert, params![id, receiver, micros])?;
        }
        transaction.commit()?;
        Ok(is_new)
    }

    /// The delivery that this receiver is to get next, if one is due by `now`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn due(&self, receiver: &str, now: DateTime<Utc>) -> Result<Option<Delivery>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, kind, body, tries, made FROM delivery JOIN notice ON id = notice
             WHERE receiver = ?1 AND due <= ?2 ORDER BY due, made, id LIMIT 1",
        )?;
        let read = |row: &Row<'_>| {
            Ok(Delivery {
                id: row.get(0)?,
                kind: row.get(1)?,
                body: row.get(2)?,
                tries: row.get(3)?,
                made: DateTime::from_timestamp_micros(row.get(4)?).unwrap_or_default(),
            })
        };
        Ok(statement.query_row(params![receiver, now.timestamp_micros()], read).optional()?)
    }

    /// When the next delivery to this receiver is due.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn next_due(&self, receiver: &str) -> Result<Option<DateTime<Utc>>, StoreError> {
        let mut statement =
            self.connection.prepare_cached("SELECT min(due) FROM delivery WHERE receiver = ?1")?;
        let micros: Option<i64> = statement.query_row([receiver], |row| row.get(0))?;
        Ok(micros.and_then(DateTime::from_timestamp_micros))
    }

    /// The receiver has it, or never will.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn done(&self, id: &str, receiver: &str) -> Result<(), StoreError> {
        let delete = "DELETE FROM delivery WHERE notice = ?1 AND receiver = ?2";
        self.connection.execute(delete, params![id, receiver])?;
        Ok(())
    }

    /// One more try in vain: nothing goes to this receiver before `until`, and what failed goes first.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn put_off(&self, id: &str, receiver: &str, until: DateTime<Utc>) -> Result<(), StoreError> {
        let micros = until.timestamp_micros();
        let later = "UPDATE delivery SET due = ?2 WHERE receiver = ?1 AND due < ?2";
        self.connection.execute(later, params![receiver, micros])?;
        let tried = "UPDATE delivery SET tries = tries + 1 WHERE notice = ?1 AND receiver = ?2";
        self.connection.execute(tried, params![id, receiver])?;
        Ok(())
    }

    /// Deliveries that wait.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn waiting(&self) -> Result<u64, StoreError> {
        let count: i64 = self.connection.query_row("SELECT count(*) FROM delivery", [], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }

    /// Drops the oldest deliveries beyond so many; gives how many.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep_newest(&self, count: u64) -> Result<usize, StoreError> {
        let delete = "DELETE FROM delivery WHERE (notice, receiver) IN (
            SELECT notice, receiver FROM delivery JOIN notice ON id = notice ORDER BY made DESC LIMIT -1 OFFSET ?1)";
        Ok(self.connection.execute(delete, [i64::try_from(count).unwrap_or(i64::MAX)])?)
    }

    /// Forgets receivers that are not listed, and old notices that all have.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn tidy(&self, receivers: &[&str], now: DateTime<Utc>) -> Result<(), StoreError> {
        let listed = serde_json::to_string(receivers).unwrap_or_else(|_| "[]".to_owned());
        let gone = "DELETE FROM delivery WHERE receiver NOT IN (SELECT value FROM json_each(?1))";
        self.connection.execute(gone, [listed])?;
        let old = "DELETE FROM notice WHERE made < ?1 AND id NOT IN (SELECT notice FROM delivery)";
        self.connection.execute(old, [(now - REMEMBERED).timestamp_micros()])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).expect("a time")
    }

    #[test]
    fn a_notice_is_told_once_and_delivered_to_each_receiver_through_a_restart() {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let path = scratch.path().join("notices");
        let mut file = NoticeFile::open(&path).expect("a new file");
        assert!(file.put("a", "budget", "{}", at(10), &["one", "two"]).expect("written"));
        assert!(!file.put("a", "budget", "{}", at(11), &["one", "two"]).expect("written"));
        file.done("a", "one").expect("written");
        file.put_off("a", "two", at(60)).expect("written");
        drop(file);
        let mut file = NoticeFile::open(&path).expect("the same file");
        assert!(!file.put("a", "budget", "{}", at(12), &["one", "two"]).expect("written"));
        assert_eq!(file.due("one", at(100)).expect("read"), None);
        assert_eq!(file.due("two", at(59)).expect("read"), None);
        assert_eq!(file.next_due("two").expect("read"), Some(at(60)));
        let delivery = file.due("two", at(60)).expect("read").expect("it is due");
        assert_eq!((delivery.id.as_str(), delivery.tries, delivery.made), ("a", 1, at(10)));
    }

    #[test]
    fn a_full_queue_drops_the_oldest() {
        let mut file = NoticeFile::in_memory().expect("memory");
        for second in 0..5 {
            file.put(&second.to_string(), "budget", "{}", at(second), &["one"]).expect("written");
        }
        assert_eq!(file.keep_newest(3).expect("written"), 2);
        assert_eq!(file.waiting().expect("read"), 3);
        assert_eq!(file.due("one", at(9)).expect("read").expect("one is due").id, "2");
    }

    #[test]
    fn receivers_and_times_that_are_gone_are_forgotten() {
        let mut file = NoticeFile::in_memory().expect("memory");
        file.put("old", "budget", "{}", at(0), &[]).expect("written");
        file.put("waits", "budget", "{}", at(0), &["one"]).expect("written");
        file.put("lost", "budget", "{}", at(0), &["gone"]).expect("written");
        file.tidy(&["one"], at(100 * 86_400)).expect("written");
        assert_eq!(file.waiting().expect("read"), 1);
        assert!(file.put("old", "budget", "{}", at(1), &[]).expect("written"), "it is news again");
        assert!(!file.put("waits", "budget", "{}", at(1), &[]).expect("written"), "it still waits");
    }
}
