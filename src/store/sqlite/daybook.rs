//! The daybook: batches as they came, one after the other in a file, until they are posted to the tables together. A commit so is one write
//! and one `fdatasync`, whatever the tables are doing; what is posted is written once, as it stands by then.
//!
//! Two files take turns: while what stands in one is posted, the other one is written. Nothing is taken out of either; the tables say up to
//! which batch they hold everything, and what came before that is written over.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::ledger::Command;
use crate::store::{Bookmark, written};

/// A file that a rush has made larger gives its room back before it is written anew: some seconds of a thousand calls a second.
const FILE_BYTES_KEPT: u64 = 8 << 20;
/// Checksum, length of the commands, number, daybook, bookmark (run and count), layout.
const HEAD_BYTES: usize = 4 + 4 + 8 + 8 + 8 + 8 + 1;

/// The pair that this writer has made.
#[derive(Debug)]
pub(super) struct Daybook {
    sheets: [Sheet; 2],
    /// Which one is written.
    turn: usize,
    /// Where its next batch begins.
    end: u64,
    /// Of the last batch.
    number: u64,
    /// Of the ledger.
    key: i64,
    text: Vec<u8>,
}

#[derive(Debug)]
struct Sheet {
    path: PathBuf,
    file: File,
    inode: (u64, u64),
}

/// A batch as it was found.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) number: u64,
    pub(super) bookmark: Bookmark,
    pub(super) commands: Vec<Command>,
}

impl Daybook {
    /// Makes the pair for the ledger at `path`; the next batch has the number after `number`.
    ///
    /// # Errors
    /// The folder takes no files, or has such already: they are to be set aside before.
    pub(super) fn begin(path: &Path, key: i64, number: u64) -> io::Result<Daybook> {
        let [first, second] = names(path);
        let sheets = [Sheet::make(first)?, Sheet::make(second)?];
        sync_folder(path)?;
        Ok(Daybook { sheets, turn: 0, end: 0, number, key, text: Vec::new() })
    }

    /// Of the last batch.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Writes one batch down, so that no crash takes it away.
    ///
    /// # Errors
    /// The disk takes nothing, or the file is not the one any more that the next start would read.
    pub(super) fn keep(&mut self, batch: &[Command], bookmark: Bookmark) -> io::Result<()> {
        let number = self.number + 1;
        self.text.clear();
        self.text.resize(HEAD_BYTES, 0);
        for command in batch {
            written::add(command, &mut self.text);
        }
        put_head(&mut self.text, self.key, number, bookmark);
        let sheet = &self.sheets[self.turn];
        sheet.file.write_all_at(&self.text, self.end)?;
        sheet.file.sync_data()?;
        // Whoever opens the ledger after us sets the file aside before reading it: what was written before that is read.
        sheet.check()?;
        (self.number, self.end) = (number, self.end + self.text.len() as u64);
        Ok(())
    }

    /// Begins the other file: all that stands there is in the tables.
    ///
    /// # Errors
    /// It cannot be cut.
    pub(super) fn turn(&mut self) -> io::Result<()> {
        let next = 1 - self.turn;
        if self.sheets[next].file.metadata()?.len() > FILE_BYTES_KEPT {
            self.sheets[next].file.set_len(0)?;
        }
        (self.turn, self.end) = (next, 0);
        Ok(())
    }

    /// Whether both files are where the next start looks for them.
    ///
    /// # Errors
    /// They are not.
    pub(super) fn check(&self) -> io::Result<()> {
        self.sheets.iter().try_for_each(Sheet::check)
    }

    /// What stands in the two, wherever somebody has put them.
    pub(super) fn read(&self) -> io::Result<Vec<Batch>> {
        let mut found = Vec::new();
        for sheet in &self.sheets {
            let mut text = vec![0; usize::try_from(sheet.file.metadata()?.len()).unwrap_or(0)];
            sheet.file.read_exact_at(&mut text, 0)?;
            found.extend(batches(&text, self.key)?);
        }
        Ok(found)
    }

    /// Everything is posted, and nobody writes here any more.
    pub(super) fn end(&self) {
        for sheet in self.sheets.iter().filter(|sheet| sheet.check().is_ok()) {
            // One that stays holds nothing that the tables do not.
            let _ = fs::remove_file(&sheet.path);
        }
    }
}

impl Sheet {
    fn make(path: PathBuf) -> io::Result<Sheet> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        let found = file.metadata()?;
        Ok(Sheet { path, file, inode: (found.dev(), found.ino()) })
    }

    fn check(&self) -> io::Result<()> {
        let found = fs::metadata(&self.path)?;
        let is_ours = (found.dev(), found.ino()) == self.inode;
        if is_ours { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }
}

/// What earlier writers have left, set aside: whoever still writes there finds out before he answers anybody.
#[derive(Debug)]
pub(super) struct Left {
    paths: Vec<PathBuf>,
}

impl Left {
    /// What an earlier start had set aside and not come to post.
    pub(super) fn of_earlier_start(path: &Path) -> Left {
        let aside = names(path).map(|name| aside(&name)).into_iter();
        Left { paths: aside.filter(|path| path.exists()).collect() }
    }

