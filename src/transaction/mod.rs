//! The transaction layer: the four machines of RFC 3261 §17 with RFC 6026, their keys and timers. Messages, events and time
//! go in, messages and events come out; nothing here decides what to answer or where to forward.

mod branch;
mod client_invite;
mod client_non_invite;
mod clients;
mod key;
mod server_invite;
mod server_non_invite;
mod servers;
mod step;
mod timing;

use std::collections::VecDeque;

use bytes::Bytes;

pub use branch::Branch;
pub use timing::Timing;

use crate::base::Place;
use crate::base::{Moment, Random, Wheel, next_after_rush};
use crate::sip::{Flow, Message, Method};
use clients::Clients;
use servers::Servers;

/// A request that somebody sent us. Never reused: the id of a transaction that is gone finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(Place);

impl ServerId {
    /// Of a request that another process heard: it finds nothing.
    pub const NONE: ServerId = ServerId(Place { index: u32::MAX, generation: u32::MAX });
}

/// A request that we sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(Place);

/// What a received message is to the transaction user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A new request, neither ACK nor CANCEL. It waits for `respond` and, if wanted, `set_server`.
    Request(ServerId),
    /// A repeat, or an ACK that ends here: dealt with from memory.
    Absorbed,
    /// A new CANCEL, to be answered itself, and the INVITE it is about: 200, or 481 if there is none (§9.2). It has no effect on
    /// an INVITE that has its final response; `respond` says so by false.
    Cancel { cancel: ServerId, invite: Option<ServerId> },
    /// An ACK that belongs to no transaction, or to one that was accepted: it goes to the dialog.
    Ack2xx,
    /// A response that is news; for an accepted INVITE every 2xx (RFC 6026 §8.4).
    Response { client: ClientId },
    /// A response to nothing that we sent, or to what is long over. It must be dropped (RFC 6026 §8.9).
    StrayResponse,
    /// A new request for which there is no room. It may be answered without a transaction, or dropped (R92).
    NoRoom,
}

/// What happened. Each transaction ends in exactly one event, which gives the payload back; only `forget_client` and
/// `forget_server` end one without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<S, C> {
    /// For the transport. `retransmission`: by a timer, or in answer to a repeat.
    Send { flow: Flow, bytes: Bytes, retransmission: bool },
    /// Timer B or F: nobody gave a final response. To a proxy this is a 408 (§16.9).
    TimedOut { client: ClientId, payload: C },
    /// The request could not be carried. To a proxy this is a 503 (§16.9).
    TransportFailed { client: ClientId, payload: C },
    /// The final response was delivered some time ago, and no repeat of it can come any more.
    ClientGone { client: ClientId, payload: C },
    /// Timer H: the ACK for a final response never came. Nothing need be done (§17.2.1).
    ServerTimedOut { server: ServerId, payload: Option<S> },
    /// The final response was sent some time ago, and no repeat of the request can come any more.
    ServerGone { server: ServerId, payload: Option<S> },
}

/// How many transactions may live at once.
///
/// 5,000 calls a second over UDP, each an INVITE and a BYE that stay for 32 s on either side, are 320,000 of each kind. Beyond
/// half a million something is wrong, and at about a kilobyte each memory is the next thing to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The last eighth takes only requests within calls.
    pub servers: usize,
    /// CANCELs are not counted.
    pub clients: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { servers: 500_000, clients: 500_000 }
    }
}

/// All transactions of one gate. `S` and `C` are what its user wants to remember with a server and a client transaction.
///
/// After each call, take the events with `next_event` until `None`, and call `advance` at `next_deadline`.
pub struct Transactions<S, C> {
    servers: Servers<S>,
    clients: Clients<C>,
    out: Outbox<S, C>,
}

impl<S, C> Transactions<S, C> {
    pub fn new(timing: Timing, mut random: Random) -> Transactions<S, C> {
        let out = Outbox { timing, wheel: Wheel::new(), events: VecDeque::new() };
        let limits = Limits::default();
        Transactions {
            servers: Servers::new(limits.servers, &mut random),
            clients: Clients::new(limits.clients, random),
            out,
        }
    }

    pub fn with_limits(mut self, limits: Limits) -> Transactions<S, C> {
        self.servers.limit = limits.servers;
        self.clients.limit = limits.clients;
        self
    }

    /// A message from the network that `sip` could read.
    pub fn receive(&mut self, now: Moment, flow: Flow, message: &Message) -> Arrival {
        self.receive_unless(now, flow, message, false)
    }

    /// As `receive`, but there is no room for a new request that is `too_much`; one that was seen before is answered from memory all
    /// the same.
    pub fn receive_unless(&mut self, now: Moment, flow: Flow, message: &Message, too_much: bool) -> Arrival {
        if !message.is_request() {
            self.clients.receive(now, message, &mut self.out)
        } else if message.method() == Method::Ack {
            self.servers.receive_ack(now, flow, message, &mut self.out)
        } else {
            self.servers.receive(flow, message, too_much, &mut self.out)
        }
    }

    /// Answers a request over the way it came (§18.2.2). False if the answer comes too late: the transaction is gone or has
    /// its final response. Every further 2xx to an accepted INVITE is passed on (RFC 6026 §8.7).
    pub fn respond(&mut self, now: Moment, server: ServerId, status: u16, bytes: Bytes) -> bool {
        self.servers.respond(now, server, status, bytes, &mut self.out)
    }

