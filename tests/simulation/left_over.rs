//! What a start does with the reservations of an earlier life, in the words of the town.

use tollgate::base::Now;
use tollgate::ledger::{Amount, Command, EndCause, Expire, Settle};
use tollgate::store::{OpenReservation, Reports};

use super::vault::Vault;

/// Whoever was answered pays for what was reserved; whoever only rang is freed.
pub fn resolve(vault: &Vault, now: Now) -> Vec<Command> {
    let open = vault.durable().open_reservations().expect("memory does not fail");
    open.into_iter().map(|left| close(left, now)).collect()
}

fn close(left: OpenReservation, now: Now) -> Command {
    let OpenReservation { id, entry, record, state: _ } = left;
    let is_answered = record.as_ref().is_some_and(|record| record.answer.is_some());
    let amount = if is_answered { entry.covered() } else { Amount::ZERO };
    let record = record.map(|mut record| {
        record.end = Some(now.utc);
        record.end_cause = Some(EndCause::Lost);
        record.estimated = true;
        record.billed_seconds = amount.seconds;
        record.cost = amount.money;
        Box::new(record)
    });
    match is_answered {
        true => Command::Settle(Settle { id, amount, at: now.utc, record }),
        false => Command::Expire(Expire { id, at: now.utc, record }),
    }
}
