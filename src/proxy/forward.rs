//! Making the copy that leaves (RFC 3261 §16.6) and the response that returns (§16.7): byte ranges of what came, and a few edits.

use std::ops::Deref;

use bytes::Bytes;
use smallvec::SmallVec;

use super::Interface;
use crate::base::PhoneNumber;
use crate::sip::{Draft, Message, Name, Paper, ROUTE_MARK, Transport};
use crate::transaction::Branch;

/// Max-Forwards of a request that came without one (§16.6 item 3).
const MAX_FORWARDS: u8 = 70;

/// Headers that no request carries on: what the next hop is told of the way is the gate's (R13), credentials for the gate are
/// nobody else's, and claims end here.
const ENDING_HERE: [Name; 7] = [
    Name::Route,
    Name::ProxyAuthorization,
    Name::PAssertedIdentity,
    Name::PPreferredIdentity,
    Name::RemotePartyId,
    Name::Diversion,
    Name::HistoryInfo,
];

/// Headers by which others claim who calls or who forwarded; only what the gate asserts itself leaves it (R20, RFC 3325 §5).
const CLAIMS: [Name; 5] = [
    Name::PAssertedIdentity,
    Name::PPreferredIdentity,
    Name::RemotePartyId,
    Name::Diversion,
    Name::HistoryInfo,
];

/// How a request leaves.
pub struct Forwarding<'a> {
    /// Rebuilt from what was judged, never the caller's spelling (R11).
    pub request_uri: &'a str,
    pub via: &'a str,
    pub record_route: Option<&'a str>,
    /// The Route set from here on; whatever the request carried is gone (R13).
    pub routes: &'a [Box<str>],
    /// P-Asserted-Identity, towards a trunk.
    pub asserted: Option<&'a str>,
    /// Whether it is to be hidden (RFC 3325 §9.3): adds `Privacy: id`.
    pub privacy: bool,
    /// The From that replaces the one that came (R20).
    pub from: Option<&'a str>,
    /// The To likewise, towards somebody whose own From was replaced.
    pub to: Option<&'a str>,
    /// The number under which the receiver knows this request; the writer's own, unless the gate has counted there itself.
    pub cseq: u32,
    /// The RAck of a PRACK, if its INVITE is known under another number.
    pub rack: Option<&'a str>,
    /// Authorization or Proxy-Authorization of our own, for a receiver that has asked.
    pub proofs: &'a [(Name, String)],
}

/// The copy of `request` that leaves. Everything that is not named here leaves byte for byte as it came.
pub fn forward_request(request: &Message, forwarding: &Forwarding<'_>, paper: &mut Paper) -> Bytes {
    let mut draft = Draft::of(request);
    draft.request_uri(forwarding.request_uri);
    if let Some(source) = request.source() {
        draft.stamp_top_via(source);
    }
    draft.push_via(forwarding.via);
    draft.max_forwards(request.max_forwards().map_or(MAX_FORWARDS, |hops| hops.saturating_sub(1)));
    draft.drop_each(&ENDING_HERE);
    // Each push goes above the first of its kind, so the set is pushed from its end.
    for route in forwarding.routes.iter().rev() {
        draft.push(Name::Route, route);
    }
    if let Some(record_route) = forwarding.record_route {
        draft.push(Name::RecordRoute, record_route);
    }
    if let Some(asserted) = forwarding.asserted {
        draft.append(Name::PAssertedIdentity, asserted);
    }
    if forwarding.privacy {
        draft.append(Name::Privacy, "id");
    }
    if let Some(from) = forwarding.from {
        draft.set(Name::From, from);
    }
    if let Some(to) = forwarding.to {
        draft.set(Name::To, to);
    }
    if forwarding.cseq != request.cseq() {
        draft.set(Name::CSeq, &numbered(forwarding.cseq, request));
    }
    if let Some(rack) = forwarding.rack {
        draft.set(Name::RAck, rack);
    }
    for (name, _) in forwarding.proofs {
        draft.drop_all(*name);
    }
    for (name, value) in forwarding.proofs {
        draft.append(*name, value);
    }
    draft.ensure_content_length().print(paper)
}

