//! The key that marks in Record-Routes are sealed with: a file beside the ledger, since calls that cost nothing must be known after a
//! restart though the ledger is gone (R12, R16).

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::base::Random;

const LENGTH: usize = 32;

/// The key of the earlier run, or a new one, written down for the next run. A folder that takes no file costs the calls without a price
/// their next restart, and nothing else: the log says so.
pub(super) fn read_or_make(ledger: &Path, random: &mut Random) -> [u8; LENGTH] {
    let path = beside(ledger, ".key");
    match fs::read(&path).map(<[u8; LENGTH]>::try_from) {
        Ok(Ok(key)) => return key,
        Ok(Err(_)) => {
            tracing::warn!(path = %path.display(), "not a key of {LENGTH} bytes: a new one is made")
        }
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
        Err(fault) => tracing::warn!(path = %path.display(), %fault, "the key of the marks cannot be read"),
    }
    let key = random.seed();
    if let Err(fault) = write(&path, &beside(ledger, ".key.new"), &key) {
        tracing::warn!(path = %path.display(), %fault, "no key for the next run: calls without a price will not survive a restart");
    }
    key
}

/// Whole or not at all, and for nobody else to read.
fn write(path: &Path, draft: &Path, key: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file: File =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft)?;
    file.write_all(key)?;
    file.sync_all()?;
    fs::rename(draft, path)
}

/// A file of the gate's own beside its ledger.
pub(super) fn beside(ledger: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = ledger.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_outlives_the_run_and_is_nobody_elses() {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let ledger = scratch.path().join("later/ledger.sqlite");
        let first = read_or_make(&ledger, &mut Random::from_number(1));
        assert_eq!(read_or_make(&ledger, &mut Random::from_number(2)), first);
        let file = scratch.path().join("later/ledger.sqlite.key");
        let mode = fs::metadata(&file).expect("the key's file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::write(&file, b"short").expect("it can be written");
        assert_ne!(read_or_make(&ledger, &mut Random::from_number(3)), first);
        assert_eq!(read_or_make(&ledger, &mut Random::from_number(4)), Random::from_number(3).seed());
    }

    #[test]
    fn without_a_folder_there_is_a_key_all_the_same() {
        let key = read_or_make(Path::new("/proc/nowhere/ledger.sqlite"), &mut Random::from_number(1));
        assert_eq!(key, Random::from_number(1).seed());
    }
}
