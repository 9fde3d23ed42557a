//! Keeps the trunks' names resolved: a thread asks DNS again as each answer grows old, and tells the loop what has changed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::clock::Clock;
use super::snapshot::transport;
use crate::config::{self, Settings, TrunkAddress};
use crate::net::{LookupFault, Reach, Resolver};
use crate::sip::{Hop, ServerName};

/// No name is asked for more often, whatever its TTL says: a TTL of 0 must not make a flood of questions, and a trunk that moves
/// is followed within a few seconds all the same.
const SOONEST: Duration = Duration::from_secs(5);

/// However long an answer may be kept, it is asked for again after an hour: whoever moves a trunk does not wait for a day.
const LATEST: Duration = Duration::from_secs(3_600);

/// Between two attempts while DNS gives no answer.
const RETRY: Duration = Duration::from_secs(10);

/// For so long the last good addresses serve when DNS answers no more: calls must not end with the name server. RFC 8767 §5 bounds
/// stale answers at one to three days.
const STALE: Duration = Duration::from_secs(3 * 24 * 3_600);

/// What became of one look-up.
#[derive(Debug)]
pub(super) enum Heard {
    /// The name leads elsewhere than before; nowhere, if the last good answer has become too old.
    Moved { server: Arc<ServerName>, hops: Vec<Hop> },
    /// `count`: look-ups in a row that failed.
    Failed { server: Arc<ServerName>, fault: LookupFault, count: u32 },
}

/// The loop's end of it. The thread starts with the first name and ends with this.
pub(super) struct Names {
    asking: Asking,
    clock: Clock,
    wanted: Option<watch::Sender<Vec<Arc<ServerName>>>>,
    told: UnboundedSender<Heard>,
    heard: UnboundedReceiver<Heard>,
}

/// Whom to ask, and for what.
#[derive(Clone)]
pub(super) struct Asking {
    servers: Vec<SocketAddr>,
    reach: Vec<Reach>,
}

impl Asking {
    pub fn of(settings: &Settings) -> Asking {
        let reach = settings.listeners.iter().map(|listener| Reach {
            transport: transport(listener.carrier),
            ipv4: listener.address.is_ipv4(),
        });
        Asking { servers: settings.dns.servers.clone(), reach: reach.collect() }
    }

    /// Must be called inside a runtime.
    ///
    /// # Errors
    /// If the operating system names no servers.
    pub fn resolver(self) -> Result<Resolver, LookupFault> {
        Ok(Resolver::new(&self.servers, self.reach)?)
    }
}

/// The trunks, by position, whose names DNS does not lead from now, each with its name and why.
pub(super) fn lost(settings: &Settings) -> Vec<(usize, String, LookupFault)> {
    let names = settings.trunks.iter().enumerate().flat_map(|(at, trunk)| {
        let servers = trunk.addresses.iter().filter_map(|address| server_name(trunk, address));
        servers.map(move |server| (at, server))
    });
    let names: Vec<(usize, ServerName)> = names.collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let Ok(runtime) = runtime else { return Vec::new() };
    let look_up = async {
        let mut lost = Vec::new();
        for (at, server) in names {
            let found = match Asking::of(settings).resolver() {
                Ok(resolver) => resolver.locate(&server).await.map(drop),
                Err(fault) => Err(fault),
            };
            lost.extend(found.err().map(|fault| (at, server.to_string(), fault)));
        }
        lost
    };
    runtime.block_on(look_up)
}

/// What is asked of DNS for an address of a trunk; nothing for an IP address.
pub(super) fn server_name(trunk: &config::Trunk, address: &TrunkAddress) -> Option<ServerName> {
    match address {
        TrunkAddress::At(_) => None,
        TrunkAddress::Named { host, port } => {
            let transport = trunk.carrier_by_name.map(transport);
            Some(ServerName { host: host.as_str().into(), port: *port, transport })
        }
    }
}

impl Names {
    pub fn new(asking: Asking, clock: Clock) -> Names {
        let (told, heard) = unbounded_channel();
        Names { asking, clock, wanted: None, told, heard }
    }

