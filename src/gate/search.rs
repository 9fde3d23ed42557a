//! The second stage: find someone who answers. Targets in turn or at once, failover, and what each branch's response means
//! (RFC 3261 §16.5 to §16.9).

use std::sync::Arc;

use smallvec::SmallVec;

use super::call::{Call, CallKey, Login, Parked, SentBranch};
use super::caller_id::{Told, from_towards};
use super::capacity::is_full;
use super::give_up::is_failover;
use super::homes::{pbx_queue, person_there};
use super::money::LEDGER_PATIENCE;
use super::setup::Snapshot;
use super::sips::{carries, in_scheme};
use super::trunk_login::Challenged;
use super::{Event, Gate, Output, Sent};
use crate::base::{Now, Random};
use crate::ledger::Reservation;
use crate::policy::{Destination, Permit, TrunkChoice};
use crate::proxy::{
    BranchIndex, Forwarding, Interface, Target, TargetQueue, Trunk, Upshot, forward_request, loop_mark,
    record_route, via,
};
use crate::sip::{Flow, Message, Method, Name, Paper};
use crate::transaction::{Branch, ClientId};

impl Gate {
    /// Begins the search for a call whose money is reserved or that is free: only now is it really permitted.
    pub(super) fn search(&mut self, now: Now, key: CallKey) {
        self.tell_permitted(key);
        self.try_next_targets(now, key);
    }

    /// Lines up the targets of a call, before its money is asked for: the first trunk's budgets count too (R3).
    pub(super) fn line_up(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at_mut(key) else { return };
        if let Some(target) = call.search.queue.front().and_then(|step| step.first()) {
            // R24: the phone that holds the dialog which is replaced; or the one that a telephone system has chosen.
            call.budget_trunk = target.trunk.clone();
            return;
        }
        let queue = self.targets_for(now, key);
        if let Some(call) = self.calls.at_mut(key) {
            let first = queue.front().and_then(|step| step.first());
            call.budget_trunk = first.and_then(|target| target.trunk.clone());
            call.search.queue = queue;
        }
    }

