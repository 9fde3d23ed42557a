//! What the ledger is asked to do. Every money command carries its reservation's id; asking twice is harmless (R69).

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::base::{DecisionId, ReservationId};

use super::{Amount, BudgetLine, CallRecord};

/// Budgets on one reservation: person, department, company and trunk with three periods and two quantities each make 24.
pub const BUDGETS_MAX: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    Reserve(Reserve),
    Extend(Extend),
    Answer(Answer),
    Settle(Settle),
    Release(Release),
    Expire(Expire),
    /// Writes or replaces the row of one call attempt (R100): refusals, emergency and free calls, changes in mid-call.
    Record(Box<CallRecord>),
    Remember(Remember),
}

/// Sets `amount` aside in every budget at once, or in none (R64).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserve {
    pub id: ReservationId,
    pub decision: DecisionId,
    /// Connect fee and first slice, and the seconds they buy.
    pub amount: Amount,
    /// At most `BUDGETS_MAX`; none at all is a call that costs but that nobody limits.
    pub budgets: Arc<[BudgetLine]>,
    #[serde(with = "chrono::serde::ts_microseconds")]
    pub at: DateTime<Utc>,
    /// The opening row: the facts of the verdict. Written in the same commit, and only if the reservation is made.
    pub record: Box<CallRecord>,
}

/// Renews a reservation before its slice runs out (R64), and carries it over midnight into new periods (R81) or under changed
/// budgets (R76), in one step. Refused, it leaves the reservation as it was. Totals, not steps, make a repeat harmless.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extend {
    pub id: ReservationId,
    /// The call's total so far that belongs to periods now over: it is settled in the accounts of the old lines. Zero until
    /// the first midnight; never less than at the last renewal.
    pub charged: Amount,
    /// The call's total, from its first second, that settled and reserved money shall cover from now on.
    pub total: Amount,
    /// The budgets of the current periods with their limits of now.
    pub budgets: Arc<[BudgetLine]>,
    /// The limits have changed (R76): they are held against all that the call holds, not only against what it asks beyond, and
    /// a smaller total gives the rest back. Refused, what is left says how much the call may hold at all.
    pub anew: bool,
    #[serde(with = "chrono::serde::ts_microseconds")]
    pub at: DateTime<Utc>,
}

/// The call has its first 2xx. Answered only when the row that says so is durable: until then nobody is connected (R91).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub id: ReservationId,
    #[serde(with = "chrono::serde::ts_microseconds")]
    pub at: DateTime<Utc>,
    /// The call's row, with its answer.
    pub record: Box<CallRecord>,
    /// What the next run of the gate needs to take the call up again; the ledger keeps it unread until the call is over. A store
    /// that writes commands down keeps it beside them: a text within a text would be escaped.
    #[serde(skip)]
    pub state: Option<Box<str>>,
}

/// What the next run of the gate must know of a call in progress has changed; as in `Answer`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remember {
    pub decision: DecisionId,
    #[serde(with = "chrono::serde::ts_microseconds")]
    pub at: DateTime<Utc>,
    /// As in `Answer`.
    #[serde(skip)]
    pub state: Box<str>,
}

/// The call is over and costs `amount` in all; the rest of the reservation is freed (R69).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settle {
    pub id: ReservationId,
    /// The call's whole cost and talk time, including what renewals have already settled at midnight.
    pub amount: Amount,
    #[serde(with = "chrono::serde::ts_microseconds")]
    pub at: DateTime<Utc>,
    /// The closing row; its cost is overwritten with what was really charged. `None` leaves the row as it is.
    pub record: Option<Box<CallRecord>>,
}

/// The call never was: final non-2xx, CANCEL or timeout (R67).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    pub id: ReservationId,
    #[serde(with = "chrono::serde::ts_microseconds")]
    pub at: DateTime<Utc>,
    pub record: Option<Box<CallRecord>>,
}

/// No call belongs to this reservation any more, as after a crash (R91).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expire {
    pub id: ReservationId,
    #[serde(with = "chrono::serde::ts_microseconds")]
    pub at: DateTime<Utc>,
    pub record: Option<Box<CallRecord>>,
}

impl Command {
    /// The reservation this is about; `None` for a bare record.
    pub fn reservation(&self) -> Option<ReservationId> {
        match self {
            Command::Reserve(reserve) => Some(reserve.id),
            Command::Extend(extend) => Some(extend.id),
            Command::Answer(answer) => Some(answer.id),
            Command::Settle(settle) => Some(settle.id),
            Command::Release(release) => Some(release.id),
            Command::Expire(expire) => Some(expire.id),
            Command::Record(_) | Command::Remember(_) => None,
        }
    }

    /// What it says to the next run of the gate, and about which call; whoever writes commands down keeps that beside them.
    pub fn state(&self) -> Option<(DecisionId, &str)> {
        match self {
            Command::Answer(answer) => Some((answer.record.decision, answer.state.as_deref()?)),
            Command::Remember(remember) => Some((remember.decision, &remember.state)),
            Command::Reserve(_)
            | Command::Extend(_)
            | Command::Settle(_)
            | Command::Release(_)
            | Command::Expire(_)
            | Command::Record(_) => None,
        }
    }

    /// The command with what `state` has said of it.
    #[must_use]
    pub fn with_state(mut self, state: Option<&str>) -> Command {
        match &mut self {
            Command::Answer(answer) => answer.state = state.map(Box::from),
            Command::Remember(remember) => remember.state = state.unwrap_or_default().into(),
            Command::Reserve(_)
            | Command::Extend(_)
            | Command::Settle(_)
            | Command::Release(_)
            | Command::Expire(_)
            | Command::Record(_) => {}
        }
        self
    }

    /// The budgets that a question names.
    pub fn budgets(&self) -> Option<&Arc<[BudgetLine]>> {
        match self {
            Command::Reserve(reserve) => Some(&reserve.budgets),
            Command::Extend(extend) => Some(&extend.budgets),
            Command::Answer(_)
            | Command::Settle(_)
            | Command::Release(_)
            | Command::Expire(_)
            | Command::Record(_)
            | Command::Remember(_) => None,
        }
    }

    /// When it was asked; for a bare record, when the call began.
    pub fn at(&self) -> DateTime<Utc> {
        match self {
            Command::Reserve(reserve) => reserve.at,
            Command::Extend(extend) => extend.at,
            Command::Answer(answer) => answer.at,
            Command::Settle(settle) => settle.at,
            Command::Release(release) => release.at,
            Command::Expire(expire) => expire.at,
            Command::Record(record) => record.start,
            Command::Remember(remember) => remember.at,
        }
    }

    /// Whether somebody waits for the answer, and must hear at once when nothing can be written.
    pub fn is_question(&self) -> bool {
        match self {
            Command::Reserve(_) | Command::Extend(_) | Command::Answer(_) => true,
            Command::Settle(_)
            | Command::Release(_)
            | Command::Expire(_)
            | Command::Record(_)
            | Command::Remember(_) => false,
        }
    }

    /// Whether its answer waits for the commit. The book in memory answers everything else at once; what it has decided is kept
    /// until it is written.
    pub fn waits_for_commit(&self) -> bool {
        match self {
            Command::Answer(_) => true,
            Command::Reserve(_)
            | Command::Extend(_)
            | Command::Settle(_)
            | Command::Release(_)
            | Command::Expire(_)
            | Command::Record(_)
            | Command::Remember(_) => false,
        }
    }
}
