//! A request of our own before it has a Via: made of whole header values, spoken through the SIP vocabulary.

use bytes::Bytes;

use crate::sip::{Method, NewRequest, originate};

const BODY_TYPE: &str = "application/sdp";

/// What a phone wants to say.
#[derive(Clone, Debug)]
pub struct Outgoing {
    pub method: Method,
    pub uri: String,
    pub routes: Vec<String>,
    pub from: String,
    pub to: String,
    pub call_id: String,
    pub cseq: u32,
    pub extra: Vec<(&'static str, String)>,
    /// A session description.
    pub body: Option<String>,
}

impl Outgoing {
    /// The bytes that leave. A Request-URI for which the vocabulary has no words (`urn:service:sos`) is written as it is.
    pub fn to_bytes(&self, via: &str) -> Bytes {
        let routes: Vec<&str> = self.routes.iter().map(String::as_str).collect();
        let extra: Vec<(&str, &str)> =
            self.extra.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let request = NewRequest {
            method: self.method.as_str(),
            uri: &self.uri,
            via,
            routes: &routes,
            from: &self.from,
            to: &self.to,
            call_id: &self.call_id,
            cseq: self.cseq,
            extra: &extra,
            body: self.body.as_deref().map(|body| (BODY_TYPE, body.as_bytes())),
        };
        originate(&request).unwrap_or_else(|_| request.to_bytes())
    }
}
