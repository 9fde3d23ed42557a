//! What one person has lately dialled of the watched classes, and how much of each sign of fraud that is.

use std::collections::VecDeque;

use smallvec::SmallVec;

use crate::base::{Moment, PhoneNumber};
use crate::policy::{FraudLimits, Signal};

/// Attempts remembered of one person. Every limit is below it, so forgetting older ones hides nothing.
const ATTEMPTS_MAX: usize = 256;

/// The last digits by which spellings of one number are known as such: a whole subscriber number in nearly every country.
const TAIL_DIGITS: usize = 8;

/// Digits in which the numbers of one rented block differ.
const BLOCK: u64 = 100;

/// One attempt, as far as it matters.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    at: Moment,
    /// `None` where no number could be read.
    number: Option<u64>,
    spelling: u64,
    tail: Option<u64>,
}

/// The last attempts of one person, and the ends of her short calls.
#[derive(Debug, Default)]
pub struct Trail {
    attempts: VecDeque<Attempt>,
    short_calls: VecDeque<Moment>,
}

impl Trail {
    /// Takes note of an attempt. `spelling` stands for the digits as dialled; two alike are one spelling.
    pub fn attempted(&mut self, now: Moment, number: Option<PhoneNumber>, raw: &str, spelling: u64) {
        if self.attempts.len() == ATTEMPTS_MAX {
            self.attempts.pop_front();
        }
        let attempt = Attempt { at: now, number: number.map(PhoneNumber::as_u64), spelling, tail: tail(raw) };
        self.attempts.push_back(attempt);
    }

    /// Takes note of an answered call that was over at once.
    pub fn talked_shortly(&mut self, now: Moment) {
        if self.short_calls.len() == ATTEMPTS_MAX {
            self.short_calls.pop_front();
        }
        self.short_calls.push_back(now);
    }

    /// The first sign of which the attempts of the window give too much. The latest attempt is among them.
    pub fn signal(&mut self, now: Moment, limits: &FraudLimits) -> Option<Signal> {
        while self.attempts.front().is_some_and(|attempt| now.since(attempt.at) > limits.window) {
            self.attempts.pop_front();
        }
        let latest = *self.attempts.back()?;
        let counts = [
            (Signal::Neighbours, limits.neighbours, self.neighbours(latest)),
            (Signal::Spellings, limits.spellings, self.spellings(latest)),
            (Signal::Numbers, limits.numbers, distinct(self.attempts.iter().filter_map(|each| each.number))),
            (Signal::Attempts, limits.attempts, self.attempts.len()),
        ];
        let over = |(_, limit, count): &(Signal, Option<u32>, usize)| {
            limit.is_some_and(|limit| *count >= limit as usize)
        };
        counts.into_iter().find(over).map(|(signal, _, _)| signal)
    }

    /// Whether too many calls of the window were over at once.
    pub fn is_short_winded(&mut self, now: Moment, limits: &FraudLimits) -> bool {
        while self.short_calls.front().is_some_and(|at| now.since(*at) > limits.window) {
            self.short_calls.pop_front();
        }
        limits.short_calls.is_some_and(|limit| self.short_calls.len() >= limit as usize)
    }

    /// After a lock the count begins anew: what was punished once is not punished again.
    pub fn begin_anew(&mut self) {
        self.attempts.clear();
        self.short_calls.clear();
    }

    /// Numbers of the block of the latest one.
    fn neighbours(&self, latest: Attempt) -> usize {
        let Some(block) = latest.number.map(|number| number / BLOCK) else { return 0 };
        distinct(self.attempts.iter().filter_map(|each| each.number).filter(|number| number / BLOCK == block))
    }

    /// Spellings of the digits that end as those of the latest attempt do.
    fn spellings(&self, latest: Attempt) -> usize {
        let alike = self.attempts.iter().filter(|each| each.tail.is_some() && each.tail == latest.tail);
        distinct(alike.map(|each| each.spelling))
    }
}

/// How many different values; there are at most `ATTEMPTS_MAX`.
fn distinct(values: impl Iterator<Item = u64>) -> usize {
    let mut values: SmallVec<[u64; ATTEMPTS_MAX]> = values.collect();
    values.sort_unstable();
    values.dedup();
    values.len()
}

