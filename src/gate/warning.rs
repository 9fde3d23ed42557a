//! Warnings before the end of a call (R101): a notice to whoever asked for it, and a MESSAGE (RFC 3428) to the phone that takes one.

use std::sync::Arc;
use std::time::Duration;

use super::call::CallKey;
use super::live::Group;
use super::{Emergency, Event, Gate, Sent};
use crate::base::{DecisionId, Now};
use crate::dialog::{Dialog, End};
use crate::ledger::EndCause;
use crate::policy::{ConcurrencyLimit, ending_sentence};
use crate::proxy::via;
use crate::sip::{Message, Method, Name, NewRequest};

/// A call that will be ended unless somebody hangs up before, or money comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    pub decision: DecisionId,
    /// Who pays.
    pub person: Option<Arc<str>>,
    pub cause: EndCause,
    /// About so long; other calls may spend the same money.
    pub left: Duration,
    /// The caller's phone was sent a MESSAGE.
    pub told_phone: bool,
}

impl Gate {
    /// The end of a call is near: whoever listens is told, once.
    pub(super) fn warn_of_end(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at_mut(key) else { return };
        let Some((left, cause)) = call.meter.as_mut().and_then(|meter| meter.warn(now.moment)) else {
            return;
        };
        let (decision, person) = (call.decision, call.record.person.clone());
        let told_phone = self.setup.limits.warn_phones && self.warn_phone(now, key, left, cause);
        self.tell(Event::Ending(Ending { decision, person, cause, left, told_phone }));
    }

    /// R41: who calls for help, from which phone, at which site.
    pub(super) fn tell_emergency(&mut self, key: CallKey, site: Arc<str>) {
        let Some(call) = self.calls.at(key) else { return };
        let callback = self.setup.policy.site(call.permit.site()).callback;
        let emergency = Emergency {
            decision: call.decision,
            person: call.record.person.clone(),
            site,
            number: call.record.raw.clone(),
            phone: call.caller.flow().remote,
            caller: call
                .invite
                .as_ref()
                .and_then(|invite| invite.header(Name::From))
                .unwrap_or_default()
                .split(";tag=")
                .next()
                .unwrap_or_default()
                .into(),
            callback: callback.map(|number| number.to_string().into()),
        };
        self.tell(Event::Emergency(emergency));
    }

    /// Soft limits of calls at once refuse nobody, but tell.
    pub(super) fn tell_crowded(&mut self, key: CallKey) {
        let Some(call) = self.calls.at(key) else { return };
        let live = |limit: &ConcurrencyLimit| self.live.count(&Group::Holder(limit.holder.clone()));
        let over = |limit: &&ConcurrencyLimit| limit.soft && live(limit) > limit.count as usize;
        let crowded: Vec<ConcurrencyLimit> = call.permit.concurrency().iter().filter(over).cloned().collect();
        crowded.into_iter().for_each(|limit| self.tell(Event::Crowded(limit)));
    }

    /// A MESSAGE of our own to the caller's phone, if it said that it takes one. False if none was sent.
    fn warn_phone(&mut self, now: Now, key: CallKey, left: Duration, cause: EndCause) -> bool {
        let setup = Arc::clone(&self.setup);
        let Some(call) = self.calls.at(key).filter(|call| call.speaker.is_some() && call.takes_messages)
        else {
            return false;
        };
        let alive = |dialog: &&Dialog| !dialog.is_ended_or_early();
        let Some(dialog) = call.dialogs.iter().find(alive) else { return false };
        let side = dialog.side(End::Caller);
        let Some(interface) = setup.interfaces.at(side.hop().listener) else { return false };
        let language = setup.policy.site(call.permit.site()).language;
        let sentence = ending_sentence(language, cause == EndCause::CutMoney, left);
        let (tag, id) = (self.random.u64(), self.random.u64());
        let branch = self.transactions.new_branch(0);
        let routes: Vec<&str> = side.routes().iter().map(AsRef::as_ref).collect();
        let to = side.address().split(";tag=").next().unwrap_or_default();
        let request = NewRequest {
            method: "MESSAGE",
            uri: side.target(),
            via: &via(interface, &branch),
            routes: &routes,
            from: &format!("\"Tollgate\" <sip:tollgate@{}>;tag={tag:016x}", setup.realm),
            to,
            call_id: &format!("{id:016x}@{}", setup.realm),
            cseq: 1,
            extra: &[],
            body: Some(("text/plain;charset=utf-8", sentence.as_bytes())),
        };
        let (hop, bytes) = (side.hop(), request.to_bytes());
        self.transactions.request(now.moment, hop, Method::of(b"MESSAGE"), &branch, bytes, Sent::Ours);
        true
    }
}

/// Whether the caller's phone has said so, as RFC 3428 §4 and RFC 3261 §20.5 would have it.
pub(super) fn takes_messages(invite: &Message) -> bool {
    let mut allowed = invite.headers(Name::Allow);
    allowed.any(|methods| methods.split(',').any(|method| method.trim() == "MESSAGE"))
}
