//! A transaction layer in simulated time, driven by a table and compared with it line by line.
//!
//! A line is a time in milliseconds and what happens then. Lines with `>` are done to the layer, all others are what it does;
//! the table holds every one of them, up to the moment when nothing more will ever happen.
//!
//! ```text
//!      0 > user sends INVITE          we start a client transaction
//!      0   out INVITE                 a message leaves
//!    500   again INVITE               … and leaves once more
//!   1000 > peer answers INVITE 180    a response comes from the network
//!   1000   user hears 180 to INVITE   … and is news
//!   2000 > peer sends BYE call=2      a request comes from the network; key=value changes a field
//!   2000   new BYE                    … and is new
//!   2000 > user answers BYE 200
//! ```

use std::collections::BTreeMap;

use bytes::Bytes;
use tollgate::base::{Moment, Random};
use tollgate::sip::{ConnectionId, Flow, Framing, ListenerId, Message, Method, Transport};
use tollgate::transaction::{Arrival, Branch, ClientId, Event, Limits, ServerId, Timing, Transactions};

/// Plays a table over a transport and compares what happened with it.
pub fn plays(transport: Transport, table: &str) {
    plays_in(World::new(transport), table);
}

pub fn plays_with_limits(limits: Limits, table: &str) {
    let mut world = World::new(Transport::Udp);
    world.layer = world.layer.with_limits(limits);
    plays_in(world, table);
}

fn plays_in(mut world: World, table: &str) {
    let lines: Vec<&str> = table.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    for line in &lines {
        let (millis, rest) = line.split_once(' ').expect("a time and an event");
        if let Some(act) = rest.trim().strip_prefix("> ") {
            world.run_until(Some(Moment::from_micros(millis.parse::<u64>().expect("milliseconds") * 1_000)));
            world.log(format!("> {act}"));
            world.act(act);
            world.log_events();
        }
    }
    world.run_until(None);
    let expected: Vec<String> =
        lines.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(world.layer.count(), world.alive, "what began and has not ended, servers and clients");
    assert_eq!(world.log.join("\n"), expected.join("\n"), "\n\nwhat happened:\n{}\n", world.log.join("\n"));
}

pub struct World {
    now: Moment,
    flow: Flow,
    layer: Transactions<String, String>,
    /// Requests that we sent, by the name the table gives them.
    sent: BTreeMap<String, (ClientId, Branch, Bytes)>,
    /// Requests that came to us.
    received: BTreeMap<String, (Option<ServerId>, Fields)>,
    /// Server and client transactions that began and have not ended.
    alive: (usize, usize),
    log: Vec<String>,
}

/// What may differ from one incoming request to the next.
#[derive(Clone)]
struct Fields {
    method: String,
    named: BTreeMap<String, String>,
}

impl World {
    fn new(transport: Transport) -> World {
        let connection = ConnectionId(u64::from(transport.is_reliable()));
        let remote = "192.0.2.1:5060".parse().unwrap();
        World {
            now: Moment::START,
            flow: Flow { transport, listener: ListenerId(0), remote, connection },
            layer: Transactions::new(Timing::RFC, Random::from_number(1)),
            sent: BTreeMap::new(),
            received: BTreeMap::new(),
            alive: (0, 0),
            log: Vec::new(),
        }
    }

    fn log(&mut self, what: impl AsRef<str>) {
        self.log.push(format!("{} {}", self.now.as_micros() / 1_000, what.as_ref()));
    }

    /// Lives through every deadline up to a moment, or until there are none left.
    fn run_until(&mut self, end: Option<Moment>) {
        while let Some(deadline) = self.layer.next_deadline().filter(|next| end.is_none_or(|end| *next < end))
        {
            self.now = self.now.max(deadline);
            self.layer.advance(self.now);
            self.log_events();
        }
        self.now = end.unwrap_or(self.now);
        self.layer.advance(self.now);
        self.log_events();
    }

