//! What waits for the next posting, and when that is due.

use std::mem;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::ledger::Command;

use super::write::Rows;

/// With so many commands waiting a posting begins before its time: its commit writes some hundred pages, a few milliseconds of work that
/// is not cut into pieces. To let more wait would spare rows that are written twice, and cost more: what waits is no longer near the
/// processor when its turn comes.
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
    until: Option<DateTime<Utc>>,
    /// Empty, with the room of those that were posted last.
    spare: Rows,
}

impl Unposted {
    /// The rows that wait, and when the last of them was said: they are posted from now on, and what comes waits for the next time.
    pub(super) fn take(&mut self) -> (Rows, Option<DateTime<Utc>>) {
        let empty = Unposted { rows: mem::take(&mut self.spare), ..Unposted::default() };
        let Unposted { rows, until, .. } = mem::replace(self, empty);
        (rows, until)
    }

    /// The rows have been posted; what comes after the next posting is gathered where they stood.
    pub(super) fn reuse(&mut self, rows: Rows) {
        self.spare = rows.emptied();
    }

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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn what_waits_is_posted_in_time_and_much_of_it_before() {
        let after = |millis: i64, count: usize| {
            let since = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
            let until = since + TimeDelta::milliseconds(millis);
            let waiting = Unposted { count, since: Some(since), until: Some(until), ..Unposted::default() };
            waiting.is_due(Duration::from_secs(1))
        };
        for (millis, count, is_due) in [
            (999, 1, false),
            (1_000, 1, true),
            (999, 4_095, false),
            (10, 4_096, true),
            // The clock was put back.
            (-1, 1, true),
        ] {
            assert_eq!(after(millis, count), is_due, "{count} after {millis} ms");
        }
        assert!(!Unposted::default().is_due(Duration::ZERO), "nothing waits");
    }
}
