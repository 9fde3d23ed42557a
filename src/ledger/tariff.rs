//! The tariff: which price a number has at an instant, by longest prefix and by the version then in force (R63).
//! Prefixes live in a trie of digits within one `Vec`; a look-up walks at most fifteen nodes and allocates nothing.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::base::{Money, PhoneNumber};

use super::{PeriodKind, Price, Rounding, period};

/// An increment above an hour is a slip of the pen.
const INCREMENT_MAX_SECONDS: u64 = 3_600;

/// One line of the price list as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TariffRow {
    /// Line in the file, from 1, for the report of faults.
    pub line: u64,
    /// International digits; a leading `+` is allowed.
    pub prefix: String,
    pub per_minute: Money,
    pub connect: Money,
    /// Seconds.
    pub first_increment: u64,
    /// Seconds.
    pub next_increment: u64,
    /// Seconds that cost nothing if the call is no longer.
    pub grace: u64,
    /// From the start of this day in the company's zone.
    pub valid_from: NaiveDate,
}

/// A fault of the price list, with the line to mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct TariffProblem {
    pub line: u64,
    pub fault: TariffFault,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TariffFault {
    #[error("a prefix is 1 to 15 digits and begins with a country code, not with 0")]
    BadPrefix,
    #[error("a price is not negative")]
    NegativePrice,
    #[error("an increment lies between 1 and 3600 seconds")]
    BadIncrement,
    #[error("this prefix and date already stand in line {first}, with the same prices; one of them can go")]
    Duplicate { first: u64 },
    #[error("this prefix and date already stand in line {first}, with other prices; only one can be right")]
    Contradiction { first: u64 },
}

/// All prices of all versions, compiled for look-up.
#[derive(Clone, Debug)]
pub struct TariffBook {
    /// Node 0 is the root. Entry `d` of a node is the index of its child for digit `d`; 0 is none.
    nodes: Vec<Node>,
    /// The prices of one prefix stand together, oldest first.
    prices: Vec<(DateTime<Utc>, Arc<Price>)>,
}

#[derive(Clone, Debug, Default)]
struct Node {
    children: [u32; 10],
    /// Where this prefix's prices stand in `prices`; empty if the prefix is only on the way to others.
    first_price: u32,
    price_count: u32,
}

impl Default for TariffBook {
    fn default() -> TariffBook {
        TariffBook { nodes: vec![Node::default()], prices: Vec::new() }
    }
}

