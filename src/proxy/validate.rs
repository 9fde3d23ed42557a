//! Request validation before any judgement (RFC 3261 §16.3), and the Request-URI forms that a gate does not take (R13).

use std::hash::{BuildHasher, Hash, Hasher};

use ahash::RandomState;

use crate::sip::{Message, Method, Name, Scheme, Uri};
use crate::transaction::Branch;

use super::Interfaces;

/// Why a request is turned away by the proxy core itself: always the sender's fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// §16.3 item 2.
    UnsupportedScheme,
    /// §16.3 item 1: the URI cannot be read.
    MalformedUri,
    /// §16.3 item 3.
    TooManyHops,
    /// §16.3 item 4.
    Loop,
    /// §16.3 item 5: the option tags that we do not know, as they go into Unsupported.
    UnknownExtension(String),
}

impl Rejection {
    pub fn status(&self) -> u16 {
        match self {
            Rejection::UnsupportedScheme => 416,
            Rejection::MalformedUri => 400,
            Rejection::TooManyHops => 483,
            Rejection::Loop => 482,
            Rejection::UnknownExtension(_) => 420,
        }
    }

    pub fn phrase(&self) -> &'static str {
        match self {
            Rejection::UnsupportedScheme => "Unsupported URI Scheme",
            Rejection::MalformedUri => "Malformed Request-URI",
            Rejection::TooManyHops => "Too Many Hops",
            Rejection::Loop => "Loop Detected",
            Rejection::UnknownExtension(_) => "Bad Extension",
        }
    }

    /// All codes, for metric labels.
    pub const CODES: [&'static str; 5] =
        ["unsupported_scheme", "malformed_uri", "too_many_hops", "loop", "unknown_extension"];

    /// The stable code under which it is counted.
    pub fn code(&self) -> &'static str {
        match self {
            Rejection::UnsupportedScheme => "unsupported_scheme",
            Rejection::MalformedUri => "malformed_uri",
            Rejection::TooManyHops => "too_many_hops",
            Rejection::Loop => "loop",
            Rejection::UnknownExtension(_) => "unknown_extension",
        }
    }
}

/// Option tags of Proxy-Require that this proxy understands (§16.3 item 5).
const EXTENSIONS: [&str; 2] = ["path", "outbound"];

/// Checks a request that this gate has not seen before. `loop_mark` is what our branch would say of it (§16.6 item 8).
///
/// # Errors
/// The first rule broken, in the order of §16.3.
pub fn validate<'m>(request: &'m Message, ours: &Interfaces, loop_mark: u64) -> Result<Uri<'m>, Rejection> {
    let uri = readable_uri(request)?;
    // An OPTIONS at its last hop asks about the hop it has reached (§11), so it is answered rather than refused.
    let asks_about_us = request.method() == Method::Options && ours.is_ours(uri.host, uri.port);
    if request.max_forwards() == Some(0) && !asks_about_us {
        return Err(Rejection::TooManyHops);
    }
    if has_looped(request, ours, loop_mark) {
        return Err(Rejection::Loop);
    }
    match unknown_extensions(request) {
        unknown if unknown.is_empty() => Ok(uri),
        unknown => Err(Rejection::UnknownExtension(unknown)),
    }
}

fn readable_uri(request: &Message) -> Result<Uri<'_>, Rejection> {
    let uri = Uri::parse(request.request_uri()).map_err(|_| Rejection::MalformedUri)?;
    match uri.scheme {
        Scheme::Sip | Scheme::Sips | Scheme::Tel | Scheme::Urn => Ok(uri),
        Scheme::Other => Err(Rejection::UnsupportedScheme),
    }
}

/// True for a URI whose parts would send the request elsewhere than where it was judged, or make it another one: `?headers`
/// and `method=`, which never stand in a Request-URI, and `maddr` (§19.1.1, §19.1.5, R13).
pub fn is_suspect(uri: &Uri<'_>) -> bool {
    uri.headers.is_some() || uri.param("method").is_some() || uri.param("maddr").is_some()
}

/// What decides where a request goes, as one number under a key of this process; the same again means a loop (§16.6 item 8).
pub fn loop_mark(keys: &RandomState, request: &Message) -> u64 {
    let mut hasher = keys.build_hasher();
    request.request_uri().hash(&mut hasher);
    request.call_id().hash(&mut hasher);
    request.from_tag().hash(&mut hasher);
    request.cseq().hash(&mut hasher);
    // Inside a call that comes back through us, only the Route differs the second time.
    request.values(Name::Route).for_each(|route| route.bytes.hash(&mut hasher));
    hasher.finish()
}

/// A loop has our Via with the very mark that we would write again; a spiral has another mark and may pass (§16.3 item 4).
fn has_looped(request: &Message, ours: &Interfaces, loop_mark: u64) -> bool {
    request.vias().any(|via| {
        let mark = via.branch().and_then(Branch::loop_mark_of);
        mark == Some(loop_mark) && ours.is_ours(via.host(), via.port())
    })
}

fn unknown_extensions(request: &Message) -> String {
    let tags = request.values(Name::ProxyRequire).map(|value| value.text());
    let unknown = tags.filter(|tag| !EXTENSIONS.iter().any(|known| known.eq_ignore_ascii_case(tag)));
    unknown.collect::<Vec<_>>().join(", ")
}
