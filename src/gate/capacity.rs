//! Calls at once: among whose a call counts (R68), and whether a trunk has a channel left for it: what its carrier allows, what its
//! budget allows, and what is kept free for others.

use std::sync::Arc;

use smallvec::SmallVec;

use super::Gate;
use super::call::{Call, CallKey};
use super::live::{Group, Groups, Live, Membership};
use super::setup::Snapshot;
use super::transfer::Standing;
use crate::ledger::CallRecord;
use crate::policy::{ConcurrencyLimit, Holder, Permit, Policy};
use crate::proxy::Trunk;

impl Gate {
    /// Among whose calls at once this one counts: those of every limit (R68), and the caller's own where fraud is watched for.
    pub(super) fn groups(&self, setup: &Snapshot, permit: &Permit, record: &CallRecord) -> Groups {
        let watched = record.person.as_ref().filter(|_| setup.policy.fraud().watches(permit.class()));
        let watched = watched.map(|person| Group::Watched(person.clone()));
        let limited = permit.concurrency().iter().map(|limit| Group::Holder(limit.holder.clone()));
        limited.chain(watched).collect()
    }

    /// Calls in progress that go out on this trunk.
    pub fn calls_on_trunk(&self, trunk: &Arc<str>) -> usize {
        self.live.count(&Group::Holder(Holder::Trunk(Arc::clone(trunk))))
    }

    pub(super) fn count_live(&mut self, key: CallKey) {
        if let Some(call) = self.calls.at_mut(key).filter(|call| !call.is_counted) {
            call.is_counted = true;
            self.in_progress += 1;
        }
        self.count_among(key);
    }

    /// It counts among the calls at once of whoever limits it now (R68).
    pub(super) fn count_among(&mut self, key: CallKey) {
        let Some(call) = self.calls.at(key) else { return };
        let mut groups = self.groups(&self.setup, &call.permit, &call.record);
        groups.extend(self.live.trunk_of(&call.membership).cloned());
        if let Some(call) = self.calls.at_mut(key) {
            self.live.enter(key, &mut call.membership, groups);
        }
    }

    /// The call goes out on this trunk now, and on no other.
    pub(super) fn count_on_trunk(&mut self, key: CallKey, trunk: &Arc<str>) {
        if let Some(call) = self.calls.at_mut(key) {
            self.live.move_to_trunk(key, &mut call.membership, trunk);
        }
    }

    /// R68: the size of the live set of each holder against its limit.
    pub(super) fn is_crowded(&self, permit: &Permit, standing: &Standing) -> bool {
        let spared: SmallVec<[CallKey; 2]> = standing.spared.iter().flatten().copied().collect();
        let live =
            |limit: &ConcurrencyLimit| self.live.count_without(&Group::Holder(limit.holder.clone()), &spared);
        permit.concurrency().iter().any(|limit| !limit.soft && live(limit) >= limit.count as usize)
    }

    /// It counts among nobody's calls at once any more (R68).
    pub(super) fn leave_live(&mut self, key: CallKey, was_counted: bool, membership: Membership) {
        self.in_progress -= usize::from(was_counted);
        self.live.leave(key, membership);
    }
}

/// Whether the trunk carries as many calls as it may, this one not counted (R68). Emergency calls are not counted out (R41).
pub(super) fn is_full(live: &Live, setup: &Snapshot, trunk: &Trunk, key: CallKey, call: &Call) -> bool {
    if call.permit.emergency() {
        return false;
    }
    let others = live.count_without(&Group::Holder(Holder::Trunk(trunk.name.clone())), &[key]);
    let limits = setup.policy.trunk_limits(&trunk.name).map_or(&[][..], |limits| &limits.concurrency);
    let budgets = limits.iter().filter(|limit| !limit.soft).map(|limit| limit.count);
    let channels = trunk.calls_max.map(|most| most.saturating_sub(kept_from(trunk, &setup.policy, call)));
    channels.into_iter().chain(budgets).any(|most| others >= most as usize)
}

/// Channels that stay free for others than this call: those of emergencies, and of every department that its person is not in.
fn kept_from(trunk: &Trunk, policy: &Policy, call: &Call) -> u32 {
    let person = call.record.person.as_deref().and_then(|key| policy.person_by_key(key));
    let is_hers = |name: &str| person.is_some_and(|person| policy.is_in_department(person, name));
    let kept = trunk.care.kept.iter().filter(|kept| !kept.department.as_deref().is_some_and(is_hers));
    kept.map(|kept| kept.channels).sum()
}
