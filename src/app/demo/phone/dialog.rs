//! One end's memory of a call (RFC 3261 §12): the tags, the target, the route set, the count of its own requests.

use std::net::SocketAddr;

use super::outgoing::Outgoing;
use crate::sip::{Message, Method, Name, Transport, Uri};

/// A dialog as the user agent at one of its ends keeps it.
#[derive(Debug)]
pub struct Dialog {
    call_id: String,
    /// From of our own requests, with our tag.
    local: String,
    remote: String,
    target: String,
    routes: Vec<String>,
    cseq: u32,
    /// How the dialog began; requests without a route go the same way.
    transport: Transport,
    fallback: SocketAddr,
}

impl Dialog {
    /// Seen by the caller: `invite` as it was sent, and the 2xx (§12.1.2). `hop` is where the INVITE went.
    pub fn of_caller(invite: &Outgoing, answer: &Message, transport: Transport, hop: SocketAddr) -> Dialog {
        let mut routes = routes(answer);
        routes.reverse();
        Dialog {
            call_id: invite.call_id.clone(),
            local: invite.from.clone(),
            remote: header(answer, Name::To),
            target: contact(answer).unwrap_or_else(|| invite.uri.clone()),
            routes,
            cseq: invite.cseq,
            transport,
            fallback: hop,
        }
    }

    /// Seen by the callee: the INVITE that came, and the tag of our answer (§12.1.1).
    pub fn of_callee(invite: &Message, tag: &str, fallback: SocketAddr) -> Dialog {
        let transport = Transport::of(invite.top_via().transport()).unwrap_or(Transport::Udp);
        Dialog {
            call_id: String::from_utf8_lossy(invite.call_id()).into_owned(),
            local: format!("{};tag={tag}", header(invite, Name::To)),
            remote: header(invite, Name::From),
            target: contact(invite).unwrap_or_default(),
            routes: routes(invite),
            cseq: 0,
            transport,
            fallback,
        }
    }

    /// The next request inside the dialog (§12.2.1.1).
    pub fn request(&mut self, method: Method) -> Outgoing {
        self.cseq += 1;
        self.with_count(method)
    }

    /// The ACK of the 2xx to our latest INVITE carries that one's number (§13.2.2.4).
    pub fn ack(&self) -> Outgoing {
        self.with_count(Method::Ack)
    }

    /// Where requests inside the dialog go: the first route, else the target (§12.2.1.1, loose routing).
    pub fn hop(&self) -> (SocketAddr, Transport) {
        let uri = match self.routes.first() {
            Some(route) => {
                route.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(uri, _)| uri)
            }
            None => Some(self.target.as_str()),
        };
        let uri = uri.and_then(|uri| Uri::parse(uri).ok());
        let address = uri.as_ref().and_then(|uri| Some((uri.address()?, uri)));
        match address {
            Some((ip, uri)) => {
                let named = uri.param("transport").flatten().and_then(Transport::of);
                let transport = named.unwrap_or(Transport::Udp);
                (SocketAddr::new(ip, uri.port.unwrap_or(transport.default_port())), transport)
            }
            None => (self.fallback, self.transport),
        }
    }

    fn with_count(&self, method: Method) -> Outgoing {
        Outgoing {
            method,
            uri: self.target.clone(),
            routes: self.routes.clone(),
            from: self.local.clone(),
            to: self.remote.clone(),
            call_id: self.call_id.clone(),
            cseq: self.cseq,
            extra: Vec::new(),
            body: None,
        }
    }
}

fn header(message: &Message, name: Name) -> String {
    message.header(name).unwrap_or_default().into_owned()
}

fn contact(message: &Message) -> Option<String> {
    Some(message.contacts().next()?.ok()?.uri.to_owned())
}

fn routes(message: &Message) -> Vec<String> {
    message.values(Name::RecordRoute).map(|value| value.text().into_owned()).collect()
}
