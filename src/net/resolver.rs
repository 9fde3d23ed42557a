//! Locating SIP servers (RFC 3263): NAPTR, SRV, A and AAAA, each asked of DNS through `hickory-resolver`; what is found has an age.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::rdata::{NAPTR, SRV};
use hickory_resolver::proto::rr::{RData, RecordType};

use super::limits::{DNS_ATTEMPTS, DNS_PATIENCE, HOP_ADDRESSES, HOP_HOSTS};
use crate::sip::{Hop, ServerName, Transport};

/// What one listener can reach: its transport, and whether IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    pub transport: Transport,
    pub ipv4: bool,
}

/// Where a name leads, and for how long that may be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Never empty; in one order whatever the order of the answers was.
    pub hops: Vec<Hop>,
    /// The least of all records on the way.
    pub ttl: Duration,
}

/// Why a name leads nowhere: the fault of DNS, of the network, or of whoever wrote the name.
#[derive(Debug, thiserror::Error)]
pub enum LookupFault {
    #[error("DNS has no address for it that a listener reaches")]
    Nothing,
    #[error("{0}")]
    Dns(#[from] NetError),
}

/// Asks DNS. Nothing is kept here: whoever asks minds the age of the answer.
pub struct Resolver {
    dns: TokioResolver,
    reach: Vec<Reach>,
}

/// Records under one name.
struct Records<T> {
    all: Vec<T>,
    ttl: u32,
}

impl Resolver {
    /// `servers`: whom to ask; those of the operating system if empty. `reach`: in the order of preference. Must be called inside
    /// the runtime that will drive it.
    ///
    /// # Errors
    /// If the operating system names no servers.
    pub fn new(servers: &[SocketAddr], reach: Vec<Reach>) -> Result<Resolver, NetError> {
        let mut builder = match servers {
            [] => TokioResolver::builder_tokio()?,
            _ => TokioResolver::builder_with_config(
                ResolverConfig::from_name_servers(servers.iter().map(name_server).collect()),
                TokioRuntimeProvider::default(),
            ),
        };
        let options = builder.options_mut();
        options.timeout = DNS_PATIENCE;
        options.attempts = DNS_ATTEMPTS;
        // The age of each answer is minded by whoever asks; a second clock would only make it older.
        options.cache_size = 0;
        Ok(Resolver { dns: builder.build()?, reach })
    }

    /// Where the server is now.
    ///
    /// # Errors
    /// If DNS cannot be asked or knows no address under the name.
    pub async fn locate(&self, server: &ServerName) -> Result<Location, LookupFault> {
        let found = self.ladder(server).await?;
        let Records { all: mut hops, ttl } = found;
        hops.retain(|hop| self.reaches(hop));
        hops.sort_unstable();
        hops.dedup();
        if hops.is_empty() { Err(LookupFault::Nothing) } else { Ok(Location { hops, ttl: seconds(ttl) }) }
    }

    /// RFC 3263 §4.1 and §4.2: a stated port asks for the address alone; a stated transport for its SRV records; else NAPTR says
    /// which SRV, else each transport's SRV is tried, else the address at the usual port.
    async fn ladder(&self, server: &ServerName) -> Result<Records<Hop>, LookupFault> {
        let usual = server.transport.unwrap_or_else(|| self.usual_transport());
        if let Some(port) = server.port {
            return self.addresses(&server.host, usual, port).await;
        }
        for (transport, service) in self.services(server).await? {
            let found = self.servers(&service, transport).await?;
            if !found.all.is_empty() {
                return Ok(found);
            }
        }
        self.addresses(&server.host, usual, usual.default_port()).await
    }

    /// The names whose SRV records are asked for, in order.
    async fn services(&self, server: &ServerName) -> Result<Vec<(Transport, String)>, LookupFault> {
        let direct = |transport: Transport| (transport, srv_name(transport, &server.host));
        if let Some(transport) = server.transport {
            return Ok(vec![direct(transport)]);
        }
        // Name servers exist that fail at NAPTR; the SRV records behind them are as good.
        let mut rules =
            self.records(&server.host, RecordType::NAPTR, naptr).await.map_or(Vec::new(), |found| found.all);
        rules.sort_by_key(|rule| (rule.order, rule.preference));
        let mut services: Vec<(Transport, String)> =
            rules.iter().filter_map(|rule| self.followed(rule)).collect();
        if services.is_empty() {
            services = self.transports().into_iter().map(direct).collect();
        }
        Ok(services)
    }

    /// A rule that ends in SRV records of a transport that we have (§4.1).
    fn followed(&self, rule: &NAPTR) -> Option<(Transport, String)> {
        let service = std::str::from_utf8(&rule.services).ok()?;
        let transport = match service.to_ascii_uppercase().as_str() {
            "SIP+D2U" => Transport::Udp,
            "SIP+D2T" => Transport::Tcp,
            "SIPS+D2T" => Transport::Tls,
            _ => return None,
        };
        let usable = rule.flags.eq_ignore_ascii_case(b"s") && self.transports().contains(&transport);
        usable.then(|| (transport, rule.replacement.to_ascii()))
    }

