//! Calls to sips: addresses: TLS on each hop, or not at all (RFC 3261 §26.2.2, RFC 5630).

use std::borrow::Cow;

use super::call::Call;
use crate::proxy::Target;
use crate::sip::{Message, Transport};

const SIPS: &str = "sips:";

/// A request whose URI has the scheme of §19.1 that asks for TLS.
pub(super) fn is_sips(request: &Message) -> bool {
    let scheme = request.request_uri().get(..SIPS.len());
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(SIPS))
}

/// Whether a target may have the call. Whoever calls a sips: address does not get less than TLS (RFC 3261 §26.2.2), and a phone
/// that registered a sip: address has not asked for it (RFC 5630 §5.3). Help comes any way there is (R41).
pub(super) fn carries(target: &Target, call: &Call) -> bool {
    let is_sips = || target.trunk.is_some() || target.request_uri.starts_with(SIPS);
    let may_do_without = !call.sips || call.permit.emergency();
    may_do_without || (target.flow.transport == Transport::Tls && is_sips())
}

/// The Request-URI of a target in the scheme of the call: that of the caller's goes on, whatever the phone has registered
/// (RFC 5630 §5.3).
pub(super) fn in_scheme<'t>(target: &'t Target, call: &Call) -> Cow<'t, str> {
    let sips = call.sips && target.flow.transport == Transport::Tls;
    let uri = &*target.request_uri;
    match (sips, uri.split_once(':')) {
        (true, Some(("sip", rest))) => Cow::Owned(format!("{SIPS}{}", rest.replace(";transport=tls", ""))),
        (false, Some(("sips", rest))) => Cow::Owned(format!("sip:{rest}")),
        (true | false, Some(_) | None) => Cow::Borrowed(uri),
    }
}
