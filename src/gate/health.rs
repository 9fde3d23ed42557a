//! How the trunks' addresses have done of late: those that fail again and again rest for a while, and OPTIONS or one call tries
//! them again. What counts as a failure is the stages' to say.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ahash::RandomState;

use crate::base::Moment;
use crate::proxy::{TargetQueue, Trunk};
use crate::sip::Flow;
use crate::transaction::ClientId;

/// No Retry-After is believed for longer: a carrier that writes a day would be lost for a day, and its next answer may be better.
pub(super) const RETRY_AFTER_LONGEST: Duration = Duration::from_secs(600);

/// How long the one call that tries an address again may go without an answer before another may try: 64*T1, after which it has
/// failed by itself.
const TRIAL: Duration = Duration::from_secs(32);

/// After an OPTIONS without an answer the next one follows so soon, until the failures are enough: what hangs is found out fast.
const AGAIN: Duration = Duration::from_secs(1);

/// How long an address that took no TCP is spared the attempt (RFC 3261 §18.1.1): a carrier that opens the port is found out
/// within the hour, and no more than one call in an hour waits for a connection that a firewall swallows.
const NO_TCP: Duration = Duration::from_secs(3_600);

/// When an address rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// After so many failures in a row.
    pub failures: u32,
    pub span: Duration,
}

impl Default for Rest {
    fn default() -> Rest {
        Rest { failures: 3, span: Duration::from_secs(30) }
    }
}

/// What an answer or its absence has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It is left out from now on.
    Rests(Duration),
    /// It is used as before.
    Back,
}

/// The addresses of all trunks.
#[derive(Default)]
pub(super) struct Health {
    addresses: HashMap<Flow, Address, RandomState>,
    /// Where no TCP connection could be made, and until when none is tried.
    no_tcp: HashMap<SocketAddr, Moment, RandomState>,
    /// The settings or DNS have changed, and `follow` is due.
    stale: bool,
}

struct Address {
    trunk: Arc<str>,
    /// In a row.
    failures: u32,
    rests_until: Option<Moment>,
    /// Somebody tries it again.
    trial_until: Option<Moment>,
    asking: Option<Asking>,
}

/// An address that is asked by OPTIONS.
struct Asking {
    every: Duration,
    /// How long an answer may take.
    patience: Duration,
    next: Moment,
    under_way: Option<(ClientId, Moment)>,
}

impl Health {
    pub fn new(keys: RandomState) -> Health {
        Health {
            addresses: HashMap::with_hasher(keys.clone()),
            no_tcp: HashMap::with_hasher(keys),
            stale: true,
        }
    }

    /// The trunks have changed: `follow` before anything else.
    pub fn outdated(&mut self) {
        self.stale = true;
    }

    pub fn is_outdated(&self) -> bool {
        self.stale
    }

