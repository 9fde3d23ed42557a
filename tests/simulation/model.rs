//! The reference model: what each call may cost and how long it may last, told from the wire and the questions to the ledger alone, and
//! loud where the gate or the book say otherwise. It knows no state of either.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tollgate::base::{DecisionId, Moment, ReservationId};
use tollgate::gate::{Event, Judged};
use tollgate::ledger::{
    AccountPeriod, Amount, BudgetLine, CallRecord, Command, EndCause, Extend, Reply, Reserve,
};
use tollgate::policy::Class;
use tollgate::store::{RecordFilter, Reports as _};

use super::accounts::{Settling, end_of};
use super::questions::Question;
use super::restarts::TakenUp;
use super::vault::Vault;
use super::world::compose::branch_of;
use super::world::text::{Text, tag_of};
use super::world::titles::closing_record;

/// R91: no call outlives what is paid for by more than this.
pub(super) const GRACE: Duration = Duration::from_secs(2);

pub(super) type Rule = Result<(), String>;

/// One attempt to call.
#[derive(Default)]
pub(super) struct Attempt {
    is_judged: bool,
    /// `None`: refused. `Some(None)`: of no class.
    permitted: Option<Option<Class>>,
    reservation: Option<ReservationId>,
    /// Paid for, in seconds from the answer on.
    pub covered: Option<Amount>,
    /// The 2xx that went back to the caller.
    pub legs: Vec<Leg>,
    /// Tags of those who have sent or got a BYE.
    early_byes: BTreeSet<String>,
    pub over_at: Option<Moment>,
    pub closings: u32,
    /// The process died before this was durable.
    pub is_lost: bool,
    /// Its closing record is durable.
    pub is_filed: bool,
    /// A start has found it without an end; and when it was answered, if it was.
    pub left: Option<Option<Moment>>,
    pub taken_up: Option<TakenUp>,
}

/// One 2xx that went back to the caller, by its tag; and when its dialog ended.
pub(super) struct Leg {
    tag: String,
    pub answered: Moment,
    pub ended: Option<Moment>,
}

impl Attempt {
    fn is_emergency(&self) -> bool {
        self.permitted == Some(Some(Class::Emergency))
    }

    /// R41: an emergency call costs nothing, and is ended by no rule.
    fn check_help(&self, record: &CallRecord) -> Rule {
        let cut = [EndCause::Refused, EndCause::CutMoney, EndCause::CutTime, EndCause::CutRights];
        let is_cut = record.end_cause.is_some_and(|cause| cut.contains(&cause));
        if self.is_emergency() && (is_cut || !record.cost.is_zero() || record.reservation.is_some()) {
            return Err(format!(
                "emergency {} ends by {:?}, at {}",
                record.decision, record.end_cause, record.cost
            ));
        }
        Ok(())
    }

    /// When it must be over, by what is paid for.
    pub fn end(&self) -> Option<Moment> {
        let answered = self.legs.first().map(|leg| leg.answered);
        match self.taken_up {
            Some(taken_up) => Some(end_of(taken_up.since, self.covered).max(taken_up.at)),
            None => Some(end_of(answered?, self.covered)),
        }
    }
}

