//! The client transactions: requests that we sent, found by the branch of their responses (RFC 3261 §17.1).

use std::collections::{HashMap, VecDeque};

use ahash::RandomState;
use bytes::Bytes;

use super::branch::Branch;
use super::client_invite::ClientInvite;
use super::client_non_invite::ClientNonInvite;
use super::step::{Alarm, Failed, Heard};
use super::timing::Timing;
use super::{Arrival, ClientId, Event, Outbox, Owner};
use crate::base::{Moment, Random};
use crate::base::{Place, Slab};
use crate::sip::{self, Flow, Framing, Message, Method};

/// Branches that may be out for requests not yet sent. They are made and used within one turn, one for each target of one
/// request; what is older than a thousand others was forgotten.
const PROMISES_MAX: usize = 1_024;

/// The place of branches that lead nowhere.
const NOWHERE: Place = Place { index: u32::MAX, generation: u32::MAX };

pub(super) struct Clients<C> {
    pub(super) limit: usize,
    random: Random,
    slab: Slab<Entry<C>>,
    /// Places given to branches whose requests have not been sent, oldest first; those since used are skipped.
    promised: VecDeque<Place>,
    /// Live transactions of each flow: a flow that fails is often one on which nothing waits.
    flows: HashMap<Flow, usize, RandomState>,
}

struct Entry<C> {
    /// Only who has seen our request knows it: no one else can answer.
    secret: u64,
    life: Life<C>,
    /// The CANCEL of this INVITE: it has the same branch (§9.1), which therefore leads here.
    cancel: Option<Place>,
}

enum Life<C> {
    /// A branch was made; the request is not sent yet.
    Promised,
    Live(Live<C>),
    /// An INVITE that has ended before its CANCEL did.
    Over,
}

struct Live<C> {
    method: Method,
    flow: Flow,
    machine: Machine,
    /// The request until its final response, then the ACK, if that is ours to repeat; else empty.
    kept: Bytes,
    armed: Option<Moment>,
    /// The INVITE that this CANCEL is about.
    cancels: Option<Place>,
    payload: C,
}

enum Machine {
    Invite(ClientInvite),
    NonInvite(ClientNonInvite),
}

/// What is about to be sent.
pub(super) struct Request<C> {
    pub(super) now: Moment,
    pub(super) flow: Flow,
    pub(super) method: Method,
    pub(super) bytes: Bytes,
    pub(super) payload: C,
}

impl<C> Clients<C> {
    pub(super) fn new(limit: usize, mut random: Random) -> Clients<C> {
        let flows = RandomState::with_seeds(random.u64(), random.u64(), random.u64(), random.u64());
        Clients {
            limit,
            random,
            slab: Slab::new(),
            promised: VecDeque::new(),
            flows: HashMap::with_hasher(flows),
        }
    }

    pub(super) fn new_branch(&mut self, loop_mark: u64) -> Branch {
        self.drop_old_promises();
        if self.slab.len() >= self.limit {
            return self.passing_branch(loop_mark);
        }
        let secret = self.random.u64();
        let place = self.slab.insert(Entry { secret, life: Life::Promised, cancel: None });
        self.promised.push_back(place);
        Branch::new(place, secret, loop_mark)
    }

    pub(super) fn passing_branch(&mut self, loop_mark: u64) -> Branch {
        Branch::new(NOWHERE, self.random.u64(), loop_mark)
    }

    pub(super) fn request<S>(
        &mut self,
        request: Request<C>,
        branch: &Branch,
        out: &mut Outbox<S, C>,
    ) -> ClientId {
        let Some(place) = self.place_for(request.method, branch) else {
            let client = ClientId(NOWHERE);
            out.events.push_back(Event::TransportFailed { client, payload: request.payload });
            return client;
        };
        let Request { now, flow, method, bytes, payload } = request;
        let machine = Machine::start(method, now, flow, &out.timing);
        let cancels = (place != branch.place).then_some(branch.place);
        let mut live = Live { method, flow, machine, kept: bytes.clone(), armed: None, cancels, payload };
        out.send(flow, bytes);
        out.arm(Owner::Client(place), live.machine.next_alarm(), &mut live.armed);
        if let Some(entry) = self.slab.at_mut(place) {
            entry.life = Life::Live(live);
        }
        *self.flows.entry(flow).or_default() += 1;
        if let Some(invite) = cancels {
            self.mark_cancelled(now, invite, place, out);
        }
        ClientId(place)
    }

