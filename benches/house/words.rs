//! The messages of the house: what a PBX and a carrier write, as long as such messages are.

use std::net::SocketAddr;

use bytes::Bytes;
use tollgate::sip::digest::{Asked, Challenge, Secret};
use tollgate::sip::{Framing, Message, Name};

use super::company::{PASSWORD, PEOPLE, REALM};

/// A number that everyone may call, and one that is nobody's contact.
pub const CONTACT: &str = "+493012345678";
pub const STRANGER: &str = "+493087654321";

const SDP: &str = "v=0\r\no=pbx 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0 8 101\r\n\
                   a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n";

pub fn invite(call: u64, number: &str) -> Bytes {
    let person = call % PEOPLE;
    let text = format!(
        "INVITE sip:{number}@10.9.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bK{call:016x}\r\n\
         Max-Forwards: 70\r\nFrom: \"Person {person}\" <sip:p{person}@10.9.0.1>;tag=caller{call}\r\nTo: <sip:{number}@10.9.0.1>\r\n\
         Call-ID: {call:016x}@10.0.0.1\r\nCSeq: 1 INVITE\r\nContact: <sip:p{person}@10.0.0.1:5060>\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nSupported: timer, 100rel\r\nUser-Agent: pbx\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
        SDP.len()
    );
    text.into()
}

pub fn in_dialog(call: u64, method: &str, cseq: u32) -> Bytes {
    let person = call % PEOPLE;
    let text = format!(
        "{method} sip:callee@10.1.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bK{call:016x}{cseq}{method}\r\n\
         Max-Forwards: 70\r\nRoute: <sip:10.9.0.1:5060;lr>\r\nFrom: \"Person {person}\" <sip:p{person}@10.9.0.1>;tag=caller{call}\r\n\
         To: <sip:{CONTACT}@10.9.0.1>;tag=callee\r\nCall-ID: {call:016x}@10.0.0.1\r\nCSeq: {cseq} {method}\r\n\
         Content-Length: 0\r\n\r\n"
    );
    text.into()
}

/// A REGISTER for an hour; the second one answers the challenge of the first.
pub fn register(person: u64, address: SocketAddr, challenge: Option<&Bytes>) -> Bytes {
    let uri = format!("sip:{REALM}");
    let user = format!("p{person}");
    let proof = challenge.map(|refusal| {
        let refusal = Message::parse(refusal.clone(), Framing::Datagram).expect("a sound challenge");
        let asked = Asked { method: "REGISTER", uri: &uri, body: b"" };
        let challenge = Challenge::parse(&refusal.header(Name::WwwAuthenticate).expect("a challenge"))
            .expect("one we can answer")
            .into_owned();
        challenge.answer(&user, Secret::Password(PASSWORD), asked, "0a4f113b", 1).expect("a proof")
    });
    let cseq = if proof.is_some() { 2 } else { 1 };
    let authorization = proof.map_or(String::new(), |proof| format!("Authorization: {proof}\r\n"));
    let text = format!(
        "REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {address};rport;branch=z9hG4bKr{person:x}{cseq}\r\nMax-Forwards: 70\r\n\
         From: <sip:{user}@{REALM}>;tag=phone{person}\r\nTo: <sip:{user}@{REALM}>\r\nCall-ID: r{person:x}@{address}\r\n\
         CSeq: {cseq} REGISTER\r\nContact: <sip:{user}@{address}>;expires=3600\r\nUser-Agent: phone\r\n{authorization}\
         Content-Length: 0\r\n\r\n"
    );
    text.into()
}

/// The carrier's response to what came through to it.
pub fn answer(request: &[u8], status: &str) -> Bytes {
    let request = std::str::from_utf8(request).expect("the messages here are text");
    let mut text = format!("SIP/2.0 {status}\r\n");
    for line in request.lines().take_while(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap_or_default();
        match name {
            "Via" | "From" | "Call-ID" | "CSeq" | "Record-Route" => text.extend([line, "\r\n"]),
            "To" if line.contains(";tag=") => text.extend([line, "\r\n"]),
            "To" => text.extend([line, ";tag=callee\r\n"]),
            _ => {}
        }
    }
    text.push_str("Contact: <sip:callee@10.1.0.1:5060>\r\nServer: carrier\r\nContent-Length: 0\r\n\r\n");
    text.into()
}