#[derive(Default)]
pub struct Model {
    pub(super) attempts: BTreeMap<DecisionId, Attempt>,
    pub(super) by_reservation: BTreeMap<ReservationId, DecisionId>,
    pub(super) questions: BTreeMap<String, Question>,
    /// What was used of each budget, and which budgets each reservation is charged to.
    pub(super) used: BTreeMap<AccountPeriod, Amount>,
    pub(super) places: BTreeMap<ReservationId, BTreeSet<AccountPeriod>>,
    /// The budgets of the command that is being decided.
    pub(super) asked: Option<(ReservationId, Arc<[BudgetLine]>)>,
    pub(super) left: BTreeSet<String>,
    /// When each answered call must be over.
    pub(super) ends: BTreeSet<(Moment, DecisionId)>,
    /// How often each reservation was resolved in what is durable.
    pub(super) resolved: BTreeMap<ReservationId, u32>,
    /// Settlements of this step, to be checked when all its messages have left.
    pub(super) settling: Vec<Settling>,
    /// Whether reservations are charged to a person; `None`: it has changed with the settings.
    pub(super) personal: BTreeMap<ReservationId, Option<bool>>,
    /// Call-IDs whose parties have sent a BYE.
    pub(super) hung_up: BTreeSet<String>,
    pub(super) cancelled: BTreeSet<String>,
    /// The branch of the INVITE that comes just now, and whether it calls for help.
    pub(super) hearing: Option<(String, bool)>,
    pub(super) call_ids: BTreeMap<DecisionId, String>,
    /// The wall clock was set in this life: rows of before say less.
    pub(super) clock_was_set: bool,
    pub answered: u64,
    pub refused: u64,
}

impl Model {
    pub fn event(&mut self, now: Moment, event: &Event) -> Rule {
        match event {
            Event::Judged(judged) => self.judged(judged),
            Event::Rejected { code: "source_locked", status: 0 } => self.is_locked_out(),
            Event::TakenUp { decision } => self.taken_up(*decision, now),
            _ => Ok(()),
        }
    }

    fn judged(&mut self, judged: &Judged) -> Rule {
        let attempt = self.attempts.entry(judged.decision).or_default();
        let known = std::mem::replace(&mut attempt.is_judged, true);
        attempt.permitted = judged.reason.is_none().then_some(judged.class);
        self.refused += u64::from(judged.reason.is_some());
        if known { Err(format!("{} was judged twice", judged.decision)) } else { Ok(()) }
    }

    /// What the gate asks of the ledger, or states.
    pub fn command(&mut self, now: Moment, command: &Command) -> Rule {
        match command {
            Command::Reserve(reserve) => {
                self.by_reservation.insert(reserve.id, reserve.decision);
                self.attempts.entry(reserve.decision).or_default().reservation = Some(reserve.id);
            }
            Command::Settle(settle) => {
                let decision = *self.by_reservation.get(&settle.id).ok_or("settled, and never reserved")?;
                let number =
                    settle.record.as_ref().and_then(|record| record.canonical.as_deref()).map(str::to_owned);
                let estimated = settle.record.as_ref().is_some_and(|record| record.estimated);
                self.settling.push(Settling { decision, amount: settle.amount, number, estimated });
            }
            Command::Answer(_) => {}
            Command::Extend(_)
            | Command::Release(_)
            | Command::Expire(_)
            | Command::Record(_)
            | Command::Remember(_) => {}
        }
        self.asked = match command {
            Command::Reserve(Reserve { id, budgets, .. }) | Command::Extend(Extend { id, budgets, .. }) => {
                Some((*id, Arc::clone(budgets)))
            }
            _ => command.reservation().map(|id| (id, Arc::from([]))),
        };
        closing_record(command).map_or(Ok(()), |record| self.close(now, command, record))
    }

    fn close(&mut self, now: Moment, command: &Command, record: &CallRecord) -> Rule {
        let attempt = self.attempts.entry(record.decision).or_default();
        attempt.closings += 1;
        attempt.over_at = Some(now);
        if let Some(end) = attempt.end() {
            self.ends.remove(&(end, record.decision));
        }
        if record.reservation.is_none() && matches!(command, Command::Record(_)) && record.answer.is_some() {
            let amount = Amount::new(record.cost, record.billed_seconds);
            let (decision, estimated) = (record.decision, record.estimated);
            self.settling.push(Settling { decision, amount, number: None, estimated });
        }
        attempt.check_help(record)?;
        let hung_up = matches!(record.end_cause, Some(EndCause::CallerHungUp | EndCause::CalleeHungUp));
        let call_id = self.call_ids.get(&record.decision);
        match call_id.filter(|call_id| hung_up && !self.hung_up.contains(*call_id)) {
            Some(call_id) => Err(format!("{call_id} was hung up, and by none of its parties")),
            None if attempt.closings > 1 => {
                Err(format!("{} has {} closing records", record.decision, attempt.closings))
            }
            None if record.end_cause.is_none() => {
                Err(format!("record of {}: an end without a cause", record.decision))
            }
            None => Ok(()),
        }
    }