    /// A CANCEL made from the INVITE; none if there is no INVITE to cancel, or it has been cancelled.
    pub(super) fn cancel<S>(
        &mut self,
        now: Moment,
        invite: ClientId,
        extra: &[(&str, &str)],
        payload: C,
        out: &mut Outbox<S, C>,
    ) -> Option<ClientId> {
        if self.slab.at(invite.0)?.cancel.is_some() {
            return None;
        }
        let live = self
            .live(invite.0)
            .filter(|live| live.method == Method::Invite && live.machine.awaits_final())?;
        let sent = Message::parse(live.kept.clone(), Framing::Stream).ok()?;
        let branch = Branch::read(sent.branch()?)?;
        let bytes = sip::cancel(&sent, extra);
        Some(self.request(
            Request { now, flow: live.flow, method: Method::Cancel, bytes, payload },
            &branch,
            out,
        ))
    }

    pub(super) fn receive<S>(&mut self, now: Moment, response: &Message, out: &mut Outbox<S, C>) -> Arrival {
        let Some((place, live)) = self.answered_by(response) else { return Arrival::StrayResponse };
        let heard = live.machine.response(now, response.status(), &out.timing);
        match heard {
            Heard::Ignore => return Arrival::Absorbed,
            Heard::AcknowledgeAgain => {
                out.send_again(live.flow, live.kept.clone());
                return Arrival::Absorbed;
            }
            Heard::AcknowledgeAndDeliver => {
                live.kept = acknowledge(&live.kept, response);
                out.send(live.flow, live.kept.clone());
            }
            Heard::Deliver if response.status() >= 200 => live.kept = Bytes::new(),
            Heard::Deliver => {}
        }
        out.arm(Owner::Client(place), live.machine.next_alarm(), &mut live.armed);
        Arrival::Response { client: ClientId(place) }
    }

    pub(super) fn alarm<S>(&mut self, now: Moment, place: Place, out: &mut Outbox<S, C>) {
        let Some(live) = self.live_mut(place) else { return };
        live.armed = live.armed.filter(|armed| *armed > now);
        let client = ClientId(place);
        match live.machine.alarm(now, &out.timing) {
            Alarm::Nothing => {}
            Alarm::SendAgain => out.send_again(live.flow, live.kept.clone()),
            Alarm::TimedOut => {
                let ended = self.forget(client).map(|payload| Event::TimedOut { client, payload });
                out.events.extend(ended);
                return;
            }
            Alarm::End => {
                let ended = self.forget(client).map(|payload| Event::ClientGone { client, payload });
                out.events.extend(ended);
                return;
            }
        }
        out.arm(Owner::Client(place), live.machine.next_alarm(), &mut live.armed);
    }

    pub(super) fn transport_failed<S>(&mut self, flow: Flow, out: &mut Outbox<S, C>) {
        if !self.flows.contains_key(&flow) {
            return;
        }
        let concerned: Vec<(Place, Failed)> = self
            .slab
            .iter()
            .filter_map(|(place, entry)| match &entry.life {
                Life::Live(live) if live.flow == flow => Some((place, live.machine.transport_failed())),
                Life::Live(_) | Life::Promised | Life::Over => None,
            })
            .collect();
        for (place, failed) in concerned {
            let client = ClientId(place);
            let event: fn(ClientId, C) -> Event<S, C> = match failed {
                Failed::Ignore => continue,
                Failed::Tell => |client, payload| Event::TransportFailed { client, payload },
                Failed::End => |client, payload| Event::ClientGone { client, payload },
            };
            out.events.extend(self.forget(client).map(|payload| event(client, payload)));
        }
    }

    pub(super) fn forget(&mut self, id: ClientId) -> Option<C> {
        let entry = self.slab.at_mut(id.0)?;
        if !matches!(entry.life, Life::Live(_)) {
            return None;
        }
        let Life::Live(live) = std::mem::replace(&mut entry.life, Life::Over) else { return None };
        // An INVITE stays as the way to its CANCEL.
        if entry.cancel.is_none() {
            self.slab.remove(id.0);
        }
        if let Some(count) = self.flows.get_mut(&live.flow) {
            *count -= 1;
            if *count == 0 {
                self.flows.remove(&live.flow);
            }
        }
        if let Some(invite) = live.cancels {
            self.unmark_cancelled(invite);
        }
        Some(live.payload)
    }

    pub(super) fn payload(&self, id: ClientId) -> Option<&C> {
        self.live(id.0).map(|live| &live.payload)
    }

    pub(super) fn sent_request(&self, id: ClientId) -> Option<&Bytes> {
        self.live(id.0).filter(|live| live.machine.awaits_final()).map(|live| &live.kept)
    }

    /// Branches that were made for requests which never left do not count: they give way to later ones.
    pub(super) fn count(&self) -> usize {
        let waits =
            |place: &&Place| self.slab.at(**place).is_some_and(|entry| matches!(entry.life, Life::Promised));
        self.slab.len() - self.promised.iter().filter(waits).count()
    }

