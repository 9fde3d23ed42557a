//! The reading of all files together: opens each, keeps its problems, and lays what the policy and the ledger find wrong at the
//! file and line it comes from.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::Path;

use chrono_tz::Tz;

use super::credential::Credential;
use super::fields::Source;
use super::problem::{Problem, Problems};
use super::settings::{Files, Settings};
use super::version::Fingerprint;
use super::{contacts_file, people_file, policy_file, tariff_file};
use crate::ledger::{TariffBook, TariffFault, TariffRow};
use crate::policy::document::{Company, Contacts, Document, PersonRow};
use crate::policy::{self, Intake, Policy, Severity};

/// The problems of every file, as far as it is read.
pub(super) struct Reading {
    tollgate: Source,
    policy: Option<Source>,
    people: Option<Problems>,
    tariff: Option<Problems>,
    /// With the position of each database's first contact among all contacts.
    contacts: Vec<(usize, Problems)>,
    warnings: Vec<Problem>,
    /// Of all that bears on verdicts: sites, policy, people, contacts. Prices have dates of their own.
    fingerprint: Fingerprint,
}

/// Where a value of the document stands.
enum Origin<'a> {
    /// In `tollgate.toml`, with its path there.
    Tollgate(String),
    Policy,
    /// In a CSV file, with its column.
    Rows(&'a Problems, String),
}

/// `site.berlin.short` of `.berlin.dial.short`.
fn site_path(rest: &str) -> String {
    let parts = rest.split('.').skip(1).enumerate();
    let kept = parts.filter(|(at, part)| (*at, *part) != (1, "dial")).map(|(_, part)| part);
    std::iter::once("site").chain(kept).collect::<Vec<_>>().join(".")
}

/// The number in `[12].number`.
fn index_of(rest: &str) -> Option<usize> {
    rest.strip_prefix('[')?.split_once(']')?.0.parse().ok()
}

/// `numbers` of `[12].numbers[1]`.
fn column_of(rest: &str) -> String {
    let column = rest.split_once('.').map_or("", |(_, column)| column);
    column.split(['.', '[']).next().unwrap_or_default().to_owned()
}

impl Reading {
    pub fn of(tollgate: Source) -> Reading {
        Reading {
            tollgate,
            policy: None,
            people: None,
            tariff: None,
            contacts: Vec::new(),
            warnings: Vec::new(),
            fingerprint: Fingerprint::default(),
        }
    }

    /// `None` if `policy.toml` is not there or not TOML. `tollgate` is the text that its sites stand in.
    pub fn policy(&mut self, files: &Files, tollgate: &str) -> Option<Document> {
        let text = self.opened("files.policy", read_text(&files.policy))?;
        self.fingerprint.add(tollgate);
        self.fingerprint.add(&text);
        let (document, source) = policy_file::read(&files.policy.display().to_string(), &text);
        if let Some(document) = &document {
            check_databases(document, files, &source);
        }
        self.policy = Some(source);
        document
    }

    /// `home` is the site of people who name none.
    pub fn people(&mut self, settings: &Settings, home: Option<&str>) -> (Vec<PersonRow>, Vec<Credential>) {
        let Some((file, problems)) = self.opened("files.people", open(&settings.files.people)) else {
            return Default::default();
        };
        let has_pbx = |site: Option<&str>| {
            let site = site.or(home);
            settings.homes.iter().any(|(known, _)| Some(known.as_str()) == site)
        };
        let read = people_file::read(&problems, self.fingerprint.of(file), &settings.sip.realm, has_pbx);
        self.people = Some(problems);
        read
    }

    /// Reads every contact, into the policy if there is one; gives how many.
    fn contacts(&mut self, files: &Files, mut intake: Option<&mut Intake<'_>>) -> usize {
        let mut count = 0;
        for (name, path) in &files.contacts {
            if let Some((file, problems)) = self.opened(&format!("files.contacts.{name}"), open(path)) {
                let first = intake.as_ref().map_or(0, |intake| intake.count());
                contacts_file::read(&problems, self.fingerprint.of(file), name, |line| {
                    count += 1;
                    if let Some(intake) = &mut intake {
                        intake.take(line);
                    }
                });
                self.contacts.push((first, problems));
            }
        }
        count
    }

