//! What is wrong with a policy document: where, what, and what would be right. One value per fault; all are reported at once.

use std::fmt;

/// A refused document carries at least one `Error`; `Warning`s leave it usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Error,
    Warning,
}

/// One fault of the document or its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    /// Such as `roles.sales.permits[1].hours` or `people[12].department`.
    pub path: String,
    /// The line of the rows' file, where the rows carried one.
    pub line: Option<u64>,
    pub fault: Fault,
}

/// The kinds of fault. `Display` says what is wrong; `remedy` what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("there is no {kind} named {name:?}")]
    UnknownName { kind: &'static str, name: String, near: Option<String> },
    #[error("{name:?} is stated twice")]
    Duplicate { name: String },
    #[error("{what} is missing")]
    Missing { what: &'static str, remedy: &'static str },
    #[error("inheritance runs in a circle: {circle}")]
    Circle { circle: String },
    #[error("{text:?} is no time zone")]
    Zone { text: String },
    #[error("{text:?} is no country")]
    Country { text: String },
    #[error("{text:?} are no opening hours")]
    Hours { text: String },
    #[error("{text:?} is no {what}")]
    Malformed { what: &'static str, text: String, remedy: &'static str },
    #[error("{what}")]
    Contradiction { what: &'static str, remedy: &'static str },
    #[error("the number {text:?} cannot be read: {why}")]
    Number { text: String, why: crate::base::number::UnknownWhy },
    #[error("{count} more faults of this kind are not listed")]
    More { count: u64 },
}

impl Fault {
    /// What would be right, as a sentence without its full stop.
    pub fn remedy(&self) -> String {
        match self {
            Fault::UnknownName { near: Some(near), .. } => format!("did you mean {near:?}?"),
            Fault::UnknownName { kind, near: None, .. } => {
                format!("name a {kind} that the document declares")
            }
            Fault::Duplicate { .. } => "each is stated once".into(),
            Fault::Missing { remedy, .. }
            | Fault::Contradiction { remedy, .. }
            | Fault::Malformed { remedy, .. } => (*remedy).into(),
            Fault::Circle { .. } => "let one of them no longer point to the next".into(),
            Fault::Zone { .. } => "an IANA name such as Europe/Berlin".into(),
            Fault::Country { .. } => "an ISO 3166 code such as DE".into(),
            Fault::Hours { .. } => "OpenStreetMap hours such as `Mo-Fr 08:00-18:00; PH off`".into(),
            Fault::Number { .. } => "a number as dialled at the site, or with + and country code".into(),
            Fault::More { .. } => "mend those listed and check again".into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let Some(line) = self.line {
            write!(f, " (line {line})")?;
        }
        write!(f, ": {}; {}", self.fault, self.fault.remedy())
    }
}
