//! What questions at the command line have in common: the files, the person, the hour, the ledger, and what stands in the way.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::check;
use super::clock::Clock;
use super::demo::phone::LineError;
use crate::base::{IdError, PersonId};
use crate::config::{self, Loaded, Problem, Settings};
use crate::policy::Policy;
use crate::store::{SqliteReader, StoreError};

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("the configuration is wrong")]
    Configuration(Vec<Problem>),
    #[error("{0:?} is nobody's key, SIP user or extension in people.csv")]
    Nobody(String),
    #[error("{0:?} is no time; write 2026-01-31, 2026-01-31 18:30 (in {1}) or 2026-01-31T18:30:00+01:00")]
    Hour(String, Tz),
    #[error("{0:?} is no id of a call: {1}")]
    Id(String, IdError),
    #[error("there is no ledger at {}: the gate has not run yet with these settings", .0.display())]
    NoStore(PathBuf),
    #[error("the ledger {} cannot be read: {source}", path.display())]
    Store { path: PathBuf, source: StoreError },
    #[error("{0:?} has no phone in people.csv: neither password nor ha1")]
    NoPhone(String),
    #[error("the gate has no listener for {0}")]
    NoListener(&'static str),
    #[error("no phone can be plugged in here: {0}; this must run on the machine of the gate")]
    Line(#[from] LineError),
    #[error("no gate hears at {}: {source}; is it running with these settings, and as this user?", path.display())]
    NoGate { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Ledger(#[from] StoreError),
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

/// No answer could be given; 1 is the answer no.
const UNANSWERED: u8 = 2;

/// The exit status of a question: 0 for yes, 1 for no, 2 if it could not be answered.
pub(super) fn status(answer: Result<bool, AskError>) -> ExitCode {
    match answer {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Whoever reads through `head` has seen enough.
        Err(AskError::Output(fault)) if fault.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(AskError::Configuration(problems)) => {
            check::complain(&problems);
            ExitCode::from(UNANSWERED)
        }
        Err(fault) => {
            eprintln!("tollgate: {fault}");
            ExitCode::from(UNANSWERED)
        }
    }
}

pub(super) fn load(path: &Path) -> Result<Loaded, AskError> {
    config::load(path).map_err(AskError::Configuration)
}

pub(super) fn load_settings(path: &Path) -> Result<Settings, AskError> {
    config::load_settings(path).map_err(AskError::Configuration)
}

/// The ledger beside a gate that may be running; `None` if no gate has ever run.
pub(super) fn ledger(settings: &Settings) -> Result<Option<SqliteReader>, AskError> {
    match open(&settings.store.path) {
        Ok(reader) => Ok(Some(reader)),
        Err(AskError::NoStore(_)) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// The ledger in this file.
pub(super) fn open(path: &Path) -> Result<SqliteReader, AskError> {
    if !path.exists() {
        return Err(AskError::NoStore(path.to_owned()));
    }
    SqliteReader::open(path).map_err(|source| AskError::Store { path: path.to_owned(), source })
}

/// By key, SIP user or extension.
pub(super) fn find(policy: &Policy, name: &str) -> Result<PersonId, AskError> {
    let by_extension = || policy.sites().find_map(|(site, _)| policy.person_by_extension(site, name));
    let found = policy.person_by_key(name).or_else(|| policy.person_by_sip_user(name)).or_else(by_extension);
    found.ok_or_else(|| AskError::Nobody(name.to_owned()))
}

pub(super) fn now() -> DateTime<Utc> {
    Clock::start().now().utc
}

/// A moment as people write it, by the clocks of `zone`; a bare date is its first moment. Now if absent.
pub(super) fn moment(text: Option<&str>, zone: Tz) -> Result<DateTime<Utc>, AskError> {
    match text {
        None => Ok(now()),
        Some(text) => instant(text, zone)
            .or_else(|| first_moment(date(text, zone)?, zone))
            .ok_or_else(|| AskError::Hour(text.to_owned(), zone)),
    }
}

/// The end of a span: a bare date is in it to its last moment.
pub(super) fn end_of_span(text: &str, zone: Tz) -> Result<DateTime<Utc>, AskError> {
    instant(text, zone)
        .or_else(|| first_moment(date(text, zone)? + Days::new(1), zone))
        .ok_or_else(|| AskError::Hour(text.to_owned(), zone))
}

fn instant(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc());
    }
    let forms = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S"];
    let local = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    zone.from_local_datetime(&local).earliest().map(|local| local.to_utc())
}

fn date(text: &str, zone: Tz) -> Option<NaiveDate> {
    let today = || now().with_timezone(&zone).date_naive();
    match text {
        "today" => Some(today()),
        "yesterday" => today().pred_opt(),
        text => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok(),
    }
}

fn first_moment(date: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
    let midnight = date.and_time(NaiveTime::MIN);
    // Where the clocks skip midnight, the day begins an hour later.
    let later = midnight + chrono::TimeDelta::hours(1);
    let first = zone
        .from_local_datetime(&midnight)
        .earliest()
        .or_else(|| zone.from_local_datetime(&later).earliest());
    first.map(|local| local.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: Tz = chrono_tz::Europe::Berlin;

    #[test]
    fn an_hour_is_read_in_the_zone_of_the_person() {
        let expected = Utc.with_ymd_and_hms(2026, 1, 31, 17, 30, 0).single().expect("a moment");
        for text in
            ["2026-01-31 18:30", "2026-01-31T18:30", "2026-01-31T18:30:00+01:00", "2026-01-31T17:30:00Z"]
        {
            assert_eq!(moment(Some(text), BERLIN).expect(text), expected);
        }
        assert!(matches!(moment(Some("soon"), BERLIN), Err(AskError::Hour(..))));
    }

    #[test]
    fn a_bare_date_is_whole_days() {
        let first = Utc.with_ymd_and_hms(2026, 10, 24, 22, 0, 0).single();
        let end = Utc.with_ymd_and_hms(2026, 10, 25, 23, 0, 0).single();
        assert_eq!(moment(Some("2026-10-25"), BERLIN).ok(), first);
        // The day on which summer time ends has 25 hours.
        assert_eq!(end_of_span("2026-10-25", BERLIN).ok(), end);
    }
}
