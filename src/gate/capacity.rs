//! Calls at once: among whose a call counts (R68), and whether a trunk has a channel left for it: what its carrier allows, what its
//! budget allows, and what is kept free for others.

use std::sync::Arc;

use smallvec::SmallVec;

use super::call::{Call, CallKey};
use super::setup::Snapshot;
use super::transfer::Standing;
use super::{Gate, Live};
use crate::ledger::CallRecord;
use crate::policy::{ConcurrencyLimit, Holder, Permit, Policy};
use crate::proxy::Trunk;

impl Gate {
    /// Whose calls at once this one counts among: those of every limit (R68), and the caller's own where fraud is watched for.
    pub(super) fn holders(
        &self,
        setup: &Snapshot,
        permit: &Permit,
        record: &CallRecord,
    ) -> SmallVec<[Holder; 2]> {
        let limited = permit.concurrency().iter().map(|limit| limit.holder.clone());
        let mut holders: SmallVec<[Holder; 2]> = limited.collect();
        let watched = record.person.as_ref().filter(|_| setup.policy.fraud().watches(permit.class()));
        let caller = watched.map(|person| Holder::Person(person.clone()));
        holders.extend(caller.filter(|caller| !holders.contains(caller)));
        holders
    }

    pub(super) fn count_live(&mut self, key: CallKey) {
        self.in_progress.insert(key);
        let Some(call) = self.calls.at(key) else { return };
        for holder in &call.holders {
            self.live.entry(holder.clone()).or_default().push(key);
        }
    }

    /// The call goes out on this trunk now, and on no other.
    pub(super) fn count_on_trunk(&mut self, key: CallKey, trunk: &Arc<str>) {
        let Some(call) = self.calls.at_mut(key) else { return };
        let holder = Holder::Trunk(Arc::clone(trunk));
        if call.holders.contains(&holder) {
            return;
        }
        let is_trunk = |holder: &Holder| matches!(holder, Holder::Trunk(_));
        let left = call.holders.iter().position(is_trunk).map(|index| call.holders.remove(index));
        call.holders.push(holder.clone());
        if let Some(live) = left.and_then(|left| self.live.get_mut(&left)) {
            live.retain(|live| *live != key);
        }
        self.live.entry(holder).or_default().push(key);
    }

    /// R68: the size of the live set of each holder against its limit.
    pub(super) fn is_crowded(&self, permit: &Permit, standing: &Standing) -> bool {
        let counts = |call: &&CallKey| !standing.spared.contains(&Some(**call));
        let full = |limit: &ConcurrencyLimit| {
            let live = self.live.get(&limit.holder).map_or(0, |live| live.iter().filter(counts).count());
            !limit.soft && live >= limit.count as usize
        };
        permit.concurrency().iter().any(full)
    }

    /// It counts among nobody's calls at once any more (R68).
    pub(super) fn leave_live(&mut self, key: CallKey, holders: &[Holder]) {
        self.in_progress.remove(&key);
        for holder in holders {
            let Some(live) = self.live.get_mut(holder) else { continue };
            live.retain(|live| *live != key);
            if live.is_empty() {
                self.live.remove(holder);
            }
        }
    }
}

/// Whether the trunk carries as many calls as it may, this one not counted (R68). Emergency calls are not counted out (R41).
pub(super) fn is_full(live: &Live, setup: &Snapshot, trunk: &Trunk, key: CallKey, call: &Call) -> bool {
    if call.permit.emergency() {
        return false;
    }
    let holder = Holder::Trunk(trunk.name.clone());
    let others = live.get(&holder).map_or(0, |calls| calls.iter().filter(|call| **call != key).count());
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
