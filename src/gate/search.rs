//! The second stage: find someone who answers. Targets in turn or at once, failover, the response context, CANCEL, the answer
//! (RFC 3261 §16.5 to §16.10).

use std::sync::Arc;

use smallvec::SmallVec;

use super::call::{Call, CallKey, Funds, SentBranch};
use super::in_dialog::via;
use super::meter::Meter;
use super::setup::Snapshot;
use super::{Asked, Event, Gate, Sent};
use crate::base::Now;
use crate::dialog::Dialog;
use crate::ledger::{EndCause, Reservation};
use crate::policy::{Destination, Permit, TrunkChoice};
use crate::proxy::{
    BranchIndex, Branches, Forwarding, Interface, Returning, Target, TargetQueue, Trunk, Upshot,
    forward_request, forward_response, record_route,
};
use crate::sip::{Flow, Framing, Message, Method, Name, cancel};
use crate::transaction::{Branch, ClientId, ServerId};

/// How long a branch that was given up may still speak before it is forgotten: 64*T1, after which a CANCELled INVITE counts as
/// ended (RFC 3261 §9.1).
const LATE_ANSWER: std::time::Duration = std::time::Duration::from_secs(32);

impl Gate {
    /// Begins the search for a call whose money is reserved or that is free.
    pub(super) fn search(&mut self, now: Now, key: CallKey) {
        let setup = Arc::clone(&self.setup);
        let Some(call) = self.calls.get(key) else { return };
        let queue = match call.permit.destination() {
            Destination::Internal(person) => self.phones_of(&setup.policy.person(person).key, now),
            Destination::Number(number) => trunks(&setup, call.permit.trunks(), |trunk| trunk.target(number)),
            Destination::Emergency(code) => emergency_trunks(&setup, &call.permit, &code.to_string()),
            Destination::Feature(code) => {
                trunks(&setup, call.permit.trunks(), |trunk| trunk.target_of_user(&code.to_string()))
            }
            // No permit is ever made for these.
            Destination::NoSuchExtension(_) | Destination::Unknown(_) => TargetQueue::new(),
        };
        if let Some(call) = self.calls.get_mut(key) {
            call.search.queue = queue;
            self.try_next_targets(now, key);
        }
    }

    /// A person's phones: those of one preference ring at once, the preferred first (§16.6, RFC 3261 §20.10).
    fn phones_of(&self, person: &str, now: Now) -> TargetQueue {
        let mut queue = TargetQueue::new();
        let mut last = None;
        for binding in self.registrar.bindings(person, now.moment) {
            let target = Target {
                flow: binding.flow,
                request_uri: binding.target().to_owned(),
                routes: binding.path.iter().cloned().collect(),
                trunk: None,
                silence: None,
            };
            match queue.back_mut().filter(|_| last == Some(binding.preference)) {
                Some(step) => step.push(target),
                None => queue.push_back(SmallVec::from_iter([target])),
            }
            last = Some(binding.preference);
        }
        queue
    }

    /// Sends to the next targets, or ends the search with the best answer so far.
    fn try_next_targets(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.search.context.is_closed() {
            return self.finish_search(now, key);
        }
        let Some(step) = call.search.queue.pop_front() else { return self.finish_search(now, key) };
        let sent = step.iter().filter(|target| self.send_branch(now, key, target)).count();
        if sent == 0 {
            self.try_next_targets(now, key);
        }
    }

    /// Forwards the INVITE to one target. False if the call cannot pay, or the target cannot be reached from here.
    fn send_branch(&mut self, now: Now, key: CallKey, target: &Target) -> bool {
        let setup = Arc::clone(&self.setup);
        let Some(call) = self.calls.get_mut(key) else { return false };
        let Funds::Held { reservation, .. } = &call.funds else { return false };
        let Some(interface) = setup.interfaces.at(target.flow.listener) else { return false };
        let branch = self.transactions.new_branch(loop_mark(&self.loop_keys, &call.invite));
        let bytes = pass_on(&call.permit, reservation, call, &setup, target, interface, &branch);
        let Some(index) = call.search.context.open_branch() else { return false };
        let is_first = call.search.branches.is_empty();
        let client = self.transactions.request(
            now.moment,
            target.flow,
            Method::Invite,
            &branch,
            bytes,
            Sent::Branch(key),
        );
        call.search.branches.push(SentBranch {
            index,
            client,
            flow: target.flow,
            branch,
            trunk: target.trunk,
            silent_until: target.silence.map(|silence| now.moment + silence),
            timer_c: now.moment + setup.limits.timer_c,
        });
        if let Some(trunk) = target.trunk.and_then(|id| setup.trunks.trunk(id)) {
            call.record.trunk = Some(trunk.name.clone());
        }
        let delay = now.moment.since(call.came_at);
        if is_first {
            self.tell(Event::SetUp { delay });
        }
        self.set_alarm(key);
        true
    }

