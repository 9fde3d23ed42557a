//! Transfers (R23): a REFER is judged with the rights of whoever sends it, before it reaches the other end; what comes of it is
//! judged again and paid for by the same person (RFC 3515, RFC 3891, RFC 3892).

use std::sync::Arc;

use super::call::{Call, CallKey};
use super::identify::{Caller, Identity};
use super::invite::{Question, dialled};
use super::replace::{Mention, Named};
use super::setup::Snapshot;
use super::ticket::{Goal, MARK, Party, Ticket};
use super::{Event, Gate};
use crate::base::number::Dialled;
use crate::base::{Now, PersonId, SiteId};
use crate::dialog::{End, Side};
use crate::policy::{self, Attempt, By, Decision, Destination, Policy, Reason, Refusal, Target};
use crate::proxy::{Interface, is_suspect};
use crate::sip::{Draft, Flow, Framing, Message, Name, NameAddr, Scheme, Uri};
use crate::transaction::ServerId;

/// A REFER that may leave.
pub(super) struct Transfer {
    /// Rebuilt from what was judged (R11).
    pub refer: Message,
    /// `None` for an emergency number, which needs none (R41).
    pub ticket: Option<Ticket>,
}

/// On what an INVITE stands besides the caller's own rights.
pub(super) struct Standing {
    /// Who is responsible: the caller, or the transferor.
    pub caller: Caller,
    pub decision: Decision,
    pub ticket: Option<u64>,
    /// The INVITE names a dialog that is not known here, or that is none of the caller's business.
    pub is_astray: bool,
    /// Calls that this one takes the place of: they count no more against the limit of calls at once.
    pub spared: [Option<CallKey>; 2],
}

impl Gate {
    /// What the rules say to this transfer: the REFER that may leave, or the reason for the 403.
    pub(super) fn judge_transfer(
        &mut self,
        now: Now,
        key: CallKey,
        dialog: u8,
        writer: End,
        refer: &Message,
    ) -> Result<Transfer, Refusal> {
        let setup = Arc::clone(&self.setup);
        let call = self.calls.at(key).ok_or_else(|| Refusal::of(Reason::NotByTransfer))?;
        let transferor = self.party_key(call, writer);
        let transferor = transferor.ok_or_else(|| Refusal::of(Reason::OutsideToOutside))?;
        let id = setup.policy.person_by_key(&transferor);
        let id = id.ok_or_else(|| Refusal::of(Reason::UnknownCaller))?;
        let value = refer.header(Name::ReferTo).unwrap_or_default();
        let address = NameAddr::parse(value.as_bytes()).ok_or_else(|| Refusal::of(Reason::UnknownNumber))?;
        let uri = address.parsed_uri().map_err(|_| Refusal::of(Reason::UnknownNumber))?;
        let (target, named) = self.transfer_target(&setup, &transferor, &uri)?;
        let outside = self.party_key(call, writer.other()).is_none();
        match policy::decide(&setup.policy, &attempt(&setup.policy, id, target, outside, now)) {
            Decision::Refused(refusal) => Err(refusal),
            Decision::Permitted(permit) => {
                let side = call.dialogs.get(usize::from(dialog)).map(|dialog| dialog.side(writer.other()));
                let side = side.ok_or_else(|| Refusal::of(Reason::NotByTransfer))?;
                let user = user_part(&setup.policy, setup.policy.person(id).site, permit.destination());
                let user = user.ok_or_else(|| Refusal::of(Reason::UnknownNumber))?;
                let transferee = self.transferee(call, writer.other(), side);
                let mark = self.random.u64();
                let written = self.rewritten(refer, side, &setup, &transferor, &user, &uri, mark);
                let written = written.ok_or_else(|| Refusal::of(Reason::UnknownNumber))?;
                let goal = named.map_or(Goal::Number(user), Goal::Dialog);
                let ticket = Ticket { mark, transferor, transferee, goal, call: key, outside };
                Ok(Transfer { refer: written, ticket: Some(ticket).filter(|_| !permit.emergency()) })
            }
        }
    }

