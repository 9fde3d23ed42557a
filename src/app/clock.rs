//! The only reader of a clock in the house, and the only drawer of chance.

use std::time::{Duration, Instant};

use chrono::Utc;

use crate::base::{Moment, Now, Random};

/// The moment at which this process starts: calls of an earlier run began before it. No call is older, since none lasts a month.
const PROCESS_START: Moment = Moment::from_micros(30 * 24 * 3600 * 1_000_000);

/// Monotonic time, counted on from `PROCESS_START`, with the wall clock beside it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this file is where clocks are read")]
    pub fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    #[expect(clippy::disallowed_methods, reason = "this file is where clocks are read")]
    pub fn now(&self) -> Now {
        let micros = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        Now::new(PROCESS_START + Duration::from_micros(micros), Utc::now())
    }

    /// Lets the thread rest. Only the loop may, and only for what nobody notices.
    #[expect(clippy::disallowed_methods, reason = "the loop rests here, and nowhere else")]
    pub fn pause(&self, span: Duration) {
        std::thread::sleep(span);
    }

    /// The instant of a moment, for timers of the runtime.
    pub fn instant(&self, moment: Moment) -> Instant {
        self.start + moment.since(PROCESS_START)
    }
}

/// A random source from the operating system.
///
/// # Errors
/// The operating system has no randomness to give.
#[expect(clippy::disallowed_methods, reason = "this file is where the seed is drawn")]
pub fn entropy() -> Result<Random, getrandom::Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(Random::from_seed(seed))
}
