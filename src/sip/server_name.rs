//! Servers by their names (RFC 3263): what a name in the settings asks of DNS, and the places that DNS gives for it.

use std::fmt;
use std::net::SocketAddr;

use super::flow::Transport;

/// A server as it is named: what RFC 3263 §4 calls TARGET, with the port and the transport if they are stated.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerName {
    /// In lower case, without a dot at its end.
    pub host: Box<str>,
    /// A stated port leaves only the address to DNS (§4.2).
    pub port: Option<u16>,
    /// `None`: DNS says it by NAPTR or SRV, else it is UDP (§4.1).
    pub transport: Option<Transport>,
}

/// `sip.carrier.example` or `sip.carrier.example:5070`.
impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

/// One place at which a named server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hop {
    /// Of the SRV record: the least is tried first (RFC 2782).
    pub priority: u16,
    /// Which of the hosts of one name: the addresses of one host stay together.
    pub host: u16,
    /// Of the SRV record: the share of calls that this host takes first among those of its priority.
    pub weight: u16,
    pub transport: Transport,
    pub remote: SocketAddr,
}
