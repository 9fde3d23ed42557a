//! Requests inside calls of an earlier run that nothing is remembered of: relayed by the mark in their Route, to where the mark says and
//! nowhere else (R12). So free and emergency calls go on after a restart though there is no database (R16, R41).

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use super::call::Call;
use super::setup::Snapshot;
use super::{Asked, Event, Gate, Sent};
use crate::base::{DecisionId, Moment, Now};
use crate::dialog::{End, Side};
use crate::proxy::{Forwarding, Returning, Target, forward_request, forward_response, loop_mark, via};
use crate::sip::{Bound, CallKind, Flow, Mark, MarkText, Message, Method, Name, Paper, ROUTE_MARK, Seal};
use crate::transaction::{Branch, ClientId, ServerId};

/// Relayed INVITEs under way at once; a gate that has just started relays few, and each is remembered until Timer C.
const INVITES_MAX: usize = 10_000;

/// What marks are made with, and whose calls they may speak for.
pub struct Marks {
    pub seal: Seal,
    /// The first decision that this run may make: calls since then are known by their dialogs, or are over.
    began: Option<DecisionId>,
    /// Relayed INVITEs that may wait for their answer until then; the oldest first, since all wait equally long.
    invites: VecDeque<(Moment, ClientId)>,
}

impl Marks {
    pub fn new(key: [u8; 32]) -> Marks {
        Marks { seal: Seal::new(key), began: None, invites: VecDeque::new() }
    }

    /// The mark for whoever gets the INVITE on `target`: it leads to the caller.
    pub fn for_callee(&self, call: &Call, invite: &Message, target: &Target) -> MarkText {
        let mark = Mark {
            decision: call.decision,
            kind: kind(call),
            held_by_callee: true,
            ahead: 0,
            holder: target.flow.remote.ip().to_canonical(),
            hop: Side::hop_of_caller(invite, call.caller.flow()),
        };
        let contact = invite.contacts().next().and_then(Result::ok);
        self.seal.close(&mark, bound(invite), contact.map_or("", |contact| contact.uri))
    }

    /// The mark for the caller, who hears `response`: it leads to whoever sent that. One whose dialog is not remembered leads back.
    pub fn for_caller(&self, call: &Call, invite: &Message, response: &Message) -> MarkText {
        let dialog = call.dialogs.iter().find(|dialog| Some(dialog.callee_tag()) == response.to_tag());
        let mark = Mark {
            decision: call.decision,
            kind: kind(call),
            held_by_callee: false,
            ahead: dialog.map_or(0, |dialog| dialog.side(End::Caller).ahead()),
            holder: call.caller.flow().remote.ip().to_canonical(),
            hop: dialog.map_or(call.caller.flow(), |dialog| dialog.side(End::Callee).hop()),
        };
        let contact = response.contacts().next().and_then(Result::ok);
        self.seal.close(&mark, bound(invite), contact.map_or("", |contact| contact.uri))
    }

    /// Whether this run made it, so that its call is known here or over.
    pub fn is_of_this_run(&self, decision: DecisionId) -> bool {
        self.began.is_some_and(|began| decision >= began)
    }

    /// Whether an earlier run has made it.
    pub fn is_of_earlier_run(&self, decision: DecisionId) -> bool {
        self.began.is_some_and(|began| decision < began)
    }

    pub fn next_deadline(&self) -> Option<Moment> {
        self.invites.front().map(|(until, _)| *until)
    }
}

/// Where a mark in a request leads.
struct Relay {
    hop: Flow,
    ahead: u32,
    routes: SmallVec<[Box<str>; 1]>,
}

impl Gate {
    /// Makes marks with the key of an earlier run, and relays by those of calls that began before `now`.
    pub fn follow_earlier_run(&mut self, key: [u8; 32], now: Now) {
        self.marks = Marks { began: Some(DecisionId::earliest(now.utc)), ..Marks::new(key) };
    }

    /// Relays a request by its mark. False if it has none that is good for it, and then nothing was done.
    pub(super) fn relay(&mut self, now: Now, flow: Flow, server: ServerId, request: &Message) -> bool {
        let setup = Arc::clone(&self.setup);
        let Some(relay) = self.read_mark(&setup, now, flow, request) else { return false };
        let is_invite = request.method() == Method::Invite;
        if is_invite && self.marks.invites.len() >= INVITES_MAX {
            return false;
        }
        let branch = self.transactions.new_branch(loop_mark(&self.loop_keys, request));
        let Some(bytes) = relayed(&setup, &relay, request, &branch, &mut self.papers.passing) else {
            return false;
        };
        let kept = is_invite.then(|| Box::new(request.clone()));
        let payload = Sent::Relayed { server, cseq: request.cseq(), request: kept };
        if is_invite {
            self.answer_plainly(now, server, request, 100);
        }
        let client =
            self.transactions.request(now.moment, relay.hop, request.method(), &branch, bytes, payload);
        if is_invite {
            self.transactions.set_server(server, Asked::Relayed(client));
            self.marks.invites.push_back((now.moment + setup.limits.timer_c, client));
        }
        self.tell(Event::Relayed);
        true
    }

    /// The ACK of a 2xx likewise; without a good mark it is dropped.
    pub(super) fn relay_ack(&mut self, now: Now, flow: Flow, ack: &Message) -> bool {
        let setup = Arc::clone(&self.setup);
        let Some(relay) = self.read_mark(&setup, now, flow, ack) else { return false };
        if ack.max_forwards() != Some(0) {
            let branch = self.transactions.passing_branch(loop_mark(&self.loop_keys, ack));
            let Some(bytes) = relayed(&setup, &relay, ack, &branch, &mut self.papers.passing) else {
                return false;
            };
            self.send(relay.hop, bytes);
        }
        true
    }

