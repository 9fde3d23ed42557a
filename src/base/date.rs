//! A date as ISO 8601 writes it, digit by digit: dates stand in every row and note, and a formatter takes ten times as long.

use std::io::Write;
use std::ops::Deref;

use chrono::{Datelike, NaiveDate};
use serde::Serializer;

/// More than the longest: a date far from our days has a sign and six digits in its year.
const LENGTH_MAX: usize = 16;

/// The letters of `2026-11-23`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateText {
    letters: [u8; LENGTH_MAX],
    length: u8,
}

impl DateText {
    pub fn of(date: NaiveDate) -> DateText {
        let mut letters = [b'-'; LENGTH_MAX];
        let year = date.year();
        if (0..=9_999).contains(&year) {
            let digit = |number: u32| b'0' + (number % 10) as u8;
            let year = year.unsigned_abs();
            letters[..4].copy_from_slice(&[year / 1_000, year / 100, year / 10, year].map(digit));
            letters[5..7].copy_from_slice(&[date.month() / 10, date.month()].map(digit));
            letters[8..10].copy_from_slice(&[date.day() / 10, date.day()].map(digit));
            return DateText { letters, length: 10 };
        }
        let mut left = &mut letters[..];
        write!(left, "{date}").expect("the longest date has thirteen letters");
        let length = LENGTH_MAX - left.len();
        DateText { letters, length: length as u8 }
    }
}

impl Deref for DateText {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.letters[..self.length.into()]).unwrap_or_default()
    }
}

/// For serde, the same text as chrono's own.
///
/// # Errors
/// The serializer's.
pub fn write_date<S: Serializer>(date: &NaiveDate, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&DateText::of(*date))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_date_is_written_as_chrono_writes_it() {
        let near = NaiveDate::from_ymd_opt(2024, 2, 28).unwrap().iter_days().take(400);
        let edges = [(-1, 12, 31), (0, 1, 1), (999, 9, 9), (9_999, 12, 31), (10_000, 1, 1)]
            .map(|(year, month, day)| NaiveDate::from_ymd_opt(year, month, day).unwrap());
        for date in near.chain(edges).chain([NaiveDate::MIN, NaiveDate::MAX]) {
            assert_eq!(&*DateText::of(date), date.to_string());
        }
    }
}
