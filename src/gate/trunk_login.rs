//! Proving ourselves to a trunk (RFC 3261 §22.2, §22.3): what it asks of an INVITE, of a request inside a call or of a BYE of ours is
//! answered with the credentials held for it. The caller hears nothing of it, and keeps counting as if nothing had been repeated.

use std::sync::Arc;

use smallvec::SmallVec;

use super::call::{CallKey, Login};
use super::cutoff::reason;
use super::in_dialog::InDialog;
use super::search::{Leaving, pass_on};
use super::setup::Snapshot;
use super::{Asked, Gate, Sent};
use crate::base::Now;
use crate::dialog::{End, Teardown, bye};
use crate::ledger::EndCause;
use crate::proxy::{Target, Trunk, loop_mark, via};
use crate::sip::digest::{Account, Asked as Question, Proofs};
use crate::sip::{Flow, Message, Method};
use crate::transaction::ClientId;

/// What becomes of a response that may ask for credentials.
pub(super) enum Challenged {
    /// The request has left again, with an answer.
    Answered,
    /// It asks, and we have nothing more to say.
    Refused,
    /// It asks for nothing, or of somebody else.
    NotUs,
}

/// A BYE of the gate's own (R71).
#[derive(Clone, Debug)]
pub(super) struct OwnBye {
    pub call: CallKey,
    pub dialog: usize,
    /// Whom it is for.
    pub end: End,
    pub cause: EndCause,
    pub proofs: Proofs,
    /// It was refused once for its number, and sent again with a higher one.
    recounted: bool,
}

/// How far a BYE of ours skips ahead when the other end says that its number is too low (RFC 3261 §12.2.2): further than anybody
/// counts in a call of which we have missed a part.
const RECOUNT: u32 = 1_000;

impl OwnBye {
    pub fn of(call: CallKey, dialog: usize, end: End, cause: EndCause) -> OwnBye {
        OwnBye { call, dialog, end, cause, proofs: Proofs::default(), recounted: false }
    }
}

impl Login {
    /// Before anything was asked.
    pub fn before(target: &Target, invite: &Message) -> Login {
        Login { target: target.clone(), proofs: Proofs::default(), cseq: invite.cseq() }
    }
}

impl Gate {
    /// A branch was refused: if its trunk wants to know who we are, the INVITE leaves again in the same place of the search, on the
    /// same reservation, and counts one higher (§22.2).
    pub(super) fn log_in(
        &mut self,
        now: Now,
        key: CallKey,
        client: ClientId,
        response: &Message,
    ) -> Challenged {
        let setup = Arc::clone(&self.setup);
        let Some(call) = self.calls.at_mut(key) else { return Challenged::NotUs };
        let Some(at) = call.search.branches.iter().position(|branch| branch.client == client) else {
            return Challenged::NotUs;
        };
        let Some(invite) = call.invite.as_deref() else { return Challenged::NotUs };
        let branch = &mut call.search.branches[at];
        let trunk = branch.trunk.as_deref().and_then(|name| setup.trunks.trunk(name));
        let account = trunk.and_then(|trunk| trunk.account.as_deref());
        let Some(((mut login, account), index)) =
            branch.login.take().zip(account).zip(asks(response).then_some(branch.index))
        else {
            return Challenged::NotUs;
        };
        let interface = setup.interfaces.at(login.target.flow.listener);
        let Some(interface) = interface.filter(|_| call.proof().is_some()) else {
            return Challenged::Refused;
        };
        if !login.proofs.hear(account, response) || !call.search.context.restart(index) {
            return Challenged::Refused;
        }
        login.cseq = login.cseq.saturating_add(1);
        let asked = Question { method: "INVITE", uri: &login.target.request_uri, body: invite.body() };
        let proofs = login.proofs.headers(account, asked, &self.random.token());
        let new = self.transactions.new_branch(loop_mark(&self.loop_keys, invite));
        let mark = self.marks.for_callee(call, invite, &login.target);
        let (target, cseq) = (&login.target, login.cseq);
        let Some(proof) = call.proof() else { return Challenged::Refused };
        let leaving = Leaving { target, interface, branch: &new, cseq, mark: &mark, proofs: &proofs };
        let bytes = pass_on(&call.permit, proof, call, invite, &setup, &leaving, &mut self.papers.passing);
        let (flow, silence) = (login.target.flow, login.target.silence);
        let client =
            self.transactions.request(now.moment, flow, Method::Invite, &new, bytes, Sent::Branch(key));
        let branch = &mut call.search.branches[at];
        branch.client = client;
        branch.login = Some(login);
        branch.unheard_since = Some(now.moment);
        branch.silent_until = silence.map(|silence| now.moment + silence);
        branch.timer_c = now.moment + setup.limits.timer_c;
        self.set_alarm(key);
        Challenged::Answered
    }

    /// A request that was passed on inside a call was refused: if that was a trunk of ours that wants to know who we are, it leaves
    /// again in the name of its writer. True if the response says nothing to the writer.
    pub(super) fn prove_again(&mut self, now: Now, client: ClientId, response: &Message) -> bool {
        let setup = Arc::clone(&self.setup);
        let Some(Sent::InDialog(sent)) = self.transactions.client(client).filter(|_| asks(response)) else {
            return false;
        };
        let mut sent = sent.clone();
        let (place, Some(request)) = (sent.place(), sent.request.clone()) else { return false };
        let receiver = self.dialog_mut(place).map(|dialog| dialog.side(place.writer.other()).hop());
        let Some(account) = receiver.and_then(|hop| setup.account_at(hop)) else { return false };
        let is_invite = request.method() == Method::Invite;
        if is_invite && self.is_unwanted(place.call, client) {
            self.end_re_invite(place.call, client);
            self.answer_plainly(now, sent.server, &request, 487);
            return true;
        }
        if !sent.proofs.hear(account, response) || !self.repeat(now, client, sent.clone(), account, &request)
        {
            self.hear_re_invite(now, place.call, client, response.status());
            self.refused_inside(now, sent, &request);
        }
        true
    }

