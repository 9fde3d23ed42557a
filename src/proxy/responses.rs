//! Which response goes back upstream: the response context of RFC 3261 §16.7. It weighs answers and makes no bytes.

use smallvec::SmallVec;

/// One of the targets an INVITE was sent to, by position in its response context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BranchIndex(pub u8);

/// Branches of one INVITE, over all its failovers. Three trunks and five phones are usual; beyond thirty-two
/// a fork is an amplifier (RFC 5393 §5).
pub const BRANCHES_MAX: usize = 32;

pub type Branches = SmallVec<[BranchIndex; 2]>;

/// How far one branch is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    /// A provisional response came, so a CANCEL may leave (§9.1).
    heard: bool,
    cancel: Cancel,
    /// Nobody waits for it any more, but a late answer may still come.
    given_up: bool,
    /// Its final response came.
    finished: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cancel {
    #[default]
    Unwanted,
    /// The first provisional response releases it.
    Due,
    Sent,
}

impl Progress {
    /// Wants the branch cancelled; true if the CANCEL may leave now.
    fn cancel(&mut self) -> bool {
        let now = self.heard && self.cancel != Cancel::Sent && !self.finished;
        self.cancel = match (now || self.cancel == Cancel::Sent, self.finished) {
            (true, _) => Cancel::Sent,
            (false, false) => Cancel::Due,
            (false, true) => self.cancel,
        };
        now
    }
}

/// What the arrival of a response asks of the proxy core.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Upshot {
    /// Pass this response upstream at once (§16.7 step 5).
    pub forward: bool,
    /// Branches whose CANCEL may leave now.
    pub cancel: Branches,
    /// Every branch has finished without success: choose the best response, or try the next targets.
    pub exhausted: bool,
}

/// The branches of one INVITE and the best final response so far; `R` is the response as the owner keeps it.
#[derive(Debug)]
pub struct ResponseContext<R> {
    branches: SmallVec<[Progress; 2]>,
    /// In a place of its own: few calls have one, and each would keep room for it.
    best: Option<Box<(u16, R)>>,
    answered: bool,
    /// A 6xx or a CANCEL ended the search: no further targets (§16.7 step 5, §16.10).
    closed: bool,
}

impl<R> Default for ResponseContext<R> {
    fn default() -> Self {
        ResponseContext { branches: SmallVec::new(), best: None, answered: false, closed: false }
    }
}

impl<R> ResponseContext<R> {
    /// Adds a branch whose request is about to leave; `None` when the context is full or closed.
    pub fn open_branch(&mut self) -> Option<BranchIndex> {
        let index = u8::try_from(self.branches.len()).ok()?;
        if self.closed || self.answered || self.branches.len() >= BRANCHES_MAX {
            return None;
        }
        self.branches.push(Progress::default());
        Some(BranchIndex(index))
    }

    pub fn is_answered(&self) -> bool {
        self.answered
    }

    /// True when no further target may be tried.
    pub fn is_closed(&self) -> bool {
        self.closed || self.answered
    }

    /// True while the branch has been silent: not even a 100 came.
    pub fn is_silent(&self, branch: BranchIndex) -> bool {
        self.progress(branch).is_some_and(|progress| !progress.heard && !progress.finished)
    }

    /// True until its final response has come.
    pub fn is_open(&self, branch: BranchIndex) -> bool {
        self.progress(branch).is_some_and(|progress| !progress.finished)
    }

    pub fn is_given_up(&self, branch: BranchIndex) -> bool {
        self.progress(branch).is_some_and(|progress| progress.given_up)
    }

    /// A 1xx: passed on unless it is a 100 or the branch is no longer wanted (§16.7 step 5).
    pub fn provisional(&mut self, branch: BranchIndex, status: u16) -> Upshot {
        let mut upshot = Upshot::default();
        let wanted = !self.answered && !self.closed;
        let Some(progress) = self.progress_mut(branch).filter(|progress| !progress.finished) else {
            return upshot;
        };
        progress.heard = true;
        if progress.cancel == Cancel::Due && progress.cancel() {
            upshot.cancel.push(branch);
        }
        upshot.forward = status > 100 && wanted && progress.cancel == Cancel::Unwanted;
        upshot
    }