    pub fn reply(&mut self, reply: &Reply) -> Rule {
        let (Reply::Reserved(reservation) | Reply::Extended(reservation)) = reply else { return Ok(()) };
        let decision = *self.by_reservation.get(&reservation.id()).ok_or("money nobody asked for")?;
        let attempt = self.attempts.entry(decision).or_default();
        let before = attempt.end();
        attempt.covered = Some(reservation.covered());
        if let (Some(before), Some(end), None) = (before, attempt.end(), attempt.over_at) {
            self.ends.remove(&(before, decision));
            self.ends.insert((end, decision));
        }
        Ok(())
    }

    /// Several answered, each of whom is paid (R67): beyond the first nothing was set aside for them. Or it was talked on while no gate
    /// was there.
    pub(super) fn may_overrun(&self, id: ReservationId) -> bool {
        let attempt = self.by_reservation.get(&id).and_then(|decision| self.attempts.get(decision));
        attempt.is_some_and(|attempt| {
            attempt.legs.len() > 1 || attempt.taken_up.is_some_and(|taken_up| taken_up.may_overrun)
        })
    }

    /// A message leaves the gate.
    pub fn leaves(&mut self, now: Moment, text: &Text) -> Rule {
        let method = text.method();
        match (text.status(), method.as_str()) {
            (0, "INVITE") => self.invite_leaves(text),
            (0, "BYE") => self.dialog_ends(now, text),
            (402 | 403, "INVITE") if is_call_for_help(text) => {
                Err(format!("{} to a call for help (R41)", text.status()))
            }
            (100..=199, "INVITE") => {
                self.question_tried(text);
                Ok(())
            }
            (200.., "INVITE") => self.answer_leaves(now, text),
            _ => Ok(()),
        }
    }

    /// R64: an INVITE that begins a dialog leaves with its permit and its money; a repeat may outlast them.
    fn invite_leaves(&mut self, text: &Text) -> Rule {
        let is_within = text.header_str("To").is_some_and(|to| to.contains(";tag="));
        if is_within || !self.left.insert(branch_of(text)) {
            return Ok(());
        }
        let decision = decision_of(text).ok_or("an INVITE without the mark of a decision")?;
        self.call_ids.insert(decision, text.header("Call-ID").unwrap_or_default());
        let attempt = self.attempts.get(&decision).ok_or("an INVITE that nobody judged")?;
        let class = attempt.permitted.ok_or("an INVITE without a permit")?;
        let is_free = matches!(class, Some(Class::Internal | Class::Emergency | Class::TollFree));
        match (attempt.covered, attempt.reservation) {
            _ if attempt.over_at.is_some() => Err("an INVITE on a reservation that has ended".into()),
            (Some(_), _) => Ok(()),
            (None, None) if is_free => Ok(()),
            (None, _) => Err("an INVITE without a reservation".into()),
        }
    }

    /// Every INVITE gets one final answer: several 2xx of forks (§13.2.2.4), or one refusal, never both.
    fn answer_leaves(&mut self, now: Moment, text: &Text) -> Rule {
        let accepted = self.question_answered(now, text)?;
        let tag = text.header_str("To").and_then(tag_of).unwrap_or_default().to_owned();
        let decision = decision_of(text).filter(|_| accepted);
        let Some((decision, attempt)) = decision.and_then(|id| Some((id, self.attempts.get_mut(&id)?)))
        else {
            return Ok(());
        };
        if attempt.legs.iter().any(|leg| leg.tag == tag) {
            return Ok(());
        }
        // A BYE that overtook the answer has ended it in this very step (RFC 3261 §15).
        if attempt.over_at.is_some_and(|over_at| over_at < now) {
            return Err(format!("a call that is over is answered: {decision}"));
        }
        let is_first = attempt.legs.is_empty();
        if !is_first && attempt.early_byes.contains(&tag) {
            // It had hung up before it was heard to answer (§15): nobody talks there.
            return Ok(());
        }
        attempt.legs.push(Leg { tag, answered: now, ended: None });
        if is_first {
            self.answered += 1;
        }
        if let Some(end) = attempt.end().filter(|_| is_first && attempt.over_at.is_none()) {
            self.ends.insert((end, decision));
        }
        Ok(())
    }

