//! Whether a trunk has a channel left for a call: what its carrier allows, what its budget allows, and what is kept free for others.

use super::Live;
use super::call::{Call, CallKey};
use super::setup::Snapshot;
use crate::policy::{Holder, Policy};
use crate::proxy::Trunk;

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
