//! The first stage of a call: validate, identify, judge, price, and ask for money. What passes goes on in `search`.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use smallvec::SmallVec;

use super::call::{Call, CallKey, Facts, Funds, Search};
use super::identify::{Caller, Identity};
use super::life::Life;
use super::look_up::Hearing;
use super::parting::Parting;
use super::review::{self, Review};
use super::setup::{PeerKind, Snapshot};
use super::sips::is_sips;
use super::transfer::Standing;
use super::warning::takes_messages;
use super::{Asked, Event, Gate, Judged, money};
use crate::base::number::{Dialled, Scheme as NumberScheme};
use crate::base::{Now, ReservationId, Seldom};
use crate::ledger::{CallRecord, Price, Reservation, TariffBook};
use crate::policy::{Class, Decision, Destination, Permit, Policy, Reason, Refusal, Target};
use crate::proxy::{is_suspect, loop_mark, validate};
use crate::sip::{Flow, Message, Scheme, Uri};
use crate::transaction::ServerId;

impl Gate {
    /// A dialog-creating INVITE that was not seen before.
    pub(super) fn invite(&mut self, now: Now, flow: Flow, server: ServerId, invite: Message) {
        if self.was_answered_before(flow, &invite) {
            self.transactions.forget_server(server);
            return self.tell(Event::Absorbed);
        }
        self.judge_invite(now, flow, server, invite, None);
    }

    /// `waited` is who sent an INVITE that has waited for what a database says of its number (R90).
    pub(super) fn judge_invite(
        &mut self,
        now: Now,
        flow: Flow,
        server: ServerId,
        invite: Message,
        waited: Option<Identity>,
    ) {
        let setup = Arc::clone(&self.setup);
        let uri = match validate(&invite, &setup.interfaces, loop_mark(&self.loop_keys, &invite)) {
            Ok(uri) => uri,
            Err(rejection) => return self.reject(now, server, &invite, &rejection),
        };
        let chosen = match self.marked(flow, &invite) {
            Some(mark) => match self.chosen_phone(now, mark, &invite) {
                Some(chosen) => Some(chosen),
                None => return self.answer_plainly(now, server, &invite, 430),
            },
            None => None,
        };
        let has_waited = waited.is_some();
        let (identity, target) = match &chosen {
            Some((person, _)) => {
                (Identity::of_pbx(&setup, flow, &invite), Target::Known(Destination::Internal(*person)))
            }
            None => {
                let meant = setup.meant_by_contact(flow, &uri, &invite);
                let identity = waited.unwrap_or_else(|| self.identify(now, flow, &invite));
                (identity, Target::Dialled(meant.unwrap_or(dialled(&uri))))
            }
        };
        let mut caller = identity.caller(&setup, flow, &invite);
        let decision = match self.look_ups.judge(now, &setup.policy, &caller.attempt(target, now), has_waited)
        {
            Hearing::Verdict(decision) => decision,
            Hearing::Ask(number, names) => {
                return self.ask_about(now, (flow, server), invite, identity, (number, names));
            }
        };
        caller.held = chosen.map(|(_, phone)| phone);
        match decision {
            Decision::Permitted(permit)
                if permit.emergency() && may_call_for_help(&setup, &identity, &caller, flow) =>
            {
                let facts = self.facts(now, &setup, &caller, &uri);
                self.open_call(now, flow, server, invite, permit, caller, facts);
            }
            decision => {
                let asked =
                    Question { now, setup: &setup, flow, identity: &identity, uri: &uri, invite: &invite };
                let Weighed { grounds, caller, ticket, facts } = self.weigh(&asked, caller, decision);
                match grounds {
                    Grounds::Challenge { stale } => self.challenge(now, flow, server, &invite, stale),
                    Grounds::Refuse(refusal) => self.refuse(now, server, &invite, &facts, &refusal),
                    Grounds::Unavailable => {
                        self.turn_away(now, facts, "overload", 503);
                        self.answer_unavailable(now, server, &invite);
                    }
                    Grounds::NoSuchDialog => {
                        self.turn_away(now, facts, "unknown_dialog", 481);
                        self.answer_plainly(now, server, &invite, 481);
                    }
                    Grounds::Permit(permit) => {
                        ticket.into_iter().for_each(|mark| self.tickets.use_up(mark));
                        self.open_call(now, flow, server, invite, permit, caller, facts)
                    }
                }
            }
        }
    }