    /// Whom the Refer-To names. Where it replaces a dialog, that is the dialog's far end, whatever its address says: phones write
    /// there what they know of it, often a Contact (RFC 5589 §7.1).
    fn transfer_target<'u>(
        &self,
        setup: &Snapshot,
        transferor: &Arc<str>,
        uri: &Uri<'u>,
    ) -> Result<(Target<'u>, Option<Named>), Refusal> {
        let suspect = || Refusal::of(Reason::SuspectAddress);
        if let Some(headers) = uri.headers {
            let named = replaces_of(headers).ok_or_else(suspect)?;
            let held = self.held(&named).filter(|held| self.is_party(*held, transferor));
            let destination = held.and_then(|held| self.held_destination(held));
            // Nobody sends others into a call of which she is no part (R24).
            let destination = destination.ok_or_else(|| Refusal::of(Reason::NotByTransfer))?;
            return Ok((Target::Known(destination), Some(named)));
        }
        let elsewhere =
            matches!(uri.scheme, Scheme::Sip | Scheme::Sips) && !setup.interfaces.is_ours(uri.host, uri.port);
        if is_suspect(uri) || elsewhere {
            return Err(suspect());
        }
        Ok((Target::Dialled(dialled(uri)), None))
    }

    fn transferee(&self, call: &Call, end: End, side: &Side) -> Party {
        match self.party_key(call, end) {
            Some(key) => Party::Person(key),
            None => Party::Peer(self.peer_name(&self.setup, side.flow())),
        }
    }

    /// The REFER with a Refer-To that leads back to this gate at the address that the transferee already uses, and with a
    /// Referred-By of the gate's own: a claim of the transferor's would be an identity that nobody proved (R20).
    #[expect(clippy::too_many_arguments, reason = "the parts of one REFER, put together here alone")]
    fn rewritten(
        &self,
        refer: &Message,
        side: &Side,
        setup: &Snapshot,
        transferor: &str,
        user: &str,
        uri: &Uri<'_>,
        mark: u64,
    ) -> Option<Message> {
        let interface = setup.interfaces.at(side.flow().listener)?;
        let replaces = uri.headers.map(|headers| format!("?{headers}")).unwrap_or_default();
        let target = format!("<sip:{user}@{}{replaces}>", host_of(interface));
        let person = setup.policy.person(setup.policy.person_by_key(transferor)?);
        let name = person.sip_user.as_deref().unwrap_or(transferor);
        let referred_by = format!("<sip:{name}@{}>;{MARK}={mark:016x}", setup.realm);
        let mut draft = Draft::of(refer);
        let bytes = draft.set(Name::ReferTo, &target).set(Name::ReferredBy, &referred_by).into_bytes();
        // What cannot be read again does not leave.
        let rewritten = Message::parse(bytes, Framing::Datagram).ok()?;
        Some(match refer.source() {
            Some(source) => rewritten.arrived_from(source),
            None => rewritten,
        })
    }

    pub(super) fn refuse_transfer(
        &mut self,
        now: Now,
        server: ServerId,
        key: CallKey,
        refer: &Message,
        refusal: &Refusal,
    ) {
        let site = self.calls.at(key).map(|call| call.permit.site()).unwrap_or(SiteId(0));
        let sentence = refusal.sentence(self.setup.policy.site(site).language);
        self.tell(Event::Rejected { code: "transfer", status: 403 });
        self.answer(now, server, refer, 403, &sentence, &[]);
    }

    /// A network that nobody has listed has no name, and no party of that name ever calls.
    fn peer_name(&self, setup: &Snapshot, flow: Flow) -> Arc<str> {
        self.peer_of(setup, flow).map_or_else(|| "".into(), |peer| Arc::clone(&peer.name))
    }

    /// What an INVITE stands on: a dialog that it replaces (R24), the ticket of a transfer (R23), or nothing but its caller.
    pub(super) fn standing(&self, asked: &Question<'_>, caller: Caller, decision: Decision) -> Standing {
        let plain = Standing { caller, decision, ticket: None, is_astray: false, spared: [None; 2] };
        let party = match asked.identity {
            Identity::Person { .. } => plain.caller.speaker.clone().map(Party::Person),
            Identity::Outside { .. } => Some(Party::Peer(self.peer_name(asked.setup, asked.flow))),
            Identity::Forwarder { .. } | Identity::Nobody { .. } | Identity::Refused { .. } => None,
        };
        match Mention::of(asked.invite) {
            Mention::None => self.with_ticket(asked, plain, party),
            Mention::Unreadable => Standing { is_astray: true, ..plain },
            Mention::One(named) => self.taking_over(asked, plain, party, named),
        }
    }

    /// A call to a number that a transfer has paid for.
    fn with_ticket(&self, asked: &Question<'_>, plain: Standing, party: Option<Party>) -> Standing {
        let Some(party) = party.filter(|_| !self.tickets.is_empty()) else { return plain };
        let referred_by = asked.invite.header(Name::ReferredBy);
        let policy = &asked.setup.policy;
        for ticket in self.tickets.of(asked.now.moment, &party, referred_by.as_deref()) {
            let Goal::Number(number) = &ticket.goal else { continue };
            let Some(id) = policy.person_by_key(&ticket.transferor) else { continue };
            let judge =
                |target| policy::decide(policy, &attempt(policy, id, target, ticket.outside, asked.now));
            let granted = judge(Target::Dialled(Dialled::sip(number)));
            let wanted = judge(Target::Dialled(dialled(asked.uri)));
            if destination(&granted).is_some() && destination(&granted) == destination(&wanted) {
                return Standing {
                    caller: plain.caller.at_expense_of(asked.setup, id, ticket.outside),
                    decision: wanted,
                    ticket: Some(ticket.mark),
                    is_astray: false,
                    spared: [Some(ticket.call), None],
                };
            }
        }
        plain
    }

    /// An INVITE that replaces or joins a dialog goes to the phone that holds it, and is judged by who is there.
    fn taking_over(
        &self,
        asked: &Question<'_>,
        plain: Standing,
        party: Option<Party>,
        named: Named,
    ) -> Standing {
        let astray = |plain: Standing| Standing { is_astray: true, ..plain };
        let (Some(held), Some(party)) = (self.held(&named), party) else { return astray(plain) };
        let (Some(known), Some(target)) = (self.held_destination(held), self.held_target(held)) else {
            return astray(plain);
        };
        let policy = &asked.setup.policy;
        let goal = Goal::Dialog(named);
        let referred_by = asked.invite.header(Name::ReferredBy);
        let mut tickets = self.tickets.of(asked.now.moment, &party, referred_by.as_deref());
        let ticket = tickets.find(|ticket| ticket.goal == goal);
        let paid = ticket.and_then(|ticket| Some((ticket, policy.person_by_key(&ticket.transferor)?)));
        let (caller, by_ticket, referred) = match (paid, &party) {
            (Some((ticket, id)), _) => {
                let caller = plain.caller.at_expense_of(asked.setup, id, ticket.outside);
                (caller, Some(ticket.mark), Some(ticket.call))
            }
            (None, Party::Person(key)) if self.may_replace(held, key) => (plain.caller, None, None),
            (None, Party::Person(_) | Party::Peer(_)) => return astray(plain),
        };
        let attempt = caller.attempt(Target::Known(known), asked.now);
        Standing {
            decision: policy::decide(policy, &attempt),
            caller: Caller { held: Some(target), ..caller },
            ticket: by_ticket,
            is_astray: false,
            spared: [Some(held.call), referred],
        }
    }
}

