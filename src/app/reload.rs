//! Living configuration: when a file changes or SIGHUP comes, all files are read anew on a thread of their own, and the gate gets
//! one new snapshot, or, if anything is wrong anywhere, none.
//!
//! The files are looked at rather than watched through the kernel: a look is a handful of `stat` calls, and it sees what inotify
//! misses or garbles: network drives, bind mounts, editors and orchestrators that swap a symlink or a whole folder.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::clock::Clock;
use super::look_up::Sources;
use super::notices::NoticeBox;
use super::secure::{self, secured};
use super::snapshot::snapshot;
use crate::config::{self, Listener, Loaded, Problem, Settings};
use crate::gate::Snapshot;
use crate::net::Secured;
use crate::telemetry::{Metrics, Reload};

/// Between two looks at the files. A change counts once it has stood still from one look to the next, so that a file still being
/// written is not read; it is in force two to three looks after it was made.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What came of reading the files anew: they are in force, or nothing has changed.
pub(super) type Outcome = Result<Accepted, Vec<Problem>>;

/// A configuration that is in force now.
pub(super) struct Accepted {
    pub version: u64,
    /// Settings that change only with a restart.
    pub waiting: Vec<&'static str>,
}

/// A new snapshot on its way to the gate.
pub(super) struct Replacement {
    pub setup: Arc<Snapshot>,
    /// New TLS connections prove themselves with these.
    pub secured: Secured,
    /// Takes the old snapshot back: a million contacts are freed here, not on the thread of the calls.
    pub old: oneshot::Sender<Arc<Snapshot>>,
}

/// How the files stood at one look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    files: BTreeMap<PathBuf, Option<Stamp>>,
}

/// What tells one state of a file from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    changed: Option<SystemTime>,
    bytes: u64,
    inode: u64,
}

impl Look {
    /// The settings at `path` and the files they name, as far as they can be read.
    pub fn at(path: &Path) -> Look {
        let named = config::load_settings(path).map(|settings| files_of(&settings)).unwrap_or_default();
        Look::of(named.into_iter().chain([path.to_owned()]))
    }

    fn of(files: impl IntoIterator<Item = PathBuf>) -> Look {
        let stamped = files.into_iter().map(|path| (stamp(&path), path));
        Look { files: stamped.map(|(stamp, path)| (path, stamp)).collect() }
    }

    fn again(&self) -> Look {
        Look::of(self.files.keys().cloned())
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let found = std::fs::metadata(path).ok()?;
    Some(Stamp { changed: found.modified().ok(), bytes: found.len(), inode: found.ino() })
}

fn files_of(settings: &Settings) -> Vec<PathBuf> {
    let files = &settings.files;
    let tables = [&files.policy, &files.people, &files.tariff].into_iter();
    let costs = settings.trunks.iter().filter_map(|trunk| trunk.costs.as_ref());
    let tables = tables.chain(files.contacts.iter().map(|source| &source.path)).chain(costs).cloned();
    tables.chain(secure::files(settings)).collect()
}

enum Wake {
    /// Tells what came of it to whoever asked.
    Reload(Option<std::sync::mpsc::Sender<Outcome>>),
    Stop,
}

/// The thread that looks and reads. Dropping it ends the thread.
pub(super) struct Reloader {
    wakes: Sender<Wake>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread works with.
pub(super) struct Follow {
    /// Of `tollgate.toml`.
    pub path: PathBuf,
    /// As the gate was started with.
    pub running: Settings,
    /// Where its listeners are, in their order.
    pub bound: Vec<SocketAddr>,
    pub setups: UnboundedSender<Replacement>,
    pub metrics: Arc<Metrics>,
    pub clock: Clock,
    /// Other webhooks are told to it.
    pub notices: NoticeBox,
    /// Where contacts come from; changed with the rest.
    pub sources: Sources,
    /// From before the running configuration was read: a change since then is news.
    pub read: Look,
}

impl Reloader {
    /// # Errors
    /// If the operating system gives no thread.
    pub fn spawn(follow: Follow) -> std::io::Result<Reloader> {
        let (wakes, woken) = channel();
        let thread = std::thread::Builder::new().name("reload".into()).spawn(move || follow.run(&woken))?;
        Ok(Reloader { wakes, thread: Some(thread) })
    }

    /// Reads everything anew, changed or not.
    pub fn reload(&self) {
        // A thread that is gone has said why.
        let _ = self.wakes.send(Wake::Reload(None));
    }

