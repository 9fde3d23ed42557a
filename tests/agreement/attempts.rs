//! Random attempts: who calls whom, spelled how, when, in which direction.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;
use tollgate::base::{Random, SiteId};

use super::house::House;

/// One attempt, in the words of `tollgate explain --batch`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Attempt {
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outside: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shows: Option<String>,
    pub to: String,
    /// With its offset, so that no zone has to be guessed.
    pub at: String,
    pub by: &'static str,
    pub for_outside: bool,
    /// The user part of whoever is heard in a forwarded call.
    #[serde(skip)]
    pub speaker: String,
}

impl Attempt {
    pub fn utc(&self) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(&self.at).expect("an instant").to_utc()
    }
}

/// Few days, so that what is spent of them matters: an ordinary one, a holiday, a month's last, both changes of the clocks.
pub const DAYS: [(i32, u32, u32); 6] =
    [(2026, 3, 4), (2026, 5, 1), (2026, 3, 31), (2026, 3, 29), (2026, 10, 25), (2026, 11, 21)];

/// A stranger's number that no contact has.
const STRANGER: &str = "+49305550199";

/// Whole numbers, dialled with `+` or as the caller's site does.
const WORLD: [&str; 26] = [
    "493023125599",
    "498999998599",
    "4915155501234",
    "491605550177",
    "491715550188",
    "499005550123",
    "498000000699",
    "491805550123",
    "43155505991",
    "436605550123",
    "41445550599",
    "442079460599",
    "447700900123",
    "33199005599",
    "33612345678",
    "12125550199",
    "16175550188",
    "18005550188",
    "19005550188",
    "74955550599",
    "78125550588",
    "79161234567",
    "77272550599",
    "881612345678",
    "37045678901",
    "48225550599",
];

/// What else is dialled: codes, extensions, oddities.
const CODES: [&str; 24] = [
    "110",
    "112",
    "911",
    "103",
    "0112",
    "9911",
    "*98",
    "*77",
    "200",
    "201",
    "212",
    "221",
    "299",
    "250",
    "300",
    "302",
    "350",
    "400",
    "401",
    "5551",
    "23125501",
    "023125501",
    "01033",
    "00",
];

const PREFIXES: [&str; 12] = ["", "0", "9", "00", "000", "+", "+49", "0+", "98", "9810", "9011", "049"];

pub fn random(house: &House, seed: u64, count: usize) -> Vec<Attempt> {
    let mut random = Random::from_number(seed);
    (0..count).map(|_| one(house, &mut random)).collect()
}

fn one(house: &House, random: &mut Random) -> Attempt {
    let policy = &house.setup.policy;
    let (year, month, day) = pick(random, &DAYS);
    let date = NaiveDate::from_ymd_opt(year, month, day).expect("a date");
    // Working hours of all sites more often than not; else from the evening before to the morning after, with the midnights of all zones.
    let second = match random.below(5) {
        0 | 1 => random.below(36 * 3600) as i64 - 6 * 3600,
        _ => 8 * 3600 + random.below(9 * 3600) as i64,
    };
    let at = date.and_hms_opt(0, 0, 0).expect("midnight").and_utc() + TimeDelta::seconds(second);
    let attempt =
        Attempt { to: number(house, random), at: at.to_rfc3339(), by: "dial", ..Attempt::default() };
    if random.one_in(8) {
        let shows = pick(random, &[STRANGER, "+4930231255", "+496666", "03023125501", "anonymous"]);
        let site = policy.site(SiteId(0)).name.to_string();
        return Attempt { outside: Some(site), shows: Some(shows.to_owned()), ..attempt };
    }
    let person = Some(pick(random, &house.callers).clone());
    if random.one_in(6) {
        let inside = random.one_in(2);
        let speaker = if inside { pick(random, &house.callers).clone() } else { STRANGER.to_owned() };
        return Attempt { person, by: "forward", for_outside: !inside, speaker, ..attempt };
    }
    Attempt { person, ..attempt }
}

fn number(house: &House, random: &mut Random) -> String {
    let known = || house.contacts.iter().map(|number| number.trim_start_matches('+').to_owned());
    let world: Vec<String> = known().chain(known()).chain(WORLD.map(str::to_owned)).collect();
    let prefix = pick(random, &PREFIXES);
    let whole = match random.below(10) {
        0..=5 => format!("+{}", pick(random, &world)),
        6 => format!("{prefix}{}", pick(random, &world)),
        7 => format!("{prefix}{}", &pick(random, &world)[2..]),
        _ => pick(random, &CODES).to_owned(),
    };
    let separated = match random.below(6) {
        0 if whole.len() > 6 => format!("{}-{}", &whole[..5], &whole[5..]),
        1 if whole.len() > 6 => format!("{}.{}", &whole[..4], &whole[4..]),
        2 if whole.len() > 6 => format!("{}%20{}", &whole[..6], &whole[6..]),
        _ => whole,
    };
    if random.one_in(40) { format!("{separated},,123") } else { separated }
}

pub fn pick<T: Clone>(random: &mut Random, among: &[T]) -> T {
    among[random.below(among.len() as u64) as usize].clone()
}
