//! Fraud locks between two runs of the gate: a file of their own beside the ledger's, written when a lock begins or is lifted. Its loss
//! costs what a restart without it costs: a thief of calls is locked again when he goes on.

use std::path::Path;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use crate::policy::{Class, Signal};
use crate::store::StoreError;

/// One class that is locked for one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockRow {
    pub person: String,
    pub class: Class,
    pub signal: Signal,
    /// By the calendar, so that a restart neither shortens nor lengthens it.
    pub until: DateTime<Utc>,
}

#[derive(Debug)]
pub struct Locks {
    connection: Connection,
}

impl Locks {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// The file cannot be used, or is something else.
    pub fn open(path: &Path) -> Result<Locks, StoreError> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // The last moment before a power cut may be lost; a kill of the process loses nothing.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS fraud_lock (
                 person TEXT NOT NULL,
                 class  TEXT NOT NULL,
                 signal TEXT NOT NULL,
                 -- Milliseconds since 1970, UTC.
                 until  INTEGER NOT NULL,
                 PRIMARY KEY (person, class)
             ) STRICT, WITHOUT ROWID",
        )?;
        Ok(Locks { connection })
    }

    /// Those that have not ended by `now`; the others are dropped. A row of a class or a signal that this version does not know is
    /// left as it is.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn in_force(&self, now: DateTime<Utc>) -> Result<Vec<LockRow>, StoreError> {
        self.connection
            .execute("DELETE FROM fraud_lock WHERE until <= ?1", params![now.timestamp_millis()])?;
        let mut statement = self.connection.prepare("SELECT person, class, signal, until FROM fraud_lock")?;
        let rows = statement.query_map([], |row| {
            let (class, signal): (String, String) = (row.get(1)?, row.get(2)?);
            let until = DateTime::from_timestamp_millis(row.get(3)?);
            Ok((row.get(0)?, Class::from_code(&class), Signal::from_code(&signal), until))
        })?;
        let mut found = Vec::new();
        for row in rows {
            if let (person, Some(class), Some(signal), Some(until)) = row? {
                found.push(LockRow { person, class, signal, until });
            }
        }
        Ok(found)
    }

    /// A lock begins, or begins anew.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn put(&self, row: &LockRow) -> Result<(), StoreError> {
        let LockRow { person, class, signal, until } = row;
        self.connection.execute(
            "INSERT OR REPLACE INTO fraud_lock VALUES (?1, ?2, ?3, ?4)",
            params![person, class.code(), signal.code(), until.timestamp_millis()],
        )?;
        Ok(())
    }

    /// The locks of a person are lifted: that on one class, or all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn lift(&self, person: &str, class: Option<Class>) -> Result<(), StoreError> {
        self.connection.execute(
            "DELETE FROM fraud_lock WHERE person = ?1 AND (?2 IS NULL OR class = ?2)",
            params![person, class.map(Class::code)],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_442_000 + seconds, 0).expect("an instant")
    }

    fn row(person: &str, class: Class, ends: i64) -> LockRow {
        LockRow { person: person.to_owned(), class, signal: Signal::Neighbours, until: at(ends) }
    }

    #[test]
    fn locks_begin_are_lifted_and_end_and_are_read_again() {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let path = scratch.path().join("locks.sqlite");
        let locks = Locks::open(&path).expect("a new file");
        for lock in [
            row("alice", Class::International, 60),
            row("alice", Class::Premium, 90),
            row("bob", Class::International, 30),
            row("bob", Class::Premium, 90),
            row("carol", Class::Premium, 90),
        ] {
            locks.put(&lock).expect("written");
        }
        locks.put(&row("alice", Class::International, 120)).expect("written anew");
        locks.lift("bob", Some(Class::Premium)).expect("lifted");
        locks.lift("carol", None).expect("lifted");
        drop(locks);
        let locks = Locks::open(&path).expect("the same file");
        let ends = |now: i64| {
            let mut found: Vec<(String, Class, DateTime<Utc>)> = locks
                .in_force(at(now))
                .expect("read")
                .into_iter()
                .map(|lock| (lock.person, lock.class, lock.until))
                .collect();
            found.sort_by_key(|(person, _, until)| (person.clone(), *until));
            found
        };
        let alice = |class, end| ("alice".to_owned(), class, at(end));
        let bob = ("bob".to_owned(), Class::International, at(30));
        assert_eq!(ends(0), [alice(Class::Premium, 90), alice(Class::International, 120), bob]);
        assert_eq!(ends(90), [alice(Class::International, 120)]);
        assert_eq!(ends(0), [alice(Class::International, 120)], "what has ended is dropped");
    }
}
