//! The server's side in one place: asks for proof, and says whether an answer is good, too old, or wrong (RFC 3261 §22).

use std::time::Duration;

use std::net::IpAddr;

use chrono::{DateTime, Utc};

use super::challenge::{Challenge, Protection};
use super::credentials::Credentials;
use super::hash::{Algorithm, Ha1};
use super::nonce::{Freshness, Nonces};
use super::replay::Replay;

/// What an answer to a challenge is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    Accepted,
    /// The password is right, the nonce or its count used up: ask again with `stale=true`. Not a failed attempt.
    Stale,
    /// The password is wrong.
    Wrong,
    /// The nonce is not ours, or was made for another address. Nothing is said of the password: ask anew.
    Foreign,
}

/// One realm with its nonces and what has been used of them.
#[derive(Clone)]
pub struct Challenger {
    realm: String,
    /// What is offered, in this order.
    algorithms: Vec<Algorithm>,
    nonces: Nonces,
    replay: Replay,
}

impl Challenger {
    /// `key` signs the nonces; nodes that share it recognise each other's. `lifetime` is how long a nonce is good.
    pub fn new(realm: &str, key: [u8; 32], algorithms: &[Algorithm], lifetime: Duration) -> Challenger {
        Challenger {
            realm: realm.to_owned(),
            algorithms: algorithms.to_vec(),
            nonces: Nonces::new(key, lifetime),
            replay: Replay::default(),
        }
    }

    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The values of as many WWW-Authenticate or Proxy-Authenticate headers as there are algorithms (RFC 8760 §2.4), with one
    /// nonce.
    pub fn challenges(&mut self, now: DateTime<Utc>, source: IpAddr, stale: bool) -> Vec<String> {
        let nonce = self.nonces.make(now, source);
        let challenge = |algorithm: &Algorithm| {
            let (realm, nonce) = (self.realm.as_str().into(), nonce.as_str().into());
            let protection = Some(Protection::Auth);
            Challenge { realm, nonce, algorithm: *algorithm, stale, protection, opaque: None }.to_string()
        };
        self.algorithms.iter().map(challenge).collect()
    }

    /// Checks one answer. An unknown user is checked against `Ha1::default()`, which nothing proves. The caller compares
    /// `credentials.uri` with the Request-URI.
    pub fn check(
        &mut self,
        credentials: &Credentials<'_>,
        ha1: &Ha1,
        method: &str,
        now: DateTime<Utc>,
        source: IpAddr,
    ) -> Checked {
        let freshness = self.nonces.check(credentials.nonce, now, source);
        let proved = credentials.realm() == self.realm && credentials.verify(ha1, method);
        match freshness {
            Freshness::Forged => Checked::Foreign,
            Freshness::Fresh(_) | Freshness::Stale if !proved => Checked::Wrong,
            Freshness::Fresh(nonce) if self.replay.admit(nonce, credentials.count()) => Checked::Accepted,
            Freshness::Fresh(_) | Freshness::Stale => Checked::Stale,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Asked, Secret};
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn challenger(realm: &str, key: [u8; 32]) -> Challenger {
        Challenger::new(realm, key, &[Algorithm::Sha256, Algorithm::Md5], Duration::from_secs(300))
    }

    fn answer(challenge: &str, password: &str, count: u32) -> String {
        let challenge = Challenge::parse(challenge).unwrap();
        let asked = Asked { method: "INVITE", uri: "sip:1@h", body: b"" };
        challenge.answer("alice", Secret::Password(password), asked, "c", count).unwrap()
    }

    #[test]
    fn right_wrong_replayed_and_late_answers() {
        let mut challenger = challenger("example.com", [1; 32]);
        let ha1 = Ha1::of("alice", "example.com", "s3cret");
        let offered = challenger.challenges(at(0), HOME, false);
        let [sha256, md5] = &offered[..] else { panic!("two challenges") };
        let mut check = |answer: &str, seconds| {
            challenger.check(&Credentials::parse(answer).unwrap(), &ha1, "INVITE", at(seconds), HOME)
        };
        assert_eq!(check(&answer(sha256, "wrong", 1), 1), Checked::Wrong);
        assert_eq!(check(&answer(sha256, "s3cret", 1), 1), Checked::Accepted);
        assert_eq!(check(&answer(sha256, "s3cret", 1), 1), Checked::Stale, "overheard and sent again");
        assert_eq!(check(&answer(sha256, "s3cret", 2), 1), Checked::Accepted);
        assert_eq!(check(&answer(md5, "s3cret", 3), 1), Checked::Accepted, "the other hash, same nonce");
        assert_eq!(check(&answer(sha256, "s3cret", 4), 301), Checked::Stale);
        assert_eq!(check(&answer(sha256, "wrong", 4), 301), Checked::Wrong);
    }

    #[test]
    fn another_key_or_realm_proves_nothing() {
        let ha1 = Ha1::of("alice", "example.com", "s3cret");
        let foreign = challenger("example.com", [2; 32]).challenges(at(0), HOME, false).remove(0);
        let mut challenger = challenger("example.com", [1; 32]);
        let foreign = answer(&foreign, "s3cret", 1);
        assert_eq!(
            challenger.check(&Credentials::parse(&foreign).unwrap(), &ha1, "INVITE", at(0), HOME),
            Checked::Foreign
        );
        let own = challenger.challenges(at(0), HOME, false).remove(0);
        let own = answer(&own.replace("example.com", "elsewhere"), "s3cret", 1);
        assert_eq!(
            challenger.check(&Credentials::parse(&own).unwrap(), &ha1, "INVITE", at(0), HOME),
            Checked::Wrong
        );
    }
}