    /// Whoever may answer this call, in the order in which they are tried; trunk addresses that rest come last.
    pub(super) fn targets_for(&mut self, now: Now, key: CallKey) -> TargetQueue {
        let setup = Arc::clone(&self.setup);
        let Some(call) = self.calls.at(key) else { return TargetQueue::new() };
        let random = &mut self.random;
        let queue = match call.permit.destination() {
            Destination::Internal(person) => match setup.pbx_of(person) {
                Some(pbx) => pbx_queue(pbx, person_there(&setup, person)),
                None => self.phones_of(&setup.policy.person(person).key, now),
            },
            Destination::Number(number) => {
                let queue = trunks(&setup, call.permit.trunks(), random, |trunk| trunk.target(number));
                setup.costs.sorted(queue, number, now.utc)
            }
            Destination::Emergency(code) => {
                let user = code.to_string();
                let choice = setup.emergency_trunks(call.permit.site());
                trunks(&setup, &choice, random, |trunk| trunk.target_of_user(&user))
            }
            Destination::Feature(code) => {
                let user = code.to_string();
                match setup.homes.get(&call.permit.site()) {
                    Some(pbx) => pbx_queue(pbx, user),
                    None => trunks(&setup, call.permit.trunks(), random, |trunk| trunk.target_of_user(&user)),
                }
            }
            // No permit is ever made for these.
            Destination::NoSuchExtension(_) | Destination::Unknown(_) => TargetQueue::new(),
        };
        self.health.sorted(now.moment, queue)
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
    pub(super) fn try_next_targets(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at_mut(key) else { return };
        if call.search.context.is_answered() {
            return;
        }
        if call.search.context.is_closed() {
            return self.finish_search(now, key);
        }
        let from = call.budget_trunk.clone();
        let Some(step) = call.search.queue.pop_front() else { return self.finish_search(now, key) };
        if self.reserve_on_trunk(now, key, &step) {
            return self.send_step(now, key, &step);
        }
        if let Some(call) = self.calls.at_mut(key) {
            call.search.parked = Some(Box::new(Parked { step, from, until: now.moment + LEDGER_PATIENCE }));
            self.set_alarm(key);
        }
    }

    /// Sends to targets whose trunk's budget has room.
    pub(super) fn send_step(&mut self, now: Now, key: CallKey, step: &[Target]) {
        let sent = step.iter().filter(|target| self.send_branch(now, key, target)).count();
        if sent == 0 {
            self.try_next_targets(now, key);
        }
    }

    /// Forwards the INVITE to one target. False if the call cannot pay, or the target cannot be reached from here.
    fn send_branch(&mut self, now: Now, key: CallKey, target: &Target) -> bool {
        let setup = Arc::clone(&self.setup);
        let Some(call) = self.calls.at_mut(key) else { return false };
        let Some(invite) = call.invite.as_deref() else { return false };
        let trunk = target.trunk.as_deref().and_then(|name| setup.trunks.trunk(name));
        let is_full = |trunk| is_full(&self.live, &setup, trunk, key, call);
        if !carries(target, call) || trunk.is_some_and(is_full) {
            return false;
        }
        call.search.from_sent = from_towards(trunk, call, invite, &setup);
        let Some((branch, mut bytes)) = self.made_for(&setup, key, target, None) else { return false };
        let instead = self.over_tcp(&setup, now.moment, target, bytes.len());
        let again = instead.as_ref().and_then(|over_tcp| self.made_for(&setup, key, over_tcp, Some(branch)));
        bytes = again.map_or(bytes, |(_, bytes)| bytes);
        let to = instead.as_ref().unwrap_or(target);
        let Some(call) = self.calls.at_mut(key) else { return false };
        let Some(index) = call.search.context.open_branch() else { return false };
        let Some(invite) = call.invite.as_deref() else { return false };
        let account = trunk.and_then(|trunk| trunk.account.as_ref());
        let is_first = call.search.branches.is_empty();
        let delay = now.moment.since(call.search.came_at.unwrap_or(now.moment));
        let payload = Sent::Branch(key);
        let client = self.transactions.request(now.moment, to.flow, Method::Invite, &branch, bytes, payload);
        call.search.branches.push(SentBranch {
            index,
            client,
            trunk: target.trunk.clone(),
            hop: target.trunk.as_ref().map(|_| target.flow),
            instead_of: instead.as_ref().map(|_| Box::new(target.clone())),
            unheard_since: target.trunk.as_ref().map(|_| now.moment),
            silent_until: target.silence.map(|silence| now.moment + silence),
            timer_c: now.moment + setup.limits.timer_c,
            login: account.map(|_| Box::new(Login::before(to, invite))),
        });
        if let Some(trunk) = &target.trunk {
            call.record.trunk = Some(trunk.clone());
            self.count_on_trunk(key, trunk);
            self.health.tried(now.moment, target.flow);
            self.tell(Event::TrunkTried { trunk: trunk.clone() });
        }
        if is_first {
            self.tell(Event::SetUp { delay });
        }
        self.set_alarm(key);
        true
    }

    /// The INVITE as it would leave for a target, on a branch of its own or on one that was not used; nothing if the call cannot
    /// pay, or the target cannot be reached from here.
    pub(super) fn made_for(
        &mut self,
        setup: &Snapshot,
        key: CallKey,
        target: &Target,
        branch: Option<Branch>,
    ) -> Option<(Branch, bytes::Bytes)> {
        let call = self.calls.at(key)?;
        let invite = call.invite.as_deref()?;
        let proof = call.proof()?;
        let interface = setup.interfaces.at(target.flow.listener)?;
        let branch =
            branch.unwrap_or_else(|| self.transactions.new_branch(loop_mark(&self.loop_keys, invite)));
        let mark = self.marks.for_callee(call, invite, target);
        let cseq = invite.cseq();
        let leaving = Leaving { target, interface, branch: &branch, cseq, mark: &mark, proofs: &[] };
        let bytes = pass_on(&call.permit, proof, call, invite, setup, &leaving, &mut self.papers.passing);
        Some((branch, bytes))
    }

    /// A response to one of our own requests, by what the request was.
    pub(super) fn receive_response(&mut self, now: Now, flow: Flow, client: ClientId, response: Message) {
        match self.transactions.client(client) {
            Some(&Sent::Branch(key)) => {
                self.branch_response(now, flow, key, client, response);
                self.set_alarm(key);
            }
            Some(Sent::InDialog(_)) => self.in_dialog_response(now, client, &response),
            Some(Sent::Passed(_)) => self.passed_response(now, client, &response),
            Some(Sent::Register) => self.registration_response(now, client, &response),
            Some(Sent::Bye(_)) => self.own_bye_response(now, client, &response),
            Some(Sent::Relayed { .. }) => self.relayed_response(now, client, &response),
            Some(Sent::Probe(_)) => self.probe_response(now, client, &response),
            Some(Sent::Asking(asking)) => self.enquiry_response(now, *asking, &response),
            Some(Sent::Ours) | None => {}
        }
    }

    fn branch_response(&mut self, now: Now, flow: Flow, key: CallKey, client: ClientId, response: Message) {
        let timer_c = now.moment + self.setup.limits.timer_c;
        let early_longest = self.setup.limits.early_media_longest;
        let Some(call) = self.calls.at_mut(key) else { return };
        let Some(branch) = call.search.branches.iter_mut().find(|branch| branch.client == client) else {
            return;
        };
        let (index, trunk, hop) = (branch.index, branch.trunk.clone(), branch.hop);
        let rang = branch.trunk.is_some() && branch.unheard_since.is_none();
        let unheard_since = if response.status() > 100 { branch.unheard_since.take() } else { None };
        if let (Some(trunk), Some(sent)) = (trunk.clone(), unheard_since) {
            let delay = now.moment.since(sent);
            self.outputs.push_back(Output::Event(Event::TrunkResponded { trunk, delay }));
        }
        if let Some(hop) = hop {
            self.judge_answer(now, hop, &response, rang);
        }
        let Some(call) = self.calls.at_mut(key) else { return };
        match response.status() {
            status @ 100..=199 => {
                // §16.7 item 2: any provisional but 100 gives the callee more time.
                if status > 100 && !call.search.context.is_given_up(index) {
                    call.search
                        .branches
                        .iter_mut()
                        .filter(|branch| branch.index == index)
                        .for_each(|branch| branch.timer_c = timer_c);
                }
                let upshot = call.search.context.provisional(index, status);
                if upshot.forward {
                    // R75: sound before the answer is the oldest of free calls.
                    if trunk.is_some() && !response.body().is_empty() && call.search.early_until.is_none() {
                        call.search.early_until = Some(now.moment + early_longest);
                    }
                    self.early_dialog(key, flow, &response);
                    self.send_upstream(now, key, &response);
                }
                self.cancel_branches(now, key, &upshot.cancel);
            }
            200..=299 => {
                let upshot = call.search.context.success(index);
                self.answered(now, key, flow, response);
                self.cancel_branches(now, key, &upshot.cancel);
            }
            status => match self.log_in(now, key, client, &response) {
                Challenged::Answered => {}
                // Whoever does not take our credentials cannot be used now; what it asks for is no business of the caller.
                Challenged::Refused => {
                    trunk.into_iter().for_each(|trunk| self.tell(Event::TrunkFailed { trunk, status }));
                    self.branch_failed(now, key, index, 503, None);
                }
                Challenged::NotUs => {
                    if let Some(trunk) = trunk.filter(|_| is_failover(status)) {
                        self.tell(Event::TrunkFailed { trunk, status });
                    }
                    self.branch_failed(now, key, index, status, Some(response));
                }
            },
        }
    }

    /// A final failure, or what stands for one.
    pub(super) fn branch_failed(
        &mut self,
        now: Now,
        key: CallKey,
        index: BranchIndex,
        status: u16,
        response: Option<Message>,
    ) {
        let Some(call) = self.calls.at_mut(key) else { return };
        // R41: whatever a trunk says to an emergency, even a 6xx, is that trunk's failure, and the next is tried.
        let emergency = call.permit.emergency();
        let (status, response) = if emergency { (503, None) } else { (status, response) };
        // A trunk that knows the number is busy or unknown has answered for all trunks: only its own failure tries the next.
        if !is_failover(status) && call.search.at(index).is_some_and(|branch| branch.trunk.is_some()) {
            call.search.queue.clear();
        }
        let upshot = call.search.context.failure(index, status, response);
        self.after_failure(now, key, &upshot);
    }

    pub(super) fn after_failure(&mut self, now: Now, key: CallKey, upshot: &Upshot) {
        self.cancel_branches(now, key, &upshot.cancel);
        if upshot.exhausted {
            self.try_next_targets(now, key);
        }
    }

    /// A request of ours got no answer at all: Timer B or F, or a dead transport (§16.9).
    pub(super) fn client_failed(&mut self, now: Now, client: ClientId, payload: Sent, status: u16) {
        match payload {
            Sent::Branch(key) => {
                if status == 503 && self.fall_back_to_udp(now, key, client) {
                    return self.set_alarm(key);
                }
                let Some(branch) = self.calls.at(key).and_then(|call| call.search.branch(client)) else {
                    return;
                };
                let (index, trunk, hop) = (branch.index, branch.trunk.clone(), branch.hop);
                if let Some(trunk) = trunk {
                    self.tell(Event::TrunkFailed { trunk, status });
                }
                hop.into_iter().for_each(|hop| self.trunk_fails(now, hop, None));
                self.branch_failed(now, key, index, status, None);
                self.set_alarm(key);
            }
            Sent::InDialog(sent) => {
                self.end_re_invite(sent.call, client);
                self.tickets.take_back(sent.server);
                self.in_dialog_failed(now, sent, status);
            }
            Sent::Passed(passed) => self.pass_failed(passed),
            Sent::Register => self.registration_lost(now, client, status),
            Sent::Relayed { server, request, .. } => self.relay_failed(now, server, request, status),
            Sent::Probe(flow) => self.asked_in_vain(now, flow),
            Sent::Asking(asking) => self.asked_end_in_vain(now, asking, status),
            Sent::Bye(_) | Sent::Ours => {}
        }
    }
}

/// The one place where an INVITE is made ready to leave: both proofs are asked for, so a call that lacks one does not compile.
pub(super) fn pass_on(
    permit: &Permit,
    reservation: &Reservation,
    call: &Call,
    invite: &Message,
    setup: &Snapshot,
    leaving: &Leaving<'_>,
    paper: &mut Paper,
) -> bytes::Bytes {
    let Leaving { target, interface, branch, cseq, mark, proofs } = *leaving;
    debug_assert!(reservation.is_free() || permit.priced(), "only a priced call reserves");
    // R41: whoever answers an emergency must be able to call back.
    let told = Told::to(target, call, invite, setup);
    forward_request(
        invite,
        &Forwarding {
            request_uri: &in_scheme(target, call),
            via: &via(interface, branch),
            record_route: Some(&record_route(interface, call.sips, mark)),
            routes: &target.routes,
            asserted: told.asserted.as_deref(),
            privacy: told.privacy,
            from: call.search.from_sent.as_deref(),
            to: None,
            cseq,
            rack: None,
            proofs,
        },
        paper,
    )
}

/// One INVITE about to leave.
pub(super) struct Leaving<'a> {
    pub target: &'a Target,
    pub interface: &'a Interface,
    pub branch: &'a Branch,
    pub cseq: u32,
    /// Of our Record-Route.
    pub mark: &'a str,
    pub proofs: &'a [(Name, String)],
}

fn trunks(
    setup: &Snapshot,
    choice: &TrunkChoice,
    random: &mut Random,
    target: impl Fn(&Trunk) -> Target,
) -> TargetQueue {
    match choice {
        TrunkChoice::Any => setup.trunks.targets(random, target),
        TrunkChoice::Named(names) => setup.trunks.named(names, random, target),
    }
}
