//! Time as a value: a monotonic moment for durations and the UTC instant beside it for calendars.
//! No clock is read here; `app/clock.rs` makes every `Now`.

use std::fmt;
use std::num::NonZeroU64;
use std::ops::{Add, Sub};
use std::time::Duration;

use chrono::{DateTime, Utc};

/// A point on the monotonic clock, in microseconds since one that lies before all that the process knows of. Durations come from this alone (R62, R80).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// One more than the microseconds, so that a deadline that may be missing takes no more room than one that is there.
    from_one: NonZeroU64,
}

impl Moment {
    pub const START: Moment = Moment::from_micros(0);

    /// The last microsecond that can be told is the one before `u64::MAX`.
    pub const fn from_micros(micros: u64) -> Moment {
        Moment { from_one: NonZeroU64::MIN.saturating_add(micros) }
    }

    pub const fn as_micros(self) -> u64 {
        self.from_one.get() - 1
    }

    /// The time since `earlier`, zero if `earlier` is in fact later.
    pub const fn since(self, earlier: Moment) -> Duration {
        Duration::from_micros(self.as_micros().saturating_sub(earlier.as_micros()))
    }
}

impl Default for Moment {
    fn default() -> Moment {
        Moment::START
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, span: Duration) -> Moment {
        Moment::from_micros(self.as_micros().saturating_add(micros(span)))
    }
}

impl Sub<Duration> for Moment {
    type Output = Moment;

    fn sub(self, span: Duration) -> Moment {
        Moment::from_micros(self.as_micros().saturating_sub(micros(span)))
    }
}

/// An instant in UTC to the microsecond, as stores keep it: for what is held once for each call, since it takes a third less room than
/// a `DateTime`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UtcMicros {
    since_1970: i64,
}

impl UtcMicros {
    /// Since 1970.
    pub const fn as_i64(self) -> i64 {
        self.since_1970
    }

    /// The instant that it was made of, to the microsecond.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.since_1970).unwrap_or_default()
    }
}

impl From<DateTime<Utc>> for UtcMicros {
    fn from(utc: DateTime<Utc>) -> UtcMicros {
        UtcMicros { since_1970: utc.timestamp_micros() }
    }
}

impl fmt::Debug for UtcMicros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.utc(), f)
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
        let micros = self.as_micros();
        write!(f, "{}.{:06}s", micros / 1_000_000, micros % 1_000_000)
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Moment({})", self.as_micros())
    }
}
