//! Responses made here (RFC 3261 §8.2.6): what must be copied from the request is copied byte for byte.

use bytes::Bytes;

use super::compose::{self, Text};
use super::malformed::Answer;
use super::message::Message;
use super::name::Name;
use super::paper::Paper;
use super::status::reason_phrase;

/// A response of our own to a well-formed request.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'r> {
    pub request: &'r Message,
    pub status: u16,
    pub reason: &'r str,
    /// Added to the To if the request has no tag there; empty for none, as in a 100 (§8.2.6.2).
    pub to_tag: &'r str,
    pub extra: &'r [(&'r str, &'r str)],
    /// Copy the Record-Route lines, as a response that makes a dialog must (§12.1.1).
    pub record_route: bool,
    /// Content type and bytes.
    pub body: Option<(&'r str, &'r [u8])>,
}

/// A response without a body. `extra` are whole headers; an empty `reason` is the one of the RFC.
pub fn reply(request: &Message, status: u16, reason: &str, to_tag: &str, extra: &[(&str, &str)]) -> Bytes {
    Reply { request, status, reason, to_tag, extra, record_route: false, body: None }.to_bytes()
}

/// The refusal of a request that could not be read.
pub fn reply_to_malformed(answer: &Answer, to_tag: &str) -> Bytes {
    let lines = &answer.lines;
    let mut out = Text::new();
    status_line(&mut out, answer.status, &answer.reason.to_string());
    let copied = lines.vias.iter().chain(&lines.from).chain(&lines.call_id).chain([&lines.cseq]);
    for line in copied {
        copy_line(&mut out, line);
    }
    if let Some(to) = &lines.to {
        out.extend_from_slice(to);
        if !to_tag.is_empty() && !to.to_ascii_lowercase().windows(4).any(|four| four == b"tag=") {
            compose::print(&mut out, format_args!(";tag={to_tag}"));
        }
        out.extend_from_slice(b"\r\n");
    }
    compose::body(&mut out, None);
    compose::finished(&out)
}

impl Reply<'_> {
    /// The response, in an allocation of its own size.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = Text::new();
        self.write_to(&mut out);
        compose::finished(&out)
    }

    /// The response, as one of many.
    pub fn print(&self, paper: &mut Paper) -> Bytes {
        let mut out = Text::new();
        self.write_to(&mut out);
        paper.print(out.len(), |sheet| sheet.extend_from_slice(&out))
    }

    fn write_to(&self, out: &mut Text) {
        let reason = if self.reason.is_empty() { reason_phrase(self.status) } else { self.reason };
        status_line(out, self.status, reason);
        self.write_vias(out);
        self.copy(out, Name::From);
        self.write_to_line(out);
        self.copy(out, Name::CallId);
        self.copy(out, Name::CSeq);
        if self.record_route {
            self.copy(out, Name::RecordRoute);
        }
        // §8.2.6.1: the sender measures the round trip with it.
        if self.status == 100 {
            self.copy(out, Name::Timestamp);
        }
        for (name, value) in self.extra {
            compose::header(out, name, value);
        }
        compose::body(out, self.body);
    }

    /// All Vias, with the source noted in the topmost one.
    fn write_vias(&self, out: &mut Text) {
        let bytes: &[u8] = self.request.bytes();
        let top = self.request.top_via_span();
        for field in self.request.fields(Name::Via) {
            match self.request.source() {
                Some(source) if field.line().covers(top) => {
                    out.extend_from_slice(&bytes[usize::from(field.label.start)..usize::from(top.start)]);
                    self.request.top_via().write_stamped(source, out);
                    out.extend_from_slice(&bytes[usize::from(top.end)..usize::from(field.end)]);
                }
                _ => out.extend_from_slice(field.line().of(bytes)),
            }
        }
    }

    fn write_to_line(&self, out: &mut Text) {
        let bytes: &[u8] = self.request.bytes();
        for field in self.request.fields(Name::To) {
            out.extend_from_slice(&bytes[usize::from(field.label.start)..usize::from(field.value.end)]);
            if self.request.to_tag().is_none() && !self.to_tag.is_empty() {
                out.extend_from_slice(b";tag=");
                compose::put(out, self.to_tag);
            }
            out.extend_from_slice(b"\r\n");
        }
    }

    fn copy(&self, out: &mut Text, name: Name) {
        for field in self.request.fields(name) {
            out.extend_from_slice(field.line().of(self.request.bytes()));
        }
    }
}

