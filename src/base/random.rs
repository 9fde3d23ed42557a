//! The seeded random source: xoshiro256** (Blackman and Vigna, 2018) fed by splitmix64. Same seed, same run.
//! Secrets that must not be guessed (nonce keys) are drawn from a seed that `app` takes from the operating system.

/// A stream of random numbers; `app` seeds it from the operating system, tests from a number.
#[derive(Clone, Debug)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// A reproducible stream for tests and simulation.
    pub fn from_number(seed: u64) -> Random {
        let mut mix = seed;
        Random { state: std::array::from_fn(|_| splitmix(&mut mix)) }
    }

    /// A stream from 32 bytes of the operating system's.
    pub fn from_seed(seed: [u8; 32]) -> Random {
        let word = |index: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&seed[index * 8..index * 8 + 8]);
            u64::from_le_bytes(bytes)
        };
        let state = std::array::from_fn(word);
        // All zeros is the one state the generator never leaves.
        if state == [0; 4] { Random::from_number(0) } else { Random { state } }
    }

    /// Sixteen hexadecimal letters that nobody can guess: a tag, a Call-ID, a cnonce.
    pub fn token(&mut self) -> String {
        format!("{:016x}", self.u64())
    }

    pub fn u64(&mut self) -> u64 {
        let [_, second, ..] = self.state;
        let result = second.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = second << 17;
        self.state[2] ^= self.state[0];
        self.state[3] ^= self.state[1];
        self.state[1] ^= self.state[2];
        self.state[0] ^= self.state[3];
        self.state[2] ^= shifted;
        self.state[3] = self.state[3].rotate_left(45);
        result
    }

    /// A number in `0..bound`; the bias of the multiplication is below `bound / 2^64`. A bound of zero gives zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.u64()) * u128::from(bound)) >> 64) as u64
    }

    /// True once in `count` times on average.
    pub fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// Thirty-two fresh bytes, for a key of its own.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        for chunk in seed.chunks_exact_mut(8) {
            chunk.copy_from_slice(&self.u64().to_le_bytes());
        }
        seed
    }
}

fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_stream() {
        let (mut one, mut two) = (Random::from_number(7), Random::from_number(7));
        assert!((0..100).all(|_| one.u64() == two.u64()));
        assert_ne!(Random::from_number(8).u64(), Random::from_number(7).u64());
    }

    #[test]
    fn below_stays_below() {
        let mut random = Random::from_number(1);
        assert!((0..10_000).all(|_| random.below(7) < 7));
        assert_eq!(random.below(0), 0);
    }
}
