//! How hard the writing thread works: behind the gate's, and at what its store has put off in pieces, with rests between them.

use std::time::Duration;

use crate::base::Moment;

use super::Tended;

/// For each unit of time that the store is tended to the thread rests so many: whoever shares a core with it keeps two thirds of it, and
/// waits for milliseconds at the most. While more comes than is done it does not rest.
const RESTS: u32 = 2;
/// A machine that stood still during a piece is no reason to rest for long.
const REST_MAX: Duration = Duration::from_millis(20);

/// So many steps of `nice` a core that both want goes to the gate's thread nine times in ten: what the writing thread does can wait for
/// milliseconds, and a message that waits makes others wait. Commits need less than the tenth; and where there is a core for each,
/// nobody waits.
const STEPS_BACK: i32 = 10;

/// Has the calling thread, alone of its process, step back behind the others (`nice` counts by thread on Linux).
pub(super) fn step_back() {
    // Whoever forbids even that only makes the gate slower.
    let _ = rustix::process::nice(STEPS_BACK);
}

/// When the store is to be tended again.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// `None` if there is nothing to tend.
    at: Option<Moment>,
}

impl Pace {
    /// There may be something to tend.
    pub(super) fn wake(&mut self, now: Moment) {
        self.at = self.at.or(Some(now));
    }

    /// How long until the next piece, if there is one.
    pub(super) fn wait(&self, now: Moment) -> Option<Duration> {
        self.at.map(|at| at.since(now))
    }

    pub(super) fn is_due(&self, now: Moment) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    /// A piece was done, from `began` until `now`.
    pub(super) fn rest(&mut self, began: Moment, now: Moment, tended: Tended) {
        let rest = (now.since(began) * RESTS).min(REST_MAX);
        self.at = match tended {
            Tended::Done => None,
            Tended::More => Some(now + rest),
            Tended::Behind => Some(now),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Moment {
        Moment::from_micros(1_000_000 + micros)
    }

    #[test]
    fn only_the_thread_that_asks_steps_back() {
        let own = || rustix::process::getpriority_process(None).expect("one's own priority");
        let before = own();
        let writing = std::thread::spawn(move || {
            step_back();
            own()
        });
        let lowest = 19;
        assert_eq!(writing.join().expect("the thread ends"), (before + STEPS_BACK).min(lowest));
        assert_eq!(own(), before);
    }

    #[test]
    fn a_third_of_the_time_is_worked_unless_more_comes_than_is_done() {
        let mut pace = Pace::default();
        assert!(!pace.is_due(at(0)) && pace.wait(at(0)).is_none());
        pace.wake(at(0));
        assert!(pace.is_due(at(0)));
        pace.rest(at(0), at(500), Tended::More);
        // What comes meanwhile brings nothing forward.
        pace.wake(at(600));
        assert_eq!(pace.wait(at(600)), Some(Duration::from_micros(900)));
        assert!(!pace.is_due(at(1_499)) && pace.is_due(at(1_500)));
        pace.rest(at(1_500), at(2_000), Tended::Behind);
        assert!(pace.is_due(at(2_000)));
        pace.rest(at(2_000), at(9_002_000), Tended::More);
        assert_eq!(pace.wait(at(9_002_000)), Some(REST_MAX));
        pace.rest(at(9_100_000), at(9_100_001), Tended::Done);
        assert!(pace.wait(at(9_100_001)).is_none());
    }
}
