//! Waiting for what happens by itself, whenever that is.

use std::time::Duration;

use tollgate::base::Moment;

use super::ladder::{Entry, Way};
use super::{Company, World};

impl World {
    /// The gate is stopped and started again; it knows who has registered and what is locked, and no calls.
    pub fn restarts(&mut self, company: &Company) {
        let saved = self.gate.changed_registrations(self.now);
        let locks = self.gate.fraud_locks(self.now);
        self.loses_its_memory(company);
        self.gate.restore_fraud_locks(self.now, locks);
        for (person, saved) in saved {
            self.gate.restore_registrations(self.now, &person, saved);
        }
    }

    /// Lives until somebody gets this, not counting repeats; how long that took.
    pub fn runs_until_heard(&mut self, who: &str, title: &str) -> Duration {
        let (began, seen) = (self.now.moment, self.entries.len());
        let is_it = |entry: &Entry| {
            entry.who == who && entry.way == Way::FromGate && !entry.again && entry.title == title
        };
        while !self.entries[seen..].iter().any(is_it) {
            let next = self.next_deadline().expect("something is still to happen");
            self.run_until(next.since(Moment::START));
        }
        self.now.moment.since(began)
    }
}
