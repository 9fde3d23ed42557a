//! A re-INVITE from its passing on to its final response: the CANCEL that waits for the first provisional one (RFC 3261 §9.1), and the
//! time after which nobody waits any more (§16.6 item 11, §16.8).

use smallvec::SmallVec;

use super::call::CallKey;
use super::in_dialog::InDialog;
use super::{Gate, Sent};
use crate::base::{Blank, Moment, Now};
use crate::transaction::ClientId;

/// Those of one call without a final response.
pub type ReInvites = SmallVec<[ReInvite; 1]>;

impl Blank for ReInvites {
    fn blank() -> &'static ReInvites {
        static BLANK: ReInvites = SmallVec::new_const();
        &BLANK
    }
}

/// A re-INVITE without a final response.
pub struct ReInvite {
    client: ClientId,
    /// A provisional response came.
    heard: bool,
    /// Its writer has cancelled it.
    unwanted: bool,
    /// Timer C, or the end of its call's memory.
    pub until: Moment,
}

impl Gate {
    pub(super) fn await_re_invite(&mut self, now: Now, key: CallKey, client: ClientId) {
        let timer_c = now.moment + self.setup.limits.timer_c;
        if let Some(call) = self.calls.at_mut(key) {
            // A dialog of a call that was given up may still be spoken in.
            let until = call.forget_at.map_or(timer_c, |end| end.min(timer_c));
            call.re_invites.push(ReInvite { client, heard: false, unwanted: false, until });
        }
        self.set_alarm(key);
    }

    /// The CANCEL of a re-INVITE leaves as soon as it may.
    pub(super) fn cancel_re_invite(&mut self, now: Now, key: CallKey, client: ClientId) {
        let Some(waiting) = self.re_invite(key, client) else { return };
        waiting.unwanted = true;
        if waiting.heard {
            self.transactions.cancel(now.moment, client, &[], Sent::Ours);
        }
    }

    /// Takes note of a response to what may be a re-INVITE.
    pub(super) fn hear_re_invite(&mut self, now: Now, key: CallKey, client: ClientId, status: u16) {
        let until = now.moment + self.setup.limits.timer_c;
        if status >= 200 {
            return self.end_re_invite(key, client);
        }
        let is_live = self.calls.at(key).is_some_and(|call| call.over.is_none());
        let Some(waiting) = self.re_invite(key, client) else { return };
        let is_first = !std::mem::replace(&mut waiting.heard, true);
        if status > 100 && is_live {
            waiting.until = until;
        }
        if is_first && waiting.unwanted {
            self.transactions.cancel(now.moment, client, &[], Sent::Ours);
        }
    }

    /// It has its final response, or none will come.
    pub(super) fn end_re_invite(&mut self, key: CallKey, client: ClientId) {
        if let Some(call) = self.calls.at_mut(key) {
            call.re_invites.written().into_iter().for_each(|known| known.retain(|it| it.client != client));
            if call.re_invites.is_empty() {
                call.re_invites.clear();
            }
        }
        self.set_alarm(key);
    }

    /// The re-INVITE goes on as another request.
    pub(super) fn repeat_re_invite(&mut self, key: CallKey, old: ClientId, new: ClientId) {
        if let Some(waiting) = self.re_invite(key, old) {
            waiting.client = new;
            waiting.heard = false;
        }
    }

    /// Its writer has cancelled it, or nobody waits for it any more.
    pub(super) fn is_unwanted(&mut self, key: CallKey, client: ClientId) -> bool {
        self.re_invite(key, client).is_none_or(|waiting| waiting.unwanted)
    }

    /// Those whose time is over get 408, and are cancelled.
    pub(super) fn give_up_re_invites(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at(key) else { return };
        let overdue = call.re_invites.iter().filter(|waiting| waiting.until <= now.moment);
        let overdue: SmallVec<[ClientId; 1]> = overdue.map(|waiting| waiting.client).collect();
        for client in overdue {
            self.end_re_invite(key, client);
            if let Some(Sent::InDialog(InDialog { server, request: Some(invite), .. })) =
                self.transactions.client(client)
            {
                let (server, invite) = (*server, invite.clone());
                self.answer_plainly(now, server, &invite, 408);
            }
            self.transactions.cancel(now.moment, client, &[], Sent::Ours);
        }
    }

    fn re_invite(&mut self, key: CallKey, client: ClientId) -> Option<&mut ReInvite> {
        self.calls.at_mut(key)?.re_invites.written()?.iter_mut().find(|waiting| waiting.client == client)
    }
}
