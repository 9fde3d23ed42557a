//! Who is calling (R20 to R22): digest first, then the address of a trunk or PBX, then what a trusted peer asserts.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ipnet::IpNet;
use smallvec::SmallVec;

use super::asserted::asserted;
use super::caller_id::is_anonymous;
use super::setup::{Peer, PeerKind, Snapshot};
use super::{Event, Gate};
use crate::base::number::{Canonical, Dialled, canonical};
use crate::base::{Now, PersonId, PhoneNumber, SiteId};
use crate::policy::document::FromMismatch;
use crate::policy::{self, Attempt, By, Person, Reason};
use crate::proxy::Target;
use crate::sip::digest::{Checked, Credentials, Ha1};
use crate::sip::{Flow, Message, Method, Name, NameAddr, Uri};
use crate::transaction::ServerId;

/// Who is behind a request, as far as the gate believes it.
pub(super) enum Identity {
    Person {
        id: PersonId,
        from: FromHeader,
    },
    /// A person whose phone forwards a call of somebody else (R22).
    Forwarder {
        id: PersonId,
        /// `None`: somebody from outside.
        speaker: Option<PersonId>,
    },
    /// A caller from the telephone network.
    Outside {
        site: SiteId,
    },
    /// Nobody has proved anything yet: a challenge is due.
    Nobody {
        stale: bool,
    },
    /// `person` is who proved to be behind it, if anybody did.
    Refused {
        reason: Reason,
        person: Option<PersonId>,
    },
}

/// Whether the From that came may leave (R20).
pub(super) enum FromHeader {
    AsSent,
    /// It named somebody else; this one is sent in its place.
    Rewritten(Box<str>),
}

/// The caller in the words of the rules, and what of her goes into records and messages.
pub(super) struct Caller {
    pub policy: policy::Caller,
    pub site: SiteId,
    pub key: Option<Arc<str>>,
    pub department: Option<Arc<str>>,
    pub number: Option<PhoneNumber>,
    pub by: By,
    pub other_party_outside: bool,
    /// Who of our people speaks, by key, whoever pays.
    pub speaker: Option<Arc<str>>,
    /// Where the INVITE goes whatever its number says: to the phone that holds the dialog which it replaces (R24).
    pub held: Option<Target>,
    pub from_sent: Option<Box<str>>,
    /// The number that trunks are told.
    pub shown: Option<PhoneNumber>,
}

/// Answers to our challenge looked at in one request: one for each hash (RFC 8760 §2.4). More would be guesses for the price of one.
const ANSWERS_MAX: usize = 2;

impl Gate {
    /// Judges who sent this request (R20).
    pub(super) fn identify(&mut self, now: Now, flow: Flow, request: &Message) -> Identity {
        let setup = Arc::clone(&self.setup);
        let peer = self.peer_of(&setup, flow);
        let peer = peer.as_deref();
        match self.prove(now, &setup, flow, request) {
            Proof::Of(id) => return person(&setup, id, request),
            Proof::Locked => return Identity::Refused { reason: Reason::UnknownCaller, person: None },
            Proof::Missing | Proof::Misplaced if self.through.people(flow, now.moment).next().is_some() => {
                return self.registered_caller(now, &setup, flow, request);
            }
            // Credentials for somebody else's realm pass by a peer that needs none here.
            Proof::Missing | Proof::Misplaced | Proof::Stale | Proof::Wrong
                if peer.is_some_and(Peer::is_known) => {}
            // Her password is the telephone system's; only a registration there tells who she is, so a challenge would ask in vain.
            Proof::Missing | Proof::Misplaced
                if setup.homes.contains_key(&setup.site_at(flow.remote.ip())) =>
            {
                return Identity::Refused { reason: Reason::UnknownCaller, person: None };
            }
            Proof::Missing | Proof::Misplaced | Proof::Wrong => return Identity::Nobody { stale: false },
            Proof::Stale => return Identity::Nobody { stale: true },
        }
        match peer {
            Some(Peer { kind: PeerKind::Trunk, site, .. }) => Identity::Outside { site: *site },
            Some(Peer { kind: PeerKind::TrustedPbx, site, .. }) => asserted(&setup, *site, request),
            Some(Peer { kind: PeerKind::Phones, .. }) | None => Identity::Nobody { stale: false },
        }
    }

