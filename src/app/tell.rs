//! The commands that tell a running gate something, over its control socket: read the files anew, show and lift locks.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::ask::{self, AskError};
use super::grid::Grid;
use super::paint::Paint;
use super::question::Form;
use crate::admin::control::{self, Answer, Lock, Request};

/// Status 0 is done, 1 is refused, 2 that no gate heard it.
#[derive(Debug, Subcommand)]
pub(super) enum Telling {
    /// Have the running gate read all its files anew, and say what came of it
    Reload {
        #[command(flatten)]
        form: Form,
    },
    /// List the classes that are locked for somebody who looked like a thief of calls
    Locks {
        #[command(flatten)]
        form: Form,
    },
    /// Lift the locks of a person, and begin her counts anew
    #[command(after_help = UNLOCK)]
    Unlock {
        /// Key, SIP user or extension
        person: String,
        /// Only this class, such as international
        #[arg(long, value_name = "CLASS")]
        class: Option<String>,
        #[command(flatten)]
        form: Form,
    },
}

const UNLOCK: &str = "\
Examples:
  tollgate locks                                who is locked, from what, why, until when
  tollgate unlock anna                          all of Anna's locks
  tollgate unlock 201 --class international";

impl Telling {
    pub fn tell(&self) -> ExitCode {
        ask::status(match self {
            Telling::Reload { form } => put(form, &Request::Reload),
            Telling::Locks { form } => put(form, &Request::Locks),
            Telling::Unlock { person, class, form } => unlock(form, person, class.clone()),
        })
    }
}

fn unlock(form: &Form, person: &str, class: Option<String>) -> Result<bool, AskError> {
    let policy = ask::load(&form.config)?.policy;
    let person = policy.person(ask::find(&policy, person)?).key.to_string();
    put(form, &Request::Unlock { person, class })
}

fn put(form: &Form, request: &Request) -> Result<bool, AskError> {
    let path = control::path_beside(&ask::load_settings(&form.config)?.store.path);
    let answer = control::ask(&path, request).map_err(|source| AskError::NoGate { path, source })?;
    if form.json {
        println!("{}", json!(answer));
    } else {
        print!("{}", in_words(&answer, &form.config));
    }
    Ok(!matches!(answer, Answer::Refused { .. } | Answer::Failed { .. }))
}

fn in_words(answer: &Answer, config: &Path) -> String {
    match answer {
        Answer::Reloaded { version, waiting } if waiting.is_empty() => {
            format!("In force: policy version {version}\n")
        }
        Answer::Reloaded { version, waiting } => {
            format!("In force: policy version {version}\nOnly after a restart: {}\n", waiting.join(", "))
        }
        Answer::Refused { problems } => {
            let config = config.display();
            format!(
                "{}\nRefused whole, the old files stay in force. `tollgate check --config {config}` says the same.\n",
                problems.join("\n")
            )
        }
        Answer::Locks(locks) if locks.is_empty() => "Nobody is locked.\n".to_owned(),
        Answer::Locks(locks) => table(locks),
        Answer::Unlocked { count: 0 } => "There was no lock; the counts begin anew.\n".to_owned(),
        Answer::Unlocked { count: 1 } => "One lock lifted.\n".to_owned(),
        Answer::Unlocked { count } => format!("{count} locks lifted.\n"),
        Answer::Failed { why } => format!("{why}\n"),
    }
}

fn table(locks: &[Lock]) -> String {
    let mut grid = Grid::new(&["person", "class", "sign", "until"], Paint::for_stream(&io::stdout()));
    for lock in locks {
        grid.row([&lock.person, &lock.class, &lock.signal, &lock.until]);
    }
    grid.text()
}