    fn act(&mut self, act: &str) {
        let words: Vec<&str> = act.split(' ').collect();
        match words[..] {
            ["user", "sends", method] => self.user_sends(method, method),
            ["user", "sends", method, "as", name] => self.user_sends(method, name),
            ["user", "cancels", name] => self.user_cancels(name),
            ["user", "forgets", name] => {
                let payload = self.layer.forget_client(self.sent[name].0);
                self.alive.1 -= usize::from(payload.is_some());
            }
            ["user", "answers", name, status] => self.user_answers(name, status.parse().unwrap()),
            ["peer", "answers", name, status] => self.peer_answers(name, status, None),
            ["peer", "answers", name, status, "to", method] => self.peer_answers(name, status, Some(method)),
            ["peer", "answers", "branch", branch, status] => {
                self.receive(response_text("1 INVITE", branch, status).into(), "");
            }
            ["peer", "repeats", name] => self.peer_sends(name, self.received[name].1.clone()),
            ["peer", "acks", name, ref changes @ ..] => self.peer_follows("ACK", name, changes),
            ["peer", "cancels", name, ref changes @ ..] => self.peer_follows("CANCEL", name, changes),
            ["peer", "sends", method, "as", name, ref fields @ ..] => {
                self.peer_sends(name, Fields::of(method, fields))
            }
            ["peer", "sends", method, ref fields @ ..] => self.peer_sends(method, Fields::of(method, fields)),
            ["wire", "breaks"] => self.layer.transport_failed(self.flow),
            _ => panic!("no such act: {act}"),
        }
    }

    fn user_sends(&mut self, method: &str, name: &str) {
        let branch = self.layer.new_branch(0);
        let bytes = Bytes::from(request_text(method, "192.0.2.100:5060", branch.as_str(), "c1@gate", 1));
        let known = Method::of(method.as_bytes());
        let client = self.layer.request(self.now, self.flow, known, &branch, bytes.clone(), name.to_owned());
        self.alive.1 += 1;
        self.sent.insert(name.to_owned(), (client, branch, bytes));
    }

    fn user_cancels(&mut self, invite: &str) {
        let (invite, branch, _) = self.sent[invite];
        let Some(client) = self.layer.cancel(self.now, invite, &[], "CANCEL".to_owned()) else {
            return self.log("nothing to cancel");
        };
        let bytes = request_text("CANCEL", "192.0.2.100:5060", branch.as_str(), "c1@gate", 1).into();
        self.alive.1 += 1;
        self.sent.insert("CANCEL".to_owned(), (client, branch, bytes));
    }

    fn user_answers(&mut self, name: &str, status: u16) {
        let (server, _) = &self.received[name];
        let bytes = Bytes::from(format!("SIP/2.0 {status} Text\r\n\r\n"));
        if !self.layer.respond(self.now, server.expect("a transaction"), status, bytes) {
            self.log("too late");
        }
    }

    /// A response to what we sent; `cseq_method` if it lies about the method.
    fn peer_answers(&mut self, name: &str, status: &str, cseq_method: Option<&str>) {
        let (_, branch, bytes) = &self.sent[name];
        let request = Message::parse(bytes.clone(), Framing::Datagram).unwrap();
        let cseq = format!("1 {}", cseq_method.unwrap_or(request.method_text()));
        self.receive(response_text(&cseq, branch.as_str(), status).into(), name);
    }

    fn peer_sends(&mut self, name: &str, fields: Fields) {
        let text = fields.text();
        self.received.entry(name.to_owned()).or_insert((None, fields));
        self.receive(text.into(), name);
    }

    /// ACK or CANCEL: the fields of the INVITE, some of them changed.
    fn peer_follows(&mut self, method: &str, name: &str, changes: &[&str]) {
        let mut fields = self.received[name].1.clone();
        fields.named.extend(Fields::of(method, changes).named);
        method.clone_into(&mut fields.method);
        if method == "ACK" {
            fields.named.insert("to".to_owned(), "callee".to_owned());
            self.receive(fields.text().into(), name);
        } else {
            self.peer_sends(&format!("CANCEL-{name}"), fields);
        }
    }

    fn receive(&mut self, bytes: Bytes, name: &str) {
        let message = Message::parse(bytes, Framing::Datagram).expect("a message of ours");
        let arrival = self.layer.receive(self.now, self.flow, &message);
        let line = match arrival {
            Arrival::Request(server) => {
                self.remember(name, server);
                format!("new {name}")
            }
            Arrival::Cancel { cancel, invite } => {
                self.remember(name, cancel);
                let invite = invite.and_then(|invite| self.layer.server(invite));
                format!("cancel of {}", invite.map_or("nothing", String::as_str))
            }
            Arrival::Response { client } => {
                let client = self.layer.client(client).expect("a response finds its payload");
                format!("user hears {} to {client}", message.status())
            }
            Arrival::Absorbed => "absorbed".to_owned(),
            Arrival::Ack2xx => "ack to the dialog".to_owned(),
            Arrival::StrayResponse => "stray".to_owned(),
            Arrival::NoRoom => "no room".to_owned(),
        };
        self.log_events();
        self.log(line);
    }

