//! Hosts, ports, currencies and the few words of `tollgate.toml`: how each is written.

use std::net::{IpAddr, SocketAddr};

use super::settings::{
    AtStop, Carrier, DigestAlgorithm, HostPort, LogFormat, NumberFormat, TrunkAddress, TrunkOrder,
};
use super::values::{Choice, Setting};

/// An IP address with or without a port; 5060 (RFC 3261 §19.1.2) without.
pub(super) struct Endpoint(pub SocketAddr);

impl Setting for Endpoint {
    const NOUN: &'static str = "an IP address";

    fn right() -> String {
        "an IP address, with a port if it is not 5060: 192.0.2.20 or 192.0.2.20:5070".into()
    }

    fn from_text(text: &str) -> Option<Endpoint> {
        let text = text.trim();
        let address = text.parse().ok().or_else(|| Some(SocketAddr::new(text.parse().ok()?, 5060)))?;
        let usable = !address.ip().is_unspecified() && address.port() != 0;
        usable.then_some(Endpoint(address))
    }

    fn blank() -> Endpoint {
        Endpoint(SocketAddr::blank())
    }
}

/// An IP address or a host name, with or without a port.
impl Setting for TrunkAddress {
    const NOUN: &'static str = "an IP address or a host name";

    fn right() -> String {
        "an IP address or a host name, such as 192.0.2.20, 192.0.2.20:5070 or sip.carrier.example".into()
    }

    fn from_text(text: &str) -> Option<TrunkAddress> {
        let text = text.trim();
        if let Some(Endpoint(address)) = Endpoint::from_text(text) {
            return Some(TrunkAddress::At(address));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok().filter(|port| *port != 0)?)),
            None => (text, None),
        };
        // What is an address here is a wrong one: 0.0.0.0, or port 0.
        host.parse::<IpAddr>().is_err().then_some(())?;
        let Host(host) = Host::from_text(host.strip_suffix('.').unwrap_or(host))?;
        Some(TrunkAddress::Named { host, port })
    }

    fn blank() -> TrunkAddress {
        TrunkAddress::At(SocketAddr::blank())
    }
}

/// A name server: 53 (RFC 1035 §4.2) without a port.
pub(super) struct NameServer(pub SocketAddr);

impl Setting for NameServer {
    const NOUN: &'static str = "the address of a name server";

    fn right() -> String {
        "an IP address, with a port if it is not 53: 192.0.2.53 or [2001:db8::53]:5353".into()
    }

    fn from_text(text: &str) -> Option<NameServer> {
        let text = text.trim();
        let address: SocketAddr =
            text.parse().ok().or_else(|| Some(SocketAddr::new(text.parse().ok()?, 53)))?;
        let usable = !address.ip().is_unspecified() && address.port() != 0;
        usable.then_some(NameServer(address))
    }

    fn blank() -> NameServer {
        NameServer(SocketAddr::blank())
    }
}

impl Setting for HostPort {
    const NOUN: &'static str = "a host with a port";

    fn right() -> String {
        "where others reach us, such as 192.0.2.10:5060 or gate.example.com:5060".into()
    }

    fn from_text(text: &str) -> Option<HostPort> {
        let literal = text.trim().parse::<SocketAddr>().is_ok() || text.trim().parse::<IpAddr>().is_ok();
        if literal {
            let Endpoint(address) = Endpoint::from_text(text)?;
            return Some(HostPort { host: address.ip().to_string(), port: address.port() });
        }
        let (host, port) = text.trim().rsplit_once(':').unwrap_or((text.trim(), "5060"));
        let Host(host) = Host::from_text(host)?;
        Some(HostPort { host, port: port.parse().ok().filter(|port| *port != 0)? })
    }

    fn blank() -> HostPort {
        HostPort { host: String::new(), port: 0 }
    }
}

/// A host name (RFC 3261 §25.1: letters, digits, hyphens, dots) or an IP address.
pub(super) struct Host(pub String);

impl Setting for Host {
    const NOUN: &'static str = "a host name";

    fn right() -> String {
        "a host name or IP address, such as example.com".into()
    }

    fn from_text(text: &str) -> Option<Host> {
        let text = text.trim();
        if text.parse::<IpAddr>().is_ok() {
            return Some(Host(text.to_owned()));
        }
        // The last label starts with a letter (`toplabel`), or the name would be a broken IP address.
        let top = text.rsplit('.').next()?.bytes().next()?;
        let labels = text.split('.').all(|label| {
            let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            plain && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
        });
        (labels && top.is_ascii_alphabetic() && text.len() <= 253).then(|| Host(text.to_ascii_lowercase()))
    }

    fn blank() -> Host {
        Host(String::new())
    }
}

/// ISO 4217: three capital letters.
pub(super) struct Currency(pub String);

impl Setting for Currency {
    const NOUN: &'static str = "a currency";

    fn right() -> String {
        "three capital letters such as EUR (ISO 4217)".into()
    }

    fn from_text(text: &str) -> Option<Currency> {
        let right = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        right.then(|| Currency(text.to_owned()))
    }

    fn blank() -> Currency {
        Currency(String::new())
    }
}

/// The `kind` of a `[[peer]]`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PeerWord {
    Phones,
    Pbx,
    Trunk,
}

impl Choice for PeerWord {
    const NOUN: &'static str = "a kind of peer";

