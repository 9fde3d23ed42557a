//! The compiled policy: one immutable snapshot, shared by reference, replaced whole.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ahash::RandomState;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::base::digit_trie::DigitTrie;
use crate::base::number::{DialPlan, ShortCode};
use crate::base::{DepartmentId, PersonId, PhoneNumber, RoleId, SiteId};

use super::attempt::{Limits, Origin, Terms};
use super::class::{Class, Country};
use super::class_table::{ClassTable, Home};
use super::document::{By, Ending, FromMismatch, PermitRule};
use super::fraud::FraudLimits;
use super::hours::{CalendarId, Hours};
use super::problem::Problem;
use super::reason::Language;

/// A person as the gate needs them.
#[derive(Clone, Debug)]
pub struct Person {
    pub key: Arc<str>,
    pub name: Arc<str>,
    pub site: SiteId,
    pub department: Option<DepartmentId>,
    pub zone: Tz,
    pub extension: Option<ShortCode>,
    /// Outside numbers that ring this person.
    pub numbers: Vec<PhoneNumber>,
    /// The number shown to the called party.
    pub outgoing: Option<PhoneNumber>,
    pub sip_user: Option<Arc<str>>,
    /// Those of one group may take over each other's calls (R24).
    pub pickup_group: Option<Arc<str>>,
    /// Suspected of fraud: nothing but emergency calls.
    pub locked: bool,
    pub(super) assignments: Vec<Assignment>,
    /// In order of time; the first begins before all time.
    pub(super) eras: Vec<Era>,
}

/// A role and how the person comes to have it (R6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    pub role: RoleId,
    pub via: Via,
    pub start: Option<DateTime<Utc>>,
    pub end: Option<DateTime<Utc>>,
}

impl Assignment {
    pub fn holds(&self, at: DateTime<Utc>) -> bool {
        self.start.is_none_or(|start| start <= at) && self.end.is_none_or(|end| at < end)
    }
}

/// Where a role comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    Own,
    Group(Arc<str>),
    Department(Arc<str>),
}

/// What a person may do from one change of roles to the next.
#[derive(Clone, Debug)]
pub(super) struct Era {
    pub from: DateTime<Utc>,
    pub rights: usize,
    pub limits: Arc<Limits>,
}

/// What one set of roles gives; people with the same roles share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Rights {
    pub roles: Vec<RoleId>,
    pub permits: Vec<usize>,
    pub guards: Vec<usize>,
}

/// A site as the gate needs it.
#[derive(Clone, Debug)]
pub struct Site {
    pub name: Arc<str>,
    pub zone: Tz,
    pub country: Country,
    pub language: Language,
    pub plan: DialPlan,
    /// How trunks name this site's numbers.
    pub(super) incoming_plan: DialPlan,
    /// In the order to be tried; empty: every trunk.
    pub emergency_trunks: Arc<[Arc<str>]>,
    pub callback: Option<PhoneNumber>,
    /// Shown by people without a number of their own.
    pub caller_id: Option<PhoneNumber>,
    pub emergency_unauthenticated: bool,
    pub from_mismatch: FromMismatch,
    pub(super) calendar: CalendarId,
}

impl Site {
    pub(super) fn home(&self) -> Home<'_> {
        Home {
            country: self.country,
            country_code: &self.plan.country_code,
            area_code: self.plan.area_code.as_deref(),
            short: &self.plan.short,
        }
    }
}

/// A department and the one above it.
#[derive(Clone, Debug)]
pub struct Department {
    pub name: Arc<str>,
    pub parent: Option<DepartmentId>,
}

#[derive(Clone, Debug)]
pub(super) struct RoleEntry {
    pub name: Arc<str>,
    /// Itself and all it inherits from, each once.
    pub closure: Vec<RoleId>,
    pub on_change: Ending,
    pub permits: Vec<usize>,
    pub guards: Vec<usize>,
}

/// A set of classes as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ClassSet(u16);