    /// A 2xx: always passed on, also a late or second one; the other branches are no longer wanted (§16.7 steps 5 and 10).
    pub fn success(&mut self, branch: BranchIndex) -> Upshot {
        self.finish(branch);
        self.answered = true;
        self.best = None;
        Upshot { forward: true, cancel: self.cancel_all(), exhausted: false }
    }

    /// A final response other than 2xx, or what stands for one: 503 for a dead transport (§16.7 step 6, §16.9).
    pub fn failure(&mut self, branch: BranchIndex, status: u16, response: R) -> Upshot {
        if !self.is_open(branch) {
            return Upshot::default();
        }
        let waited_for = !self.is_given_up(branch);
        self.finish(branch);
        let mut upshot = Upshot::default();
        if status >= 600 && !self.closed {
            self.closed = true;
            upshot.cancel = self.cancel_all();
        }
        // The 408 of its silence has been weighed already; a late answer says nothing about the call.
        if waited_for {
            self.weigh(status, response);
            upshot.exhausted = self.is_exhausted();
        }
        upshot
    }

    /// Nobody waits for this branch any more: its silence counts as a 408 (§16.8), and it is cancelled as soon as it may be.
    pub fn give_up(&mut self, branch: BranchIndex, response: R) -> Upshot {
        let mut upshot = Upshot::default();
        let Some(progress) =
            self.progress_mut(branch).filter(|progress| !progress.finished && !progress.given_up)
        else {
            return upshot;
        };
        progress.given_up = true;
        if progress.cancel() {
            upshot.cancel.push(branch);
        }
        self.weigh(408, response);
        upshot.exhausted = self.is_exhausted();
        upshot
    }

    /// The caller hung up, or the call must end: no further targets, and every open branch is cancelled (§16.10).
    pub fn cancel(&mut self) -> Branches {
        self.closed = true;
        self.cancel_all()
    }

    /// The branch is sent anew in the same place, as with the credentials that its target asked for. False if nobody wants it any
    /// more; then its answer counts as any other.
    pub fn restart(&mut self, branch: BranchIndex) -> bool {
        let wanted = !self.answered && !self.closed;
        let is_wanted = |progress: &&mut Progress| {
            !progress.finished && !progress.given_up && progress.cancel == Cancel::Unwanted
        };
        let Some(progress) = self.progress_mut(branch).filter(|progress| wanted && is_wanted(progress))
        else {
            return false;
        };
        progress.heard = false;
        true
    }

    /// No response will come any more.
    pub fn finish(&mut self, branch: BranchIndex) {
        if let Some(progress) = self.progress_mut(branch) {
            progress.finished = true;
        }
    }

    /// The best final response of all branches (§16.7 step 6), taken once.
    pub fn take_best(&mut self) -> Option<(u16, R)> {
        self.best.take().map(|best| *best)
    }

    fn cancel_all(&mut self) -> Branches {
        let branches = self.branches.iter_mut().enumerate();
        branches
            .filter_map(|(index, progress)| progress.cancel().then_some(BranchIndex(index as u8)))
            .collect()
    }

    fn weigh(&mut self, status: u16, response: R) {
        if self.best.as_ref().is_none_or(|best| rank(status) < rank(best.0)) {
            self.best = Some(Box::new((status, response)));
        }
    }

    fn is_exhausted(&self) -> bool {
        !self.answered && self.branches.iter().all(|progress| progress.finished || progress.given_up)
    }

    fn progress(&self, branch: BranchIndex) -> Option<Progress> {
        self.branches.get(usize::from(branch.0)).copied()
    }

    fn progress_mut(&mut self, branch: BranchIndex) -> Option<&mut Progress> {
        self.branches.get_mut(usize::from(branch.0))
    }
}

