//! Numbered places that are used again, each time under a new generation, so that an id of the past finds nothing.

/// A place and the generation in which it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub index: u32,
    pub generation: u32,
}

/// Places stand in stretches of so many: to grow moves nothing, and takes no more room than the next stretch. The first begins small.
const STRETCH: usize = 256;
/// A slab with fewer places is never cut: what it could give back is no more than a busy minute needs.
const CUT_FROM: usize = 1_024;
/// It is cut when so few of its places are taken: one in four.
const SPARSE: usize = 4;

/// Grows to the largest number of entries held at once, which the owner bounds, and gives memory back after a rush: when few of its
/// places are taken, vacant ones at its end are cut off, and new entries go as far to its beginning as they can.
pub struct Slab<T> {
    stretches: Vec<Vec<(u32, Option<T>)>>,
    /// How many places there are, taken or vacant.
    count: usize,
    vacant: Vec<u32>,
    /// The generation of new places: higher than any that was cut off.
    newest: u32,
    /// Entries that are still removed before it is looked at whether there is something to cut, so that looking costs each of them
    /// little.
    until_look: usize,
}

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab::new()
    }
}

impl<T> Slab<T> {
    pub fn new() -> Slab<T> {
        Slab { stretches: Vec::new(), count: 0, vacant: Vec::new(), newest: 0, until_look: CUT_FROM }
    }

    pub fn len(&self) -> usize {
        self.count - self.vacant.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn insert(&mut self, value: T) -> Place {
        let Some(index) = self.vacant.pop() else { return self.add(value) };
        let (generation, slot) = &mut self.stretches[index as usize / STRETCH][index as usize % STRETCH];
        *slot = Some(value);
        Place { index, generation: *generation }
    }

    fn add(&mut self, value: T) -> Place {
        let index = self.count;
        if index.is_multiple_of(STRETCH) {
            self.stretches.push(if index == 0 { Vec::new() } else { Vec::with_capacity(STRETCH) });
        }
        self.stretches[index / STRETCH].push((self.newest, Some(value)));
        self.count += 1;
        Place { index: index as u32, generation: self.newest }
    }

    fn place(&self, index: u32) -> Option<&(u32, Option<T>)> {
        self.stretches.get(index as usize / STRETCH)?.get(index as usize % STRETCH)
    }

    fn place_mut(&mut self, index: u32) -> Option<&mut (u32, Option<T>)> {
        self.stretches.get_mut(index as usize / STRETCH)?.get_mut(index as usize % STRETCH)
    }

    pub fn at(&self, place: Place) -> Option<&T> {
        let (generation, slot) = self.place(place.index)?;
        slot.as_ref().filter(|_| *generation == place.generation)
    }

    pub fn at_mut(&mut self, place: Place) -> Option<&mut T> {
        let (generation, slot) = self.place_mut(place.index)?;
        slot.as_mut().filter(|_| *generation == place.generation)
    }

    pub fn remove(&mut self, place: Place) -> Option<T> {
        let (generation, slot) = self.place_mut(place.index)?;
        if *generation != place.generation {
            return None;
        }
        let value = slot.take()?;
        *generation = generation.wrapping_add(1);
        self.vacant.push(place.index);
        self.until_look -= 1;
        if self.until_look == 0 || self.is_empty() {
            self.cut();
        }
        Some(value)
    }

    /// Gives back what a rush has left, unless its places may soon be wanted again.
    fn cut(&mut self) {
        if self.count >= CUT_FROM && self.len() <= self.count / SPARSE {
            while let Some(last) = self.stretches.last_mut() {
                let kept = last.iter().rposition(|(_, slot)| slot.is_some()).map_or(0, |last| last + 1);
                self.count -= last.len() - kept;
                let cut = last.drain(kept..).map(|(generation, _)| generation).max();
                self.newest = self.newest.max(cut.unwrap_or(0));
                if kept > 0 {
                    break;
                }
                self.stretches.pop();
            }
            self.stretches.shrink_to(CUT_FROM / STRETCH);
            self.vacant.retain(|index| (*index as usize) < self.count);
            // Taken from the back, so that places at the beginning fill and those at the end become vacant in time.
            self.vacant.sort_unstable_by_key(|index| std::cmp::Reverse(*index));
            self.vacant.shrink_to(CUT_FROM);
        }
        self.until_look = CUT_FROM.max(self.count / SPARSE);
    }

    /// Everything in order of place, which is the same in every run.
    pub fn iter(&self) -> impl Iterator<Item = (Place, &T)> {
        self.stretches.iter().flatten().zip(0..).filter_map(|((generation, slot), index)| {
            let place = Place { index, generation: *generation };
            slot.as_ref().map(|value| (place, value))
        })
    }

    /// Everything in the same order, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.stretches.iter_mut().flatten().filter_map(|(_, slot)| slot.as_mut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl<T> Slab<T> {
        /// For how many it has taken memory.
        fn room(&self) -> usize {
            self.stretches.iter().map(Vec::capacity).sum()
        }
    }

    #[test]
    fn it_takes_little_more_room_than_it_has_entries() {
        let mut slab = Slab::new();
        for value in 0..10_000 {
            slab.insert(value);
            assert!(slab.room() <= slab.len() + STRETCH, "{} for {}", slab.room(), slab.len());
        }
        let mut small = Slab::new();
        small.insert(0);
        assert!(small.room() <= 4, "{}", small.room());
    }

    #[test]
    fn an_id_of_the_past_finds_nothing() {
        let mut slab = Slab::new();
        let first = slab.insert("first");
        assert_eq!(slab.remove(first), Some("first"));
        let second = slab.insert("second");
        assert_eq!(first.index, second.index);
        assert_eq!(slab.at(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!((slab.at(second), slab.len()), (Some(&"second"), 1));
    }

    #[test]
    fn after_a_rush_memory_is_given_back_and_ids_of_the_past_still_find_nothing() {
        let mut slab = Slab::new();
        let first = slab.insert(0);
        let rush: Vec<Place> = (1..10_000).map(|value| slab.insert(value)).collect();
        rush.iter().for_each(|place| assert!(slab.remove(*place).is_some()));
        assert_eq!((slab.at(first), slab.len()), (Some(&0), 1));
        assert!(slab.remove(first).is_some());
        assert!(slab.room() <= CUT_FROM && slab.vacant.capacity() <= CUT_FROM);
        let again: Vec<Place> = (0..20_000).map(|value| slab.insert(value)).collect();
        assert!(rush.iter().chain([&first]).all(|place| slab.at(*place).is_none()), "ids of before the cut");
        assert!(again.iter().zip(0..).all(|(place, value)| slab.at(*place) == Some(&value)));
    }

    #[test]
    fn one_that_stays_at_the_end_keeps_nothing_once_it_goes() {
        let mut slab = Slab::new();
        let rush: Vec<Place> = (0..10_000).map(|value| slab.insert(value)).collect();
        let (last, others) = rush.split_last().expect("ten thousand");
        others.iter().for_each(|place| assert!(slab.remove(*place).is_some()));
        assert!(slab.room() >= 10_000, "the last is where it was");
        // One call is always there; others come and go at the beginning.
        let mut there = slab.insert(0);
        slab.remove(*last);
        for value in 0..10_000 {
            let next = slab.insert(value);
            slab.remove(there);
            there = next;
        }
        assert!(slab.room() <= CUT_FROM, "{}", slab.room());
    }
}
