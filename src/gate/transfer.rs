//! Transfers (R23): a REFER is judged with the rights of whoever sends it, before it reaches the other end.

use std::sync::Arc;

use super::call::CallKey;
use super::invite::{canonical_text, dialled};
use super::{Event, Gate};
use crate::base::Now;
use crate::dialog::End;
use crate::policy::{self, Attempt, By, Decision, Reason, Refusal, Target};
use crate::proxy::is_suspect;
use crate::sip::{Draft, Framing, Message, Name, NameAddr, Scheme};
use crate::transaction::ServerId;

impl Gate {
    /// What the rules say to this transfer: the REFER that may leave, rebuilt from what was judged (R11), or the
    /// reason for the 403.
    pub(super) fn judge_transfer(
        &self,
        now: Now,
        key: CallKey,
        writer: End,
        refer: &Message,
    ) -> Result<Message, Refusal> {
        let setup = Arc::clone(&self.setup);
        let call = self.calls.at(key).ok_or_else(|| Refusal::of(Reason::NotByTransfer))?;
        let transferor = match writer {
            End::Caller => call.record.person.as_deref().and_then(|key| setup.policy.person_by_key(key)),
            End::Callee => call.permit.destination().person(),
        };
        let transferor = transferor.ok_or_else(|| Refusal::of(Reason::OutsideToOutside))?;
        let target = refer.header(Name::ReferTo).unwrap_or_default();
        let address = NameAddr::parse(target.as_bytes()).ok_or_else(|| Refusal::of(Reason::UnknownNumber))?;
        let uri = address.parsed_uri().map_err(|_| Refusal::of(Reason::UnknownNumber))?;
        // An attended transfer names its dialog in a Replaces header of the Refer-To; that INVITE is judged when it comes (R24).
        let replaces = uri.headers.filter(|headers| is_only_replaces(headers));
        let elsewhere =
            matches!(uri.scheme, Scheme::Sip | Scheme::Sips) && !setup.interfaces.is_ours(uri.host, uri.port);
        if (is_suspect(&uri) || elsewhere) && replaces.is_none() {
            return Err(Refusal::of(Reason::SuspectAddress));
        }
        let attempt = Attempt {
            caller: policy::Caller::Person(transferor),
            site: setup.policy.person(transferor).site,
            target: Target::Dialled(dialled(&uri)),
            by: By::Transfer,
            other_party_outside: call.other_party_is_outside(writer),
            caller_number: None,
            at: now.utc,
        };
        match policy::decide(&setup.policy, &attempt) {
            Decision::Refused(refusal) => Err(refusal),
            Decision::Permitted(permit) => {
                let number = canonical_text(&setup.policy, permit.destination())
                    .ok_or_else(|| Refusal::of(Reason::UnknownNumber))?;
                let replaces = replaces.map(|headers| format!("?{headers}")).unwrap_or_default();
                let target = format!("<sip:{number}@{}{replaces}>", setup.realm);
                referring_to(refer, &target).ok_or_else(|| Refusal::of(Reason::UnknownNumber))
            }
        }
    }

    pub(super) fn refuse_transfer(
        &mut self,
        now: Now,
        server: ServerId,
        key: CallKey,
        refer: &Message,
        refusal: &Refusal,
    ) {
        let site = self.calls.at(key).map(|call| call.permit.site()).unwrap_or(crate::base::SiteId(0));
        let sentence = refusal.sentence(self.setup.policy.site(site).language);
        self.tell(Event::Rejected { code: "transfer", status: 403 });
        self.answer(now, server, refer, 403, &sentence, &[]);
    }
}

/// The REFER with this Refer-To. What cannot be read again does not leave.
fn referring_to(refer: &Message, target: &str) -> Option<Message> {
    let bytes = Draft::of(refer).set(Name::ReferTo, target).into_bytes();
    let rewritten = Message::parse(bytes, Framing::Datagram).ok()?;
    Some(match refer.source() {
        Some(source) => rewritten.arrived_from(source),
        None => rewritten,
    })
}

/// Nothing but Replaces, and nothing in it that would end its line once it is a header (§19.1.5).
fn is_only_replaces(headers: &str) -> bool {
    let is_replaces =
        |header: &str| header.get(..9).is_some_and(|name| name.eq_ignore_ascii_case("replaces="));
    headers.split('&').all(is_replaces) && !headers.contains("%0")
}
