//! One call: from its INVITE to its settled money. What is known of it stands here; what happens to it, in the stages.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::base::{DecisionId, Moment, Place, ReservationId};
use crate::dialog::{Dialog, End};
use crate::ledger::{CallRecord, EndCause, Price, Reservation, Slice};
use crate::policy::{Holder, Permit};
use crate::proxy::{BranchIndex, ResponseContext, TargetQueue};
use crate::sip::{Flow, Message};
use crate::transaction::{ClientId, ServerId};

use super::invite::Facts;
use super::meter::Meter;

/// Where a call stands in the gate's slab.
pub type CallKey = Place;

/// One attempt to call that was permitted, until nothing more can happen to it.
pub struct Call {
    pub decision: DecisionId,
    pub server: ServerId,
    /// As it came; its Bytes are the ones received.
    pub invite: Message,
    pub caller: Flow,
    pub came_at: Moment,
    pub permit: Permit,
    pub reservation: ReservationId,
    pub funds: Funds,
    /// Open branches and targets not yet tried.
    pub search: Search,
    /// Runs since the first 2xx.
    pub meter: Option<Meter>,
    pub dialogs: SmallVec<[Dialog; 1]>,
    pub record: Box<CallRecord>,
    /// Whose calls at once this one counts among (R68).
    pub holders: SmallVec<[Holder; 2]>,
    /// Why it is over; from then on it only waits for its last messages.
    pub over: Option<EndCause>,
    /// With what status the search is given up before the answer: 487 by the caller, 408 by the gate.
    pub given_up: Option<u16>,
    /// Until when sound without an answer is borne (R75).
    pub early_until: Option<Moment>,
    /// Until when the ACK of the answer may come (R67).
    pub ack_until: Option<Moment>,
    /// From when it need not be remembered any more.
    pub forget_at: Option<Moment>,
    /// The latest alarm set for it in the wheel.
    pub alarm: Option<Moment>,
    /// P-Asserted-Identity towards trunks.
    pub asserted: Option<Box<str>>,
    /// The From that goes out instead of the one that came (R20), if they differ.
    pub from_sent: Option<Box<str>>,
}

/// What the ledger has said about paying for this call.
pub enum Funds {
    /// Asked for `slice`; `tries` questions have been put, each for less.
    Asked { price: Box<Price>, slice: Slice, tries: u8 },
    /// Reserved, or free of charge.
    Held { reservation: Reservation, price: Option<Box<Price>>, slice: Slice },
    /// Settled or released.
    Resolved,
}

/// The search for someone to answer: the response context, its branches, and the targets not yet tried.
#[derive(Default)]
pub struct Search {
    pub context: ResponseContext<Option<Message>>,
    pub queue: TargetQueue,
    pub branches: SmallVec<[SentBranch; 2]>,
}

/// An INVITE that was sent to one target.
pub struct SentBranch {
    pub index: BranchIndex,
    pub client: ClientId,
    pub trunk: Option<Arc<str>>,
    /// When the INVITE left, until the trunk has said more than 100 Trying.
    pub unheard_since: Option<Moment>,
    /// When silence counts as a failure.
    pub silent_until: Option<Moment>,
    /// Timer C (§16.6 item 11).
    pub timer_c: Moment,
}

impl Search {
    pub fn branch(&self, client: ClientId) -> Option<&SentBranch> {
        self.branches.iter().find(|branch| branch.client == client)
    }

    pub fn at(&self, index: BranchIndex) -> Option<&SentBranch> {
        self.branches.iter().find(|branch| branch.index == index)
    }

    /// Branches without a final response.
    pub fn is_open(&self) -> bool {
        self.branches.iter().any(|branch| self.context.is_open(branch.index))
    }

    /// The earliest moment at which a silent or endless branch is given up.
    pub fn due(&self) -> Option<Moment> {
        let open = self.branches.iter().filter(|branch| self.context.is_open(branch.index));
        open.map(|branch| self.due_of(branch)).min()
    }

    /// Branches whose time is over.
    pub fn overdue(&self, now: Moment) -> impl Iterator<Item = BranchIndex> {
        let open = self.branches.iter().filter(|branch| self.context.is_open(branch.index));
        open.filter(move |branch| self.due_of(branch) <= now).map(|branch| branch.index)
    }

    /// When this branch is given up: after its silence, if it is silent, and by Timer C.
    pub fn due_of(&self, branch: &SentBranch) -> Moment {
        match branch.silent_until {
            Some(end) if self.context.is_silent(branch.index) => end.min(branch.timer_c),
            Some(_) | None => branch.timer_c,
        }
    }
}

impl Call {
    pub fn is_answered(&self) -> bool {
        self.meter.is_some()
    }

    /// When something must be done about this call though nobody says anything.
    pub fn due(&self) -> Option<Moment> {
        let meter = self.meter.as_ref().filter(|_| self.over.is_none()).map(|meter| meter.due().0);
        let guards = [self.early_until, self.ack_until].map(|guard| guard.filter(|_| self.over.is_none()));
        [meter, self.search.due(), self.forget_at, guards[0], guards[1]].into_iter().flatten().min()
    }

    /// The dialog that a request belongs to, and which end wrote it (R12).
    pub fn dialog_of(&mut self, request: &Message) -> Option<(u8, End)> {
        let found = self
            .dialogs
            .iter()
            .enumerate()
            .find_map(|(index, dialog)| Some((index, dialog.writer_of(request)?)));
        found.map(|(index, writer)| (index as u8, writer))
    }

    /// What a refusal of this call is recorded with.
    pub fn facts(&self) -> Facts {
        Facts { record: self.record.clone(), site: self.permit.site() }
    }

    /// True if the party that `writer` talks with is not one of our people (R23).
    pub fn other_party_is_outside(&self, writer: End) -> bool {
        match writer {
            End::Caller => self.permit.destination().person().is_none(),
            End::Callee => self.record.person.is_none(),
        }
    }

    /// The longest this call may last by its permit alone.
    pub fn longest(&self) -> Duration {
        self.permit.longest().unwrap_or(Duration::MAX)
    }

    /// Nothing can happen any more: over, no open branch, remembered long enough.
    pub fn is_spent(&self, now: Moment) -> bool {
        self.over.is_some() && !self.search.is_open() && self.forget_at.is_none_or(|end| end <= now)
    }
}
