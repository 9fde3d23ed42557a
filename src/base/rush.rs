//! Memory that a rush has left: a table grows with the most that it ever held, and keeps that unless it is told.

use std::collections::HashMap;
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

#[cfg(test)]
mod tests {
    use super::*;

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
