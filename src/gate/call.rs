//! One call: from its INVITE to its settled money. What is known of it stands here; what happens to it, in the stages.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use smallvec::SmallVec;

use crate::base::{Blank, DecisionId, Moment, PhoneNumber, Place, ReservationId, Seldom, SiteId};
use crate::dialog::{Dialog, End};
use crate::ledger::{BudgetLine, CallRecord, EndCause, Price, Reservation, Slice};
use crate::policy::Permit;
use crate::proxy::{BranchIndex, ResponseContext, Target, TargetQueue};
use crate::sip::digest::Proofs;
use crate::sip::{Flow, KeptFlow, Message};
use crate::transaction::{ClientId, ServerId};

use super::enquiry::Enquiry;
use super::identify::Caller;
use super::life::Life;
use super::live::Membership;
use super::meter::Meter;
use super::parting::Parting;
use super::re_invite::ReInvites;
use super::review::Review;

/// Where a call stands in the gate's slab.
pub type CallKey = Place;

/// One attempt to call that was permitted, until nothing more can happen to it.
pub struct Call {
    pub decision: DecisionId,
    pub server: ServerId,
    /// As it came, until nobody can answer it any more: a call in progress asks for it no longer.
    pub invite: Option<Box<Message>>,
    /// Called by a sips: address: it wants TLS on each hop (RFC 3261 §26.2.2).
    pub sips: bool,
    /// The caller's phone takes a MESSAGE.
    pub takes_messages: bool,
    pub caller: KeptFlow,
    pub permit: Permit,
    pub reservation: ReservationId,
    pub funds: Funds,
    /// Open branches and targets not yet tried; blank when no branch can be heard of any more.
    pub search: Seldom<Search>,
    /// Runs since the first 2xx.
    pub meter: Option<Meter>,
    pub dialogs: SmallVec<[Dialog; 1]>,
    /// Those without a final response.
    pub re_invites: Seldom<ReInvites>,
    /// In place: a box of its own would stand among what is gone after half a minute, and keep the memory around it.
    pub record: CallRecord,
    /// The budgets in which its money is reserved, as the ledger was last told.
    pub lines: Option<Arc<[BudgetLine]>>,
    /// When the first period ends in which its money is reserved.
    pub period_end: Option<Moment>,
    /// The trunk whose budgets are among the reserved ones (R3).
    pub budget_trunk: Option<Arc<str>>,
    /// It is among the calls in progress.
    pub is_counted: bool,
    /// Among whose calls at once it counts (R68).
    pub membership: Membership,
    /// Why it is over; from then on it only waits for its last messages.
    pub over: Option<EndCause>,
    /// With what status the search is given up before the answer: 487 by the caller, 408 by the gate.
    pub given_up: Option<u16>,
    /// Until when the ACK of the answer may come (R67).
    pub ack_until: Option<Moment>,
    /// From when it need not be remembered any more.
    pub forget_at: Option<Moment>,
    /// Its signs of life (R74).
    pub life: Life,
    /// What its ends are asked, if it was taken up.
    pub enquiry: Option<Box<Enquiry>>,
    /// Who waits until its end is written.
    pub parting: Parting,
    /// What changed rules mean for it (R76).
    pub review: Seldom<Review>,
    /// The latest alarm set for it in the wheel.
    pub alarm: Option<Moment>,
    /// Who of our people speaks at the caller's end, by key. Another pays for a call that was forwarded or transferred (R22, R23).
    pub speaker: Option<Arc<str>>,
}

/// What is known of an attempt before its verdict, in the form in which it is recorded (R100).
pub struct Facts {
    pub record: Box<CallRecord>,
    pub site: SiteId,
}

/// What the ledger has said about paying for this call.
pub enum Funds {
    /// Asked for the slice of its search; `tries` questions have been put, each for less.
    Asked { price: Arc<Price>, tries: u8 },
    /// Reserved; free of charge without a price.
    Held { price: Option<Arc<Price>> },
    /// Settled or released.
    Resolved,
}

