//! Short strings of digits, `*` and `#` that are not E.164: extensions, emergency numbers, feature codes.

use std::fmt;
use std::str::FromStr;

/// 1 to 15 of `0-9 * #`, kept in place. Leading zeros count: `007` is not `7`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShortCode {
    letters: [u8; ShortCode::LENGTH_MAX],
    length: u8,
}

/// 1 to 15 of `0-9 * #` were expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a short number is 1 to 15 of 0-9, * and #")]
pub struct ShortCodeError;

impl ShortCode {
    pub const LENGTH_MAX: usize = 15;

    pub fn from_text(text: &str) -> Option<ShortCode> {
        let fits = (1..=ShortCode::LENGTH_MAX).contains(&text.len());
        if !fits || !text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'#')) {
            return None;
        }
        let mut letters = [0; ShortCode::LENGTH_MAX];
        letters[..text.len()].copy_from_slice(text.as_bytes());
        // The length fits: it was compared with LENGTH_MAX above.
        Some(ShortCode { letters, length: text.len() as u8 })
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.letters[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl FromStr for ShortCode {
    type Err = ShortCodeError;

    fn from_str(text: &str) -> Result<ShortCode, ShortCodeError> {
        ShortCode::from_text(text).ok_or(ShortCodeError)
    }
}

impl fmt::Display for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}
