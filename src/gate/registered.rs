//! Registered phones: how many there are, and what of them is written down for another run (R91).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Gate;
use crate::base::Now;
use crate::registrar::{SavedBinding, SavedLine};

/// One person's phones, registered here or through us.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SavedRegistrations {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    here: Vec<SavedBinding>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    through: Vec<SavedLine>,
}

impl SavedRegistrations {
    pub fn is_empty(&self) -> bool {
        self.here.is_empty() && self.through.is_empty()
    }
}

impl Gate {
    /// Phones registered here, and those that a telephone system has taken through us.
    pub fn registrations(&self) -> usize {
        self.registrar.count() + self.through.count()
    }

    /// Whose registrations have changed since this was asked last, with what another run can use of them.
    pub fn changed_registrations(&mut self, now: Now) -> Vec<(Arc<str>, SavedRegistrations)> {
        let mut changed: BTreeMap<Arc<str>, SavedRegistrations> = BTreeMap::new();
        for (person, here) in self.registrar.take_changed(now) {
            changed.entry(person).or_default().here = here;
        }
        for person in self.through.take_changed() {
            let here = self.registrar.saved(&person, now);
            changed.entry(person).or_default().here = here;
        }
        for (person, saved) in &mut changed {
            saved.through = self.through.saved(person, now);
        }
        changed.into_iter().collect()
    }

    /// Takes over what an earlier run has written down of one person, if she is still of the house.
    pub fn restore_registrations(&mut self, now: Now, person: &str, saved: SavedRegistrations) {
        let known =
            self.setup.policy.person_by_key(person).map(|id| self.setup.policy.person(id).key.clone());
        if let Some(key) = known {
            self.registrar.restore(now, &key, saved.here);
            self.through.restore(now, &key, saved.through);
            for binding in self.registrar.bindings(&key, now.moment) {
                self.lockout.proved(now.moment, binding.flow.remote.ip().to_canonical());
            }
        }
    }
}
