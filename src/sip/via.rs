//! One Via value (RFC 3261 §20.42, RFC 3581): who sent it, by what, under which branch, and what the receiver adds.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use super::compose::{Text, put_address, put_number};
use super::host;
use super::malformed::Fault;
use super::params::Params;
use super::scan::{Scanner, TOKEN, text};
use super::span::Span;

/// What a branch of RFC 3261 begins with (§8.1.1.7); anything else is matched by the rules of RFC 2543.
pub const MAGIC_COOKIE: &str = "z9hG4bK";

#[derive(Clone, Copy, Debug)]
pub struct Via<'a> {
    version: &'a [u8],
    transport: &'a [u8],
    /// `host[:port]` as received.
    sent_by: &'a [u8],
    host: &'a [u8],
    port: Option<u16>,
    branch: Option<&'a [u8]>,
    params: Params<'a>,
    /// Everything before the parameters.
    head: &'a [u8],
}

/// Where the parts of a Via stand in its message, so that it need not be read twice.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ViaPlace {
    pub value: Span,
    /// Empty if it has none.
    pub branch: Span,
    version: Span,
    transport: Span,
    sent_by: Span,
    host: Span,
    port: Option<u16>,
}

impl ViaPlace {
    pub fn of(bytes: &[u8], value: &[u8], via: &Via<'_>) -> ViaPlace {
        let place = |part: &[u8]| Span::within(bytes, part);
        ViaPlace {
            value: place(value),
            branch: via.branch.map_or(Span::default(), place),
            version: place(via.version),
            transport: place(via.transport),
            sent_by: place(via.sent_by),
            host: place(via.host),
            port: via.port,
        }
    }

    pub fn via(self, bytes: &[u8]) -> Via<'_> {
        let (head, params) = self.value.of(bytes).split_at(usize::from(self.sent_by.end - self.value.start));
        Via {
            version: self.version.of(bytes),
            transport: self.transport.of(bytes),
            sent_by: self.sent_by.of(bytes),
            host: self.host.of(bytes),
            port: self.port,
            branch: (!self.branch.is_empty()).then(|| self.branch.of(bytes)),
            params: Params::checked(params),
            head,
        }
    }
}

impl<'a> Via<'a> {
    /// Reads one value; `bytes` holds no comma list.
    pub fn parse(bytes: &'a [u8]) -> Result<Via<'a>, Fault> {
        read(bytes).ok_or(Fault::Via)
    }

    /// `UDP`, `TCP`, … as written; second and later Vias may name any transport.
    pub fn transport(&self) -> &'a str {
        text(self.transport)
    }

    /// The host of `sent-by`; IPv6 in its brackets.
    pub fn host(&self) -> &'a str {
        text(self.host)
    }

    pub fn port(&self) -> Option<u16> {
        self.port
    }

    pub fn sent_by(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.sent_by)
    }

    pub fn branch(&self) -> Option<&'a str> {
        self.branch.and_then(|branch| std::str::from_utf8(branch).ok())
    }

    pub fn received(&self) -> Option<&'a str> {
        self.params.value("received").flatten()
    }

    /// RFC 3581: `Some(None)` asks for it, `Some(Some(port))` is filled in.
    pub fn rport(&self) -> Option<Option<u16>> {
        let value = self.params.value("rport")?;
        Some(value.and_then(|digits| digits.parse().ok()))
    }

    pub fn param(&self, name: &str) -> Option<Option<&'a str>> {
        self.params.value(name)
    }

    pub fn params(&self) -> Params<'a> {
        self.params
    }

    pub(super) fn is_version_2(&self) -> bool {
        self.version == b"2.0"
    }

    /// Writes this value as a server must keep it (§18.2.1, RFC 3581 §4): with the `received` address if `rport` was asked
    /// for or the address is not the one in `sent-by`, with the `rport` if it was asked for. What the sender wrote there goes.
    pub(super) fn write_stamped(&self, source: SocketAddr, out: &mut Text) {
        let address = source.ip().to_canonical();
        out.extend_from_slice(self.head);
        for param in self.params.iter() {
            if param.is_named("rport") {
                out.extend_from_slice(b";rport=");
                put_number(out, usize::from(source.port()));
            } else if !param.is_named("received") {
                out.extend_from_slice(param.raw);
            }
        }
        if self.needs_received(address) {
            out.extend_from_slice(b";received=");
            put_address(out, address);
        }
    }

    fn needs_received(&self, address: IpAddr) -> bool {
        self.rport().is_some() || host::address(self.host()) != Some(address)
    }
}