    fn dialog_ends(&mut self, now: Moment, bye: &Text) -> Rule {
        let tags =
            ["From", "To"].map(|name| bye.header_str(name).and_then(tag_of).unwrap_or_default().to_owned());
        let call_id = bye.header("Call-ID").unwrap_or_default();
        let of_call =
            self.call_ids.iter().rev().find(|(_, known)| **known == call_id).map(|(decision, _)| *decision);
        let Some(attempt) = of_call.and_then(|decision| self.attempts.get_mut(&decision)) else {
            return Ok(());
        };
        // R41: it is ended by its parties alone. Whom the caller never heard of is sent home.
        let is_party = attempt.legs.iter().any(|leg| leg.ended.is_none() && tags.contains(&leg.tag));
        let by_party = self.hung_up.contains(&call_id) || self.cancelled.contains(&call_id);
        if attempt.is_emergency() && is_party && !by_party {
            return Err(format!("the gate hangs up the call for help {call_id}"));
        }
        attempt.early_byes.extend(tags.iter().filter(|tag| !tag.is_empty()).cloned());
        for leg in attempt.legs.iter_mut().filter(|leg| tags.contains(&leg.tag)) {
            leg.ended.get_or_insert(now);
        }
        Ok(())
    }

    /// After every step.
    pub fn step(&mut self, now: Moment) -> Rule {
        for settling in std::mem::take(&mut self.settling) {
            self.check_price(now, &settling)?;
        }
        match self.ends.first() {
            Some((end, decision)) if *end + GRACE < now => {
                Err(format!("{decision} outlives what was paid for"))
            }
            _ => Ok(()),
        }
    }

    /// When nothing can happen any more.
    pub fn end(&self, vault: &Vault, unanswered: &[&Text]) -> Rule {
        let book = vault.book();
        if let Some((id, entry)) = book.open_entries().first() {
            return Err(format!("reservation {id} of decision {} is still open", entry.decision));
        }
        if let Some((id, count)) = self.resolved.iter().find(|(_, count)| **count != 1) {
            return Err(format!("{id} was resolved {count} times"));
        }
        for invite in unanswered {
            let question = self.questions.get(&branch_of(invite));
            if question.is_some_and(Question::is_owed) {
                let call_id = invite.header("Call-ID").unwrap_or_default();
                return Err(format!("no final answer to {call_id} {}", branch_of(invite)));
            }
        }
        let rows = vault.durable().records(&RecordFilter::default()).expect("memory does not fail");
        if let Some(row) = rows.iter().find(|row| row.end.is_none()) {
            return Err(format!("the row of {} has no end", row.decision));
        }
        match self.attempts.iter().find(|(_, attempt)| attempt.closings == 0 && !attempt.is_lost) {
            Some((decision, _)) => Err(format!("decision {decision} has no closing record")),
            None => self.check_sums(vault),
        }
    }
}

/// In Hamburg even those prove who they are (R41, site option).
pub(super) fn is_call_for_help(text: &Text) -> bool {
    let has = |name, word: &str| text.header_str(name).is_some_and(|value| value.contains(word));
    has("To", "sip:112@") && !has("From", "frank")
}

/// The decision stands in our Record-Route.
fn decision_of(text: &Text) -> Option<DecisionId> {
    let routes = text.values("Record-Route");
    let mark = routes.iter().find_map(|route| route.split(";tg=").nth(1))?;
    mark.get(..13)?.parse().ok()
}
