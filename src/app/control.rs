//! What a running gate is told over its control socket, and who does it: the reload thread, or the gate's own.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use chrono::SecondsFormat;
use tokio::sync::mpsc::UnboundedSender;

use super::reload::Outcome;
use crate::admin::control::{Answer, Control, Lock, Request, path_beside};
use crate::gate::FraudLock;
use crate::policy::{Class, Country};
use crate::store::{Grouping, RecordFilter, Reports, SqliteReader, StoreError};

/// The gate looks at its questions after each wake-up, and wakes at least once a second.
const GATE_PATIENCE: Duration = Duration::from_secs(10);

/// A reload of a million contacts takes seconds; this long it takes nowhere.
const RELOAD_PATIENCE: Duration = Duration::from_secs(100);

/// A question to the gate's own thread.
pub(super) enum Ask {
    Locks(Sender<Vec<FraudLock>>),
    Unlock {
        person: String,
        class: Option<Class>,
        answer: Sender<usize>,
    },
    /// Where anybody here has ever called, as far as the records go.
    CountriesCalled(Vec<Country>),
}

/// Opens the control socket beside the ledger. A gate without one runs all the same.
pub(super) fn open(
    store: &Path,
    asks: UnboundedSender<Ask>,
    reload: impl Fn(Sender<Outcome>) + Send + 'static,
) -> Option<Control> {
    let path = path_beside(store);
    let answer = move |request| answer(&asks, &reload, request);
    match Control::listen(&path, answer) {
        Ok(control) => Some(control),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "no control socket: reload by SIGHUP; locks end by themselves");
            None
        }
    }
}

/// Looks up, on a thread of its own, which countries were called before: a first call to one is judged by it (R2). With millions of
/// records this takes seconds, and no call waits for it.
pub(super) fn look_up_countries(store: &Path, asks: UnboundedSender<Ask>) -> std::io::Result<()> {
    let store = store.to_owned();
    let look = move || match countries_called(&store) {
        Ok(countries) => drop(asks.send(Ask::CountriesCalled(countries))),
        Err(error) => {
            tracing::warn!(%error, "no first call to a country can be told: the records cannot be read")
        }
    };
    std::thread::Builder::new().name("history".into()).spawn(look).map(drop)
}

fn countries_called(store: &Path) -> Result<Vec<Country>, StoreError> {
    let permitted = RecordFilter { refused: Some(false), ..RecordFilter::default() };
    let sums = SqliteReader::open(store)?.totals_by(&permitted, Grouping::Country)?;
    let answered = sums.iter().filter(|(_, totals)| totals.answered > 0);
    Ok(answered.filter_map(|(country, _)| Country::from_code(country.as_deref()?)).collect())
}

fn answer(asks: &UnboundedSender<Ask>, reload: &impl Fn(Sender<Outcome>), request: Request) -> Answer {
    match request {
        Request::Reload => {
            let (sender, outcome) = channel();
            reload(sender);
            match outcome.recv_timeout(RELOAD_PATIENCE) {
                Ok(Ok(accepted)) => Answer::Reloaded {
                    version: accepted.version,
                    waiting: accepted.waiting.iter().map(|name| (*name).to_owned()).collect(),
                },
                Ok(Err(problems)) => {
                    Answer::Refused { problems: problems.iter().map(ToString::to_string).collect() }
                }
                Err(fault) => silent(fault),
            }
        }
        Request::Locks => {
            let (sender, locks) = channel();
            // A gate that is gone says nothing, and that is told below.
            let _ = asks.send(Ask::Locks(sender));
            match locks.recv_timeout(GATE_PATIENCE) {
                Ok(locks) => Answer::Locks(locks.iter().map(shown).collect()),
                Err(fault) => silent(fault),
            }
        }
        Request::Unlock { person, class } => {
            let known = class.as_deref().map(Class::from_code);
            if known == Some(None) {
                return Answer::Failed { why: format!("{:?} is no class", class.unwrap_or_default()) };
            }
            tracing::info!(%person, class = class.as_deref().unwrap_or("all"), "unlocked by the administrator");
            let (sender, count) = channel();
            let _ = asks.send(Ask::Unlock { person, class: known.flatten(), answer: sender });
            match count.recv_timeout(GATE_PATIENCE) {
                Ok(count) => Answer::Unlocked { count },
                Err(fault) => silent(fault),
            }
        }
    }
}

fn silent(fault: RecvTimeoutError) -> Answer {
    let why = match fault {
        RecvTimeoutError::Timeout => "the gate is too busy to answer",
        RecvTimeoutError::Disconnected => "the gate is going down",
    };
    Answer::Failed { why: why.to_owned() }
}

fn shown(lock: &FraudLock) -> Lock {
    Lock {
        person: lock.person.to_string(),
        class: lock.class.code().to_owned(),
        signal: lock.signal.code().to_owned(),
        until: lock.until.to_rfc3339_opts(SecondsFormat::Secs, true),
    }
}