    /// A response to one of our own requests, by what the request was.
    pub(super) fn receive_response(&mut self, now: Now, flow: Flow, client: ClientId, response: Message) {
        match self.transactions.client(client) {
            Some(Sent::Branch(key)) => {
                let key = *key;
                self.branch_response(now, flow, key, client, response);
                self.set_alarm(key);
            }
            Some(Sent::InDialog { .. }) => self.in_dialog_response(now, client, &response),
            Some(Sent::Ours) | None => {}
        }
    }

    fn branch_response(&mut self, now: Now, flow: Flow, key: CallKey, client: ClientId, response: Message) {
        let timer_c = now.moment + self.setup.limits.timer_c;
        let Some(call) = self.calls.get_mut(key) else { return };
        let Some(branch) = call.search.branches.iter_mut().find(|branch| branch.client == client) else {
            return;
        };
        let (index, trunk) = (branch.index, branch.trunk);
        match response.status() {
            status @ 100..=199 => {
                // §16.7 item 2: any provisional but 100 gives the callee more time.
                if status > 100 && !call.search.context.is_given_up(index) {
                    branch.timer_c = timer_c;
                }
                let upshot = call.search.context.provisional(index, status);
                if upshot.forward {
                    self.early_dialog(key, flow, &response);
                    self.send_upstream(now, key, &response);
                }
                self.cancel_branches(now, key, &upshot.cancel);
            }
            200..=299 => {
                let upshot = call.search.context.success(index);
                self.answered(now, key, flow, &response);
                self.cancel_branches(now, key, &upshot.cancel);
            }
            status => {
                if let Some(trunk) = trunk.filter(|_| is_failover(status)) {
                    self.tell(Event::TrunkFailed { trunk, status });
                }
                self.branch_failed(now, key, index, status, Some(response));
            }
        }
    }

    /// A final failure, or what stands for one.
    fn branch_failed(
        &mut self,
        now: Now,
        key: CallKey,
        index: BranchIndex,
        status: u16,
        response: Option<Message>,
    ) {
        let Some(call) = self.calls.get_mut(key) else { return };
        // A trunk that knows the number is busy or unknown has answered for all trunks: only its own failure tries the next.
        if !is_failover(status) && call.search.at(index).is_some_and(|branch| branch.trunk.is_some()) {
            call.search.queue.clear();
        }
        let upshot = call.search.context.failure(index, status, response);
        self.after_failure(now, key, &upshot);
    }

    fn after_failure(&mut self, now: Now, key: CallKey, upshot: &Upshot) {
        self.cancel_branches(now, key, &upshot.cancel);
        if upshot.exhausted {
            self.try_next_targets(now, key);
        }
    }

