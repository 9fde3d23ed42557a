//! Which call record a command leaves behind, and at what cost: what was really charged, whatever the command hoped for.

use std::borrow::Cow;

use crate::base::{DecisionId, Money};
use crate::ledger::{Amount, Book, CallRecord, Command, EndCause, Reply};

/// Carries the command out on the book; gives the reply, and the row to write, if any. A repeated command writes none: the
/// first one wrote the truth.
pub(super) fn apply_with_record<'c>(
    book: &mut Book,
    command: &'c Command,
) -> (Reply, Option<Cow<'c, CallRecord>>) {
    let known = command.reservation().is_some_and(|id| book.entry(id).is_some());
    let reply = book.apply(command);
    let record = if is_repeat(&reply) { None } else { record_after(book, command, &reply, known) };
    (reply, record)
}

/// What is to be kept for the next run: of which call, and the text.
pub(super) fn state_after<'c>(command: &'c Command, reply: &Reply) -> Option<(DecisionId, &'c str)> {
    let is_in_vain = matches!(command, Command::Answer(_)) && !matches!(reply, Reply::Answered { .. });
    command.state().filter(|_| !is_in_vain)
}

/// Nothing need be kept for the next run of a call with this row: it may have been in progress, and is over. One refused with money
/// set aside may have been written down as answered when the gate had given up waiting for that.
pub(super) fn ends_progress(record: &CallRecord) -> bool {
    record.end.is_some() && (record.end_cause != Some(EndCause::Refused) || record.reservation.is_some())
}

fn record_after<'c>(
    book: &Book,
    command: &'c Command,
    reply: &Reply,
    known: bool,
) -> Option<Cow<'c, CallRecord>> {
    let (id, asked, record) = match command {
        Command::Record(record) => return Some(Cow::Borrowed(record)),
        // A refused call's row comes from the gate, with the reason.
        Command::Reserve(reserve) => {
            let made = !known && matches!(reply, Reply::Reserved(_));
            return made.then_some(Cow::Borrowed(&*reserve.record));
        }
        Command::Extend(_) | Command::Remember(_) => return None,
        Command::Answer(answer) => {
            let open = matches!(reply, Reply::Answered { .. });
            return open.then_some(Cow::Borrowed(&*answer.record));
        }
        Command::Settle(settle) => (settle.id, settle.amount.money, settle.record.as_deref()?),
        Command::Release(release) => (release.id, Money::ZERO, release.record.as_deref()?),
        Command::Expire(expire) => (expire.id, Money::ZERO, expire.record.as_deref()?),
    };
    let mut record = record.clone();
    record.cost = book.entry(id).map_or(Money::ZERO, |entry| entry.settled.money);
    // What the book beside the gate has written off is not asked for again.
    record.written_off += (asked - record.cost).max(Money::ZERO);
    Some(Cow::Owned(record))
}

fn is_repeat(reply: &Reply) -> bool {
    match reply {
        Reply::Settled { duplicate, .. } | Reply::Released { duplicate, .. } => *duplicate,
        Reply::Reserved(_)
        | Reply::Refused { .. }
        | Reply::Extended(_)
        | Reply::ExtendRefused { .. }
        | Reply::Answered { .. }
        | Reply::Closed { .. }
        | Reply::Unknown { .. }
        | Reply::Recorded { .. }
        | Reply::Unavailable { .. } => false,
    }
}

/// A settlement as the book has made it: with fewer reservations in sight the store might charge more of an overrun.
pub(super) fn as_charged(mut command: Command, reply: &Reply) -> Command {
    if let Command::Settle(settle) = &mut command
        && let Reply::Settled { charged, written_off, duplicate: false, .. } = reply
        && *written_off != Amount::ZERO
    {
        settle.amount = *charged;
        if let Some(record) = &mut settle.record {
            record.written_off = written_off.money;
        }
    }
    command
}
