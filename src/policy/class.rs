//! Destination classes (R32): what a number is, by longest prefix, and what that makes it for a caller at a given site.

use std::fmt;
use std::sync::{Arc, LazyLock};

/// What a permit or guard speaks of. Country and class are separate attributes: a foreign premium number is `Premium`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// A colleague, or a feature code of the house.
    Internal,
    /// A landline in the site's own area.
    Local,
    /// Any other ordinary number of the site's country.
    National,
    /// A mobile of the site's country.
    Mobile,
    /// An ordinary number of another country: landline, mobile, toll-free there.
    International,
    TollFree,
    SharedCost,
    Premium,
    Satellite,
    /// Directory services, personal numbers, networks of no country.
    Special,
    /// No reading of it is safe; nothing permits it (R5).
    Unknown,
    /// Decided before any class matters (R41).
    Emergency,
}

impl Class {
    pub const ALL: [Class; 12] = [
        Class::Internal,
        Class::Local,
        Class::National,
        Class::Mobile,
        Class::International,
        Class::TollFree,
        Class::SharedCost,
        Class::Premium,
        Class::Satellite,
        Class::Special,
        Class::Unknown,
        Class::Emergency,
    ];

    /// As written in documents, records and metric labels.
    pub const fn code(self) -> &'static str {
        match self {
            Class::Internal => "internal",
            Class::Local => "local",
            Class::National => "national",
            Class::Mobile => "mobile",
            Class::International => "international",
            Class::TollFree => "toll_free",
            Class::SharedCost => "shared_cost",
            Class::Premium => "premium",
            Class::Satellite => "satellite",
            Class::Special => "special",
            Class::Unknown => "unknown",
            Class::Emergency => "emergency",
        }
    }

    pub fn from_code(code: &str) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.code() == code)
    }

    /// Whether a permit may name it: nothing permits `Unknown`, and `Emergency` needs no permit.
    pub const fn can_be_permitted(self) -> bool {
        !matches!(self, Class::Unknown | Class::Emergency)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// What a prefix is in its own country, whoever calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Landline, or landline and mobile alike where prefixes do not tell them apart.
    Fixed,
    Mobile,
    TollFree,
    SharedCost,
    Premium,
    Satellite,
    Special,
}

impl Kind {
    pub const ALL: [Kind; 7] = [
        Kind::Fixed,
        Kind::Mobile,
        Kind::TollFree,
        Kind::SharedCost,
        Kind::Premium,
        Kind::Satellite,
        Kind::Special,
    ];

    /// As written in the table of classes.
    pub const fn code(self) -> &'static str {
        match self {
            Kind::Fixed => "fixed",
            Kind::Mobile => "mobile",
            Kind::TollFree => "toll_free",
            Kind::SharedCost => "shared_cost",
            Kind::Premium => "premium",
            Kind::Satellite => "satellite",
            Kind::Special => "special",
        }
    }

    pub fn from_code(code: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// An ISO 3166-1 code of two capital letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// From `DE` or `de`. `None` unless two ASCII letters; whether such a country exists is the table's to say.
    pub fn from_code(code: &str) -> Option<Country> {
        let [first, second] = code.as_bytes() else { return None };
        let letters = first.is_ascii_alphabetic() && second.is_ascii_alphabetic();
        letters.then(|| Country([first.to_ascii_uppercase(), second.to_ascii_uppercase()]))
    }

    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }

    /// The code as records keep it: one text for all calls to the country.
    pub fn shared_code(&self) -> Arc<str> {
        /// By first and second letter.
        static CODES: LazyLock<Vec<Arc<str>>> = LazyLock::new(|| {
            let pairs = (b'A'..=b'Z').flat_map(|first| (b'A'..=b'Z').map(move |second| [first, second]));
            pairs.map(|letters| Country(letters).code().into()).collect()
        });
        let [first, second] = self.0.map(|letter| usize::from(letter - b'A'));
        CODES.get(first * 26 + second).map_or_else(|| self.code().into(), Arc::clone)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_has_one_text_for_its_code() {
        for code in ["AA", "DE", "ZZ"] {
            let country = Country::from_code(code).unwrap();
            assert_eq!(&*country.shared_code(), code);
            assert!(Arc::ptr_eq(&country.shared_code(), &country.shared_code()), "{code}");
        }
    }
}
