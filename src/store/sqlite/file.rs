//! Whether the file under the open database is still the one that its path names.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::store::StoreError;

/// Device and inode of the database and of its write-ahead log, where commits land first.
#[derive(Debug)]
pub(super) struct FileIdentity {
    database: (u64, u64),
    log: (u64, u64),
}

impl FileIdentity {
    /// Of the files as they are now. The log exists from the first transaction of an open database on.
    pub(super) fn of(path: &Path) -> Result<FileIdentity, StoreError> {
        Ok(FileIdentity { database: inode(path)?, log: inode(&log_path(path))? })
    }

    /// Two `stat` calls: about two microseconds.
    pub(super) fn check(&self, path: &Path) -> Result<(), StoreError> {
        let same = inode(path)? == self.database && inode(&log_path(path))? == self.log;
        if same { Ok(()) } else { Err(StoreError::Replaced) }
    }
}

fn inode(path: &Path) -> Result<(u64, u64), StoreError> {
    let found = fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}

fn log_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}
