//! Anybody who sends to the gate over UDP and hears what it answers: an honest phone, or one that is not.

use std::cell::Cell;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use bytes::Bytes;
use tollgate::sip::digest::{Asked, Challenge, Secret};
use tollgate::sip::{Framing, Message, Method, Name, ack_of_refusal};

use super::town::{PATIENCE, text};

pub struct Caller {
    socket: UdpSocket,
    gate: SocketAddr,
    number: u32,
    sent: Cell<u32>,
}

impl Caller {
    pub fn at(address: SocketAddr, gate: SocketAddr, number: u32) -> Caller {
        let socket = UdpSocket::bind(address).expect("an address of its own");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
        Caller { socket, gate, number, sent: Cell::new(0) }
    }

    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("a bound socket")
    }

    pub fn send(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.gate).expect("loopback takes it");
    }

    pub fn set_patience(&self, patience: Duration) {
        self.socket.set_read_timeout(Some(patience)).expect("a socket");
    }

    /// The next datagram as it is, or nothing within the patience.
    pub fn hear(&self) -> Option<Bytes> {
        let mut buffer = vec![0; 65_536];
        let length = self.socket.recv(&mut buffer).ok()?;
        buffer.truncate(length);
        Some(buffer.into())
    }

    /// A word that nobody has used before.
    pub fn fresh(&self, kind: &str) -> String {
        self.sent.set(self.sent.get() + 1);
        format!("{kind}-{}-{}", self.number, self.sent.get())
    }

    /// Sends, and returns all that came back before the answer to an OPTIONS sent right behind it: what is not among it is
    /// silence, without waiting for it. Refused INVITEs are acknowledged.
    pub fn exchange(&self, bytes: &[u8]) -> Vec<Message> {
        self.send(bytes);
        let fence = Request::new(self, "OPTIONS", &format!("sip:{}", self.gate), "fence");
        self.send(&fence.bytes());
        let mut heard = Vec::new();
        loop {
            let message = self.expect();
            if message.call_id() == fence.call_id.as_bytes() {
                return heard;
            }
            self.acknowledge(bytes, &message);
            heard.push(message);
        }
    }

    /// The next message, which must come.
    pub fn expect(&self) -> Message {
        let mut buffer = vec![0; 65_536];
        let (length, source) = self.socket.recv_from(&mut buffer).expect("nothing comes");
        buffer.truncate(length);
        read(buffer.into()).arrived_from(source)
    }

    /// The next final response.
    pub fn expect_final(&self) -> Message {
        loop {
            let message = self.expect();
            if message.status() >= 200 {
                return message;
            }
        }
    }

    /// Sends a request and answers the challenge that must come as this user would; returns what came after that.
    pub fn prove(&self, request: &mut Request, user: &str, password: &str) -> Vec<Message> {
        let challenged = only(self.exchange(&request.bytes()));
        assert!(matches!(challenged.status(), 401 | 407), "no challenge: {}", text(challenged.bytes()));
        request.again(self);
        request.sign(&challenged, user, password, 1);
        self.exchange(&request.bytes())
    }

    pub fn acknowledge(&self, invite: &[u8], answer: &Message) {
        if answer.status() < 300 || answer.method() != Method::Invite {
            return;
        }
        if let Ok(invite) = Message::parse(Bytes::copy_from_slice(invite), Framing::Datagram) {
            self.send(&ack_of_refusal(&invite, answer));
        }
    }
}

/// Reads what the gate sent. Its refusal of a broken request repeats the broken lines (RFC 3261 §8.2.6.2): of such a one there is
/// only the status.
pub fn read(bytes: Bytes) -> Message {
    if let Ok(message) = Message::parse(bytes.clone(), Framing::Datagram) {
        return message;
    }
    let text = text(&bytes);
    let (line, _) = text.split_once("\r\n").expect("a status line");
    assert!(line.starts_with("SIP/2.0 4") || line.starts_with("SIP/2.0 5"), "unreadable: {text}");
    let status = format!(
        "{line}\r\nVia: SIP/2.0/UDP unreadable\r\nFrom: <sip:unreadable>;tag=1\r\nTo: <sip:unreadable>\r\n\
         Call-ID: unreadable\r\nCSeq: 1 OPTIONS\r\n\r\n"
    );
    Message::parse(status.into(), Framing::Datagram).expect("a status and no more")
}

/// The one message there must be.
pub fn only(mut heard: Vec<Message>) -> Message {
    assert_eq!(heard.len(), 1, "one answer was due: {heard:?}");
    heard.remove(0)
}

/// A request as its parts, each of which an attacker may choose.
#[derive(Clone)]
pub struct Request {
    pub method: String,
    pub uri: String,
    pub via: String,
    pub branch: String,
    /// Values of From and To, tags and all.
    pub from: String,
    pub to: String,
    pub call_id: String,
    pub cseq: u32,
    pub contact: String,
    /// Whole lines, without their ends.
    pub headers: Vec<String>,
    pub body: String,
}

impl Request {
    /// `from` is the user part of From.
    pub fn new(caller: &Caller, method: &str, uri: &str, from: &str) -> Request {
        Request {
            method: method.into(),
            uri: uri.into(),
            via: format!("SIP/2.0/UDP {};rport", caller.address()),
            branch: caller.fresh("z9hG4bK"),
            from: format!("<sip:{from}@company.example>;tag={}", caller.fresh("tag")),
            to: format!("<{uri}>"),
            call_id: caller.fresh("call"),
            cseq: 1,
            contact: format!("<sip:{from}@{}>", caller.address()),
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub fn with(mut self, header: &str) -> Request {
        self.headers.push(header.into());
        self
    }

    /// The same once more as a new transaction (RFC 3261 §22.2: the CSeq rises).
    pub fn again(&mut self, caller: &Caller) {
        self.cseq += 1;
        self.branch = caller.fresh("z9hG4bK");
    }

    /// Puts in the answer to this challenge, instead of an earlier one.
    pub fn sign(&mut self, challenged: &Message, user: &str, password: &str, count: u32) {
        let answer = answer_to(challenged, user, password, &self.method, &self.uri, count);
        self.headers.retain(|header| !header.contains("Authorization: "));
        let name = if self.method == "REGISTER" { "Authorization" } else { "Proxy-Authorization" };
        self.headers.push(format!("{name}: {answer}"));
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut text = format!(
            "{} {} SIP/2.0\r\nVia: {};branch={}\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\n\
             CSeq: {} {}\r\n",
            self.method,
            self.uri,
            self.via,
            self.branch,
            self.from,
            self.to,
            self.call_id,
            self.cseq,
            self.method
        );
        if !self.contact.is_empty() {
            text.push_str(&format!("Contact: {}\r\n", self.contact));
        }
        for header in &self.headers {
            text.push_str(header);
            text.push_str("\r\n");
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{}", self.body.len(), self.body));
        text.into_bytes()
    }
}

/// What answers the first challenge of a 401 or 407.
pub fn answer_to(
    challenged: &Message,
    user: &str,
    password: &str,
    method: &str,
    uri: &str,
    count: u32,
) -> String {
    let name = if challenged.status() == 401 { Name::WwwAuthenticate } else { Name::ProxyAuthenticate };
    let value = challenged.header(name).expect("a challenge");
    let challenge = Challenge::parse(&value).expect("a challenge that can be read");
    challenge
        .answer(user, Secret::Password(password), Asked { method, uri, body: b"" }, "cnonce", count)
        .expect("a password serves")
}