impl TariffBook {
    /// Compiles the price list; dates begin at midnight in `zone`.
    ///
    /// # Errors
    /// Every fault of every line, all at once: the writer's to mend.
    pub fn compile<'r>(
        rows: impl IntoIterator<Item = &'r TariffRow>,
        zone: Tz,
        rounding: Rounding,
    ) -> Result<TariffBook, Vec<TariffProblem>> {
        let mut problems = Vec::new();
        let mut sound = Vec::new();
        for row in rows {
            match check(row) {
                Ok(digits) => sound.push((digits, row)),
                Err(fault) => problems.push(TariffProblem { line: row.line, fault }),
            }
        }
        // Stable, so that of two equal rows the first written comes first.
        sound.sort_by(|(left, left_row), (right, right_row)| {
            (left, left_row.valid_from).cmp(&(right, right_row.valid_from))
        });
        problems.extend(sound.windows(2).filter_map(clash));
        if !problems.is_empty() {
            problems.sort_by_key(|problem| problem.line);
            return Err(problems);
        }
        let mut book = TariffBook::default();
        for (digits, row) in sound {
            book.insert(digits, row, zone, rounding);
        }
        Ok(book)
    }

    /// The price of a call to `number` that starts at `at`: of the longest prefix that has a version in force.
    pub fn price(&self, number: &PhoneNumber, at: DateTime<Utc>) -> Option<&Arc<Price>> {
        let (mut digits, count) = reversed_digits(number.as_u64());
        let mut node = &self.nodes[0];
        let mut best = None;
        for _ in 0..count {
            let child = node.children[(digits % 10) as usize];
            if child == 0 {
                break;
            }
            digits /= 10;
            node = &self.nodes[child as usize];
            best = self.in_force(node, at).or(best);
        }
        best
    }

    /// How many prices the book holds, over all versions.
    pub fn len(&self) -> usize {
        self.prices.len()
    }

    pub fn is_empty(&self) -> bool {
        self.prices.is_empty()
    }

    fn in_force(&self, node: &Node, at: DateTime<Utc>) -> Option<&Arc<Price>> {
        let first = node.first_price as usize;
        let versions = &self.prices[first..first + node.price_count as usize];
        versions.iter().rev().find(|(from, _)| *from <= at).map(|(_, price)| price)
    }

    /// Rows come sorted, so the prices of one prefix come one after the other.
    fn insert(&mut self, digits: &str, row: &TariffRow, zone: Tz, rounding: Rounding) {
        let mut at = 0;
        for digit in digits.bytes().map(|byte| usize::from(byte - b'0')) {
            let child = self.nodes[at].children[digit] as usize;
            at = if child != 0 {
                child
            } else {
                let fresh = self.nodes.len();
                self.nodes.push(Node::default());
                self.nodes[at].children[digit] = fresh as u32;
                fresh
            };
        }
        let node = &mut self.nodes[at];
        if node.price_count == 0 {
            node.first_price = self.prices.len() as u32;
        }
        node.price_count += 1;
        let price = Price {
            prefix: digits.into(),
            valid_from: row.valid_from,
            per_minute: row.per_minute,
            connect: row.connect,
            first_increment: row.first_increment,
            next_increment: row.next_increment,
            grace: row.grace,
            rounding,
        };
        self.prices.push((start_of(row.valid_from, zone), Arc::new(price)));
    }
}

/// Checks one row for itself and gives its bare digits.
fn check(row: &TariffRow) -> Result<&str, TariffFault> {
    let digits = row.prefix.trim();
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    let increments = 1..=INCREMENT_MAX_SECONDS;
    if PhoneNumber::from_digits(digits).is_none() {
        Err(TariffFault::BadPrefix)
    } else if row.per_minute < Money::ZERO || row.connect < Money::ZERO {
        Err(TariffFault::NegativePrice)
    } else if !increments.contains(&row.first_increment) || !increments.contains(&row.next_increment) {
        Err(TariffFault::BadIncrement)
    } else {
        Ok(digits)
    }
}

/// Two neighbours of one prefix and date, which cannot both be right.
fn clash(pair: &[(&str, &TariffRow)]) -> Option<TariffProblem> {
    let [(first_digits, first), (digits, row)] = pair else { return None };
    if first_digits != digits || first.valid_from != row.valid_from {
        return None;
    }
    let terms =
        |row: &TariffRow| (row.per_minute, row.connect, row.first_increment, row.next_increment, row.grace);
    let first_line = first.line;
    let fault = if terms(first) == terms(row) {
        TariffFault::Duplicate { first: first_line }
    } else {
        TariffFault::Contradiction { first: first_line }
    };
    Some(TariffProblem { line: row.line, fault })
}

/// The instant at which `date` begins in `zone`.
fn start_of(date: NaiveDate, zone: Tz) -> DateTime<Utc> {
    // Noon UTC may lie on the next local day (Kiribati, +14), so the day is asked for by an instant surely inside it.
    let noon = date.and_hms_opt(12, 0, 0).unwrap_or_default();
    let inside = noon.and_local_timezone(zone).earliest().map_or(noon.and_utc(), |local| local.to_utc());
    period(PeriodKind::Day, zone, inside).start
}

/// The decimal digits, first digit lowest, and how many there are.
fn reversed_digits(mut number: u64) -> (u64, u32) {
    let (mut reversed, mut count) = (0, 0);
    while number > 0 {
        reversed = reversed * 10 + number % 10;
        number /= 10;
        count += 1;
    }
    (reversed, count)
}
