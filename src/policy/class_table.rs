//! The table of classes (R32): shipped as text, changed by the document, searched as a digit trie.

use std::collections::BTreeMap;

use crate::base::PhoneNumber;
use crate::base::digit_trie::DigitTrie;
use crate::base::number::Pattern;

use super::class::{Class, Country, Kind};

const CLASSES: &str = include_str!("classes.tsv");
const COUNTRIES: &str = include_str!("countries.tsv");

/// What a number is, whoever calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// None for networks of no country, and for numbers that several countries share, such as +1 800.
    pub country: Option<Country>,
    pub kind: Kind,
}

/// What a caller's site adds to tell `Local` and `National` from `International`.
#[derive(Clone, Copy, Debug)]
pub struct Home<'a> {
    pub country: Country,
    pub country_code: &'a str,
    pub area_code: Option<&'a str>,
    /// Forms of the country's short numbers, without country code.
    pub short: &'a [Pattern],
}

/// Kinds and countries by international prefix.
#[derive(Clone, Debug, Default)]
pub struct ClassTable {
    trie: DigitTrie<Entry>,
}

impl ClassTable {
    pub fn shipped() -> ClassTable {
        let mut table = ClassTable::default();
        for (prefix, entry) in rows() {
            table.set(prefix, entry);
        }
        table
    }

    /// Adds a line, or replaces the one of the same prefix.
    pub fn set(&mut self, prefix: &str, entry: Entry) {
        self.trie.insert(prefix, entry);
    }

    /// The line of the longest prefix; `None` for a number of no country in the world.
    pub fn entry(&self, number: PhoneNumber) -> Option<Entry> {
        let digits = number.digits();
        let (entry, _) = self.trie.longest(digits.as_str())?;
        // In North America the exchange 976 is premium in every area code.
        let exchange = digits.as_str().get(4..7);
        if digits.as_str().starts_with('1') && exchange == Some("976") && entry.kind == Kind::Fixed {
            return Some(Entry { country: entry.country, kind: Kind::Premium });
        }
        Some(*entry)
    }

    /// The class of a number for a caller at a site.
    pub fn class(&self, number: PhoneNumber, home: Home<'_>) -> (Class, Option<Country>) {
        let digits = number.digits();
        let rest = digits.as_str().strip_prefix(home.country_code).unwrap_or_default();
        // A short number shares its first digits with long ones; only a line of the table for the whole of it counts.
        let listed_whole =
            self.trie.longest(digits.as_str()).is_some_and(|(_, length)| length == digits.as_str().len());
        if !listed_whole && home.short.iter().any(|form| form.matches(rest)) {
            return (short_class(rest), Some(home.country));
        }
        match self.entry(number) {
            Some(entry) => (class_of(entry, number.digits().as_str(), home), entry.country),
            None => (Class::Unknown, None),
        }
    }
}

/// Short national numbers: 116 is free all over Europe (EU decision 2007/116), 118 directory enquiries at any price.
fn short_class(rest: &str) -> Class {
    match rest {
        _ if rest.starts_with("116") => Class::TollFree,
        _ if rest.starts_with("118") => Class::Premium,
        _ => Class::Special,
    }
}

fn class_of(entry: Entry, digits: &str, home: Home<'_>) -> Class {
    let at_home = match entry.country {
        Some(country) => country == home.country,
        None => digits.starts_with(home.country_code),
    };
    let rest = digits.get(home.country_code.len()..).unwrap_or_default();
    let in_area = home.area_code.is_some_and(|area| rest.starts_with(area));
    match entry.kind {
        Kind::Premium => Class::Premium,
        Kind::Satellite => Class::Satellite,
        Kind::Special => Class::Special,
        Kind::SharedCost => Class::SharedCost,
        // Free for callers at home; from abroad it is a call abroad. +800 is free from everywhere.
        Kind::TollFree if at_home || digits.starts_with("800") => Class::TollFree,
        Kind::Mobile if at_home => Class::Mobile,
        Kind::Fixed if at_home && in_area => Class::Local,
        Kind::Fixed if at_home => Class::National,
        Kind::TollFree | Kind::Mobile | Kind::Fixed => Class::International,
    }
}

/// The shipped zones of every country of the table.
pub fn shipped_zones() -> BTreeMap<Country, Vec<&'static str>> {
    let lines = COUNTRIES.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let (code, zones) = line.split_once('\t')?;
            Some((Country::from_code(code)?, zones.split(' ').collect()))
        })
        .collect()
}

/// Prefix and entry of every shipped line, as written; the tests below hold that each line reads.
pub fn rows() -> impl Iterator<Item = (&'static str, Entry)> {
    CLASSES.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).filter_map(|line| {
        let [prefix, country, kind] = line.split('\t').collect::<Vec<_>>()[..] else { return None };
        Some((prefix, Entry { country: Country::from_code(country), kind: Kind::from_code(kind)? }))
    })
}

/// The country code of the world's table for an ISO code: the shortest prefix of that country.
pub fn country_code_of(country: Country) -> Option<&'static str> {
    let own = rows().filter(|(_, entry)| entry.country == Some(country));
    own.map(|(prefix, _)| prefix).min_by_key(|prefix| prefix.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_line_reads_and_stands_once() {
        let lines = CLASSES.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count();
        assert_eq!(rows().count(), lines);
        let mut prefixes: Vec<_> = rows().map(|(prefix, _)| prefix).collect();
        prefixes.sort_unstable();
        let twice: Vec<_> = prefixes.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }

    #[test]
    fn every_country_has_its_zones() {
        let zones = shipped_zones();
        let without: Vec<_> = rows()
            .filter_map(|(_, entry)| entry.country)
            .filter(|country| !zones.contains_key(country))
            .collect();
        assert!(without.is_empty(), "{without:?}");
    }
}
