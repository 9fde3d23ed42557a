//! What a setting can hold and how it is written: numbers, times, money, addresses, zones, one of a few words.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use chrono_tz::Tz;
use ipnet::IpNet;
use toml::de::DeValue;

use super::secret::Secret;
use super::spelling;
use crate::base::Money;
use crate::policy::document::Ending;

/// A value that can stand in a TOML file or in one cell of a CSV file.
pub(super) trait Setting: Sized {
    /// With its article, as in `"5x" is not a time`.
    const NOUN: &'static str;
    /// A secret is not repeated in the problem about it.
    const SECRET: bool = false;

    /// How a right value is written, with an example.
    fn right() -> String;

    fn from_text(text: &str) -> Option<Self>;

    /// Stands in for a wrong value while reading goes on. It is never used: one problem refuses the whole configuration.
    fn blank() -> Self;

    fn read(value: &DeValue<'_>) -> Option<Self> {
        match value {
            DeValue::String(text) => Self::from_text(text),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => None,
            DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
        }
    }

    /// What would be right here, given what was written.
    fn right_instead_of(_written: &DeValue<'_>) -> String {
        Self::right()
    }
}

/// One of a few words.
pub(super) trait Choice: Copy + 'static {
    const NOUN: &'static str;

    fn all() -> impl Iterator<Item = Self> + Clone;

    fn word(self) -> &'static str;
}

impl<T: Choice> Setting for T {
    const NOUN: &'static str = T::NOUN;

    fn right() -> String {
        spelling::alternatives(T::all().map(T::word))
    }

    fn from_text(text: &str) -> Option<T> {
        T::all().find(|value| value.word() == text)
    }

    fn blank() -> T {
        // A choice of nothing would be no choice.
        T::all().next().expect("a choice has at least one word")
    }

    fn right_instead_of(written: &DeValue<'_>) -> String {
        written.as_str().map_or_else(Self::right, |text| spelling::right_word(text, T::all().map(T::word)))
    }
}

