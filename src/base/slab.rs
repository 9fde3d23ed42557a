//! Numbered places that are used again, each time under a new generation, so that an id of the past finds nothing.

/// A place and the generation in which it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub index: u32,
    pub generation: u32,
}

/// Grows to the largest number of entries ever held at once; the owner bounds that.
pub struct Slab<T> {
    places: Vec<(u32, Option<T>)>,
    vacant: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Slab<T> {
        Slab::new()
    }
}

impl<T> Slab<T> {
    pub fn new() -> Slab<T> {
        Slab { places: Vec::new(), vacant: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.places.len() - self.vacant.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn insert(&mut self, value: T) -> Place {
        let index = self.vacant.pop().unwrap_or_else(|| {
            self.places.push((0, None));
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
        Some(value)
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
}