    /// What becomes of an attempt that is no emergency, and with what it is recorded.
    fn weigh(&mut self, asked: &Question<'_>, caller: Caller, decision: Decision) -> Weighed {
        let standing = self.standing(asked, caller, decision);
        self.watch_attempt(asked, &standing);
        let grounds = self.grounds(asked, &standing);
        let Standing { caller, ticket, .. } = standing;
        let facts = self.facts(asked.now, asked.setup, &caller, asked.uri);
        Weighed { grounds, caller, ticket, facts }
    }

    /// Everything besides the rules that can stop a call that is no emergency.
    fn grounds(&self, asked: &Question<'_>, standing: &Standing) -> Grounds {
        let Question { now, setup, identity, uri, .. } = *asked;
        match identity {
            Identity::Nobody { stale } => return Grounds::Challenge { stale: *stale },
            Identity::Refused { reason, .. } => return Grounds::Refuse(Refusal::of(*reason)),
            Identity::Person { .. } | Identity::Forwarder { .. } | Identity::Outside { .. } => {}
        }
        // A phone replaces a dialog at the address that it knows of its far end, and the gate sends to where that end is.
        let elsewhere = matches!(uri.scheme, Scheme::Sip | Scheme::Sips)
            && !setup.interfaces.is_ours(uri.host, uri.port)
            && standing.caller.held.is_none();
        if is_suspect(uri) || elsewhere {
            return Grounds::Refuse(Refusal::of(Reason::SuspectAddress));
        }
        let permit = match &standing.decision {
            Decision::Refused(refusal) => return Grounds::Refuse(refusal.clone()),
            // R41: those who may call for help have been let through already; a trunk's caller is in the hands of her own network.
            Decision::Permitted(permit) if permit.emergency() => {
                return Grounds::Refuse(Refusal::of(Reason::OutsideToOutside).about(permit));
            }
            Decision::Permitted(permit) => permit,
        };
        if let Some(refusal) = self.fraud_refusal(now, &standing.caller, permit) {
            return Grounds::Refuse(refusal);
        }
        if self.closes || self.in_progress >= setup.limits.calls_max {
            return Grounds::Unavailable;
        }
        if standing.is_astray {
            return Grounds::NoSuchDialog;
        }
        if self.is_crowded(permit, standing) {
            return Grounds::Refuse(Refusal::of(Reason::ConcurrentCalls).about(permit));
        }
        if review::ring_until(permit, &setup.limits, now).is_some_and(|end| end <= now.moment) {
            return Grounds::Refuse(Refusal::of(Reason::OutsideHours).about(permit));
        }
        if price_of(&setup.tariffs, permit, now.utc).is_none() {
            return Grounds::Refuse(Refusal::of(Reason::NoTariff).about(permit));
        }
        Grounds::Permit(permit.clone())
    }

