//! Registrations between two runs of the gate: a file of their own beside the ledger's, so that thousands of phones that refresh never
//! hold up a commit of money. Its loss costs what a restart without it costs: phones are reachable when they register again.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::store::StoreError;

/// One person's bindings, as the gate writes them; `None`: none are left.
pub type PhoneRow<K> = (K, Option<String>);

#[derive(Debug)]
pub struct Phones {
    connection: Connection,
}

impl Phones {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// The file cannot be used, or is something else.
    pub fn open(path: &Path) -> Result<Phones, StoreError> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // The last second before a power cut may be lost; a kill of the process loses nothing.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS registration (
                 person   TEXT PRIMARY KEY,
                 -- As JSON.
                 bindings TEXT NOT NULL
             ) STRICT, WITHOUT ROWID",
        )?;
        Ok(Phones { connection })
    }

    /// Everything that was written.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn all(&self) -> Result<Vec<(String, String)>, StoreError> {
        let mut statement = self.connection.prepare("SELECT person, bindings FROM registration")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Replaces the rows of these people, all or none.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write<K: AsRef<str>>(&mut self, rows: &[PhoneRow<K>]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        {
            let mut put =
                transaction.prepare_cached("INSERT OR REPLACE INTO registration VALUES (?1, ?2)")?;
            let mut drop = transaction.prepare_cached("DELETE FROM registration WHERE person = ?1")?;
            for (person, bindings) in rows {
                match bindings {
                    Some(bindings) => put.execute(params![person.as_ref(), bindings])?,
                    None => drop.execute(params![person.as_ref()])?,
                };
            }
        }
        Ok(transaction.commit()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_replaced_and_dropped() {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let path = scratch.path().join("phones.sqlite");
        let mut phones = Phones::open(&path).expect("a new file");
        phones.write(&[("alice", Some("[1]".to_owned())), ("bob", Some("[2]".to_owned()))]).expect("written");
        phones.write(&[("alice", Some("[3]".to_owned())), ("bob", None)]).expect("written");
        drop(phones);
        let rows = Phones::open(&path).and_then(|phones| phones.all()).expect("read again");
        assert_eq!(rows, [("alice".to_owned(), "[3]".to_owned())]);
    }
}