fn attempt<'a>(
    policy: &Policy,
    transferor: PersonId,
    target: Target<'a>,
    outside: bool,
    now: Now,
) -> Attempt<'a> {
    Attempt {
        caller: policy::Caller::Person(transferor),
        site: policy.person(transferor).site,
        target,
        by: By::Transfer,
        other_party_outside: outside,
        caller_number: None,
        at: now.utc,
    }
}

fn destination(decision: &Decision) -> Option<Destination> {
    match decision {
        Decision::Permitted(permit) => Some(permit.destination()),
        Decision::Refused(refusal) => refusal.destination(),
    }
}

/// How the Refer-To names what was judged, so that the transferor's site reads it the same when the INVITE comes: a colleague of
/// another site by her outside number, since her extension may be another's here.
fn user_part(policy: &Policy, site: SiteId, destination: Destination) -> Option<Arc<str>> {
    match destination {
        Destination::Internal(person) if policy.person(person).site != site => {
            policy.person(person).numbers.first().map(|number| number.to_string().into())
        }
        Destination::Internal(_)
        | Destination::Number(_)
        | Destination::Emergency(_)
        | Destination::Feature(_)
        | Destination::NoSuchExtension(_)
        | Destination::Unknown(_) => super::invite::canonical_text(policy, destination, None),
    }
}

/// The dialog in the headers of a Refer-To: one Replaces, beside which PJSIP asks for its support, and nothing else, and nothing in
/// it that would end its line once it is a header (§19.1.5).
fn replaces_of(headers: &str) -> Option<Named> {
    let mut found = None;
    for header in headers.split('&') {
        let (name, value) = header.split_once('=')?;
        let is_replaces = name.eq_ignore_ascii_case("replaces") && found.is_none();
        let is_demand = name.eq_ignore_ascii_case("require") && value.eq_ignore_ascii_case("replaces");
        if value.contains("%0") || !(is_replaces || is_demand) {
            return None;
        }
        if is_replaces {
            found = Named::parse(&crate::sip::percent_decode(value).ok()?);
        }
    }
    found
}

/// Our address as the transferee reaches us in any case: it stands in the Record-Route of the call.
fn host_of(interface: &Interface) -> String {
    let transport = interface.transport.uri_param();
    format!("{}{transport}", interface.sent_by)
}
