//! A ledger that could not be opened when the gate started: it takes nothing until it can, and the gate runs all the same, so
//! that emergency and free calls go out (R41, R90).

use std::path::PathBuf;

use chrono::NaiveDate;

use crate::ledger::{Book, Command, Reply};

use super::{Sqlite, SqliteSettings, Store, StoreError, Tended};

/// Tries the file again each time it is asked to recover; once open it is that store.
pub struct Unopened {
    path: PathBuf,
    settings: SqliteSettings,
    opened: Option<Sqlite>,
}

impl Unopened {
    pub fn new(path: PathBuf, settings: SqliteSettings) -> Unopened {
        Unopened { path, settings, opened: None }
    }

    /// The store, opened now if it was not before.
    fn opened(&mut self) -> Result<&mut Sqlite, StoreError> {
        let store = match self.opened.take() {
            Some(store) => store,
            None => Sqlite::open(&self.path, self.settings.clone())?,
        };
        Ok(self.opened.insert(store))
    }
}

impl Store for Unopened {
    fn apply(&mut self, batch: &[Command], replies: &mut Vec<Reply>) -> Result<(), StoreError> {
        self.opened()?.apply(batch, replies)
    }

    fn bookmark(&mut self, commands: u64) {
        if let Some(store) = &mut self.opened {
            store.bookmark(commands);
        }
    }

    fn tend(&mut self) -> Result<Tended, StoreError> {
        self.opened.as_mut().map_or(Ok(Tended::Done), Sqlite::tend)
    }

    fn standing(&mut self, today: NaiveDate) -> Result<Book, StoreError> {
        self.opened()?.standing(today)
    }

    fn probe(&mut self) -> Result<(), StoreError> {
        self.opened()?.probe()
    }

    fn recover(&mut self) -> Result<(), StoreError> {
        match &mut self.opened {
            Some(store) => store.recover(),
            None => self.opened().map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_comes_later_opens_the_store() {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let path = scratch.path().join("later/ledger.sqlite");
        let mut store = Unopened::new(path.clone(), SqliteSettings::default());
        assert!(store.probe().is_err());
        assert!(store.apply(&[], &mut Vec::new()).is_err());
        std::fs::create_dir(scratch.path().join("later")).expect("the folder is made");
        store.recover().expect("the file can be made now");
        assert!(store.probe().is_ok() && path.exists());
    }
}
