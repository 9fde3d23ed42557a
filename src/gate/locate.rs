//! Trunks that are named rather than addressed: where DNS says they are (RFC 3263), as it is found out outside and told here.

use std::sync::Arc;

use super::Gate;
use super::setup::Snapshot;
use crate::sip::{Hop, ServerName};

impl Gate {
    /// From now on calls go where the name leads, and packets from there are the trunk's. Branches under way stay where they are.
    pub(super) fn locate(&mut self, server: ServerName, hops: Vec<Hop>) {
        // A settings change may have overtaken the look-up.
        let Some(known) = self.setup.trunks.servers().find(|known| ***known == server).cloned() else {
            return;
        };
        self.located.insert(known, hops);
        self.setup = Arc::new(self.setup.at_places(&self.located));
        self.follow_trunks();
    }

    /// A new setup with what is known of its names already; the rest is forgotten.
    pub(super) fn at_known_places(&mut self, setup: Arc<Snapshot>) -> Arc<Snapshot> {
        self.located.retain(|server, _| setup.trunks.servers().any(|known| known == server));
        if self.located.is_empty() { setup } else { Arc::new(setup.at_places(&self.located)) }
    }
}
