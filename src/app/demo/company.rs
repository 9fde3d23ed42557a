//! The files of the demo's company: carried inside the program, written into a folder of their own, loaded like any others.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Datelike, Days, Utc};
use chrono_tz::Europe::Berlin;

const FILES: [(&str, &str); 5] = [
    ("tollgate.toml", include_str!("../../../config/demo/tollgate.toml")),
    ("policy.toml", include_str!("../../../config/demo/policy.toml")),
    ("people.csv", include_str!("../../../config/demo/people.csv")),
    ("customers.csv", include_str!("../../../config/demo/customers.csv")),
    ("tariff.csv", include_str!("../../../config/demo/tariff.csv")),
];

/// What stands for the gate's own address in the settings, and the free port that is taken instead.
const GATE: (&str, &str) = ("\"127.0.0.1:5060\"", "\"127.0.0.1:0\"");

/// The hours of market day in the policy, before the weekday is put in.
const MARKET_HOURS: &str = "We 09:00-17:00";

const WEEKDAYS: [&str; 7] = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];

/// A folder that is gone when the demo is over.
pub struct Folder(PathBuf);

impl Folder {
    /// `word` makes its name new.
    ///
    /// # Errors
    /// The folder for temporary files cannot be written.
    pub fn make(word: &str) -> io::Result<Folder> {
        let path = std::env::temp_dir().join(format!("tollgate-demo-{word}"));
        fs::create_dir(&path)?;
        Ok(Folder(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays among the temporary files, where nobody is surprised by it.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes the company's files, with these addresses in place of those in the settings, and gives the path of the first.
///
/// # Errors
/// The folder cannot be written.
pub fn write(folder: &Path, places: &[(&str, SocketAddr)], now: DateTime<Utc>) -> io::Result<PathBuf> {
    for (name, text) in FILES {
        let mut text = text.replace(GATE.0, GATE.1).replace(MARKET_HOURS, &market_hours(now));
        for (written, place) in places {
            text = text.replace(written, &place.to_string());
        }
        fs::write(folder.join(name), text)?;
    }
    Ok(folder.join("tollgate.toml"))
}

/// The day after tomorrow: closed today, and still closed if midnight comes while the demo runs.
fn market_hours(now: DateTime<Utc>) -> String {
    let day = now.with_timezone(&Berlin).date_naive() + Days::new(2);
    let weekday = WEEKDAYS[day.weekday().num_days_from_monday() as usize];
    MARKET_HOURS.replace("We", weekday)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn market_day_is_never_today_nor_tomorrow() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        // A Friday in Berlin, late in the evening of the Thursday in UTC.
        assert_eq!(market_hours(at("2026-01-01T23:30:00Z")), "Su 09:00-17:00");
        assert_eq!(market_hours(at("2026-01-05T12:00:00Z")), "We 09:00-17:00");
    }

    #[test]
    fn everything_that_is_replaced_stands_in_the_files() {
        let all: String = FILES.iter().map(|(_, text)| *text).collect();
        for written in
            [GATE.0, MARKET_HOURS, "127.0.0.2:5071", "127.0.0.2:5072", "127.0.0.2:5073", "127.0.0.2:5074"]
        {
            assert!(all.contains(written), "{written}");
        }
    }
}