impl ClassSet {
    pub fn of<'a>(classes: impl IntoIterator<Item = &'a Class>) -> ClassSet {
        ClassSet(classes.into_iter().fold(0, |bits, class| bits | 1 << *class as u16))
    }

    pub fn has(self, class: Class) -> bool {
        self.0 & 1 << class as u16 != 0
    }
}

/// Whom a permit reaches; databases and lists by position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Nobody,
    Any,
    Crm { databases: Vec<usize>, colleagues: bool },
    Own { databases: Vec<usize> },
    Colleagues,
    Lists(Vec<usize>),
}

#[derive(Clone, Debug)]
pub(super) struct PermitEntry {
    /// Such as `roles.sales.permits[0]`.
    pub path: Arc<str>,
    pub terms: Arc<Terms>,
    pub classes: ClassSet,
    /// Sorted.
    pub countries: Vec<Country>,
    pub reach: Reach,
    pub hours: Option<usize>,
    pub by: Vec<By>,
    pub at_close: Ending,
    pub outside_to_outside: bool,
    /// As written, for people to read.
    pub rule: PermitRule,
}

#[derive(Clone, Debug)]
pub(super) struct GuardEntry {
    pub path: Arc<str>,
    pub name: Arc<str>,
    pub classes: ClassSet,
    /// Sorted.
    pub countries: Vec<Country>,
    pub prefixes: DigitTrie<()>,
    pub lists: Vec<usize>,
    pub fraud_lock: bool,
}

/// Hashing with fixed keys: the keys are the administrator's, and the same policy is the same value in every run.
pub(super) type Set<T> = HashSet<T, RandomState>;
pub(super) type Map<K, V> = HashMap<K, V, RandomState>;

pub(super) fn fixed_keys() -> RandomState {
    RandomState::with_seeds(0x746F_6C6C, 0x6761_7465, 0x706F_6C69, 0x6379_0001)
}

/// The numbers of one contact database: eight bytes and a bit each.
#[derive(Clone, Debug)]
pub(super) struct Database {
    pub name: Arc<str>,
    pub numbers: Set<u64>,
    /// Number and owner, only for contacts that have one.
    pub owned: Set<(u64, u32)>,
    /// Until when the copy serves (R90); for ever if absent.
    pub fresh_until: Option<DateTime<Utc>>,
    /// It can be asked about numbers that are not in the copy.
    pub asks: bool,
    /// Let through while neither the copy nor the database can tell.
    pub open: ClassSet,
}

#[derive(Clone, Debug)]
pub(super) struct List {
    pub numbers: Set<u64>,
    pub prefixes: DigitTrie<()>,
}

impl List {
    pub fn has(&self, number: PhoneNumber) -> bool {
        self.numbers.contains(&number.as_u64()) || self.prefixes.longest(number.digits().as_str()).is_some()
    }
}

/// One version of the policy. `compile` makes it; nothing changes it.
#[derive(Debug)]
pub struct Policy {
    pub(super) version: u64,
    pub(super) zone: Tz,
    pub(super) people: Vec<Person>,
    pub(super) sites: Vec<Site>,
    pub(super) departments: Vec<Department>,
    pub(super) roles: Vec<RoleEntry>,
    pub(super) permits: Vec<PermitEntry>,
    pub(super) guards: Vec<GuardEntry>,
    /// Positions of the guards that hold for everybody.
    pub(super) company_guards: Vec<usize>,
    pub(super) fraud: FraudLimits,
    pub(super) rights: Vec<Rights>,
    pub(super) classes: ClassTable,
    pub(super) hours: Vec<Hours>,
    pub(super) lists: Vec<List>,
    pub(super) databases: Vec<Database>,
    pub(super) trunk_limits: Map<Arc<str>, Arc<Limits>>,
    pub(super) by_key: Map<Arc<str>, PersonId>,
    pub(super) by_sip_user: Map<Arc<str>, PersonId>,
    pub(super) by_number: Map<u64, PersonId>,
    pub(super) by_extension: Map<(SiteId, ShortCode), PersonId>,
    /// Extensions that only one site has.
    pub(super) by_company_extension: Map<ShortCode, PersonId>,
    pub(super) warnings: Vec<Problem>,
}

