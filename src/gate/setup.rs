//! What the gate is told about the world around it, as plain values: one snapshot, replaced whole when the settings change.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::lockout::Thresholds;
use super::{Costs, Rest};
use crate::base::{PersonId, SiteId};
use crate::ledger::TariffBook;
use crate::policy::{Policy, TrunkChoice};
use crate::proxy::{Interfaces, Located, Trunk, TrunkQueue};
use crate::registrar;
use crate::sip::digest::{Algorithm, Challenger, Ha1};
use crate::sip::{Flow, Transport};

/// Everything a verdict depends on besides the message and the time. What is large is shared, so that a copy with another address
/// of a trunk costs little.
#[derive(Clone)]
pub struct Snapshot {
    pub policy: Arc<Policy>,
    pub tariffs: Arc<TariffBook>,
    /// By SIP user name.
    pub credentials: Arc<HashMap<Box<str>, Credential>>,
    pub interfaces: Interfaces,
    pub trunks: TrunkQueue,
    pub costs: Arc<Costs>,
    /// As the settings list them.
    pub peers: Vec<Peer>,
    /// Addresses that DNS gives for trunks: whoever sends from one is that trunk.
    pub located: Vec<Peer>,
    /// Sites whose phones register at a telephone system, and to which calls for their people go.
    pub homes: HashMap<SiteId, Arc<Pbx>>,
    /// The digest realm; also what stands behind the `@` of identities that we assert.
    pub realm: String,
    pub limits: Limits,
}

/// What a person proves herself with.
#[derive(Clone, Debug)]
pub struct Credential {
    pub person: PersonId,
    pub ha1: Ha1,
}

/// A network, and what its packets are worth.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Of the trunk or telephone system; several networks may carry it, as those of one carrier's cluster do.
    pub name: Arc<str>,
    pub network: IpNet,
    pub kind: PeerKind,
    pub site: SiteId,
    /// The only transport over which its address says anything; `None`: any. A trunk behind TLS is nobody over UDP, where whoever can
    /// forge its address would be the trunk.
    pub over: Option<Transport>,
}

/// A telephone system behind us that has phones of its own.
#[derive(Clone, Debug)]
pub struct Pbx {
    pub name: Arc<str>,
    pub flow: Flow,
    /// `host:port` of a Request-URI towards it.
    pub host: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerKind {
    /// Calls from here come from outside (R20).
    Trunk,
    /// Says truly who calls, by P-Asserted-Identity or else From (RFC 3325).
    TrustedPbx,
    /// Phones, which prove themselves by digest; it tells the site of those that have not yet.
    Phones,
}

impl Peer {
    /// True for a network whose word counts without a digest.
    pub fn is_known(&self) -> bool {
        match self.kind {
            PeerKind::Trunk | PeerKind::TrustedPbx => true,
            PeerKind::Phones => false,
        }
    }
}

/// Spans and amounts of the call logic.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Timer C (RFC 3261 §16.6 item 11): more than three minutes.
    pub timer_c: Duration,
    /// What is reserved before ringing covers at least this long (R64).
    pub first_slice: Duration,
    /// No call lasts longer, whatever its permit says: a phone left off the hook must end some day.
    pub longest_call: Duration,
    /// A call that money allows less than this is refused rather than connected (R66).
    pub shortest_call: Duration,
    /// How much earlier than the limit the BYE leaves (R72).
    pub cut_lead: Duration,
    /// How long before the end of a call it is told; zero: never.
    pub warn_before: Duration,
    /// Whether the caller's phone is told, too, if it takes a MESSAGE.
    pub warn_phones: bool,
    /// Calls in progress at once; beyond, new ones get 503 (R92).
    pub calls_max: usize,
    /// How long more may wait on the wire than can be read before new calls get 503 (R92).
    pub behind_longest: Duration,
    pub registrations: registrar::Limits,
    /// What a challenge offers, in this order.
    pub digest: Vec<Algorithm>,
    pub nonce_life: Duration,
    /// Wrong proofs from one source before it is locked, and for how long (R25).
    pub failures_before_lock: u32,
    /// Requests without any proof from one source before it is locked.
    pub unproven_before_lock: u32,
    /// How the User-Agent of scanners begins.
    pub scanners: Vec<String>,
    pub lock: Duration,
    /// Talk before the answer, the oldest of free calls (R75).
    pub early_media_longest: Duration,
    /// When an address of a trunk is left out for a while.
    pub rest: Rest,
}

