//! Reads `tollgate.toml`: the settings here, the sites of the policy document in `site`.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use tracing_subscriber::EnvFilter;

use super::addresses::{Currency, Host, NameServer, PeerWord};
use super::contact_source;
use super::fields::{Fields, Source};
use super::pbx;
use super::settings::{
    AtStop, Carrier, DigestAlgorithm, Dns, Files, HostPort, Http, Listener, Log, LogFormat, MoneySettings,
    Pbx, Peer, PeerKind, Settings, Sip, Stop, StoreSettings, Trunk, TrunkAddress,
};
use super::site;
use super::spelling;
use super::webhook::{self, Webhook};
use super::{tls, trunk};
use crate::base::TrunkId;
use crate::ledger::Rounding;
use crate::policy::document;

/// What one `tollgate.toml` holds.
pub(super) struct TollgateFile {
    pub settings: Settings,
    pub sites: Vec<document::Site>,
}

/// Reads the text of the file; paths in it start from `folder`.
pub(super) fn read(file: &str, text: &str, folder: &Path) -> (Option<TollgateFile>, Source) {
    Source::read(file, text, |fields| {
        let sites = fields.named("site", |name, site| (site::read(name, site), pbx::registrar_of(site)));
        let listeners = listeners(fields);
        let trunks = fields.tables("trunk", |trunk| trunk::read(trunk, &listeners, folder));
        refuse_twins(fields, "trunk", trunks.iter().map(|trunk| trunk.name.as_str()));
        if trunks.is_empty() {
            fields.missing("trunk", "at least one [[trunk]]: emergency calls need a way out");
        }
        if sites.is_empty() {
            fields.missing("site", "at least one [site.NAME]");
        }
        let (sites, registrars): (Vec<_>, Vec<_>) =
            sites.into_iter().map(|(site, registrar)| (site.clone(), (site.name, registrar))).unzip();
        let site_names: Vec<&str> = sites.iter().map(|site: &document::Site| site.name.as_str()).collect();
        let (peers, pbxs) = peers(fields, &trunks, &site_names, &listeners);
        let homes = pbx::homes(fields, &registrars, &pbxs);
        let webhooks = fields.tables("webhook", webhook::read);
        refuse_same_url(fields, &webhooks);
        let settings = Settings {
            tls: tls::read(fields, &listeners, folder),
            listeners,
            trunks,
            peers,
            pbxs,
            homes,
            sip: fields.table_or_empty("sip", read_sip),
            money: fields.table_or_empty("money", read_money),
            store: fields.table_or_empty("store", |store| read_store(store, folder)),
            stop: fields.table_or_empty("stop", read_stop),
            webhooks,
            http: fields.table_or_empty("http", |http| Http { address: http.optional("listen") }),
            files: fields.table_or_empty("files", |files| read_files(files, folder)),
            log: fields.table_or_empty("log", read_log),
            routing: fields.table_or_empty("routing", trunk::read_routing),
            dns: fields.table_or_empty("dns", |dns| Dns {
                servers: dns.list("servers").into_iter().map(|NameServer(address)| address).collect(),
            }),
        };
        TollgateFile { settings, sites }
    })
}

/// Memory that outlives the process; every Linux has it.
const NOTES: &str = "/dev/shm";

fn read_store(store: &Fields<'_>, folder: &Path) -> StoreSettings {
    let notes = match store.or("notes", PathBuf::from(NOTES)) {
        none if none.as_os_str().is_empty() => None,
        notes => Some(folder.join(notes)),
    };
    if let Some(missing) = notes.as_ref().filter(|notes| store.has("notes") && !notes.is_dir()) {
        let right = format!("a folder in memory such as {NOTES:?}, or \"\" to note nothing");
        store.blame("notes", format!("{} is not a folder", missing.display()), right);
    }
    StoreSettings { path: folder.join(store.required::<PathBuf>("path")), notes }
}

