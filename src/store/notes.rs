//! Notes of what was decided, in memory that outlives the process: what a kill takes away before the disk has it, the next start finds
//! there.
//!
//! The gate's thread notes each command before anything of it leaves, and so may not wait for a disk, which may hang. A file in
//! `/dev/shm` is memory: noting a command costs a microsecond, and nothing stands in its way. A machine that goes down takes the notes
//! along, and what the ledger has made durable by then is what counts; an answer (R91) never relies on them.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::ledger::Command;

use super::written;

/// When a file is full and the next one begins: some seconds of a thousand calls a second.
pub const LAP_BYTES: usize = 4 << 20;
/// So many full files may wait for the store to write what is in them, 256 MB; in a longer outage no more is noted.
pub const LAPS_MAX: usize = 64;
/// How a file begins: the last byte is the layout of what follows. A start that does not know it leaves the file alone.
const FORMAT: [u8; 8] = [b't', b'o', b'l', b'l', b'n', b'o', b't', written::LAYOUT];
/// Then stand the run and the number of the first command.
const HEAD_BYTES: usize = FORMAT.len() + 2 * size_of::<u64>();

/// The notes of this run: files that follow one another, each forgotten when all in it is durable.
#[derive(Debug)]
pub struct Notes {
    folder: PathBuf,
    run: u64,
    /// How many commands were noted: numbered from one, as the store counts those that it is given.
    count: u64,
    /// Of the file that is written.
    number: u64,
    file: File,
    /// So many bytes are in it.
    bytes: usize,
    /// What is noted and not yet in the file.
    buffer: Vec<u8>,
    /// Full files, oldest first: their number, and how many commands must be written before nobody needs them.
    full: VecDeque<(u64, u64)>,
    is_broken: bool,
}

/// What earlier runs have noted: the files before this number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    folder: PathBuf,
    before: u64,
    /// The run that begins now.
    run: u64,
}

/// Up to which note of which run everything is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bookmark {
    pub run: u64,
    pub count: u64,
}

impl Notes {
    /// Begins the notes of a run for the ledger at this path, in a folder of its own below `root`. No two runs have one number.
    ///
    /// # Errors
    /// The folder cannot be made, or is not ours alone: whoever could write there could write the ledger.
    pub fn begin(root: &Path, ledger: &Path, run: u64) -> io::Result<(Notes, Earlier)> {
        let folder = folder(root, ledger)?;
        make_own(&folder)?;
        let number = numbers(&folder)?.into_iter().max().map_or(0, |last| last + 1);
        let file = begin_file(&folder, number, Bookmark { run, count: 1 })?;
        let earlier = Earlier { folder: folder.clone(), before: number, run };
        let (buffer, full) = (Vec::new(), VecDeque::new());
        let notes = Notes { folder, run, count: 0, number, file, bytes: 0, buffer, full, is_broken: false };
        Ok((notes, earlier))
    }

    /// Takes note of a command; `write` puts it where a kill does not reach it.
    pub fn note(&mut self, command: &Command) {
        if self.is_broken {
            return;
        }
        self.count += 1;
        written::add(command, &mut self.buffer);
    }

    /// Writes what was noted. Costs nothing if nothing was.
    ///
    /// # Errors
    /// Told once; from then on this run notes nothing more.
    pub fn write(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&self.buffer);
        self.bytes += self.buffer.len();
        self.buffer.clear();
        self.is_broken = written.is_err();
        written
    }

    /// Whether a new file is due.
    pub fn is_full(&self) -> bool {
        self.bytes >= LAP_BYTES && !self.is_broken
    }

    /// Begins a new file; the full one may go when so many commands are written.
    ///
    /// # Errors
    /// As `write`.
    pub fn turn(&mut self, needed_until: u64) -> io::Result<()> {
        self.write()?;
        let next = if self.full.len() < LAPS_MAX {
            begin_file(&self.folder, self.number + 1, Bookmark { run: self.run, count: self.count + 1 })
        } else {
            Err(io::Error::other("too much waits for the store"))
        };
        match next {
            Ok(file) => {
                self.full.push_back((self.number, needed_until));
                (self.number, self.file, self.bytes) = (self.number + 1, file, 0);
                Ok(())
            }
            Err(fault) => {
                self.is_broken = true;
                Err(fault)
            }
        }
    }

    /// The commands of this run up to this number are durable by now.
    pub fn written(&mut self, count: u64) {
        while let Some((number, _)) = self.full.front().filter(|(_, needed_until)| *needed_until <= count) {
            // One that stays is read by the next start, which finds nothing new in it.
            let _ = fs::remove_file(self.folder.join(number.to_string()));
            self.full.pop_front();
        }
    }

    /// All is durable: nothing need be left.
    pub fn end(self) {
        self.full.iter().map(|(number, _)| *number).chain([self.number]).for_each(|number| {
            let _ = fs::remove_file(self.folder.join(number.to_string()));
        });
        // Another run may have its notes there.
        let _ = fs::remove_dir(&self.folder);
    }
}

