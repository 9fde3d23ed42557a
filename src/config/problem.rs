//! One fault in one file: where it is, what is wrong, what would be right. All of them are shown at once.

use std::cell::RefCell;
use std::fmt;

use serde::Serialize;

/// A fault that its author can mend without reading code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub file: String,
    /// From 1; absent when the whole file is meant.
    pub line: Option<u32>,
    /// Of the setting, as in `listen[0].transport`; the column in a CSV file; empty when the whole file is meant.
    pub path: String,
    pub what: String,
    pub right: String,
}

/// `config/tollgate.toml:12: listen[0].transport: "tpc" is not a transport; right: "udp" or "tcp"`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}; right: {}", self.what, self.right)
    }
}

/// A file of a million bad lines must not become a million problems: nobody reads on after the first screens.
const PROBLEMS_PER_FILE_MAX: usize = 200;

/// The problems of one file, collected while its reader goes on.
#[derive(Debug)]
pub(super) struct Problems {
    file: String,
    found: RefCell<Vec<Problem>>,
    unlisted: RefCell<usize>,
}

impl Problems {
    pub fn of(file: impl Into<String>) -> Problems {
        Problems { file: file.into(), found: RefCell::default(), unlisted: RefCell::default() }
    }

    pub fn file(&self) -> &str {
        &self.file
    }

    pub fn push(&self, line: Option<u32>, path: &str, what: impl Into<String>, right: impl Into<String>) {
        let mut found = self.found.borrow_mut();
        if found.len() >= PROBLEMS_PER_FILE_MAX {
            *self.unlisted.borrow_mut() += 1;
            return;
        }
        let (file, path) = (self.file.clone(), path.to_owned());
        found.push(Problem { file, line, path, what: what.into(), right: right.into() });
    }

    /// As `push`, but one problem at a place is enough: what follows from it would only confuse.
    pub fn push_unless_known(
        &self,
        line: Option<u32>,
        path: &str,
        what: impl Into<String>,
        right: impl Into<String>,
    ) {
        let known = |problem: &Problem| problem.line == line && problem.path == path;
        if !self.found.borrow().iter().any(known) {
            self.push(line, path, what, right);
        }
    }

    /// Whether nothing at `path` or below it has been found wrong.
    pub fn is_sound(&self, path: &str) -> bool {
        let below = |found: &str| {
            found.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        !self.found.borrow().iter().any(|problem| below(&problem.path))
    }

    /// Whether nothing in this line has been found wrong.
    pub fn is_sound_line(&self, line: u64) -> bool {
        !self.found.borrow().iter().any(|problem| problem.line.map(u64::from) == Some(line))
    }

    /// In the order of the file; those of the whole file first.
    pub fn into_vec(self) -> Vec<Problem> {
        let mut found = self.found.into_inner();
        found.sort_by(|one, other| (one.line, &one.path).cmp(&(other.line, &other.path)));
        let unlisted = self.unlisted.into_inner();
        if unlisted > 0 {
            found.push(Problem {
                file: self.file,
                line: None,
                path: String::new(),
                what: format!("{unlisted} more problems are not listed"),
                right: "mend those above, then check again".into(),
            });
        }
        found
    }
}
