//! Permitted hours: OpenStreetMap opening hours with the public holidays of the caller's site, in the caller's zone (R80, R82).

use std::str::FromStr;

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
    by_calendar: Vec<OpeningHours>,
    without_holidays: OpeningHours,
}

impl Hours {
    /// `None` if the text is no opening-hours expression.
    pub fn parse(text: &str, calendars: &Calendars) -> Option<Hours> {
        let plain = OpeningHours::from_str(text).ok()?;
        let with = |country: &Country| {
            let holidays =
                HolidayCountry::from_str(country.code()).map(HolidayCountry::holidays).unwrap_or_default();
            plain.clone().with_context(Context::default().with_holidays(holidays))
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
        let spans = self.by_calendar[calendar.0].iter_range(now, now + LOOK_AHEAD);
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
        let mut spans = self.by_calendar[calendar.0].iter_range(now, now + LOOK_AHEAD);
        let opening = spans.find(|span| span.kind == RuleKind::Open && span.range.start > now);
        (reason, opening.and_then(|span| instant(zone, span.range.start)))
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