fn read(bytes: &[u8]) -> Option<Via<'_>> {
    let mut scanner = Scanner::new(bytes);
    let protocol = scanner.some(TOKEN)?;
    scanner.eat_spaced(b'/').then_some(())?;
    let version = scanner.some(TOKEN)?;
    scanner.eat_spaced(b'/').then_some(())?;
    let transport = scanner.some(TOKEN)?;
    scanner.blanks().then_some(())?;
    let start = scanner.position();
    let host = host::take(&mut scanner)?;
    let mut port = None;
    let mut end = scanner.position();
    if scanner.eat_spaced(b':') {
        port = Some(host::take_port(&mut scanner)?);
        end = scanner.position();
    }
    let (params, branch) = Params::parse_with(&bytes[end..], "branch")?;
    let branch = branch.and_then(|param| param.value);
    protocol.eq_ignore_ascii_case(b"SIP").then_some(())?;
    let (sent_by, head) = (&bytes[start..end], &bytes[..end]);
    Some(Via { version, transport, sent_by, host, port, branch, params, head })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamped(via: &str, source: &str) -> String {
        let mut out = Text::new();
        Via::parse(via.as_bytes()).unwrap().write_stamped(source.parse().unwrap(), &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn blanks_and_folds_are_allowed_where_the_grammar_has_them() {
        let via = Via::parse(b"SIP  / 2.0\r\n / UDP\r\n    192.0.2.2 : 5070 ;\r\n branch  =   z9hG4bK9ikj8")
            .unwrap();
        assert_eq!((via.transport(), via.host(), via.port()), ("UDP", "192.0.2.2", Some(5070)));
        assert_eq!(via.branch(), Some("z9hG4bK9ikj8"));
    }

    #[test]
    fn rfc_5118_section_4_5_received_with_and_without_brackets() {
        for received in ["2001:db8::9:255", "[2001:db8::9:255]"] {
            let text = format!("SIP/2.0/UDP [2001:db8::9:1];received={received};branch=z9hG4bKas3");
            let via = Via::parse(text.as_bytes()).unwrap();
            assert_eq!((via.received(), via.branch()), (Some(received), Some("z9hG4bKas3")));
        }
    }

    #[test]
    fn rfc_3581_section_4_the_answer_port_and_address_are_filled_in() {
        assert_eq!(
            stamped("SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff", "192.0.2.1:9988"),
            "SIP/2.0/UDP 10.1.1.1:4540;rport=9988;branch=z9hG4bKkjshdyff;received=192.0.2.1"
        );
    }

    #[test]
    fn a_true_address_stays_byte_identical_and_a_forged_received_goes() {
        let honest = "SIP/2.0/UDP 192.0.2.1 ;branch=z9hG4bK1";
        assert_eq!(stamped(honest, "[::ffff:192.0.2.1]:5060"), honest);
        assert_eq!(
            stamped("SIP/2.0/UDP 192.0.2.1;received=10.9.9.9", "192.0.2.1:5060"),
            "SIP/2.0/UDP 192.0.2.1"
        );
        assert_eq!(
            stamped("SIP/2.0/UDP pc33.example.com;received=10.9.9.9", "192.0.2.1:5060"),
            "SIP/2.0/UDP pc33.example.com;received=192.0.2.1"
        );
    }

    #[test]
    fn broken_values_are_refused() {
        for broken in
            ["SIP/2.0/UDP", "SIP/2.0/UDP ;branch=x", "SIP/2.0 UDP h", "HTTP/2.0/UDP h", "SIP/2.0/UDP h:99999"]
        {
            assert!(Via::parse(broken.as_bytes()).is_err(), "{broken}");
        }
        assert!(Via::parse(b"SIP/2.0/UDP h;branch=a;branch=b").is_err());
    }
}
