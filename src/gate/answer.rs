//! What goes back to the caller: provisional and final responses, the dialog that an answer opens, the end of a search without one
//! (RFC 3261 §16.7, §13.3).

use smallvec::SmallVec;

use super::call::{CallKey, Funds, HeldAnswers};
use super::in_dialog::hang_up_cause;
use super::meter::{Meter, Terms};
use super::money::LEDGER_PATIENCE;
use super::sips::is_sips;
use super::{Event, Gate, Output};
use crate::base::Now;
use crate::dialog::{Dialog, End};
use crate::ledger::{Answer, Command, EndCause, Reservation};
use crate::policy::{Reason, Refusal};
use crate::proxy::{OwnRoute, Returning, TargetQueue, forward_response, record_route};
use crate::sip::{Flow, Message, Name};

/// Dialogs of one call: each fork below a trunk may open one; more than these is no phone call (RFC 5393 §5).
const DIALOGS_MAX: usize = 16;

/// How long an answer may stay without its ACK: 64*T1 (RFC 3261 §13.3.1.4), then the call is ended (R67).
const UNACKNOWLEDGED: std::time::Duration = std::time::Duration::from_secs(32);

impl Gate {
    /// A 2xx goes upstream at once if the call costs nothing or its first answer is written; else it waits for that (R91).
    pub(super) fn answered(&mut self, now: Now, key: CallKey, flow: Flow, response: Message) {
        self.early_dialog(key, flow, &response);
        let Some(call) = self.calls.at(key) else { return };
        let costs = matches!(&call.funds, Funds::Held { price: Some(_) });
        if costs && !call.is_answered() && call.over.is_none() {
            self.hold_answer(now, key, response);
        } else {
            self.pass_answer(now, key, &response);
        }
    }

    /// Keeps a 2xx back until the row that says so is durable: a call that a kill would forget never connects, and a dead database
    /// lets no call through unpaid. What the callee repeats meanwhile is the same answer.
    fn hold_answer(&mut self, now: Now, key: CallKey, response: Message) {
        let Some(call) = self.calls.at_mut(key) else { return };
        if let Some(held) = &mut call.search.held {
            let is_repeat = held.responses.iter().any(|other| other.to_tag() == response.to_tag());
            if !is_repeat && held.responses.len() < DIALOGS_MAX {
                held.responses.push(response);
            }
            return;
        }
        let mark = call.decision.text();
        let dialog = call.dialogs.iter_mut().find(|dialog| Some(dialog.callee_tag()) == response.to_tag());
        if let Some(dialog) = dialog {
            dialog.hear_answer(&response, &mark);
        }
        let mut record = call.boxed_record();
        (record.answer, record.status) = (Some(now.utc), Some(response.status()));
        call.search.forget_early_media();
        let until = now.moment + LEDGER_PATIENCE;
        let id = call.reservation;
        let state = self.saved_at_answer(now, key, &response);
        if let Some(call) = self.calls.at_mut(key) {
            let responses = SmallVec::from_iter([response]);
            call.search.held = Some(Box::new(HeldAnswers { responses, until }));
        }
        let answer = Answer { id, at: now.utc, record, state };
        self.outputs.push_back(Output::Ledger(Command::Answer(answer)));
    }

    /// The ledger has written that the call is answered: its 2xx leave.
    pub(super) fn answer_written(&mut self, now: Now, key: CallKey) {
        let held = self.calls.at_mut(key).and_then(|call| call.search.written()?.held.take());
        for response in held.into_iter().flat_map(|held| held.responses) {
            self.pass_answer(now, key, &response);
        }
    }

    /// The answer could not be written: the call never was. The caller hears why, and `end_call` tells the callee.
    pub(super) fn answer_lost(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at_mut(key).filter(|call| call.over.is_none()) else { return };
        let refusal = Refusal::of(Reason::LedgerUnavailable).about(&call.permit);
        call.record.reason = Some(refusal.reason().code().into());
        call.record.status = Some(refusal.reason().status());
        self.refuse_late(now, key, &refusal);
        self.end_call(now, key, EndCause::Refused);
    }

    /// The call is over before its answer was written: whoever answered is sent home.
    pub(super) fn refuse_held(&mut self, now: Now, key: CallKey) {
        // The call is over, so each is refused.
        self.answer_written(now, key);
    }

    /// A 2xx goes upstream; the first one starts the meter (R62).
    fn pass_answer(&mut self, now: Now, key: CallKey, response: &Message) {
        let Some(call) = self.calls.at_mut(key) else { return };
        let mark = call.record.decision.text();
        let dialog = call.dialogs.iter_mut().find(|dialog| Some(dialog.callee_tag()) == response.to_tag());
        let is_news = dialog.is_some_and(|dialog| dialog.confirm(now.moment, response, &mark));
        if call.over.is_some() {
            return self.refuse_answer(now, key, response);
        }
        let first = call.meter.is_none();
        let dialog = call.dialogs.iter().find(|dialog| Some(dialog.callee_tag()) == response.to_tag());
        let hung_up = dialog.and_then(Dialog::ended_by);
        if first {
            self.start_meter(now, key, response.status());
        }
        self.hear_session(now, key, response);
        self.send_upstream(now, key, response);
        if first {
            self.remember_free(now, key);
        } else if is_news {
            self.remember(now, key);
        }
        // A BYE in the early dialog crossed the answer (§15): it has ended the call at either end.
        if let Some(end) = hung_up.filter(|_| first) {
            self.end_call(now, key, hang_up_cause(end));
        }
    }

