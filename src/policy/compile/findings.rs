//! The problems found so far, and the suggestion of the name that was probably meant.

use crate::policy::problem::{Fault, Problem, Severity};

/// Rows that cannot be read are listed up to here; a CRM export may have a hundred thousand of them.
const ROW_FAULTS_MAX: u64 = 1000;

#[derive(Default)]
pub(super) struct Findings {
    problems: Vec<Problem>,
    row_faults: u64,
    row_errors: u64,
}

impl Findings {
    pub fn error(&mut self, path: impl Into<String>, fault: Fault) {
        self.problems.push(Problem { severity: Severity::Error, path: path.into(), line: None, fault });
    }

    pub fn warning(&mut self, path: impl Into<String>, fault: Fault) {
        self.problems.push(Problem { severity: Severity::Warning, path: path.into(), line: None, fault });
    }

    /// An error of a row with its line; beyond a thousand nobody reads on.
    pub fn row_error(&mut self, path: impl Into<String>, line: Option<u64>, fault: Fault) {
        self.row_errors += 1;
        if self.row_errors <= ROW_FAULTS_MAX {
            self.problems.push(Problem { severity: Severity::Error, path: path.into(), line, fault });
        }
    }

    /// A warning of a row with its line; counted only once there are too many.
    pub fn row_warning(&mut self, path: impl Into<String>, line: Option<u64>, fault: Fault) {
        self.row_faults += 1;
        if self.row_faults <= ROW_FAULTS_MAX {
            self.problems.push(Problem { severity: Severity::Warning, path: path.into(), line, fault });
        }
    }

    pub fn into_problems(mut self) -> Vec<Problem> {
        if let Some(count) = self.row_faults.checked_sub(ROW_FAULTS_MAX).filter(|count| *count > 0) {
            self.warning("contacts", Fault::More { count });
        }
        self.problems
    }

    /// The position of a name, or an error that says which name was probably meant.
    pub fn find<'a>(
        &mut self,
        path: impl Into<String>,
        kind: &'static str,
        name: &str,
        names: impl Iterator<Item = &'a str> + Clone,
    ) -> Option<usize> {
        let found = names.clone().position(|each| each == name);
        if found.is_none() {
            self.error(path, unknown(kind, name, names));
        }
        found
    }
}

pub(super) fn unknown<'a>(kind: &'static str, name: &str, names: impl Iterator<Item = &'a str>) -> Fault {
    Fault::UnknownName { kind, name: name.to_owned(), near: nearest(name, names) }
}

/// The most alike name, if no more than half of its letters differ: two exchanged letters are two differences.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let close = names.map(|each| (distance(&name.to_lowercase(), &each.to_lowercase()), each));
    let (differing, best) = close.min_by_key(|(differing, _)| *differing)?;
    (differing * 2 <= best.chars().count()).then(|| best.to_owned())
}

/// Letters to insert, delete or replace (Levenshtein 1965).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, compared) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *compared);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_that_was_meant_is_suggested() {
        let names = ["sales", "manager", "support_operator"];
        for (written, meant) in [
            ("slaes", Some("sales")),
            ("Manger", Some("manager")),
            ("suport_operator", Some("support_operator")),
            ("boss", None),
        ] {
            assert_eq!(nearest(written, names.into_iter()).as_deref(), meant, "{written}");
        }
    }
}