/// Smaller is better: a 6xx ends the search, then the lowest class, and within 4xx what tells the caller how to ask again.
fn rank(status: u16) -> (u16, u16) {
    match status {
        600..=699 => (0, status),
        401 | 407 | 415 | 420 | 484 => (status / 100, 0),
        // A 408 made of silence says least of all 4xx.
        408 => (4, 2),
        503 => (5, 2),
        _ => (status / 100, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(branches: usize) -> (ResponseContext<u16>, Vec<BranchIndex>) {
        let mut context = ResponseContext::default();
        let opened = (0..branches).map(|_| context.open_branch().expect("there is room")).collect();
        (context, opened)
    }

    #[test]
    fn the_best_of_several_failures_goes_upstream() {
        for (arrivals, best) in [
            (&[486, 404][..], 486),
            (&[503, 500], 500),
            (&[500, 404], 404),
            (&[404, 407], 407),
            (&[486, 603], 603),
            (&[408, 480], 480),
            (&[302, 404], 302),
        ] {
            let (mut context, branches) = context(arrivals.len());
            for (branch, status) in branches.iter().zip(arrivals) {
                context.failure(*branch, *status, *status);
            }
            assert_eq!(context.take_best(), Some((best, best)), "{arrivals:?}");
        }
    }

    #[test]
    fn a_failure_waits_for_the_other_branches() {
        let (mut context, branches) = context(2);
        assert!(!context.failure(branches[0], 486, 486).exhausted);
        assert!(context.failure(branches[1], 404, 404).exhausted);
    }

    #[test]
    fn an_answer_cancels_the_other_phones() {
        let (mut context, branches) = context(3);
        context.provisional(branches[1], 180);
        let upshot = context.success(branches[0]);
        assert!(upshot.forward);
        assert_eq!(
            upshot.cancel.as_slice(),
            &[branches[1]],
            "the silent branch must speak before it is cancelled"
        );
        assert_eq!(context.provisional(branches[2], 180).cancel.as_slice(), &[branches[2]]);
    }

    #[test]
    fn a_late_second_answer_still_goes_upstream() {
        let (mut context, branches) = context(2);
        context.success(branches[0]);
        assert!(context.success(branches[1]).forward);
    }

    #[test]
    fn a_declined_call_ends_the_search_and_is_told_when_all_have_finished() {
        let (mut context, branches) = context(2);
        context.provisional(branches[1], 180);
        let upshot = context.failure(branches[0], 603, 603);
        assert_eq!(upshot.cancel.as_slice(), &[branches[1]]);
        assert!(!upshot.exhausted);
        assert!(context.failure(branches[1], 487, 487).exhausted);
        assert_eq!(context.take_best(), Some((603, 603)));
        assert_eq!(context.open_branch(), None);
    }

    #[test]
    fn after_a_cancel_nothing_provisional_reaches_the_caller() {
        let (mut context, branches) = context(1);
        context.cancel();
        let upshot = context.provisional(branches[0], 180);
        assert_eq!((upshot.forward, upshot.cancel.as_slice()), (false, &branches[..]));
        assert_eq!(context.provisional(branches[0], 183).cancel.len(), 0, "one CANCEL is enough");
    }

    #[test]
    fn a_silent_trunk_is_given_up_and_cancelled_when_it_speaks_at_last() {
        let (mut context, branches) = context(1);
        let upshot = context.give_up(branches[0], 408);
        assert_eq!((upshot.exhausted, upshot.cancel.len()), (true, 0));
        let second = context.open_branch().expect("another trunk may be tried");
        assert_eq!(context.provisional(branches[0], 180).cancel.as_slice(), &[branches[0]]);
        assert!(!context.failure(branches[0], 487, 487).exhausted, "the second trunk is still tried");
        assert!(context.failure(second, 404, 404).exhausted);
        assert_eq!(context.take_best(), Some((404, 404)));
    }

    #[test]
    fn one_hundred_trying_stays_here() {
        let (mut context, branches) = context(1);
        assert!(!context.provisional(branches[0], 100).forward);
        assert!(!context.is_silent(branches[0]));
        assert!(context.provisional(branches[0], 180).forward);
    }
}