    /// Who is at the other end of a flow: the trunk that its certificate names, wherever it calls from; else whoever the settings know
    /// at its address (R20).
    pub(super) fn peer_of<'a>(&self, setup: &'a Snapshot, flow: Flow) -> Option<Cow<'a, Peer>> {
        let proved = self.proved.get(&flow.connection).filter(|name| setup.trunks.trunk(name).is_some());
        let at_address = || setup.peer_over(flow).map(Cow::Borrowed);
        let Some(name) = proved else { return at_address() };
        let network = IpNet::from(flow.remote.ip().to_canonical());
        let site = setup.peers.iter().find(|peer| peer.name == *name).map_or(SiteId(0), |peer| peer.site);
        Some(Cow::Owned(Peer { name: Arc::clone(name), network, kind: PeerKind::Trunk, site, over: None }))
    }

    /// One of those whose registration over this flow a telephone system has confirmed: the one that From names.
    fn registered_caller(&self, now: Now, setup: &Snapshot, flow: Flow, request: &Message) -> Identity {
        let people = self.through.people(flow, now.moment);
        let people: SmallVec<[PersonId; 1]> = people
            .filter_map(|key| setup.policy.person_by_key(key))
            .filter(|id| setup.pbx_of(*id).is_some())
            .collect();
        let named = people.iter().find(|id| is_own_from(setup, setup.policy.person(**id), &request.from()));
        match (named, &people[..]) {
            (Some(id), _) | (None, [id]) => person(setup, *id, request),
            (None, [id, ..]) => Identity::Refused { reason: Reason::IdentityMismatch, person: Some(*id) },
            (None, []) => Identity::Refused { reason: Reason::UnknownCaller, person: None },
        }
    }

    /// The person whose password made the digest in this request (RFC 3261 §22). Wrong ones add up against their source (R25).
    pub(super) fn prove(&mut self, now: Now, setup: &Snapshot, flow: Flow, request: &Message) -> Proof {
        let source = flow.remote.ip().to_canonical();
        let is_guesser = self.is_guesser(flow);
        if is_guesser && self.lockout.is_locked(now.moment, source) {
            self.tell(Event::Rejected { code: "source_locked", status: 403 });
            self.lockout.told(source);
            return Proof::Locked;
        }
        let proof = self.proof(now, setup, request);
        match proof {
            Proof::Of(_) => self.lockout.proved(now.moment, source),
            Proof::Wrong => {
                self.tell(Event::AuthenticationFailed);
                if is_guesser && self.lockout.failed(now.moment, source) {
                    self.tell(Event::SourceLocked { source });
                }
            }
            // Whoever forges this address can send these, and learns nothing by them.
            Proof::Misplaced => self.tell(Event::AuthenticationFailed),
            Proof::Missing | Proof::Stale | Proof::Locked => {}
        }
        proof
    }

    fn proof(&mut self, now: Now, setup: &Snapshot, request: &Message) -> Proof {
        let name =
            if request.method() == Method::Register { Name::Authorization } else { Name::ProxyAuthorization };
        let headers: SmallVec<[_; 2]> = request.headers(name).collect();
        let ours = headers.iter().filter_map(|header| Credentials::parse(header));
        let ours: SmallVec<[_; 2]> =
            ours.filter(|found| found.realm() == self.challenger.realm()).take(ANSWERS_MAX).collect();
        let mut proof = Proof::Missing;
        for credentials in &ours {
            proof = self.check(now, setup, request, credentials);
            if let Proof::Of(_) = proof {
                break;
            }
        }
        proof
    }

    fn check(
        &mut self,
        now: Now,
        setup: &Snapshot,
        request: &Message,
        credentials: &Credentials<'_>,
    ) -> Proof {
        if !names_this_request(setup, request, credentials) {
            return Proof::Misplaced;
        }
        let known = setup.credentials.get(&*credentials.username());
        // A user nobody has is checked all the same, so that the answer tells nobody who exists.
        let ha1 = known.map_or_else(Ha1::default, |known| known.ha1);
        match (
            self.challenger.check(credentials, &ha1, request.method_text(), now.utc, source_of(request)),
            known,
        ) {
            (Checked::Accepted, Some(known)) => Proof::Of(known.person),
            (Checked::Stale, _) => Proof::Stale,
            (Checked::Foreign, _) => Proof::Misplaced,
            (Checked::Wrong, _) | (Checked::Accepted, None) => Proof::Wrong,
        }
    }

    /// Asks for proof: 401 as a registrar, 407 as a proxy (RFC 3261 §22.2, §22.3).
    pub(super) fn challenge(
        &mut self,
        now: Now,
        flow: Flow,
        server: ServerId,
        request: &Message,
        stale: bool,
    ) {
        self.count_unproven(now, flow);
        let (status, header) = match request.method() {
            Method::Register => (401, "WWW-Authenticate"),
            _ => (407, "Proxy-Authenticate"),
        };
        let challenges = self.challenger.challenges(now.utc, source_of(request), stale);
        let headers: Vec<(&str, &str)> =
            challenges.iter().map(|challenge| (header, challenge.as_str())).collect();
        self.answer_with(now, server, request, status, &headers);
    }
}