impl Limits {
    pub(super) fn thresholds(&self) -> Thresholds {
        Thresholds {
            failures: self.failures_before_lock,
            unproven: self.unproven_before_lock,
            lock: self.lock,
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            timer_c: Duration::from_secs(185),
            first_slice: Duration::from_secs(60),
            longest_call: Duration::from_secs(4 * 3600),
            shortest_call: Duration::from_secs(10),
            cut_lead: Duration::from_secs(1),
            warn_before: Duration::from_secs(60),
            warn_phones: false,
            calls_max: 100_000,
            behind_longest: Duration::from_millis(100),
            registrations: registrar::Limits::default(),
            digest: vec![Algorithm::Md5],
            nonce_life: Duration::from_secs(300),
            failures_before_lock: 10,
            unproven_before_lock: 200,
            scanners: Vec::new(),
            lock: Duration::from_secs(600),
            early_media_longest: Duration::from_secs(60),
            rest: Rest::default(),
        }
    }
}

impl Snapshot {
    /// Whoever asks phones to prove themselves under these settings.
    pub(super) fn challenger(&self, key: [u8; 32]) -> Challenger {
        Challenger::new(&self.realm, key, &self.limits.digest, self.limits.nonce_life)
    }

    /// R41: the site's own list in its order; every trunk if it has none.
    pub(super) fn emergency_trunks(&self, site: SiteId) -> TrunkChoice {
        let names = &self.policy.site(site).emergency_trunks;
        if names.is_empty() { TrunkChoice::Any } else { TrunkChoice::Named(Arc::clone(names)) }
    }

    /// The peer whose network holds this address, the narrowest network first.
    pub fn peer_at(&self, address: IpAddr) -> Option<&Peer> {
        self.narrowest(address, |_| true)
    }

    /// The same for what comes over this flow.
    pub(super) fn peer_over(&self, flow: Flow) -> Option<&Peer> {
        self.narrowest(flow.remote.ip(), |peer| peer.over.is_none_or(|over| over == flow.transport))
    }

    fn narrowest(&self, address: IpAddr, counts: impl Fn(&Peer) -> bool) -> Option<&Peer> {
        let address = address.to_canonical();
        let is_here = |peer: &&Peer| peer.network.contains(&address) && counts(peer);
        // The last of equals wins, so a [[peer]] about one address comes before what DNS says of it.
        self.located.iter().chain(&self.peers).filter(is_here).max_by_key(|peer| peer.network.prefix_len())
    }

    /// The same with the trunks where their names lead to now; their packets count as theirs from then on.
    pub fn at_places(&self, located: &Located) -> Snapshot {
        let trunks = self.trunks.at_places(located, &self.interfaces);
        let by_name = trunks.iter().filter(|trunk| trunk.named.is_some());
        let peer = |trunk: &Trunk| Peer {
            name: Arc::clone(&trunk.name),
            network: IpNet::from(trunk.flow.remote.ip().to_canonical()),
            kind: PeerKind::Trunk,
            site: SiteId(0),
            over: (trunk.flow.transport == Transport::Tls).then_some(Transport::Tls),
        };
        Snapshot { located: by_name.map(peer).collect(), trunks, ..self.clone() }
    }

    /// Whether two addresses belong to one listed trunk or telephone system: any node of a cluster may speak for it.
    pub fn is_same_peer(&self, one: IpAddr, other: IpAddr) -> bool {
        match (self.peer_at(one), self.peer_at(other)) {
            (Some(one), Some(other)) => one.is_known() && other.is_known() && one.name == other.name,
            (Some(_) | None, Some(_) | None) => false,
        }
    }

    /// Whether an address may be a phone of ours: in a listed network of phones, or, where none is listed, on this host or in a
    /// private network (R41).
    pub fn is_phone_side(&self, address: IpAddr) -> bool {
        let lists_phones = self.peers.iter().any(|peer| peer.kind == PeerKind::Phones);
        match self.peer_at(address) {
            Some(peer) => peer.kind == PeerKind::Phones,
            None => !lists_phones && is_private(address.to_canonical()),
        }
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_loopback() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_unique_local() || address.is_loopback() || address.is_unicast_link_local()
        }
    }
}
