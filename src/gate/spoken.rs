//! Calls by the words of their dialogs (RFC 3261 §12): nearly every dialog has its words for itself, and those few that share them
//! cost the others no room.

use std::collections::HashMap;

use ahash::RandomState;
use smallvec::SmallVec;

use super::call::CallKey;
use crate::base::shrink_after_rush;
use crate::dialog::DialogKey;

/// Calls with the same Call-ID and tags: one that a telephone system sends back through us, perhaps forwarded there once more.
const SAME_WORDS_MAX: usize = 4;

/// Which calls have a dialog of which words. A call that a telephone system sends back through us has the same dialog twice.
pub struct Spoken {
    first: HashMap<DialogKey, CallKey, RandomState>,
    /// The calls after the first.
    others: HashMap<DialogKey, SmallVec<[CallKey; 2]>, RandomState>,
}

impl Spoken {
    pub fn with_hasher(hasher: RandomState) -> Spoken {
        Spoken { first: HashMap::with_hasher(hasher.clone()), others: HashMap::with_hasher(hasher) }
    }

    /// How many different words there are.
    pub fn len(&self) -> usize {
        self.first.len()
    }

    pub fn has(&self, words: &DialogKey) -> bool {
        self.first.contains_key(words)
    }

    /// The calls that have them, in the order in which they came.
    pub fn calls(&self, words: &DialogKey) -> SmallVec<[CallKey; 2]> {
        let first = self.first.get(words);
        let others = first.filter(|_| !self.others.is_empty()).and_then(|_| self.others.get(words));
        first.into_iter().chain(others.into_iter().flatten()).copied().collect()
    }

    /// Nothing happens if too many have them already.
    pub fn add(&mut self, words: DialogKey, key: CallKey) {
        if self.has(&words) {
            let others = self.others.entry(words).or_default();
            if others.len() + 1 < SAME_WORDS_MAX {
                others.push(key);
            }
        } else {
            self.first.insert(words, key);
        }
    }

    pub fn remove(&mut self, words: &DialogKey, key: CallKey) {
        let mut left = self.calls(words);
        left.retain(|known| *known != key);
        match left.split_first() {
            Some((first, others)) => {
                self.first.insert(*words, *first);
                if others.is_empty() {
                    self.others.remove(words);
                } else {
                    self.others.insert(*words, others.into());
                }
            }
            None => {
                self.first.remove(words);
                if !self.others.is_empty() {
                    self.others.remove(words);
                }
                shrink_after_rush(&mut self.first);
            }
        }
        shrink_after_rush(&mut self.others);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Place, Random};
    use crate::dialog::DialogKeys;

    fn key(index: u32) -> CallKey {
        Place { index, generation: 0 }
    }

    fn keys<const N: usize>(indices: [u32; N]) -> SmallVec<[CallKey; 2]> {
        indices.into_iter().map(key).collect()
    }

    #[test]
    fn who_shares_its_words_is_found_in_order_until_it_goes() {
        let words = DialogKeys::new(&mut Random::from_number(1));
        let (shared, own) = (words.of(b"call", b"a", b"b"), words.of(b"other", b"a", b"b"));
        let mut spoken = Spoken::with_hasher(RandomState::with_seeds(1, 2, 3, 4));
        spoken.add(own, key(9));
        (1..=6).for_each(|index| spoken.add(shared, key(index)));
        assert_eq!((spoken.calls(&shared), spoken.len()), (keys([1, 2, 3, 4]), 2), "no more than four");
        spoken.remove(&shared, key(1));
        spoken.remove(&shared, key(3));
        spoken.remove(&own, key(1));
        assert_eq!((spoken.calls(&shared), spoken.calls(&own)), (keys([2, 4]), keys([9])));
        spoken.remove(&shared, key(4));
        spoken.remove(&shared, key(2));
        assert!(!spoken.has(&shared) && spoken.has(&own) && spoken.others.is_empty());
    }
}
