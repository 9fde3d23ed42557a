//! Calls at once, by whose they are: live sets whose sizes are counted (R68). To enter, to leave and to count cost the same however
//! many calls there are.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use smallvec::SmallVec;

use super::call::CallKey;
use crate::base::{Place, Slab, shrink_after_rush};
use crate::policy::Holder;

/// So many keys are looked through faster than they are hashed, and in less memory; nearly everybody has fewer calls at once.
const FEW_MAX: usize = 16;
/// A table goes back to being a row at so few keys, so that one call more or less does not move them all each time.
const FEW_AGAIN: usize = FEW_MAX / 2;

/// Whose calls are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Those of whom a limit of calls at once speaks, and of each trunk.
    Holder(Holder),
    /// Those of one person to classes that are watched for fraud.
    Watched(Arc<str>),
}

/// Among whose calls one call counts, each once.
pub type Groups = SmallVec<[Group; 4]>;

/// The live sets in which one call stands: it leaves them without asking whose they are.
pub type Membership = SmallVec<[Place; 2]>;

/// Calls in progress by whose they are.
pub struct Live {
    places: HashMap<Group, Place, RandomState>,
    sets: Slab<LiveSet>,
}

/// The calls at once of one group: never empty.
struct LiveSet {
    group: Group,
    keys: Keys,
}

impl Live {
    pub fn with_hasher(hasher: RandomState) -> Live {
        Live { places: HashMap::with_hasher(hasher), sets: Slab::new() }
    }

    /// How many calls the group has at once.
    pub fn count(&self, group: &Group) -> usize {
        self.set(group).map_or(0, |set| set.keys.len())
    }

    /// How many it has beside these.
    pub fn count_without(&self, group: &Group, spared: &[CallKey]) -> usize {
        let Some(set) = self.set(group) else { return 0 };
        let is_first = |(at, key): &(usize, &CallKey)| !spared[..*at].contains(key);
        let distinct = spared.iter().enumerate().filter(is_first);
        set.keys.len() - distinct.filter(|(_, key)| set.keys.contains(**key)).count()
    }

    /// The call counts among these and no others from now on.
    pub fn enter(&mut self, key: CallKey, membership: &mut Membership, groups: Groups) {
        let before = std::mem::take(membership);
        for group in groups {
            let place = self.add(key, group);
            if !membership.contains(&place) {
                membership.push(place);
            }
        }
        // Left last, so that a set which stays the same is never torn down in between.
        before.iter().filter(|place| !membership.contains(place)).for_each(|place| self.remove(key, *place));
    }

    /// The call counts among nobody's any more.
    pub fn leave(&mut self, key: CallKey, membership: Membership) {
        membership.into_iter().for_each(|place| self.remove(key, place));
    }

    /// The call goes out on this trunk now, and on no other.
    pub fn move_to_trunk(&mut self, key: CallKey, membership: &mut Membership, trunk: &Arc<str>) {
        let place = self.add(key, Group::Holder(Holder::Trunk(Arc::clone(trunk))));
        if membership.contains(&place) {
            return;
        }
        let left = membership.iter().position(|place| self.trunk_at(*place).is_some());
        let left = left.map(|index| membership.remove(index));
        membership.push(place);
        left.into_iter().for_each(|left| self.remove(key, left));
    }

    /// The trunk that one of these sets is of.
    pub fn trunk_of(&self, membership: &Membership) -> Option<&Group> {
        membership.iter().find_map(|place| self.trunk_at(*place))
    }

    fn trunk_at(&self, place: Place) -> Option<&Group> {
        let group = &self.sets.at(place)?.group;
        matches!(group, Group::Holder(Holder::Trunk(_))).then_some(group)
    }

    fn set(&self, group: &Group) -> Option<&LiveSet> {
        self.sets.at(*self.places.get(group)?)
    }

    fn add(&mut self, key: CallKey, group: Group) -> Place {
        if let Some(place) = self.places.get(&group) {
            if let Some(set) = self.sets.at_mut(*place) {
                set.keys.insert(key, self.places.hasher());
            }
            return *place;
        }
        let keys = Keys::Few(SmallVec::from_iter([key]));
        let place = self.sets.insert(LiveSet { group: group.clone(), keys });
        self.places.insert(group, place);
        place
    }

    fn remove(&mut self, key: CallKey, place: Place) {
        let Some(set) = self.sets.at_mut(place) else { return };
        set.keys.remove(key);
        if set.keys.len() == 0
            && let Some(set) = self.sets.remove(place)
        {
            self.places.remove(&set.group);
            shrink_after_rush(&mut self.places);
        }
    }
}