impl Earlier {
    /// What was noted and is not durable, in order, and up to where everything is when that is written. What was cut off in mid-word,
    /// and files of another version, are left out.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn read(&self, durable: Bookmark) -> io::Result<(Vec<Command>, Bookmark)> {
        let numbers = self.numbers()?.into_iter();
        let files = numbers.map(|number| fs::read(self.folder.join(number.to_string())));
        let files: Vec<Vec<u8>> = files.collect::<io::Result<_>>()?;
        let files: Vec<_> = files.iter().filter_map(|bytes| head(bytes)).collect();
        // What stands before the run that wrote last is older than what it wrote.
        let begin = files.iter().position(|(first, _)| first.run == durable.run).unwrap_or(0);
        let (mut commands, mut end) = (Vec::new(), durable);
        for (mut at, mut left) in files.into_iter().skip(begin) {
            while let Some((command, rest)) = written::first(left) {
                if at.run != durable.run || at.count > durable.count {
                    commands.push(command);
                    end = at;
                }
                (at.count, left) = (at.count + 1, rest);
            }
        }
        Ok((commands, end))
    }

    /// What is durable of the run that begins now, when it has been given so many commands.
    pub fn bookmark(&self, count: u64) -> Bookmark {
        Bookmark { run: self.run, count }
    }

    /// All of it is durable.
    pub fn forget(&self) {
        for number in self.numbers().unwrap_or_default() {
            // As in `written`.
            let _ = fs::remove_file(self.folder.join(number.to_string()));
        }
    }

    fn numbers(&self) -> io::Result<Vec<u64>> {
        let mut numbers = numbers(&self.folder)?;
        numbers.retain(|number| *number < self.before);
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// One for each ledger, told apart by its path.
fn folder(root: &Path, ledger: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(ledger)?;
    let hash = Sha256::digest(path.as_os_str().as_encoded_bytes());
    let name: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(root.join(format!("tollgate-{name}")))
}

/// Makes the folder, readable for us alone, or finds that it is so.
fn make_own(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(fault) if fault.kind() != io::ErrorKind::AlreadyExists => return Err(fault),
        Ok(()) | Err(_) => {}
    }
    let found = fs::symlink_metadata(folder)?;
    let ours = fs::metadata("/proc/self")?.uid();
    if found.is_dir() && found.uid() == ours && found.mode() & 0o077 == 0 {
        Ok(())
    } else {
        let why = format!("{} is not a folder that belongs to us alone", folder.display());
        Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
    }
}

fn begin_file(folder: &Path, number: u64, first: Bookmark) -> io::Result<File> {
    let path = folder.join(number.to_string());
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(&FORMAT);
    head[8..16].copy_from_slice(&first.run.to_le_bytes());
    head[16..].copy_from_slice(&first.count.to_le_bytes());
    file.write_all(&head)?;
    Ok(file)
}

/// Which command of which run stands first, and the notes.
fn head(bytes: &[u8]) -> Option<(Bookmark, &[u8])> {
    let (run, rest) = bytes.strip_prefix(&FORMAT)?.split_first_chunk()?;
    let (count, rest) = rest.split_first_chunk()?;
    Some((Bookmark { run: u64::from_le_bytes(*run), count: u64::from_le_bytes(*count) }, rest))
}

fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name()));
    let names: Vec<_> = names.collect::<io::Result<_>>()?;
    Ok(names.iter().filter_map(|name| name.to_str()?.parse().ok()).collect())
}
