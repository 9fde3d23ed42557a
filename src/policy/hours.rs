//! Permitted hours: OpenStreetMap opening hours with the public holidays of the caller's site, in the caller's zone (R80, R82).

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use opening_hours::localization::Country as HolidayCountry;
use opening_hours::{Context, OpeningHours, RuleKind};

use super::class::Country;
use super::reason::Reason;

/// How far ahead the next opening is looked for; beyond that a refusal does not say when.
const LOOK_AHEAD: TimeDelta = TimeDelta::days(400);

/// The public holidays that sites go by, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Calendars {
    countries: Vec<Country>,
}

/// Position of a calendar in `Calendars` and in every `Hours`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CalendarId(usize);

impl Calendars {
    /// The calendar of a country, and whether its holidays are known at all.
    pub fn of(&mut self, country: Country) -> (CalendarId, bool) {
        let known = HolidayCountry::from_str(country.code()).is_ok();
        if let Some(at) = self.countries.iter().position(|listed| *listed == country) {
            return (CalendarId(at), known);
        }
        self.countries.push(country);
        (CalendarId(self.countries.len() - 1), known)
    }
}

/// One expression under every calendar.
#[derive(Clone, Debug)]
pub(super) struct Hours {
    text: String,
    by_calendar: Vec<Timetable>,
    without_holidays: OpeningHours,
}

impl Hours {
    /// `None` if the text is no opening-hours expression.
    pub fn parse(text: &str, calendars: &Calendars) -> Option<Hours> {
        let plain = OpeningHours::from_str(text).ok()?;
        let with = |country: &Country| {
            let holidays =
                HolidayCountry::from_str(country.code()).map(HolidayCountry::holidays).unwrap_or_default();
            Timetable::of(plain.clone().with_context(Context::default().with_holidays(holidays)))
        };
        let by_calendar = calendars.countries.iter().map(with).collect();
        Some(Hours { text: text.to_owned(), by_calendar, without_holidays: plain })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_open(&self, calendar: CalendarId, zone: Tz, at: DateTime<Utc>) -> bool {
        self.by_calendar[calendar.0].is_open(local(zone, at))
    }

    /// When it closes next, for an instant at which it is open; `None` if it does not within a year.
    pub fn closes(&self, calendar: CalendarId, zone: Tz, at: DateTime<Utc>) -> Option<DateTime<Tz>> {
        let now = local(zone, at);
        let spans = self.by_calendar[calendar.0].hours.iter_range(now, now + LOOK_AHEAD);
        let wall = close_of_row(spans.map(|span| (span.kind == RuleKind::Open, span.range.end)))?;
        instant(zone, wall)
    }

    /// Why it is closed, and when it opens next.
    pub fn closed(
        &self,
        calendar: CalendarId,
        zone: Tz,
        at: DateTime<Utc>,
    ) -> (Reason, Option<DateTime<Tz>>) {
        let now = local(zone, at);
        let reason = if self.without_holidays.is_open(now) { Reason::Holiday } else { Reason::OutsideHours };
        let mut spans = self.by_calendar[calendar.0].hours.iter_range(now, now + LOOK_AHEAD);
        let opening = spans.find(|span| span.kind == RuleKind::Open && span.range.start > now);
        (reason, opening.and_then(|span| instant(zone, span.range.start)))
    }
}

/// One expression under one calendar, and how long its last answer holds: calls come in crowds, and hours change a few times a day.
#[derive(Debug)]
struct Timetable {
    hours: OpeningHours,
    stretch: AtomicU64,
}

impl Timetable {
    fn of(hours: OpeningHours) -> Timetable {
        Timetable { hours, stretch: AtomicU64::new(Stretch::NONE.packed()) }
    }

    fn is_open(&self, now: NaiveDateTime) -> bool {
        let minute = u32::try_from(now.and_utc().timestamp() / 60).unwrap_or(0);
        let known = Stretch::unpacked(self.stretch.load(Ordering::Relaxed));
        if (known.from..known.until).contains(&minute) {
            return known.is_open;
        }
        let is_open = self.hours.is_open(now);
        if let Some(change) = self.hours.next_change(now)
            && let Ok(until) = u32::try_from(change.and_utc().timestamp() / 60)
        {
            self.stretch.store(Stretch { from: minute, until, is_open }.packed(), Ordering::Relaxed);
        }
        is_open
    }
}

impl Clone for Timetable {
    fn clone(&self) -> Timetable {
        Timetable::of(self.hours.clone())
    }
}

/// What holds from one minute of local time to another: hours begin and end on the minute. One word, so that whoever reads it has all
/// of one stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    /// Minutes since 1970, of 31 bits: to the year 6053.
    from: u32,
    until: u32,
    is_open: bool,
}

impl Stretch {
    const NONE: Stretch = Stretch { from: 0, until: 0, is_open: false };

    const fn packed(self) -> u64 {
        (self.from as u64) << 32 | ((self.until as u64) & 0x7fff_ffff) << 1 | self.is_open as u64
    }

    const fn unpacked(word: u64) -> Stretch {
        Stretch { from: (word >> 32) as u32, until: (word >> 1) as u32 & 0x7fff_ffff, is_open: word & 1 == 1 }
    }
}

/// The end of the last span in a row of open ones that begins where `now` is.
fn close_of_row(mut row: impl Iterator<Item = (bool, NaiveDateTime)>) -> Option<NaiveDateTime> {
    let mut end = None;
    loop {
        match row.next() {
            Some((true, until)) => end = Some(until),
            Some((false, _)) => return end,
            // Open as far as one looks.
            None => return None,
        }
    }
}

fn local(zone: Tz, at: DateTime<Utc>) -> NaiveDateTime {
    at.with_timezone(&zone).naive_local()
}

/// The instant of a wall-clock time: the first of two when clocks go back, the first that exists when they go forward.
pub(super) fn instant(zone: Tz, wall: NaiveDateTime) -> Option<DateTime<Tz>> {
    // No zone ever skipped more than a day; a quarter of an hour divides every change of clocks in use.
    let steps = (0..=96).map(|quarters| wall + TimeDelta::minutes(15 * quarters));
    steps.filter_map(|wall| zone.from_local_datetime(&wall).earliest()).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_what_the_expression_says() {
        let mut calendars = Calendars::default();
        let (calendar, _) = calendars.of(Country::from_code("DE").expect("a country"));
        let hours = Hours::parse("Mo-Fr 08:00-12:00,13:00-17:30; PH off", &calendars).expect("an expression");
        let plain = &hours.by_calendar[calendar.0].hours;
        let begin = Utc.with_ymd_and_hms(2026, 12, 23, 0, 0, 0).single().expect("an instant");
        // Forwards, and once back: a clock may be set back.
        let steps = (0..4 * 24 * 60 * 6).chain(0..24 * 60 * 6);
        for at in steps.map(|step| begin + TimeDelta::seconds(10 * step)) {
            let local = local(Tz::Europe__Berlin, at);
            assert_eq!(hours.is_open(calendar, Tz::Europe__Berlin, at), plain.is_open(local), "{local}");
        }
    }

    #[test]
    fn a_stretch_is_one_word() {
        let stretch = Stretch { from: 29_000_000, until: 0x7fff_ffff, is_open: true };
        assert_eq!(Stretch::unpacked(stretch.packed()), stretch);
    }
}