    fn all() -> impl Iterator<Item = PeerWord> + Clone {
        [PeerWord::Phones, PeerWord::Pbx, PeerWord::Trunk].into_iter()
    }

    fn word(self) -> &'static str {
        match self {
            PeerWord::Phones => "phones",
            PeerWord::Pbx => "pbx",
            PeerWord::Trunk => "trunk",
        }
    }
}

impl Choice for Carrier {
    const NOUN: &'static str = "a transport";

    fn all() -> impl Iterator<Item = Carrier> + Clone {
        [Carrier::Udp, Carrier::Tcp, Carrier::Tls].into_iter()
    }

    fn word(self) -> &'static str {
        match self {
            Carrier::Udp => "udp",
            Carrier::Tcp => "tcp",
            Carrier::Tls => "tls",
        }
    }
}

impl Choice for DigestAlgorithm {
    const NOUN: &'static str = "a digest algorithm";

    fn all() -> impl Iterator<Item = DigestAlgorithm> + Clone {
        [DigestAlgorithm::Sha256, DigestAlgorithm::Md5].into_iter()
    }

    fn word(self) -> &'static str {
        match self {
            DigestAlgorithm::Sha256 => "sha-256",
            DigestAlgorithm::Md5 => "md5",
        }
    }
}

/// What stands in the From towards a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FromWord {
    Phone,
    Number,
}

impl Choice for FromWord {
    const NOUN: &'static str = "what stands in the From";

    fn all() -> impl Iterator<Item = FromWord> + Clone {
        [FromWord::Phone, FromWord::Number].into_iter()
    }

    fn word(self) -> &'static str {
        match self {
            FromWord::Phone => "phone",
            FromWord::Number => "number",
        }
    }
}

impl Choice for NumberFormat {
    const NOUN: &'static str = "a number format";

    fn all() -> impl Iterator<Item = NumberFormat> + Clone {
        [NumberFormat::PlusE164, NumberFormat::E164, NumberFormat::ZeroZeroE164].into_iter()
    }

    fn word(self) -> &'static str {
        match self {
            NumberFormat::PlusE164 => "+e164",
            NumberFormat::E164 => "e164",
            NumberFormat::ZeroZeroE164 => "00e164",
        }
    }
}

impl Choice for TrunkOrder {
    const NOUN: &'static str = "an order of trunks";

    fn all() -> impl Iterator<Item = TrunkOrder> + Clone {
        [TrunkOrder::Priority, TrunkOrder::Cost].into_iter()
    }

    fn word(self) -> &'static str {
        match self {
            TrunkOrder::Priority => "priority",
            TrunkOrder::Cost => "cost",
        }
    }
}

impl Choice for AtStop {
    const NOUN: &'static str = "what becomes of calls";

    fn all() -> impl Iterator<Item = AtStop> + Clone {
        [AtStop::Leave, AtStop::End].into_iter()
    }

    fn word(self) -> &'static str {
        match self {
            AtStop::Leave => "leave",
            AtStop::End => "end",
        }
    }
}

impl Choice for LogFormat {
    const NOUN: &'static str = "a log format";

    fn all() -> impl Iterator<Item = LogFormat> + Clone {
        [LogFormat::Text, LogFormat::Json].into_iter()
    }

    fn word(self) -> &'static str {
        match self {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trunk_is_at_an_address_or_behind_a_name() {
        let named = |host: &str, port| TrunkAddress::Named { host: host.into(), port };
        let at = |text: &str| TrunkAddress::At(text.parse().unwrap());
        for (text, read) in [
            ("192.0.2.20", Some(at("192.0.2.20:5060"))),
            ("[2001:db8::1]:5070", Some(at("[2001:db8::1]:5070"))),
            ("2001:db8::1", Some(at("[2001:db8::1]:5060"))),
            ("SIP.Carrier.example", Some(named("sip.carrier.example", None))),
            ("sip.carrier.example.", Some(named("sip.carrier.example", None))),
            ("sip.carrier.example:5070", Some(named("sip.carrier.example", Some(5070)))),
            ("sip..carrier.example", None),
            ("sip_carrier.example", None),
            ("sip.carrier.example:0", None),
            ("sip.carrier.example:sip", None),
            ("192.0.2.300", None),
            ("192.0.2.20:0", None),
            ("0.0.0.0", None),
        ] {
            assert_eq!(TrunkAddress::from_text(text), read, "{text}");
        }
    }

    #[test]
    fn an_advertised_address_reads_with_and_without_its_port() {
        for (text, printed) in [
            ("192.0.2.10", "192.0.2.10:5060"),
            ("192.0.2.10:5070", "192.0.2.10:5070"),
            ("[2001:db8::1]:5060", "[2001:db8::1]:5060"),
            ("2001:db8::1", "[2001:db8::1]:5060"),
            ("Gate.Example.com", "gate.example.com:5060"),
            ("gate.example.com:5061", "gate.example.com:5061"),
        ] {
            assert_eq!(
                HostPort::from_text(text).map(|host| host.to_string()).as_deref(),
                Some(printed),
                "{text}"
            );
        }
        for wrong in
            ["", "0.0.0.0:5060", "192.0.2", "gate:0", "gate:99999", "-gate.example", "a b", "gate..com"]
        {
            assert_eq!(HostPort::from_text(wrong), None, "{wrong}");
        }
    }
}
