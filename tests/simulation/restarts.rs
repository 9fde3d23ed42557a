//! kill -9 and a new start: the town takes calls up as the process does (`app::LeftOver`), and the model says which of them must go on.

use std::time::Duration;

use tollgate::app::LeftOver;
use tollgate::base::{DecisionId, Moment, Now, Random};
use tollgate::gate::Gate;
use tollgate::ledger::Command;
use tollgate::store::Reports;
use tollgate::transaction::Timing;

use super::agenda::{Trouble, What};
use super::model::{Attempt, GRACE, Model, Rule};
use super::questions::Question;
use super::town::Town;
use super::vault::Vault;
use super::world::titles::closing_record;

/// What marks in Record-Route are made with, in every life of the gate.
const MARK_KEY: [u8; 32] = [7; 32];

/// How long an answer may wait for the ledger before it leaves: the row says when it came.
const HELD_BACK: Duration = Duration::from_secs(5);

/// What a start knows of an answered call: its row, and the wall clock.
#[derive(Clone, Copy)]
pub(super) struct TakenUp {
    /// When it was answered, as the row and the wall clock of the start say. It is charged from there on.
    pub since: Moment,
    /// When it was taken up.
    pub at: Moment,
    /// Its money ended while no gate was there, so that it may cost more than was set aside.
    pub may_overrun: bool,
}

impl Town {
    /// kill -9, or the machine goes down: then whatever was not durable never was. The connections go with the process.
    pub(super) fn kill(&mut self, millis: u64) {
        if self.gate.take().is_none() {
            return;
        }
        let is_alone = self.random.one_in(2);
        self.log(|| if is_alone { "the gate is killed" } else { "the machine goes down" }.to_owned());
        self.sums.starts += 1;
        let durable = match is_alone {
            true => self.vault.killed(self.now.moment, &mut self.random),
            false => self.vault.crash(&mut self.random),
        };
        self.note_durable(&durable);
        self.hold(|town| town.model.killed(&town.vault, is_alone));
        for actor in self.actors.iter_mut().filter(|actor| actor.is_reliable()) {
            actor.endpoint.move_on();
        }
        self.plan(Duration::from_millis(millis), What::Trouble { actor: 0, trouble: Trouble::Started });
    }

    /// The process starts again, with nothing but what is durable.
    pub(super) fn start(&mut self) {
        self.log(|| "the gate starts".to_owned());
        let now = self.now;
        let left = LeftOver::read(self.vault.durable()).expect("memory does not fail");
        self.vault.open(now.utc);
        self.hold(|town| town.model.starts(town.now, &town.vault));
        let random = Random::from_number(self.random.u64());
        let mut gate = Gate::new(self.company.snapshot(), Timing::RFC, random);
        gate.follow_earlier_run(MARK_KEY, now);
        let seen = left.seen();
        for command in left.hand_to(&mut gate, now) {
            self.hold(|town| town.model.resolves(town.now.moment, &command));
            self.vault.take(now.moment, command);
        }
        gate.ask_who_is_there(now, seen);
        for (person, bindings) in &self.registered {
            gate.restore_registrations(now, person, bindings.clone());
        }
        self.gate = Some(gate);
        self.take_replies();
        self.carry_out();
        self.hold(|town| town.model.started());
    }
}

impl Model {
    /// The process dies: what was stated and is not durable never was. If it died alone, every attempt has its row (R100).
    pub fn killed(&mut self, vault: &Vault, is_alone: bool) -> Rule {
        for question in self.questions.values_mut() {
            let is_orphan = question.is_orphan || !question.is_answered();
            *question = Question { is_orphan, was_answered: !is_orphan, ..Question::default() };
        }
        self.ends.clear();
        self.settling.clear();
        for (decision, attempt) in self.attempts.iter_mut().filter(|(_, attempt)| !attempt.is_filed) {
            let record = vault.durable().record(*decision).expect("memory does not fail");
            if is_alone && !attempt.is_lost && record.is_none() {
                return Err(format!("{decision} has no row after a kill"));
            }
            if record.as_ref().is_some_and(|record| record.end.is_some()) {
                attempt.is_filed = true;
                continue;
            }
            // R91: whoever was connected and pays is known to the next start.
            let is_known = record.is_some_and(|record| record.answer.is_some());
            if !attempt.legs.is_empty() && attempt.covered.is_some() && !is_known {
                return Err(format!("{decision} was connected, and nothing durable says so"));
            }
            attempt.is_lost = true;
            attempt.closings = 0;
            attempt.over_at = None;
        }
        Ok(())
    }