    /// The call has its first answer: the price runs from here (R62).
    fn start_meter(&mut self, now: Now, key: CallKey, status: u16) {
        let Some(call) = self.calls.at_mut(key) else { return };
        let Funds::Held { price } = &call.funds else { return };
        let terms = Terms {
            price: price.clone(),
            covered: call.search.slice,
            longest: call.longest(now.utc),
            period_end: call.period_end,
            left: call.search.proof.as_ref().and_then(Reservation::left),
        };
        call.meter = Some(Meter::start(now.moment, terms, &self.setup.limits));
        call.invite.iter_mut().for_each(|invite| invite.drop_body());
        // Nobody else is tried now; the branches stay for as long as another 2xx may come.
        call.search.written().into_iter().for_each(|search| search.queue = TargetQueue::new());
        call.record.answer = Some(now.utc);
        call.record.status = Some(status);
        call.search.forget_early_media();
        call.review.answered(now.moment);
        call.ack_until = Some(now.moment + UNACKNOWLEDGED);
        let (decision, trunk) = (call.decision, call.record.trunk.clone());
        self.tell(Event::Answered { decision, trunk });
    }

    /// The transaction of a branch is over. With the last of an answered call goes what only its search needed: no other answer can come
    /// that would open a dialog (RFC 6026 §8.4).
    pub(super) fn drop_invite(&mut self, key: CallKey) {
        let Some(call) = self.calls.at_mut(key).filter(|call| call.is_answered()) else { return };
        let mut branches = call.search.branches.iter();
        if branches.all(|branch| self.transactions.client(branch.client).is_none()) {
            call.invite = None;
            call.search.clear();
        }
    }

    /// Takes note of the dialog that a response with a To-tag opens (R12).
    pub(super) fn early_dialog(&mut self, key: CallKey, flow: Flow, response: &Message) {
        let Some(call) = self.calls.at_mut(key) else { return };
        let Some(tag) = response.to_tag() else { return };
        if call.dialogs.len() >= DIALOGS_MAX || call.dialogs.iter().any(|dialog| dialog.callee_tag() == tag) {
            return;
        }
        let Some(invite) = call.invite.as_deref() else { return };
        let mark = call.record.decision.text();
        if let Some(mut dialog) = Dialog::open(invite, call.caller.flow(), response, flow, &mark) {
            dialog.side_mut(End::Caller).show_as(call.search.from_sent.clone());
            // Whoever repeats the words of a dialog that is alive does not take its place: each is told by where it is spoken from.
            let from = invite.from_tag().unwrap_or_default();
            self.dialogs.add(self.keys.of(invite.call_id(), from, tag), key);
            call.dialogs.push(dialog);
        }
    }

    /// Passes a response of one branch to the caller (§16.7 steps 3, 8 and 9).
    pub(super) fn send_upstream(&mut self, now: Now, key: CallKey, response: &Message) {
        let Some(call) = self.calls.at(key) else { return };
        let Some(invite) = call.invite.as_deref() else { return };
        let own_from = call.search.from_sent.as_ref().and_then(|_| invite.header(Name::From));
        let towards = self.setup.interfaces.at(call.caller.flow().listener);
        let opens_dialog = response.to_tag().is_some() && response.status() < 300;
        let decision = call.decision.text();
        let own_route = towards.filter(|_| opens_dialog).map(|interface| {
            record_route(interface, call.sips, &self.marks.for_caller(call, invite, response))
        });
        let returning = Returning {
            own_route: own_route.as_deref().map(|route| OwnRoute { decision: &decision, route }),
            from: own_from.as_deref(),
            to: None,
            cseq: invite.cseq(),
        };
        let bytes = forward_response(response, &returning, &mut self.papers.passing);
        self.respond(now, call.server, response.status(), bytes);
    }

    /// Nobody answered, and nobody is left to try: the best response goes upstream (§16.7 step 6) and the call is over.
    pub(super) fn finish_search(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at_mut(key) else { return };
        if call.over.is_some() {
            return;
        }
        let best = call.search.context.take_best();
        let (server, emergency) = (call.server, call.permit.emergency());
        let status = match (&best, call.given_up) {
            (_, Some(status)) => status,
            // R41: when every emergency trunk fails, the caller is told to try again.
            (Some((400..=599, _)), None) if emergency => 503,
            // §16.7 step 6: a 503 would stop the caller's PBX from using us at all.
            (Some((503, _)), None) => 500,
            (Some((status, _)), None) => *status,
            (None, None) if emergency => 503,
            // RFC 5630 §5.3: no way with TLS leads to where a sips: address asks for.
            (None, None) if call.sips => 480,
            (None, None) if call.permit.priced() => 500,
            // §21.4.18: the person is known, but none of her phones is there.
            (None, None) => 480,
        };
        call.record.status = Some(status);
        let cause = if call.review.refusal.is_some() { EndCause::CutRights } else { end_cause(status) };
        let Some(invite) = call.invite.clone() else { return };
        if let Some(refusal) = call.review.written().and_then(|review| review.refusal.take()) {
            self.refuse_late(now, key, &refusal);
            return self.end_call(now, key, cause);
        }
        match best {
            Some((held, Some(response))) if held == status => self.send_upstream(now, key, &response),
            None if !emergency && is_sips(&invite) => {
                let warning = format!("380 {} \"SIPS Not Allowed\"", self.setup.realm);
                self.answer_with(now, server, &invite, status, &[("Warning", &warning)]);
            }
            Some(_) | None => self.answer_plainly(now, server, &invite, status),
        }
        self.end_call(now, key, cause);
    }
}

fn end_cause(status: u16) -> EndCause {
    match status {
        487 => EndCause::Cancelled,
        486 | 600 | 603 => EndCause::Declined,
        408 | 480 => EndCause::NoAnswer,
        _ => EndCause::Failed,
    }
}
