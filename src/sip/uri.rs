//! URIs: sip and sips taken apart (RFC 3261 §19.1), tel (RFC 3966), any other kept whole. Nothing is unescaped in reading.

use std::borrow::Cow;

use super::host;
use super::params::Params;
use super::scan::{Scanner, URI, all, is, text};

/// Which scheme, without regard to case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    Sip,
    Sips,
    Tel,
    Urn,
    Other,
}

/// Why a text is no URI that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriFault {
    #[error("a URI begins with a scheme and a colon (RFC 3986 section 3.1)")]
    Scheme,
    #[error("a byte that no URI may hold (RFC 3986 section 2)")]
    Character,
    #[error("the user part is empty or holds a second @ (RFC 3261 section 19.1.1)")]
    User,
    #[error("no host name or address (RFC 3261 section 19.1.1)")]
    Host,
    #[error("the port is no number from 1 to 65535 (RFC 3261 section 19.1.1)")]
    Port,
    #[error("broken parameters (RFC 3261 section 19.1.1)")]
    Params,
    #[error(
        "a % without two hexadecimal digits, or an escaped %, NUL or non-UTF-8 (RFC 3261 section 19.1.2)"
    )]
    Escape,
}

/// A URI as received. `user` and `password` are raw: their escapes are still in them.
#[derive(Clone, Copy, Debug)]
pub struct Uri<'a> {
    pub scheme: Scheme,
    /// The user part of sip and sips, the subscriber of tel; None for any other scheme.
    pub user: Option<&'a str>,
    pub password: Option<&'a str>,
    /// Name or address of sip and sips, IPv6 in its brackets; empty for any other scheme.
    pub host: &'a str,
    pub port: Option<u16>,
    pub params: Params<'a>,
    /// What follows the `?` of sip and sips.
    pub headers: Option<&'a str>,
    /// Everything after the scheme and its colon.
    pub body: &'a str,
}

impl<'a> Uri<'a> {
    pub fn parse(uri: &'a str) -> Result<Uri<'a>, UriFault> {
        let (scheme, body) = split_scheme(uri)?;
        if !all(body.as_bytes(), URI) {
            return Err(UriFault::Character);
        }
        check_escapes(body)?;
        match scheme {
            Scheme::Sip | Scheme::Sips => parse_sip(scheme, body),
            Scheme::Tel => parse_tel(body),
            Scheme::Urn | Scheme::Other => Ok(Uri { body, ..Uri::empty(scheme) }),
        }
    }

    /// None: not there. `Some(None)`: there without a value.
    pub fn param(&self, name: &str) -> Option<Option<&'a str>> {
        self.params.value(name)
    }

    /// A loose router's own address (§19.1.1 `lr`).
    pub fn is_loose(&self) -> bool {
        self.params.contains("lr")
    }

    /// The address, if the host is one and not a name.
    pub fn address(&self) -> Option<std::net::IpAddr> {
        host::address(self.host)
    }

    /// sip or sips, the two schemes that have a host and a port.
    pub fn is_sip(&self) -> bool {
        match self.scheme {
            Scheme::Sip | Scheme::Sips => true,
            Scheme::Tel | Scheme::Urn | Scheme::Other => false,
        }
    }

    /// Equality of §19.1.4. URIs of other schemes are equal when their bytes are.
    pub fn is_same_as(&self, other: &Uri<'_>) -> bool {
        self.scheme == other.scheme
            && if self.is_sip() {
                same_text(self.user, other.user)
                    && same_text(self.password, other.password)
                    && self.host.eq_ignore_ascii_case(other.host)
                    && self.port == other.port
                    && same_params(self.params, other.params)
                    && same_params(other.params, self.params)
                    && self.headers.unwrap_or_default() == other.headers.unwrap_or_default()
            } else {
                self.body == other.body
            }
    }

    fn empty(scheme: Scheme) -> Uri<'a> {
        Uri {
            scheme,
            user: None,
            password: None,
            host: "",
            port: None,
            params: Params::default(),
            headers: None,
            body: "",
        }
    }
}