    /// A start finds these calls without an end; each is taken up or resolved.
    fn starts(&mut self, now: Now, vault: &Vault) -> Rule {
        for (place, used) in &mut self.used {
            *used = vault.book().balance(place).used();
        }
        for left in vault.durable().open_reservations().expect("memory does not fail") {
            let attempt = self.attempts.entry(left.entry.decision).or_default();
            attempt.covered = Some(left.entry.covered());
            let answer = left.record.and_then(|record| record.answer);
            attempt.leave(now, answer);
        }
        for (record, _) in vault.durable().free_calls_left().expect("memory does not fail") {
            self.attempts.entry(record.decision).or_default().leave(now, record.answer);
        }
        for (decision, attempt) in &self.attempts {
            let Some(left) = attempt.left else { continue };
            // What was left once before may have been answered to its caller only after that.
            if attempt.taken_up.is_some() {
                continue;
            }
            let (Some(since), Some(leg)) = (left, attempt.legs.first()) else { continue };
            let is_true = since <= leg.answered && leg.answered.since(since) <= HELD_BACK;
            if !is_true && !self.clock_was_set {
                return Err(format!("the row of {decision} says {since} for an answer at {}", leg.answered));
            }
        }
        Ok(())
    }

    /// A start resolves what it cannot take up: nobody talks there any more, or whoever paid has left.
    fn resolves(&mut self, now: Moment, command: &Command) -> Rule {
        let Some(record) = closing_record(command) else { return Ok(()) };
        let attempt = self.attempts.entry(record.decision).or_default();
        let Some(left) = attempt.left.take() else {
            return Err(format!("{} is resolved, and was not left", record.decision));
        };
        attempt.closings += 1;
        attempt.over_at = Some(now);
        match (command, left) {
            (Command::Expire(_) | Command::Record(_), None) => Ok(()),
            _ => Err(format!("{} was answered, and is not taken up", record.decision)),
        }
    }

    /// The call goes on.
    pub(super) fn taken_up(&mut self, decision: DecisionId, now: Moment) -> Rule {
        let attempt = self.attempts.entry(decision).or_default();
        let Some(Some(since)) = attempt.left.take() else {
            return Err(format!("{decision} is taken up, and was not left in talk"));
        };
        let may_overrun = attempt.covered.is_some_and(|covered| {
            Duration::from_secs(covered.seconds.min(u64::from(u32::MAX))) < now.since(since) + GRACE
        });
        attempt.taken_up = Some(TakenUp { since, at: now, may_overrun });
        if let Some(end) = attempt.end() {
            self.ends.insert((end, decision));
        }
        Ok(())
    }

    fn started(&self) -> Rule {
        match self.attempts.iter().find(|(_, attempt)| attempt.left.is_some()) {
            Some((decision, _)) => Err(format!("{decision} was left open, and the start has forgotten it")),
            None => Ok(()),
        }
    }
}

impl Attempt {
    /// It stands in the store without an end.
    fn leave(&mut self, now: Now, answer: Option<chrono::DateTime<chrono::Utc>>) {
        self.is_lost = false;
        // A BYE that passed in the last moment of a run is forgotten, unless it was heard twice.
        self.legs.iter_mut().for_each(|leg| leg.ended = None);
        self.left = Some(answer.map(|answer| now.moment_at(answer.min(now.utc))));
    }
}
