//! The server transactions: requests that came to us, found by key, and what they were answered (RFC 3261 §17.2).

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use bytes::Bytes;

use super::key::{AsIs, Key, Keys};
use super::server_invite::ServerInvite;
use super::server_non_invite::ServerNonInvite;
use super::step::{Acknowledged, Alarm, Answer};
use super::timing::Timing;
use super::{Arrival, Event, Outbox, Owner, ServerId};
use crate::base::{Moment, Place, Random, Slab, shrink_after_rush};
use crate::sip::{Flow, Message, Method};

pub(super) struct Servers<S> {
    pub(super) limit: usize,
    keys: Keys,
    by_key: HashMap<Key, Place, BuildHasherDefault<AsIs>>,
    slab: Slab<Server<S>>,
}

struct Server<S> {
    key: Key,
    /// Where responses go.
    flow: Flow,
    machine: Machine,
    /// The last response, while a repeat of the request or Timer G calls for it; empty before there is one, once an INVITE
    /// is accepted, and once its refusal is acknowledged.
    kept: Bytes,
    armed: Option<Moment>,
    payload: Option<S>,
}

enum Machine {
    Invite(ServerInvite),
    NonInvite(ServerNonInvite),
}

impl<S> Servers<S> {
    pub(super) fn new(limit: usize, random: &mut Random) -> Servers<S> {
        Servers { limit, keys: Keys::new(random), by_key: HashMap::default(), slab: Slab::new() }
    }

    pub(super) fn receive<C>(
        &mut self,
        flow: Flow,
        request: &Message,
        too_much: bool,
        out: &mut Outbox<S, C>,
    ) -> Arrival {
        let from = flow.remote.ip();
        let key = self.keys.of(from, request);
        if let Some(server) = self.by_key.get(&key).and_then(|place| self.slab.at(*place)) {
            if !server.kept.is_empty() {
                out.send_again(server.flow, server.kept.clone());
            }
            return Arrival::Absorbed;
        }
        if too_much || !self.has_room_for(request) {
            return Arrival::NoRoom;
        }
        let machine = Machine::start(request.method(), flow.transport.is_reliable());
        let flow = flow.for_reply(&request.top_via());
        let place =
            self.slab.insert(Server { key, flow, machine, kept: Bytes::new(), armed: None, payload: None });
        self.by_key.insert(key, place);
        if request.method() == Method::Cancel {
            let invite = self.by_key.get(&self.keys.of_cancelled(from, request)).copied().map(ServerId);
            return Arrival::Cancel { cancel: ServerId(place), invite };
        }
        Arrival::Request(ServerId(place))
    }

    pub(super) fn receive_ack<C>(
        &mut self,
        now: Moment,
        flow: Flow,
        ack: &Message,
        out: &mut Outbox<S, C>,
    ) -> Arrival {
        let key = self.keys.of(flow.remote.ip(), ack);
        let Some(place) = self.by_key.get(&key).copied() else { return Arrival::Ack2xx };
        let Some(server) = self.slab.at_mut(place) else { return Arrival::Ack2xx };
        match server.machine.ack(now, &out.timing) {
            Acknowledged::Pass => Arrival::Ack2xx,
            Acknowledged::Ignore => Arrival::Absorbed,
            Acknowledged::Done => {
                server.kept = Bytes::new();
                out.arm(Owner::Server(place), server.machine.next_alarm(), &mut server.armed);
                Arrival::Absorbed
            }
        }
    }

    pub(super) fn respond<C>(
        &mut self,
        now: Moment,
        id: ServerId,
        status: u16,
        bytes: Bytes,
        out: &mut Outbox<S, C>,
    ) -> bool {
        let Some(server) = self.slab.at_mut(id.0) else { return false };
        server.kept = match server.machine.respond(now, status, &out.timing) {
            Answer::Refuse => return false,
            Answer::Send => Bytes::new(),
            Answer::SendAndKeep => bytes.clone(),
        };
        out.send(server.flow, bytes);
        out.arm(Owner::Server(id.0), server.machine.next_alarm(), &mut server.armed);
        true
    }

    pub(super) fn answer_once(&mut self, id: ServerId) {
        if let Some(Server { machine: Machine::Invite(machine), .. }) = self.slab.at_mut(id.0) {
            machine.answer_once();
        }
    }

    pub(super) fn alarm<C>(&mut self, now: Moment, place: Place, out: &mut Outbox<S, C>) {
        let Some(server) = self.slab.at_mut(place) else { return };
        server.armed = server.armed.filter(|armed| *armed > now);
        match server.machine.alarm(now, &out.timing) {
            Alarm::Nothing => {}
            Alarm::SendAgain => out.send_again(server.flow, server.kept.clone()),
            Alarm::TimedOut => {
                let payload = self.forget(ServerId(place));
                out.events.push_back(Event::ServerTimedOut { server: ServerId(place), payload });
                return;
            }
            Alarm::End => {
                let payload = self.forget(ServerId(place));
                out.events.push_back(Event::ServerGone { server: ServerId(place), payload });
                return;
            }
        }
        out.arm(Owner::Server(place), server.machine.next_alarm(), &mut server.armed);
    }

    pub(super) fn forget(&mut self, id: ServerId) -> Option<S> {
        let server = self.slab.remove(id.0)?;
        self.by_key.remove(&server.key);
        shrink_after_rush(&mut self.by_key);
        server.payload
    }

    pub(super) fn payload(&self, id: ServerId) -> Option<&S> {
        self.slab.at(id.0)?.payload.as_ref()
    }

    pub(super) fn set_payload(&mut self, id: ServerId, payload: S) -> bool {
        self.slab.at_mut(id.0).map(|server| server.payload = Some(payload)).is_some()
    }

    pub(super) fn count(&self) -> usize {
        self.slab.len()
    }

    /// The last eighth of the room is for requests within calls: no flood of new ones may keep a BYE out (R16, R92).
    fn has_room_for(&self, request: &Message) -> bool {
        let within_call = request.to_tag().is_some() || request.method() == Method::Cancel;
        let limit = if within_call { self.limit } else { self.limit - self.limit / 8 };
        self.slab.len() < limit
    }
}

impl Machine {
    fn start(method: Method, reliable: bool) -> Machine {
        if method == Method::Invite {
            Machine::Invite(ServerInvite::start(reliable))
        } else {
            Machine::NonInvite(ServerNonInvite::start(reliable))
        }
    }

    fn respond(&mut self, now: Moment, status: u16, timing: &Timing) -> Answer {
        match self {
            Machine::Invite(machine) => machine.respond(now, status, timing),
            Machine::NonInvite(machine) => machine.respond(now, status, timing),
        }
    }

    fn ack(&mut self, now: Moment, timing: &Timing) -> Acknowledged {
        match self {
            Machine::Invite(machine) => machine.ack(now, timing),
            // No ACK has the key of anything but an INVITE.
            Machine::NonInvite(_) => Acknowledged::Ignore,
        }
    }

    fn alarm(&mut self, now: Moment, timing: &Timing) -> Alarm {
        match self {
            Machine::Invite(machine) => machine.alarm(now, timing),
            Machine::NonInvite(machine) => machine.alarm(now),
        }
    }

    fn next_alarm(&self) -> Option<Moment> {
        match self {
            Machine::Invite(machine) => machine.next_alarm(),
            Machine::NonInvite(machine) => machine.next_alarm(),
        }
    }
}