/// The last digits of what was dialled; `None` if it has fewer.
fn tail(raw: &str) -> Option<u64> {
    let digits = raw.bytes().rev().filter(u8::is_ascii_digit).take(TAIL_DIGITS);
    let (mut value, mut count, mut unit) = (0, 0, 1);
    for digit in digits {
        value += u64::from(digit - b'0') * unit;
        unit *= 10;
        count += 1;
    }
    (count == TAIL_DIGITS).then_some(value)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::policy::document::{Company, Dialling, Document, FraudRule, Rows, Site};
    use crate::policy::{Policy, compile};

    fn second(count: u64) -> Moment {
        Moment::START + Duration::from_secs(count)
    }

    fn policy(change: impl FnOnce(&mut FraudRule)) -> Policy {
        let mut fraud = FraudRule::default();
        change(&mut fraud);
        let site = Site {
            name: "here".into(),
            country: "DE".into(),
            dial: Dialling::default(),
            emergency: vec!["112".into()],
            ..Site::default()
        };
        let company = Company { name: "house".into(), zone: "UTC".into(), home: None };
        let document = Document { company, sites: vec![site], fraud, ..Document::default() };
        compile(&document, &Rows::default()).expect("a sound policy")
    }

    /// The attempts, one a second, and at which of them the trail gives a sign.
    fn dialled(trail: &mut Trail, policy: &Policy, raws: &[&str]) -> Vec<Option<Signal>> {
        let mut signals = Vec::new();
        for (at, raw) in raws.iter().enumerate() {
            let now = second(at as u64);
            let digits: String = raw.chars().filter(char::is_ascii_digit).collect();
            let number = PhoneNumber::from_digits(digits.trim_start_matches("00"));
            let spelling =
                raw.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
            trail.attempted(now, number, raw, spelling);
            signals.push(trail.signal(now, policy.fraud()));
        }
        signals
    }

    #[test]
    fn a_run_of_neighbouring_numbers_is_seen() {
        let policy = policy(|rule| rule.neighbours = 3);
        let mut trail = Trail::default();
        let found = dialled(&mut trail, &policy, &["0023221000017", "0023221000018", "0023221000044"]);
        assert_eq!(found, [None, None, Some(Signal::Neighbours)]);
        let found = dialled(&mut trail, &policy, &["0023221000117", "0023221000217"]);
        assert_eq!(found, [None, None], "other blocks");
    }

    #[test]
    fn the_same_number_again_is_no_neighbour() {
        let policy = policy(|rule| rule.neighbours = 3);
        let found = dialled(&mut Trail::default(), &policy, &["0023221000017"; 6]);
        assert_eq!(found, [None; 6]);
    }

    #[test]
    fn prefixes_tried_before_the_same_digits_are_seen() {
        let policy = policy(|rule| rule.spellings = 3);
        let tries = ["00442079460958", "900442079460958", "900442079460958", "01144 2079-460958"];
        let found = dialled(&mut Trail::default(), &policy, &tries);
        assert_eq!(found, [None, None, None, Some(Signal::Spellings)]);
    }

    #[test]
    fn what_lies_before_the_window_does_not_count() {
        let policy = policy(|rule| rule.attempts = 3);
        let mut trail = Trail::default();
        for (at, signal) in
            [(0, None), (500, None), (1100, None), (1101, None), (1102, Some(Signal::Attempts))]
        {
            trail.attempted(second(at), None, "*", at);
            assert_eq!(trail.signal(second(at), policy.fraud()), signal, "at {at} s");
        }
    }

    #[test]
    fn a_sign_that_is_turned_off_is_never_given() {
        let policy = policy(|rule| {
            (rule.attempts, rule.numbers, rule.spellings, rule.neighbours) = (0, 0, 0, 0);
        });
        let raws: Vec<String> = (0..200).map(|at| format!("00232210000{at:02}")).collect();
        let raws: Vec<&str> = raws.iter().map(String::as_str).collect();
        assert!(dialled(&mut Trail::default(), &policy, &raws).iter().all(Option::is_none));
    }
}
