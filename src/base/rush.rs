//! Memory that a rush has left: a table grows with the most that it ever held, and keeps that unless it is told.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hash};

/// A smaller table is left as it is: what it could give back is no more than a busy minute needs.
const SHRUNK_FROM: usize = 4_096;
/// It shrinks when so little of its room is taken: one in eight. What is left has twice the room it needs, so the cost of moving it is
/// spread over as many removals.
const SPARSE: usize = 8;

/// Call after a removal.
pub fn shrink_after_rush<K: Eq + Hash, V, S: BuildHasher>(table: &mut HashMap<K, V, S>) {
    if table.capacity() >= SHRUNK_FROM && table.len() <= table.capacity() / SPARSE {
        table.shrink_to(table.len() * 2);
    }
}

/// A queue that is taken from until it is empty keeps room for so many.
const QUEUED: usize = 1_024;

/// The next of a queue that is drained whenever something was put into it: once it is empty it gives back what a rush has left.
pub fn next_after_rush<T>(queue: &mut VecDeque<T>) -> Option<T> {
    let next = queue.pop_front();
    if next.is_none() && queue.capacity() > QUEUED {
        queue.shrink_to(QUEUED / 2);
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_gives_back_what_a_rush_has_left_and_keeps_what_is_usual() {
        let mut queue = VecDeque::new();
        let mut drained = |count: usize| {
            queue.extend(0..count);
            assert_eq!(std::iter::from_fn(|| next_after_rush(&mut queue)).count(), count);
            queue.capacity()
        };
        assert!(drained(100_000) <= QUEUED);
        let usual = drained(QUEUED / 2);
        assert!(usual >= QUEUED / 2);
        assert_eq!(drained(QUEUED / 4), usual, "nothing is moved");
    }

    #[test]
    fn a_table_gives_back_what_a_rush_has_left() {
        let mut table: HashMap<u32, u32> = (0..100_000).map(|key| (key, key)).collect();
        for key in 0..99_000 {
            table.remove(&key);
            shrink_after_rush(&mut table);
        }
        assert!(table.capacity() < 16 * 1_000, "{}", table.capacity());
        assert!((99_000..100_000).all(|key| table.get(&key) == Some(&key)));
    }
}
