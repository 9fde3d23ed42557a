//! How one site dials: prefixes, lengths, extensions, emergency numbers. Eleven countries are shipped as a table (R30).

use std::collections::BTreeSet;

use super::ShortCode;

/// The shipped plans, one country a line; the file explains its columns.
const SHIPPED: &str = include_str!("dial_plans.tsv");

/// The dial plan of one site. All prefixes are bare digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DialPlan {
    pub country_code: String,
    /// International prefixes beside `+`. A `~` in one stands for a second dial tone and may be dialled or not.
    pub international: Vec<String>,
    /// National prefix; empty where there is none.
    pub national: String,
    /// Whether national numbers are also dialled without any prefix.
    pub direct: bool,
    /// Whether the country code may be dialled without `+`: only where nothing else of that length begins with it.
    pub bare_country_code: bool,
    pub area_code: Option<String>,
    pub outside_line: Option<String>,
    /// Forms of extensions, vacant ones too.
    pub extensions: Vec<Pattern>,
    /// Extensions that people have, whatever their form.
    pub known_extensions: BTreeSet<ShortCode>,
    pub emergency: Vec<ShortCode>,
    pub features: Vec<ShortCode>,
    /// Prefixes that choose another carrier.
    pub dial_around: Vec<String>,
    /// Short national numbers such as directory enquiries.
    pub short: Vec<Pattern>,
    /// The site's own domains in `phone-context`.
    pub contexts: Vec<String>,
    /// Letters stand for the keys of a phone.
    pub letters: bool,
    /// Fewest and most digits after the country code.
    pub national_lengths: (u8, u8),
    /// Fewest and most digits of a number without area code.
    pub local_lengths: (u8, u8),
}

impl DialPlan {
    /// The plan of a country by ISO 3166 code, without anything of the site's own; `None` if none is shipped.
    pub fn shipped(country: &str) -> Option<DialPlan> {
        let lines = SHIPPED.lines().filter(|line| !line.starts_with('#'));
        let mut rows = lines.map(|line| line.split('\t').collect::<Vec<_>>());
        let row = rows.find(|row| row.first() == Some(&country))?;
        let [_, code, international, national, direct, bare, lengths, local, dial_around, short] = row[..]
        else {
            return None;
        };
        Some(DialPlan {
            country_code: code.into(),
            international: words(international),
            national: national.trim_matches('-').into(),
            direct: direct == "yes",
            bare_country_code: bare == "yes",
            national_lengths: span(lengths)?,
            local_lengths: span(local)?,
            dial_around: words(dial_around),
            short: words(short).iter().filter_map(|text| Pattern::from_text(text)).collect(),
            ..DialPlan::default()
        })
    }

    /// The countries whose plans are shipped.
    pub fn shipped_countries() -> impl Iterator<Item = &'static str> {
        SHIPPED.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split('\t').next())
    }

    /// The same plan for numbers as people write them in lists: no outside line, no extensions, no feature codes (R31).
    pub fn for_writing(&self) -> DialPlan {
        DialPlan {
            outside_line: None,
            extensions: Vec::new(),
            known_extensions: BTreeSet::new(),
            features: Vec::new(),
            ..self.clone()
        }
    }

    /// The same plan for what trunks ask for: no outside line, and the country code may come without `+`, as many carriers send it.
    pub fn for_incoming(&self) -> DialPlan {
        DialPlan { outside_line: None, bare_country_code: true, ..self.clone() }
    }
}

fn words(cell: &str) -> Vec<String> {
    cell.split_whitespace().filter(|word| *word != "-").map(str::to_owned).collect()
}

fn span(cell: &str) -> Option<(u8, u8)> {
    match cell.split_once('-') {
        Some((fewest, most)) => Some((fewest.parse().ok()?, most.parse().ok()?)),
        None => cell.parse().ok().map(|count| (count, count)),
    }
}

/// The form of a short number: digits, and `x` for any digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// From `2xx`. `None` unless 1 to 15 digits and `x`.
    pub fn from_text(text: &str) -> Option<Pattern> {
        let fits = (1..=ShortCode::LENGTH_MAX).contains(&text.len());
        (fits && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'x'))
            .then(|| Pattern(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn matches(&self, digits: &str) -> bool {
        let alike =
            |(form, digit): (u8, u8)| if form == b'x' { digit.is_ascii_digit() } else { form == digit };
        self.0.len() == digits.len() && self.0.bytes().zip(digits.bytes()).all(alike)
    }
}
