//! The branch of our own Via: the cookie of RFC 3261 §8.1.1.7, where the transaction lives, a secret, and the loop mark of
//! §16.6 item 8. A response finds its transaction by reading the branch; no table is searched.

use std::fmt;

use crate::base::Place;
use crate::sip::MAGIC_COOKIE;

/// Thirteen letters of five bits hold 64 bits.
const WORD: usize = 13;
const COOKIE: usize = MAGIC_COOKIE.len();
const LENGTH: usize = COOKIE + 3 * WORD;
/// Crockford's base 32. A branch may be compared without regard to case (§7.3.1), so the letters are read in either.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// What each byte stands for: read several times for every response, so it is looked up and not searched for.
const DIGITS: [u8; 256] = digits();
const NO_DIGIT: u8 = u8::MAX;

const fn digits() -> [u8; 256] {
    let mut digits = [NO_DIGIT; 256];
    let mut digit = 0;
    while digit < ALPHABET.len() {
        digits[ALPHABET[digit] as usize] = digit as u8;
        digits[ALPHABET[digit].to_ascii_uppercase() as usize] = digit as u8;
        digit += 1;
    }
    digits
}

/// A branch made by `Transactions::new_branch`, or read back from a Via.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Branch {
    text: [u8; LENGTH],
    pub(super) place: Place,
    pub(super) secret: u64,
}

impl Branch {
    pub(super) fn new(place: Place, secret: u64, loop_mark: u64) -> Branch {
        let mut text = [b'0'; LENGTH];
        text[..COOKIE].copy_from_slice(MAGIC_COOKIE.as_bytes());
        let words = [u64::from(place.index) << 32 | u64::from(place.generation), secret, loop_mark];
        for (word, letters) in words.into_iter().zip(text[COOKIE..].chunks_exact_mut(WORD)) {
            write_word(word, letters);
        }
        Branch { text, place, secret }
    }

    /// Reads a branch that this or another gate of this kind wrote; `None` for anyone else's.
    pub fn read(text: &str) -> Option<Branch> {
        let bytes: &[u8; LENGTH] = text.as_bytes().try_into().ok()?;
        if !bytes[..COOKIE].eq_ignore_ascii_case(MAGIC_COOKIE.as_bytes()) {
            return None;
        }
        let word = |index: usize| read_word(&bytes[COOKIE + index * WORD..][..WORD]);
        let (home, secret, _) = (word(0)?, word(1)?, word(2)?);
        let place = Place { index: (home >> 32) as u32, generation: home as u32 };
        Some(Branch { text: *bytes, place, secret })
    }

    /// The mark given to `new_branch`, read back when a request comes round again (§16.6 item 8, §16.3 item 4).
    pub fn loop_mark_of(text: &str) -> Option<u64> {
        let branch = Branch::read(text)?;
        read_word(&branch.text[COOKIE + 2 * WORD..])
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap_or_default()
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn write_word(mut word: u64, letters: &mut [u8]) {
    for letter in letters.iter_mut().rev() {
        *letter = ALPHABET[(word & 31) as usize];
        word >>= 5;
    }
}

fn read_word(letters: &[u8]) -> Option<u64> {
    letters.iter().try_fold(0u64, |word, letter| {
        let digit = DIGITS[usize::from(*letter)];
        if digit == NO_DIGIT { None } else { word.checked_mul(32)?.checked_add(u64::from(digit)) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_reads_back_in_any_case() {
        let place = Place { index: 77, generation: 3 };
        for (secret, mark) in [(0, 0), (u64::MAX, 1), (0x0123_4567_89AB_CDEF, u64::MAX)] {
            let branch = Branch::new(place, secret, mark);
            let read = Branch::read(branch.as_str()).expect("our own branch");
            assert_eq!((read.place, read.secret), (place, secret));
            assert_eq!(Branch::loop_mark_of(&branch.as_str().to_uppercase()), Some(mark));
        }
    }

    #[test]
    fn the_branches_of_others_are_not_ours() {
        let ours = Branch::new(Place { index: 1, generation: 1 }, 5, 6).to_string();
        let too_large = format!("{MAGIC_COOKIE}{}", "z".repeat(3 * WORD));
        for text in [
            "",
            "z9hG4bK",
            "z9hG4bK776asdhds",
            &ours[1..],
            &ours.replace('0', "u"),
            &format!("{ours}0"),
            &too_large,
        ] {
            assert_eq!(Branch::read(text), None, "{text}");
        }
    }
}
