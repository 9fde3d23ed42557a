//! What calls of an earlier run left behind (R91): those that were answered are taken up again. Of those that cannot be, the answered
//! ones are charged to the last moment that was paid for; those that only rang are freed. None is charged twice, since every command
//! carries the id of its reservation.

use chrono::{DateTime, Utc};

use crate::base::{Now, PhoneNumber};
use crate::gate::Gate;
use crate::ledger::{Amount, CallRecord, Command, EndCause, Expire, Price, Settle, TariffBook};
use crate::store::{OpenReservation, RecordFilter, Reports, StoreError};

/// Calls without an end, as the store has them.
#[derive(Debug, Default)]
pub struct LeftOver {
    priced: Vec<OpenReservation>,
    free: Vec<(CallRecord, Box<str>)>,
    /// The latest instant that was written down.
    seen: Option<DateTime<Utc>>,
}

/// Rows of ended calls that are looked at for when the earlier run last lived: those that began last have not always ended last.
const ENDED_LOOKED_AT: u32 = 100;

impl LeftOver {
    /// # Errors
    /// The store cannot be read.
    pub fn read(store: &impl Reports) -> Result<LeftOver, StoreError> {
        let (priced, free) = (store.open_reservations()?, store.free_calls_left()?);
        let lately = RecordFilter { count_max: Some(ENDED_LOOKED_AT), ..RecordFilter::default() };
        let ended = store.records(&lately)?.into_iter();
        let ended = ended.flat_map(|record| [Some(record.start), record.answer, record.end]).flatten();
        let seen = priced.iter().map(|left| left.entry.changed.utc()).chain(ended).max();
        Ok(LeftOver { priced, free, seen })
    }

    /// When the earlier run is known to have lived last.
    pub fn seen(&self) -> Option<DateTime<Utc>> {
        self.seen
    }

    /// Read when this run was under way already: without what it has written itself.
    pub(super) fn without_own(mut self, gate: &Gate) -> LeftOver {
        self.free.retain(|(record, _)| !gate.is_of_this_run(record));
        self
    }

    /// Gives the gate what it can take up; how the rest is resolved.
    pub fn hand_to(self, gate: &mut Gate, now: Now) -> Vec<Command> {
        let mut rest = Vec::new();
        for left in self.priced {
            if !take_up(gate, &left, now) {
                rest.push(resolve(left, &gate.setup().tariffs, now));
            }
        }
        for (record, state) in self.free {
            if !gate.take_up(now, &record, None, &state) {
                rest.push(Command::Record(Box::new(closed(record, None, now))));
            }
        }
        rest
    }
}

fn take_up(gate: &mut Gate, left: &OpenReservation, now: Now) -> bool {
    let (Some(record), Some(state)) = (&left.record, &left.state) else { return false };
    gate.take_up(now, record, Some((left.id, &left.entry)), state)
}

/// How one reservation of an earlier run is resolved. How long its call went on after the crash nobody knows: it is charged until
/// now, but never beyond what was reserved, and marked as estimated (R74).
fn resolve(left: OpenReservation, tariffs: &TariffBook, now: Now) -> Command {
    let OpenReservation { id, entry, record, state: _ } = left;
    let at = now.utc;
    let talked = record.as_ref().and_then(|record| record.answer).map(|answer| (at - answer).num_seconds());
    let price = record.as_ref().and_then(|record| price_of(record, tariffs));
    let amount = match (talked.and_then(|seconds| u64::try_from(seconds).ok()), price) {
        (Some(seconds), Some(price)) => Some(charge(seconds, price, entry.covered())),
        // The tariff is gone: what was reserved was its price for so long.
        (Some(_), None) => Some(entry.covered()),
        (None, _) => None,
    };
    let record = record.map(|record| Box::new(closed(record, amount, now)));
    match amount {
        Some(amount) => Command::Settle(Settle { id, amount, at, record }),
        None => Command::Expire(Expire { id, at, record }),
    }
}