/// Replaces every `%HH` once (R30). Refused: an escaped `%`, which asks to be decoded twice; NUL, which ends strings elsewhere;
/// a broken escape; bytes that are not UTF-8.
pub fn percent_decode(text: &str) -> Result<Cow<'_, str>, UriFault> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let decoded: Vec<u8> = decoded(text).map(|(byte, _)| byte).collect();
    if check_escapes(text).is_err() || decoded.iter().any(|byte| matches!(byte, b'%' | 0)) {
        return Err(UriFault::Escape);
    }
    String::from_utf8(decoded).map(Cow::Owned).map_err(|_| UriFault::Escape)
}

/// The scheme and what follows its colon. Only the scheme is looked at, so it serves generic URIs as well.
pub(super) fn split_scheme(uri: &str) -> Result<(Scheme, &str), UriFault> {
    let (name, body) = split_at_byte(uri, b':').ok_or(UriFault::Scheme)?;
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    if !letters || !name.starts_with(|first: char| first.is_ascii_alphabetic()) || body.is_empty() {
        return Err(UriFault::Scheme);
    }
    Ok((scheme_of(name), body))
}

fn scheme_of(name: &str) -> Scheme {
    [("sip", Scheme::Sip), ("sips", Scheme::Sips), ("tel", Scheme::Tel), ("urn", Scheme::Urn)]
        .into_iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map_or(Scheme::Other, |(_, scheme)| scheme)
}

fn check_escapes(text: &str) -> Result<(), UriFault> {
    if !text.as_bytes().contains(&b'%') {
        return Ok(());
    }
    let complete = |after: &str| after.len() >= 2 && after.as_bytes()[..2].iter().all(u8::is_ascii_hexdigit);
    text.split('%').skip(1).all(complete).then_some(()).ok_or(UriFault::Escape)
}

/// `;` and `?` may stand in a user part (§25.1 `user-unreserved`), so the `@` is looked for first: nothing after the user
/// part may hold one.
fn parse_sip(scheme: Scheme, body: &str) -> Result<Uri<'_>, UriFault> {
    let (user, password, rest) = match split_at_byte(body, b'@') {
        Some((userinfo, rest)) => {
            let (user, password) = split_optional(userinfo, b':');
            if user.is_empty() || rest.as_bytes().contains(&b'@') {
                return Err(UriFault::User);
            }
            (Some(user), password, rest)
        }
        None => (None, None, body),
    };
    let (address, headers) = split_optional(rest, b'?');
    let mut scanner = Scanner::new(address.as_bytes());
    let host = text(host::take(&mut scanner).ok_or(UriFault::Host)?);
    let port = match scanner.eat(b':') {
        true => Some(host::take_port(&mut scanner).ok_or(UriFault::Port)?),
        false => None,
    };
    let params = Params::parse(scanner.rest()).ok_or(UriFault::Params)?;
    Ok(Uri { scheme, user, password, host, port, params, headers, body })
}

fn parse_tel(body: &str) -> Result<Uri<'_>, UriFault> {
    let subscriber = body.split(';').next().filter(|digits| !digits.is_empty()).ok_or(UriFault::User)?;
    let params = Params::parse(&body.as_bytes()[subscriber.len()..]).ok_or(UriFault::Params)?;
    Ok(Uri { user: Some(subscriber), params, body, ..Uri::empty(Scheme::Tel) })
}

fn split_optional(text: &str, separator: u8) -> (&str, Option<&str>) {
    match split_at_byte(text, separator) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// As `str::split_once` for an ASCII separator, without the set-up of a search that these few letters would not repay.
fn split_at_byte(text: &str, separator: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| byte == separator)?;
    Some((&text[..at], &text[at + 1..]))
}

/// The bytes with their escapes replaced, each with whether it is a reserved one that was escaped: `%3B` is not `;`.
fn decoded(text: &str) -> impl Iterator<Item = (u8, bool)> + '_ {
    let mut bytes = text.bytes();
    std::iter::from_fn(move || {
        let byte = bytes.next()?;
        let mut ahead = bytes.clone();
        let pair = (byte == b'%').then(|| Some((hex(ahead.next()?)?, hex(ahead.next()?)?))).flatten();
        let Some((high, low)) = pair else {
            return Some((byte, false));
        };
        bytes = ahead;
        let plain = high * 16 + low;
        Some((plain, !is(plain, URI) || is_reserved(plain)))
    })
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

