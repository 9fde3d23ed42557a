//! What a phone's digest is checked against: HA1 of RFC 7616 §3.4.2, made here so that no password outlives its line in the file.

use std::fmt;

use md5::Md5;
use sha2::{Digest, Sha256};

/// One SIP user. `Debug` shows no hash: whoever has it can register.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    pub user: String,
    /// The key of the person whose phone it is.
    pub person: String,
    pub md5: Option<[u8; 16]>,
    pub sha256: Option<[u8; 32]>,
}

impl Credential {
    /// `H(user:realm:password)` in both algorithms.
    pub fn of(user: &str, realm: &str, password: &str, person: &str) -> Credential {
        let secret = format!("{user}:{realm}:{password}");
        Credential {
            user: user.to_owned(),
            person: person.to_owned(),
            md5: Some(Md5::digest(&secret).into()),
            sha256: Some(Sha256::digest(&secret).into()),
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms = [self.md5.map(|_| "MD5"), self.sha256.map(|_| "SHA-256")];
        f.debug_struct("Credential")
            .field("person", &self.person)
            .field("algorithms", &algorithms.iter().flatten().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Reads exactly `N` bytes written as hexadecimal digits.
pub(super) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// Lower-case hexadecimal, as `people.csv` has it.
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 §3.9.1: user Mufasa, realm `http-auth@example.org`, password `Circle of Life`.
    #[test]
    fn rfc_7616_3_9_1() {
        let credential = Credential::of("Mufasa", "http-auth@example.org", "Circle of Life", "mufasa");
        let md5 = credential.md5.map(|hash| to_hex(&hash));
        assert_eq!(md5.as_deref(), Some("3d78807defe7de2157e2b0b6573a855f"));
        let sha256 = credential.sha256.map(|hash| to_hex(&hash));
        assert_eq!(
            sha256.as_deref(),
            Some("7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232")
        );
    }

    #[test]
    fn hex_reads_back() {
        assert_eq!(from_hex::<2>("0aFF"), Some([0x0a, 0xff]));
        for wrong in ["", "0a", "0aff0", "0aff00", "zzzz", "+1+1"] {
            assert_eq!(from_hex::<2>(wrong), None, "{wrong}");
        }
    }
}
