//! Sources that guess passwords are locked for a while (R25): by address, never by person, and never for an emergency call.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use ahash::RandomState;

use crate::base::Moment;

/// Sources remembered at once. A guesser with more addresses than this is a flood, which is another limit's matter.
const SOURCES_MAX: usize = 10_000;

/// Failed proofs by source address.
pub(super) struct Lockout {
    failures_max: u32,
    lock: Duration,
    sources: HashMap<IpAddr, Failures, RandomState>,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    /// From when the source begins anew.
    forgotten_at: Moment,
}

impl Lockout {
    pub fn new(failures_max: u32, lock: Duration, hasher: RandomState) -> Lockout {
        Lockout { failures_max, lock, sources: HashMap::with_hasher(hasher) }
    }

    /// A proof that was wrong. True if this one locks its source.
    pub fn failed(&mut self, now: Moment, source: IpAddr) -> bool {
        if self.sources.len() >= SOURCES_MAX {
            self.sources.retain(|_, failures| failures.forgotten_at > now);
        }
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&source) {
            return false;
        }
        let fresh = Failures { count: 0, forgotten_at: now };
        let failures = self.sources.entry(source).or_insert(fresh);
        if failures.forgotten_at <= now {
            *failures = fresh;
        }
        failures.count += 1;
        failures.forgotten_at = now + self.lock;
        failures.count == self.failures_max
    }

    /// A right proof clears its source, so that one mistyped password does not add up over weeks.
    pub fn proved(&mut self, source: IpAddr) {
        self.sources.remove(&source);
    }

    pub fn is_locked(&self, now: Moment, source: IpAddr) -> bool {
        let failures = self.sources.get(&source).filter(|failures| failures.forgotten_at > now);
        failures.is_some_and(|failures| failures.count >= self.failures_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(count: u64) -> Moment {
        Moment::START + Duration::from_secs(count)
    }

    #[test]
    fn a_guessing_source_is_locked_and_another_is_not() {
        let mut lockout = Lockout::new(3, Duration::from_secs(60), RandomState::with_seeds(1, 2, 3, 4));
        let (guesser, phone) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        assert_eq!([0, 1, 2].map(|at| lockout.failed(second(at), guesser)), [false, false, true]);
        assert!(lockout.is_locked(second(30), guesser));
        assert!(!lockout.is_locked(second(30), phone));
        assert!(!lockout.is_locked(second(62), guesser), "the lock expires by itself");
    }

    #[test]
    fn a_right_password_clears_the_count() {
        let mut lockout = Lockout::new(2, Duration::from_secs(60), RandomState::with_seeds(1, 2, 3, 4));
        let phone = IpAddr::from([192, 0, 2, 2]);
        lockout.failed(second(0), phone);
        lockout.proved(phone);
        lockout.failed(second(1), phone);
        assert!(!lockout.is_locked(second(1), phone));
    }
}