fn charge(seconds: u64, price: &Price, covered: Amount) -> Amount {
    let seconds = seconds.clamp(1, covered.seconds.max(1));
    Amount::new(price.cost(seconds).min(covered.money), seconds)
}

/// The price that the call began with (R63).
fn price_of<'t>(record: &CallRecord, tariffs: &'t TariffBook) -> Option<&'t Price> {
    let number = PhoneNumber::from_digits(record.canonical.as_deref()?.strip_prefix('+')?)?;
    tariffs.price(&number, record.start).map(AsRef::as_ref)
}

fn closed(mut record: CallRecord, amount: Option<Amount>, now: Now) -> CallRecord {
    record.end = Some(now.utc);
    record.end_cause = Some(EndCause::Lost);
    record.estimated = true;
    if let Some(amount) = amount {
        record.billed_seconds = amount.seconds;
        record.cost = amount.money;
    }
    record
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::base::{DecisionId, Moment, Money, ReservationId};
    use crate::ledger::{Rounding, TariffRow};
    use crate::store::{Memory, Reports, Store};

    fn start() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).expect("a valid instant")
    }

    fn tariffs() -> TariffBook {
        let row = TariffRow {
            line: 1,
            prefix: "49".into(),
            per_minute: Money::from_micros(600_000),
            connect: Money::ZERO,
            first_increment: 1,
            next_increment: 1,
            grace: 0,
            valid_from: start().date_naive() - TimeDelta::days(30),
        };
        TariffBook::compile(&[row], chrono_tz::UTC, Rounding::default()).expect("a tariff of one row")
    }

    /// A reservation of 60 s; answered so many seconds before the restart, or never.
    fn left(answered_before: Option<i64>) -> (Memory, OpenReservation, Now) {
        let now = Now::new(Moment::START, start());
        let mut record =
            CallRecord::new(DecisionId::from_u64(7), "03023125500", start() - TimeDelta::seconds(400));
        record.canonical = Some("+493023125500".into());
        record.answer = answered_before.map(|seconds| start() - TimeDelta::seconds(seconds));
        let reserve = crate::ledger::Reserve {
            id: ReservationId::from_u64(9),
            decision: record.decision,
            amount: Amount::new(Money::from_micros(600_000), 60),
            budgets: [].into(),
            at: record.start,
            record: Box::new(record.clone()),
        };
        let mut store = Memory::default();
        let mut replies = Vec::new();
        let batch = [Command::Reserve(reserve), Command::Record(Box::new(record))];
        store.apply(&batch, &mut replies).expect("memory does not fail");
        let open = store.open_reservations().expect("memory does not fail").remove(0);
        (store, open, now)
    }

    #[test]
    fn an_answered_call_is_charged_and_one_that_rang_is_not() {
        for (answered_before, seconds, micros) in
            [(Some(20), 20, 200_000), (Some(300), 60, 600_000), (Some(-5), 60, 600_000)]
        {
            let (mut store, open, now) = left(answered_before);
            let decision = open.entry.decision;
            store.apply(&[resolve(open, &tariffs(), now)], &mut Vec::new()).expect("memory does not fail");
            let record = store.record(decision).expect("memory does not fail").expect("the call's row");
            if answered_before > Some(0) {
                assert_eq!((record.billed_seconds, record.cost.as_micros()), (seconds, micros));
                assert_eq!((record.end_cause, record.estimated), (Some(EndCause::Lost), true));
            }
            assert!(store.open_reservations().expect("memory does not fail").is_empty());
        }
        let (mut store, open, now) = left(None);
        assert!(matches!(resolve(open.clone(), &tariffs(), now), Command::Expire(_)));
        store.apply(&[resolve(open, &tariffs(), now)], &mut Vec::new()).expect("memory does not fail");
        assert!(store.open_reservations().expect("memory does not fail").is_empty());
    }
}
