//! What is asked and what is answered: the attempt, the decision, and the permit that only `decide` can make.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::base::number::{Dialled, ShortCode, UnknownWhy};
use crate::base::{Money, PersonId, PhoneNumber, SiteId};

use super::class::{Class, Country};
use super::document::{By, Ending, PeriodKind};
use super::reason::{Language, Reason};
use super::snapshot::Policy;

/// Who is responsible for the call: the caller, or the forwarder (R22), or the transferor (R23).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    Person(PersonId),
    /// A trunk: anybody in the world.
    Outside,
    /// Nobody we know; only emergency calls.
    Unknown,
}

/// One attempt to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    pub caller: Caller,
    /// The site whose dial plan, emergency numbers and language hold: the person's, or the trunk's.
    pub site: SiteId,
    pub target: Target<'a>,
    pub by: By,
    /// The other party of a forward or transfer is outside the house (R23).
    pub other_party_outside: bool,
    /// The number of an outside caller, if shown: block lists are held against it.
    pub caller_number: Option<PhoneNumber>,
    pub at: DateTime<Utc>,
}

/// What is called, before or after its reading.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    Dialled(Dialled<'a>),
    /// Already read: a repeated question about the same call.
    Known(Destination),
}

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// As the site's list writes it.
    Emergency(ShortCode),
    Internal(PersonId),
    Number(PhoneNumber),
    Feature(ShortCode),
    /// An extension by its form that belongs to nobody.
    NoSuchExtension(ShortCode),
    Unknown(UnknownWhy),
}

impl Destination {
    /// The colleague who is called, if it is one.
    pub fn person(self) -> Option<PersonId> {
        match self {
            Destination::Internal(person) => Some(person),
            Destination::Emergency(_)
            | Destination::Number(_)
            | Destination::Feature(_)
            | Destination::NoSuchExtension(_)
            | Destination::Unknown(_) => None,
        }
    }
}

/// The verdict of the rules; money comes after it.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    Permitted(Permit),
    Refused(Refusal),
}

impl Decision {
    pub fn permit(&self) -> Option<&Permit> {
        match self {
            Decision::Permitted(permit) => Some(permit),
            Decision::Refused(_) => None,
        }
    }

    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Decision::Permitted(_) => None,
            Decision::Refused(refusal) => Some(refusal),
        }
    }
}

/// Proof that the rules allow this call. Only `policy` makes one; a call that skipped the rules does not compile.
#[derive(Clone, Debug, PartialEq)]
pub struct Permit {
    pub(super) destination: Destination,
    pub(super) class: Class,
    pub(super) country: Option<Country>,
    pub(super) site: SiteId,
    /// When the permitted hours end it, if they do.
    pub(super) closes: Option<DateTime<Utc>>,
    pub(super) terms: Arc<Terms>,
    pub(super) limits: Arc<Limits>,
    pub(super) circumstances: Circumstances,
}

/// What the rule says of every call that it allows: told once, however many there are.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Terms {
    pub trunks: TrunkChoice,
    pub longest: Option<Duration>,
    pub on_change: Ending,
    pub origin: Origin,
}

/// What else was judged, and is needed to judge the call again (R76).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Circumstances {
    pub by: By,
    pub other_party_outside: bool,
    pub caller_number: Option<PhoneNumber>,
    /// A database that was asked may have let it through; it is not asked again about a call in progress.
    pub heard: bool,
}

impl Attempt<'_> {
    pub(super) fn circumstances(&self) -> Circumstances {
        let Attempt { by, other_party_outside, caller_number, .. } = *self;
        Circumstances { by, other_party_outside, caller_number, heard: false }
    }
}

impl Permit {
    pub fn destination(&self) -> Destination {
        self.destination
    }

    pub fn class(&self) -> Class {
        self.class
    }

    pub fn country(&self) -> Option<Country> {
        self.country
    }

    pub fn site(&self) -> SiteId {
        self.site
    }

    /// Says the same in the words of another version of the policy, whose ids are others. A site that is gone leaves its calls to
    /// the first one; a colleague who is gone can no longer be found.
    pub fn carry_over(&mut self, old: &Policy, new: &Policy) {
        self.site = new.site_by_name(&old.site(self.site).name).unwrap_or(SiteId(0));
        if let Destination::Internal(person) = self.destination {
            let person = old.person(person);
            let gone = person.extension.map_or(Destination::Unknown(UnknownWhy::NoMatch), |extension| {
                Destination::NoSuchExtension(extension)
            });
            self.destination = new.person_by_key(&person.key).map_or(gone, Destination::Internal);
        }
    }

    /// Whether the call leaves through a trunk and so needs a price. Internal calls, feature codes and emergency calls are free.
    pub fn priced(&self) -> bool {
        match self.destination {
            Destination::Number(_) => true,
            Destination::Emergency(_)
            | Destination::Internal(_)
            | Destination::Feature(_)
            | Destination::NoSuchExtension(_)
            | Destination::Unknown(_) => false,
        }
    }

    pub fn emergency(&self) -> bool {
        matches!(self.destination, Destination::Emergency(_))
    }

    pub fn trunks(&self) -> &TrunkChoice {
        &self.terms.trunks
    }

