//! Requests inside a call: recognised by their dialog, never by their own Route (R12), passed to the other end, asked of nobody (R16).

use std::sync::Arc;

use super::call::CallKey;
use super::{Asked, Event, Gate, Sent};
use crate::base::Now;
use crate::dialog::{Dialog, End, Side, State};
use crate::ledger::EndCause;
use crate::proxy::{Forwarding, Returning, forward_request, forward_response, loop_mark, validate, via};
use crate::sip::digest::Proofs;
use crate::sip::{Flow, Message, Method, Name};
use crate::transaction::{Branch, ClientId, ServerId};

/// A request that was found to belong to a dialog of a call.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub call: CallKey,
    pub dialog: u8,
    pub writer: End,
}

/// A request that was passed on inside a dialog.
#[derive(Clone, Debug)]
pub(super) struct InDialog {
    pub server: ServerId,
    pub call: CallKey,
    pub dialog: u8,
    pub writer: End,
    pub method: Method,
    /// As its writer has numbered it.
    pub cseq: u32,
    /// Kept where it may be needed when the answer has come, or has not.
    pub request: Option<Box<Message>>,
    /// What its receiver has asked for so far.
    pub proofs: Proofs,
}

/// How a request finds its dialog.
enum Standing {
    Alive,
    /// Alive, but the request counts no further than one before it.
    Stale,
    Over,
}

impl Gate {
    /// A request with a To-tag. One that matches no dialog known here, and carries no mark of an earlier run, gets 481, whatever its
    /// Route says (R12).
    pub(super) fn in_dialog(&mut self, now: Now, flow: Flow, server: ServerId, request: &Message) {
        let setup = Arc::clone(&self.setup);
        if let Err(rejection) = validate(request, &setup.interfaces, loop_mark(&self.loop_keys, request)) {
            return self.reject(now, server, request, &rejection);
        }
        let Some(place) = self.find_dialog(flow, request) else {
            if !self.relay(now, flow, server, request) {
                self.tell(Event::Rejected { code: "unknown_dialog", status: 481 });
                self.answer_plainly(now, server, request, 481);
            }
            return;
        };
        let mut transfer = None;
        if request.method() == Method::Refer {
            match self.judge_transfer(now, place.call, place.dialog, place.writer, request) {
                Ok(judged) => transfer = Some(judged),
                Err(refusal) => return self.refuse_transfer(now, server, place.call, request, &refusal),
            }
        }
        self.hear_life(now, place.call);
        match (self.note_request(now, place, flow, request), request.method()) {
            // The dialog has ended here: a BYE that crossed ours is content with a 200, anything else comes too late.
            (Standing::Over, Method::Bye) => return self.part(now, place.call, server, request),
            // A transferor hangs up when she likes; what came of her transfer is still told to her (RFC 5057 §4.1, RFC 3515 §2.4.4).
            (Standing::Over, Method::Notify) if is_of_transfer(request) => {}
            (Standing::Over, _) => return self.answer_plainly(now, server, request, 481),
            // §12.2.2: the other end would refuse it and talk on; the price would have ended.
            (Standing::Stale, Method::Bye) => {
                self.tell(Event::Rejected { code: "stale_bye", status: 500 });
                return self.answer_plainly(now, server, request, 500);
            }
            (Standing::Stale | Standing::Alive, _) => {}
        }
        let (judged, ticket) = transfer.map(|transfer| (transfer.refer, transfer.ticket)).unzip();
        if let Some(ticket) = ticket.flatten() {
            self.tickets.issue(now.moment, ticket, server);
        }
        self.pass_to_other_end(now, place, server, judged.as_ref().unwrap_or(request));
        if request.method() == Method::Bye {
            self.hang_up(now, place);
        }
    }

    /// The ACK of a 2xx, passed on without a transaction; one that belongs to nothing is dropped (R12).
    pub(super) fn acknowledge(&mut self, now: Now, flow: Flow, ack: &Message) {
        let Some(place) = self.find_dialog(flow, ack) else {
            if !self.relay_ack(now, flow, ack) {
                self.tell(Event::Rejected { code: "unknown_dialog", status: 0 });
            }
            return;
        };
        self.hear_life(now, place.call);
        if let Some(call) = self.calls.at_mut(place.call) {
            call.ack_until = None;
        }
        if ack.max_forwards() == Some(0) {
            return;
        }
        let branch = self.transactions.passing_branch(loop_mark(&self.loop_keys, ack));
        let Some(dialog) = self.dialog_mut(place) else { return };
        let cseq = dialog.side(place.writer).invite_sent_as(ack.cseq());
        if let Some((hop, bytes)) = self.towards_other_end(place, ack, &branch, cseq, &[]) {
            self.send(hop, bytes);
        }
    }

