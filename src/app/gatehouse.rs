//! Starting and stopping a gate: its sockets and loop on one thread, its store on another, HTTP on a third.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot, watch};

use super::clock::{self, Clock};
use super::closing::Stopping;
use super::control::{self, Ask};
use super::event_loop::EventLoop;
use super::gathering::Gathering;
use super::left_over::LeftOver;
use super::lock_book::LockBook;
use super::look_up::{LookUps, Sources};
use super::mark_key;
use super::names::{Asking, Names};
use super::notices::{NoticeBox, Notices};
use super::observe::{self, Observer};
use super::open_ledger;
use super::phone_book::PhoneBook;
use super::refresh::Refresher;
use super::reload::{Follow, Look, Reloader, Replacement};
use super::secure::{self, secured};
use super::snapshot::{snapshot, timing, transport};
use crate::admin::control::Control;
use crate::admin::{self, Health};
use crate::base::Now;
use crate::config::{Loaded, Problem, Settings};
use crate::gate::Gate;
use crate::ledger::Thresholds;
use crate::net::{BindError, Listen, Secured, Sockets};
use crate::store::{Tray, WriterEvent};
use crate::telemetry::Metrics;

/// Why the gate could not start; each names what the operator must mend.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Listen(#[from] BindError),
    #[error("{}", .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
    Tls(Vec<Problem>),
    #[error("cannot serve HTTP on {address}: {source}")]
    Http { address: SocketAddr, source: std::io::Error },
    #[error("the operating system gives no thread: {0}")]
    Thread(#[from] std::io::Error),
    #[error("the operating system gives no random numbers: {0}")]
    Entropy(#[from] getrandom::Error),
    #[error("the metrics could not be set up: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    #[error("the gate ended by itself; its log says why")]
    Ended,
}

/// What a problem of TLS at the start is told of: the settings are read by then, and their path is known to whoever gave it.
const SETTINGS_FILE: &str = "tollgate.toml";

/// A gate that runs. Dropping it stops the gate and waits for it.
pub struct Gatehouse {
    /// Where it listens for SIP, in the order of the settings.
    pub addresses: Vec<SocketAddr>,
    pub http: Option<SocketAddr>,
    stop: watch::Sender<Stopping>,
    thread: Option<JoinHandle<()>>,
    setups: mpsc::UnboundedSender<Replacement>,
    asks: mpsc::UnboundedSender<Ask>,
    control: Option<Control>,
    reloader: Option<Reloader>,
    /// The settings it was started with.
    running: Settings,
    /// Where contacts come from, as it is configured now.
    sources: Sources,
    refresher: Option<Refresher>,
    clock: Clock,
    metrics: Arc<Metrics>,
    notice_box: NoticeBox,
    /// Ends after the gate's thread, so that the last notice is written.
    _notices: Notices,
    _admin: Option<admin::Server>,
}

impl Gatehouse {
    /// Starts a gate and waits until it listens.
    ///
    /// # Errors
    /// Whatever the machine does not give: an address, the store's file, a thread.
    pub fn start(loaded: Loaded) -> Result<Gatehouse, StartError> {
        let secured = secured(&loaded.settings, SETTINGS_FILE).map_err(StartError::Tls)?;
        let health = Arc::new(Health::default());
        let metrics = Arc::new(Metrics::new(&observe::labels(loaded.settings.money.currency.clone()))?);
        let (admin, http) = serve_http(&loaded.settings, &health, &metrics)?;
        let clock = Clock::start();
        metrics.set_tls_certificate_end(secure::first_end(&secured));
        for warning in secure::ending(&secured, clock.now().utc, SETTINGS_FILE) {
            tracing::warn!(%warning, "worth a look");
        }
        let (store, left, written) = open_ledger::open(&loaded.settings, clock, &health)?;
        health.set_policy_loaded(true);
        let (stop, stopped) = watch::channel(Stopping::No);
        let (ready, listening) = oneshot::channel();
        let mut random = clock::entropy()?;
        let mark_key = mark_key::read_or_make(&loaded.settings.store.path, &mut random);
        metrics.set_policy_version(loaded.policy.version());
        let settings = &loaded.settings;
        let webhooks = settings.webhooks.clone();
        let (notices, notice_box) =
            Notices::start(&settings.store.path, webhooks, clock, Arc::clone(&metrics))?;
        let currency = settings.money.currency.clone();
        let observer = Observer::new(Arc::clone(&metrics), Arc::clone(&health), notice_box.clone(), currency);
        let running = loaded.settings.clone();
        let sources: Sources = Arc::new(RwLock::new(running.files.contacts.clone()));
        let look_ups = LookUps::start(Arc::clone(&sources), clock, Arc::clone(&metrics))?;
        let (setups, changed) = mpsc::unbounded_channel();
        let (asks, asked) = mpsc::unbounded_channel();
        let parts = Parts {
            loaded,
            secured,
            clock,
            random,
            mark_key,
            store,
            left,
            written,
            setups: changed,
            asks: asked,
            look_ups,
            observer,
            stop: stopped,
            ready,
        };
        let thread = std::thread::Builder::new()
            .name("gate".into())
            .stack_size(GATE_STACK_BYTES)
            .spawn(move || run(parts))?;
        let addresses = listening.blocking_recv().map_err(|_| StartError::Ended)??;
        health.set_listeners_bound(true);
        Ok(Gatehouse {
            addresses,
            http,
            stop,
            thread: Some(thread),
            setups,
            asks,
            control: None,
            reloader: None,
            running,
            sources,
            refresher: None,
            clock,
            metrics,
            notice_box,
            _notices: notices,
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
            clock: self.clock,
            notices: self.notice_box.clone(),
            sources: Arc::clone(&self.sources),
            read,
        };
        let (sources, metrics) = (Arc::clone(&self.sources), Arc::clone(&self.metrics));
        self.refresher = Some(Refresher::spawn(path.to_owned(), sources, self.clock, metrics)?);
        let reloader = Reloader::spawn(follow)?;
        control::look_up_countries(&self.running.store.path, self.asks.clone())?;
        self.control = control::open(&self.running.store.path, self.asks.clone(), reloader.asker());
        self.reloader = Some(reloader);
        Ok(())
    }

    /// Reads the files anew, changed or not; what comes of it stands in the log.
    pub fn reload(&self) {
        if let Some(reloader) = &self.reloader {
            reloader.reload();
        }
    }

    /// Takes no new calls any more; those in progress may end as long as the settings say. `ended` tells when it is done.
    pub fn stop(&self) {
        // A receiver that is gone has stopped already.
        let _ = self.stop.send(Stopping::Gracefully);
    }

    /// Waits for no call any more; everything decided is written. `ended` tells when it is done.
    pub fn stop_at_once(&self) {
        let _ = self.stop.send(Stopping::AtOnce);
    }

    /// Waits until the gate's thread has ended.
    pub async fn ended(&self) {
        self.stop.closed().await;
    }
}

impl Drop for Gatehouse {
    fn drop(&mut self) {
        // Nobody may be told any more that something was done.
        self.control = None;
        self.stop_at_once();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What goes over to the gate's own thread.
struct Parts {
    loaded: Loaded,
    secured: Secured,
    clock: Clock,
    random: crate::base::Random,
    mark_key: [u8; 32],
    store: Tray,
    left: LeftOver,
    written: mpsc::UnboundedReceiver<WriterEvent>,
    setups: mpsc::UnboundedReceiver<Replacement>,
    asks: mpsc::UnboundedReceiver<Ask>,
    look_ups: LookUps,
    observer: Observer,
    stop: watch::Receiver<Stopping>,
    ready: oneshot::Sender<Result<Vec<SocketAddr>, StartError>>,
}

/// Debug builds move the gate and its loop over the stack whole; the two megabytes of a thread are too few for that.
const GATE_STACK_BYTES: usize = 8 << 20;

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
        let Parts {
            loaded,
            secured,
            clock,
            random,
            mark_key,
            mut store,
            left,
            written,
            setups,
            asks,
            look_ups,
            observer,
            stop,
            ready,
        } = parts;
        let sockets = match bind(&loaded.settings, secured) {
            Ok(sockets) => sockets,
            Err(fault) => return drop(ready.send(Err(fault.into()))),
        };
        let addresses: Vec<SocketAddr> = sockets.addresses().collect();
        let timing = timing(&loaded.settings);
        let names = Names::new(Asking::of(&loaded.settings), clock);
        let (ledger, at_stop) = (loaded.settings.store.path.clone(), loaded.settings.stop);
        let gathering = Gathering::new(loaded.settings.sip.gather);
        let setup = Arc::new(snapshot(loaded, &addresses));
        let mut gate = Gate::new(setup, timing, random);
        gate.follow_earlier_run(mark_key, clock.now());
        take_up(left, &mut gate, &mut store, clock);
        let (phones, locks) = match open_books(&ledger, &mut gate, clock.now()) {
            Ok(books) => books,
            Err(fault) => return drop(ready.send(Err(fault.into()))),
        };
        let _ = ready.send(Ok(addresses));
        let event_loop = EventLoop {
            clock,
            gate,
            sockets,
            gathering,
            store,
            leaving: Vec::new(),
            written,
            setups,
            asks,
            names,
            phones,
            locks,
            ledger,
            look_ups,
            observer,
            thresholds: Thresholds::default(),
            stop,
            at_stop,
            until: None,
        };
        event_loop.run().await;
    });
}

/// What a restart must not forget beside money: who is registered, and what is locked.
fn open_books(ledger: &Path, gate: &mut Gate, now: Now) -> std::io::Result<(PhoneBook, LockBook)> {
    Ok((PhoneBook::open(ledger, gate, now)?, LockBook::open(ledger, gate, now)?))
}

/// Calls of the earlier run go on (R91), and who is still in them is asked.
pub(super) fn take_up(left: LeftOver, gate: &mut Gate, store: &mut Tray, clock: Clock) {
    let seen = left.seen();
    for command in left.hand_to(gate, clock.now()) {
        store.put(clock.now().moment, command);
    }
    gate.ask_who_is_there(clock.now(), seen);
}

fn bind(settings: &Settings, secured: Secured) -> Result<Sockets, BindError> {
    let listens: Vec<Listen> = settings.listeners.iter().map(listen).collect();
    let mut sockets = Sockets::bind(&listens)?;
    sockets.secure(secured);
    Ok(sockets)
}

fn listen(listener: &crate::config::Listener) -> Listen {
    Listen { transport: transport(listener.carrier), address: listener.address }
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
