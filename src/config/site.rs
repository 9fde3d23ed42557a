//! Reads one `[site.NAME]`: how its people dial, its emergency numbers, its language. The policy judges whether it holds together.

use chrono_tz::Tz;

use super::fields::Fields;
use super::values::{Choice, Setting};
use crate::policy::document::{Dialling, FromMismatch, Site};
use crate::policy::{Country, Language};

pub(super) fn read(name: &str, site: &Fields<'_>) -> Site {
    Site {
        name: name.to_owned(),
        zone: site.optional::<Tz>("zone").map(|zone| zone.name().to_owned()),
        country: site.required::<CountryCode>("country").0,
        language: site.or("language", Language::En),
        dial: read_dialling(site),
        emergency: site.required_list("emergency"),
        emergency_trunks: site.list("emergency_trunks"),
        callback: site.optional("callback"),
        caller_id: site.optional("caller_id"),
        emergency_unauthenticated: site.or("emergency_unauthenticated", true),
        holidays: site.optional("holidays").map(|CountryCode(code)| code),
        from_mismatch: site.or("from_mismatch", FromMismatch::Refuse),
    }
}

fn read_dialling(site: &Fields<'_>) -> Dialling {
    Dialling {
        country_code: site.optional("country_code"),
        international: site.optional_list("international"),
        // "" says that there is no national prefix, so the text may be empty here.
        national: site.optional::<MaybeEmpty>("national").map(|MaybeEmpty(prefix)| prefix),
        area_code: site.optional("area_code"),
        outside_line: site.optional("outside_line"),
        extensions: site.list("extensions"),
        features: site.list("features"),
        dial_around: site.optional_list("dial_around"),
        short: site.optional_list("short"),
        contexts: site.list("contexts"),
        letters: site.or("letters", false),
        national_lengths: read_lengths(site, "national_lengths"),
        local_lengths: read_lengths(site, "local_lengths"),
    }
}

/// `[7, 11]`: the fewest and the most digits.
fn read_lengths(site: &Fields<'_>, key: &str) -> Option<(u8, u8)> {
    let lengths: Vec<u8> = site.optional_list(key)?;
    match lengths[..] {
        [fewest, most] if fewest <= most && most <= 15 => Some((fewest, most)),
        _ => {
            site.blame(key, "is not a span of lengths", "the fewest and the most digits, such as [7, 11]");
            None
        }
    }
}

/// Two letters; whether there is such a country is for the policy's table to say.
struct CountryCode(String);

impl Setting for CountryCode {
    const NOUN: &'static str = "a country";

    fn right() -> String {
        "an ISO 3166 code such as DE".into()
    }

    fn from_text(text: &str) -> Option<CountryCode> {
        Country::from_code(text.trim()).map(|country| CountryCode(country.code().to_owned()))
    }

    /// A country that is there, so that nothing follows from the one that is not.
    fn blank() -> CountryCode {
        CountryCode("DE".into())
    }
}

struct MaybeEmpty(String);

impl Setting for MaybeEmpty {
    const NOUN: &'static str = "text";

    fn right() -> String {
        "text in quotes".into()
    }

    fn from_text(text: &str) -> Option<MaybeEmpty> {
        Some(MaybeEmpty(text.trim().to_owned()))
    }

    fn blank() -> MaybeEmpty {
        MaybeEmpty(String::new())
    }
}

impl Choice for Language {
    const NOUN: &'static str = "a language";

    fn all() -> impl Iterator<Item = Language> + Clone {
        Language::ALL.into_iter()
    }

    fn word(self) -> &'static str {
        self.code()
    }
}

impl Choice for FromMismatch {
    const NOUN: &'static str = "an answer to a foreign From";

    fn all() -> impl Iterator<Item = FromMismatch> + Clone {
        [FromMismatch::Refuse, FromMismatch::Rewrite].into_iter()
    }

    fn word(self) -> &'static str {
        match self {
            FromMismatch::Refuse => "refuse",
            FromMismatch::Rewrite => "rewrite",
        }
    }
}
