//! Ends of calls that do not want them to end (CALLS R70 to R73), on real sockets: one peer plays every caller, one every callee, and each
//! call has a manner of its own. What each end saw of its end is told afterwards.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How an end takes it that its call is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Obeys,
    /// Sends re-INVITEs all the time, with a session interval of hours.
    Refreshes,
    /// Says 500 to the first BYE, as if its number were too low (RFC 3261 §12.2.2).
    Recounts,
    /// Wants to know who ends the call, and takes nothing for an answer.
    Challenges,
    /// Never answers a BYE.
    IsDeaf,
    /// Has hung up, and nobody heard it: there is no such call any more.
    IsGone,
}

pub const MANNERS: [Manner; 5] =
    [Manner::Obeys, Manner::Refreshes, Manner::Recounts, Manner::Challenges, Manner::IsDeaf];

/// What one end saw.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When the call stood for this end: the 2xx for the caller, the ACK for the callee.
    pub stood: Option<Instant>,
    /// The first BYE.
    pub ended: Option<Instant>,
    /// BYEs, repeats too.
    pub byes: u32,
    /// Its own re-INVITEs that were accepted.
    pub refreshed: u32,
    pub refused: bool,
}

struct End {
    manner: Manner,
    seen: Seen,
    own: String,
    other: String,
    target: String,
    routes: Vec<String>,
    cseq: u32,
    refresh_at: Option<Instant>,
    bye_cseq: Option<String>,
}

/// One socket and all the ends behind it. Ends are known by their Call-ID.
pub struct Peer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<HashMap<String, Seen>>>,
}

/// A call to be placed: its Call-ID, who calls whom, and in what manner its caller takes its end.
pub struct Attempt {
    pub id: String,
    pub caller: String,
    pub number: String,
    pub manner: Manner,
}

impl Peer {
    /// The callee of every call: its manner stands in the last digit that is called.
    pub fn callee(place: SocketAddr, gate: SocketAddr, refresh: Duration) -> Peer {
        Peer::start(place, gate, refresh, Vec::new())
    }

    pub fn callers(place: SocketAddr, gate: SocketAddr, refresh: Duration, attempts: Vec<Attempt>) -> Peer {
        Peer::start(place, gate, refresh, attempts)
    }

    fn start(place: SocketAddr, gate: SocketAddr, refresh: Duration, attempts: Vec<Attempt>) -> Peer {
        let socket = UdpSocket::bind(place).expect("the place is free");
        socket.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout can be set");
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let mut desk = Desk { socket, gate, place, refresh, ends: HashMap::new(), branches: 0 };
        let thread = thread::spawn(move || {
            attempts.iter().for_each(|attempt| desk.call(attempt));
            while !told.load(Ordering::Relaxed) {
                desk.turn();
            }
            desk.ends.into_iter().map(|(id, end)| (id, end.seen)).collect()
        });
        Peer { stop, thread: Some(thread) }
    }

    /// What each end saw, by Call-ID.
    pub fn stop(mut self) -> HashMap<String, Seen> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().expect("stopped once").join().expect("the peer ends well")
    }
}

struct Desk {
    socket: UdpSocket,
    gate: SocketAddr,
    place: SocketAddr,
    refresh: Duration,
    ends: HashMap<String, End>,
    branches: u32,
}

impl Desk {
    fn call(&mut self, attempt: &Attempt) {
        let Attempt { id, caller, number, manner } = attempt;
        let end = End {
            manner: *manner,
            seen: Seen { stood: None, ended: None, byes: 0, refreshed: 0, refused: false },
            own: format!("<sip:{caller}@company.example>;tag={id}"),
            other: format!("<sip:{number}@company.example>"),
            target: format!("sip:{number}@company.example"),
            routes: Vec::new(),
            cseq: 1,
            refresh_at: None,
            bye_cseq: None,
        };
        let invite = self.request(id, &end, "INVITE", "");
        self.ends.insert(id.clone(), end);
        self.send(&invite);
    }

    fn turn(&mut self) {
        let mut buffer = [0; 8192];
        if let Ok((count, _)) = self.socket.recv_from(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            if text.starts_with("SIP/2.0 ") { self.hear_response(&text) } else { self.hear_request(&text) }
        }
        let now = Instant::now();
        let due = |end: &End| end.seen.ended.is_none() && end.refresh_at.is_some_and(|at| at <= now);
        let due: Vec<String> =
            self.ends.iter().filter(|(_, end)| due(end)).map(|(id, _)| id.clone()).collect();
        for id in due {
            let Some(mut end) = self.ends.remove(&id) else { continue };
            end.cseq += 1;
            end.refresh_at = Some(now + self.refresh);
            let invite = self.request(&id, &end, "INVITE", "Session-Expires: 7200;refresher=uac\r\n");
            self.ends.insert(id, end);
            self.send(&invite);
        }
    }

