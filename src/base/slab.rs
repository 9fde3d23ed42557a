//! Numbered places that are used again, each time under a new generation, so that an id of the past finds nothing.

/// A place and the generation in which it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub index: u32,
    pub generation: u32,
}

/// A slab with fewer places is never cut: what it could give back is no more than a busy minute needs.
const CUT_FROM: usize = 1_024;
/// It is cut when so few of its places are taken: one in four.
const SPARSE: usize = 4;

/// Grows to the largest number of entries held at once, which the owner bounds, and gives memory back after a rush: when few of its
/// places are taken, vacant ones at its end are cut off, and new entries go as far to its beginning as they can.
pub struct Slab<T> {
    places: Vec<(u32, Option<T>)>,
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
        Slab { places: Vec::new(), vacant: Vec::new(), newest: 0, until_look: CUT_FROM }
    }

    pub fn len(&self) -> usize {
        self.places.len() - self.vacant.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn insert(&mut self, value: T) -> Place {
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.places.push((self.newest, None));
            (self.places.len() - 1) as u32
        });
        let (generation, slot) = &mut self.places[index as usize];
        *slot = Some(value);
        Place { index, generation: *generation }
    }

    pub fn at(&self, place: Place) -> Option<&T> {
        let (generation, slot) = self.places.get(place.index as usize)?;
        slot.as_ref().filter(|_| *generation == place.generation)
    }

    pub fn at_mut(&mut self, place: Place) -> Option<&mut T> {
        let (generation, slot) = self.places.get_mut(place.index as usize)?;
        slot.as_mut().filter(|_| *generation == place.generation)
    }

    pub fn remove(&mut self, place: Place) -> Option<T> {
        let (generation, slot) = self.places.get_mut(place.index as usize)?;
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
        if self.places.len() >= CUT_FROM && self.len() <= self.places.len() / SPARSE {
            let kept = self.places.iter().rposition(|(_, slot)| slot.is_some()).map_or(0, |last| last + 1);
            let cut = self.places.drain(kept..).map(|(generation, _)| generation).max();
            self.newest = self.newest.max(cut.unwrap_or(0));
            self.places.shrink_to(CUT_FROM);
            self.vacant.retain(|index| (*index as usize) < kept);
            // Taken from the back, so that places at the beginning fill and those at the end become vacant in time.
            self.vacant.sort_unstable_by_key(|index| std::cmp::Reverse(*index));
            self.vacant.shrink_to(CUT_FROM);
        }
        self.until_look = CUT_FROM.max(self.places.len() / SPARSE);
    }

    /// Everything in order of place, which is the same in every run.
    pub fn iter(&self) -> impl Iterator<Item = (Place, &T)> {
        self.places.iter().enumerate().filter_map(|(index, (generation, slot))| {
            let place = Place { index: index as u32, generation: *generation };
            slot.as_ref().map(|value| (place, value))
        })
    }

    /// Everything in the same order, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.places.iter_mut().filter_map(|(_, slot)| slot.as_mut())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(slab.places.capacity() <= CUT_FROM && slab.vacant.capacity() <= CUT_FROM);
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
        assert!(slab.places.capacity() >= 10_000, "the last is where it was");
        // One call is always there; others come and go at the beginning.
        let mut there = slab.insert(0);
        slab.remove(*last);
        for value in 0..10_000 {
            let next = slab.insert(value);
            slab.remove(there);
            there = next;
        }
        assert!(slab.places.capacity() <= CUT_FROM, "{}", slab.places.capacity());
    }
}
