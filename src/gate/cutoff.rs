//! The end of a call: by its parties, or by the gate when money or time is over (R70 to R72), and what is remembered afterwards.

use std::mem;
use std::time::Duration;

use smallvec::SmallVec;

use super::Gate;
use super::call::CallKey;
use super::trunk_login::OwnBye;
use crate::base::{Now, shrink_after_rush};
use crate::dialog::{End, ack};
use crate::ledger::EndCause;
use crate::proxy::via;
use crate::sip::Message;

/// How long an ended call is remembered: 64*T1, in which a crossing BYE, a late ACK or a repeated 2xx may still come (R71).
const REMEMBERED: Duration = Duration::from_secs(32);

impl Gate {
    /// Ends a call from the middle: BYE to both sides at once, or CANCEL while it rings.
    pub(super) fn cut(&mut self, now: Now, key: CallKey, cause: EndCause) {
        let Some(call) = self.calls.at(key).filter(|call| call.over.is_none()) else { return };
        if !call.is_answered() {
            return self.give_up_search(now, key, 408);
        }
        let ended = call.life.ended.unwrap_or(now.moment);
        for dialog in 0..call.dialogs.len() {
            self.send_bye(now, key, dialog, End::Caller, cause);
            self.send_bye(now, key, dialog, End::Callee, cause);
            if let Some(dialog) = self.calls.at_mut(key).and_then(|call| call.dialogs.get_mut(dialog)) {
                dialog.end(ended, None);
            }
        }
        self.end_call(now, key, cause);
    }

    /// The BYE of one end was refused by the other, or not heard: a plain one of our own follows, or whoever writes a BYE that
    /// cannot be obeyed talks on for nothing (R62).
    pub(super) fn insist(&mut self, now: Now, key: CallKey, dialog: u8, end: End) {
        self.write_bye(now, key, usize::from(dialog), end, EndCause::CallerHungUp);
    }

    pub(super) fn send_bye(&mut self, now: Now, key: CallKey, index: usize, end: End, cause: EndCause) {
        let dialog = self.calls.at(key).and_then(|call| call.dialogs.get(index));
        if dialog.is_some_and(|dialog| !dialog.is_ended_or_early()) {
            self.write_bye(now, key, index, end, cause);
        }
    }

    /// One BYE in its own transaction; that one side fails does not stop the other.
    fn write_bye(&mut self, now: Now, key: CallKey, index: usize, end: End, cause: EndCause) {
        self.write_own_bye(now, OwnBye::of(key, index, end, cause));
    }

    /// A target answers a call that is already over, as when a CANCEL crosses it: the answer is acknowledged and ended by us,
    /// since nobody upstream will (§9.1, R67).
    pub(super) fn refuse_answer(&mut self, now: Now, key: CallKey, response: &Message) {
        let Some(call) = self.calls.at_mut(key) else { return };
        let Some(cseq) = call.invite.as_ref().map(|invite| invite.cseq()) else { return };
        let found = call.dialogs.iter().position(|dialog| Some(dialog.callee_tag()) == response.to_tag());
        let Some((index, dialog)) = found.and_then(|index| Some((index, call.dialogs.get(index)?))) else {
            return;
        };
        let Some(interface) = self.setup.interfaces.at(dialog.side(End::Callee).hop().listener) else {
            return;
        };
        let branch = self.transactions.passing_branch(0);
        let (flow, bytes) = ack(dialog, cseq, &via(interface, &branch));
        self.send(flow, bytes);
        self.send_bye(now, key, index, End::Callee, EndCause::Cancelled);
        if let Some(dialog) = self.calls.at_mut(key).and_then(|call| call.dialogs.get_mut(index)) {
            dialog.end(now.moment, None);
        }
    }

    /// The call is over: money is settled or released now, once (R69); the call is forgotten when nothing of it can come any more.
    pub(super) fn end_call(&mut self, now: Now, key: CallKey, cause: EndCause) {
        let Some(call) = self.calls.at_mut(key).filter(|call| call.over.is_none()) else { return };
        call.over = Some(cause);
        let silence = call.life.ended.map_or(Duration::ZERO, |ended| now.moment.since(ended));
        call.record.end = Some(now.utc - silence);
        call.record.end_cause = Some(cause);
        let forget_at = now.moment + REMEMBERED;
        call.forget_at = Some(forget_at);
        for waiting in call.re_invites.written().into_iter().flatten() {
            waiting.until = waiting.until.min(forget_at);
        }
        let (was_counted, membership) = (mem::take(&mut call.is_counted), mem::take(&mut call.membership));
        self.leave_live(key, was_counted, membership);
        self.resolve_funds(now, key);
        self.refuse_held(now, key);
        self.set_alarm(key);
    }

    /// Nothing of this call can come any more.
    pub(super) fn forget_call(&mut self, key: CallKey) {
        let before = self.words_before(key);
        let Some(mut call) = self.calls.remove(key) else { return };
        self.leave_live(key, call.is_counted, mem::take(&mut call.membership));
        if call.parting.due().is_some() {
            self.partings.remove(&key);
        }
        self.reservations.remove(&call.reservation);
        shrink_after_rush(&mut self.reservations);
        let words = call.dialogs.iter().map(|dialog| {
            self.keys.of(dialog.call_id(), dialog.side(End::Caller).tag(), dialog.callee_tag())
        });
        for words in words.chain(before).collect::<SmallVec<[_; 2]>>() {
            self.dialogs.remove(&words, key);
        }
    }
}

/// The Reason header of a BYE of ours (RFC 3326).
pub(super) fn reason(cause: EndCause) -> &'static str {
    match cause {
        EndCause::CutMoney => "SIP;cause=402;text=\"Budget spent\"",
        EndCause::CutTime => "SIP;cause=408;text=\"Longest call reached\"",
        EndCause::CutRights => "SIP;cause=403;text=\"Rights changed\"",
        EndCause::Dead => "SIP;cause=408;text=\"No sign of life\"",
        EndCause::Lost => "SIP;cause=503;text=\"The gate was stopped\"",
        EndCause::Refused
        | EndCause::CallerHungUp
        | EndCause::CalleeHungUp
        | EndCause::Cancelled
        | EndCause::Declined
        | EndCause::NoAnswer
        | EndCause::Failed => "SIP;cause=200;text=\"Call completed\"",
    }
}