fn listeners(fields: &Fields<'_>) -> Vec<Listener> {
    let listeners = fields.tables("listen", |listen| {
        let address: SocketAddr = listen.required("address");
        let advertised = listen.optional("advertise");
        if advertised.is_none()
            && address.ip().is_unspecified()
            && listen.has("address")
            && listen.is_sound("address")
        {
            let right = "the address that phones and trunks can reach, such as 192.0.2.10:5060";
            listen.blame("advertise", format!("is missing, and {} is nobody's address", address.ip()), right);
        }
        let carrier = listen.required("transport");
        let mut advertised =
            advertised.unwrap_or_else(|| HostPort { host: address.ip().to_string(), port: address.port() });
        tls::advertised_port(listen, carrier, &mut advertised);
        Listener { name: listen.required("name"), carrier, address, advertised }
    });
    if listeners.is_empty() {
        fields.missing("listen", "at least one [[listen]] with name, transport and address");
    }
    refuse_twins(fields, "listen", listeners.iter().map(|listener| listener.name.as_str()));
    let mut seen = BTreeSet::new();
    for (at, listener) in listeners.iter().enumerate() {
        let fresh = seen.insert((listener.carrier == Carrier::Udp, listener.address));
        if !fresh && listener.address.port() != 0 && fields.is_sound(&format!("listen[{at}]")) {
            let what = format!("{} is listened to twice", listener.address);
            fields.blame(&format!("listen[{at}].address"), what, "each address and transport once");
        }
    }
    listeners
}

fn peers(
    fields: &Fields<'_>,
    trunks: &[Trunk],
    sites: &[&str],
    listeners: &[Listener],
) -> (Vec<Peer>, Vec<Pbx>) {
    let trunk_names: Vec<&str> = trunks.iter().map(|trunk| trunk.name.as_str()).collect();
    let read = fields.tables("peer", |peer| read_peer(peer, &trunk_names, sites, listeners));
    let (peers, pbxs): (Vec<Vec<Peer>>, Vec<Option<Pbx>>) = read.into_iter().unzip();
    let mut peers: Vec<Peer> = peers.into_iter().flatten().collect();
    refuse_shared_networks(fields, &peers);
    // A trunk may call in from where it is called, unless a [[peer]] says otherwise about that very address.
    for (index, trunk) in (0..).zip(trunks) {
        // Those behind a name follow as DNS gives them.
        for address in trunk.addresses.iter().filter_map(TrunkAddress::fixed) {
            let network = IpNet::from(address.ip());
            let covers =
                |peer: &Peer| peer.network == network && peer.over.is_none_or(|over| over == trunk.carrier);
            if !peers.iter().any(covers) {
                let kind = PeerKind::Trunk(Some(TrunkId(index)));
                let over = Some(Carrier::Tls).filter(|tls| *tls == trunk.carrier);
                peers.push(Peer {
                    name: trunk.name.clone(),
                    network,
                    kind,
                    trusted: false,
                    site: None,
                    over,
                });
            }
        }
    }
    peers.sort_by_key(|peer| std::cmp::Reverse(peer.network.prefix_len()));
    (peers, pbxs.into_iter().flatten().collect())
}

fn read_peer(
    peer: &Fields<'_>,
    trunks: &[&str],
    sites: &[&str],
    listeners: &[Listener],
) -> (Vec<Peer>, Option<Pbx>) {
    let name: String = peer.required("name");
    let networks: Vec<IpNet> = peer.required_list("networks");
    let word: PeerWord = peer.required("kind");
    let trunk: Option<String> = peer.optional("trunk");
    let trusted = peer.or("trusted", false);
    let site: Option<String> = peer.optional("site");
    let trunk_id = trunk.as_deref().and_then(|name| position_of(peer, "trunk", name, trunks));
    if let Some(site) = &site {
        position_of(peer, "site", site, sites);
    }
    let kind = match word {
        PeerWord::Trunk => PeerKind::Trunk(trunk_id.and_then(|index| u16::try_from(index).ok()).map(TrunkId)),
        PeerWord::Pbx => PeerKind::Pbx,
        PeerWord::Phones => PeerKind::Phones,
    };
    if peer.is_sound("kind") {
        check_kind(peer, word, trusted, sites);
    }
    let pbx = pbx::read(peer, &name, word == PeerWord::Pbx, listeners);
    let one = |network| Peer { name: name.clone(), network, kind, trusted, site: site.clone(), over: None };
    (networks.into_iter().map(one).collect(), pbx)
}

