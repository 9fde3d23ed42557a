//! What is known of a number beside the copies of the contact databases (R90): what a database said when it was asked about this very
//! number, and whom to ask. Nothing here asks; the gate does.

use std::sync::Arc;

use crate::base::PhoneNumber;

use super::attempt::{Attempt, Caller, Decision};
use super::cover::Asked;
use super::decide::{judge_hearing, read};
use super::explain::Silent;
use super::reason::Reason;
use super::snapshot::{Policy, Reach};

/// What is heard of the number that is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hearsay<'a> {
    /// Nobody was asked.
    Nothing,
    /// What if each database that can be asked knew the number as the caller's own contact.
    Hopeful,
    Said(&'a [Word]),
}

/// What one database said of the number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub database: Arc<str>,
    pub said: Said,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// `owner` is the key of the person whose contact it is.
    Contact {
        owner: Option<Arc<str>>,
    },
    Stranger,
    /// It was asked, and did not answer in time or not in words that can be understood.
    Silence,
}

/// As `decide`, with what was heard of the number that is called.
pub fn decide_hearing(policy: &Policy, attempt: &Attempt<'_>, hearsay: Hearsay<'_>) -> Decision {
    judge_hearing(policy, attempt, hearsay, &mut Silent)
}

/// The number and the databases that could still let a refused call through, if they knew it: none of them has said a word of it yet.
/// Guards, classes, hours and all else must permit the call already; nobody is asked in vain.
pub fn whom_to_ask(
    policy: &Policy,
    attempt: &Attempt<'_>,
    refused: Reason,
    words: &[Word],
) -> Option<(PhoneNumber, Vec<Arc<str>>)> {
    let by_contact =
        matches!(refused, Reason::NotAContact | Reason::NotOwnContact | Reason::ContactsUnavailable);
    let Caller::Person(person) = attempt.caller else { return None };
    // Another permit may have been refused further on, as by its hours; what is nearest says so.
    if !by_contact && refused < Reason::NotAContact {
        return None;
    }
    let called = read(policy, attempt);
    let number = called.number()?;
    let asked = Asked { policy, person, attempt, called, hearsay: Hearsay::Hopeful };
    let rights = &policy.rights[policy.era(person, attempt.at).rights];
    let mut names: Vec<Arc<str>> = Vec::new();
    for permit in rights.permits.iter().map(|at| &policy.permits[*at]) {
        let (Reach::Crm { databases, .. } | Reach::Own { databases }) = &permit.reach else { continue };
        if asked.covers(permit).is_err() {
            continue;
        }
        let can_be_asked = databases.iter().map(|at| &policy.databases[*at]).filter(|database| database.asks);
        let silent = can_be_asked.filter(|each| !words.iter().any(|word| word.database == each.name));
        names.extend(silent.map(|database| Arc::clone(&database.name)));
    }
    names.sort_unstable();
    names.dedup();
    (!names.is_empty()).then_some((number, names))
}