    /// Sends a request inside a dialog anew, with credentials and the next number. False if it cannot leave.
    fn repeat(
        &mut self,
        now: Now,
        old: ClientId,
        mut sent: InDialog,
        account: &Account,
        request: &Message,
    ) -> bool {
        let (place, cnonce) = (sent.place(), self.random.token());
        let Some(dialog) = self.dialog_mut(place) else { return false };
        let uri = dialog.side(place.writer.other()).target();
        let asked = Question { method: request.method_text(), uri, body: request.body() };
        let proofs = sent.proofs.headers(account, asked, &cnonce);
        let side = dialog.side_mut(place.writer);
        let cseq = side.own_cseq();
        let is_invite = request.method() == Method::Invite;
        if is_invite {
            side.note_invite(request.cseq(), cseq);
        }
        let branch = self.transactions.new_branch(loop_mark(&self.loop_keys, request));
        let Some((hop, bytes)) = self.towards_other_end(place, request, &branch, cseq, &proofs) else {
            return false;
        };
        let (server, call) = (sent.server, sent.call);
        let client = self.transactions.request(
            now.moment,
            hop,
            request.method(),
            &branch,
            bytes,
            Sent::InDialog(sent),
        );
        if is_invite {
            self.transactions.set_server(server, Asked::ReInvite { call, client });
            self.repeat_re_invite(call, old, client);
        }
        true
    }

    /// A trunk takes neither a request inside a call nor our credentials for it. What it asks for is no business of the phone, which
    /// could only give its own. Whoever hangs up has hung up (R62).
    fn refused_inside(&mut self, now: Now, sent: InDialog, request: &Message) {
        self.tickets.take_back(sent.server);
        match request.method() {
            Method::Bye => self.part(now, sent.call, sent.server, request),
            _ => self.answer_plainly(now, sent.server, request, 500),
        }
    }

    /// One BYE of the gate's own, in its own transaction.
    pub(super) fn write_own_bye(&mut self, now: Now, mut sent: OwnBye) {
        self.find_way(now, sent.call, sent.dialog, sent.end);
        let setup = Arc::clone(&self.setup);
        let Some(dialog) = self.calls.at_mut(sent.call).and_then(|call| call.dialogs.get_mut(sent.dialog))
        else {
            return;
        };
        let side = dialog.side(sent.end);
        let Some(interface) = setup.interfaces.at(side.hop().listener) else { return };
        let account = setup.account_at(side.hop());
        let question = Question { method: "BYE", uri: side.target(), body: b"" };
        let proofs = match account {
            Some(account) => sent.proofs.headers(account, question, &self.random.token()),
            None => SmallVec::new(),
        };
        let branch = self.transactions.new_branch(0);
        let via = via(interface, &branch);
        let teardown = Teardown { via: &via, reason: reason(sent.cause), proofs: &proofs };
        let (flow, bytes) = bye(dialog, sent.end, teardown);
        self.transactions.request(now.moment, flow, Method::Bye, &branch, bytes, Sent::Bye(sent));
    }

    /// R71: a trunk that wants to know who ends the call is told, and an end that has counted further is counted up to, once.
    pub(super) fn own_bye_response(&mut self, now: Now, client: ClientId, response: &Message) {
        let setup = Arc::clone(&self.setup);
        let is_answered = |status: u16| status == 500 || asks(response);
        let sent = self.transactions.client(client).filter(|_| is_answered(response.status()));
        let Some(Sent::Bye(sent)) = sent else { return };
        let mut sent = sent.clone();
        let dialog = self.calls.at_mut(sent.call).and_then(|call| call.dialogs.get_mut(sent.dialog));
        if response.status() == 500 {
            let Some(dialog) = dialog.filter(|_| !sent.recounted) else { return };
            dialog.side_mut(sent.end.other()).skip(RECOUNT);
            return self.write_own_bye(now, OwnBye { recounted: true, ..sent });
        }
        let account = dialog.and_then(|dialog| setup.account_at(dialog.side(sent.end).hop()));
        if account.is_some_and(|account| sent.proofs.hear(account, response)) {
            self.write_own_bye(now, sent);
        }
    }
}

impl Snapshot {
    /// What answers the challenges of the trunk that is reached over this flow.
    pub(super) fn account_at(&self, flow: Flow) -> Option<&Account> {
        self.trunk_at(flow)?.account.as_deref()
    }

    /// The trunk at the other end of a flow: known by its very address, else by its network.
    pub(super) fn trunk_at(&self, flow: Flow) -> Option<&Trunk> {
        let here = self.trunks.iter().find(|trunk| trunk.flow.remote == flow.remote);
        here.or_else(|| self.trunks.trunk(&self.peer_at(flow.remote.ip())?.name))
    }
}

/// A final response that wants to know who we are.
fn asks(response: &Message) -> bool {
    matches!(response.status(), 401 | 407)
}
