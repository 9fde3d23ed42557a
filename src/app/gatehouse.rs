//! Starting and stopping a gate: its sockets and loop on one thread, its store on another, HTTP on a third.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot, watch};

use super::clock::{self, Clock};
use super::event_loop::EventLoop;
use super::observe::{self, Observer};
use super::reload::{Follow, Look, Reloader, Replacement};
use super::snapshot::{snapshot, timing};
use crate::admin::{self, Health};
use crate::base::Now;
use crate::config::{Loaded, Settings};
use crate::gate::Gate;
use crate::ledger::{Command, EndCause, Expire};
use crate::net::{BindError, Listen, Sockets};
use crate::sip::Transport;
use crate::store::{
    Reports, Sqlite, SqliteReader, SqliteSettings, StoreError, Writer, WriterEvent, WriterHandle,
};
use crate::telemetry::Metrics;

/// Why the gate could not start; each names what the operator must mend.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Listen(#[from] BindError),
    #[error("cannot serve HTTP on {address}: {source}")]
    Http { address: SocketAddr, source: std::io::Error },
    #[error("cannot open the store {}: {source}", path.display())]
    Store { path: std::path::PathBuf, source: StoreError },
    #[error("the operating system gives no thread: {0}")]
    Thread(#[from] std::io::Error),
    #[error("the operating system gives no random numbers: {0}")]
    Entropy(#[from] getrandom::Error),
    #[error("the metrics could not be set up: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    #[error("the gate ended before it was ready")]
    Ended,
}

/// A gate that runs. Dropping it stops the gate and waits for it.
pub struct Gatehouse {
    /// Where it listens for SIP, in the order of the settings.
    pub addresses: Vec<SocketAddr>,
    pub http: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
    setups: mpsc::UnboundedSender<Replacement>,
    reloader: Option<Reloader>,
    /// The settings it was started with.
    running: Settings,
    metrics: Arc<Metrics>,
    _admin: Option<admin::Server>,
}

impl Gatehouse {
    /// Starts a gate and waits until it listens.
    ///
    /// # Errors
    /// Whatever the machine does not give: an address, the store's file, a thread.
    pub fn start(loaded: Loaded) -> Result<Gatehouse, StartError> {
        let health = Arc::new(Health::default());
        let metrics = Arc::new(Metrics::new(&observe::labels(loaded.settings.money.currency.clone()))?);
        let (admin, http) = serve_http(&loaded.settings, &health, &metrics)?;
        let clock = Clock::start();
        let (store, written) = open_store(&loaded.settings, clock)?;
        health.set_policy_loaded(true);
        health.set_store_writable(true);
        let (stop, stopped) = watch::channel(false);
        let (ready, listening) = oneshot::channel();
        let random = clock::entropy()?;
        metrics.set_policy_version(loaded.policy.version());
        let observer = Observer::new(Arc::clone(&metrics), Arc::clone(&health));
        let running = loaded.settings.clone();
        let (setups, changed) = mpsc::unbounded_channel();
        let parts =
            Parts { loaded, clock, random, store, written, setups: changed, observer, stop: stopped, ready };
        let thread = std::thread::Builder::new().name("gate".into()).spawn(move || run(parts))?;
        let addresses = listening.blocking_recv().map_err(|_| StartError::Ended)??;
        health.set_listeners_bound(true);
        Ok(Gatehouse {
            addresses,
            http,
            stop,
            thread: Some(thread),
            setups,
            reloader: None,
            running,
            metrics,
            _admin: admin,
        })
    }

    /// From now on, changes of the files that `path` names are taken over. `read` is how they stood before they were read.
    ///
    /// # Errors
    /// If the operating system gives no thread.
    pub(super) fn follow(&mut self, path: &Path, read: Look) -> std::io::Result<()> {
        let follow = Follow {
            path: path.to_owned(),
            running: self.running.clone(),
            bound: self.addresses.clone(),
            setups: self.setups.clone(),
            metrics: Arc::clone(&self.metrics),
            read,
        };
        self.reloader = Some(Reloader::spawn(follow)?);
        Ok(())
    }

    /// Reads the files anew, changed or not; what comes of it stands in the log.
    pub fn reload(&self) {
        if let Some(reloader) = &self.reloader {
            reloader.reload();
        }
    }

    /// Waits until the gate has ended by itself.
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Gatehouse {
    fn drop(&mut self) {
        // A receiver that is gone has stopped already.
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What goes over to the gate's own thread.
struct Parts {
    loaded: Loaded,
    clock: Clock,
    random: crate::base::Random,
    store: WriterHandle,
    written: mpsc::UnboundedReceiver<WriterEvent>,
    setups: mpsc::UnboundedReceiver<Replacement>,
    observer: Observer,
    stop: watch::Receiver<bool>,
    ready: oneshot::Sender<Result<Vec<SocketAddr>, StartError>>,
}

/// The gate's thread: a runtime of one thread, the sockets, the loop.
fn run(parts: Parts) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build() {
        Ok(runtime) => runtime,
        Err(fault) => {
            let _ = parts.ready.send(Err(StartError::Thread(fault)));
            return;
        }
    };
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async move {
        let Parts { loaded, clock, random, store, written, setups, observer, stop, ready } = parts;
        let listens: Vec<Listen> = loaded.settings.listeners.iter().map(listen).collect();
        let sockets = match Sockets::bind(&listens) {
            Ok(sockets) => sockets,
            Err(fault) => {
                let _ = ready.send(Err(fault.into()));
                return;
            }
        };
        let addresses: Vec<SocketAddr> = sockets.addresses().collect();
        let timing = timing(&loaded.settings);
        let setup = Arc::new(snapshot(loaded, &addresses));
        let gate = Gate::new(setup, timing, random);
        let _ = ready.send(Ok(addresses));
        EventLoop { clock, gate, sockets, store, written, setups, observer, stop }.run().await;
    });
}

fn listen(listener: &crate::config::Listener) -> Listen {
    let transport = match listener.carrier {
        crate::config::Carrier::Udp => Transport::Udp,
        crate::config::Carrier::Tcp => Transport::Tcp,
    };
    Listen { transport, address: listener.address }
}

type Http = (Option<admin::Server>, Option<SocketAddr>);

fn serve_http(settings: &Settings, health: &Arc<Health>, metrics: &Arc<Metrics>) -> Result<Http, StartError> {
    let Some(address) = settings.http.address else { return Ok((None, None)) };
    let refused = |source| StartError::Http { address, source };
    let listener = TcpListener::bind(address).map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    let metrics = Arc::clone(metrics);
    let parts = admin::Parts {
        health: Arc::clone(health),
        metrics: Box::new(move || metrics.render()),
        version: env!("CARGO_PKG_VERSION"),
    };
    let server = admin::spawn(listener, parts).map_err(refused)?;
    Ok((Some(server), Some(bound)))
}

type Store = (WriterHandle, mpsc::UnboundedReceiver<WriterEvent>);

/// Opens the ledger and frees what calls of an earlier run had reserved: none of them has lived on (R91).
fn open_store(settings: &Settings, clock: Clock) -> Result<Store, StartError> {
    let path = &settings.store.path;
    let failed = |source| StartError::Store { path: path.clone(), source };
    let store = Sqlite::open(path, SqliteSettings::default()).map_err(failed)?;
    let left = SqliteReader::open(path).and_then(|reader| reader.open_reservations()).map_err(failed)?;
    let (sender, written) = mpsc::unbounded_channel();
    let handle = Writer::spawn(
        store,
        move || clock.now().moment,
        move |event| {
            // The loop that listens ends after the writer does; what nobody hears any more is lost with it.
            let _ = sender.send(event);
        },
    )?;
    for reservation in left {
        let _ = handle.send(expire(reservation, clock.now()));
    }
    Ok((handle, written))
}

fn expire(reservation: crate::store::OpenReservation, now: Now) -> Command {
    let record = reservation.record.map(|mut record| {
        record.end = Some(now.utc);
        record.end_cause = Some(EndCause::Lost);
        record.estimated = true;
        Box::new(record)
    });
    Command::Expire(Expire { id: reservation.id, at: now.utc, record })
}