const fn is_reserved(byte: u8) -> bool {
    matches!(byte, b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b',')
}

fn same_text(one: Option<&str>, other: Option<&str>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => decoded(one).eq(decoded(other)),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Parameters of `one` that `other` has must agree; those that change where a request goes must be in both (§19.1.4).
fn same_params(one: Params<'_>, other: Params<'_>) -> bool {
    const DECISIVE: [&str; 5] = ["transport", "user", "ttl", "method", "maddr"];
    one.iter().all(|param| match other.find(text(param.name)) {
        Some(found) => {
            let (one, other) = (param.value.map(text), found.value.map(text));
            one.is_some() == other.is_some()
                && one.unwrap_or_default().eq_ignore_ascii_case(other.unwrap_or_default())
        }
        None => !DECISIVE.iter().any(|name| param.is_named(name)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri<'_> {
        Uri::parse(text).unwrap()
    }

    #[test]
    fn rfc_4475_section_3_1_1_2_a_user_part_of_every_legal_character() {
        let uri = uri(
            "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
        );
        assert_eq!(uri.user, Some("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"));
        assert_eq!(uri.password, Some("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"));
        assert_eq!(uri.host, "example.com");
    }

    #[test]
    fn rfc_4475_section_3_1_1_9_a_semicolon_in_the_user_part_stays_there() {
        let uri = uri("sip:user;par=u%40example.net@example.com");
        assert_eq!(percent_decode(uri.user.unwrap()).unwrap(), "user;par=u@example.net");
        assert!(uri.params.is_empty());
    }

    #[test]
    fn rfc_5118_sections_4_1_to_4_4_ipv6_and_its_port() {
        assert_eq!(uri("sip:[2001:db8::10:5070]").port, None);
        assert_eq!(uri("sip:[2001:db8::10]:5070").port, Some(5070));
        assert_eq!(Uri::parse("sip:2001:db8::10").unwrap_err(), UriFault::Port);
    }

    #[test]
    fn tel_and_unknown_schemes() {
        let tel = uri("tel:7042;phone-context=example.com");
        assert_eq!((tel.scheme, tel.user), (Scheme::Tel, Some("7042")));
        assert_eq!(tel.param("Phone-Context"), Some(Some("example.com")));
        assert_eq!(uri("urn:service:sos.police").body, "service:sos.police");
        assert_eq!(uri("soap.beep://192.0.2.103:3002").scheme, Scheme::Other);
    }

    #[test]
    fn broken_ones_name_their_fault() {
        let table = [
            ("alice@example.com", UriFault::Scheme),
            ("sip:", UriFault::Scheme),
            ("sip:a b@h", UriFault::Character),
            ("sip:@h", UriFault::User),
            ("sip:a@b@h", UriFault::User),
            ("sip:a@", UriFault::Host),
            ("sip:a@[::1", UriFault::Host),
            ("sip:h:0", UriFault::Port),
            ("sip:h:70000", UriFault::Port),
            ("sip:h;;lr", UriFault::Params),
            ("sip:a%4@h", UriFault::Escape),
        ];
        for (text, fault) in table {
            assert_eq!(Uri::parse(text).err(), Some(fault), "{text}");
        }
    }

    #[test]
    fn escapes_are_replaced_once_and_never_hide_another() {
        assert_eq!(percent_decode("al%69ce").unwrap(), "alice");
        for refused in ["%2541", "a%00", "%", "%4", "%zz", "%ff"] {
            assert_eq!(percent_decode(refused), Err(UriFault::Escape), "{refused}");
        }
    }

    #[test]
    fn rfc_3261_section_19_1_4_equality() {
        let same = [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
        ];
        let different = [
            ("SIP:ALICE@AtLanTa.CoM", "sip:alice@AtLanTa.CoM"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:a%3Bb@h", "sip:a;b@h"),
            ("sip:%00@h", "sip:%00%00@h"),
        ];
        for (one, other) in same {
            assert!(uri(one).is_same_as(&uri(other)), "{one} = {other}");
        }
        for (one, other) in different {
            assert!(!uri(one).is_same_as(&uri(other)), "{one} != {other}");
        }
    }
}
