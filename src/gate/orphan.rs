//! The answer to a call that rang as the earlier run died: nobody waits for it any more, and its callee would be kept, and paid for to the
//! trunk, until it gives up. It is known by our mark (R12), acknowledged and sent home (RFC 3261 §13.2.2.4, R67).

use std::sync::Arc;

use smallvec::SmallVec;

use super::cutoff::reason;
use super::{Gate, Sent};
use crate::base::Now;
use crate::ledger::EndCause;
use crate::proxy::via;
use crate::sip::{CallKind, Flow, Message, Method, Name, NewRequest, ROUTE_MARK};

/// How much higher than the INVITE the BYE counts: what the callee was sent beside it, such as PRACK, the kill has made forgotten.
const CSEQ_GAP: u32 = 1_000;

/// Routes below us at most, as a dialog keeps them.
const ROUTES_MAX: usize = 16;

impl Gate {
    /// ACK and BYE to whoever answers such a call. A call that costs was connected only if its row says so, and then it was taken up;
    /// free and emergency calls may stand without one, and are left alone (R41). False if the answer is of no such call.
    pub(super) fn send_home(&mut self, now: Now, flow: Flow, response: &Message) -> bool {
        if response.method() != Method::Invite || !(200..300).contains(&response.status()) {
            return false;
        }
        let Some(routes) = self.routes_to_orphan(flow, response) else { return false };
        let setup = Arc::clone(&self.setup);
        let Some(interface) = setup.interfaces.at(flow.listener) else { return false };
        let contact = response.contacts().next().and_then(Result::ok).map(|contact| contact.uri.to_owned());
        let target = contact.unwrap_or_else(|| format!("sip:{}", flow.remote));
        let (from, to) = (response.header(Name::From), response.header(Name::To));
        let (Some(from), Some(to)) = (from, to) else { return false };
        let routes: SmallVec<[&str; 2]> = routes.iter().map(AsRef::as_ref).collect();
        let ack_branch = self.transactions.passing_branch(0);
        let bye_branch = self.transactions.new_branch(0);
        let request = |method, cseq, via: &str, extra: &[(&str, &str)]| {
            let request = NewRequest {
                method,
                uri: &target,
                via,
                routes: &routes,
                from: &from,
                to: &to,
                call_id: &String::from_utf8_lossy(response.call_id()),
                cseq,
                extra,
                body: None,
            };
            request.to_bytes()
        };
        let cseq = response.cseq();
        let ack = request("ACK", cseq, &via(interface, &ack_branch), &[]);
        let why = [("Reason", reason(EndCause::Lost))];
        let bye = request("BYE", cseq.saturating_add(CSEQ_GAP), &via(interface, &bye_branch), &why);
        self.send(flow, ack);
        self.transactions.request(now.moment, flow, Method::Bye, &bye_branch, bye, Sent::Ours);
        true
    }

    /// The way to the callee, if its answer carries the mark that it was given, from where it was given to it.
    fn routes_to_orphan(&self, flow: Flow, response: &Message) -> Option<SmallVec<[Box<str>; 2]>> {
        let mut routes: SmallVec<[Box<str>; 2]> = SmallVec::new();
        for route in response.values(Name::RecordRoute).take(ROUTES_MAX) {
            let address = route.address()?;
            let uri = address.parsed_uri().ok()?;
            let caller = response.from_tag().unwrap_or_default();
            let opened = uri
                .param(ROUTE_MARK)
                .flatten()
                .and_then(|text| self.marks.seal.open(text, response.call_id(), b"", caller));
            let Some(opened) = opened else {
                routes.push(Box::from(&*route.text()));
                continue;
            };
            let mark = opened.mark;
            let holder = mark.holder;
            let speaks = flow.remote.ip().to_canonical() == holder
                || self.setup.is_same_peer(holder, flow.remote.ip().to_canonical());
            let is_orphan = mark.held_by_callee
                && mark.kind == CallKind::Priced
                && self.marks.is_of_earlier_run(mark.decision);
            routes.reverse();
            return (speaks && is_orphan).then_some(routes);
        }
        None
    }
}
