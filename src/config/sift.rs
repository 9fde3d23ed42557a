//! A contact file from elsewhere, sifted: every line that can be read goes on in its canonical form, every other one is named with what
//! would be right (R30, R31). What comes out is what the gate reads.

use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::contacts_file;
use super::load::{PolicyParts, load_settings, policy_parts};
use super::problem::{Problem, Problems};
use super::settings::Settings;
use super::spelling;
use crate::policy::{self, Severity};

/// What became of the lines of one contact file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sifted {
    /// Lines with a contact, good or bad.
    pub lines: usize,
    /// Lines that went on.
    pub taken: usize,
    /// Lines that cannot be read, or say something wrong.
    pub left_out: usize,
    /// Different numbers among those that went on.
    pub numbers: usize,
    /// Lines that went on without their owner, whom nobody knows.
    pub without_owner: usize,
    /// What is wrong with the first of them, line by line.
    pub problems: Vec<Problem>,
}

impl Sifted {
    /// A file of which more than half is bad is another file, saved in another way, or half a download.
    pub fn is_sound(&self) -> bool {
        self.taken > 0 && self.left_out <= self.taken
    }
}

/// Why nothing could be sifted.
#[derive(Debug, thiserror::Error)]
pub enum SiftError {
    #[error("the configuration is wrong")]
    Configuration(Vec<Problem>),
    #[error("there is no contact database {name:?}; right: {right}")]
    NoDatabase { name: String, right: String },
    #[error("the contacts cannot be written: {0}")]
    Written(#[from] io::Error),
}

/// Reads contacts of the database `name` as they are written at the sites of the configuration at `path`, and writes the good ones
/// into `into`. `called` is what the problems call the file.
///
/// # Errors
/// A wrong configuration, an unknown database, or `into` takes no more.
pub fn sift(
    path: &Path,
    name: &str,
    called: &str,
    source: impl Read,
    into: impl Write,
) -> Result<Sifted, SiftError> {
    let PolicyParts { mut reading, settings, document, people } =
        policy_parts(path).map_err(SiftError::Configuration)?;
    find(&settings, name)?;
    let problems = Problems::of(called);
    let mut written = csv::WriterBuilder::new().from_writer(BufWriter::new(into));
    let mut sifted = Sifted::default();
    let mut broken = written.write_record(["number", "name", "owner", "site"]).err();
    let compiled = policy::compile_with(&document, &people, |intake| {
        sifted.lines = contacts_file::read(&problems, source, name, |line, title| {
            let Some(taken) = intake.take(line) else { return };
            sifted.taken += 1;
            let owner = line.owner.filter(|_| taken.owner_known);
            sifted.without_owner += usize::from(line.owner.is_some() && owner.is_none());
            // The number stands with its country code now: no site's way of dialling is needed to read it.
            let number = taken.number.to_string();
            let row = [number.as_str(), title, owner.unwrap_or_default(), ""];
            broken = broken.take().or_else(|| written.write_record(row).err());
        });
        sifted.numbers = intake.numbers(name);
    });
    if let Some(broken) = broken {
        return Err(SiftError::Written(broken.into()));
    }
    written.flush()?;
    sifted.left_out = sifted.lines - sifted.taken;
    let found = match &compiled {
        Ok(policy) => policy.warnings(),
        Err(problems) => problems,
    };
    let (of_rows, others) = split(found);
    of_rows.iter().for_each(|problem| lay(problem, &problems));
    sifted.problems = problems.into_vec();
    if others.iter().any(|problem| problem.severity == Severity::Error) {
        reading.judged(Err(others));
    }
    match reading.into_problems() {
        (faults, _) if faults.is_empty() => Ok(sifted),
        (faults, _) => Err(SiftError::Configuration(faults)),
    }
}

/// The file from which the configuration at `path` reads the contacts of this database.
///
/// # Errors
/// A wrong configuration, or no such database in it.
pub fn contact_file(path: &Path, name: &str) -> Result<PathBuf, SiftError> {
    let settings = load_settings(path).map_err(SiftError::Configuration)?;
    find(&settings, name).map(Path::to_owned)
}

fn find<'s>(settings: &'s Settings, name: &str) -> Result<&'s Path, SiftError> {
    let contacts = &settings.files.contacts;
    let found = contacts.iter().find(|source| source.name == name).map(|source| source.path.as_path());
    found.ok_or_else(|| {
        let right = match contacts.as_slice() {
            [] => "one under [files.contacts]; there is none".to_owned(),
            some => spelling::right_word(name, some.iter().map(|source| source.name.as_str())),
        };
        SiftError::NoDatabase { name: name.to_owned(), right }
    })
}

/// The problems of contacts, and those of everything else.
fn split(problems: &[policy::Problem]) -> (Vec<policy::Problem>, Vec<policy::Problem>) {
    problems.iter().cloned().partition(|problem| problem.path.starts_with("contacts"))
}

/// A problem of a row, at its line and column.
fn lay(problem: &policy::Problem, problems: &Problems) {
    let Some(row) = problem.path.strip_prefix("contacts") else { return };
    let column = row.split_once('.').map_or("", |(_, column)| column);
    let line = problem.line.and_then(|line| u32::try_from(line).ok());
    problems.push(line, column, problem.fault.to_string(), problem.fault.remedy());
}
