//! Time as a value: a monotonic moment for durations and the UTC instant beside it for calendars.
//! No clock is read here; `app/clock.rs` makes every `Now`.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use chrono::{DateTime, Utc};

/// A point on the monotonic clock, in microseconds since one that lies before all that the process knows of. Durations come from this alone (R62, R80).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    pub const START: Moment = Moment(0);

    pub const fn from_micros(micros: u64) -> Moment {
        Moment(micros)
    }

    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time since `earlier`, zero if `earlier` is in fact later.
    pub const fn since(self, earlier: Moment) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, span: Duration) -> Moment {
        Moment(self.0.saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Moment {
    type Output = Moment;

    fn sub(self, span: Duration) -> Moment {
        Moment(self.0.saturating_sub(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// Both clocks, read at the same instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    pub moment: Moment,
    pub utc: DateTime<Utc>,
}

impl Now {
    pub fn new(moment: Moment, utc: DateTime<Utc>) -> Now {
        Now { moment, utc }
    }

    /// Both clocks moved on by the same span, as in simulated time.
    pub fn after(self, span: Duration) -> Now {
        let utc = chrono::TimeDelta::from_std(span).map_or(self.utc, |delta| self.utc + delta);
        Now { moment: self.moment + span, utc }
    }

    /// What the wall clock would have shown at a moment, had nobody set it since.
    pub fn utc_at(self, moment: Moment) -> DateTime<Utc> {
        let delta = |span: Duration| chrono::TimeDelta::from_std(span).unwrap_or_default();
        self.utc - delta(self.moment.since(moment)) + delta(moment.since(self.moment))
    }

    /// The moment of an instant that another process wrote down: as exact as the wall clock was set meanwhile. What lies before
    /// all moments is the first of them.
    pub fn moment_at(self, utc: DateTime<Utc>) -> Moment {
        match (self.utc - utc).to_std() {
            Ok(ago) => self.moment - ago,
            Err(_) => self.moment + (utc - self.utc).to_std().unwrap_or_default(),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}
