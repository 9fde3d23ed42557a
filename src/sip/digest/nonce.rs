//! Nonces that need no table (R25): the time of issue and a running count, signed together with the address they were issued to.
//! Ours are recognised after a restart and on another node with the same key.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::hash::from_hex;

/// How far ahead of our clock a nonce may be, should the clock have stepped back or another node's be ahead.
const TOLERANCE: Duration = Duration::from_secs(60);
/// Time (8 bytes), count (4), signature (16: half of an HMAC-SHA-256, RFC 2104 §5).
const LENGTH: usize = 28;
const SIGNED: usize = 12;

/// Which of our nonces; orders by time of issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NonceId {
    millis: u64,
    count: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    Fresh(NonceId),
    /// Ours, but too old: the same password may be asked for again with `stale=true` (RFC 7616 §3.3).
    Stale,
    /// Not ours, or made for another address.
    Forged,
}

/// Makes and recognises nonces with one key.
#[derive(Clone)]
pub struct Nonces {
    key: [u8; 32],
    count: u32,
    lifetime: Duration,
}

impl Nonces {
    /// `lifetime` is how long an answer to a challenge is good: long enough for a phone's next calls, short for a thief.
    pub fn new(key: [u8; 32], lifetime: Duration) -> Nonces {
        Nonces { key, count: 0, lifetime }
    }

    /// A nonce never made before: 56 hexadecimal digits. Only `source` can use it: whoever forges an address never hears it.
    pub fn make(&mut self, now: DateTime<Utc>, source: IpAddr) -> String {
        self.count = self.count.wrapping_add(1);
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(&millis(now).to_be_bytes());
        bytes[8..SIGNED].copy_from_slice(&self.count.to_be_bytes());
        let signature = self.signature(&bytes[..SIGNED], source);
        bytes[SIGNED..].copy_from_slice(&signature);
        bytes.iter().fold(String::with_capacity(LENGTH * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    pub fn check(&self, nonce: &str, now: DateTime<Utc>, source: IpAddr) -> Freshness {
        let Some(bytes) = from_hex::<LENGTH>(nonce) else {
            return Freshness::Forged;
        };
        let signed = &bytes[..SIGNED];
        if !bool::from(self.signature(signed, source).ct_eq(&bytes[SIGNED..])) {
            return Freshness::Forged;
        }
        let issued = signed[..8].iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        let count = signed[8..].iter().fold(0u32, |value, byte| value << 8 | u32::from(*byte));
        let now = millis(now);
        let is_fresh = now.saturating_sub(issued) <= self.lifetime.as_millis() as u64
            && issued.saturating_sub(now) <= TOLERANCE.as_millis() as u64;
        if is_fresh { Freshness::Fresh(NonceId { millis: issued, count }) } else { Freshness::Stale }
    }

    fn signature(&self, signed: &[u8], source: IpAddr) -> [u8; 16] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(signed);
        match source.to_canonical() {
            IpAddr::V4(address) => mac.update(&address.octets()),
            IpAddr::V6(address) => mac.update(&address.octets()),
        }
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        let mut half = [0; 16];
        half.copy_from_slice(&full[..16]);
        half
    }
}

fn millis(time: DateTime<Utc>) -> u64 {
    u64::try_from(time.timestamp_millis()).unwrap_or(0)
}

#[cfg(test)]
impl NonceId {
    pub(super) fn numbered(count: u32) -> NonceId {
        NonceId { millis: u64::from(count), count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn a_nonce_is_fresh_then_stale_and_never_repeats() {
        let mut nonces = Nonces::new([7; 32], Duration::from_secs(300));
        let (one, other) = (nonces.make(at(0), HOME), nonces.make(at(0), HOME));
        assert_ne!(one, other);
        assert!(matches!(nonces.check(&one, at(300), HOME), Freshness::Fresh(_)));
        assert_eq!(nonces.check(&one, at(301), HOME), Freshness::Stale);
        assert_eq!(nonces.check(&one, at(-61), HOME), Freshness::Stale);
    }

    #[test]
    fn a_changed_or_foreign_nonce_is_forged() {
        let nonce = Nonces::new([7; 32], Duration::from_secs(300)).make(at(0), HOME);
        assert_eq!(
            Nonces::new([8; 32], Duration::from_secs(300)).check(&nonce, at(0), HOME),
            Freshness::Forged
        );
        let elsewhere = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
        let here = Nonces::new([7; 32], Duration::from_secs(300)).check(&nonce, at(0), elsewhere);
        assert_eq!(here, Freshness::Forged, "a nonce of another address");
        let later = format!("f{}", &nonce[1..]);
        assert_eq!(
            Nonces::new([7; 32], Duration::from_secs(300)).check(&later, at(0), HOME),
            Freshness::Forged
        );
        for broken in ["", "00", "zz", &nonce[..55], &format!("{nonce}0")] {
            assert_eq!(
                Nonces::new([7; 32], Duration::from_secs(300)).check(broken, at(0), HOME),
                Freshness::Forged
            );
        }
    }
}