/// What each kind of peer may say, and must.
fn check_kind(peer: &Fields<'_>, word: PeerWord, trusted: bool, sites: &[&str]) {
    if peer.has("trunk") && word != PeerWord::Trunk {
        peer.blame("trunk", "belongs to a peer of kind \"trunk\" only", "no trunk here, or kind = \"trunk\"");
    }
    if trusted && word != PeerWord::Pbx {
        let what = "only a telephone system can be trusted to say who calls";
        peer.blame("trusted", what, "false, or kind = \"pbx\"");
    }
    if !peer.has("site") && word != PeerWord::Trunk {
        peer.missing(
            "site",
            &format!(
                "the site whose emergency numbers hold there: {}",
                spelling::alternatives(sites.iter().copied())
            ),
        );
    }
}

fn refuse_shared_networks(fields: &Fields<'_>, peers: &[Peer]) {
    for (at, peer) in peers.iter().enumerate() {
        if let Some(first) = peers[..at].iter().find(|other| other.network == peer.network) {
            let what = format!("{} belongs to {:?} and to {:?}", peer.network, first.name, peer.name);
            fields.blame("peer", what, "each network in one [[peer]]");
        }
    }
}

/// Where `name` stands among `names`; if nowhere, that is a problem.
pub(super) fn position_of(fields: &Fields<'_>, key: &str, name: &str, names: &[&str]) -> Option<usize> {
    let position = names.iter().position(|known| *known == name);
    // An empty name is a wrong value that is a problem already.
    if position.is_none() && !name.is_empty() {
        let right = match names {
            [] => format!("a {key} that is in this file"),
            names => spelling::right_word(name, names.iter().copied()),
        };
        fields.blame(key, format!("there is no {key} {name:?}"), right);
    }
    position
}

fn refuse_twins<'n>(fields: &Fields<'_>, key: &str, names: impl Iterator<Item = &'n str>) {
    let mut seen = BTreeSet::new();
    for (at, name) in names.enumerate() {
        if !name.is_empty() && !seen.insert(name) {
            fields.blame(
                &format!("{key}[{at}].name"),
                format!("{name:?} is a name given twice"),
                "a name of its own",
            );
        }
    }
}

