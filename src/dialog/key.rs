//! Finding a dialog by Call-ID and both tags (RFC 3261 §12) as one keyed number, the same from either end.

use std::hash::{BuildHasher, Hasher};

use ahash::RandomState;

use crate::base::Random;
use crate::sip::Message;

/// Call-ID and both tags, hashed under a key nobody outside knows, so that no one can make two dialogs meet but by chance, which with a
/// million dialogs is one in tens of millions. Whoever finds a dialog by it still compares the words themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DialogKey(u64);

/// The key of this process.
#[derive(Clone)]
pub struct DialogKeys {
    state: RandomState,
}

impl DialogKeys {
    pub fn new(random: &mut Random) -> DialogKeys {
        DialogKeys { state: RandomState::with_seeds(random.u64(), random.u64(), random.u64(), random.u64()) }
    }

    /// The tag that a peer of RFC 2543 never gave is the null tag (RFC 3261 §12.1.1), here an empty one.
    pub fn of_message(&self, message: &Message) -> DialogKey {
        self.of(
            message.call_id(),
            message.from_tag().unwrap_or_default(),
            message.to_tag().unwrap_or_default(),
        )
    }

    pub fn of(&self, call_id: &[u8], one_tag: &[u8], other_tag: &[u8]) -> DialogKey {
        let (first, second) = if one_tag <= other_tag { (one_tag, other_tag) } else { (other_tag, one_tag) };
        let mut hasher = self.state.build_hasher();
        for part in [call_id, first, second] {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        DialogKey(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_find_the_same_dialog() {
        let keys = DialogKeys::new(&mut Random::from_number(1));
        assert_eq!(keys.of(b"call", b"a", b"b"), keys.of(b"call", b"b", b"a"));
        assert_ne!(keys.of(b"call", b"a", b"b"), keys.of(b"call", b"ab", b""));
    }
}
