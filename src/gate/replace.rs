//! Replaces and Join (R24; RFC 3891, RFC 3911): the dialog that an INVITE names, who may name it, and the phone that holds it.

use std::sync::Arc;

use smallvec::SmallVec;

use super::Gate;
use super::call::{Call, CallKey};
use crate::base::PersonId;
use crate::dialog::{Dialog, End};
use crate::policy::Destination;
use crate::proxy::Target;
use crate::sip::{Message, Name};

/// Call-ID and tags as Replaces and Join write them, seen from whoever gets the INVITE: `to` is its own tag (RFC 3891 §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    call_id: Box<str>,
    to: Box<str>,
    from: Box<str>,
}

/// A dialog that is known here and alive, and the end that gets the INVITE; the other end is replaced, or joined.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub call: CallKey,
    dialog: u8,
    end: End,
}

impl Named {
    pub fn parse(value: &str) -> Option<Named> {
        let (call_id, params) = value.split_once(';')?;
        let tag = |wanted: &str| {
            let mut params = params.split(';').filter_map(|param| param.split_once('='));
            let (_, tag) = params.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))?;
            Some(Box::from(tag.trim()))
        };
        Some(Named { call_id: call_id.trim().into(), to: tag("to-tag")?, from: tag("from-tag")? })
    }
}

/// What an INVITE says of other dialogs. Two at once, or one that cannot be read, name nothing that anybody holds (RFC 3891 §3).
pub(super) enum Mention {
    None,
    One(Named),
    Unreadable,
}

impl Mention {
    pub fn of(invite: &Message) -> Mention {
        let mut named = invite.headers(Name::Replaces).chain(invite.headers(Name::Join));
        match (named.next(), named.next()) {
            (None, _) => Mention::None,
            (Some(one), None) => Named::parse(&one).map_or(Mention::Unreadable, Mention::One),
            (Some(_), Some(_)) => Mention::Unreadable,
        }
    }
}

impl Gate {
    pub(super) fn held(&self, named: &Named) -> Option<Held> {
        let words = self.keys.of(named.call_id.as_bytes(), named.from.as_bytes(), named.to.as_bytes());
        self.dialogs.calls(&words).into_iter().find_map(|key| self.held_in(key, named))
    }

    fn held_in(&self, key: CallKey, named: &Named) -> Option<Held> {
        let call = self.calls.at(key).filter(|call| call.over.is_none())?;
        let is_end = |dialog: &Dialog, end: End| {
            dialog.side(end).tag() == named.to.as_bytes()
                && dialog.side(end.other()).tag() == named.from.as_bytes()
        };
        let live = call.dialogs.iter().enumerate().filter(|(_, dialog)| !dialog.is_ended());
        let mut live = live.filter(|(_, dialog)| dialog.call_id() == named.call_id.as_bytes());
        live.find_map(|(index, dialog)| {
            let end = [End::Callee, End::Caller].into_iter().find(|end| is_end(dialog, *end))?;
            Some(Held { call: key, dialog: index as u8, end })
        })
    }

    /// Whether this person is at one end of the dialog.
    pub(super) fn is_party(&self, held: Held, person: &Arc<str>) -> bool {
        [End::Caller, End::Callee].into_iter().any(|end| self.key_at(held, end).as_ref() == Some(person))
    }

    /// R24: her own dialog, or one in which a colleague of her pickup group would be replaced.
    pub(super) fn may_replace(&self, held: Held, person: &Arc<str>) -> bool {
        let policy = &self.setup.policy;
        let group = |key: &Arc<str>| {
            let id = policy.person_by_key(key)?;
            policy.person(id).pickup_group.clone()
        };
        let replaced = self.key_at(held, held.end.other());
        let shared =
            replaced.and_then(|replaced| group(&replaced)).is_some_and(|of| group(person) == Some(of));
        shared || self.is_party(held, person)
    }

    /// What is called when the INVITE goes to the end that holds the dialog. `None`: somebody who called in from outside, whom no
    /// number names, or an emergency call, which nobody replaces.
    pub(super) fn held_destination(&self, held: Held) -> Option<Destination> {
        let call = self.calls.at(held.call)?;
        match (held.end, call.permit.destination()) {
            (_, Destination::Emergency(_)) => None,
            (End::Callee, destination) => Some(destination),
            (End::Caller, _) => self.person_at(held, End::Caller).map(Destination::Internal),
        }
    }

    /// The very hop and address that hold the dialog: no other phone could replace it (RFC 3891 §3).
    pub(super) fn held_target(&self, held: Held) -> Option<Target> {
        let call = self.calls.at(held.call)?;
        let side = call.dialogs.get(usize::from(held.dialog))?.side(held.end);
        Some(Target {
            flow: side.hop(),
            request_uri: side.target().to_owned(),
            routes: SmallVec::from(side.routes()),
            trunk: call.record.trunk.clone().filter(|_| held.end == End::Callee),
            silence: None,
        })
    }

    fn person_at(&self, held: Held, end: End) -> Option<PersonId> {
        self.setup.policy.person_by_key(&self.key_at(held, end)?)
    }

    fn key_at(&self, held: Held, end: End) -> Option<Arc<str>> {
        let call = self.calls.at(held.call)?;
        self.party_key(call, end)
    }

    /// Who of our people is at this end of a call, by key.
    pub(super) fn party_key(&self, call: &Call, end: End) -> Option<Arc<str>> {
        match end {
            End::Caller => call.speaker.clone(),
            End::Callee => {
                call.permit.destination().person().map(|id| self.setup.policy.person(id).key.clone())
            }
        }
    }
}