    /// Finds the dialog by Call-ID and both tags, and holds the source against the side that claims to speak. A call that comes
    /// back through us has the same words twice, and each of its sides speaks from a place of its own.
    fn find_dialog(&mut self, flow: Flow, request: &Message) -> Option<Place> {
        let keys = self.dialogs.calls(&self.keys.of_message(request));
        keys.into_iter().find_map(|key| self.place_in(key, flow, request))
    }

    fn place_in(&mut self, key: CallKey, flow: Flow, request: &Message) -> Option<Place> {
        let call = self.calls.at_mut(key)?;
        let (dialog, writer) = call.dialog_of(request)?;
        let side = call.dialogs.get(usize::from(dialog))?.side(writer);
        let speaks =
            side.speaks_from(flow) || self.setup.is_same_peer(side.flow().remote.ip(), flow.remote.ip());
        speaks.then_some(Place { call: key, dialog, writer })
    }

    /// Takes note of where and how far its writer is. Whoever has hung up may do so again, with the credentials that the other end
    /// asked for.
    fn note_request(&mut self, now: Now, place: Place, flow: Flow, request: &Message) -> Standing {
        let is_over = self.calls.at(place.call).is_none_or(|call| call.over.is_some());
        let Some(dialog) = self.dialog_mut(place) else { return Standing::Over };
        if is_over && dialog.state() == State::Early {
            // The call was given up before this dialog was answered: whoever speaks in it has neither permit nor money any more.
            return Standing::Over;
        }
        let hangs_up_again = request.method() == Method::Bye && dialog.ended_by() == Some(place.writer);
        if dialog.is_ended() && !hangs_up_again {
            return Standing::Over;
        }
        let moved = dialog.side_mut(place.writer).follow(flow);
        let rises = dialog.count(place.writer, request);
        if moved {
            self.remember(now, place.call);
        }
        if rises { Standing::Alive } else { Standing::Stale }
    }

    pub(super) fn dialog_mut(&mut self, place: Place) -> Option<&mut Dialog> {
        self.calls.at_mut(place.call)?.dialogs.get_mut(usize::from(place.dialog))
    }

    fn pass_to_other_end(&mut self, now: Now, place: Place, server: ServerId, request: &Message) {
        self.find_way(now, place.call, usize::from(place.dialog), place.writer.other());
        let is_invite = request.method() == Method::Invite;
        let Some(dialog) = self.dialog_mut(place) else { return };
        let side = dialog.side_mut(place.writer);
        let cseq = side.sent_as(request.cseq());
        if is_invite {
            side.note_invite(request.cseq(), cseq);
        }
        let branch = self.transactions.new_branch(loop_mark(&self.loop_keys, request));
        let Some((hop, bytes)) = self.towards_other_end(place, request, &branch, cseq, &[]) else {
            return self.answer_plainly(now, server, request, 500);
        };
        if is_invite {
            self.answer_plainly(now, server, request, 100);
        }
        let is_kept = refreshes_target(request.method()) || self.setup.account_at(hop).is_some();
        let sent = InDialog {
            server,
            call: place.call,
            dialog: place.dialog,
            writer: place.writer,
            method: request.method(),
            cseq: request.cseq(),
            request: is_kept.then(|| Box::new(request.clone())),
            proofs: Proofs::default(),
        };
        let client = self.transactions.request(
            now.moment,
            hop,
            request.method(),
            &branch,
            bytes,
            Sent::InDialog(sent),
        );
        if is_invite {
            self.transactions.set_server(server, Asked::ReInvite { call: place.call, client });
            self.await_re_invite(now, place.call, client);
        }
    }

    /// The copy for the other end: its target and its route set as the dialog knows them, whatever the writer put there. It is known
    /// there under `cseq`.
    pub(super) fn towards_other_end(
        &mut self,
        place: Place,
        request: &Message,
        branch: &Branch,
        cseq: u32,
        proofs: &[(Name, String)],
    ) -> Option<(Flow, bytes::Bytes)> {
        let setup = Arc::clone(&self.setup);
        let dialog = self.calls.at(place.call)?.dialogs.get(usize::from(place.dialog))?;
        let (writer, side) = (dialog.side(place.writer), dialog.side(place.writer.other()));
        let hop = side.hop();
        let interface = setup.interfaces.at(hop.listener)?;
        let via = via(interface, branch);
        let bytes = forward_request(
            request,
            &Forwarding {
                request_uri: side.target(),
                via: &via,
                record_route: None,
                routes: side.routes(),
                asserted: None,
                privacy: false,
                from: writer.alias(),
                to: side.alias().map(|_| side.address()),
                cseq,
                rack: rack(request, writer).as_deref(),
                proofs,
            },
            &mut self.papers.passing,
        );
        Some((hop, bytes))
    }

