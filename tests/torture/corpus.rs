//! Finds the torture messages beside the repository. They are not part of it: without them these tests have nothing to read and say so.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;

/// One message of the corpus, by the name its table uses.
pub struct Sample {
    pub name: String,
    pub bytes: Bytes,
}

/// The folder `shared/corpora` beside the repository or beside one of the folders above it.
pub fn folder() -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|folder| folder.join("shared/corpora"))
        .find(|folder| folder.is_dir());
    if found.is_none() {
        // Past the capture of cargo test, so that nobody takes these tests for more than they were.
        let said =
            "NO shared/corpora BESIDE THE REPOSITORY: the messages of RFC 4475 and RFC 5118 were NOT tried";
        let _ = writeln!(std::io::stderr(), "{said}");
    }
    found
}

/// Every message of both RFCs, the corrected variants among them.
pub fn samples() -> Vec<Sample> {
    let Some(folder) = folder() else {
        return Vec::new();
    };
    let folders = ["rfc4475", "rfc4475/extra", "rfc5118/wire"];
    folders.iter().flat_map(|name| messages_in(&folder.join(name))).collect()
}

/// The columns of an outcomes table by the name of the message.
pub fn allowed(table: &str) -> Vec<(String, String)> {
    let Some(folder) = folder() else {
        return Vec::new();
    };
    let text = fs::read_to_string(folder.join(table).join("outcomes.tsv")).expect("the corpus has its table");
    let row = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        (columns[0].to_owned(), columns[5].to_owned())
    };
    text.lines().skip(1).map(row).collect()
}

fn messages_in(folder: &Path) -> Vec<Sample> {
    let entries = fs::read_dir(folder).expect("the corpus has this folder");
    let mut samples: Vec<Sample> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "dat"))
        .map(|path| Sample {
            name: path.file_stem().expect("a file has a name").to_string_lossy().into_owned(),
            bytes: fs::read(&path).expect("a readable message").into(),
        })
        .collect();
    samples.sort_by(|one, other| one.name.cmp(&other.name));
    samples
}