    pub fn prices(&mut self, files: &Files) -> Vec<TariffRow> {
        let Some((file, problems)) = self.opened("files.tariff", open(&files.tariff)) else {
            return Vec::new();
        };
        let prices = tariff_file::read(&problems, file);
        self.tariff = Some(problems);
        prices
    }

    /// `None` after problems of the price list.
    pub fn compile_tariff(
        &self,
        prices: &[TariffRow],
        settings: &Settings,
        company: &Company,
    ) -> Option<TariffBook> {
        let problems = self.tariff.as_ref()?;
        let zone: Tz = company.zone.parse().unwrap_or(Tz::UTC);
        // A row that is wrong already would only be found to clash with others by what stands in for its values.
        let sound = prices.iter().filter(|row| problems.is_sound_line(row.line));
        let faults = match TariffBook::compile(sound, zone, settings.money.rounding) {
            Ok(book) => return Some(book),
            Err(faults) => faults,
        };
        for fault in faults {
            let line = u32::try_from(fault.line).ok();
            let (column, right) = remedy(&fault.fault);
            problems.push_unless_known(line, column, fault.fault.to_string(), right);
        }
        None
    }

    /// Reads the contacts and compiles the policy; `None` after problems of the policy or of the rows. Says how many contacts there
    /// are, too.
    pub fn compile_policy(
        &mut self,
        document: Option<&Document>,
        people: &[PersonRow],
        files: &Files,
    ) -> (Option<Policy>, usize) {
        let Some(document) = document else { return (None, self.contacts(files, None)) };
        let mut count = 0;
        let compiled =
            policy::compile_with(document, people, |intake| count = self.contacts(files, Some(intake)));
        (self.judged(compiled), count)
    }

    fn judged(&mut self, compiled: Result<Policy, Vec<policy::Problem>>) -> Option<Policy> {
        match compiled {
            Ok(policy) => {
                self.warnings = policy.warnings().iter().map(|problem| self.placed(problem)).collect();
                Some(policy.at_version(self.fingerprint.version()))
            }
            Err(problems) => {
                for problem in problems.iter().filter(|problem| problem.severity == Severity::Error) {
                    self.blame(problem);
                }
                None
            }
        }
    }

    /// The problems, file by file, and the warnings.
    pub fn into_problems(self) -> (Vec<Problem>, Vec<Problem>) {
        let mut problems = self.tollgate.into_problems();
        problems.extend(self.policy.map(Source::into_problems).unwrap_or_default());
        let tables = self.people.into_iter().chain(self.contacts.into_iter().map(|(_, problems)| problems));
        problems.extend(tables.chain(self.tariff).flat_map(Problems::into_vec));
        (problems, self.warnings)
    }

    /// Lays a problem of the policy at its file, unless its place is wrong already.
    fn blame(&self, problem: &policy::Problem) {
        let Problem { line, path, what, right, .. } = self.placed(problem);
        match self.origin(&problem.path) {
            Origin::Tollgate(_) => self.tollgate.blame_unless_known(&path, what, right),
            Origin::Rows(problems, _) => problems.push_unless_known(line, &path, what, right),
            Origin::Policy => {
                if let Some(source) = &self.policy {
                    source.blame_unless_known(&path, what, right);
                }
            }
        }
    }

    /// A problem of the policy with the file, line and setting that it comes from.
    fn placed(&self, problem: &policy::Problem) -> Problem {
        let (file, line, path) = match self.origin(&problem.path) {
            Origin::Tollgate(path) => (self.tollgate.file().to_owned(), self.tollgate.line_of(&path), path),
            Origin::Rows(problems, column) => {
                let line = problem.line.and_then(|line| u32::try_from(line).ok());
                (problems.file().to_owned(), line, column)
            }
            Origin::Policy => {
                let source = self.policy.as_ref();
                let file = source.map(|source| source.file().to_owned()).unwrap_or_default();
                (file, source.and_then(|source| source.line_of(&problem.path)), problem.path.clone())
            }
        };
        // The document keeps a site's way of dialling in a table of its own; the file does not.
        let right = problem.fault.remedy().replace("dial.", "");
        Problem { file, line, path, what: problem.fault.to_string(), right }
    }

