//! What must hold after every step of every timeline: no INVITE without permit and reservation (R64), no budget beyond its limit
//! (R65), each reservation resolved once (R69), a record for each attempt (R100).

use std::collections::{BTreeMap, BTreeSet};

use tollgate::base::{DecisionId, Money, ReservationId};
use tollgate::gate::Event;
use tollgate::ledger::{
    Account, AccountPeriod, Book, BudgetLine, CallRecord, Command, Limit, Reply, Strictness,
};
use tollgate::policy::Class;

use super::compose::branch_of;
use super::text::Text;

#[derive(Default)]
pub struct Watch {
    permitted: BTreeMap<DecisionId, Option<Class>>,
    judged: BTreeSet<DecisionId>,
    asked: BTreeMap<ReservationId, DecisionId>,
    granted: BTreeMap<DecisionId, ReservationId>,
    resolved: BTreeMap<ReservationId, usize>,
    closed: BTreeMap<DecisionId, usize>,
    /// Reservations that are charged to a person.
    personal: BTreeSet<ReservationId>,
    limits: BTreeMap<AccountPeriod, Vec<Limit>>,
    /// Calls whose answer is on the disk.
    written: BTreeSet<DecisionId>,
    /// Branches of the INVITEs that have left.
    left: BTreeSet<String>,
    /// Calls have gone on while no gate was there to end them: what they cost beyond their reservation nobody pays.
    overruns: bool,
}

impl Watch {
    pub fn event(&mut self, event: &Event) -> Result<(), String> {
        let Event::Judged(judged) = event else { return Ok(()) };
        let first = self.judged.insert(judged.decision);
        if judged.reason.is_none() {
            self.permitted.insert(judged.decision, judged.class);
        }
        if first { Ok(()) } else { Err(format!("{} was judged twice", judged.decision)) }
    }

    pub fn command(&mut self, command: &Command) -> Result<(), String> {
        match command {
            Command::Reserve(reserve) => {
                self.asked.insert(reserve.id, reserve.decision);
                if reserve.budgets.iter().any(|line| matches!(line.account, Account::Person(_))) {
                    self.personal.insert(reserve.id);
                }
                self.know_limits(&reserve.budgets);
                Ok(())
            }
            Command::Extend(extend) => {
                self.know_limits(&extend.budgets);
                Ok(())
            }
            Command::Answer(answer) => {
                let decision = self.asked.get(&answer.id).copied();
                if decision == Some(answer.record.decision) && answer.record.answer.is_some() {
                    Ok(())
                } else {
                    Err(format!("{} is not the row of an answered call", answer.record.decision))
                }
            }
            Command::Settle(settle) => self.resolve(settle.id, settle.record.as_deref()),
            Command::Release(release) => self.resolve(release.id, release.record.as_deref()),
            Command::Expire(expire) => self.resolve(expire.id, expire.record.as_deref()),
            Command::Remember(_) => Ok(()),
            Command::Record(record) if record.end.is_none() => Ok(()),
            Command::Record(record) => self.close(record),
        }
    }

    pub fn reply(&mut self, reply: &Reply) -> Result<(), String> {
        match reply {
            Reply::Reserved(reservation) => {
                let decision = self.asked.get(&reservation.id()).ok_or("money nobody asked for")?;
                self.granted.insert(*decision, reservation.id());
                Ok(())
            }
            Reply::Answered { id } => {
                self.written.extend(self.asked.get(id).copied());
                Ok(())
            }
            Reply::Settled { id, written_off, .. } if !written_off.is_zero() && !self.overruns => {
                Err(format!("{id} cost {written_off} more than was reserved"))
            }
            Reply::Closed { id, .. } => Err(format!("{id} was closed already")),
            Reply::Refused { .. }
            | Reply::Extended(_)
            | Reply::ExtendRefused { .. }
            | Reply::Settled { .. }
            | Reply::Released { .. }
            | Reply::Unknown { .. }
            | Reply::Recorded { .. }
            | Reply::Unavailable { .. } => Ok(()),
        }
    }

    /// R91: the answer of a call that costs leaves when it is on the disk, and not before.
    pub fn is_answer_written(&self, text: &Text) -> Result<(), String> {
        let is_answer =
            text.title().starts_with('2') && text.header("CSeq").is_some_and(|cseq| cseq.contains("INVITE"));
        let Some(decision) = decision_of(text).filter(|_| is_answer) else { return Ok(()) };
        if !self.granted.contains_key(&decision) || self.written.contains(&decision) {
            return Ok(());
        }
        Err(format!("the answer of {decision} left before it was written"))
    }

    /// R64: a message leaves. A dialog-creating INVITE needs its permit and its money; a repeat may outlast them.
    pub fn leaves(&mut self, text: &Text) -> Result<(), String> {
        self.is_answer_written(text)?;
        let is_within = text.header("To").is_some_and(|to| to.contains(";tag="));
        if text.title() != "INVITE" || is_within || !self.left.insert(branch_of(text)) {
            return Ok(());
        }
        self.invite_leaves(text)
    }

