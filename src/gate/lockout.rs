//! Sources that guess passwords or only ever try are locked for a while (R25): by address, never by person, and never for an
//! emergency call (R41) or a call in progress (R16).

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use ahash::RandomState;

use crate::base::Moment;

/// Sources remembered at once. A guesser with more addresses than this is a flood, which is another limit's matter.
const SOURCES_MAX: usize = 10_000;

/// Addresses remembered at which somebody has proved herself: as many as there may be phones.
const TRUSTED_MAX: usize = 200_000;

/// For how long such an address is trusted: longer than phones wait between two registrations.
const TRUST: Duration = Duration::from_secs(24 * 3600);

/// Answers that a locked source still gets, so that a phone with an old password can say why it is silent; then it hears nothing.
const TOLD_MAX: u32 = 20;

/// What makes a lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thresholds {
    /// Wrong proofs.
    pub failures: u32,
    /// Requests without any proof, from an address at which nobody has proved herself.
    pub unproven: u32,
    /// How long a lock lasts, and how long a count is kept.
    pub lock: Duration,
}

/// Failed proofs by source address.
pub(super) struct Lockout {
    thresholds: Thresholds,
    sources: HashMap<IpAddr, Tries, RandomState>,
    /// Until when.
    trusted: HashMap<IpAddr, Moment, RandomState>,
}

#[derive(Clone, Copy)]
struct Tries {
    failures: u32,
    unproven: u32,
    is_locked: bool,
    /// Answers since it was locked.
    told: u32,
    /// From when the source begins anew.
    forgotten_at: Moment,
}

impl Lockout {
    pub fn new(thresholds: Thresholds, hasher: RandomState) -> Lockout {
        Lockout {
            thresholds,
            sources: HashMap::with_hasher(hasher.clone()),
            trusted: HashMap::with_hasher(hasher),
        }
    }

    /// A proof that was wrong. True if this one locks its source.
    pub fn failed(&mut self, now: Moment, source: IpAddr) -> bool {
        let most = self.thresholds.failures;
        self.tries(now, source).is_some_and(|tries| {
            tries.failures += 1;
            let locks = !tries.is_locked && tries.failures >= most;
            tries.is_locked |= locks;
            locks
        })
    }

    /// A request that proves nothing. Anybody can send it in the name of somebody else, so it counts only against addresses at which
    /// nobody has ever proved herself. True if this one locks its source.
    pub fn tried(&mut self, now: Moment, source: IpAddr) -> bool {
        if self.is_trusted(now, source) {
            return false;
        }
        let most = self.thresholds.unproven;
        self.tries(now, source).is_some_and(|tries| {
            tries.unproven += 1;
            let locks = !tries.is_locked && tries.unproven >= most;
            tries.is_locked |= locks;
            locks
        })
    }

    /// A request that says itself that it comes from a scanner. True if it locks its source.
    pub fn scanned(&mut self, now: Moment, source: IpAddr) -> bool {
        if self.is_trusted(now, source) {
            return false;
        }
        self.tries(now, source).is_some_and(|tries| {
            // A scanner is told nothing, not even that it is locked.
            tries.told = TOLD_MAX;
            !std::mem::replace(&mut tries.is_locked, true)
        })
    }

    /// A right proof clears its source, so that one mistyped password does not add up over weeks.
    pub fn proved(&mut self, now: Moment, source: IpAddr) {
        self.sources.remove(&source);
        if self.trusted.len() >= TRUSTED_MAX {
            self.trusted.retain(|_, until| *until > now);
        }
        if self.trusted.len() < TRUSTED_MAX || self.trusted.contains_key(&source) {
            self.trusted.insert(source, now + TRUST);
        }
    }

    pub fn is_trusted(&self, now: Moment, source: IpAddr) -> bool {
        self.trusted.get(&source).is_some_and(|until| *until > now)
    }

    pub fn is_locked(&self, now: Moment, source: IpAddr) -> bool {
        !self.sources.is_empty() && self.locked(now, source).is_some()
    }

    /// Whether a locked source has heard enough. What it asks beyond that is not even read. Where somebody has proved herself, her
    /// neighbours' guesses do not make the gate silent for her.
    pub fn has_heard_enough(&self, now: Moment, source: IpAddr) -> bool {
        !self.sources.is_empty()
            && self.locked(now, source).is_some_and(|tries| tries.told >= TOLD_MAX)
            && !self.is_trusted(now, source)
    }