    /// Takes over the present addresses; those that stay keep what is known of them.
    pub fn follow<'a>(&mut self, now: Moment, trunks: impl Iterator<Item = &'a Trunk>) {
        self.stale = false;
        self.no_tcp.retain(|_, until| *until > now);
        let mut old = std::mem::take(&mut self.addresses);
        for trunk in trunks {
            let fresh = || Address::new(Arc::clone(&trunk.name));
            let mut address = old.remove(&trunk.flow).unwrap_or_else(fresh);
            address.asking = trunk.care.options.map(|every| match address.asking.take() {
                Some(asking) => Asking { every, patience: trunk.silence, ..asking },
                None => Asking { every, patience: trunk.silence, next: now, under_way: None },
            });
            self.addresses.insert(trunk.flow, address);
        }
    }

    /// When an OPTIONS is due, or its silence counts.
    pub fn next_deadline(&self) -> Option<Moment> {
        if self.stale {
            return Some(Moment::START);
        }
        let due = |asking: &Asking| asking.under_way.map_or(asking.next, |(_, until)| until);
        self.addresses.values().filter_map(|address| address.asking.as_ref()).map(due).min()
    }

    /// Addresses to which an OPTIONS shall leave now.
    pub fn due(&self, now: Moment) -> Vec<Flow> {
        let is_due = |address: &Address| {
            address.asking.as_ref().is_some_and(|asking| asking.under_way.is_none() && asking.next <= now)
        };
        let mut due: Vec<Flow> =
            self.addresses.iter().filter(|(_, address)| is_due(address)).map(|(flow, _)| *flow).collect();
        due.sort_unstable_by_key(|flow| (flow.remote, flow.listener));
        due
    }

    /// OPTIONS that have waited long enough.
    pub fn unanswered(&self, now: Moment) -> Vec<(Flow, ClientId)> {
        let waited = |(flow, address): (&Flow, &Address)| {
            let (client, until) = address.asking.as_ref()?.under_way?;
            (until <= now).then_some((*flow, client))
        };
        let mut all: Vec<_> = self.addresses.iter().filter_map(waited).collect();
        all.sort_unstable_by_key(|(flow, _)| (flow.remote, flow.listener));
        all
    }

    pub fn asked(&mut self, now: Moment, flow: Flow, client: ClientId) {
        if let Some(asking) = self.addresses.get_mut(&flow).and_then(|address| address.asking.as_mut()) {
            asking.under_way = Some((client, now + asking.patience));
        }
    }

    /// The OPTIONS has its answer; the next one leaves in its time, or when the trunk wants to be asked again.
    pub fn answered(&mut self, now: Moment, flow: Flow, not_before: Duration) {
        if let Some(asking) = self.addresses.get_mut(&flow).and_then(|address| address.asking.as_mut()) {
            asking.under_way = None;
            asking.next = now + asking.every.max(not_before);
        }
    }

    /// The OPTIONS gets no answer; the next one follows soon, until the failures are enough.
    pub fn unheard(&mut self, now: Moment, flow: Flow, rest: Rest) {
        let Some(address) = self.addresses.get_mut(&flow) else { return };
        let enough = address.failures >= rest.failures;
        if let Some(asking) = address.asking.as_mut() {
            asking.under_way = None;
            asking.next = now + if enough { asking.every } else { asking.every.min(AGAIN) };
        }
    }

    /// A call goes there. If the address has rested, this call tries it, and others wait for what comes of it.
    pub fn tried(&mut self, now: Moment, flow: Flow) {
        let Some(address) = self.addresses.get_mut(&flow) else { return };
        if address.rests_until.is_some_and(|until| until <= now) {
            address.trial_until = Some(now + TRIAL);
        }
    }

    /// It did not take a request. `retry_after`: for how long it wants to be left alone (RFC 3261 §21.5.4).
    pub fn failed(
        &mut self,
        now: Moment,
        flow: Flow,
        retry_after: Option<Duration>,
        rest: Rest,
    ) -> Option<Turn> {
        let address = self.addresses.get_mut(&flow)?;
        address.failures = address.failures.saturating_add(1);
        address.trial_until = None;
        let enough = (address.failures >= rest.failures).then_some(rest.span);
        let span =
            retry_after.map(|wanted| wanted.min(RETRY_AFTER_LONGEST)).into_iter().chain(enough).max()?;
        let was_resting = address.rests_until.is_some();
        let until = now + span;
        address.rests_until = address.rests_until.max(Some(until));
        (!was_resting).then_some(Turn::Rests(span))
    }

    /// It takes requests.
    pub fn succeeded(&mut self, flow: Flow) -> Option<Turn> {
        let address = self.addresses.get_mut(&flow)?;
        address.failures = 0;
        address.trial_until = None;
        address.rests_until.take().map(|_| Turn::Back)
    }

    /// Whether calls may go there: it does not rest, and nobody is just trying it again.
    fn is_open(&self, now: Moment, flow: Flow) -> bool {
        let Some(address) = self.addresses.get(&flow) else { return true };
        [address.rests_until, address.trial_until].into_iter().flatten().all(|until| until <= now)
    }

    /// The same targets with those that rest behind all others: they are tried when nobody else takes the call.
    pub fn sorted(&self, now: Moment, queue: TargetQueue) -> TargetQueue {
        let open = |target: &crate::proxy::Target| target.trunk.is_none() || self.is_open(now, target.flow);
        if queue.iter().all(|step| step.iter().any(open)) {
            return queue;
        }
        let (mut first, last): (TargetQueue, TargetQueue) =
            queue.into_iter().partition(|step| step.iter().any(open));
        first.extend(last);
        first
    }

    /// Whether any address of this trunk is in use. A trunk without one is not.
    pub fn is_up(&self, trunk: &str) -> bool {
        self.addresses.values().any(|address| &*address.trunk == trunk && address.rests_until.is_none())
    }

    /// Whose address this is.
    pub fn trunk_at(&self, flow: Flow) -> Option<&Arc<str>> {
        self.addresses.get(&flow).map(|address| &address.trunk)
    }

    /// No TCP connection could be made to it.
    pub fn refuses_tcp(&mut self, now: Moment, remote: SocketAddr) {
        self.no_tcp.insert(remote, now + NO_TCP);
    }

    pub fn may_take_tcp(&self, now: Moment, remote: SocketAddr) -> bool {
        self.no_tcp.get(&remote).is_none_or(|until| *until <= now)
    }
}

impl Address {
    fn new(trunk: Arc<str>) -> Address {
        Address { trunk, failures: 0, rests_until: None, trial_until: None, asking: None }
    }
}
