//! Requests made here: whole new ones for a dialog of our own, CANCEL (RFC 3261 §9.1), and the ACK of a refusal (§17.1.1.3).

use bytes::Bytes;

use super::compose::{self, Text};
use super::message::Message;
use super::method::Method;
use super::name::Name;

/// Max-Forwards of a request that starts here (§8.1.1.6).
pub(super) const HOPS: u8 = 70;

/// A request put together from its parts. Values are whole header values; control characters in them become spaces.
#[derive(Clone, Copy, Debug)]
pub struct NewRequest<'r> {
    pub method: &'r str,
    pub uri: &'r str,
    pub via: &'r str,
    /// Route values in order.
    pub routes: &'r [&'r str],
    pub from: &'r str,
    pub to: &'r str,
    pub call_id: &'r str,
    pub cseq: u32,
    pub extra: &'r [(&'r str, &'r str)],
    /// Content type and bytes.
    pub body: Option<(&'r str, &'r [u8])>,
}

impl NewRequest<'_> {
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Text::new();
        self.write_to(&mut out);
        compose::finished(&out)
    }

    fn write_to(&self, out: &mut Text) {
        compose::put(out, self.method);
        out.push(b' ');
        compose::put(out, self.uri);
        out.extend_from_slice(b" SIP/2.0\r\n");
        compose::header(out, "Via", self.via);
        for route in self.routes {
            compose::header(out, "Route", route);
        }
        compose::print(out, format_args!("Max-Forwards: {HOPS}\r\n"));
        compose::header(out, "From", self.from);
        compose::header(out, "To", self.to);
        compose::header(out, "Call-ID", self.call_id);
        compose::print(out, format_args!("CSeq: {} ", self.cseq));
        compose::put(out, self.method);
        out.extend_from_slice(b"\r\n");
        for (name, value) in self.extra {
            compose::header(out, name, value);
        }
        compose::body(out, self.body);
    }
}

/// The CANCEL of a request as it was sent: same Request-URI, Call-ID, To, From, CSeq number, one Via, same Route (§9.1).
/// `extra` is for a Reason (RFC 3326).
pub fn cancel(invite: &Message, extra: &[(&str, &str)]) -> Bytes {
    hop_by_hop(Method::Cancel, invite, invite, extra)
}

/// The ACK of a final answer that is no 2xx: as the INVITE was sent, with the To of the answer (§17.1.1.3).
pub fn ack_of_refusal(invite: &Message, refusal: &Message) -> Bytes {
    hop_by_hop(Method::Ack, invite, refusal, &[])
}

fn hop_by_hop(method: Method, sent: &Message, to_from: &Message, extra: &[(&str, &str)]) -> Bytes {
    let mut out = Text::new();
    compose::print(&mut out, format_args!("{method} {} SIP/2.0\r\nVia: ", sent.request_uri()));
    out.extend_from_slice(sent.top_via_span().of(sent.bytes()));
    out.extend_from_slice(b"\r\n");
    copy(&mut out, sent, Name::Route);
    compose::print(&mut out, format_args!("Max-Forwards: {HOPS}\r\n"));
    copy(&mut out, sent, Name::From);
    copy(&mut out, to_from, Name::To);
    copy(&mut out, sent, Name::CallId);
    compose::print(&mut out, format_args!("CSeq: {} {method}\r\n", sent.cseq()));
    for (name, value) in extra {
        compose::header(&mut out, name, value);
    }
    compose::body(&mut out, None);
    compose::finished(&out)
}

fn copy(out: &mut Text, message: &Message, name: Name) {
    for field in message.fields(name) {
        out.extend_from_slice(field.line().of(message.bytes()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::Framing;

    fn message(text: &str) -> Message {
        Message::parse(Bytes::from(text.replace('\n', "\r\n")), Framing::Datagram).unwrap()
    }

    fn invite() -> Message {
        message(
            "INVITE sip:bob@trunk SIP/2.0\nVia: SIP/2.0/UDP gate;branch=z9hG4bKgate\nVia: SIP/2.0/UDP phone;branch=z9hG4bK1\n\
             Route: <sip:r1;lr>,<sip:r2;lr>\nFrom: <sip:a@h>;tag=1\nTo: <sip:bob@h>\nCall-ID: x\nCSeq: 7 INVITE\n\
             Contact: <sip:a@phone>\nContent-Length: 2\n\nv=",
        )
    }

    #[test]
    fn rfc_3261_section_9_1_a_cancel_is_built_from_the_invite() {
        let expected = "CANCEL sip:bob@trunk SIP/2.0\nVia: SIP/2.0/UDP gate;branch=z9hG4bKgate\nRoute: <sip:r1;lr>,<sip:r2;lr>\n\
             Max-Forwards: 70\nFrom: <sip:a@h>;tag=1\nTo: <sip:bob@h>\nCall-ID: x\nCSeq: 7 CANCEL\n\
             Reason: SIP;cause=200\nContent-Length: 0\n\n";
        assert_eq!(
            cancel(&invite(), &[("Reason", "SIP;cause=200")]),
            expected.replace('\n', "\r\n").as_bytes()
        );
    }

    #[test]
    fn rfc_3261_section_17_1_1_3_the_ack_has_the_to_of_the_refusal() {
        let refusal = message(
            "SIP/2.0 486 Busy\nVia: SIP/2.0/UDP gate;branch=z9hG4bKgate\nFrom: <sip:a@h>;tag=1\nTo: <sip:bob@h>;tag=busy\n\
             Call-ID: x\nCSeq: 7 INVITE\n\n",
        );
        let ack = Message::parse(ack_of_refusal(&invite(), &refusal), Framing::Stream).unwrap();
        assert_eq!((ack.method(), ack.cseq(), ack.request_uri()), (Method::Ack, 7, "sip:bob@trunk"));
        assert_eq!((ack.branch(), ack.to_tag()), (Some("z9hG4bKgate"), Some(&b"busy"[..])));
        assert_eq!((ack.vias().count(), ack.routes().count(), ack.body().len()), (1, 2, 0));
    }
}
