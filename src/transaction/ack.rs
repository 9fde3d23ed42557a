//! The ACK for a final response that refuses an INVITE: hop by hop, made here and not by the transaction user (RFC 3261 §17.1.1.3).

use std::io::Write;

use bytes::Bytes;

use crate::sip::{Framing, Message, Name};

/// From the INVITE its Request-URI, top Via, From, Call-ID, CSeq number and Route; from the response the To with its tag.
/// Empty if `invite` is not a message, which nothing but a fault of ours could cause.
pub(super) fn for_refusal(invite: &Bytes, response: &Message) -> Bytes {
    let Ok(invite) = Message::parse(invite.clone(), Framing::Stream) else { return Bytes::new() };
    let mut ack = Vec::with_capacity(512);
    line(&mut ack, format_args!("ACK {} SIP/2.0", invite.request_uri()));
    for via in invite.values(Name::Via).take(1) {
        line(&mut ack, format_args!("Via: {}", via.text()));
    }
    line(&mut ack, format_args!("Max-Forwards: 70"));
    for route in invite.headers(Name::Route) {
        line(&mut ack, format_args!("Route: {route}"));
    }
    for (name, value) in [
        ("From", invite.header(Name::From)),
        ("To", response.header(Name::To)),
        ("Call-ID", invite.header(Name::CallId)),
    ] {
        line(&mut ack, format_args!("{name}: {}", value.unwrap_or_default()));
    }
    line(&mut ack, format_args!("CSeq: {} ACK", invite.cseq()));
    line(&mut ack, format_args!("Content-Length: 0\r\n"));
    ack.into()
}

fn line(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    write!(out, "{text}\r\n").expect("a Vec takes every byte");
}
