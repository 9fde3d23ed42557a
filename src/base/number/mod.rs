//! Phone numbers: E.164 as one integer, and the one reading of whatever people dial or write (R30 to R33, R40).

mod canonical;
mod dialled;
mod e164;
mod plan;
mod short_code;

use std::fmt;

pub use canonical::canonical;
pub use dialled::{Canonical, Dialled, Scheme, UnknownWhy};
pub use e164::country_code_length;
pub use plan::{DialPlan, Pattern};
pub use short_code::{ShortCode, ShortCodeError};

/// An E.164 number: 1 to 15 digits, no leading zero, without the `+`. It fits an integer, so sets and tries of numbers are small.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(u64);

impl PhoneNumber {
    /// The longest international number (E.164 §6.2.1).
    pub const DIGITS_MAX: usize = 15;

    /// From bare digits, country code first. `None` unless 1 to 15 ASCII digits without a leading zero.
    pub fn from_digits(digits: &str) -> Option<PhoneNumber> {
        let plain = !digits.is_empty() && digits.len() <= Self::DIGITS_MAX && !digits.starts_with('0');
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        (plain && all_digits).then(|| digits.parse().ok().map(PhoneNumber)).flatten()
    }

    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The digits, country code first; kept in place.
    pub fn digits(self) -> Digits {
        let mut digits = Digits { text: [b'+'; 1 + PhoneNumber::DIGITS_MAX], plus: PhoneNumber::DIGITS_MAX };
        let mut left = self.0;
        while left > 0 && digits.plus > 0 {
            digits.text[digits.plus] = b'0' + (left % 10) as u8;
            digits.plus -= 1;
            left /= 10;
        }
        digits
    }
}

/// The digits of a number, as text without allocation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digits {
    text: [u8; 1 + PhoneNumber::DIGITS_MAX],
    /// Where the `+` stands.
    plus: usize,
}

impl Digits {
    /// Without `+`.
    pub fn as_str(&self) -> &str {
        &self.with_plus()[1..]
    }

    pub fn with_plus(&self) -> &str {
        std::str::from_utf8(&self.text[self.plus..]).expect("a plus and digits")
    }
}

/// With its `+`, as it is sent to trunks. Logs wrap it in `Masked`.
impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits().with_plus())
    }
}

/// Masked: a number in a debug print is a number in a log (R103).
impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&super::Masked(self), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_e164_digits_make_a_number() {
        assert_eq!(PhoneNumber::from_digits("4930123456").map(|n| n.to_string()), Some("+4930123456".into()));
        assert_eq!(
            PhoneNumber::from_digits("4930123456").map(|n| n.digits().as_str().to_owned()),
            Some("4930123456".into())
        );
        for wrong in ["", "0301", "1234567890123456", "+49", "49a"] {
            assert_eq!(PhoneNumber::from_digits(wrong), None, "{wrong}");
        }
    }
}
