//! The gate's own addresses as others see them: what stands in Via and Record-Route, and which Route means us.

use std::net::{IpAddr, SocketAddr};

use crate::sip::{ListenerId, Transport};

/// One of our sockets under the name by which it is reached.
#[derive(Clone, Debug)]
pub struct Interface {
    pub transport: Transport,
    /// What the socket is bound to.
    pub address: SocketAddr,
    /// `host:port` as it is advertised: an IPv6 host stands in brackets.
    pub sent_by: String,
}

impl Interface {
    /// Advertised under the bound address itself.
    pub fn bound(transport: Transport, address: SocketAddr) -> Interface {
        Interface { transport, address, sent_by: address.to_string() }
    }

    /// Whether a peer is reached from this socket: same transport, same address family; a loopback peer from a loopback socket.
    pub fn reaches(&self, transport: Transport, remote: IpAddr) -> bool {
        let ip = self.address.ip();
        let same_side = ip.is_unspecified() || ip.is_loopback() == remote.is_loopback();
        self.transport == transport && ip.is_ipv4() == remote.is_ipv4() && same_side
    }

    fn host(&self) -> &str {
        self.sent_by.rsplit_once(':').map_or(&self.sent_by, |(host, _)| host)
    }

    fn port(&self) -> u16 {
        self.sent_by
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok())
            .unwrap_or(self.transport.default_port())
    }
}

/// All of our sockets, by `ListenerId`, and the domains that mean this gate.
#[derive(Clone, Debug, Default)]
pub struct Interfaces {
    all: Vec<Interface>,
    domains: Vec<String>,
}

impl Interfaces {
    /// `domains`: host names that may stand in a Request-URI for this gate, besides its addresses.
    pub fn new(all: Vec<Interface>, domains: Vec<String>) -> Interfaces {
        Interfaces { all, domains }
    }

    pub fn at(&self, listener: ListenerId) -> Option<&Interface> {
        self.all.get(usize::from(listener.0))
    }

    /// The first socket from which a peer is reached.
    pub fn towards(&self, transport: Transport, remote: IpAddr) -> Option<ListenerId> {
        let index = self.all.iter().position(|interface| interface.reaches(transport, remote))?;
        u8::try_from(index).ok().map(ListenerId)
    }

    /// True if host and port name this gate (§16.4: "indicates a domain this proxy is responsible for"). A domain is ours at any port.
    pub fn is_ours(&self, host: &str, port: Option<u16>) -> bool {
        let by_address = |interface: &Interface| {
            let port = port.unwrap_or(interface.transport.default_port());
            let bound = interface.address.port() == port && same_address(host, interface.address.ip());
            bound || (interface.port() == port && interface.host().eq_ignore_ascii_case(host))
        };
        self.all.iter().any(by_address) || self.domains.iter().any(|domain| domain.eq_ignore_ascii_case(host))
    }
}

fn same_address(host: &str, ip: IpAddr) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok_and(|given| given.to_canonical() == ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Interfaces {
        let bound = |text: &str, transport| Interface::bound(transport, text.parse().expect("an address"));
        let all = vec![
            bound("127.0.0.1:5060", Transport::Udp),
            bound("10.0.0.1:5070", Transport::Tcp),
            bound("[::1]:5060", Transport::Udp),
        ];
        Interfaces::new(all, vec!["gate.example".into()])
    }

    #[test]
    fn our_addresses_and_domains_mean_us() {
        for (host, port, ours) in [
            ("127.0.0.1", None, true),
            ("127.0.0.1", Some(5061), false),
            ("10.0.0.1", Some(5070), true),
            ("[::1]", Some(5060), true),
            ("[0:0:0:0:0:0:0:1]", None, true),
            ("GATE.example", Some(7000), true),
            ("trunk.example", None, false),
        ] {
            assert_eq!(gate().is_ours(host, port), ours, "{host} {port:?}");
        }
    }

    #[test]
    fn a_peer_is_reached_from_a_socket_of_its_kind() {
        assert_eq!(gate().towards(Transport::Udp, "127.0.0.9".parse().expect("ip")), Some(ListenerId(0)));
        assert_eq!(gate().towards(Transport::Tcp, "10.9.9.9".parse().expect("ip")), Some(ListenerId(1)));
        assert_eq!(gate().towards(Transport::Udp, "::1".parse().expect("ip")), Some(ListenerId(2)));
        assert_eq!(gate().towards(Transport::Tls, "::1".parse().expect("ip")), None);
    }
}
