//! `Settings`: what `tollgate.toml` says, typed and complete. Every default is stated in the shipped file; nothing here is half right.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::contact_source::ContactSource;
use super::secret::Secret;
use super::webhook::Webhook;
use crate::base::TrunkId;
use crate::ledger::Rounding;

/// Everything in `tollgate.toml` but its sites: those are policy, and stand compiled in `Loaded::policy`.
#[derive(Clone, Debug)]
pub struct Settings {
    pub listeners: Vec<Listener>,
    /// In the order of the file; `TrunkId` counts from it.
    pub trunks: Vec<Trunk>,
    /// The narrowest network first, so that the first match is the best. The addresses of trunks are among them.
    pub peers: Vec<Peer>,
    /// Telephone systems that have phones of their own.
    pub pbxs: Vec<Pbx>,
    /// Sites whose phones register at one of them: the name of the site, and which.
    pub homes: Vec<(String, usize)>,
    /// `None`: no TLS listener, and no certificate of ours.
    pub tls: Option<TlsFiles>,
    pub sip: Sip,
    pub money: MoneySettings,
    pub store: StoreSettings,
    pub stop: Stop,
    pub http: Http,
    /// Who is told of notices.
    pub webhooks: Vec<Webhook>,
    pub files: Files,
    pub log: Log,
    pub dns: Dns,
    pub routing: Routing,
}

impl Settings {
    /// The peer to which an address belongs: that of the narrowest network that holds it. `None`: nobody we know (R20).
    pub fn peer(&self, from: IpAddr) -> Option<&Peer> {
        // ::ffff:192.0.2.1 on a dual-stack socket is 192.0.2.1.
        let from = from.to_canonical();
        self.peers.iter().find(|peer| peer.network.contains(&from))
    }

    pub fn trunk(&self, id: TrunkId) -> Option<&Trunk> {
        self.trunks.get(id.index())
    }

    pub fn trunk_by_name(&self, name: &str) -> Option<(TrunkId, &Trunk)> {
        let index = self.trunks.iter().position(|trunk| trunk.name == name)?;
        Some((TrunkId(u16::try_from(index).ok()?), &self.trunks[index]))
    }
}

/// What carries SIP. The configuration's own word; the SIP rooms have theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    Udp,
    Tcp,
    Tls,
}

/// One socket that receives SIP: `[[listen]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    pub name: String,
    pub carrier: Carrier,
    pub address: SocketAddr,
    /// What Via, Record-Route and Contact say: where others reach this socket.
    pub advertised: HostPort,
}

/// How we prove who we are over TLS, and who vouches for trunks that call in: `[tls]`. PEM files, read anew as they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The gate's own certificate, and those that lead from it to its authority.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// With it, whoever connects is asked for a certificate, and a TLS trunk must show one (R20).
    pub client_ca: Option<PathBuf>,
}

/// How a trunk is believed over TLS (RFC 5922).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrunkTls {
    /// Its authorities; `None`: those of the operating system.
    pub ca: Option<PathBuf>,
    /// Certificate and key that we show it; `None`: those of `[tls]`.
    pub pair: Option<(PathBuf, PathBuf)>,
    /// What its certificate names; `None`: the host of its address, or its domain beside an IP address.
    pub name: Option<String>,
}

/// A host name or an IP address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// An IPv6 address stands without brackets.
    pub host: String,
    pub port: u16,
}

/// As it stands in a SIP URI: `gate.example.com:5060`, `[2001:db8::1]:5060`.
impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Where a trunk is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrunkAddress {
    At(SocketAddr),
    /// A host name in lower case; a port leaves only its address to DNS (RFC 3263 §4.2).
    Named {
        host: String,
        port: Option<u16>,
    },
}

/// How a trunk wants to see the number in the Request-URI (R11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberFormat {
    /// `+4930123456`
    PlusE164,
    /// `4930123456`
    E164,
    /// `004930123456`
    ZeroZeroE164,
}

/// A way out to the telephone network: `[[trunk]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    pub name: String,
    /// Tried in this order.
    pub addresses: Vec<TrunkAddress>,
    pub carrier: Carrier,
    /// What carries calls to a name; `None`: DNS says it (RFC 3263 §4.1).
    pub carrier_by_name: Option<Carrier>,
    /// The listener that sends to it, where its transport and address family fit; an index into `Settings::listeners`.
    pub listener: usize,
    /// The least is tried first.
    pub priority: u16,
    /// The share of calls among trunks of one priority.
    pub weight: u16,
    /// Without even a 100 Trying for so long, the call goes on to the next trunk.
    pub silence: Duration,
    /// How often it is asked by OPTIONS whether it is there; `None`: never.
    pub options: Option<Duration>,
    /// Requests too long for UDP go over TCP (RFC 3261 §18.1.1).
    pub long_by_tcp: bool,
    /// Channels of `calls_max` that others leave free: for "emergency", or for a department by its name.
    pub reserve: Vec<(String, u32)>,
    /// What its carrier charges: a price list as `tariff.csv`.
    pub costs: Option<PathBuf>,
    pub number_format: NumberFormat,
    /// The From carries the caller's number, not what the phone wrote.
    pub number_in_from: bool,
    pub calls_max: Option<u32>,
    /// The domain in the Request-URI; by default the trunk's address.
    pub domain: Option<String>,
    /// Who we are to it, if it asks (RFC 3261 §22).
    pub account: Option<Account>,
    /// For how many seconds we register there (RFC 3261 §10.2).
    pub register: Option<u32>,
    /// The extension or number that calls to our registered contact are for.
    pub incoming: Option<String>,
    pub tls: TrunkTls,
}