    /// From here on the caller is told that the gate is trying (§16.2), and the call exists.
    #[expect(clippy::too_many_arguments, reason = "the parts of a new call, put together here alone")]
    fn open_call(
        &mut self,
        now: Now,
        flow: Flow,
        server: ServerId,
        invite: Message,
        permit: Permit,
        caller: Caller,
        mut facts: Facts,
    ) {
        if self.transactions.server(server).is_none() {
            self.answer_plainly(now, server, &invite, 100);
        }
        let setup = Arc::clone(&self.setup);
        let reservation = self.ids.reservation(now.utc);
        note_permit(&setup.policy, &mut facts.record, &permit, reservation);
        let speaker = caller.speaker.clone();
        let mut search = Search::begun(now.moment, caller);
        let funds = funds(&setup, &permit, reservation, now, &mut search);
        if let Funds::Asked { price, .. } = &funds {
            facts.record.tariff = Some(price.mark());
        }
        let key = self.calls.insert(Call {
            decision: facts.record.decision,
            server,
            caller: flow.into(),
            reservation,
            funds,
            meter: None,
            dialogs: SmallVec::new(),
            re_invites: Seldom::default(),
            membership: SmallVec::new(),
            lines: None,
            period_end: None,
            budget_trunk: None,
            over: None,
            given_up: None,
            ack_until: None,
            forget_at: None,
            alarm: None,
            life: Life::default(),
            enquiry: None,
            parting: Parting::default(),
            review: Review::of(review::ring_until(&permit, &setup.limits, now)),
            speaker,
            search,
            record: *facts.record,
            permit,
            is_counted: false,
            sips: is_sips(&invite),
            takes_messages: takes_messages(&invite),
            invite: Some(Box::new(invite)),
        });
        self.transactions.set_server(server, Asked::Call(key));
        self.reservations.insert(reservation, key);
        self.count_live(key);
        self.line_up(now, key);
        match self.calls.at(key).map(|call| &call.funds) {
            Some(Funds::Asked { .. }) => self.reserve(now, key),
            Some(Funds::Held { .. } | Funds::Resolved) | None => {
                self.record_free(now, key);
                self.search(now, key);
            }
        }
    }

    pub(super) fn tell_permitted(&mut self, key: CallKey) {
        let Some(call) = self.calls.at(key) else { return };
        let (decision, person) = (call.decision, call.record.person.clone());
        let site = self.setup.policy.site(call.permit.site()).name.clone();
        let judged = Judged {
            decision,
            class: Some(call.permit.class()),
            reason: None,
            person: person.clone(),
            site: site.clone(),
            raw: call.record.raw.clone(),
            status: 0,
        };
        let emergency = call.permit.emergency();
        self.tell(Event::Judged(judged));
        if emergency {
            self.tell_emergency(key, site);
        }
        self.tell_crowded(key);
    }

    pub(super) fn facts(&mut self, now: Now, setup: &Snapshot, caller: &Caller, uri: &Uri<'_>) -> Facts {
        let decision = self.ids.decision(now.utc);
        let mut record = Box::new(CallRecord::new(decision, uri.user.unwrap_or(uri.body), now.utc));
        record.person = caller.key.clone();
        record.department = caller.department.clone();
        record.site = Some(setup.policy.site(caller.site).name.clone());
        record.policy_version = setup.policy.version();
        Facts { record, site: caller.site }
    }
}

/// One INVITE and what is known of it before its verdict.
pub(super) struct Question<'a> {
    pub now: Now,
    pub setup: &'a Snapshot,
    pub flow: Flow,
    pub identity: &'a Identity,
    pub uri: &'a Uri<'a>,
    pub invite: &'a Message,
}

/// The outcome of `Gate::weigh`.
struct Weighed {
    grounds: Grounds,
    caller: Caller,
    ticket: Option<u64>,
    facts: Facts,
}

/// What becomes of an attempt that is no emergency.
enum Grounds {
    Permit(Permit),
    Refuse(Refusal),
    Challenge { stale: bool },
    Unavailable,
    NoSuchDialog,
}

