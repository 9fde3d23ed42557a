//! The two hashes of SIP digest (RFC 8760) and the secret that rests instead of a password (RFC 7616 §3.4.2).

use std::fmt;

use md5::Md5;
use sha2::{Digest, Sha256};

use super::challenge::{Asked, Protection};

/// A hash that a challenge may ask for. MD5 is for phones that know no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    Md5,
    Sha256,
}

impl Algorithm {
    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
        }
    }

    /// Reads the word in any case; the `-sess` variants are not spoken here.
    pub fn of(text: &str) -> Option<Algorithm> {
        [Algorithm::Md5, Algorithm::Sha256]
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(text))
    }

    /// The hash of the parts joined by colons, as RFC 7616 writes them.
    pub(super) fn of_parts(self, parts: &[&[u8]]) -> HashText {
        match self {
            Algorithm::Md5 => HashText::of(&hashed::<Md5>(parts)),
            Algorithm::Sha256 => HashText::of(&hashed::<Sha256>(parts)),
        }
    }
}

fn hashed<D: Digest>(parts: &[&[u8]]) -> impl AsRef<[u8]> + use<D> {
    let mut hasher = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hasher.update(b":");
        }
        hasher.update(part);
    }
    hasher.finalize()
}

/// A hash in lower-case hexadecimal, which is what is hashed again and sent.
#[derive(Clone, Copy)]
pub(super) struct HashText {
    digits: [u8; 64],
    length: usize,
}

impl HashText {
    pub fn of(hash: &impl AsRef<[u8]>) -> HashText {
        let mut digits = [0; 64];
        let bytes = hash.as_ref();
        for (index, byte) in bytes.iter().enumerate() {
            digits[index * 2] = HEX[usize::from(byte >> 4)];
            digits[index * 2 + 1] = HEX[usize::from(byte & 15)];
        }
        HashText { digits, length: bytes.len() * 2 }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[..self.length]
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Hexadecimal digits of either case as exactly `N` bytes.
pub(super) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// `H(user:realm:password)` for each hash that is known; enough to check an answer, not the password itself.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Ha1 {
    pub md5: Option<[u8; 16]>,
    pub sha256: Option<[u8; 32]>,
}

impl Ha1 {
    pub fn of(user: &str, realm: &str, password: &str) -> Ha1 {
        let parts = [user.as_bytes(), realm.as_bytes(), password.as_bytes()];
        let (md5, sha256) = (Algorithm::Md5.of_parts(&parts), Algorithm::Sha256.of_parts(&parts));
        Ha1 { md5: from_hex(md5.as_str()), sha256: from_hex(sha256.as_str()) }
    }

    /// Reads what a person file holds: 32 hexadecimal digits are MD5, 64 are SHA-256. None for anything else.
    pub fn from_hex(text: &str) -> Option<Ha1> {
        let ha1 = Ha1 { md5: from_hex(text), sha256: from_hex(text) };
        (ha1.md5.is_some() || ha1.sha256.is_some()).then_some(ha1)
    }

    pub(super) fn text(&self, algorithm: Algorithm) -> Option<HashText> {
        match algorithm {
            Algorithm::Md5 => self.md5.map(|hash| HashText::of(&hash)),
            Algorithm::Sha256 => self.sha256.map(|hash| HashText::of(&hash)),
        }
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ha1(…)")
    }
}

/// The `response` of RFC 7616 §3.4.1, or of RFC 2069 §2.1.2 where there is no quality of protection. `counted` is `nc`, `cnonce`
/// and `qop`.
pub(super) fn response(
    algorithm: Algorithm,
    ha1: &HashText,
    nonce: &str,
    counted: Option<(&str, &str, Protection)>,
    asked: Asked<'_>,
) -> HashText {
    let (method, uri) = (asked.method.as_bytes(), asked.uri.as_bytes());
    let ha2 = match counted {
        Some((_, _, Protection::AuthInt)) => {
            algorithm.of_parts(&[method, uri, algorithm.of_parts(&[asked.body]).as_bytes()])
        }
        Some((_, _, Protection::Auth)) | None => algorithm.of_parts(&[method, uri]),
    };
    let (ha1, ha2, nonce) = (ha1.as_bytes(), ha2.as_bytes(), nonce.as_bytes());
    match counted {
        Some((nc, cnonce, protection)) => {
            let qop = protection.as_str().as_bytes();
            algorithm.of_parts(&[ha1, nonce, nc.as_bytes(), cnonce.as_bytes(), qop, ha2])
        }
        None => algorithm.of_parts(&[ha1, nonce, ha2]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_print_nothing_and_read_back_from_hexadecimal() {
        let ha1 = Ha1::of("Mufasa", "testrealm@host.com", "Circle Of Life");
        assert_eq!(format!("{ha1:?}"), "Ha1(…)");
        let md5 = Ha1::from_hex("939e7578ed9e3c518a452acee763bce9").unwrap();
        assert_eq!((md5.md5, md5.sha256), (ha1.md5, None));
        assert_eq!(Ha1::from_hex("939e7578"), None);
        assert_eq!(Ha1::from_hex("939e7578ed9e3c518a452acee763bce+"), None);
    }
}