    /// Silence or Timer C: the branch counts as 408 and is cancelled; later, it is forgotten (§16.8).
    pub(super) fn give_up_branch(&mut self, now: Now, key: CallKey, index: BranchIndex) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let given_up = call.search.context.is_given_up(index);
        let Some(branch) = call.search.branches.iter_mut().find(|branch| branch.index == index) else {
            return;
        };
        let (client, trunk) = (branch.client, branch.trunk);
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
        self.after_failure(now, key, &upshot);
    }

    /// A request of ours got no answer at all: Timer B or F, or a dead transport (§16.9).
    pub(super) fn client_failed(&mut self, now: Now, client: ClientId, payload: Sent, status: u16) {
        match payload {
            Sent::Branch(key) => {
                let Some(branch) = self.calls.get(key).and_then(|call| call.search.branch(client)) else {
                    return;
                };
                let (index, trunk) = (branch.index, branch.trunk);
                if let Some(trunk) = trunk {
                    self.tell(Event::TrunkFailed { trunk, status });
                }
                self.branch_failed(now, key, index, status, None);
                self.set_alarm(key);
            }
            Sent::InDialog { server, request, .. } => self.in_dialog_failed(now, server, request, status),
            Sent::Ours => {}
        }
    }

    /// Nobody answered, and nobody is left to try: the best response goes upstream (§16.7 step 6) and the call is over.
    fn finish_search(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.over.is_some() {
            return;
        }
        let best = call.search.context.take_best();
        let (server, emergency, cancelled) = (call.server, call.permit.emergency(), call.cancelled);
        let status = match &best {
            _ if cancelled => 487,
            // R41: when every emergency trunk fails, the caller is told to try again.
            Some((400..=599, _)) if emergency => 503,
            // §16.7 step 6: a 503 would stop the caller's PBX from using us at all.
            Some((503, _)) => 500,
            Some((status, _)) => *status,
            None if emergency => 503,
            None if call.permit.priced() => 500,
            // §21.4.18: the person is known, but none of her phones is there.
            None => 480,
        };
        call.record.status = Some(status);
        let cause = end_cause(status);
        let invite = call.invite.clone();
        match best {
            Some((held, Some(response))) if held == status => self.send_upstream(now, key, &response),
            Some(_) | None => self.answer_plainly(now, server, &invite, status),
        }
        self.end_call(now, key, cause);
    }

    /// A 2xx goes upstream at once; the first one starts the meter (R62).
    fn answered(&mut self, now: Now, key: CallKey, flow: Flow, response: &Message) {
        self.early_dialog(key, flow, response);
        let Some(call) = self.calls.get_mut(key) else { return };
        let mark = call.record.decision.to_string();
        let dialog = call.dialogs.iter_mut().find(|dialog| Some(dialog.callee_tag()) == response.to_tag());
        if let Some(dialog) = dialog {
            dialog.confirm(now.moment, response, &mark);
        }
        let first = call.meter.is_none() && call.over.is_none();
        if let (true, Funds::Held { price, slice, .. }) = (first, &call.funds) {
            let price = price.as_deref().cloned();
            call.meter = Some(Meter::start(now.moment, price, *slice, call.longest(), &self.setup.limits));
            call.record.answer = Some(now.utc);
            call.record.status = Some(response.status());
        }
        let decision = call.decision;
        if first {
            self.tell(Event::Answered { decision });
        }
        self.send_upstream(now, key, response);
    }

    /// Takes note of the dialog that a response with a To-tag opens (R12).
    fn early_dialog(&mut self, key: CallKey, flow: Flow, response: &Message) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let Some(tag) = response.to_tag() else { return };
        if call.dialogs.len() >= DIALOGS_MAX || call.dialogs.iter().any(|dialog| dialog.callee_tag() == tag) {
            return;
        }
        let mark = call.record.decision.to_string();
        if let Some(dialog) = Dialog::open(&call.invite, call.caller, response, flow, &mark) {
            if let Some(from) = call.invite.from_tag() {
                self.dialogs.insert(self.keys.of(call.invite.call_id(), from, tag), key);
            }
            call.dialogs.push(dialog);
        }
    }

    /// Passes a response of one branch to the caller (§16.7 steps 3, 8 and 9).
    fn send_upstream(&mut self, now: Now, key: CallKey, response: &Message) {
        let Some(call) = self.calls.get(key) else { return };
        let own_from = call.from_sent.as_ref().and_then(|_| call.invite.header(Name::From));
        let returning = Returning {
            towards: self.setup.interfaces.at(call.caller.listener),
            mark: &call.decision.to_string(),
            from: own_from.as_deref(),
        };
        let bytes = forward_response(response, &returning);
        self.respond(now, call.server, response.status(), bytes);
    }

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
            Some(Asked::Call(key)) => self.give_up_search(now, *key),
            Some(Asked::ReInvite { client, flow, branch }) => {
                let (client, flow, branch) = (*client, *flow, branch.clone());
                self.cancel_client(now, client, flow, &branch);
            }
            None => {}
        }
    }

    /// Cancels every branch. The best response, a 487 as a rule, ends the call when they have all answered.
    pub(super) fn give_up_search(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.is_answered() || call.over.is_some() {
            return;
        }
        call.cancelled = true;
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

    fn cancel_branches(&mut self, now: Now, key: CallKey, branches: &Branches) {
        for index in branches {
            let Some(branch) = self.calls.get(key).and_then(|call| call.search.at(*index)) else { continue };
            let (client, flow, id) = (branch.client, branch.flow, branch.branch.clone());
            self.cancel_client(now, client, flow, &id);
        }
    }

    fn cancel_client(&mut self, now: Now, client: ClientId, flow: Flow, branch: &Branch) {
        let sent = self.transactions.sent_request(client).cloned();
        let sent = sent.and_then(|bytes| Message::parse(bytes, Framing::Stream).ok());
        if let Some(invite) = sent {
            self.transactions.request(
                now.moment,
                flow,
                Method::Cancel,
                branch,
                cancel(&invite, &[]),
                Sent::Ours,
            );
        }
    }
}