fn status_line(out: &mut Text, status: u16, reason: &str) {
    out.extend_from_slice(b"SIP/2.0 ");
    compose::put_number(out, usize::from(status));
    out.push(b' ');
    compose::put(out, reason);
    out.extend_from_slice(b"\r\n");
}

fn copy_line(out: &mut Text, line: &[u8]) {
    out.extend_from_slice(line);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::Framing;

    const REQUEST: &str = "INVITE sip:bob@h SIP/2.0\r\nv: SIP/2.0/UDP pc33.example ;rport;branch=z9hG4bK1 , SIP/2.0/TCP two\r\n\
        Via: SIP/2.0/UDP three\r\nRecord-Route: <sip:r;lr>\r\nFROM: <sip:a@h>;tag=1\r\nt : sip:bob@h \r\nCall-ID: x\r\n\
        CSeq: 7 INVITE\r\nTimestamp: 54\r\n\r\n";

    fn request() -> Message {
        let message = Message::parse(Bytes::from_static(REQUEST.as_bytes()), Framing::Datagram).unwrap();
        message.arrived_from(([192, 0, 2, 1], 9999).into())
    }

    fn text(bytes: Bytes) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn r50_a_refusal_says_why() {
        let extra = [
            ("Reason", "SIP;cause=403;text=\"Daily limit reached\""),
            ("X-Tollgate-Decision", "0C7NKX2P0QGW4"),
        ];
        let expected = "SIP/2.0 403 Daily limit reached\r\n\
            v: SIP/2.0/UDP pc33.example;rport=9999;branch=z9hG4bK1;received=192.0.2.1 , SIP/2.0/TCP two\r\n\
            Via: SIP/2.0/UDP three\r\nFROM: <sip:a@h>;tag=1\r\nt : sip:bob@h;tag=gate\r\nCall-ID: x\r\nCSeq: 7 INVITE\r\n\
            Reason: SIP;cause=403;text=\"Daily limit reached\"\r\nX-Tollgate-Decision: 0C7NKX2P0QGW4\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(text(reply(&request(), 403, "Daily limit reached", "gate", &extra)), expected);
    }

    #[test]
    fn rfc_3261_section_8_2_6_a_100_has_the_timestamp_and_no_tag() {
        let text = text(reply(&request(), 100, "", "", &[]));
        assert!(text.starts_with("SIP/2.0 100 Trying\r\n") && text.contains("Timestamp: 54\r\n"));
        assert!(text.contains("t : sip:bob@h\r\n") && !text.contains("Record-Route"));
    }

    #[test]
    fn an_answer_of_our_own_phone_has_route_and_body() {
        let request = request();
        let body = Some(("application/sdp", &b"v=0\r\n"[..]));
        let answer = Reply {
            request: &request,
            status: 200,
            reason: "",
            to_tag: "t",
            extra: &[],
            record_route: true,
            body,
        };
        let answer = Message::parse(answer.to_bytes(), Framing::Stream).unwrap();
        assert_eq!((answer.record_routes().count(), answer.body()), (1, &b"v=0\r\n"[..]));
        assert_eq!((answer.reason().as_ref(), answer.to_tag()), ("OK", Some(&b"t"[..])));
    }

    #[test]
    fn a_reason_cannot_become_a_header() {
        assert!(
            text(reply(&request(), 403, "No\r\nContact: <sip:evil>", "t", &[]))
                .starts_with("SIP/2.0 403 No  Contact")
        );
    }
}
