//! The commands that ask: each reads the files and the ledger beside a gate that may be running, and changes nothing; `call` alone
//! asks the gate itself.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::ask;
use super::cli::CONFIG_DEFAULT;
use super::{audit, call, explain, export, report, rights, why};
use crate::policy;

/// Status 0 is yes, 1 is no, 2 that there is no answer.
#[derive(Debug, Subcommand)]
pub(super) enum Question {
    /// Say whether a person would get through to a number, why, for how much and how long. Places no call
    #[command(after_help = EXPLAIN)]
    Explain {
        /// Key, SIP user or extension of the caller
        #[arg(long = "as", value_name = "PERSON")]
        person: String,
        /// The number as dialled on that phone
        #[arg(long = "to", value_name = "NUMBER")]
        number: String,
        /// When, as in 2026-12-25T10:00 in the caller's zone; by default now
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// How the call comes about
        #[arg(long, value_name = "HOW", default_value = "dial")]
        by: ByWord,
        #[command(flatten)]
        form: Form,
    },
    /// Place a real call through the running gate, with that person's rights and at her cost; status 0 if somebody answers
    #[command(after_help = CALL)]
    Call {
        /// Key, SIP user or extension of the caller
        #[arg(long = "as", value_name = "PERSON")]
        person: String,
        /// The number as dialled on that phone
        #[arg(long = "to", value_name = "NUMBER")]
        number: String,
        /// Hang up after so many seconds of talk
        #[arg(long, value_name = "SECONDS", default_value_t = 3)]
        talk: u16,
        /// What carries it
        #[arg(long, value_name = "TRANSPORT", default_value = "udp")]
        over: call::Over,
        #[command(flatten)]
        form: Form,
    },
    /// Say what became of a call, and why
    #[command(after_help = WHY)]
    Why {
        /// The id of the verdict: X-Tollgate-Decision in the answer, decision in the log and the records
        id: String,
        #[command(flatten)]
        form: Form,
    },
    /// What the policy says
    Policy {
        #[command(subcommand)]
        about: PolicyQuestion,
    },
    /// Count calls, talk and money, set them against the budgets, and name what was refused most
    #[command(after_help = REPORT)]
    Report {
        #[command(flatten)]
        span: SpanWords,
        /// Only this list, and all of it
        #[arg(long, value_name = "WHAT")]
        by: Option<report::By>,
        #[command(flatten)]
        form: Form,
    },
    /// Write the call records to standard output, oldest first
    #[command(after_help = EXPORT)]
    Export {
        /// How
        #[arg(long, value_name = "FORMAT", default_value = "csv")]
        format: export::Format,
        #[command(flatten)]
        span: SpanWords,
        /// Another ledger than that of the settings, such as a backup
        #[arg(long, value_name = "FILE")]
        store: Option<PathBuf>,
        /// The settings
        #[arg(long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
        config: PathBuf,
    },
    /// Recompute the ledger from its journal and name every difference; status 0 if there is none
    #[command(after_help = AUDIT)]
    Audit {
        /// Another ledger than that of the settings, such as a backup
        #[arg(long, value_name = "FILE")]
        store: Option<PathBuf>,
        #[command(flatten)]
        form: Form,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum PolicyQuestion {
    /// All that a person may do and spend, on one page, each line with where it comes from
    #[command(after_help = SHOW)]
    Show {
        /// Key, SIP user or extension
        #[arg(long = "as", value_name = "PERSON")]
        person: String,
        /// When, as in 2026-12-25T10:00 in the person's zone; by default now
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        #[command(flatten)]
        form: Form,
    },
}

#[derive(Debug, Args)]
pub(super) struct Form {
    /// The settings
    #[arg(long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
    pub config: PathBuf,
    /// One JSON document instead of text
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub(super) struct SpanWords {
    /// From this moment on: 2026-01-31, "2026-01-31 18:30", today or yesterday
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Up to this moment; a bare date counts to its end
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ByWord {
    Dial,
    Forward,
    Transfer,
}

const EXPLAIN: &str = "\
Examples:
  tollgate explain --as emma --to 0004420794605 --at 2026-03-02T19:00    would Emma get through to London at seven?
  tollgate explain --as 212 --to 112                                     and to the ambulance?
  tollgate explain --as emma --to 0172555000 --by forward --json";
const CALL: &str = "\
It runs beside the gate, on the same machine, and proves who it is by the hash in people.csv: no password is needed.

Examples:
  tollgate call --as emma --to 0301234567
  tollgate call --as 212 --to 201 --talk 10 --over tcp --json";
const WHY: &str = "\
Examples:
  tollgate why 0C7NKX2P0QGW4
  tollgate why 0C7NKX2P0QGW4 --json | jq .explanation.remedies";
const SHOW: &str = "\
Examples:
  tollgate policy show --as emma
  tollgate policy show --as 212 --at 2026-12-25T10:00 --json";
const REPORT: &str = "\
Without --from the report begins with the month of its end, by the company's clock.

Examples:
  tollgate report
  tollgate report --from yesterday --until yesterday --by person
  tollgate report --from 2026-01-01 --by day --json";
const EXPORT: &str = "\
Times are UTC. In CSV, dialled text that a spreadsheet would take for a formula begins with an apostrophe.

Examples:
  tollgate export > calls.csv
  tollgate export --format jsonl --from 2026-01-01 --until 2026-01-31 | jq .cost
  tollgate export --store /backup/tollgate.db";
const AUDIT: &str = "\
Examples:
  tollgate audit
  tollgate audit --store /backup/tollgate.db --json";

impl Question {
    pub fn answer(&self) -> ExitCode {
        ask::status(match self {
            Question::Explain { person, number, at, by, form } => {
                let question = explain::Question { person, number, at: at.as_deref(), by: by.meaning() };
                explain::run(&form.config, &question, form.json)
            }
            Question::Call { person, number, talk, over, form } => {
                let talk = Duration::from_secs(u64::from(*talk));
                call::run(&form.config, &call::Question { person, number, talk, over: *over }, form.json)
            }
            Question::Why { id, form } => why::run(&form.config, id, form.json),
            Question::Policy { about: PolicyQuestion::Show { person, at, form } } => {
                rights::run(&form.config, person, at.as_deref(), form.json)
            }
            Question::Report { span, by, form } => {
                let (from, until) = (span.from.as_deref(), span.until.as_deref());
                report::run(&form.config, &report::Question { from, until, by: *by }, form.json)
            }
            Question::Export { format, span, store, config } => {
                let (from, until) = (span.from.as_deref(), span.until.as_deref());
                let store = store.as_deref();
                export::run(config, &export::Question { format: *format, from, until, store })
            }
            Question::Audit { store, form } => audit::run(&form.config, store.as_deref(), form.json),
        })
    }
}

impl ByWord {
    fn meaning(self) -> policy::By {
        match self {
            ByWord::Dial => policy::By::Dial,
            ByWord::Forward => policy::By::Forward,
            ByWord::Transfer => policy::By::Transfer,
        }
    }
}
