//! A line into the telephone world: the sockets and transactions of one user agent, in a task of their own (RFC 3261 §8, §17, §18).

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use super::outgoing::Outgoing;
use crate::app::clock::{self, Clock};
use crate::base::{Moment, Random};
use crate::net::{Arrived, BindError, Listen, Sockets};
use crate::sip::{ConnectionId, Flow, Framing, ListenerId, Message, Method, Transport, reply};
use crate::transaction::{Arrival, ClientId, Event, ServerId, Timing, Transactions};

/// Time for the last answers to leave when a phone is unplugged.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Why a phone cannot be plugged in.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("the operating system gives no random numbers: {0}")]
    Entropy(#[from] getrandom::Error),
}

/// What became of a request of ours.
#[derive(Debug)]
pub enum Answer {
    Response(Box<Message>),
    /// Nobody answered, or the request could not be carried (§8.1.3.1).
    Silence,
}

/// A request that came to us.
#[derive(Debug)]
pub struct Asked {
    /// Where the answer goes; an ACK has none.
    pub server: Option<ServerId>,
    pub message: Message,
}

pub type Answers = UnboundedReceiver<Answer>;
pub type Requests = UnboundedReceiver<Asked>;

enum Order {
    Request {
        remote: SocketAddr,
        transport: Transport,
        request: Box<Outgoing>,
        answers: UnboundedSender<Answer>,
    },
    Cancel {
        call_id: String,
    },
    Reply {
        server: ServerId,
        status: u16,
        bytes: Bytes,
    },
    Join {
        call_id: String,
        requests: UnboundedSender<Asked>,
    },
}

/// The near end of the line. It hangs up when the last clone is gone.
#[derive(Clone)]
pub struct Line {
    orders: UnboundedSender<Order>,
    places: [SocketAddr; 2],
    clock: Clock,
    random: Rc<RefCell<Random>>,
}

impl Line {
    /// Opens UDP and TCP on free ports of `address` and starts the task; needs a `LocalSet` around it. New calls from outside
    /// arrive in the second value.
    ///
    /// # Errors
    /// The machine gives no socket or no randomness.
    pub fn open(address: IpAddr) -> Result<(Line, Requests), LineError> {
        let place = SocketAddr::new(address, 0);
        let listens = [Transport::Udp, Transport::Tcp].map(|transport| Listen { transport, address: place });
        let sockets = Sockets::bind(&listens)?;
        let mut addresses = sockets.addresses();
        let places = [(); 2].map(|()| addresses.next().unwrap_or(place));
        drop(addresses);
        let mut random = clock::entropy()?;
        let (orders, ordered) = unbounded_channel();
        let (visitors, calls) = unbounded_channel();
        let clock = Clock::start();
        let exchange = Exchange {
            clock,
            sockets,
            places,
            transactions: Transactions::new(Timing::RFC, Random::from_seed(random.seed())),
            orders: ordered,
            visitors,
            calls: HashMap::new(),
            invites: HashMap::new(),
        };
        tokio::task::spawn_local(exchange.run());
        Ok((Line { orders, places, clock, random: Rc::new(RefCell::new(random)) }, calls))
    }

    /// Where we are reached.
    pub fn place(&self, transport: Transport) -> SocketAddr {
        self.places[usize::from(transport.is_reliable())]
    }

    pub fn now(&self) -> Moment {
        self.clock.now().moment
    }

    /// Fresh chance as a word: tags, Call-IDs, cnonces.
    pub fn word(&self) -> String {
        let mut word = String::new();
        // Writing to a String cannot fail.
        let _ = write!(word, "{:016x}", self.random.borrow_mut().u64());
        word
    }

    /// Sends a request; its answers arrive one after another.
    pub fn request(&self, remote: SocketAddr, transport: Transport, request: Outgoing) -> Answers {
        let (answers, answered) = unbounded_channel();
        self.order(Order::Request { remote, transport, request: Box::new(request), answers });
        answered
    }

    /// Cancels the latest INVITE of this call (§9.1). It must have had a provisional answer.
    pub fn cancel(&self, call_id: &str) {
        self.order(Order::Cancel { call_id: call_id.to_owned() });
    }

    pub fn reply(&self, server: ServerId, status: u16, bytes: Bytes) {
        self.order(Order::Reply { server, status, bytes });
    }

    /// From now on requests of this call arrive here.
    pub fn join(&self, call_id: &str) -> Requests {
        let (requests, asked) = unbounded_channel();
        self.order(Order::Join { call_id: call_id.to_owned(), requests });
        asked
    }

    fn order(&self, order: Order) {
        // A line whose task is gone answers nothing, and whoever waits for its answers sees that they have ended.
        let _ = self.orders.send(order);
    }
}

/// The far end: owns what the line is made of.
struct Exchange {
    clock: Clock,
    sockets: Sockets,
    places: [SocketAddr; 2],
    transactions: Transactions<(), UnboundedSender<Answer>>,
    orders: UnboundedReceiver<Order>,
    visitors: UnboundedSender<Asked>,
    /// By Call-ID: one user agent is at one end of a call only.
    calls: HashMap<Box<[u8]>, UnboundedSender<Asked>>,
    invites: HashMap<String, ClientId>,
}