fn refuse_same_url(fields: &Fields<'_>, webhooks: &[Webhook]) {
    let mut seen = BTreeSet::new();
    for (at, webhook) in webhooks.iter().enumerate() {
        if !webhook.url.is_empty() && !seen.insert(&webhook.url) {
            fields.blame(
                &format!("webhook[{at}].url"),
                "is given twice",
                "each receiver once, with all its events",
            );
        }
    }
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// How well-known scanners name themselves where nobody has taught them better.
const SCANNERS: [&str; 8] =
    ["friendly-scanner", "sipvicious", "sundayddr", "sip-scan", "sipsak-scan", "iWar", "pplsip", "smap"];

fn read_sip(sip: &Fields<'_>) -> Sip {
    let millis = Duration::from_millis;
    let registration = ("registration_shortest", "registration_default", "registration_longest");
    let settings = Sip {
        realm: sip.required("realm"),
        digest: read_digest(sip),
        domains: sip.list::<Host>("domains").into_iter().map(|Host(host)| host).collect(),
        t1: sip.within("t1", millis(500), millis(10)..=millis(5000), "10ms to 5s"),
        t2: sip.within("t2", 4 * SECOND, millis(100)..=MINUTE, "100ms to 1m"),
        t4: sip.within("t4", 5 * SECOND, millis(100)..=MINUTE, "100ms to 1m"),
        timer_c: sip.within(
            "timer_c",
            3 * MINUTE + SECOND,
            10 * SECOND..=HOUR,
            "10s to 1h; RFC 3261 asks for more than 3m",
        ),
        early_media_longest: sip.within("early_media_longest", MINUTE, SECOND..=HOUR, "1s to 1h"),
        call_longest: sip.within("call_longest", 4 * HOUR, MINUTE..=7 * DAY, "1m to 7d"),
        registration_shortest: sip.within(registration.0, MINUTE, SECOND..=DAY, "1s to 1d"),
        registration_default: sip.within(registration.1, HOUR, SECOND..=DAY, "1s to 1d"),
        registration_longest: sip.within(registration.2, 2 * HOUR, SECOND..=7 * DAY, "1s to 7d"),
        bindings_max: sip.within("bindings_max", 10, 1..=100, "1 to 100 phones for one person"),
        nonce_life: sip.within("nonce_life", 5 * MINUTE, 10 * SECOND..=DAY, "10s to 1d"),
        failures_before_lock: sip.within("failures_before_lock", 10, 1..=10_000, "1 to 10000"),
        unproven_before_lock: sip.within("unproven_before_lock", 200, 10..=1_000_000, "10 to 1000000"),
        scanners: sip.optional_list("scanners").unwrap_or_else(|| SCANNERS.map(str::to_owned).to_vec()),
        lock: sip.within("lock", 10 * MINUTE, SECOND..=DAY, "1s to 1d"),
        calls_max: sip.within("calls_max", 10_000, 1..=1_000_000, "1 to 1000000"),
        behind_longest: sip.within("behind_longest", SECOND / 10, SECOND / 100..=10 * SECOND, "10ms to 10s"),
        gather: sip.within("gather", SECOND / 250, Duration::ZERO..=SECOND / 100, "0ms to 10ms"),
    };
    if settings.t1 > settings.t2 {
        sip.blame("t2", "is shorter than t1", "at least t1 (RFC 3261 §17.1.2.1)");
    }
    if settings.registration_shortest > settings.registration_default {
        sip.blame(registration.1, "is shorter than registration_shortest", "shortest <= default <= longest");
    }
    if settings.registration_default > settings.registration_longest {
        sip.blame(registration.2, "is shorter than registration_default", "shortest <= default <= longest");
    }
    settings
}

/// MD5 alone unless the file says otherwise: phones in wide use fail when SHA-256 is offered beside it.
fn read_digest(sip: &Fields<'_>) -> Vec<DigestAlgorithm> {
    let digest = sip.optional_list("digest").unwrap_or_else(|| vec![DigestAlgorithm::Md5]);
    if digest.is_empty() {
        sip.blame("digest", "offers nothing", "[\"md5\"], [\"sha-256\", \"md5\"] or [\"sha-256\"]");
    }
    digest
}

fn read_money(money: &Fields<'_>) -> MoneySettings {
    MoneySettings {
        currency: money.required::<Currency>("currency").0,
        first_slice: money.within("first_slice", MINUTE, SECOND..=HOUR, "1s to 1h"),
        warn_before: money.within("warn_before", MINUTE, Duration::ZERO..=HOUR, "0s to 1h; 0s warns nobody"),
        warn_phones: money.or("warn_phones", false),
        shortest_call: money.within("shortest_call", 10 * SECOND, Duration::ZERO..=HOUR, "0s to 1h"),
        rounding: Rounding::up_to_places(money.within("places", 4, 0..=6, "0 to 6 decimal places"))
            .unwrap_or_default(),
    }
}

fn read_files(files: &Fields<'_>, folder: &Path) -> Files {
    let contacts = files.table("contacts", |contacts| {
        let read = |name: String| contact_source::read(contacts, name, folder);
        contacts.keys().into_iter().map(read).collect()
    });
    Files {
        policy: folder.join(files.required::<PathBuf>("policy")),
        people: folder.join(files.required::<PathBuf>("people")),
        tariff: folder.join(files.required::<PathBuf>("tariff")),
        contacts: contacts.unwrap_or_default(),
    }
}

/// Whoever waits longer for calls to end forgets that he has told the gate to stop.
const WAIT_LONGEST: Duration = Duration::from_secs(24 * 3_600);

fn read_stop(stop: &Fields<'_>) -> Stop {
    Stop {
        wait: stop.within("wait", Duration::ZERO, Duration::ZERO..=WAIT_LONGEST, "0s to 24h"),
        calls: stop.or("calls", AtStop::Leave),
    }
}

fn read_log(log: &Fields<'_>) -> Log {
    let filter: String = log.or("filter", "info".into());
    if !filter.is_empty() && EnvFilter::try_new(&filter).is_err() {
        log.blame("filter", format!("{filter:?} is not a log filter"), "info, or warn,tollgate::gate=debug");
    }
    Log { format: log.or("format", LogFormat::Text), filter }
}