/// The search for someone to answer: the response context, its branches, and the targets not yet tried.
#[derive(Default)]
pub struct Search {
    pub context: ResponseContext<Option<Message>>,
    /// Without it no INVITE leaves. Once somebody has answered, the meter has what counts of it.
    pub proof: Option<Reservation>,
    /// What the ledger is asked for before the answer, or has granted.
    pub slice: Slice,
    /// How long the caller waits for the ledger's first word.
    pub asked_until: Option<Moment>,
    pub queue: TargetQueue,
    pub parked: Option<Box<Parked>>,
    pub branches: SmallVec<[SentBranch; 1]>,
    pub held: Option<Box<HeldAnswers>>,
    /// When the INVITE came.
    pub came_at: Option<Moment>,
    /// Until when sound without an answer is borne (R75).
    pub early_until: Option<Moment>,
    /// The number that trunks are told.
    pub shown: Option<PhoneNumber>,
    /// The From that the site's rules put in place of the one that came (R20), if they do.
    pub from_rewritten: Option<Box<str>>,
    /// The From that goes out instead of the one that came (R20), if they differ.
    pub from_sent: Option<Box<str>>,
}

/// 2xx responses that wait until the ledger has written that the call was answered (R91).
pub struct HeldAnswers {
    /// In the order in which they came.
    pub responses: SmallVec<[Message; 1]>,
    /// How long they wait.
    pub until: Moment,
}

/// Targets that wait until the ledger says whether the budget of their trunk has room.
pub struct Parked {
    pub step: SmallVec<[Target; 1]>,
    /// The trunk whose budgets are reserved until the ledger agrees.
    pub from: Option<Arc<str>>,
    /// How long they wait.
    pub until: Moment,
}

/// An INVITE that was sent to one target.
pub struct SentBranch {
    pub index: BranchIndex,
    pub client: ClientId,
    pub trunk: Option<Arc<str>>,
    /// The trunk's address as the settings or DNS name it, whose health the answer tells.
    pub hop: Option<Flow>,
    /// Where it goes by UDP if the TCP connection that its length asks for cannot be made (RFC 3261 §18.1.1).
    pub instead_of: Option<Box<Target>>,
    /// When the INVITE left, until the trunk has said more than 100 Trying.
    pub unheard_since: Option<Moment>,
    /// When silence counts as a failure.
    pub silent_until: Option<Moment>,
    /// Timer C (§16.6 item 11).
    pub timer_c: Moment,
    /// Where it went, if that is a trunk whose challenges we can answer.
    pub login: Option<Box<Login>>,
}

/// What is needed to send an INVITE again, with the credentials that its trunk asks for.
pub struct Login {
    pub target: Target,
    pub proofs: Proofs,
    /// The CSeq under which the trunk knows it.
    pub cseq: u32,
}

impl Blank for Search {
    fn blank() -> &'static Search {
        static BLANK: LazyLock<Search> = LazyLock::new(Search::default);
        &BLANK
    }
}

impl Seldom<Search> {
    /// Sound without an answer need not be borne any more: there is an answer, or none is waited for.
    pub fn forget_early_media(&mut self) {
        if let Some(search) = self.written() {
            search.early_until = None;
        }
    }
}

impl Search {
    /// The search that an INVITE begins. Where the caller names its only target, no others are lined up.
    pub(super) fn begun(came_at: Moment, caller: Caller) -> Seldom<Search> {
        let queue = caller.held.into_iter().map(|target| SmallVec::from_iter([target])).collect();
        Seldom::new(Search {
            queue,
            came_at: Some(came_at),
            shown: caller.shown,
            from_sent: caller.from_sent.clone(),
            from_rewritten: caller.from_sent,
            ..Search::default()
        })
    }

    /// The open branch of this client transaction.
    pub fn branch(&self, client: ClientId) -> Option<&SentBranch> {
        // Requests for which there was no room share an id: the first open branch is as good as any.
        self.branches.iter().find(|branch| branch.client == client && self.context.is_open(branch.index))
    }

    pub fn at(&self, index: BranchIndex) -> Option<&SentBranch> {
        self.branches.iter().find(|branch| branch.index == index)
    }

    /// The trunks that were tried or wait to be.
    pub fn trunks(&self) -> SmallVec<[Option<Arc<str>>; 4]> {
        let waiting = self.queue.iter().flatten().map(|target| target.trunk.clone());
        self.branches.iter().map(|branch| branch.trunk.clone()).chain(waiting).collect()
    }