/// Dialogs of one call: each fork below a trunk may open one; more than these is no phone call (RFC 5393 §5).
const DIALOGS_MAX: usize = 16;

/// The one place where an INVITE is made ready to leave: both proofs are asked for, so a call that lacks one does not compile.
fn pass_on(
    permit: &Permit,
    reservation: &Reservation,
    call: &Call,
    setup: &Snapshot,
    target: &Target,
    interface: &Interface,
    branch: &Branch,
) -> bytes::Bytes {
    debug_assert!(reservation.is_free() || permit.priced(), "only a priced call reserves");
    let asserted = target.trunk.and_then(|_| call.asserted.as_deref());
    // R41: whoever answers an emergency must be able to call back.
    let callback = permit.emergency().then(|| setup.policy.site(permit.site()).callback).flatten();
    let callback = callback.map(|number| format!("<sip:{number}@{}>", setup.realm));
    forward_request(
        &call.invite,
        &Forwarding {
            request_uri: &target.request_uri,
            via: &via(interface, branch),
            record_route: Some(&record_route(interface, &call.decision.to_string())),
            routes: &target.routes,
            asserted: callback.as_deref().or(asserted),
            from: call.from_sent.as_deref(),
        },
    )
}

fn trunks(setup: &Snapshot, choice: &TrunkChoice, target: impl Fn(&Trunk) -> Target) -> TargetQueue {
    match choice {
        TrunkChoice::Any => setup.trunks.targets(target),
        TrunkChoice::Named(names) => setup.trunks.named(names, target),
    }
}

/// R41: the site's own list in its order; every trunk if it has none.
fn emergency_trunks(setup: &Snapshot, permit: &Permit, code: &str) -> TargetQueue {
    let names = &setup.policy.site(permit.site()).emergency_trunks;
    let target = |trunk: &Trunk| trunk.target_of_user(code);
    if names.is_empty() { setup.trunks.targets(target) } else { setup.trunks.named(names, target) }
}

/// Failures of the trunk itself, not of the call: the next trunk may do better.
fn is_failover(status: u16) -> bool {
    status == 408 || (500..600).contains(&status)
}

fn end_cause(status: u16) -> EndCause {
    match status {
        487 => EndCause::Cancelled,
        486 | 600 | 603 => EndCause::Declined,
        408 | 480 => EndCause::NoAnswer,
        _ => EndCause::Failed,
    }
}

/// §16.6 item 8: what decides where a request goes, as one number; the same again means a loop.
pub(super) fn loop_mark(keys: &ahash::RandomState, request: &Message) -> u64 {
    use std::hash::{BuildHasher, Hash, Hasher};
    let mut hasher = keys.build_hasher();
    request.request_uri().hash(&mut hasher);
    request.call_id().hash(&mut hasher);
    request.from_tag().hash(&mut hasher);
    request.cseq().hash(&mut hasher);
    hasher.finish()
}