impl Policy {
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The same policy under another version: that of the files is known only when the last contact has been read.
    pub fn at_version(self, version: u64) -> Policy {
        Policy { version, ..self }
    }

    /// The company's zone (R80).
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// Faults that leave the policy usable, such as contacts whose numbers cannot be read.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    pub fn people(&self) -> impl ExactSizeIterator<Item = (PersonId, &Person)> {
        self.people.iter().enumerate().map(|(index, person)| (PersonId(index as u32), person))
    }

    pub fn sites(&self) -> impl ExactSizeIterator<Item = (SiteId, &Site)> {
        self.sites.iter().enumerate().map(|(index, site)| (SiteId(index as u16), site))
    }

    /// # Panics
    /// If the id comes from another policy version with more people; ids never outlive their version.
    pub fn person(&self, id: PersonId) -> &Person {
        &self.people[id.index()]
    }

    /// # Panics
    /// As `person`.
    pub fn site(&self, id: SiteId) -> &Site {
        &self.sites[id.index()]
    }

    /// # Panics
    /// As `person`.
    pub fn department(&self, id: DepartmentId) -> &Department {
        &self.departments[id.index()]
    }

    /// The name of a role. Empty if the id comes from another policy version.
    /// Whether somebody works in the department of this name or in one under it.
    pub fn is_in_department(&self, person: PersonId, name: &str) -> bool {
        let own = self.person(person).department;
        let up = |id: &DepartmentId| self.department(*id).parent;
        std::iter::successors(own, up).any(|id| *self.department(id).name == *name)
    }

    pub fn role_name(&self, id: RoleId) -> &str {
        self.roles.get(id.index()).map_or("", |role| &role.name)
    }

    pub fn person_by_key(&self, key: &str) -> Option<PersonId> {
        self.by_key.get(key).copied()
    }

    /// By the user name of digest and registration.
    pub fn person_by_sip_user(&self, user: &str) -> Option<PersonId> {
        self.by_sip_user.get(user).copied()
    }

    /// By one of the person's outside numbers.
    pub fn person_by_number(&self, number: PhoneNumber) -> Option<PersonId> {
        self.by_number.get(&number.as_u64()).copied()
    }

    /// The site's own person of that extension, else the only one in the company.
    pub fn person_by_extension(&self, site: SiteId, extension: &str) -> Option<PersonId> {
        let code = ShortCode::from_text(extension)?;
        let own = self.by_extension.get(&(site, code));
        own.or_else(|| self.by_company_extension.get(&code)).copied()
    }

    pub fn site_by_name(&self, name: &str) -> Option<SiteId> {
        self.sites().find(|(_, site)| &*site.name == name).map(|(id, _)| id)
    }

    /// What becomes of calls whose right is gone, by the role that permitted them; `None` if that role is gone, too (R76).
    pub(super) fn on_change(&self, origin: &Origin) -> Option<Ending> {
        let Origin::Permit { role, .. } = origin else { return None };
        self.roles.iter().find(|entry| entry.name == *role).map(|entry| entry.on_change)
    }

    /// The budgets and limits of a trunk, which apply once it is chosen (R3).
    pub fn trunk_limits(&self, trunk: &str) -> Option<&Limits> {
        self.trunk_limits.get(trunk).map(|limits| &**limits)
    }

    /// The class and country of a number for callers at a site (R32).
    pub fn classify(&self, number: PhoneNumber, site: SiteId) -> (Class, Option<Country>) {
        self.classes.class(number, self.site(site).home())
    }

    /// About how many bytes the contacts take.
    pub fn contact_bytes(&self) -> usize {
        let size = |database: &Database| {
            // A table keeps a byte of control beside each place.
            let numbers = database.numbers.capacity() * (size_of::<u64>() + 1);
            numbers + database.owned.capacity() * (size_of::<(u64, u32)>() + 1)
        };
        self.databases.iter().map(size).sum()
    }

    pub(super) fn era(&self, person: PersonId, at: DateTime<Utc>) -> &Era {
        let eras = &self.person(person).eras;
        let after = eras.partition_point(|era| era.from <= at);
        &eras[after.saturating_sub(1)]
    }
}
