//! A telephone system and a trunk in a page: plain SIP over UDP, as much of it as a call needs.

use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// A telephone system that says truly who calls.
pub struct Pbx {
    socket: UdpSocket,
    gate: SocketAddr,
    calls: u32,
}

/// What became of an INVITE.
pub struct Answer {
    pub status: u16,
    text: String,
    call: Call,
}

#[derive(Clone)]
struct Call {
    uri: String,
    caller: String,
    id: String,
    branch: String,
}

impl Pbx {
    pub fn at(place: SocketAddr, gate: SocketAddr) -> Pbx {
        let socket = UdpSocket::bind(place).expect("the place is free");
        socket.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        Pbx { socket, gate, calls: 0 }
    }

    /// Calls and acknowledges the final answer.
    pub fn call(&mut self, caller: &str, number: &str) -> Answer {
        self.calls += 1;
        let call = Call {
            uri: format!("sip:{number}@company.example"),
            caller: caller.to_owned(),
            id: format!("plain-{}-{}", self.calls, self.gate.port()),
            branch: format!("z9hG4bKplain{}", self.calls),
        };
        self.send(&self.request(&call, "INVITE", 1, &call.uri, "", &[]));
        loop {
            let text = self.receive();
            let status = status_of(&text);
            if status >= 200 {
                let answer = Answer { status, text, call };
                self.acknowledge(&answer);
                return answer;
            }
        }
    }

    /// Hangs up; the status of the answer to the BYE.
    pub fn hang_up(&self, answer: &Answer) -> u16 {
        let call = Call { branch: format!("{}bye", answer.call.branch), ..answer.call.clone() };
        self.send(&self.request(&call, "BYE", 2, &answer.contact(), &answer.to_tag(), &answer.routes()));
        status_of(&self.receive())
    }

    /// Waits for the gate's own BYE, and answers it.
    pub fn await_bye(&self) -> String {
        loop {
            let text = self.receive();
            if text.starts_with("BYE ") {
                let echoed = ["Via", "From", "To", "Call-ID", "CSeq"].into_iter();
                let lines = echoed.flat_map(|name| {
                    values(&text, name).into_iter().map(move |value| format!("{name}: {value}\r\n"))
                });
                self.send(&format!(
                    "SIP/2.0 200 OK\r\n{}Content-Length: 0\r\n\r\n",
                    lines.collect::<String>()
                ));
                return text;
            }
        }
    }

    fn acknowledge(&self, answer: &Answer) {
        let call = &answer.call;
        if answer.status >= 300 {
            return self.send(&self.request(call, "ACK", 1, &call.uri, &answer.to_tag(), &[]));
        }
        let ack = Call { branch: format!("{}ack", call.branch), ..call.clone() };
        self.send(&self.request(&ack, "ACK", 1, &answer.contact(), &answer.to_tag(), &answer.routes()));
    }

    fn request(
        &self,
        call: &Call,
        method: &str,
        cseq: u32,
        uri: &str,
        to_tag: &str,
        routes: &[String],
    ) -> String {
        let Call { uri: to, caller, id, branch } = call;
        let own = self.socket.local_addr().expect("a bound socket");
        let routes: String = routes.iter().map(|route| format!("Route: {route}\r\n")).collect();
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch={branch}\r\nMax-Forwards: 70\r\n{routes}\
             From: <sip:{caller}@company.example>;tag=plain\r\nTo: <{to}>{to_tag}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:{caller}@{own}>\r\nContent-Length: 0\r\n\r\n"
        )
    }

    fn send(&self, request: &str) {
        self.socket.send_to(request.as_bytes(), self.gate).expect("the loopback carries it");
    }

    fn receive(&self) -> String {
        let mut buffer = [0; 4096];
        let count = self.socket.recv(&mut buffer).expect("the gate answers");
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    }
}

impl Answer {
    pub fn decision(&self) -> String {
        self.values("X-Tollgate-Decision").pop().expect("a refusal names its decision")
    }

    fn to_tag(&self) -> String {
        let to = self.values("To").pop().expect("a response has To");
        to.find(";tag=").map(|at| to[at..].to_owned()).unwrap_or_default()
    }

    fn contact(&self) -> String {
        let contact = self.values("Contact").pop().expect("a 2xx has a Contact");
        contact.trim_matches(['<', '>']).to_owned()
    }

    /// The caller's route set is Record-Route from the bottom up (RFC 3261 §12.1.2).
    fn routes(&self) -> Vec<String> {
        self.values("Record-Route").into_iter().rev().collect()
    }

    fn values(&self, name: &str) -> Vec<String> {
        values(&self.text, name)
    }
}

/// A trunk that answers whoever calls, until the process ends.
pub fn answering_trunk(place: SocketAddr) {
    let socket = UdpSocket::bind(place).expect("the place is free");
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((count, from)) = socket.recv_from(&mut buffer) {
            let request = String::from_utf8_lossy(&buffer[..count]).into_owned();
            if request.starts_with("ACK ") {
                continue;
            }
            let mut answer = "SIP/2.0 200 OK\r\n".to_owned();
            for name in ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"] {
                for value in values(&request, name) {
                    let tag = if name == "To" && !value.contains(";tag=") { ";tag=trunk" } else { "" };
                    answer += &format!("{name}: {value}{tag}\r\n");
                }
            }
            answer += &format!("Contact: <sip:trunk@{place}>\r\nContent-Length: 0\r\n\r\n");
            let _ = socket.send_to(answer.as_bytes(), from);
        }
    });
}

fn values(message: &str, name: &str) -> Vec<String> {
    let lines = message.lines().filter_map(|line| line.split_once(':'));
    lines
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim().to_owned())
        .collect()
}

fn status_of(response: &str) -> u16 {
    response.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a response has a status")
}