    /// Has everything read anew, and the outcome told.
    pub fn asker(&self) -> impl Fn(Sender<Outcome>) + Send + 'static {
        let wakes = self.wakes.clone();
        move |asker| drop(wakes.send(Wake::Reload(Some(asker))))
    }
}

impl Drop for Reloader {
    fn drop(&mut self) {
        let _ = self.wakes.send(Wake::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Follow {
    fn run(mut self, woken: &Receiver<Wake>) {
        let mut last = self.read.clone();
        loop {
            match woken.recv_timeout(LOOK_EVERY) {
                Ok(Wake::Reload(asker)) => {
                    let outcome = self.reload();
                    // Whoever asked may have gone.
                    asker.map(|asker| asker.send(outcome));
                }
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    let look = self.read.again();
                    if look != self.read && look == last {
                        // The log has told it.
                        drop(self.reload());
                    }
                    last = look;
                }
            }
        }
    }

    /// All files or none: whatever is wrong anywhere leaves the gate as it was.
    fn reload(&mut self) -> Outcome {
        // Stamped before it is read, so that a change in between is seen at the next look.
        self.read = Look::at(&self.path);
        let loaded = config::load(&self.path).and_then(|loaded| {
            let waiting = waiting_for_restart(&self.running, &loaded.settings);
            let mut loaded = self.fitted(loaded)?;
            let file = self.path.display().to_string();
            let secured = secured(&loaded.settings, &file)?;
            loaded.warnings.extend(secure::ending(&secured, self.clock.now().utc, &file));
            Ok((loaded, secured, waiting))
        });
        match loaded {
            Ok((loaded, secured, waiting)) => Ok(self.hand_over(loaded, secured, waiting)),
            Err(problems) => {
                self.metrics.reload(Reload::Refused);
                for problem in &problems {
                    tracing::error!(%problem, "the changed configuration is wrong");
                }
                let count = problems.len();
                tracing::error!(
                    problems = count,
                    "the changed configuration is refused whole; the old one stays in force"
                );
                Err(problems)
            }
        }
    }

    fn hand_over(&self, loaded: Loaded, secured: Secured, waiting: Vec<&'static str>) -> Accepted {
        for warning in &loaded.warnings {
            tracing::warn!(%warning, "worth a look in the changed configuration");
        }
        if !waiting.is_empty() {
            tracing::warn!(settings = waiting.join(", "), "changed, but only in force after a restart");
        }
        let (version, counts) = (loaded.policy.version(), loaded.counts);
        self.notices.configure(loaded.settings.webhooks.clone());
        let sources = loaded.settings.files.contacts.clone();
        let setup = Arc::new(snapshot(loaded, &self.bound));
        let (old, returned) = oneshot::channel();
        let accepted = Accepted { version, waiting };
        // The gate may be stopping just now, and then nobody takes or returns anything.
        let end = secure::first_end(&secured);
        drop(self.setups.send(Replacement { setup, secured, old }));
        let Ok(old) = returned.blocking_recv() else { return accepted };
        let before = old.policy.version();
        *self.sources.write().unwrap_or_else(PoisonError::into_inner) = sources;
        drop(old);
        self.metrics.reload(Reload::Accepted);
        self.metrics.set_tls_certificate_end(end);
        self.metrics.set_policy_version(version);
        let (people, contacts, prices) = (counts.people, counts.contacts, counts.prices);
        tracing::info!(version, before, people, contacts, prices, "the changed configuration is in force");
        accepted
    }

    /// Listeners stay as they are while the gate runs. Trunks that are sent to through a changed one keep to the running one of
    /// the same name.
    fn fitted(&self, mut loaded: Loaded) -> Result<Loaded, Vec<Problem>> {
        let settings = &mut loaded.settings;
        if settings.listeners == self.running.listeners {
            return Ok(loaded);
        }
        let mut problems = Vec::new();
        for (at, trunk) in settings.trunks.iter_mut().enumerate() {
            let wanted = &settings.listeners[trunk.listener];
            match running_listener(&self.running.listeners, wanted) {
                Some(index) => trunk.listener = index,
                None => problems.push(Problem {
                    file: self.path.display().to_string(),
                    line: None,
                    path: format!("trunk[{at}].listener"),
                    what: format!("the running gate has no listener {:?} of this transport", wanted.name),
                    right: "a listener that it was started with, or a restart".into(),
                }),
            }
        }
        settings.listeners.clone_from(&self.running.listeners);
        if problems.is_empty() { Ok(loaded) } else { Err(problems) }
    }
}

fn running_listener(running: &[Listener], wanted: &Listener) -> Option<usize> {
    running.iter().position(|listener| listener.name == wanted.name && listener.carrier == wanted.carrier)
}

/// Settings that a running gate cannot change, and that were changed.
fn waiting_for_restart(running: &Settings, read: &Settings) -> Vec<&'static str> {
    let (old, new) = (&running.sip, &read.sip);
    let registrations = |sip: &config::Sip| {
        (sip.registration_shortest, sip.registration_default, sip.registration_longest, sip.bindings_max)
    };
    let locks = |sip: &config::Sip| (sip.failures_before_lock, sip.unproven_before_lock, sip.lock);
    let changes = [
        ("[[listen]]", running.listeners != read.listeners),
        ("[store] path", running.store != read.store),
        ("[http] listen", running.http != read.http),
        ("[stop]", running.stop != read.stop),
        ("[log]", running.log != read.log),
        ("[dns]", running.dns != read.dns),
        ("[money] currency", running.money.currency != read.money.currency),
        ("[sip] t1, t2, t4", (old.t1, old.t2, old.t4) != (new.t1, new.t2, new.t4)),
        ("[sip] registrations", registrations(old) != registrations(new)),
        ("[sip] locks", locks(old) != locks(new)),
    ];
    changes.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
}
