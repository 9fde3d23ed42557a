//! Where a message came from or goes to (RFC 5626 calls it a flow), and where its answer belongs (RFC 3261 §18.2.2).

use std::fmt;
use std::net::{SocketAddr, SocketAddrV4};

use super::via::Via;

/// What carries a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
}

impl Transport {
    pub const ALL: [Transport; 3] = [Transport::Udp, Transport::Tcp, Transport::Tls];

    /// As a metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
        }
    }

    /// True if the transport resends by itself, so that most transaction timers are zero (§17).
    pub const fn is_reliable(self) -> bool {
        match self {
            Transport::Udp => false,
            Transport::Tcp | Transport::Tls => true,
        }
    }

    /// What stands behind the host in a URI, so that requests to it use this transport (RFC 3261 §19.1.1); UDP needs no word.
    /// `transport=tls` is deprecated there (§26.2.2) and understood by every phone; a `sips:` would promise TLS to the other end.
    pub const fn uri_param(self) -> &'static str {
        match self {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            Transport::Tls => ";transport=tls",
        }
    }

    /// Where to send when a URI or Via names no port (§18.2.2, §19.1.2).
    pub const fn default_port(self) -> u16 {
        match self {
            Transport::Udp | Transport::Tcp => 5060,
            Transport::Tls => 5061,
        }
    }

    /// Reads the word of a Via or of `;transport=`, in any case.
    pub fn of(text: &str) -> Option<Transport> {
        [Transport::Udp, Transport::Tcp, Transport::Tls]
            .into_iter()
            .find(|transport| transport.as_str().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which of our own sockets, by position in the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId(pub u8);

/// Which connection; zero for UDP and for a connection that does not exist yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    pub const NONE: ConnectionId = ConnectionId(0);
}

/// Where a message came from or goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    pub transport: Transport,
    pub listener: ListenerId,
    pub remote: SocketAddr,
    pub connection: ConnectionId,
}

impl Flow {
    pub fn udp(listener: ListenerId, remote: SocketAddr) -> Flow {
        Flow { transport: Transport::Udp, listener, remote, connection: ConnectionId::NONE }
    }

    /// Where the answer to a request that came over this flow goes (§18.2.2, RFC 3581 §4): the same connection; over UDP
    /// the address it came from, at its own port if `rport` asks for that, else at the port of the Via. Never to the
    /// `received` or `maddr` that the sender wrote.
    pub fn for_reply(self, top_via: &Via<'_>) -> Flow {
        if self.transport.is_reliable() || top_via.rport().is_some() {
            return self;
        }
        let mut remote = self.remote;
        remote.set_port(top_via.port().unwrap_or(self.transport.default_port()));
        Flow { remote, ..self }
    }
}

/// A flow as it is kept with calls: in a third of the room where the address is of IPv4, as most are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptFlow {
    V4 { remote: SocketAddrV4, transport: Transport, listener: ListenerId, connection: ConnectionId },
    V6(Box<Flow>),
}

impl KeptFlow {
    pub fn flow(&self) -> Flow {
        match *self {
            KeptFlow::V4 { remote, transport, listener, connection } => {
                Flow { transport, listener, remote: SocketAddr::V4(remote), connection }
            }
            KeptFlow::V6(ref flow) => **flow,
        }
    }
}

impl From<Flow> for KeptFlow {
    fn from(flow: Flow) -> KeptFlow {
        let Flow { transport, listener, connection, .. } = flow;
        match flow.remote {
            SocketAddr::V4(remote) => KeptFlow::V4 { remote, transport, listener, connection },
            SocketAddr::V6(_) => KeptFlow::V6(Box::new(flow)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(via: &str, transport: Transport) -> u16 {
        let arrived = Flow { transport, ..Flow::udp(ListenerId(0), ([192, 0, 2, 1], 9999).into()) };
        let answer = arrived.for_reply(&Via::parse(via.as_bytes()).unwrap());
        assert_eq!(answer.remote.ip(), arrived.remote.ip(), "never another address");
        answer.remote.port()
    }

    #[test]
    fn a_kept_flow_is_small_and_loses_nothing() {
        assert_eq!(size_of::<KeptFlow>(), 16);
        for remote in ["192.0.2.1:5060", "[2001:db8::1]:5061", "[fe80::1%3]:5060"] {
            let remote = remote.parse().unwrap();
            for transport in Transport::ALL {
                let flow = Flow { transport, listener: ListenerId(2), remote, connection: ConnectionId(7) };
                assert_eq!(KeptFlow::from(flow).flow(), flow);
            }
        }
    }

    #[test]
    fn rfc_3261_section_18_2_2_where_answers_go() {
        assert_eq!(port("SIP/2.0/UDP h:6050;received=10.9.9.9;maddr=224.0.0.1", Transport::Udp), 6050);
        assert_eq!(port("SIP/2.0/UDP h", Transport::Udp), 5060);
        assert_eq!(port("SIP/2.0/UDP h:6050;rport", Transport::Udp), 9999);
        assert_eq!(port("SIP/2.0/TCP h:6050", Transport::Tcp), 9999, "the same connection");
    }
}