/// A set of calls: a row while they are few, a table when they are many.
enum Keys {
    Few(SmallVec<[CallKey; 2]>),
    #[expect(clippy::box_collection, reason = "the many groups of few calls pay one word for it, not eight")]
    Many(Box<HashMap<CallKey, (), RandomState>>),
}

impl Keys {
    fn len(&self) -> usize {
        match self {
            Keys::Few(row) => row.len(),
            Keys::Many(table) => table.len(),
        }
    }

    fn contains(&self, key: CallKey) -> bool {
        match self {
            Keys::Few(row) => row.contains(&key),
            Keys::Many(table) => table.contains_key(&key),
        }
    }

    fn insert(&mut self, key: CallKey, hasher: &RandomState) {
        match self {
            Keys::Few(row) if row.contains(&key) => {}
            Keys::Few(row) if row.len() < FEW_MAX => row.push(key),
            Keys::Few(row) => {
                let mut table = HashMap::with_hasher(hasher.clone());
                table.extend(row.drain(..).chain([key]).map(|key| (key, ())));
                *self = Keys::Many(Box::new(table));
            }
            Keys::Many(table) => drop(table.insert(key, ())),
        }
    }

    fn remove(&mut self, key: CallKey) {
        match self {
            Keys::Few(row) => {
                if let Some(index) = row.iter().position(|known| *known == key) {
                    row.swap_remove(index);
                }
            }
            Keys::Many(table) => {
                table.remove(&key);
                if table.len() <= FEW_AGAIN {
                    let mut row: SmallVec<[CallKey; 2]> = table.keys().copied().collect();
                    row.sort_unstable();
                    *self = Keys::Few(row);
                } else {
                    shrink_after_rush(table);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live() -> Live {
        Live::with_hasher(RandomState::with_seeds(1, 2, 3, 4))
    }

    fn key(index: u32) -> CallKey {
        Place { index, generation: 0 }
    }

    fn trunk(name: &str) -> Group {
        Group::Holder(Holder::Trunk(name.into()))
    }

    fn company() -> Group {
        Group::Holder(Holder::Company)
    }

    #[test]
    fn as_many_are_counted_as_have_entered_and_not_left() {
        let mut live = live();
        let mut entered: Vec<Membership> = Vec::new();
        for index in 0..1_000 {
            let mut membership = Membership::new();
            live.enter(key(index), &mut membership, Groups::from_iter([company()]));
            live.move_to_trunk(key(index), &mut membership, &"main".into());
            entered.push(membership);
            assert_eq!((live.count(&company()), live.count(&trunk("main"))), (entered.len(), entered.len()));
        }
        // In no order: each number below a thousand once, since 7 divides none of it.
        for (left, index) in (0..1_000).map(|step| step * 7 % 1_000).enumerate() {
            live.leave(key(index), std::mem::take(&mut entered[index as usize]));
            assert_eq!(live.count(&company()), 999 - left);
        }
        assert!(live.places.is_empty() && live.sets.is_empty(), "who has no call is not remembered");
    }

    #[test]
    fn a_call_counts_once_and_may_be_spared_once() {
        let mut live = live();
        let (mut first, mut second) = (Membership::new(), Membership::new());
        live.enter(key(1), &mut first, Groups::from_iter([company(), company()]));
        live.enter(key(2), &mut second, Groups::from_iter([company()]));
        assert_eq!(live.count(&company()), 2);
        assert_eq!(live.count_without(&company(), &[key(1), key(1)]), 1);
        assert_eq!(live.count_without(&company(), &[key(1), key(2)]), 0);
        assert_eq!(live.count_without(&company(), &[key(3)]), 2);
        assert_eq!(live.count_without(&trunk("main"), &[key(1)]), 0);
    }

    #[test]
    fn whoever_moves_leaves_nothing_behind() {
        let mut live = live();
        let mut membership = Membership::new();
        live.enter(key(1), &mut membership, Groups::from_iter([company(), Group::Watched("alice".into())]));
        live.move_to_trunk(key(1), &mut membership, &"first".into());
        live.move_to_trunk(key(1), &mut membership, &"second".into());
        assert_eq!((live.count(&trunk("first")), live.count(&trunk("second"))), (0, 1));
        assert_eq!(live.trunk_of(&membership), Some(&trunk("second")));
        live.enter(key(1), &mut membership, Groups::from_iter([trunk("second")]));
        assert_eq!((live.count(&company()), live.count(&trunk("second")), membership.len()), (0, 1, 1));
        live.leave(key(1), membership);
        assert!(live.places.is_empty() && live.sets.is_empty());
    }
}