/// R41: from our own people and from a trusted PBX at once, even if it does not say who calls; from a stranger's phone where the
/// site says so. A trunk's caller is in the hands of her own network.
fn may_call_for_help(setup: &Snapshot, identity: &Identity, caller: &Caller, flow: Flow) -> bool {
    match identity {
        Identity::Person { .. } | Identity::Forwarder { .. } | Identity::Refused { person: Some(_), .. } => {
            true
        }
        Identity::Nobody { .. } | Identity::Refused { person: None, .. } => {
            let from_pbx =
                setup.peer_at(flow.remote.ip()).is_some_and(|peer| peer.kind == PeerKind::TrustedPbx);
            let may_be_stranger = setup.policy.site(caller.site).emergency_unauthenticated;
            from_pbx || may_be_stranger && setup.is_phone_side(flow.remote.ip())
        }
        Identity::Outside { .. } => false,
    }
}

/// The Request-URI in the words of the rules (R10).
pub(super) fn dialled<'a>(uri: &Uri<'a>) -> Dialled<'a> {
    let params = std::str::from_utf8(uri.params.as_bytes()).unwrap_or_default();
    let scheme = match uri.scheme {
        Scheme::Sip => NumberScheme::Sip,
        Scheme::Sips => NumberScheme::Sips,
        Scheme::Tel => NumberScheme::Tel,
        Scheme::Urn => NumberScheme::Urn,
        Scheme::Other => NumberScheme::Other,
    };
    Dialled { scheme, user: uri.user.unwrap_or(uri.body), params }
}

/// The canonical number as it is recorded (R100): `+` and digits, an extension, a code; `None` if there is no safe reading. Often it is
/// what was dialled, and then shares its place.
pub(super) fn canonical_text(
    policy: &Policy,
    destination: Destination,
    dialled: Option<&Arc<str>>,
) -> Option<Arc<str>> {
    let text = |text: &str| match dialled.filter(|dialled| ***dialled == *text) {
        Some(dialled) => Arc::clone(dialled),
        None => Arc::from(text),
    };
    match destination {
        Destination::Number(number) => Some(text(number.digits().with_plus())),
        Destination::Emergency(code) | Destination::Feature(code) | Destination::NoSuchExtension(code) => {
            Some(text(code.as_str()))
        }
        Destination::Internal(person) => policy.person(person).extension.map(|code| text(code.as_str())),
        Destination::Unknown(_) => None,
    }
}

fn note_permit(policy: &Policy, record: &mut CallRecord, permit: &Permit, reservation: ReservationId) {
    record.canonical = canonical_text(policy, permit.destination(), Some(&record.raw));
    record.class = Some(permit.class().code().into());
    record.country = permit.country().map(|country| country.shared_code());
    record.rule = Some(permit.origin().path());
    record.reservation = permit.priced().then_some(reservation);
}

/// The price of a call: `Some(None)` if it is free, `None` if nobody has said what it costs.
pub(super) fn price_of<'a>(
    tariffs: &'a TariffBook,
    permit: &Permit,
    at: DateTime<Utc>,
) -> Option<Option<&'a Arc<Price>>> {
    let Destination::Number(number) = permit.destination() else { return Some(None) };
    match tariffs.price(&number, at) {
        Some(price) => Some((!price.is_free()).then_some(price)),
        // Toll-free numbers are free of charge unless a tariff says otherwise.
        None => (permit.class() == Class::TollFree).then_some(None),
    }
}

/// What must be reserved before ringing: the first slice, or nothing for a free call, which waits for no store.
fn funds(setup: &Snapshot, permit: &Permit, id: ReservationId, now: Now, search: &mut Search) -> Funds {
    match price_of(&setup.tariffs, permit, now.utc).flatten() {
        Some(price) => {
            let longest = permit.longest().unwrap_or(setup.limits.longest_call).as_secs();
            search.slice = price.slice(setup.limits.first_slice.as_secs().min(longest));
            search.asked_until = Some(now.moment + money::LEDGER_PATIENCE);
            Funds::Asked { price: Arc::clone(price), tries: 1 }
        }
        None => {
            search.proof = Some(Reservation::free(id));
            Funds::Held { price: None }
        }
    }
}
