//! The one file that names `rsip`: its methods and requests, for the messages that our own phones originate
//! (`tollgate call`, the demo), and as an independent reader in tests. Never on the wire path.

use std::str::FromStr;

use bytes::Bytes;
use rsip::headers::{CSeq, CallId, ContentLength, ContentType, From, MaxForwards, Route, To, Via};
use rsip::prelude::UntypedHeader;

use super::method::Method;
use super::request::{HOPS, NewRequest};
use super::uri::Uri;

/// What the vocabulary has no word for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unspeakable {
    #[error("a method that no RFC on SIP defines")]
    Method,
    #[error("a URI that would be written with another meaning")]
    Uri,
}

impl TryFrom<Method> for rsip::Method {
    type Error = Unspeakable;

    fn try_from(method: Method) -> Result<rsip::Method, Unspeakable> {
        rsip::Method::from_str(method.as_str()).map_err(|_| Unspeakable::Method)
    }
}

impl std::convert::From<rsip::Method> for Method {
    fn from(method: rsip::Method) -> Method {
        Method::of(method.to_string().as_bytes())
    }
}

/// The bytes of a request that one of our own phones starts, by way of `rsip`.
///
/// # Errors
/// A method or a URI that `rsip` cannot say, or would mean differently.
pub fn originate(request: &NewRequest<'_>) -> Result<Bytes, Unspeakable> {
    let method = rsip::Method::try_from(Method::of(request.method.as_bytes()))?;
    let uri = read_uri(request.uri).ok_or(Unspeakable::Uri)?;
    let head = rsip::Request {
        method,
        uri,
        version: rsip::Version::V2,
        headers: headers(request).into(),
        // Its printing would replace bytes that are not UTF-8, so the body is added as it is.
        body: Vec::new(),
    };
    let mut out = head.to_string().into_bytes();
    out.extend_from_slice(request.body.map_or(&[], |(_, bytes)| bytes));
    Ok(out.into())
}

/// The URI, if `rsip` prints what it read so that it still means the same (§19.1.4).
fn read_uri(text: &str) -> Option<rsip::Uri> {
    let uri = rsip::Uri::try_from(text).ok()?;
    let printed = uri.to_string();
    let is_same = Uri::parse(text).ok()?.is_same_as(&Uri::parse(&printed).ok()?);
    is_same.then_some(uri)
}

fn headers(request: &NewRequest<'_>) -> Vec<rsip::Header> {
    let mut headers = vec![Via::new(clean(request.via)).into()];
    headers.extend(request.routes.iter().map(|route| Route::new(clean(route)).into()));
    headers.push(MaxForwards::new(HOPS.to_string()).into());
    headers.push(From::new(clean(request.from)).into());
    headers.push(To::new(clean(request.to)).into());
    headers.push(CallId::new(clean(request.call_id)).into());
    headers.push(CSeq::new(format!("{} {}", request.cseq, request.method)).into());
    let extra = request.extra.iter().map(|(name, value)| rsip::Header::Other(clean(name), clean(value)));
    headers.extend(extra);
    if let Some((content_type, _)) = request.body {
        headers.push(ContentType::new(clean(content_type)).into());
    }
    let length = request.body.map_or(0, |(_, bytes)| bytes.len());
    headers.push(ContentLength::new(length.to_string()).into());
    headers
}

/// As all text we write ourselves: no control character, so no line of its own.
fn clean(text: &str) -> String {
    text.replace(|letter: char| letter.is_ascii_control(), " ")
}

#[cfg(test)]
mod agreement;
