//! The compiled policy: one immutable snapshot, shared by reference, replaced whole.

use std::sync::Arc;

use chrono_tz::Tz;

use crate::base::number::ShortCode;
use crate::base::{DepartmentId, PersonId, PhoneNumber, SiteId};

use super::class::Country;
use super::document::FromMismatch;
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
    pub locked: bool,
}

/// A site as the gate needs it. Its dial plan stays in this room.
#[derive(Clone, Debug)]
pub struct Site {
    pub name: Arc<str>,
    pub zone: Tz,
    pub country: Country,
    pub language: Language,
    pub emergency_trunks: Vec<Arc<str>>,
    pub callback: Option<PhoneNumber>,
    pub emergency_unauthenticated: bool,
    pub from_mismatch: FromMismatch,
}

/// A department and those above it.
#[derive(Clone, Debug)]
pub struct Department {
    pub name: Arc<str>,
    pub parent: Option<DepartmentId>,
}

/// One version of the policy. `compile` makes it; nothing changes it.
#[derive(Debug)]
pub struct Policy {
    pub(super) people: Vec<Person>,
    pub(super) sites: Vec<Site>,
    pub(super) departments: Vec<Department>,
}

impl Policy {
    /// # Panics
    /// If the id comes from another policy version with more people; ids never outlive their version.
    pub fn person(&self, id: PersonId) -> &Person {
        &self.people[id.index()]
    }

    pub fn site(&self, id: SiteId) -> &Site {
        &self.sites[id.index()]
    }

    pub fn department(&self, id: DepartmentId) -> &Department {
        &self.departments[id.index()]
    }
}
