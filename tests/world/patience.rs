//! Waiting for what happens by itself, whenever that is.

use std::time::Duration;

use tollgate::base::Moment;

use super::World;
use super::ladder::{Entry, Way};

impl World {
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