/// What a request's credentials are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    Of(PersonId),
    Missing,
    /// The nonce is too old, not ours, or used before: a new challenge with `stale=true` lets an honest phone try again at once.
    Stale,
    Wrong,
    /// Made for another request or another address, or with a nonce that was never ours: nothing that could be a guess.
    Misplaced,
    /// The source has guessed too often; nothing from it is checked for a while.
    Locked,
}

impl Identity {
    /// The caller as the rules see her. A stranger counts as calling from the site of her network.
    pub(super) fn caller(&self, setup: &Snapshot, flow: Flow, request: &Message) -> Caller {
        match self {
            Identity::Person { id, from } => Caller::of(setup, *id, from),
            Identity::Forwarder { id, speaker } => Caller {
                by: By::Forward,
                other_party_outside: speaker.is_none(),
                speaker: speaker.map(|id| setup.policy.person(id).key.clone()),
                ..Caller::of(setup, *id, &FromHeader::AsSent)
            },
            Identity::Outside { site } => {
                let number = claimed_number(setup, *site, &request.from());
                Caller { number, ..Caller::stranger(policy::Caller::Outside, *site) }
            }
            // The rules know her as nobody; the record and an emergency still say whose phone it is.
            Identity::Refused { person: Some(id), .. } => {
                Caller { policy: policy::Caller::Unknown, ..Caller::of(setup, *id, &FromHeader::AsSent) }
            }
            Identity::Nobody { .. } | Identity::Refused { person: None, .. } => {
                Caller::stranger(policy::Caller::Unknown, setup.site_at(flow.remote.ip()))
            }
        }
    }
}

impl Caller {
    fn of(setup: &Snapshot, id: PersonId, from: &FromHeader) -> Caller {
        let person = setup.policy.person(id);
        let shown = person.outgoing.or(setup.policy.site(person.site).caller_id);
        Caller {
            key: Some(person.key.clone()),
            speaker: Some(person.key.clone()),
            department: person.department.map(|id| setup.policy.department(id).name.clone()),
            shown,
            from_sent: match from {
                FromHeader::AsSent => None,
                FromHeader::Rewritten(value) => Some(value.clone()),
            },
            ..Caller::stranger(policy::Caller::Person(id), person.site)
        }
    }

    fn stranger(caller: policy::Caller, site: SiteId) -> Caller {
        Caller {
            policy: caller,
            site,
            key: None,
            department: None,
            number: None,
            by: By::Dial,
            other_party_outside: false,
            speaker: None,
            held: None,
            from_sent: None,
            shown: None,
        }
    }

