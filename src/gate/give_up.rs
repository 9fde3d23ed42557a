//! No longer wanting an answer: the caller's CANCEL (RFC 3261 §16.10), silent and endless branches (§16.8), and the CANCELs that
//! follow from either.

use super::call::CallKey;
use super::{Asked, Event, Gate, Sent};
use crate::base::Now;
use crate::proxy::{BranchIndex, Branches};
use crate::sip::Message;
use crate::transaction::ServerId;

/// How long a branch that was given up may still speak before it is forgotten: 64*T1, after which a CANCELled INVITE counts as
/// ended (RFC 3261 §9.1).
const LATE_ANSWER: std::time::Duration = std::time::Duration::from_secs(32);

impl Gate {
    /// The caller hung up before the answer (§16.10, §9.2). Never blocked by anything (R16).
    pub(super) fn cancel_by_caller(
        &mut self,
        now: Now,
        cancel: ServerId,
        invite: Option<ServerId>,
        request: &Message,
    ) {
        // An INVITE that has no payload has had its final answer from us: the CANCEL is content all the same (§9.2).
        let status = if invite.is_some() { 200 } else { 481 };
        self.answer_plainly(now, cancel, request, status);
        match invite.and_then(|server| self.transactions.server(server)) {
            Some(Asked::Call(key)) => self.give_up_search(now, *key, 487),
            Some(Asked::ReInvite { call, client }) => self.cancel_re_invite(now, *call, *client),
            Some(Asked::Waiting(place)) => self.cancel_waiting(now, *place),
            Some(Asked::Relayed(client)) => self.cancel_relayed(now, *client),
            None => {}
        }
    }

    /// Cancels every branch; when they have all answered, the caller gets `status`.
    pub(super) fn give_up_search(&mut self, now: Now, key: CallKey, status: u16) {
        let Some(call) = self.calls.at_mut(key) else { return };
        if call.is_answered() || call.over.is_some() {
            return;
        }
        call.given_up.get_or_insert(status);
        call.search.forget_early_media();
        let late = now.moment + LATE_ANSWER;
        for branch in &mut call.search.branches {
            branch.timer_c = branch.timer_c.min(late);
        }
        let ready = call.search.context.cancel();
        let open = call.search.is_open();
        self.cancel_branches(now, key, &ready);
        if !open {
            self.finish_search(now, key);
        }
        self.set_alarm(key);
    }

    pub(super) fn cancel_branches(&mut self, now: Now, key: CallKey, branches: &Branches) {
        for index in branches {
            let Some(branch) = self.calls.at(key).and_then(|call| call.search.at(*index)) else { continue };
            let client = branch.client;
            self.transactions.cancel(now.moment, client, &[], Sent::Ours);
        }
    }

    /// Silence or Timer C: the branch counts as 408 and is cancelled; later, it is forgotten (§16.8).
    pub(super) fn give_up_branch(&mut self, now: Now, key: CallKey, index: BranchIndex) {
        let Some(call) = self.calls.at_mut(key) else { return };
        let given_up = call.search.context.is_given_up(index);
        let Some(branch) = call.search.branches.iter_mut().find(|branch| branch.index == index) else {
            return;
        };
        let (client, trunk) = (branch.client, branch.trunk.clone());
        let (silent_at, over_tcp) =
            (branch.hop.filter(|_| branch.silent_until.is_some()), branch.instead_of.take());
        branch.silent_until = None;
        branch.timer_c = now.moment + LATE_ANSWER;
        if given_up {
            call.search.context.finish(index);
            self.transactions.forget_client(client);
            return;
        }
        let upshot = call.search.context.give_up(index, None);
        if let Some(trunk) = trunk {
            self.tell(Event::TrunkFailed { trunk, status: 408 });
        }
        // Ringing to the end of Timer C is the callee's silence, not the trunk's.
        match (silent_at, over_tcp) {
            // A firewall may have swallowed the connection alone: the next long request goes by UDP.
            (Some(hop), Some(_)) => self.health.refuses_tcp(now.moment, hop.remote),
            (Some(hop), None) => self.trunk_fails(now, hop, None),
            (None, _) => {}
        }
        self.after_failure(now, key, &upshot);
    }
}

/// Failures of the trunk itself, not of the call: the next trunk may do better.
pub(super) fn is_failover(status: u16) -> bool {
    status == 408 || (500..600).contains(&status)
}
