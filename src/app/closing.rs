//! Going down: no new calls but for help, those in progress may come to their own end, and the rest is ended or left to the next start.

use super::event_loop::EventLoop;
use crate::config::AtStop;

/// What the loop is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopping {
    No,
    /// Calls in progress have as long as `[stop] wait` says.
    Gracefully,
    /// Everything decided is written all the same.
    AtOnce,
}

impl EventLoop {
    /// False if there is nothing to wait for.
    pub(super) fn is_told_to_wait(&mut self) -> bool {
        let told = *self.stop.borrow_and_update();
        match told {
            Stopping::No => true,
            Stopping::AtOnce => false,
            Stopping::Gracefully => {
                self.gate.take_no_new_calls();
                self.observer.health.set_draining(true);
                self.until = Some(self.clock.now().moment + self.at_stop.wait);
                self.waits_for_calls()
            }
        }
    }

    /// Whether the loop goes on: nobody has told it to stop, or calls in progress may still end by themselves.
    pub(super) fn waits_for_calls(&self) -> bool {
        let Some(until) = self.until else { return true };
        let (calls, now) = (self.gate.calls_in_progress(), self.clock.now().moment);
        let waits = calls > 0 && now < until;
        if waits {
            let seconds = until.since(now).as_secs();
            tracing::info!(calls, seconds, "stopping: calls in progress may end, new ones are refused");
        }
        waits
    }

    /// What becomes of the calls that are left.
    pub(super) fn part_with_calls(&mut self) {
        let now = self.clock.now();
        match self.at_stop.calls {
            AtStop::End => {
                let calls = self.gate.calls_in_progress();
                self.gate.end_all_calls(now);
                tracing::info!(calls, "stopping: calls in progress are ended");
            }
            AtStop::Leave => {
                self.gate.leave_calls(now);
                let calls = self.gate.calls_in_progress();
                tracing::info!(calls, "stopping: calls in progress go on, the next start takes them up");
            }
        }
    }
}