    /// A response to a request that was passed on inside a dialog.
    pub(super) fn in_dialog_response(&mut self, now: Now, client: ClientId, response: &Message) {
        if self.prove_again(now, client, response) {
            return;
        }
        let Some(Sent::InDialog(sent)) = self.transactions.client(client) else { return };
        let InDialog { server, cseq, .. } = *sent;
        let place = sent.place();
        let is_success = (200..300).contains(&response.status());
        let refresh = sent.request.as_ref().filter(|_| is_success && refreshes_target(sent.method)).cloned();
        self.hear_re_invite(now, place.call, client, response.status());
        if response.status() == 100 {
            // §16.7 item 5: a 100 says nothing beyond the next hop.
            return;
        }
        self.hear_session(now, place.call, response);
        if response.method() == Method::Refer && response.status() >= 300 {
            self.tickets.take_back(server);
        }
        if response.method() == Method::Bye && is_disobeyed(response.status()) {
            self.insist(now, place.call, place.dialog, place.writer.other());
        }
        if let (Some(request), Some(dialog)) = (refresh, self.dialog_mut(place)) {
            // §12.2.1.2: a target refresh holds once it was accepted.
            let moved = dialog.side_mut(place.writer).refresh_target(&request)
                | dialog.side_mut(place.writer.other()).refresh_target(response);
            if moved {
                self.remember(now, place.call);
            }
        }
        let dialog = self.calls.at(place.call).and_then(|call| call.dialogs.get(usize::from(place.dialog)));
        let sides = dialog.map(|dialog| (dialog.side(place.writer), dialog.side(place.writer.other())));
        let returning = Returning {
            // §12.2: the route set of a dialog stays as it began.
            own_route: None,
            from: sides.and_then(|(writer, _)| writer.alias().map(|_| writer.address())),
            to: sides.and_then(|(_, other)| other.alias()),
            cseq,
        };
        let bytes = forward_response(response, &returning, self.papers.of_answer(response.method()));
        if response.method() == Method::Bye && response.status() >= 200 {
            self.pass_parting(now, place.call, server, response.status(), bytes);
        } else {
            self.respond(now, server, response.status(), bytes);
        }
    }

    /// Nobody answered a request inside a dialog: an INVITE gets its final answer (§16.9), anything else nothing (RFC 4320 §4.2).
    pub(super) fn in_dialog_failed(&mut self, now: Now, sent: InDialog, status: u16) {
        let InDialog { server, call, dialog, writer, method, request, .. } = sent;
        match request.filter(|_| method == Method::Invite) {
            Some(invite) => self.answer_plainly(now, server, &invite, status),
            None => {
                self.transactions.forget_server(server);
            }
        }
        if method == Method::Bye {
            self.insist(now, call, dialog, writer.other());
        }
    }

    /// A BYE ends its dialog at once, whatever becomes of it further on (R62); the call is over with its last dialog.
    fn hang_up(&mut self, now: Now, place: Place) {
        if let Some(dialog) = self.dialog_mut(place) {
            dialog.end(now.moment, Some(place.writer));
        }
        let Some(call) = self.calls.at(place.call) else { return };
        if !call.is_answered() {
            return;
        }
        if call.dialogs.iter().all(Dialog::is_ended_or_early) {
            self.end_call(now, place.call, hang_up_cause(place.writer));
        } else {
            self.remember(now, place.call);
        }
    }
}

impl InDialog {
    pub(super) fn place(&self) -> Place {
        Place { call: self.call, dialog: self.dialog, writer: self.writer }
    }
}

/// The RAck of a PRACK names the CSeq of its writer's INVITE (RFC 3262 §7.2): in the numbers of the side that it goes to.
fn rack(request: &Message, writer: &Side) -> Option<String> {
    let rack = request.header(Name::RAck).filter(|_| request.method() == Method::Prack)?;
    let mut words = rack.split_ascii_whitespace();
    let (response, cseq, method) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    let known_as = writer.invite_sent_as(cseq);
    (known_as != cseq).then(|| format!("{response} {known_as} {method}"))
}

/// A BYE that the other end will not obey as it stands. To a challenge its writer has the answer, and 481 says that it is done.
fn is_disobeyed(status: u16) -> bool {
    status >= 300 && !matches!(status, 401 | 407 | 481)
}

pub(super) fn hang_up_cause(end: End) -> EndCause {
    match end {
        End::Caller => EndCause::CallerHungUp,
        End::Callee => EndCause::CalleeHungUp,
    }
}

/// Tells how a transfer goes (RFC 3515 §2.4.6).
fn is_of_transfer(notify: &Message) -> bool {
    notify
        .header(Name::Event)
        .is_some_and(|event| event.trim_start().to_ascii_lowercase().starts_with("refer"))
}

/// Methods whose Contact replaces the target of its writer (§12.2.2, RFC 3311).
fn refreshes_target(method: Method) -> bool {
    matches!(method, Method::Invite | Method::Update)
}
