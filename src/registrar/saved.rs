//! Bindings as they are written down for another run of the gate (R91): those over UDP, since a phone behind a connection that is gone
//! is reached by nobody until it comes back.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Registrar;
use super::binding::{Binding, Preference};
use crate::base::Now;
use crate::sip::{Flow, SavedFlow};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedBinding {
    contact: Box<str>,
    flow: SavedFlow,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    path: Box<[Box<str>]>,
    expires: DateTime<Utc>,
    /// Thousandths.
    preference: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instance: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reg_id: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_agent: Option<Box<str>>,
    call_id: String,
    cseq: u32,
    since: DateTime<Utc>,
}

impl<K: Ord + Clone> Registrar<K> {
    /// Whose bindings have changed since they were asked for last, with those that another run can use.
    pub fn take_changed(&mut self, now: Now) -> Vec<(K, Vec<SavedBinding>)> {
        let changed = std::mem::take(&mut self.changed);
        let saved =
            |key: &K| self.bindings(key, now.moment).filter_map(|binding| binding.saved(now)).collect();
        changed.iter().map(|key| (key.clone(), saved(key))).collect()
    }

    /// Takes over what an earlier run has written down of one person; what has ended meanwhile is left out.
    pub fn restore(&mut self, now: Now, key: &K, saved: Vec<SavedBinding>) {
        let most = self.limits().most_contacts;
        let bindings = saved.into_iter().filter_map(|saved| Binding::restored(saved, now));
        let live = bindings.filter(|binding| binding.expires > now.moment).take(most);
        self.take_over(key, live.collect());
    }
}

impl Binding {
    fn saved(&self, now: Now) -> Option<SavedBinding> {
        if self.flow.transport.is_reliable() {
            return None;
        }
        Some(SavedBinding {
            contact: self.contact.clone(),
            flow: self.flow.into(),
            path: self.path.clone(),
            expires: now.utc_at(self.expires),
            preference: self.preference.thousandths(),
            instance: self.instance.clone(),
            reg_id: self.reg_id,
            user_agent: self.user_agent.clone(),
            // Against its grammar it may be no text; then its order within one Call-ID is forgotten, and nothing else.
            call_id: String::from_utf8_lossy(&self.call_id).into_owned(),
            cseq: self.cseq,
            since: now.utc_at(self.since),
        })
    }

    fn restored(saved: SavedBinding, now: Now) -> Option<Binding> {
        Some(Binding {
            flow: Flow::from(saved.flow),
            contact: saved.contact,
            path: saved.path,
            expires: now.moment_at(saved.expires),
            preference: Preference::of_thousandths(saved.preference)?,
            instance: saved.instance,
            reg_id: saved.reg_id,
            user_agent: saved.user_agent,
            call_id: saved.call_id.into_bytes().into(),
            cseq: saved.cseq,
            since: now.moment_at(saved.since),
        })
    }
}
