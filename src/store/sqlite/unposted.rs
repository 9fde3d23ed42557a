//! What waits for the next posting, and when that is due.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::ledger::Command;

use super::write::Rows;

/// With so many commands waiting a posting begins before its time: its commit writes some hundred pages, a few milliseconds of work that
/// is not cut into pieces.
pub(super) const UNPOSTED_MANY: usize = 4_096;

/// With so many waiting behind a posting that is not over, it is brought to its end before anything more is taken: memory and the next start
/// hold what is not posted, and a start posts so many in a second.
pub(super) const UNPOSTED_MAX: usize = 16 * UNPOSTED_MANY;

/// What waits to be posted.
#[derive(Debug, Default)]
pub(super) struct Unposted {
    pub(super) rows: Rows,
    pub(super) count: usize,
    /// When the first of it came, and when the last.
    since: Option<DateTime<Utc>>,
    pub(super) until: Option<DateTime<Utc>>,
}

impl Unposted {
    pub(super) fn add(&mut self, batch: &[Command]) {
        self.count += batch.len();
        self.since = self.since.or_else(|| batch.first().map(Command::at));
        self.until = batch.iter().map(Command::at).max().or(self.until);
    }

    /// Whether a posting is to begin. A clock that was put back does not put it off.
    pub(super) fn is_due(&self, post_after: Duration) -> bool {
        let (Some(since), Some(until)) = (self.since, self.until) else { return false };
        let waited = (until - since).to_std();
        waited.is_err() || waited.is_ok_and(|waited| waited >= post_after) || self.count >= UNPOSTED_MANY
    }
}