    fn hear_request(&mut self, text: &str) {
        let id = value(text, "Call-ID");
        let method = text.split(' ').next().unwrap_or_default();
        if method == "INVITE" && !self.ends.contains_key(&id) {
            let end = self.called(text, &id);
            self.ends.insert(id.clone(), end);
        }
        let place = self.place;
        let Some(end) = self.ends.get_mut(&id) else { return };
        let now = Instant::now();
        match method {
            "ACK" => {
                if end.seen.stood.is_none() {
                    end.seen.stood = Some(now);
                    end.refresh_at = (end.manner == Manner::Refreshes).then(|| now + self.refresh);
                }
            }
            "BYE" => {
                end.seen.ended.get_or_insert(now);
                end.seen.byes += 1;
                let cseq = value(text, "CSeq");
                let first = end.bye_cseq.get_or_insert_with(|| cseq.clone()).clone();
                let answer = match end.manner {
                    Manner::Obeys | Manner::Refreshes => Some("200 OK\r\n".to_owned()),
                    Manner::Recounts if cseq == first => Some("500 Server Internal Error\r\n".to_owned()),
                    Manner::Recounts => Some("200 OK\r\n".to_owned()),
                    Manner::Challenges => Some(
                        "401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"mine\", nonce=\"1\", algorithm=MD5\r\n"
                            .to_owned(),
                    ),
                    Manner::IsDeaf => None,
                    Manner::IsGone => Some("481 Call/Transaction Does Not Exist\r\n".to_owned()),
                };
                if let Some(answer) = answer {
                    self.send(&response(text, &answer, "", place));
                }
            }
            _ => {
                let own = end.own.clone();
                let is_gone = end.manner == Manner::IsGone;
                let status = if is_gone { "481 Call/Transaction Does Not Exist\r\n" } else { "200 OK\r\n" };
                self.send(&response(text, status, &own, place));
            }
        }
    }

    /// An end that is called: what it must know to write requests of its own.
    fn called(&self, invite: &str, id: &str) -> End {
        let user = invite.split([':', '@']).nth(1).unwrap_or_default();
        let digit = user.chars().last().and_then(|digit| digit.to_digit(10)).unwrap_or_default();
        End {
            manner: MANNERS[digit as usize % MANNERS.len()],
            seen: Seen { stood: None, ended: None, byes: 0, refreshed: 0, refused: false },
            own: format!("{};tag=called-{id}", value(invite, "To")),
            other: value(invite, "From"),
            target: uri_of(&value(invite, "Contact")),
            routes: values(invite, "Record-Route"),
            cseq: 0,
            refresh_at: None,
            bye_cseq: None,
        }
    }

    fn hear_response(&mut self, text: &str) {
        let id = value(text, "Call-ID");
        let status: u16 = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        let Some(mut end) = self.ends.remove(&id) else { return };
        let is_invite = value(text, "CSeq").ends_with("INVITE");
        if is_invite && (200..300).contains(&status) {
            let now = Instant::now();
            if end.seen.stood.is_none() {
                end.seen.stood = Some(now);
                end.other = value(text, "To");
                end.target = uri_of(&value(text, "Contact"));
                // The caller's route set is Record-Route from the bottom up (RFC 3261 §12.1.2).
                end.routes = values(text, "Record-Route").into_iter().rev().collect();
                end.refresh_at = (end.manner == Manner::Refreshes).then(|| now + self.refresh);
            } else {
                end.seen.refreshed += 1;
            }
            let ack = self.request(&id, &end, "ACK", "");
            self.send(&ack);
        }
        if is_invite && status >= 300 && end.seen.stood.is_none() {
            end.seen.refused = true;
        }
        self.ends.insert(id, end);
    }

    fn request(&mut self, id: &str, end: &End, method: &str, extra: &str) -> String {
        self.branches += 1;
        let (place, branch, cseq) = (self.place, self.branches, end.cseq);
        let End { own, other, target, routes, .. } = end;
        let routes: String = routes.iter().map(|route| format!("Route: {route}\r\n")).collect();
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {place};branch=z9hG4bKhostile{id}{branch}\r\nMax-Forwards: 70\r\n{routes}\
             From: {own}\r\nTo: {other}\r\nCall-ID: {id}\r\nCSeq: {cseq} {method}\r\nContact: <sip:end@{place}>\r\n{extra}\
             Content-Length: 0\r\n\r\n"
        )
    }

    fn send(&self, text: &str) {
        self.socket.send_to(text.as_bytes(), self.gate).expect("the loopback carries it");
    }
}

/// `own` is the address of whoever answers, for the To of a request that has no tag yet.
fn response(request: &str, status: &str, own: &str, place: SocketAddr) -> String {
    let mut text = format!("SIP/2.0 {status}");
    for name in ["Via", "Record-Route", "From", "Call-ID", "CSeq"] {
        values(request, name).iter().for_each(|value| text += &format!("{name}: {value}\r\n"));
    }
    let to = value(request, "To");
    let to = if to.contains(";tag=") { &to } else { own };
    text + &format!("To: {to}\r\nContact: <sip:end@{place}>\r\nContent-Length: 0\r\n\r\n")
}

fn value(message: &str, name: &str) -> String {
    values(message, name).into_iter().next().unwrap_or_default()
}

fn values(message: &str, name: &str) -> Vec<String> {
    let lines = message.lines().filter_map(|line| line.split_once(':'));
    let ours = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
    ours.map(|(_, value)| value.trim().to_owned()).collect()
}

fn uri_of(contact: &str) -> String {
    contact.split(['<', '>']).nth(1).unwrap_or(contact).to_owned()
}
