//! Whether a Route or Record-Route value is one that the gate wrote (RFC 3261 §16.6 item 4): asked of several values of every answer, so
//! the form in which they were written is known at sight.

use super::message::Value;
use super::route_mark::ROUTE_MARK;

impl Value<'_> {
    /// True for a Route or Record-Route value that the gate wrote for the call with this decision.
    pub fn carries_mark(&self, decision: &str) -> bool {
        // Nearly always it stands there as we wrote it, and need not be taken apart.
        if let Some(carries) = mark_as_written(self.bytes, decision) {
            return carries;
        }
        let address = self.address();
        let uri = address.and_then(|address| address.parsed_uri().ok());
        let mark = uri.and_then(|uri| uri.param(ROUTE_MARK).flatten().map(|mark| mark.starts_with(decision)));
        mark.unwrap_or(false)
    }
}

/// Whether a value in the form in which the gate writes its own, `<sip:host:port;lr;tg=...>`, has this mark; `None` if it has another
/// form. Up to the mark there is nothing but letters of addresses and parameters, so it is a parameter of the URI and of nothing else.
fn mark_as_written(value: &[u8], decision: &str) -> Option<bool> {
    let rest = value.strip_prefix(b"<sip:")?;
    let plain =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-' | b'[' | b']' | b';');
    let (address, mark) =
        rest.split_at_checked(rest.iter().position(|byte| !plain(byte) && *byte != b'=')?)?;
    if mark != b">" {
        return None;
    }
    let at = address.windows(MARK_BEFORE.len()).position(|part| part == MARK_BEFORE)?;
    let (before, mark) = (&address[..at], &address[at + MARK_BEFORE.len()..]);
    before.iter().all(plain).then(|| mark.starts_with(decision.as_bytes()))
}

/// What stands before our mark, since `lr` always does.
const MARK_BEFORE: &[u8] = b";lr;tg=";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_known_in_whatever_form_it_comes_back() {
        let decision = "0C7NKX2P0QGW4";
        for (value, known) in [
            ("<sip:10.0.0.1:5060;lr;tg=0C7NKX2P0QGW4ABC>", Some(true)),
            ("<sip:[2001:db8::1]:5060;transport=tcp;lr;tg=0C7NKX2P0QGW4>", None),
            ("<sip:10.0.0.1:5060;lr;tg=0C7NKX2P0QGW5ABC>", Some(false)),
            ("<sip:10.0.0.1;lr;tg=0C7NKX2P0QGW4>;tg=1", None),
            ("<sip:x@10.0.0.1;lr;tg=0C7NKX2P0QGW4>", None),
            ("<sip:10.0.0.1;lr;x=;lr;tg=0C7NKX2P0QGW4>", None),
            ("<sip:10.0.0.1;lr>;lr;tg=0C7NKX2P0QGW4>", None),
            ("\"<sip:a;lr;tg=0C7NKX2P0QGW4>\" <sip:b;lr>", None),
            ("sip:10.0.0.1;lr;tg=0C7NKX2P0QGW4", None),
        ] {
            assert_eq!(mark_as_written(value.as_bytes(), decision), known, "{value}");
        }
    }
}