    /// The answer to a relayed request.
    pub(super) fn relayed_response(&mut self, now: Now, client: ClientId, response: &Message) {
        let Some(Sent::Relayed { server, cseq, .. }) = self.transactions.client(client) else { return };
        let (server, cseq) = (*server, *cseq);
        // §16.7 item 5: a 100 says nothing beyond the next hop.
        if response.status() > 100 {
            let returning = Returning { own_route: None, from: None, to: None, cseq };
            let bytes = forward_response(response, &returning, self.papers.of_answer(response.method()));
            self.respond(now, server, response.status(), bytes);
        }
    }

    /// Nobody answered it: an INVITE gets its final answer, anything else nothing (RFC 4320 §4.2).
    pub(super) fn relay_failed(
        &mut self,
        now: Now,
        server: ServerId,
        request: Option<Box<Message>>,
        status: u16,
    ) {
        match request {
            Some(invite) => self.answer_plainly(now, server, &invite, status),
            None => {
                self.transactions.forget_server(server);
            }
        }
    }

    /// The CANCEL of a relayed INVITE. It does not wait for a provisional response (§9.1): what it overtakes is answered as if there had
    /// been none, and nothing is charged for a free call.
    pub(super) fn cancel_relayed(&mut self, now: Now, client: ClientId) {
        self.transactions.cancel(now.moment, client, &[], Sent::Ours);
    }

    /// Timer C for relayed INVITEs (§16.6 item 11).
    pub(super) fn give_up_relayed(&mut self, now: Now) {
        while let Some((_, client)) =
            self.marks.invites.front().copied().filter(|(until, _)| *until <= now.moment)
        {
            self.marks.invites.pop_front();
            let Some(Sent::Relayed { server, request: Some(invite), .. }) = self.transactions.client(client)
            else {
                continue;
            };
            let (server, invite) = (*server, invite.clone());
            self.answer_plainly(now, server, &invite, 408);
            self.transactions.cancel(now.moment, client, &[], Sent::Ours);
        }
    }

    /// The mark of the first Route, if it is ours, of this call, in the hand of whom it was given to, and good for what is asked.
    fn read_mark(&self, setup: &Snapshot, now: Now, flow: Flow, request: &Message) -> Option<Relay> {
        let began = self.marks.began?;
        let mut routes = request.values(Name::Route);
        let own = routes.next()?;
        let own = own.address()?.parsed_uri().ok()?;
        let text = own.param(ROUTE_MARK).flatten()?;
        let (from, to) = (request.from_tag().unwrap_or_default(), request.to_tag().unwrap_or_default());
        let opened = self.marks.seal.open(text, request.call_id(), from, to)?;
        let mark = opened.mark;
        let age = now.utc - mark.decision.made_at();
        // A call rings at most until Timer C, and none but an emergency lasts longer than the longest call.
        let longest = setup.limits.longest_call + setup.limits.timer_c;
        let is_old = age.to_std().is_ok_and(|age| age > longest) && mark.kind != CallKind::Emergency;
        if mark.decision >= began || is_old || !speaks_from(setup, mark.holder, flow) {
            return None;
        }
        let is_good = match request.method() {
            Method::Bye | Method::Ack => true,
            // Whom a transfer leads to nobody would judge (R23).
            Method::Refer | Method::Subscribe | Method::Publish | Method::Register => false,
            // A callee that does not know the dialog may take an INVITE for a new call (§12.2.2): it goes to nobody but whom
            // the call was with (R12).
            Method::Invite => {
                mark.kind != CallKind::Priced && self.marks.seal.is_target(&opened, request.request_uri())
            }
            // What a call that costs is to do is asked of the ledger, or of nobody (R90).
            Method::Prack
            | Method::Update
            | Method::Info
            | Method::Options
            | Method::Notify
            | Method::Message
            | Method::Cancel
            | Method::Other => mark.kind != CallKind::Priced,
        };
        let rest = routes.map(|route| Box::from(&*route.text()));
        is_good.then(|| Relay { hop: mark.hop, ahead: u32::from(mark.ahead), routes: rest.collect() })
    }
}

fn relayed(
    setup: &Snapshot,
    relay: &Relay,
    request: &Message,
    branch: &Branch,
    paper: &mut Paper,
) -> Option<Bytes> {
    let interface = setup.interfaces.at(relay.hop.listener)?;
    let forwarding = Forwarding {
        request_uri: request.request_uri(),
        via: &via(interface, branch),
        record_route: None,
        routes: &relay.routes,
        asserted: None,
        privacy: false,
        from: None,
        to: None,
        cseq: request.cseq().saturating_add(relay.ahead),
        rack: None,
        proofs: &[],
    };
    Some(forward_request(request, &forwarding, paper))
}

fn speaks_from(setup: &Snapshot, holder: IpAddr, flow: Flow) -> bool {
    let speaker = flow.remote.ip().to_canonical();
    speaker == holder || setup.is_same_peer(holder, speaker)
}

fn kind(call: &Call) -> CallKind {
    match (call.permit.emergency(), call.is_free()) {
        (true, _) => CallKind::Emergency,
        (false, true) => CallKind::Free,
        (false, false) => CallKind::Priced,
    }
}

fn bound(invite: &Message) -> Bound<'_> {
    Bound { call_id: invite.call_id(), caller_tag: invite.from_tag().unwrap_or_default() }
}