    /// The same caller in a call that a transferor is responsible for (R23). It is still the caller who speaks and is shown.
    pub fn at_expense_of(self, setup: &Snapshot, transferor: PersonId, outside: bool) -> Caller {
        let payer = Caller::of(setup, transferor, &FromHeader::AsSent);
        Caller {
            speaker: self.speaker,
            from_sent: self.from_sent,
            shown: self.shown.or(payer.shown),
            by: By::Transfer,
            other_party_outside: outside,
            ..payer
        }
    }

    pub fn attempt<'a>(&self, target: policy::Target<'a>, now: Now) -> Attempt<'a> {
        Attempt {
            caller: self.policy,
            site: self.site,
            target,
            by: self.by,
            other_party_outside: self.other_party_outside,
            caller_number: self.number,
            at: now.utc,
        }
    }
}

impl Snapshot {
    /// The site whose rules hold for an address from which nobody has proved anything.
    pub(super) fn site_at(&self, address: IpAddr) -> SiteId {
        self.peer_at(address).map_or(SiteId(0), |peer| peer.site)
    }
}

/// R20: From must be the authenticated person, or the site says what happens.
fn person(setup: &Snapshot, id: PersonId, request: &Message) -> Identity {
    let person = setup.policy.person(id);
    // Whoever hides her number is not somebody else (RFC 3323 §4.1): the digest says who she is.
    if is_own_from(setup, person, &request.from()) || is_anonymous(&request.from()) {
        return Identity::Person { id, from: FromHeader::AsSent };
    }
    match setup.policy.site(person.site).from_mismatch {
        FromMismatch::Refuse => Identity::Refused { reason: Reason::IdentityMismatch, person: Some(id) },
        FromMismatch::Rewrite => {
            let user = person.sip_user.as_deref().unwrap_or(&person.key);
            let tag = request
                .from_tag()
                .map(|tag| format!(";tag={}", String::from_utf8_lossy(tag)))
                .unwrap_or_default();
            Identity::Person {
                id,
                from: FromHeader::Rewritten(format!("<sip:{user}@{}>{tag}", setup.realm).into()),
            }
        }
    }
}

/// True if the From names the person by SIP user, extension or one of her numbers.
fn is_own_from(setup: &Snapshot, person: &Person, from: &NameAddr<'_>) -> bool {
    let Ok(uri) = from.parsed_uri() else { return false };
    let Some(user) = uri.user else { return false };
    let by_name = person.sip_user.as_deref() == Some(user)
        || person.extension.is_some_and(|code| code.to_string() == user);
    by_name
        || matches!(reading(setup, person.site, user), Canonical::Number(number) if person.numbers.contains(&number))
}

fn claimed_number(setup: &Snapshot, site: SiteId, from: &NameAddr<'_>) -> Option<PhoneNumber> {
    let uri = from.parsed_uri().ok()?;
    match reading(setup, site, uri.user?) {
        Canonical::Number(number) => Some(number),
        Canonical::Emergency(_) | Canonical::Extension(_) | Canonical::Feature(_) | Canonical::Unknown(_) => {
            None
        }
    }
}

/// Identities are read as dialled numbers are (R31).
pub(super) fn reading(setup: &Snapshot, site: SiteId, user: &str) -> Canonical {
    canonical(&Dialled::sip(user), &setup.policy.site(site).plan)
}

/// Where a request came from, as its nonce knows it.
fn source_of(request: &Message) -> IpAddr {
    request.source().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |source| source.ip())
}

/// RFC 7616 §3.4.6: the digest's uri names the resource of the request line. Several phones write only the gate's address there,
/// which says nothing of a number; one that names another number is another request's.
fn names_this_request(setup: &Snapshot, request: &Message, credentials: &Credentials<'_>) -> bool {
    if credentials.uri == request.request_uri() {
        return true;
    }
    let Ok(uri) = Uri::parse(credentials.uri) else { return false };
    let only_the_gate = uri.user.is_none() && setup.interfaces.is_ours(uri.host, uri.port);
    only_the_gate || Uri::parse(request.request_uri()).is_ok_and(|wanted| wanted.is_same_as(&uri))
}