impl Exchange {
    async fn run(mut self) {
        loop {
            let deadline = self.transactions.next_deadline();
            let alarm = deadline.map(|moment| Instant::from_std(self.clock.instant(moment)));
            tokio::select! {
                arrived = self.sockets.receive() => self.take(arrived),
                order = self.orders.recv() => match order {
                    Some(order) => self.carry_out(order),
                    None => break,
                },
                () = ring(alarm) => self.transactions.advance(self.clock.now().moment),
            }
            self.pump();
        }
        self.sockets.close(LAST_WORDS).await;
    }

    fn take(&mut self, arrived: Arrived) {
        let (flow, bytes, framing) = match arrived {
            Arrived::Datagram { flow, bytes } => (flow, bytes, Framing::Datagram),
            Arrived::Frame { flow, bytes } => (flow, bytes, Framing::Stream),
            Arrived::Failed { flow, .. } | Arrived::Closed { flow } => {
                return self.transactions.transport_failed(flow);
            }
            Arrived::Unframed { .. } | Arrived::Proved { .. } | Arrived::NoTls { .. } => return,
        };
        // What cannot be read is dropped: a gate that writes such things fails the call.
        if let Ok(message) = Message::parse(bytes, framing) {
            self.receive(flow, message.arrived_from(flow.remote));
        }
    }

    fn receive(&mut self, flow: Flow, message: Message) {
        let now = self.clock.now().moment;
        match self.transactions.receive(now, flow, &message) {
            Arrival::Request(server) => self.asked(Some(server), message),
            Arrival::Cancel { cancel, invite } => {
                let status = if invite.is_some() { 200 } else { 481 };
                let bytes = reply(&message, status, "", "cancel", &[]);
                self.transactions.respond(now, cancel, status, bytes);
                self.asked(None, message);
            }
            Arrival::Ack2xx => self.asked(None, message),
            Arrival::Response { client } => {
                if let Some(answers) = self.transactions.client(client) {
                    // Whoever asked may have lost interest.
                    let _ = answers.send(Answer::Response(Box::new(message)));
                }
            }
            Arrival::Absorbed | Arrival::StrayResponse | Arrival::NoRoom => {}
        }
    }

    /// Hands a request to its call, or a new INVITE to whoever picks up.
    fn asked(&mut self, server: Option<ServerId>, message: Message) {
        let begins = message.method() == Method::Invite && message.to_tag().is_none();
        let listener = if begins { Some(&self.visitors) } else { self.calls.get(message.call_id()) };
        let undelivered = match listener {
            Some(listener) => listener.send(Asked { server, message }).err().map(|unsent| unsent.0),
            None => Some(Asked { server, message }),
        };
        if let Some(Asked { server: Some(server), message }) = undelivered {
            let bytes = reply(&message, 481, "", "nobody", &[]);
            self.transactions.respond(self.clock.now().moment, server, 481, bytes);
        }
    }

    fn carry_out(&mut self, order: Order) {
        let now = self.clock.now().moment;
        match order {
            Order::Request { remote, transport, request, answers } => {
                self.send(remote, transport, &request, answers);
            }
            Order::Cancel { call_id } => {
                if let Some(invite) = self.invites.get(&call_id) {
                    let (unheard, _) = unbounded_channel();
                    self.transactions.cancel(now, *invite, &[], unheard);
                }
            }
            Order::Reply { server, status, bytes } => {
                self.transactions.respond(now, server, status, bytes);
            }
            Order::Join { call_id, requests } => {
                self.calls.retain(|_, requests| !requests.is_closed());
                self.calls.insert(call_id.into_bytes().into(), requests);
            }
        }
    }

    fn send(
        &mut self,
        remote: SocketAddr,
        transport: Transport,
        request: &Outgoing,
        answers: UnboundedSender<Answer>,
    ) {
        let listener = u8::from(transport.is_reliable());
        let flow = Flow { transport, listener: ListenerId(listener), remote, connection: ConnectionId::NONE };
        let is_ack = request.method == Method::Ack;
        let branch =
            if is_ack { self.transactions.passing_branch(0) } else { self.transactions.new_branch(0) };
        let place = self.places[usize::from(listener)];
        let bytes = request.to_bytes(&format!("SIP/2.0/{transport} {place};branch={branch};rport"));
        if is_ack {
            // §13.2.2.4: the ACK of a 2xx has no transaction.
            return self.sockets.send(flow, &bytes);
        }
        let now = self.clock.now().moment;
        let client = self.transactions.request(now, flow, request.method, &branch, bytes, answers);
        if request.method == Method::Invite {
            self.invites.insert(request.call_id.clone(), client);
        }
    }

    /// Does what the transactions want done.
    fn pump(&mut self) {
        while let Some(event) = self.transactions.next_event() {
            match event {
                Event::Send { flow, bytes, .. } => self.sockets.send(flow, &bytes),
                Event::TimedOut { payload, .. } | Event::TransportFailed { payload, .. } => {
                    // Whoever asked may have lost interest.
                    let _ = payload.send(Answer::Silence);
                }
                Event::ClientGone { .. } | Event::ServerTimedOut { .. } | Event::ServerGone { .. } => {}
            }
        }
    }
}

async fn ring(alarm: Option<Instant>) {
    match alarm {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
