//! Fetches contact files from their URLs on a timer (R90). What comes is sifted first and then takes the place of the copy, which the
//! reloading sees as any other change; whatever goes wrong leaves the copy as it is.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::clock::Clock;
use super::look_up::{Sources, proof};
use super::successor::Successor;
use crate::base::Moment;
use crate::config::{ContactSource, SiftError, Sifted, sift};
use crate::net::{Client, HttpFault, Request};
use crate::telemetry::Metrics;

/// Between two looks at what is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// After a failure it is tried again soon, but not at every look.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// A fetch that takes longer has stalled.
const FETCH_LONGEST: Duration = Duration::from_secs(600);

/// Several times the lines that a gate can hold.
const FETCH_BYTES_MAX: u64 = 2 << 30;

/// As many as web servers lead one around.
const REDIRECTS_MAX: u32 = 5;

/// Why a copy stays as it is.
#[derive(Debug, thiserror::Error)]
enum Kept {
    #[error(transparent)]
    Http(#[from] HttpFault),
    #[error("status {0}")]
    Status(u16),
    #[error("{0}")]
    Sift(#[from] SiftError),
    #[error("more lines are bad than good: {taken} of {lines} can be read")]
    Unsound { taken: usize, lines: usize },
    #[error("the copy cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// The thread that fetches. Dropping it ends the thread, once a fetch under way is over or has failed.
pub(super) struct Refresher {
    _stop: Sender<()>,
}

struct Rounds {
    /// Of `tollgate.toml`, whose sites say how numbers are written.
    path: PathBuf,
    sources: Sources,
    clock: Clock,
    metrics: Arc<Metrics>,
    client: Client,
    /// When each is due, by name.
    due: HashMap<String, Moment>,
}

impl Refresher {
    /// # Errors
    /// If the operating system gives no thread.
    pub fn spawn(
        path: PathBuf,
        sources: Sources,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> io::Result<Refresher> {
        let (stop, stopped) = channel();
        let rounds = Rounds { path, sources, clock, metrics, client: Client::new(), due: HashMap::new() };
        std::thread::Builder::new().name("refresh".into()).spawn(move || rounds.run(&stopped))?;
        Ok(Refresher { _stop: stop })
    }
}

impl Rounds {
    fn run(mut self, stopped: &Receiver<()>) {
        while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
            let sources = self.sources.read().unwrap_or_else(PoisonError::into_inner).clone();
            for source in &sources {
                if let Some(url) = &source.url {
                    self.refresh(source, url);
                }
            }
        }
    }

    fn refresh(&mut self, source: &ContactSource, url: &str) {
        let now = self.clock.now();
        // At the start of the gate the copy may be young still.
        let first = || now.moment + source.every.saturating_sub(source.age(now.utc));
        let due = *self.due.entry(source.name.clone()).or_insert_with(first);
        if now.moment < due {
            return;
        }
        let database = source.name.as_str();
        let fetched = self.fetch(source, url);
        self.metrics.contacts.refreshed(fetched.is_ok());
        let pause = match fetched {
            Ok(sifted) => {
                let Sifted { lines, taken, left_out, numbers, .. } = sifted;
                tracing::info!(database, lines, taken, left_out, numbers, "fetched the contacts");
                source.every
            }
            Err(why) => {
                tracing::error!(database, %why, "the contacts were not fetched; the old copy stays");
                AGAIN_AFTER.min(source.every)
            }
        };
        self.due.insert(source.name.clone(), self.clock.now().moment + pause);
    }

    fn fetch(&self, source: &ContactSource, url: &str) -> Result<Sifted, Kept> {
        let proof = proof(&source.authorization);
        let mut headers = vec![("Accept", "text/csv, */*;q=0.1")];
        headers.extend(proof.as_deref().map(|proof| ("Authorization", proof)));
        let request = Request {
            url,
            headers: &headers,
            body: None,
            deadline: FETCH_LONGEST,
            bytes_max: FETCH_BYTES_MAX,
            redirects_max: REDIRECTS_MAX,
        };
        let mut download = Successor::of(&source.path.with_extension("download"))?;
        match self.client.download(&request, &mut download)? {
            (200, _) => {}
            (status, _) => return Err(Kept::Status(status)),
        }
        let mut copy = Successor::of(&source.path)?;
        let sifted = sift(&self.path, &source.name, "the URL", File::open(download.path())?, &mut copy)?;
        if !sifted.is_sound() {
            return Err(Kept::Unsound { taken: sifted.taken, lines: sifted.lines });
        }
        copy.take_over()?;
        Ok(sifted)
    }
}