    /// From now on these names are followed, and no others.
    pub fn want<'a>(&mut self, servers: impl Iterator<Item = &'a Arc<ServerName>>) {
        let servers: Vec<Arc<ServerName>> = servers.cloned().collect();
        match &self.wanted {
            Some(wanted) => {
                let _ = wanted.send(servers);
            }
            None if servers.is_empty() => {}
            None => self.start(servers),
        }
    }

    /// What was heard last.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Heard>> {
        self.heard.poll_recv(cx)
    }

    fn start(&mut self, servers: Vec<Arc<ServerName>>) {
        let (wanted, wishes) = watch::channel(servers);
        let (asking, clock, told) = (self.asking.clone(), self.clock, self.told.clone());
        let thread = std::thread::Builder::new().name("names".into());
        match thread.spawn(move || run(asking, clock, told, wishes)) {
            Ok(_) => self.wanted = Some(wanted),
            Err(fault) => {
                tracing::error!(%fault, "no thread to look up names: trunks that are named get no calls")
            }
        }
    }
}

fn run(
    asking: Asking,
    clock: Clock,
    told: UnboundedSender<Heard>,
    wishes: watch::Receiver<Vec<Arc<ServerName>>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    match runtime {
        Ok(runtime) => {
            tokio::task::LocalSet::new().block_on(&runtime, follow_all(asking, clock, told, wishes))
        }
        Err(fault) => {
            tracing::error!(%fault, "names cannot be looked up: trunks that are named get no calls")
        }
    }
}

/// One task for each wanted name, until nobody wants any more.
async fn follow_all(
    asking: Asking,
    clock: Clock,
    told: UnboundedSender<Heard>,
    mut wishes: watch::Receiver<Vec<Arc<ServerName>>>,
) {
    let mut followed: HashMap<Arc<ServerName>, AbortHandle> = HashMap::new();
    loop {
        let wanted = wishes.borrow_and_update().clone();
        followed.retain(|server, task| {
            let stays = wanted.contains(server);
            if !stays {
                task.abort();
            }
            stays
        });
        for server in wanted {
            let (asking, told) = (asking.clone(), told.clone());
            followed.entry(Arc::clone(&server)).or_insert_with(|| {
                let follow = Follow { server, clock, told, known: Vec::new(), good_at: None, failures: 0 };
                tokio::task::spawn_local(follow.run(asking)).abort_handle()
            });
        }
        if wishes.changed().await.is_err() {
            return;
        }
    }
}

/// One name.
struct Follow {
    server: Arc<ServerName>,
    clock: Clock,
    told: UnboundedSender<Heard>,
    known: Vec<Hop>,
    good_at: Option<crate::base::Moment>,
    failures: u32,
}

impl Follow {
    async fn run(mut self, asking: Asking) {
        loop {
            let located = match asking.clone().resolver() {
                Ok(resolver) => resolver.locate(&self.server).await,
                Err(fault) => Err(fault),
            };
            let wait = match located {
                Ok(location) => {
                    self.good(location.hops);
                    location.ttl.clamp(SOONEST, LATEST)
                }
                Err(fault) => {
                    self.failed(fault);
                    RETRY
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    fn good(&mut self, hops: Vec<Hop>) {
        self.failures = 0;
        self.good_at = Some(self.clock.now().moment);
        if self.known != hops {
            self.known.clone_from(&hops);
            self.tell(Heard::Moved { server: Arc::clone(&self.server), hops });
        }
    }

    fn failed(&mut self, fault: LookupFault) {
        self.failures = self.failures.saturating_add(1);
        self.tell(Heard::Failed { server: Arc::clone(&self.server), fault, count: self.failures });
        let now = self.clock.now().moment;
        if self.good_at.is_some_and(|good| now.since(good) > STALE) {
            self.good_at = None;
            self.known.clear();
            self.tell(Heard::Moved { server: Arc::clone(&self.server), hops: Vec::new() });
        }
    }

    fn tell(&self, heard: Heard) {
        // A loop that has ended hears nothing any more.
        let _ = self.told.send(heard);
    }
}