/// Credentials for a trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub user: String,
    /// The only realm that gets an answer; `None`: any.
    pub realm: Option<String>,
    pub proof: Proof,
}

/// A password, or HA1 (RFC 7616 §3.4.2) in one or both hashes. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    Password(Secret),
    Ha1 { md5: Option<[u8; 16]>, sha256: Option<[u8; 32]> },
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(...)")
    }
}

/// What stands at the other end of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerKind {
    /// The telephone network; `None` if the network belongs to no trunk of ours in particular.
    Trunk(Option<TrunkId>),
    /// A telephone system that speaks for its phones (R21).
    Pbx,
    /// Phones, which prove who they are by digest.
    Phones,
}

/// One network and what is there: `[[peer]]`, flattened to one entry per network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub name: String,
    pub network: IpNet,
    pub kind: PeerKind,
    /// Its P-Asserted-Identity and From say who calls (R20, RFC 3325).
    pub trusted: bool,
    /// The site of callers who are not known by name.
    pub site: Option<String>,
    /// The only transport over which the address says anything; `None`: any.
    pub over: Option<Carrier>,
}

/// Where a telephone system is reached: a `[[peer]]` of kind "pbx" with an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pbx {
    pub name: String,
    pub address: SocketAddr,
    pub carrier: Carrier,
    /// An index into `Settings::listeners`.
    pub listener: usize,
    pub domain: Option<String>,
    pub trusted: bool,
}

/// A hash that a challenge may ask for. The configuration's own word; the SIP rooms have theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestAlgorithm {
    Md5,
    Sha256,
}

/// How Tollgate speaks SIP: `[sip]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sip {
    pub realm: String,
    /// What a challenge offers, in this order (RFC 8760).
    pub digest: Vec<DigestAlgorithm>,
    /// Domains in a Request-URI that mean us, besides the addresses of the listeners.
    pub domains: Vec<String>,
    /// RFC 3261 §17.1.1.1.
    pub t1: Duration,
    pub t2: Duration,
    pub t4: Duration,
    /// The longest ringing, Timer C (RFC 3261 §16.6 step 11).
    pub timer_c: Duration,
    /// Talk before the answer (R75).
    pub early_media_longest: Duration,
    /// Any call ends here, whatever its permit says.
    pub call_longest: Duration,
    pub registration_shortest: Duration,
    pub registration_default: Duration,
    pub registration_longest: Duration,
    pub bindings_max: u32,
    pub nonce_life: Duration,
    /// Failed digests from one source before it is locked (R25), and for how long.
    pub failures_before_lock: u32,
    /// Requests without any proof from one source before it is locked.
    pub unproven_before_lock: u32,
    /// How the User-Agent of scanners begins; their sources are locked at once.
    pub scanners: Vec<String>,
    pub lock: Duration,
    pub calls_max: u32,
    /// How long more may wait on the wire than can be read before new calls are turned away (R92).
    pub behind_longest: Duration,
    /// How long messages may gather before they are taken, while thousands come every second; zero: not at all.
    pub gather: Duration,
}

/// `[money]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoneySettings {
    /// ISO 4217.
    pub currency: String,
    /// The least that is reserved before ringing (R64).
    pub first_slice: Duration,
    /// A call that could not last so long is refused (R66).
    pub shortest_call: Duration,
    /// How long before the end of a call it is told; zero: never.
    pub warn_before: Duration,
    /// Whether the caller's phone is told, too.
    pub warn_phones: bool,
    /// How a cost is rounded at settlement (R61).
    pub rounding: Rounding,
}

/// `[store]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    pub path: PathBuf,
    /// Below which folder, in memory, what is not on the disk yet is noted for the case of a kill; `None`: nowhere.
    pub notes: Option<PathBuf>,
}

/// `[stop]`: what becomes of calls in progress when the gate is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// How long they may go on until they end by themselves, while no new ones are taken.
    pub wait: Duration,
    /// What becomes of those that have not.
    pub calls: AtStop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtStop {
    /// They go on without the gate, and the next start takes them up (R91).
    Leave,
    /// BYE to both ends.
    End,
}

/// `[http]`: metrics and health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// `None` serves no HTTP.
    pub address: Option<SocketAddr>,
}

/// `[files]`, each path joined to the folder of `tollgate.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    pub policy: PathBuf,
    pub people: PathBuf,
    pub tariff: PathBuf,
    pub contacts: Vec<ContactSource>,
}

/// `[routing]`: how calls choose among the trunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routing {
    pub order: TrunkOrder,
    /// Failures in a row after which an address rests, and for how long.
    pub failures_before_rest: u32,
    pub rest: Duration,
}

/// Which trunk a call takes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrunkOrder {
    Priority,
    /// The cheapest by the trunks' price lists; then as by priority.
    Cost,
}

/// `[dns]`: who is asked where named trunks are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dns {
    /// Empty: those of the operating system, as in `/etc/resolv.conf`.
    pub servers: Vec<SocketAddr>,
}

/// `[log]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub format: LogFormat,
    /// As in `info` or `warn,tollgate::gate=debug`.
    pub filter: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}
