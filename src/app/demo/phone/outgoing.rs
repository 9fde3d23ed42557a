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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::{Framing, Message, Name};

    #[test]
    fn what_leaves_reads_as_it_was_meant_in_the_vocabulary_or_without_it() {
        let via = "SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bK1;rport";
        for uri in ["sip:23125501@kettle.example", "sip:(030)23125-502@kettle.example", "urn:service:sos"] {
            let request = Outgoing {
                method: Method::Invite,
                uri: uri.to_owned(),
                routes: vec!["<sip:127.0.0.1:5060;lr>".to_owned()],
                from: "<sip:202@kettle.example>;tag=a".to_owned(),
                to: format!("<{uri}>"),
                call_id: "c".to_owned(),
                cseq: 2,
                extra: vec![("Contact", "<sip:202@127.0.0.1:5062>".to_owned())],
                body: Some("v=0\r\n".to_owned()),
            };
            let message = Message::parse(request.to_bytes(via), Framing::Datagram).expect("a right message");
            assert_eq!((message.request_uri(), message.method(), message.cseq()), (uri, Method::Invite, 2));
            assert_eq!((message.from_tag(), message.to_tag()), (Some(&b"a"[..]), None));
            assert_eq!((message.body(), message.count(Name::Route)), (&b"v=0\r\n"[..], 1));
            assert_eq!(message.header(Name::Contact).as_deref(), Some("<sip:202@127.0.0.1:5062>"));
        }
    }
}
