//! A trunk that a test steers step by step: plain SIP over UDP with a session description, so that a real phone talks to it.

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

pub struct Trunk {
    socket: UdpSocket,
    gate: SocketAddr,
    calls: u32,
    /// The beginning of each request that came, so that a repeat is known.
    seen: Vec<String>,
}

/// One answered call.
pub struct Talk {
    /// As we write it, with our tag.
    own: String,
    peer: String,
    id: String,
    target: String,
    routes: Vec<String>,
    cseq: u32,
    /// The INVITE that opened it, from either side.
    pub invite: String,
}

const PATIENCE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(100);

impl Trunk {
    pub fn at(place: SocketAddr, gate: SocketAddr) -> Trunk {
        let socket = UdpSocket::bind(place).expect("the place is free");
        socket.set_read_timeout(Some(POLL)).expect("a timeout can be set");
        Trunk { socket, gate, calls: 0, seen: Vec::new() }
    }

    /// Waits for a call, rings, answers, and waits for the ACK.
    pub fn answers(&mut self) -> Talk {
        let invite = self.hears("INVITE");
        self.send(&answer(&invite, "180 Ringing", &self.contact(), ""));
        self.send(&answer(&invite, "200 OK", &self.contact(), &self.description()));
        self.hears("ACK");
        Talk {
            own: format!("{};tag=trunk", value(&invite, "To")),
            peer: value(&invite, "From"),
            id: value(&invite, "Call-ID"),
            target: inside_brackets(&value(&invite, "Contact")),
            routes: values(&invite, "Record-Route"),
            cseq: 0,
            invite,
        }
    }

    /// Calls, and returns when the call is answered and acknowledged.
    pub fn calls(&mut self, caller: &str, number: &str) -> Talk {
        self.calls += 1;
        let own = self.own();
        let (uri, call) = (format!("sip:{number}@{}", self.gate), self.calls);
        let mut talk = Talk {
            own: format!("<sip:{caller}@{own}>;tag=trunk{call}"),
            peer: format!("<{uri}>"),
            id: format!("trunk-{call}-{}", own.port()),
            target: uri,
            routes: Vec::new(),
            cseq: 1,
            invite: String::new(),
        };
        talk.invite = self.request(&talk, "INVITE", &self.description());
        self.send(&talk.invite);
        let answer = self.waits_for("200", "INVITE");
        talk.peer = value(&answer, "To");
        talk.target = inside_brackets(&value(&answer, "Contact"));
        talk.routes = values(&answer, "Record-Route");
        talk.routes.reverse();
        self.send(&self.request(&talk, "ACK", ""));
        talk
    }

    pub fn hangs_up(&mut self, talk: &mut Talk) {
        talk.cseq += 1;
        self.send(&self.request(talk, "BYE", ""));
        self.waits_for("200", "BYE");
    }

    /// The other side hangs up.
    pub fn hears_the_end(&mut self) {
        let bye = self.hears("BYE");
        self.send(&answer(&bye, "200 OK", &self.contact(), ""));
    }

    /// Waits for a request of this method that has not come before.
    pub fn hears(&mut self, method: &str) -> String {
        let start = format!("{method} ");
        let request = self.reads(|text| text.starts_with(&start));
        self.seen.push(mark(&request));
        request
    }

    fn waits_for(&mut self, status: &str, method: &str) -> String {
        let start = format!("SIP/2.0 {status}");
        self.reads(|text| text.starts_with(&start) && value(text, "CSeq").ends_with(method))
    }

    fn reads(&mut self, fits: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        let mut others = Vec::new();
        let mut buffer = [0; 8192];
        while Instant::now() < end {
            let Ok(count) = self.socket.recv(&mut buffer) else { continue };
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            if fits(&text) && !self.seen.contains(&mark(&text)) {
                return text;
            }
            others.push(text);
        }
        panic!("never heard; instead:\n{}", others.join("\n"));
    }

    fn request(&self, talk: &Talk, method: &str, body: &str) -> String {
        let own = self.own();
        let Talk { own: from, peer, id, target, cseq, .. } = talk;
        let routes: String = talk.routes.iter().map(|route| format!("Route: {route}\r\n")).collect();
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{id}{method}{cseq}\r\nMax-Forwards: 70\r\n{routes}\
             From: {from}\r\nTo: {peer}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\nContact: {}\r\n{}",
            self.contact(),
            with_length(body)
        )
    }

    fn send(&self, text: &str) {
        self.socket.send_to(text.as_bytes(), self.gate).expect("the loopback carries it");
    }

    fn own(&self) -> SocketAddr {
        self.socket.local_addr().expect("a bound socket")
    }

    fn contact(&self) -> String {
        format!("<sip:trunk@{}>", self.own())
    }

    /// Sound nobody listens to: the port is our own.
    fn description(&self) -> String {
        let own = self.own();
        format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {} RTP/AVP 8 0\r\n",
            own.port() | 1,
            ip = own.ip()
        )
    }
}

fn answer(request: &str, status: &str, contact: &str, body: &str) -> String {
    let mut text = format!("SIP/2.0 {status}\r\n");
    for name in ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"] {
        for value in values(request, name) {
            let tag = if name == "To" && !value.contains(";tag=") { ";tag=trunk" } else { "" };
            text += &format!("{name}: {value}{tag}\r\n");
        }
    }
    text + &format!("Contact: {contact}\r\n{}", with_length(body))
}

fn with_length(body: &str) -> String {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!("{kind}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// What a repeat has in common with the first: start line and top Via.
fn mark(text: &str) -> String {
    format!("{} {}", text.lines().next().unwrap_or_default(), value(text, "Via"))
}

fn inside_brackets(address: &str) -> String {
    address
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or(address, |(uri, _)| uri)
        .to_owned()
}

/// The first header of that name.
pub fn value(text: &str, name: &str) -> String {
    values(text, name).into_iter().next().unwrap_or_default()
}

fn values(text: &str, name: &str) -> Vec<String> {
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .flat_map(|(_, value)| value.split(", ").map(|value| value.trim().to_owned()))
        .collect()
}