    /// The hosts of one service, with their addresses (RFC 2782).
    async fn servers(&self, service: &str, transport: Transport) -> Result<Records<Hop>, LookupFault> {
        let mut records = self.records(service, RecordType::SRV, srv).await?;
        // Whatever the order of the answer, the same records are numbered alike.
        records.all.sort_by(|one, other| {
            let key = |record: &SRV| (record.priority, std::cmp::Reverse(record.weight), record.port);
            key(one).cmp(&key(other)).then_with(|| one.target.cmp(&other.target))
        });
        let mut found = Records { all: Vec::new(), ttl: records.ttl };
        for (host, record) in (0..).zip(records.all.iter().take(HOP_HOSTS)) {
            // A dot for a host says that there is no such service (RFC 2782).
            if record.target.is_root() {
                continue;
            }
            let at = self.addresses(&record.target.to_ascii(), transport, record.port).await;
            // One host without an address does not take the others with it.
            let Ok(at) = at else { continue };
            found.ttl = found.ttl.min(at.ttl);
            let ranked = |hop: Hop| Hop { priority: record.priority, weight: record.weight, host, ..hop };
            found.all.extend(at.all.into_iter().map(ranked));
        }
        Ok(found)
    }

    /// The addresses of one host, those of the family preferred by our listeners first. Each takes its share of the calls.
    async fn addresses(
        &self,
        host: &str,
        transport: Transport,
        port: u16,
    ) -> Result<Records<Hop>, LookupFault> {
        let (mut found, mut fault) = (Records { all: Vec::new(), ttl: u32::MAX }, None);
        for (priority, ipv4) in (0..).zip(self.families()) {
            let kind = if ipv4 { RecordType::A } else { RecordType::AAAA };
            match self.records(host, kind, address).await {
                Ok(records) => {
                    found.ttl = found.ttl.min(records.ttl);
                    for (host, ip) in
                        (found.all.len() as u16..).zip(records.all.into_iter().take(HOP_ADDRESSES))
                    {
                        let remote = SocketAddr::new(ip, port);
                        found.all.push(Hop { priority, host, weight: 0, transport, remote });
                    }
                }
                Err(why) => fault = Some(why),
            }
        }
        match fault {
            Some(fault) if found.all.is_empty() => Err(fault.into()),
            Some(_) | None => Ok(found),
        }
    }

    /// The records of one kind; none is no fault.
    async fn records<T>(
        &self,
        name: &str,
        kind: RecordType,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Result<Records<T>, NetError> {
        let whole = if name.ends_with('.') { name.to_owned() } else { format!("{name}.") };
        let lookup = match self.dns.lookup(whole, kind).await {
            Ok(lookup) => lookup,
            Err(fault) if fault.is_no_records_found() => {
                return Ok(Records { all: Vec::new(), ttl: u32::MAX });
            }
            Err(fault) => return Err(fault),
        };
        let answers = || lookup.answers().iter().filter_map(|record| Some((record.ttl, read(&record.data)?)));
        let ttl = answers().map(|(ttl, _)| ttl).min().unwrap_or(u32::MAX);
        Ok(Records { all: answers().map(|(_, value)| value).collect(), ttl })
    }

    fn reaches(&self, hop: &Hop) -> bool {
        let same = |reach: &Reach| reach.transport == hop.transport && reach.ipv4 == hop.remote.is_ipv4();
        self.reach.iter().any(same)
    }

    /// UDP, unless no listener has it.
    fn usual_transport(&self) -> Transport {
        let transports = self.transports();
        let first = transports.first().copied().unwrap_or(Transport::Udp);
        if transports.contains(&Transport::Udp) { Transport::Udp } else { first }
    }

    fn transports(&self) -> Vec<Transport> {
        distinct(self.reach.iter().map(|reach| reach.transport))
    }

    fn families(&self) -> Vec<bool> {
        distinct(self.reach.iter().map(|reach| reach.ipv4))
    }
}

fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.fold(Vec::new(), |mut all, value| {
        if !all.contains(&value) {
            all.push(value);
        }
        all
    })
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let at = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())];
    NameServerConfig::new(address.ip(), true, connections)
}

/// RFC 3263 §4.1: `_sip._udp.carrier.example`.
fn srv_name(transport: Transport, host: &str) -> String {
    match transport {
        Transport::Udp => format!("_sip._udp.{host}"),
        Transport::Tcp => format!("_sip._tcp.{host}"),
        Transport::Tls => format!("_sips._tcp.{host}"),
    }
}

fn naptr(data: &RData) -> Option<NAPTR> {
    match data {
        RData::NAPTR(rule) => Some(rule.clone()),
        _ => None,
    }
}

fn srv(data: &RData) -> Option<SRV> {
    match data {
        RData::SRV(record) => Some(record.clone()),
        _ => None,
    }
}

fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(address) => Some(IpAddr::V4(address.0)),
        RData::AAAA(address) => Some(IpAddr::V6(address.0)),
        _ => None,
    }
}

fn seconds(ttl: u32) -> Duration {
    Duration::from_secs(u64::from(ttl))
}
