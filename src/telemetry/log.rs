//! Log set-up: text for people, JSON lines for machines, colour only on a terminal.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("this is not a log filter")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    #[error("the log was set up before")]
    Twice(#[from] TryInitError),
}

/// Starts the log on standard error; standard output belongs to answers. `TOLLGATE_LOG` in the environment beats `filter`.
///
/// # Errors
/// A filter that cannot be read, or a second start in one process.
pub fn start(format: Format, filter: &str) -> Result<(), LogError> {
    let from_environment = std::env::var("TOLLGATE_LOG").ok();
    let filter = EnvFilter::try_new(from_environment.as_deref().unwrap_or(filter))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        Format::Text => {
            let plain = std::env::var_os("NO_COLOR").is_some() || !io::stderr().is_terminal();
            lines.with_ansi(!plain).with_target(false).finish().try_init()?;
        }
        Format::Json => lines.json().flatten_event(true).finish().try_init()?,
    }
    Ok(())
}