/// The value as the file has it, short enough for one line.
pub(super) fn shown(value: &DeValue<'_>) -> String {
    const LONGEST_SHOWN: usize = 60;
    match value {
        DeValue::String(text) if text.chars().count() > LONGEST_SHOWN => "this long text".into(),
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

impl Setting for String {
    const NOUN: &'static str = "text";

    fn right() -> String {
        "text in quotes, at least one letter".into()
    }

    fn from_text(text: &str) -> Option<String> {
        let text = text.trim();
        let printable = !text.is_empty() && !text.chars().any(char::is_control);
        printable.then(|| text.to_owned())
    }

    fn blank() -> String {
        String::new()
    }
}

impl Setting for Secret {
    const NOUN: &'static str = "a password";
    const SECRET: bool = true;

    fn right() -> String {
        "text in quotes, at least one letter".into()
    }

    fn from_text(text: &str) -> Option<Secret> {
        (!text.is_empty()).then(|| Secret::new(text))
    }

    fn blank() -> Secret {
        Secret::default()
    }
}

impl Setting for PathBuf {
    const NOUN: &'static str = "a file name";

    fn right() -> String {
        "a file name in quotes, from the folder of this file".into()
    }

    fn from_text(text: &str) -> Option<PathBuf> {
        (!text.trim().is_empty()).then(|| PathBuf::from(text.trim()))
    }

    fn blank() -> PathBuf {
        PathBuf::new()
    }
}

impl Setting for bool {
    const NOUN: &'static str = "a truth";

    fn right() -> String {
        "true or false".into()
    }

    fn from_text(text: &str) -> Option<bool> {
        text.parse().ok()
    }

    fn blank() -> bool {
        false
    }

    fn read(value: &DeValue<'_>) -> Option<bool> {
        value.as_bool()
    }
}

macro_rules! whole_number {
    ($($int:ty),*) => {$(
        impl Setting for $int {
            const NOUN: &'static str = "a whole number";

            fn right() -> String {
                "a whole number, not negative".into()
            }

            fn from_text(text: &str) -> Option<$int> {
                text.trim().parse().ok()
            }

            fn blank() -> $int {
                0
            }

            fn read(value: &DeValue<'_>) -> Option<$int> {
                let number = value.as_integer()?;
                <$int>::from_str_radix(number.as_str(), number.radix()).ok()
            }
        }
    )*};
}

whole_number!(u8, u16, u32, u64);

impl Setting for Money {
    const NOUN: &'static str = "an amount of money";

    fn right() -> String {
        "an amount such as 12.50, at most six decimal places".into()
    }

    fn from_text(text: &str) -> Option<Money> {
        Money::parse(text).ok().filter(|amount| *amount >= Money::ZERO)
    }

    fn blank() -> Money {
        Money::ZERO
    }

    /// Bare numbers are read from their text, so that 0.1 is a tenth exactly.
    fn read(value: &DeValue<'_>) -> Option<Money> {
        match value {
            DeValue::String(text) => Money::from_text(text),
            DeValue::Integer(number) if number.radix() == 10 => Money::from_text(number.as_str()),
            DeValue::Float(number) => Money::from_text(number.as_str()),
            DeValue::Integer(_) | DeValue::Boolean(_) => None,
            DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
        }
    }
}

impl Setting for Duration {
    const NOUN: &'static str = "a span of time";

    fn right() -> String {
        "a number with its unit: 500ms, 32s, 5m, 2h or 7d".into()
    }

    fn from_text(text: &str) -> Option<Duration> {
        let text = text.trim();
        let unit_at = text.find(|letter: char| !letter.is_ascii_digit())?;
        let (count, unit) = text.split_at(unit_at);
        let count: u64 = count.parse().ok()?;
        let millis = match unit.trim_start() {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        count.checked_mul(millis).map(Duration::from_millis)
    }

    fn blank() -> Duration {
        Duration::ZERO
    }
}

impl Setting for Ending {
    const NOUN: &'static str = "what becomes of calls in progress";

    fn right() -> String {
        r#""finish", "cut", or a time after which they are cut, such as "30s""#.into()
    }

    fn from_text(text: &str) -> Option<Ending> {
        match text.trim() {
            "finish" => Some(Ending::Finish),
            "cut" => Some(Ending::Cut),
            text => Duration::from_text(text).map(Ending::After),
        }
    }

    fn blank() -> Ending {
        Ending::Finish
    }
}

impl Setting for SocketAddr {
    const NOUN: &'static str = "an address with a port";

    fn right() -> String {
        "an IP address and a port: 192.0.2.10:5060 or [2001:db8::10]:5060".into()
    }

    fn from_text(text: &str) -> Option<SocketAddr> {
        text.trim().parse().ok()
    }

    fn blank() -> SocketAddr {
        SocketAddr::from(([0, 0, 0, 0], 0))
    }
}

impl Setting for IpNet {
    const NOUN: &'static str = "a network";

    fn right() -> String {
        "a network or one address: 192.0.2.0/24, 192.0.2.10, 2001:db8::/32".into()
    }

    fn from_text(text: &str) -> Option<IpNet> {
        let text = text.trim();
        let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
        // 192.0.2.10/24 names a host in a network: whoever wrote it may mean either.
        (IpNet::trunc(&network) == network).then_some(network)
    }

    fn blank() -> IpNet {
        IpNet::from(IpAddr::from([0, 0, 0, 0]))
    }
}

impl Setting for Tz {
    const NOUN: &'static str = "a time zone";

    fn right() -> String {
        "a zone of the IANA list, such as Europe/Berlin".into()
    }

    fn from_text(text: &str) -> Option<Tz> {
        text.trim().parse().ok()
    }

    fn blank() -> Tz {
        Tz::UTC
    }

    fn right_instead_of(written: &DeValue<'_>) -> String {
        let zones = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        let near = written.as_str().and_then(|text| spelling::nearest(text, zones));
        near.map_or_else(Self::right, |zone| format!("{zone}?"))
    }
}

impl Setting for NaiveDate {
    const NOUN: &'static str = "a date";

    fn right() -> String {
        "a date such as 2026-01-31".into()
    }

    fn from_text(text: &str) -> Option<NaiveDate> {
        text.trim().parse().ok()
    }

    fn blank() -> NaiveDate {
        NaiveDate::default()
    }

    /// `2026-01-31` in quotes or bare.
    fn read(value: &DeValue<'_>) -> Option<NaiveDate> {
        match value {
            DeValue::String(text) => NaiveDate::from_text(text),
            DeValue::Datetime(date) => NaiveDate::from_text(&date.to_string()),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => None,
            DeValue::Array(_) | DeValue::Table(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_their_unit() {
        for (text, millis) in
            [("500ms", 500), ("32s", 32_000), ("5m", 300_000), ("2 h", 7_200_000), ("1d", 86_400_000)]
        {
            assert_eq!(Duration::from_text(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for wrong in ["", "5", "s", "-5s", "1.5s", "5 parsecs", "99999999999999999999s", "9999999999999999d"]
        {
            assert_eq!(Duration::from_text(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_network_is_written_without_host_bits() {
        assert!(IpNet::from_text("192.0.2.0/24").is_some());
        assert!(IpNet::from_text("192.0.2.7").is_some());
        assert!(IpNet::from_text("192.0.2.7/24").is_none());
    }

    #[test]
    fn bare_amounts_are_read_from_their_digits() {
        for (toml, micros) in
            [("0.1", 100_000), ("12", 12_000_000), ("'0.000001'", 1), ("1_000.5", 1_000_500_000)]
        {
            let value = DeValue::parse(toml).expect("a TOML value");
            assert_eq!(Money::read(value.get_ref()).map(Money::as_micros), Some(micros), "{toml}");
        }
        for wrong in ["-1", "0x10", "1e3", "inf", "0.0000001", "true"] {
            let value = DeValue::parse(wrong).expect("a TOML value");
            assert_eq!(Money::read(value.get_ref()), None, "{wrong}");
        }
    }
}
