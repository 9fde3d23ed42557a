//! The nonce counts already seen (RFC 7616 §3.4 `nc`), in bounded space: an answer overheard cannot be used again (R25).

use std::collections::VecDeque;

use ahash::{HashMap, RandomState};

use super::nonce::NonceId;

/// Nonces remembered. Beyond, the oldest is forgotten and counts as stale, which costs its owner one more round trip.
const MOST_NONCES: usize = 65_536;
/// Counts that may arrive late: parallel requests of one phone overtake each other on UDP.
const WINDOW: u32 = 64;

/// Highest count seen of a nonce, and which of the 64 up to it.
#[derive(Clone, Copy, Debug)]
struct Seen {
    highest: u32,
    window: u64,
}

/// Which counts of which nonces have been used.
#[derive(Clone, Debug)]
pub struct Replay {
    seen: HashMap<NonceId, Seen>,
    order: VecDeque<NonceId>,
    capacity: usize,
    /// The latest nonce forgotten: one that is older and unknown might be a repetition.
    forgotten: Option<NonceId>,
}

impl Default for Replay {
    fn default() -> Replay {
        Replay::of_capacity(MOST_NONCES)
    }
}

impl Replay {
    fn of_capacity(capacity: usize) -> Replay {
        // The keys are signed by us, so no one can choose them to collide.
        let seen = HashMap::with_hasher(RandomState::with_seeds(1, 2, 3, 4));
        Replay { seen, order: VecDeque::new(), capacity, forgotten: None }
    }

    /// True if this count of this nonce is new; it is old from now on. Ask only after the answer proved right, so that a stranger
    /// cannot use counts up. Without a quality of protection there is no count: pass 1, and the nonce serves once.
    pub fn admit(&mut self, nonce: NonceId, count: u32) -> bool {
        if let Some(seen) = self.seen.get_mut(&nonce) {
            return seen.admit(count);
        }
        if self.forgotten.is_some_and(|forgotten| nonce <= forgotten) {
            return false;
        }
        if self.order.len() == self.capacity {
            self.forget_oldest();
        }
        self.seen.insert(nonce, Seen { highest: count, window: 1 });
        self.order.push_back(nonce);
        true
    }

    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.order.pop_front() {
            self.seen.remove(&oldest);
            self.forgotten = self.forgotten.max(Some(oldest));
        }
    }
}

impl Seen {
    fn admit(&mut self, count: u32) -> bool {
        if let Some(ahead) = count.checked_sub(self.highest).filter(|ahead| *ahead > 0) {
            self.window = self.window.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let behind = self.highest - count;
        let bit = 1u64.checked_shl(behind).unwrap_or(0);
        let is_new = behind < WINDOW && self.window & bit == 0;
        self.window |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_serves_once_in_whatever_order_it_comes() {
        let mut replay = Replay::default();
        let nonce = NonceId::numbered(1);
        let admitted: Vec<bool> = [1, 1, 3, 2, 2, 3, 100, 37, 36, 4_000_000_000, 1]
            .into_iter()
            .map(|count| replay.admit(nonce, count))
            .collect();
        let expected = [true, false, true, true, false, false, true, true, false, true, false];
        assert_eq!(admitted, expected);
    }

    #[test]
    fn what_is_forgotten_is_stale_and_not_new() {
        let mut replay = Replay::of_capacity(2);
        assert!((1..=3).all(|number| replay.admit(NonceId::numbered(number), 1)));
        assert!(!replay.admit(NonceId::numbered(1), 2), "forgotten");
        assert!(replay.admit(NonceId::numbered(3), 2), "still known");
        assert_eq!((replay.seen.len(), replay.order.len()), (2, 2));
    }
}
