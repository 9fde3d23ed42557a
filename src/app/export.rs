//! `tollgate export`: the call records (R100), oldest first, as CSV or JSON lines. One record is in memory at a time.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::ask::{self, AskError};
use crate::ledger::CallRecord;
use crate::store::{RecordFilter, SqliteReader};

/// What is asked.
pub(super) struct Question<'a> {
    pub format: Format,
    pub from: Option<&'a str>,
    pub until: Option<&'a str>,
    /// Another ledger than that of the settings, such as a backup.
    pub store: Option<&'a Path>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    Csv,
    Jsonl,
}

const COLUMNS: [&str; 24] = [
    "decision",
    "start",
    "answer",
    "end",
    "person",
    "department",
    "site",
    "raw",
    "canonical",
    "class",
    "country",
    "reason",
    "rule",
    "status",
    "trunk",
    "end_cause",
    "billed_seconds",
    "cost",
    "written_off",
    "tariff_prefix",
    "tariff_valid_from",
    "reservation",
    "policy_version",
    "estimated",
];

/// Times without a zone are read in UTC, in which the records are written.
pub(super) fn run(config: &Path, question: &Question<'_>) -> Result<bool, AskError> {
    let ledger = match question.store {
        Some(path) => ask::open(path)?,
        None => ask::open(&ask::load_settings(config)?.store.path)?,
    };
    let filter = RecordFilter {
        from: question.from.map(|from| ask::moment(Some(from), Tz::UTC)).transpose()?,
        until: question.until.map(|until| ask::end_of_span(until, Tz::UTC)).transpose()?,
        ..RecordFilter::default()
    };
    let mut out = BufWriter::new(io::stdout().lock());
    match question.format {
        Format::Csv => write_csv(&ledger, &filter, &mut out)?,
        Format::Jsonl => write_lines(&ledger, &filter, &mut out)?,
    }
    out.flush()?;
    Ok(true)
}

fn write_lines(ledger: &SqliteReader, filter: &RecordFilter, out: &mut impl Write) -> Result<(), AskError> {
    ledger.each_record(filter, |record| {
        serde_json::to_writer(&mut *out, &record).map_err(io::Error::from)?;
        Ok(out.write_all(b"\n")?)
    })
}

fn write_csv(ledger: &SqliteReader, filter: &RecordFilter, out: &mut impl Write) -> Result<(), AskError> {
    let mut csv = csv::Writer::from_writer(out);
    let broken = |fault: csv::Error| AskError::Output(io::Error::from(fault));
    csv.write_record(COLUMNS).map_err(broken)?;
    ledger.each_record(filter, |record| csv.write_record(cells(&record)).map_err(broken))?;
    Ok(csv.flush()?)
}

/// In the order of `COLUMNS`.
fn cells(record: &CallRecord) -> [String; COLUMNS.len()] {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let moment = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339()).unwrap_or_default();
    let tariff = record.tariff.as_ref();
    [
        record.decision.to_string(),
        moment(Some(record.start)),
        moment(record.answer),
        moment(record.end),
        text(record.person.as_deref()),
        text(record.department.as_deref()),
        text(record.site.as_deref()),
        harmless(&record.raw),
        text(record.canonical.as_deref()),
        text(record.class.as_deref()),
        text(record.country.as_deref()),
        text(record.reason.as_deref()),
        text(record.rule.as_deref()),
        record.status.map(|status| status.to_string()).unwrap_or_default(),
        text(record.trunk.as_deref()),
        text(record.end_cause.map(|cause| cause.code())),
        record.billed_seconds.to_string(),
        record.cost.to_string(),
        record.written_off.to_string(),
        tariff.map(|mark| mark.prefix.to_string()).unwrap_or_default(),
        tariff.map(|mark| mark.valid_from.to_string()).unwrap_or_default(),
        record.reservation.map(|id| id.to_string()).unwrap_or_default(),
        record.policy_version.to_string(),
        record.estimated.to_string(),
    ]
}

/// Anybody may dial anything, and a spreadsheet takes a cell that begins so for a formula to be carried out: an apostrophe before
/// it makes it text. A plus with digits is a number.
fn harmless(dialled: &str) -> String {
    let number = dialled.strip_prefix('+').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    if dialled.starts_with(['=', '+', '-', '@', '\t', '\r']) && !number {
        format!("'{dialled}")
    } else {
        dialled.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (dialled, cell) in
            [("+4930123", "+4930123"), ("=1+1", "'=1+1"), ("+1+cmd", "'+1+cmd"), ("030 12", "030 12")]
        {
            assert_eq!(harmless(dialled), cell);
        }
    }
}