    /// The transaction that a response answers: its branch leads to the request, and its CSeq names the method (§17.1.3).
    fn answered_by(&mut self, response: &Message) -> Option<(Place, &mut Live<C>)> {
        let branch = Branch::read(response.branch()?)?;
        let entry = self.slab.at(branch.place).filter(|entry| entry.secret == branch.secret)?;
        let place = if response.method() == Method::Cancel { entry.cancel? } else { branch.place };
        let live = self.live_mut(place)?;
        (live.method == response.method()).then_some((place, live))
    }

    /// Where a request will live: at the place its branch was made for, or, for a CANCEL, beside its INVITE.
    fn place_for(&mut self, method: Method, branch: &Branch) -> Option<Place> {
        let entry = self.slab.at(branch.place).filter(|entry| entry.secret == branch.secret)?;
        match &entry.life {
            Life::Promised => Some(branch.place),
            Life::Live(_) if method == Method::Cancel && entry.cancel.is_none() => {
                // One for each INVITE at most, so it needs no limit: a CANCEL is never refused (R16). Its own secret is never sent, so that nothing but the INVITE's branch leads to it.
                let secret = self.random.u64();
                Some(self.slab.insert(Entry { secret, life: Life::Promised, cancel: None }))
            }
            Life::Live(_) | Life::Over => None,
        }
    }

    fn mark_cancelled<S>(&mut self, now: Moment, invite: Place, cancel: Place, out: &mut Outbox<S, C>) {
        if let Some(entry) = self.slab.at_mut(invite) {
            entry.cancel = Some(cancel);
        }
        if let Some(live) = self.live_mut(invite) {
            live.machine.cancelled(now, &out.timing);
            out.arm(Owner::Client(invite), live.machine.next_alarm(), &mut live.armed);
        }
    }

    fn unmark_cancelled(&mut self, invite: Place) {
        let Some(entry) = self.slab.at_mut(invite) else { return };
        entry.cancel = None;
        if matches!(entry.life, Life::Over) {
            self.slab.remove(invite);
        }
    }

    fn drop_old_promises(&mut self) {
        while let Some(&oldest) = self.promised.front() {
            let waits = self.slab.at(oldest).is_some_and(|entry| matches!(entry.life, Life::Promised));
            if waits && self.promised.len() < PROMISES_MAX {
                return;
            }
            if waits {
                self.slab.remove(oldest);
            }
            self.promised.pop_front();
        }
    }

    fn live(&self, place: Place) -> Option<&Live<C>> {
        match &self.slab.at(place)?.life {
            Life::Live(live) => Some(live),
            Life::Promised | Life::Over => None,
        }
    }

    fn live_mut(&mut self, place: Place) -> Option<&mut Live<C>> {
        match &mut self.slab.at_mut(place)?.life {
            Life::Live(live) => Some(live),
            Life::Promised | Life::Over => None,
        }
    }
}

/// The ACK of a refusal is hop by hop and made here (§17.1.1.3). The INVITE is our own and can be read; if it could not,
/// the peer's Timer H would end what an empty datagram does not.
fn acknowledge(invite: &Bytes, refusal: &Message) -> Bytes {
    Message::parse(invite.clone(), Framing::Stream)
        .map_or_else(|_| Bytes::new(), |invite| sip::ack_of_refusal(&invite, refusal))
}

impl Machine {
    fn start(method: Method, now: Moment, flow: Flow, timing: &Timing) -> Machine {
        let reliable = flow.transport.is_reliable();
        if method == Method::Invite {
            Machine::Invite(ClientInvite::start(now, reliable, timing))
        } else {
            Machine::NonInvite(ClientNonInvite::start(now, reliable, timing))
        }
    }

    fn response(&mut self, now: Moment, status: u16, timing: &Timing) -> Heard {
        match self {
            Machine::Invite(machine) => machine.response(now, status, timing),
            Machine::NonInvite(machine) => machine.response(now, status, timing),
        }
    }

    fn cancelled(&mut self, now: Moment, timing: &Timing) {
        match self {
            Machine::Invite(machine) => machine.cancelled(now, timing),
            Machine::NonInvite(_) => {}
        }
    }

    fn alarm(&mut self, now: Moment, timing: &Timing) -> Alarm {
        match self {
            Machine::Invite(machine) => machine.alarm(now),
            Machine::NonInvite(machine) => machine.alarm(now, timing),
        }
    }

    fn transport_failed(&self) -> Failed {
        match self {
            Machine::Invite(machine) => machine.transport_failed(),
            Machine::NonInvite(machine) => machine.transport_failed(),
        }
    }

    fn awaits_final(&self) -> bool {
        match self {
            Machine::Invite(machine) => machine.awaits_final(),
            Machine::NonInvite(machine) => machine.awaits_final(),
        }
    }

    fn next_alarm(&self) -> Option<Moment> {
        match self {
            Machine::Invite(machine) => machine.next_alarm(),
            Machine::NonInvite(machine) => machine.next_alarm(),
        }
    }
}