    fn remember(&mut self, name: &str, server: ServerId) {
        self.alive.0 += 1;
        assert!(self.layer.set_server(server, name.to_owned()));
        if let Some((known, _)) = self.received.get_mut(name) {
            *known = Some(server);
        }
    }

    fn log_events(&mut self) {
        while let Some(event) = self.layer.next_event() {
            match event {
                Event::Send { .. } => {}
                Event::TimedOut { .. } | Event::TransportFailed { .. } | Event::ClientGone { .. } => {
                    self.alive.1 -= 1
                }
                Event::ServerTimedOut { .. } | Event::ServerGone { .. } => self.alive.0 -= 1,
            }
            let line = match event {
                Event::Send { flow, bytes, retransmission } => {
                    assert_eq!(
                        (flow.transport, flow.connection),
                        (self.flow.transport, self.flow.connection)
                    );
                    // Only a message that goes elsewhere than it came from says where.
                    let elsewhere = if flow.remote == self.flow.remote {
                        String::new()
                    } else {
                        format!(" to {}", flow.remote)
                    };
                    format!("{} {}{elsewhere}", if retransmission { "again" } else { "out" }, title(&bytes))
                }
                Event::TimedOut { payload, .. } => format!("{payload} timed out"),
                Event::TransportFailed { payload, .. } => format!("{payload} not carried"),
                Event::ClientGone { payload, .. } => format!("{payload} gone"),
                Event::ServerTimedOut { payload, .. } => {
                    format!("{} not acknowledged", payload.unwrap_or_default())
                }
                Event::ServerGone { payload, .. } => format!("{} gone", payload.unwrap_or_default()),
            };
            self.log(line);
        }
    }
}

impl Fields {
    fn of(method: &str, named: &[&str]) -> Fields {
        let named = named.iter().filter_map(|field| field.split_once('='));
        Fields {
            method: method.to_owned(),
            named: named.map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
        }
    }

    fn text(&self) -> String {
        let field = |name: &str, usual: &str| self.named.get(name).map_or(usual, String::as_str).to_owned();
        let uri = field("uri", "sip:bob@example.com");
        let via = field("via", "192.0.2.1:5060");
        // `branch=none` is a sender of RFC 2543.
        let branch = match field("branch", "z9hG4bKpeer").as_str() {
            "none" => String::new(),
            branch => format!(";branch={branch}"),
        };
        let to = self.named.get("to").map_or(String::new(), |tag| format!(";tag={tag}"));
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {via}{branch}\r\nMax-Forwards: 70\r\nFrom: <sip:alice@example.com>;tag={from}\r\n\
             To: <sip:bob@example.com>{to}\r\nCall-ID: {call}\r\nCSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
            method = self.method,
            from = field("from", "caller"),
            call = field("call", "1"),
            cseq = field("cseq", "1"),
        )
    }
}

/// A request of ours, with one Route so that its ACK must have it too.
pub fn request_text(method: &str, via: &str, branch: &str, call_id: &str, cseq: u32) -> String {
    format!(
        "{method} sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {via};branch={branch}\r\nMax-Forwards: 69\r\n\
         Route: <sip:192.0.2.1;lr>\r\nFrom: <sip:alice@example.com>;tag=caller\r\nTo: <sip:bob@example.com>\r\nCall-ID: {call_id}\r\n\
         CSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n"
    )
}

pub fn response_text(cseq: &str, branch: &str, status: &str) -> String {
    format!(
        "SIP/2.0 {status} Text\r\nVia: SIP/2.0/UDP 192.0.2.100:5060;branch={branch}\r\nFrom: <sip:alice@example.com>;tag=caller\r\n\
         To: <sip:bob@example.com>;tag=callee\r\nCall-ID: c1@gate\r\nCSeq: {cseq}\r\nContent-Length: 0\r\n\r\n"
    )
}

/// `INVITE` or `180`: the word of the first line that says what a message is.
fn title(bytes: &[u8]) -> &str {
    let line = std::str::from_utf8(bytes).expect("our messages are text");
    let mut words = line.split(' ');
    match words.next() {
        Some("SIP/2.0") => words.next().unwrap_or("nothing"),
        Some(method) => method,
        None => "nothing",
    }
}