    /// A locked source is answered once more.
    pub fn told(&mut self, source: IpAddr) {
        if let Some(tries) = self.sources.get_mut(&source) {
            tries.told += 1;
        }
    }

    fn locked(&self, now: Moment, source: IpAddr) -> Option<&Tries> {
        self.sources.get(&source).filter(|tries| tries.is_locked && tries.forgotten_at > now)
    }

    /// The count of a source, which is kept from now on for as long as a lock; a lock itself is not made longer by knocking at it.
    fn tries(&mut self, now: Moment, source: IpAddr) -> Option<&mut Tries> {
        if self.sources.len() >= SOURCES_MAX {
            self.sources.retain(|_, tries| tries.forgotten_at > now);
        }
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&source) {
            return None;
        }
        let fresh = Tries { failures: 0, unproven: 0, is_locked: false, told: 0, forgotten_at: now };
        let tries = self.sources.entry(source).or_insert(fresh);
        if tries.forgotten_at <= now {
            *tries = fresh;
        }
        if !tries.is_locked {
            tries.forgotten_at = now + self.thresholds.lock;
        }
        Some(tries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(count: u64) -> Moment {
        Moment::START + Duration::from_secs(count)
    }

    fn lockout(failures: u32, unproven: u32) -> Lockout {
        let thresholds = Thresholds { failures, unproven, lock: Duration::from_secs(60) };
        Lockout::new(thresholds, RandomState::with_seeds(1, 2, 3, 4))
    }

    const GUESSER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const PHONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn a_guessing_source_is_locked_and_another_is_not() {
        let mut lockout = lockout(3, 100);
        assert_eq!([0, 1, 2].map(|at| lockout.failed(second(at), GUESSER)), [false, false, true]);
        assert!(lockout.is_locked(second(30), GUESSER));
        assert!(!lockout.is_locked(second(30), PHONE));
        assert!(!lockout.is_locked(second(62), GUESSER), "the lock expires by itself");
    }

    #[test]
    fn a_right_password_clears_the_count() {
        let mut lockout = lockout(2, 100);
        lockout.failed(second(0), PHONE);
        lockout.proved(second(0), PHONE);
        lockout.failed(second(1), PHONE);
        assert!(!lockout.is_locked(second(1), PHONE));
    }

    #[test]
    fn who_only_ever_tries_is_locked_and_knocking_makes_it_no_longer() {
        let mut lockout = lockout(100, 3);
        assert_eq!([0, 1, 2].map(|at| lockout.tried(second(at), GUESSER)), [false, false, true]);
        assert!(!lockout.tried(second(50), GUESSER), "it is locked already");
        assert!(lockout.is_locked(second(61), GUESSER));
        assert!(!lockout.is_locked(second(62), GUESSER));
    }

    #[test]
    fn requests_in_the_name_of_a_phone_that_proved_itself_do_not_lock_it() {
        let mut lockout = lockout(100, 3);
        lockout.proved(second(0), PHONE);
        assert!((0..10).all(|at| !lockout.tried(second(at), PHONE) && !lockout.scanned(second(at), PHONE)));
        assert!(!lockout.is_locked(second(11), PHONE));
    }

    #[test]
    fn a_locked_source_is_told_so_a_few_times_and_a_scanner_never() {
        let mut lockout = lockout(1, 100);
        lockout.failed(second(0), PHONE);
        for _ in 0..TOLD_MAX {
            assert!(!lockout.has_heard_enough(second(1), PHONE));
            lockout.told(PHONE);
        }
        assert!(lockout.has_heard_enough(second(1), PHONE));
        lockout.proved(second(2), PHONE);
        lockout.failed(second(3), PHONE);
        (0..=TOLD_MAX).for_each(|_| lockout.told(PHONE));
        assert!(lockout.is_locked(second(4), PHONE) && !lockout.has_heard_enough(second(4), PHONE));
        assert!(lockout.scanned(second(0), GUESSER));
        assert!(lockout.has_heard_enough(second(0), GUESSER));
    }
}