    /// Whether it goes out by trunks rather than to a phone.
    pub fn uses_trunks(&self) -> bool {
        self.trunks().iter().any(Option::is_some)
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

    /// Leaves out a trunk whose budget is spent. False if no other is left, and then nothing is changed.
    pub fn skip_trunk(&mut self, trunk: &mut Option<Arc<str>>) -> bool {
        let others = |step: &SmallVec<[Target; 1]>| step.first().is_some_and(|target| target.trunk != *trunk);
        let Some(next) = self.queue.iter().position(others) else { return false };
        self.queue.drain(..next);
        *trunk = self.queue.front().and_then(|step| step.first()).and_then(|target| target.trunk.clone());
        true
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
    /// It costs nothing: no money was asked for, or none is.
    pub fn is_free(&self) -> bool {
        match &self.funds {
            Funds::Asked { .. } => false,
            Funds::Held { price } => price.is_none(),
            Funds::Resolved => self.record.reservation.is_none(),
        }
    }

    pub fn is_answered(&self) -> bool {
        self.meter.is_some()
    }

    /// Where the dialogs stand that were answered and are not over: a forked call may have several (R67).
    pub fn legs_in_talk(&self) -> SmallVec<[usize; 1]> {
        (0..self.dialogs.len()).filter(|at| !self.dialogs[*at].is_ended_or_early()).collect()
    }

    /// When something must be done about this call though nobody says anything.
    pub fn due(&self) -> Option<Moment> {
        let meter = self.meter.as_ref().filter(|_| self.over.is_none());
        let meter = meter.and_then(|meter| meter.due()).map(|(moment, _)| moment);
        let guarded = self.over.is_none() && !self.permit.emergency();
        let guards = [
            self.search.early_until,
            self.ack_until,
            self.waits_for_ledger_until(),
            self.review.due(),
            self.life.due(),
            self.enquiry.as_ref().and_then(|enquiry| enquiry.due()),
        ];
        let guards = guards.into_iter().flatten().filter(|_| guarded);
        let forgotten_at = self
            .life
            .forgotten_at()
            .filter(|_| self.over.is_none() && self.is_answered() && self.permit.emergency());
        let forget_at = self.forget_at.filter(|_| !self.waits());
        let re_invites = self.re_invites.iter().map(|waiting| waiting.until);
        [meter, self.search.due(), forget_at, forgotten_at, self.parting.due()]
            .into_iter()
            .flatten()
            .chain(guards)
            .chain(re_invites)
            .min()
    }

    /// The ledger has not answered the question for the first slice.
    fn asks_for_money(&self) -> bool {
        matches!(self.funds, Funds::Asked { .. })
    }

    /// Until when the caller waits for an answer of the ledger before anything can go on.
    pub fn waits_for_ledger_until(&self) -> Option<Moment> {
        let held = self.search.held.as_ref().map(|held| held.until);
        let parked = self.search.parked.as_ref().map(|parked| parked.until);
        match &self.funds {
            Funds::Asked { .. } => self.search.asked_until,
            Funds::Held { .. } => held.or(parked),
            Funds::Resolved => None,
        }
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

    /// That it can pay, as long as an INVITE of its may leave.
    pub fn proof(&self) -> Option<&Reservation> {
        match self.funds {
            Funds::Held { .. } => self.search.proof.as_ref(),
            Funds::Asked { .. } | Funds::Resolved => None,
        }
    }

    /// Its row as it stands, for the ledger.
    pub fn boxed_record(&self) -> Box<CallRecord> {
        Box::new(self.record.clone())
    }

    /// What a refusal of this call is recorded with.
    pub fn facts(&self) -> Facts {
        Facts { record: self.boxed_record(), site: self.permit.site() }
    }

    /// The longest this call may last from its answer on, by its permit; an emergency call is never cut (R41).
    pub fn longest(&self, answered: DateTime<Utc>) -> Option<Duration> {
        if self.permit.emergency() {
            return None;
        }
        let longest = self.permit.longest().unwrap_or(Duration::MAX);
        let closes = self.permit.closes().map(|end| (end - answered).to_std().unwrap_or_default());
        Some(closes.map_or(longest, |closes| closes.min(longest)))
    }

    /// Nothing can happen any more: over, no open branch or re-INVITE, no question at the ledger, remembered long enough.
    pub fn is_spent(&self, now: Moment) -> bool {
        self.over.is_some() && !self.waits() && self.forget_at.is_none_or(|end| end <= now)
    }

    /// For the end of a branch or a re-INVITE, or for an answer of the ledger: whatever comes sets the alarm anew.
    fn waits(&self) -> bool {
        self.search.is_open() || self.asks_for_money() || !self.re_invites.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_in_progress_is_small() {
        assert!(size_of::<Call>() <= 960, "{}", size_of::<Call>());
    }
}