    /// The longest that this call may last.
    pub fn longest(&self) -> Option<Duration> {
        self.terms.longest
    }

    /// When the permitted hours end and the permit says that its calls end with them (R66, R82).
    pub fn closes(&self) -> Option<DateTime<Utc>> {
        self.closes
    }

    /// The budgets that must all have room: the person's, the departments', the company's. Those of the trunk are
    /// `Policy::trunk_limits`, once the trunk is chosen. Empty for calls that are not priced.
    pub fn budgets(&self) -> &[BudgetLimit] {
        if self.priced() { &self.limits.budgets } else { &[] }
    }

    /// The limits on calls at once (R68). Empty for emergency calls.
    pub fn concurrency(&self) -> &[ConcurrencyLimit] {
        &self.limits.concurrency
    }

    pub fn origin(&self) -> &Origin {
        &self.terms.origin
    }

    /// The user part to put on the wire (R11): `+` and the canonical number, the emergency number, the feature code.
    /// `None` for a colleague, whose phone the registrar knows.
    pub fn send_as(&self) -> Option<String> {
        match self.destination {
            Destination::Emergency(code) | Destination::Feature(code) => Some(code.to_string()),
            Destination::Number(number) => Some(number.to_string()),
            Destination::Internal(_) | Destination::NoSuchExtension(_) | Destination::Unknown(_) => None,
        }
    }
}

/// Which trunks may carry the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrunkChoice {
    /// Every trunk, in the order of the settings.
    Any,
    /// These, in this order.
    Named(Arc<[Arc<str>]>),
}

/// The rule that allowed the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// R41.
    Emergency,
    /// A call from outside to one of our people.
    Incoming,
    /// Permit `index` (from zero) of `role`.
    Permit {
        role: Arc<str>,
        index: u16,
        /// `roles.sales.permits[0]`
        path: Arc<str>,
    },
}

impl Origin {
    /// Where the document says so, as it is recorded.
    pub fn path(&self) -> Arc<str> {
        match self {
            Origin::Permit { path, .. } => path.clone(),
            Origin::Emergency | Origin::Incoming => self.to_string().into(),
        }
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Emergency => f.write_str("emergency"),
            Origin::Incoming => f.write_str("incoming"),
            Origin::Permit { path, .. } => f.write_str(path),
        }
    }
}

/// The budgets and calls-at-once limits of one caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    pub budgets: Vec<BudgetLimit>,
    pub concurrency: Vec<ConcurrencyLimit>,
}

/// One budget that applies (R3), in words that the ledger's accounts are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetLimit {
    pub holder: Holder,
    pub period: PeriodKind,
    pub amount: Amount,
    /// Gives notice only.
    pub soft: bool,
    /// Whose midnight ends the period (R80).
    pub zone: Tz,
    /// Where the document says so, such as `roles.sales` or `budgets[2]`.
    pub origin: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    Money(Money),
    Minutes(u32),
}

/// At most `count` calls at once (R68).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConcurrencyLimit {
    pub holder: Holder,
    pub count: u32,
    pub soft: bool,
    /// Where the document says so.
    pub origin: Arc<str>,
}

/// Whose budget, by stable key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    Person(Arc<str>),
    Department(Arc<str>),
    Trunk(Arc<str>),
    Company,
}

/// A refusal, with what its sentence needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    reason: Reason,
    pub(super) class: Option<Class>,
    pub(super) country: Option<Country>,
    pub(super) until: Option<DateTime<Tz>>,
    pub(super) destination: Option<Destination>,
    pub(super) rule: Option<Arc<str>>,
}

impl Refusal {
    /// A refusal decided outside this room: identity, money. What the sentence may add is set with `until` and `about`.
    pub fn of(reason: Reason) -> Refusal {
        Refusal { reason, class: None, country: None, until: None, destination: None, rule: None }
    }

    /// When the reason ends: the next opening, the next day or month. Its zone is the one it is shown in.
    pub fn until(mut self, moment: DateTime<Tz>) -> Refusal {
        self.until = Some(moment);
        self
    }

    /// What was refused, taken over from the permit that money or the ledger then stopped.
    pub fn about(mut self, permit: &Permit) -> Refusal {
        self.class = Some(permit.class);
        self.country = permit.country;
        self.destination = Some(permit.destination);
        self
    }

    /// The place of the document that the refusal comes from.
    pub fn by_rule(mut self, path: &str) -> Refusal {
        self.rule = Some(path.into());
        self
    }

    pub fn reason(&self) -> Reason {
        self.reason
    }

    pub fn class(&self) -> Option<Class> {
        self.class
    }

    pub fn country(&self) -> Option<Country> {
        self.country
    }

    pub fn ends(&self) -> Option<DateTime<Tz>> {
        self.until
    }

    pub fn destination(&self) -> Option<Destination> {
        self.destination
    }

    /// The guard, role or permit that the refusal comes from, by its path in the document.
    pub fn rule(&self) -> Option<&str> {
        self.rule.as_deref()
    }

    /// What the phone shows: what, and until when (R50).
    pub fn sentence(&self, language: Language) -> String {
        super::sentence::sentence(self, language)
    }
}
