//! From what the files say to what the gate holds: one snapshot of values (DESIGN: the policy is read as one immutable snapshot).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::names::server_name;
use crate::base::{SiteId, TrunkId};
use crate::config::{self, Carrier, HostPort, Loaded, PeerKind, Settings, TrunkOrder};
use crate::gate::{Costs, Credential, Limits, Pbx, Peer, PeerKind as GatePeer, Rest, Snapshot};
use crate::ledger::TariffBook;
use crate::policy::Policy;
use crate::proxy::{Care, Interface, Interfaces, Kept, Named, NumberFormat, Trunk, TrunkQueue};
use crate::registrar;
use crate::sip::digest::{Account, Algorithm, Ha1, Held};
use crate::sip::{ConnectionId, Flow, ListenerId, ServerName, Transport};
use crate::transaction::Timing;

/// Where a name leads before DNS has answered.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Everything the gate holds, made of one configuration without a fault. `bound` are the addresses that the listeners really
/// got, in their order.
pub fn snapshot(loaded: Loaded, bound: &[SocketAddr]) -> Snapshot {
    let settings = loaded.settings;
    let policy = loaded.policy;
    let interfaces = interfaces(&settings, bound);
    Snapshot {
        credentials: Arc::new(credentials(&policy, loaded.credentials)),
        trunks: TrunkQueue::new(trunks(&settings, &interfaces)),
        interfaces,
        located: Vec::new(),
        costs: Arc::new(costs(&settings, loaded.costs)),
        peers: settings.peers.iter().filter_map(|peer| gate_peer(&policy, &settings, peer)).collect(),
        homes: homes(&policy, &settings),
        realm: settings.sip.realm.clone(),
        limits: limits(&settings),
        tariffs: Arc::new(loaded.tariff),
        policy: Arc::new(policy),
    }
}

/// T1, T2 and T4 as the settings say.
pub fn timing(settings: &Settings) -> Timing {
    Timing { t1: settings.sip.t1, t2: settings.sip.t2, t4: settings.sip.t4 }
}

fn credentials(policy: &Policy, rows: Vec<config::Credential>) -> HashMap<Box<str>, Credential> {
    let known = |row: config::Credential| {
        let person = policy.person_by_key(&row.person)?;
        let ha1 = Ha1 { md5: row.md5, sha256: row.sha256 };
        Some((row.user.into_boxed_str(), Credential { person, ha1 }))
    };
    rows.into_iter().filter_map(known).collect()
}

fn interfaces(settings: &Settings, bound: &[SocketAddr]) -> Interfaces {
    let interface = |(listener, bound): (&config::Listener, &SocketAddr)| Interface {
        transport: transport(listener.carrier),
        address: *bound,
        sent_by: sent_by(&listener.advertised, bound.port()),
    };
    let all = settings.listeners.iter().zip(bound).map(interface).collect();
    let domains = settings.sip.domains.iter().cloned().chain([settings.sip.realm.clone()]).collect();
    Interfaces::new(all, domains)
}

/// Port 0 in the settings means whatever port was free.
fn sent_by(advertised: &HostPort, bound: u16) -> String {
    let port = if advertised.port == 0 { bound } else { advertised.port };
    HostPort { host: advertised.host.clone(), port }.to_string()
}

pub(super) fn transport(carrier: Carrier) -> Transport {
    match carrier {
        Carrier::Udp => Transport::Udp,
        Carrier::Tcp => Transport::Tcp,
        Carrier::Tls => Transport::Tls,
    }
}

/// Each address of a trunk is a way of its own: they are tried in their order, before the trunk of the next priority.
fn trunks(settings: &Settings, interfaces: &Interfaces) -> Vec<Trunk> {
    let mut all = Vec::new();
    for (id, trunk) in (0..=u16::MAX).zip(&settings.trunks) {
        all.extend(trunk.addresses.iter().map(|address| one_way(TrunkId(id), trunk, address, interfaces)));
    }
    all
}

fn one_way(
    id: TrunkId,
    trunk: &config::Trunk,
    address: &config::TrunkAddress,
    interfaces: &Interfaces,
) -> Trunk {
    let transport = transport(trunk.carrier);
    let stated = ListenerId(u8::try_from(trunk.listener).unwrap_or(0));
    let (remote, listener, host, named) = match (address.fixed(), server_name(trunk, address)) {
        (Some(remote), _) => {
            let stated_reaches = interfaces.at(stated).is_some_and(|own| own.reaches(transport, remote.ip()));
            let other = || interfaces.towards(transport, remote.ip()).unwrap_or(stated);
            (remote, if stated_reaches { stated } else { other() }, remote.to_string(), None)
        }
        (None, server) => {
            let text = server.as_ref().map(ServerName::to_string).unwrap_or_default();
            (NOWHERE, stated, text, server.map(|server| Named { server: Arc::new(server), hop: None }))
        }
    };
    Trunk {
        id,
        name: Arc::from(trunk.name.as_str()),
        flow: Flow { transport, listener, remote, connection: ConnectionId::NONE },
        host: trunk.domain.clone().unwrap_or(host),
        priority: trunk.priority,
        weight: trunk.weight,
        calls_max: trunk.calls_max,
        number_format: number_format(trunk.number_format),
        number_in_from: trunk.number_in_from,
        silence: trunk.silence,
        care: Care { options: trunk.options, long_by_tcp: trunk.long_by_tcp, kept: kept(trunk) },
        named,
        account: trunk.account.as_ref().map(account),
        register: trunk.register,
        incoming: trunk.incoming.as_deref().map(Arc::from),
        certificate_name: trunk.tls.name.as_deref().map(Arc::from),
    }
}

