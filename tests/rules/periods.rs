//! Which day, week and month an instant belongs to, where clocks change and where they do not (R80).

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use tollgate::ledger::{PeriodKind, period};

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date such as 2026-03-29")
}

fn zone(name: &str) -> Tz {
    name.parse().expect("an IANA zone")
}

fn instant(text: &str) -> DateTime<Utc> {
    text.parse().expect("an instant such as 2026-03-29T00:00:00+01:00")
}

/// Zone, an instant, then its period: kind, first day, start, and how many hours it lasts.
const PERIODS: &str = "
# Ordinary days, and the seconds on both sides of midnight.
Europe/Berlin     2026-07-01T23:59:59+02:00 day   2026-07-01 2026-07-01T00:00:00+02:00 24
Europe/Berlin     2026-07-02T00:00:00+02:00 day   2026-07-02 2026-07-02T00:00:00+02:00 24
# Clocks forward in Berlin on 29 March 2026: a day of 23 hours.
Europe/Berlin     2026-03-28T23:30:00+01:00 day   2026-03-28 2026-03-28T00:00:00+01:00 24
Europe/Berlin     2026-03-29T12:00:00+02:00 day   2026-03-29 2026-03-29T00:00:00+01:00 23
Europe/Berlin     2026-03-29T23:59:59+02:00 day   2026-03-29 2026-03-29T00:00:00+01:00 23
# Clocks back in Berlin on 25 October 2026: 25 hours, and 02:30 comes twice on the same day.
Europe/Berlin     2026-10-25T02:30:00+02:00 day   2026-10-25 2026-10-25T00:00:00+02:00 25
Europe/Berlin     2026-10-25T02:30:00+01:00 day   2026-10-25 2026-10-25T00:00:00+02:00 25
Europe/Berlin     2026-10-26T00:00:00+01:00 day   2026-10-26 2026-10-26T00:00:00+01:00 24
# Clocks forward in New York on 8 March 2026, back on 1 November 2026.
America/New_York  2026-03-08T12:00:00-04:00 day   2026-03-08 2026-03-08T00:00:00-05:00 23
America/New_York  2026-11-01T12:00:00-05:00 day   2026-11-01 2026-11-01T00:00:00-04:00 25
# One instant, two days.
America/New_York  2026-07-02T03:30:00Z      day   2026-07-01 2026-07-01T04:00:00Z      24
Asia/Tokyo        2026-07-02T03:30:00Z      day   2026-07-02 2026-07-01T15:00:00Z      24
# Where clocks skip midnight itself, the day begins after the gap: Santiago, 6 September 2026.
America/Santiago  2026-09-06T12:00:00-03:00 day   2026-09-06 2026-09-06T01:00:00-03:00 23
# Where they fall back at midnight, 23:30 comes twice on the old day: Santiago, 4 April 2026.
America/Santiago  2026-04-04T23:30:00-04:00 day   2026-04-04 2026-04-04T00:00:00-03:00 25
# Samoa had no 30 December 2011.
Pacific/Apia      2011-12-29T12:00:00-10:00 day   2011-12-29 2011-12-29T00:00:00-10:00 24
Pacific/Apia      2011-12-31T12:00:00+14:00 day   2011-12-31 2011-12-31T00:00:00+14:00 24
# Weeks begin on Monday; this one loses an hour.
Europe/Berlin     2026-03-29T12:00:00+02:00 week  2026-03-23 2026-03-23T00:00:00+01:00 167
Europe/Berlin     2026-03-30T00:00:00+02:00 week  2026-03-30 2026-03-30T00:00:00+02:00 168
Europe/Berlin     2027-01-01T10:00:00+01:00 week  2026-12-28 2026-12-28T00:00:00+01:00 168
# Months: their last second, a leap February, the months in which clocks change.
Europe/Berlin     2026-01-31T23:59:59+01:00 month 2026-01-01 2026-01-01T00:00:00+01:00 744
Europe/Berlin     2026-02-01T00:00:00+01:00 month 2026-02-01 2026-02-01T00:00:00+01:00 672
Europe/Berlin     2028-02-29T12:00:00+01:00 month 2028-02-01 2028-02-01T00:00:00+01:00 696
Europe/Berlin     2026-03-15T12:00:00+01:00 month 2026-03-01 2026-03-01T00:00:00+01:00 743
Europe/Berlin     2026-10-31T12:00:00+01:00 month 2026-10-01 2026-10-01T00:00:00+02:00 745
America/New_York  2026-11-30T12:00:00-05:00 month 2026-11-01 2026-11-01T00:00:00-04:00 721
";

#[test]
fn days_weeks_and_months_go_from_local_midnight_to_local_midnight() {
    for line in PERIODS.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let [name, at, kind, first_day, start, hours] =
            line.split_whitespace().collect::<Vec<_>>().try_into().expect("six columns");
        let kind = PeriodKind::from_name(kind).expect("day, week or month");
        let found = period(kind, zone(name), instant(at));
        assert_eq!((found.key.kind, found.key.start), (kind, date(first_day)), "{line}");
        assert_eq!(found.start, instant(start), "{line}");
        assert_eq!(found.end - found.start, TimeDelta::hours(hours.parse().expect("hours")), "{line}");
        assert!(found.start <= instant(at) && instant(at) < found.end, "{line}");
    }
}

#[test]
fn every_instant_lies_in_one_period_and_periods_leave_no_gap() {
    let places = [
        "Europe/Berlin",
        "America/New_York",
        "America/Santiago",
        "Africa/Cairo",
        "Asia/Beirut",
        "Australia/Lord_Howe",
    ];
    for name in places {
        for kind in PeriodKind::ALL {
            let mut at = instant("2026-01-01T12:00:00Z");
            while at < instant("2027-02-01T00:00:00Z") {
                let here = period(kind, zone(name), at);
                assert!(here.start <= at && at < here.end, "{name} {at}");
                assert_eq!(period(kind, zone(name), here.start), here, "{name} {at}");
                let next = period(kind, zone(name), here.end);
                assert_eq!(next.start, here.end, "{name} {at}");
                assert!(next.key > here.key, "{name} {at}");
                at = here.end;
            }
        }
    }
}
