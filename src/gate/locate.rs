//! Trunks that are named rather than addressed: where DNS says they are (RFC 3263), as it is found out outside and told here.

use std::sync::Arc;

use super::Gate;
use super::call::{Call, CallKey};
use super::setup::Snapshot;
use crate::base::Now;
use crate::sip::{Flow, Hop, ServerName};

impl Gate {
    /// From now on calls go where the name leads, and packets from there are the trunk's. Branches under way stay where they are;
    /// what their calls have not tried yet is the new place.
    pub(super) fn locate(&mut self, now: Now, server: ServerName, hops: Vec<Hop>) {
        // A settings change may have overtaken the look-up.
        let Some(known) = self.setup.trunks.servers().find(|known| ***known == server).cloned() else {
            return;
        };
        self.located.insert(known, hops);
        self.setup = Arc::new(self.setup.at_places(&self.located));
        self.follow_trunks();
        self.health.outdated();
        let searching = |call: &Call| call.is_counted && !call.is_answered() && call.search.uses_trunks();
        let calls = self.calls.iter().filter(|(_, call)| searching(call));
        let calls: Vec<CallKey> = calls.map(|(key, _)| key).collect();
        for key in calls {
            self.line_up_anew(now, key);
        }
    }

    /// A new setup with what is known of its names already; the rest is forgotten.
    pub(super) fn at_known_places(&mut self, setup: Arc<Snapshot>) -> Arc<Snapshot> {
        self.located.retain(|server, _| setup.trunks.servers().any(|known| known == server));
        if self.located.is_empty() { setup } else { Arc::new(setup.at_places(&self.located)) }
    }

    /// What waits to be tried becomes the present addresses of the same trunks and of those tried already, without the addresses
    /// that were tried.
    fn line_up_anew(&mut self, now: Now, key: CallKey) {
        let fresh = self.targets_for(now, key);
        let Some(search) = self.calls.at_mut(key).map(|call| &mut call.search) else { return };
        let trunks = search.trunks();
        let tried: Vec<Flow> = search.branches.iter().filter_map(|branch| branch.hop).collect();
        let is_new =
            |target: &crate::proxy::Target| !tried.contains(&target.flow) && trunks.contains(&target.trunk);
        search.queue = fresh.into_iter().filter(|step| step.iter().all(is_new)).collect();
    }
}