fn account(account: &config::Account) -> Arc<Account> {
    let secret = match &account.proof {
        config::Proof::Password(password) => Held::Password(password.reveal().to_owned()),
        config::Proof::Ha1 { md5, sha256 } => Held::Ha1(Ha1 { md5: *md5, sha256: *sha256 }),
    };
    Arc::new(Account { user: account.user.clone(), realm: account.realm.clone(), secret })
}

/// Channels for emergencies, and for departments.
fn kept(trunk: &config::Trunk) -> Vec<Kept> {
    let kept = |(name, channels): &(String, u32)| {
        let department = (name != config::EMERGENCY_RESERVE).then(|| Arc::from(name.as_str()));
        Kept { department, channels: *channels }
    };
    trunk.reserve.iter().map(kept).collect()
}

fn costs(settings: &Settings, lists: HashMap<String, TariffBook>) -> Costs {
    match settings.routing.order {
        TrunkOrder::Priority => Costs::default(),
        TrunkOrder::Cost => Costs::new(lists.into_iter().map(|(name, list)| (name.into(), list)).collect()),
    }
}

fn number_format(format: config::NumberFormat) -> NumberFormat {
    match format {
        config::NumberFormat::PlusE164 => NumberFormat::PlusE164,
        config::NumberFormat::E164 => NumberFormat::E164,
        config::NumberFormat::ZeroZeroE164 => NumberFormat::ZeroZeroE164,
    }
}

/// A site that the policy does not have has no people either.
fn homes(policy: &Policy, settings: &Settings) -> HashMap<SiteId, Arc<Pbx>> {
    let home = |(site, pbx): &(String, usize)| {
        let pbx = settings.pbxs.get(*pbx)?;
        let flow = Flow {
            transport: transport(pbx.carrier),
            listener: ListenerId(u8::try_from(pbx.listener).unwrap_or(0)),
            remote: pbx.address,
            connection: ConnectionId::NONE,
        };
        let host = pbx.domain.clone().unwrap_or_else(|| pbx.address.to_string());
        Some((policy.site_by_name(site)?, Arc::new(Pbx { name: pbx.name.as_str().into(), flow, host })))
    };
    settings.homes.iter().filter_map(home).collect()
}

/// A PBX that is not trusted to say who calls is worth no more than a network of phones.
fn gate_peer(policy: &Policy, settings: &Settings, peer: &config::Peer) -> Option<Peer> {
    let site = peer.site.as_deref().and_then(|name| policy.site_by_name(name)).unwrap_or(SiteId(0));
    let kind = match (peer.kind, peer.trusted) {
        (PeerKind::Trunk(_), _) => GatePeer::Trunk,
        (PeerKind::Pbx, true) => GatePeer::TrustedPbx,
        (PeerKind::Pbx, false) | (PeerKind::Phones, _) => GatePeer::Phones,
    };
    let trunk = match peer.kind {
        PeerKind::Trunk(id) => id.and_then(|id| settings.trunk(id)),
        PeerKind::Pbx | PeerKind::Phones => None,
    };
    let name = trunk.map_or(peer.name.as_str(), |trunk| trunk.name.as_str()).into();
    Some(Peer { name, network: peer.network, kind, site, over: peer.over.map(transport) })
}

fn digest(algorithm: config::DigestAlgorithm) -> Algorithm {
    match algorithm {
        config::DigestAlgorithm::Md5 => Algorithm::Md5,
        config::DigestAlgorithm::Sha256 => Algorithm::Sha256,
    }
}

pub(super) fn limits(settings: &Settings) -> Limits {
    let (sip, money) = (&settings.sip, &settings.money);
    let seconds = |span: std::time::Duration| u32::try_from(span.as_secs()).unwrap_or(u32::MAX);
    Limits {
        timer_c: sip.timer_c,
        first_slice: money.first_slice,
        longest_call: sip.call_longest,
        shortest_call: money.shortest_call,
        warn_before: money.warn_before,
        warn_phones: money.warn_phones,
        calls_max: sip.calls_max as usize,
        behind_longest: sip.behind_longest,
        digest: sip.digest.iter().map(|algorithm| digest(*algorithm)).collect(),
        nonce_life: sip.nonce_life,
        failures_before_lock: sip.failures_before_lock,
        unproven_before_lock: sip.unproven_before_lock,
        scanners: sip.scanners.clone(),
        lock: sip.lock,
        early_media_longest: sip.early_media_longest,
        rest: Rest { failures: settings.routing.failures_before_rest, span: settings.routing.rest },
        registrations: registrar::Limits {
            shortest_seconds: seconds(sip.registration_shortest),
            default_seconds: seconds(sip.registration_default),
            longest_seconds: seconds(sip.registration_longest),
            most_contacts: sip.bindings_max as usize,
        },
        ..Limits::default()
    }
}