    /// An INVITE that had no provisional response yet will get its refusal once for each time it comes, and not by Timer G.
    pub fn answer_once(&mut self, server: ServerId) {
        self.servers.answer_once(server);
    }

    /// A branch for a request that is about to be sent, unique across space and time (§8.1.1.7). `loop_mark` comes back from
    /// `Branch::loop_mark_of` if the request returns to us (§16.6 item 8).
    pub fn new_branch(&mut self, loop_mark: u64) -> Branch {
        self.clients.new_branch(loop_mark)
    }

    /// A branch for what has no transaction: an ACK that is passed on for a 2xx. Responses to it are stray.
    pub fn passing_branch(&mut self, loop_mark: u64) -> Branch {
        self.clients.passing_branch(loop_mark)
    }

    /// Sends a request whose top Via carries `branch`, fresh from `new_branch`; a CANCEL carries the branch of its INVITE.
    /// If there is no room for it, or its INVITE has ended, nothing is sent and `TransportFailed` says so.
    pub fn request(
        &mut self,
        now: Moment,
        flow: Flow,
        method: Method,
        branch: &Branch,
        bytes: Bytes,
        payload: C,
    ) -> ClientId {
        self.clients.request(clients::Request { now, flow, method, bytes, payload }, branch, &mut self.out)
    }

    /// Sends the CANCEL of an INVITE (§9.1) to where that went; `extra` is for a Reason. None if the INVITE has its final
    /// response or its CANCEL already. The user waits for a provisional response first. From then on the INVITE times out
    /// after 64*T1 if no final response comes.
    pub fn cancel(
        &mut self,
        now: Moment,
        invite: ClientId,
        extra: &[(&str, &str)],
        payload: C,
    ) -> Option<ClientId> {
        self.clients.cancel(now, invite, extra, payload, &mut self.out)
    }

    pub fn server(&self, server: ServerId) -> Option<&S> {
        self.servers.payload(server)
    }

    /// What `server` will tell, and what comes back with the transaction's last event. False if it is gone.
    pub fn set_server(&mut self, server: ServerId, payload: S) -> bool {
        self.servers.set_payload(server, payload)
    }

    pub fn client(&self, client: ClientId) -> Option<&C> {
        self.clients.payload(client)
    }

    /// The request as it was sent, while its final response is outstanding: a CANCEL is made from it (§9.1).
    pub fn sent_request(&self, client: ClientId) -> Option<&Bytes> {
        self.clients.sent_request(client)
    }

    /// Ends a transaction that will never be answered. Repeats of the request count as new from then on.
    pub fn forget_server(&mut self, server: ServerId) -> Option<S> {
        self.servers.forget(server)
    }

    /// Ends a transaction whose answer no longer matters. What still comes is stray.
    pub fn forget_client(&mut self, client: ClientId) -> Option<C> {
        self.clients.forget(client)
    }

    /// The transport says that `flow` carries nothing: a connection broke or could not be made, or a datagram was refused.
    /// Server transactions are not ended; the transport looks for another way for their responses (§18.2.2).
    pub fn transport_failed(&mut self, flow: Flow) {
        self.clients.transport_failed(flow, &mut self.out);
    }

    /// Rings every alarm that is due.
    pub fn advance(&mut self, now: Moment) {
        while let Some(owner) = self.out.wheel.pop_due(now) {
            match owner {
                Owner::Server(place) => self.servers.alarm(now, place, &mut self.out),
                Owner::Client(place) => self.clients.alarm(now, place, &mut self.out),
            }
        }
    }

    /// When to call `advance` next.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.out.wheel.next_deadline()
    }

    pub fn next_event(&mut self) -> Option<Event<S, C>> {
        next_after_rush(&mut self.out.events)
    }

    /// Server and client transactions alive.
    pub fn count(&self) -> (usize, usize) {
        (self.servers.count(), self.clients.count())
    }
}

/// Who set an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Server(Place),
    Client(Place),
}

/// What both kinds of transactions need to act: the timers' lengths, the alarms, and the way out.
struct Outbox<S, C> {
    timing: Timing,
    wheel: Wheel<Owner>,
    events: VecDeque<Event<S, C>>,
}

impl<S, C> Outbox<S, C> {
    fn send(&mut self, flow: Flow, bytes: Bytes) {
        self.events.push_back(Event::Send { flow, bytes, retransmission: false });
    }

    fn send_again(&mut self, flow: Flow, bytes: Bytes) {
        self.events.push_back(Event::Send { flow, bytes, retransmission: true });
    }

    /// Keeps one entry of the wheel before the next alarm of a machine. `armed` is that entry's deadline. A machine whose
    /// alarm moves to later lets the entry ring, and sets the next then: so most calls cost one entry or two, not one a state.
    fn arm(&mut self, owner: Owner, next: Option<Moment>, armed: &mut Option<Moment>) {
        if let Some(next) = next
            && armed.is_none_or(|armed| next < armed)
        {
            self.wheel.insert(next, owner);
            *armed = Some(next);
        }
    }
}
