//! Budget periods: days, weeks and months from local midnight to local midnight in an IANA zone (R80).

use std::fmt;

use chrono::{DateTime, Datelike, Days, LocalResult, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::base::write_date;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeriodKind {
    Day,
    /// From Monday.
    Week,
    Month,
}

impl PeriodKind {
    pub const ALL: [PeriodKind; 3] = [PeriodKind::Day, PeriodKind::Week, PeriodKind::Month];

    pub fn as_str(self) -> &'static str {
        match self {
            PeriodKind::Day => "day",
            PeriodKind::Week => "week",
            PeriodKind::Month => "month",
        }
    }

    pub fn from_name(name: &str) -> Option<PeriodKind> {
        PeriodKind::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The first day of the period that `date` lies in.
    fn first_day(self, date: NaiveDate) -> NaiveDate {
        match self {
            PeriodKind::Day => date,
            PeriodKind::Week => date - Days::new(u64::from(date.weekday().num_days_from_monday())),
            PeriodKind::Month => date - Days::new(u64::from(date.day0())),
        }
    }

    /// The first day of the period after the one that starts on `first`.
    fn next_first_day(self, first: NaiveDate) -> NaiveDate {
        match self {
            PeriodKind::Day => first + Days::new(1),
            PeriodKind::Week => first + Days::new(7),
            PeriodKind::Month => first + Months::new(1),
        }
    }
}

/// Names one period of an account: its kind and its first local day. Which instants these are is the zone's affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PeriodKey {
    pub kind: PeriodKind,
    #[serde(serialize_with = "write_date")]
    pub start: NaiveDate,
}

impl PeriodKey {
    /// The first local day that is no longer in the period.
    pub fn end_date(self) -> NaiveDate {
        self.kind.next_first_day(self.start)
    }
}

impl fmt::Display for PeriodKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.kind.as_str(), self.start)
    }
}

/// A period with its instants: `start` belongs to it, `end` to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub key: PeriodKey,
    pub start: DateTime<Utc>,
    pub end: DateTime<Utc>,
}

/// The period of this kind that `at` lies in, by the clocks of `zone`.
pub fn period(kind: PeriodKind, zone: Tz, at: DateTime<Utc>) -> Period {
    let (key, end) = key_and_end(kind, zone, at);
    Period { key, start: midnight(zone, key.start), end }
}

/// As `period`, for those who do not ask when it began: each look at a zone's clock costs as much as the rest.
pub fn key_and_end(kind: PeriodKind, zone: Tz, at: DateTime<Utc>) -> (PeriodKey, DateTime<Utc>) {
    let today = at.with_timezone(&zone).date_naive();
    let mut start = kind.first_day(today);
    // Where clocks step back over midnight, a date comes twice for some minutes; the later day has begun for good at its
    // first midnight, so the second turn of the old date belongs to the new day.
    loop {
        let next = kind.next_first_day(start);
        let end = midnight(zone, next);
        if at < end {
            return (PeriodKey { kind, start }, end);
        }
        start = next;
    }
}

/// The first instant of `date`: its first midnight, or where clocks skip that, the first instant after the gap.
fn midnight(zone: Tz, date: NaiveDate) -> DateTime<Utc> {
    let local = date.and_time(NaiveTime::MIN);
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => instant.to_utc(),
        LocalResult::None => after_gap(zone, date),
    }
}

/// Halves the span around the gap until one second is left. Offsets lie within 15 hours of UTC and a gap (a skipped day, as
/// in Samoa in 2011) lasts at most 24.
fn after_gap(zone: Tz, date: NaiveDate) -> DateTime<Utc> {
    let nominal = date.and_time(NaiveTime::MIN).and_utc();
    let (mut before, mut after) = (nominal - TimeDelta::hours(40), nominal + TimeDelta::hours(40));
    while after - before > TimeDelta::seconds(1) {
        let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
        if middle.with_timezone(&zone).date_naive() >= date {
            after = middle;
        } else {
            before = middle;
        }
    }
    after
}