/// The Record-Route value that we added to the request, in its answer.
#[derive(Clone, Copy)]
pub struct OwnRoute<'a> {
    /// What it is known by: its mark begins with it.
    pub decision: &'a str,
    /// What it becomes: the socket that faces the caller, and the caller's own mark.
    pub route: &'a str,
}

/// The value of a CSeq.
fn numbered(cseq: u32, message: &Message) -> String {
    format!("{cseq} {}", message.method_text())
}

/// How a response returns.
pub struct Returning<'a> {
    /// Our own Record-Route, as the caller is to have it (§16.7 item 8).
    pub own_route: Option<OwnRoute<'a>>,
    /// The From as the caller wrote it, if another one was sent on (R20).
    pub from: Option<&'a str>,
    /// The To likewise.
    pub to: Option<&'a str>,
    /// As the writer of the request has numbered it.
    pub cseq: u32,
}

/// The response without our Via (§16.7 item 3).
pub fn forward_response(response: &Message, returning: &Returning<'_>, paper: &mut Paper) -> Bytes {
    let mut draft = Draft::of(response);
    draft.drop_top_via();
    draft.drop_each(&CLAIMS);
    if let Some(own) = returning.own_route {
        for route in response.values(Name::RecordRoute).filter(|route| route.carries_mark(own.decision)) {
            draft.replace_value(route.position, own.route);
        }
    }
    if let Some(from) = returning.from {
        draft.set(Name::From, from);
    }
    if let Some(to) = returning.to {
        draft.set(Name::To, to);
    }
    if returning.cseq != response.cseq() {
        draft.set(Name::CSeq, &numbered(returning.cseq, response));
    }
    draft.ensure_content_length().print(paper)
}

/// A header value of our own, written without an allocation unless it is very long.
pub struct OwnValue(SmallVec<[u8; OWN_VALUE_BYTES]>);

/// Our Via with an IPv6 address takes 110 bytes, our Record-Route with the longest mark 190.
const OWN_VALUE_BYTES: usize = 192;

impl OwnValue {
    fn of(parts: &[&str]) -> OwnValue {
        let mut text = SmallVec::new();
        parts.iter().for_each(|part| text.extend_from_slice(part.as_bytes()));
        OwnValue(text)
    }
}

impl Deref for OwnValue {
    type Target = str;

    fn deref(&self) -> &str {
        // It was put together from text.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Our Via value on one socket (§16.6 item 8); `rport` is for those who answer through NAT (RFC 3581 §3), `alias` says that requests to
/// us may come over the same TLS connection (RFC 5923 §6).
pub fn via(interface: &Interface, branch: &Branch) -> OwnValue {
    let transport = interface.transport.as_str();
    let alias = if interface.transport == Transport::Tls { ";alias" } else { "" };
    let branch = branch.as_str();
    OwnValue::of(&["SIP/2.0/", transport, " ", &interface.sent_by, ";branch=", branch, ";rport", alias])
}

/// Our P-Asserted-Identity value (RFC 3325 §9.1).
pub fn asserted(number: PhoneNumber, realm: &str) -> OwnValue {
    OwnValue::of(&["<sip:", number.digits().with_plus(), "@", realm, ">"])
}

/// Our Record-Route value on one socket (§16.6 item 4): loose, and marked so that it is known again. `sips`: the call is to stay on
/// TLS, so what we add to its route says so too.
pub fn record_route(interface: &Interface, sips: bool, mark: &str) -> OwnValue {
    let (scheme, transport) = match sips && interface.transport == Transport::Tls {
        true => ("<sips:", ""),
        false => ("<sip:", interface.transport.uri_param()),
    };
    OwnValue::of(&[scheme, &interface.sent_by, transport, ";lr;", ROUTE_MARK, "=", mark, ">"])
}
