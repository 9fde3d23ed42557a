//! Why a store cannot be used; always the store's or its operator's fault, never the caller's.

use crate::ledger::Unavailable;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{why}: {source}")]
    Sqlite { why: Unavailable, source: rusqlite::Error },
    #[error("{why}: {source}")]
    File { why: Unavailable, source: std::io::Error },
    #[error("the database file is gone or was replaced by another")]
    Replaced,
    #[error("another process has opened this database to write")]
    TakenOver,
    #[error("this file is a database of another application")]
    Foreign,
    #[error(
        "this database is of version {found}, and this program knows versions up to {known}; use a newer program"
    )]
    TooNew { found: u32, known: u32 },
}

impl StoreError {
    /// The short form that waits at the gate's end of the queue.
    pub fn why(&self) -> Unavailable {
        match self {
            StoreError::Sqlite { why, .. } | StoreError::File { why, .. } => *why,
            StoreError::Replaced => Unavailable::FileGone,
            StoreError::TakenOver => Unavailable::TakenOver,
            StoreError::Foreign | StoreError::TooNew { .. } => Unavailable::Damaged,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> StoreError {
        use rusqlite::{Error, ErrorCode};
        if let Error::InvalidColumnType(..) | Error::FromSqlConversionFailure(..) = source {
            return StoreError::Sqlite { why: Unavailable::Damaged, source };
        }
        let why = match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Unavailable::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Unavailable::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Unavailable::Damaged,
            // The other codes are SQLite's: whatever they say, nothing was written.
            Some(_) | None => Unavailable::NotWritable,
        };
        StoreError::Sqlite { why, source }
    }
}

impl From<std::io::Error> for StoreError {
    fn from(source: std::io::Error) -> StoreError {
        use std::io::ErrorKind;
        let why = match source.kind() {
            ErrorKind::NotFound => Unavailable::FileGone,
            ErrorKind::StorageFull => Unavailable::Full,
            _ => Unavailable::NotWritable,
        };
        StoreError::File { why, source }
    }
}