    /// Sets aside what is there. What was set aside before must be forgotten by now.
    ///
    /// # Errors
    /// The folder takes no changes.
    pub(super) fn set_aside(path: &Path) -> io::Result<Left> {
        let mut paths = Vec::new();
        for name in names(path) {
            let aside = aside(&name);
            match fs::rename(&name, &aside) {
                Ok(()) => paths.push(aside),
                Err(fault) if fault.kind() == io::ErrorKind::NotFound => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(Left { paths })
    }

    /// What stands in them.
    ///
    /// # Errors
    /// They cannot be read.
    pub(super) fn read(&self, key: i64) -> io::Result<Vec<Batch>> {
        let mut found = Vec::new();
        for path in &self.paths {
            found.extend(batches(&fs::read(path)?, key)?);
        }
        Ok(found)
    }

    /// The tables hold all of it.
    ///
    /// # Errors
    /// The folder takes no changes.
    pub(super) fn forget(self) -> io::Result<()> {
        self.paths.iter().try_for_each(fs::remove_file)
    }
}

/// The batches that follow the one of this number without a gap. One that is missing was never answered, nor was any after it.
pub(super) fn following(mut found: Vec<Batch>, number: u64) -> Vec<Batch> {
    found.sort_by_key(|batch| batch.number);
    let mut last = number;
    found.retain(|batch| {
        let is_next = batch.number == last + 1;
        last += u64::from(is_next);
        is_next
    });
    found
}

fn put_head(text: &mut [u8], key: i64, number: u64, bookmark: Bookmark) {
    let length = (text.len() - HEAD_BYTES) as u32;
    text[4..8].copy_from_slice(&length.to_le_bytes());
    text[8..16].copy_from_slice(&number.to_le_bytes());
    text[16..24].copy_from_slice(&key.to_le_bytes());
    text[24..32].copy_from_slice(&bookmark.run.to_le_bytes());
    text[32..40].copy_from_slice(&bookmark.count.to_le_bytes());
    text[40] = written::LAYOUT;
    let sum = crc32fast::hash(&text[4..]);
    text[..4].copy_from_slice(&sum.to_le_bytes());
}

/// Those at the beginning of a file that are whole and follow one another; behind them stands what was written over or torn.
fn batches(mut text: &[u8], key: i64) -> io::Result<Vec<Batch>> {
    let mut found: Vec<Batch> = Vec::new();
    while let Some((whole, rest)) = first(text).filter(|(whole, _)| whole.key == key) {
        if found.last().is_some_and(|last| whole.number != last.number + 1) {
            break;
        }
        found.push(whole.read()?);
        text = rest;
    }
    Ok(found)
}

/// A batch that is whole.
struct Whole<'t> {
    number: u64,
    key: i64,
    bookmark: Bookmark,
    layout: u8,
    commands: &'t [u8],
}

impl Whole<'_> {
    fn read(&self) -> io::Result<Batch> {
        let mut left = self.commands;
        let mut commands = Vec::new();
        while let Some((command, rest)) = written::first(left).filter(|_| self.layout == written::LAYOUT) {
            commands.push(command);
            left = rest;
        }
        // What is whole and cannot be read was written by another program; its calls are not to be forgotten.
        let why = "the daybook was written by another version of this program; start that one once more";
        let is_read = self.layout == written::LAYOUT && left.is_empty();
        let batch = Batch { number: self.number, bookmark: self.bookmark, commands };
        if is_read { Ok(batch) } else { Err(io::Error::new(io::ErrorKind::InvalidData, why)) }
    }
}

/// The first batch of a text; `None` if it is not there whole.
fn first(text: &[u8]) -> Option<(Whole<'_>, &[u8])> {
    let (sum, rest) = text.split_first_chunk()?;
    let (length, _) = rest.split_first_chunk()?;
    let length = u32::from_le_bytes(*length) as usize;
    let (summed, behind) = rest.split_at_checked(HEAD_BYTES - 4 + length)?;
    if crc32fast::hash(summed) != u32::from_le_bytes(*sum) {
        return None;
    }
    let (number, head) = summed[4..].split_first_chunk()?;
    let (key, head) = head.split_first_chunk()?;
    let (run, head) = head.split_first_chunk()?;
    let (count, head) = head.split_first_chunk()?;
    let (layout, commands) = head.split_first()?;
    let whole = Whole {
        number: u64::from_le_bytes(*number),
        key: i64::from_le_bytes(*key),
        bookmark: Bookmark { run: u64::from_le_bytes(*run), count: u64::from_le_bytes(*count) },
        layout: *layout,
        commands,
    };
    Some((whole, behind))
}

/// `ledger.sqlite` has `ledger.sqlite-daybook-a` and `-b`.
fn names(path: &Path) -> [PathBuf; 2] {
    ["-daybook-a", "-daybook-b"].map(|ending| with_ending(path, ending))
}

fn aside(path: &Path) -> PathBuf {
    with_ending(path, "-left")
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// New files are found again after a crash when their folder is on the disk.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