    /// Which file a path of the document comes from, and what its place is called there.
    fn origin(&self, path: &str) -> Origin<'_> {
        let (root, rest) = path.split_at(path.find(['.', '[']).unwrap_or(path.len()));
        let table = match root {
            // `sites.berlin.dial.short` in the document is `site.berlin.short` in the file.
            "sites" => return Origin::Tollgate(site_path(rest)),
            "databases" => return Origin::Tollgate(format!("files.contacts{rest}")),
            "people" => self.people.as_ref(),
            "contacts" => {
                let row = index_of(rest).unwrap_or(0);
                self.contacts.iter().rev().find(|(first, _)| *first <= row).map(|(_, problems)| problems)
            }
            _ => None,
        };
        match table {
            Some(problems) => Origin::Rows(problems, column_of(rest)),
            None => Origin::Policy,
        }
    }

    /// What was opened; else the problem stands at the setting that names the file.
    fn opened<T>(&mut self, path: &str, opened: Result<T, Problem>) -> Option<T> {
        match opened {
            Ok(value) => Some(value),
            Err(problem) => {
                // A setting that is missing names no file, and that is a problem already.
                if self.tollgate.stands(path) {
                    self.tollgate.blame(path, format!("{} {}", problem.file, problem.what), problem.right);
                }
                None
            }
        }
    }
}

/// A permit that names a database must find it among the files.
fn check_databases(document: &Document, files: &Files, source: &Source) {
    let known: BTreeSet<&str> = files.contacts.iter().map(|(name, _)| name.as_str()).collect();
    for role in &document.roles {
        for (at, permit) in role.permits.iter().enumerate() {
            let (Contacts::Crm(names) | Contacts::OwnCrm(names) | Contacts::CrmAndColleagues(names)) =
                &permit.contacts
            else {
                continue;
            };
            let path = format!("roles.{}.permits[{at}].databases", role.name);
            for name in names.iter().filter(|name| !known.contains(name.as_str())) {
                let right = super::spelling::right_word(name, known.iter().copied());
                source.blame(&path, format!("there is no contact database {name:?}"), right);
            }
        }
    }
}

/// The column to look at, and what would be right there.
fn remedy(fault: &TariffFault) -> (&'static str, &'static str) {
    match fault {
        TariffFault::BadPrefix => ("prefix", "digits from the country code on, such as 4930"),
        TariffFault::NegativePrice => ("price_per_minute", "0 or more"),
        TariffFault::BadIncrement => {
            ("next_increment_s", "1 to 3600 in first_increment_s and next_increment_s")
        }
        TariffFault::Duplicate { .. } => ("prefix", "each prefix once for each valid_from"),
        TariffFault::Contradiction { .. } => ("prefix", "one price for each prefix and valid_from"),
    }
}

/// The whole of a text file.
pub(super) fn read_text(path: &Path) -> Result<String, Problem> {
    let bytes = fs::read(path).map_err(|fault| unreadable(path, &fault))?;
    String::from_utf8(bytes).map_err(|fault| {
        let valid = &fault.as_bytes()[..fault.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        Problem {
            file: path.display().to_string(),
            line: u32::try_from(line).ok(),
            path: String::new(),
            what: format!("is not UTF-8 text in line {line}"),
            right: "the file saved as UTF-8".into(),
        }
    })
}

fn open(path: &Path) -> Result<(File, Problems), Problem> {
    let file = File::open(path).map_err(|fault| unreadable(path, &fault))?;
    Ok((file, Problems::of(path.display().to_string())))
}

fn unreadable(path: &Path, fault: &io::Error) -> Problem {
    let right = match fault.kind() {
        io::ErrorKind::NotFound => "the name of a file that is there",
        io::ErrorKind::PermissionDenied => "a file that the user of this process may read",
        _ => "a readable file",
    };
    Problem {
        file: path.display().to_string(),
        line: None,
        path: String::new(),
        what: format!("cannot be read: {fault}"),
        right: right.into(),
    }
}