    /// The decision stands in our Record-Route.
    fn invite_leaves(&self, invite: &Text) -> Result<(), String> {
        let decision = decision_of(invite).ok_or("an INVITE without the mark of a decision")?;
        let permit = self.permitted.get(&decision).ok_or("an INVITE without a permit")?;
        let is_free = matches!(permit, Some(Class::Internal | Class::Emergency | Class::TollFree));
        let asked = self.asked.values().any(|asked| *asked == decision);
        match self.granted.get(&decision) {
            Some(id) if self.resolved.contains_key(id) => {
                Err("an INVITE on a reservation that has ended".into())
            }
            Some(_) => Ok(()),
            None if is_free && !asked => Ok(()),
            None => Err("an INVITE without a reservation".into()),
        }
    }

    /// R65.
    pub fn budgets(&self, book: &Book) -> Result<(), String> {
        for (place, limits) in &self.limits {
            let used = book.balance(place).used();
            if let Some(limit) = limits.iter().find(|limit| !limit.covers(used)) {
                return Err(format!("{}: {used} is used of {limit}", place.account));
            }
        }
        Ok(())
    }

    /// The gate was killed and nothing of its free calls was written down: nobody can write their records.
    pub fn forget_unrecorded(&mut self) {
        let Watch { judged, granted, closed, .. } = self;
        judged.retain(|decision| closed.contains_key(decision) || granted.contains_key(decision));
    }

    /// No gate was there for a while.
    pub fn allow_overruns(&mut self) {
        self.overruns = true;
    }

    /// When nothing can happen any more.
    pub fn end(&self, book: &Book, records: &[CallRecord]) -> Result<(), String> {
        self.accounts_agree(book, records)?;
        for (decision, id) in &self.granted {
            match self.resolved.get(id) {
                Some(1) => {}
                count => return Err(format!("the reservation of {decision} was resolved {count:?} times")),
            }
        }
        for decision in &self.judged {
            match self.closed.get(decision) {
                Some(1) => {}
                count => return Err(format!("decision {decision} has {count:?} closing records")),
            }
        }
        Ok(())
    }

    /// What was charged is what the records say, and nothing is set aside for anybody.
    pub fn accounts_agree(&self, book: &Book, records: &[CallRecord]) -> Result<(), String> {
        let people =
            book.balances().into_iter().filter(|(place, _)| matches!(place.account, Account::Person(_)));
        let spent: Money = people.map(|(_, balance)| balance.settled.money).sum();
        let limited =
            records.iter().filter(|record| record.reservation.is_some_and(|id| self.personal.contains(&id)));
        let charged: Money = limited.map(|record| record.cost).sum();
        if spent != charged {
            return Err(format!("the accounts say {spent}, the records {charged}"));
        }
        if let Some((id, entry)) = book.open_entries().first() {
            return Err(format!("reservation {id} of decision {} is still open", entry.decision));
        }
        Ok(())
    }

    fn know_limits(&mut self, lines: &[BudgetLine]) {
        for line in lines.iter().filter(|line| line.strictness() == Strictness::Hard) {
            let limits = self.limits.entry(line.place()).or_default();
            // New settings may lower a limit below what is spent; then only the old one can have held.
            match limits.iter_mut().find(|known| is_higher(line.limit(), **known).is_some()) {
                Some(known) if is_higher(line.limit(), *known) == Some(true) => *known = line.limit(),
                Some(_) => {}
                None => limits.push(line.limit()),
            }
        }
    }

    fn resolve(&mut self, id: ReservationId, record: Option<&CallRecord>) -> Result<(), String> {
        *self.resolved.entry(id).or_default() += 1;
        record.map_or(Ok(()), |record| self.close(record))
    }

    fn close(&mut self, record: &CallRecord) -> Result<(), String> {
        if record.end.is_some() {
            *self.closed.entry(record.decision).or_default() += 1;
        }
        if record.end.is_some() == record.end_cause.is_some() {
            Ok(())
        } else {
            Err(format!("record of {}: an end and its cause go together", record.decision))
        }
    }
}

/// The decision that our Record-Route names.
fn decision_of(text: &Text) -> Option<DecisionId> {
    let marks = text.values("Record-Route");
    let mark = marks.iter().find_map(|route| route.split(";tg=").nth(1))?;
    mark.get(..13)?.parse().ok()
}

/// `None` for limits of different things.
fn is_higher(one: Limit, other: Limit) -> Option<bool> {
    match (one, other) {
        (Limit::Money(one), Limit::Money(other)) => Some(one > other),
        (Limit::Seconds(one), Limit::Seconds(other)) => Some(one > other),
        (Limit::Money(_), Limit::Seconds(_)) | (Limit::Seconds(_), Limit::Money(_)) => None,
    }
}
