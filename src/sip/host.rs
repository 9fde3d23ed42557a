//! Hosts and ports as they stand in URIs and Vias: names, IPv4, and IPv6 in brackets (RFC 3261 §25.1, RFC 5118).

use std::net::{IpAddr, Ipv6Addr};

use super::scan::{HOST, Scanner, number};

/// The longest host that DNS can hold (RFC 1035 §2.3.4); nothing longer can be reached.
const LONGEST: usize = 255;

/// Reads `host`; an IPv6 address keeps its brackets.
pub(super) fn take<'a>(scanner: &mut Scanner<'a>) -> Option<&'a [u8]> {
    let start = scanner.position();
    if scanner.eat(b'[') {
        let inside = scanner.rest().split(|byte| *byte == b']').next()?;
        if inside.is_empty()
            || !inside.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        {
            return None;
        }
        inside.iter().for_each(|byte| {
            scanner.eat(*byte);
        });
        scanner.eat(b']').then_some(())?;
    } else {
        scanner.some(HOST)?;
    }
    let host = scanner.since(start);
    (host.len() <= LONGEST).then_some(host)
}

/// Reads `port`, 1 to 65535.
pub(super) fn take_port(scanner: &mut Scanner<'_>) -> Option<u16> {
    let digits = scanner.rest();
    let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits[..count].iter().for_each(|digit| {
        scanner.eat(*digit);
    });
    let port = number(&digits[..count])?;
    u16::try_from(port).ok().filter(|port| *port != 0)
}

/// The address, if the host is one; `::ffff:192.0.2.1` is 192.0.2.1 (RFC 5118 §4.9), and the three colons that the grammar
/// of RFC 3261 once allowed are read as two (§4.10).
pub fn address(host: &str) -> Option<IpAddr> {
    let Some(inside) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
        return host.parse().ok();
    };
    let address: Ipv6Addr = match inside.parse() {
        Ok(address) => address,
        Err(_) => inside.replacen(":::", "::", 1).parse().ok()?,
    };
    Some(IpAddr::V6(address).to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_5118_addresses() {
        let address = |host: &str| address(host).map(|address| address.to_string());
        assert_eq!(address("[2001:db8::10:5070]").as_deref(), Some("2001:db8::10:5070"));
        assert_eq!(address("[::ffff:192.0.2.2]").as_deref(), Some("192.0.2.2"));
        assert_eq!(address("[2001:db8:::192.0.2.1]"), address("[2001:db8::192.0.2.1]"));
        assert_eq!(address("pc33.example.com"), None);
    }
}
