//! What the ledger answers. A refusal is a value; only `Unavailable` means that something broke.

use crate::base::{DecisionId, ReservationId};

use super::{Account, Amount, Limit, PeriodKey, Reservation};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Every budget has room and the amount is set aside; also the answer to a repeated Reserve while the call lasts.
    Reserved(Reservation),
    /// Nothing was set aside anywhere; nothing is remembered, so asking again asks anew.
    Refused {
        id: ReservationId,
        exhausted: Exhausted,
    },
    Extended(Reservation),
    /// The reservation stands as it was: the call ends with its slice, not before (R64).
    ExtendRefused {
        id: ReservationId,
        exhausted: Exhausted,
    },
    /// The answer of this call is on the disk.
    Answered {
        id: ReservationId,
    },
    Settled {
        id: ReservationId,
        /// Total charged for the call.
        charged: Amount,
        /// The part of the asked amount beyond reservation and limits: nobody pays it, someone must look at it.
        written_off: Amount,
        /// This settlement was already made; the amounts are those of the first time.
        duplicate: bool,
    },
    /// Freed, by Release or Expire; `charged` is what renewals had already settled at midnight, and stays settled.
    Released {
        id: ReservationId,
        charged: Amount,
        duplicate: bool,
    },
    /// The reservation has already ended otherwise: nothing was changed.
    Closed {
        id: ReservationId,
        resolution: Resolution,
    },
    /// There is no such reservation: nothing was charged.
    Unknown {
        id: ReservationId,
    },
    Recorded {
        decision: DecisionId,
    },
    /// The store is down. Reserve and Extend got nothing, and an Answer was not written as far as anybody knows; the others never
    /// get this answer, they are kept and retried.
    Unavailable {
        id: ReservationId,
        why: Unavailable,
    },
}

impl Reply {
    /// The reservation this is about; `None` for a bare record.
    pub fn reservation(&self) -> Option<ReservationId> {
        match self {
            Reply::Reserved(reservation) | Reply::Extended(reservation) => Some(reservation.id()),
            Reply::Refused { id, .. }
            | Reply::ExtendRefused { id, .. }
            | Reply::Answered { id }
            | Reply::Settled { id, .. }
            | Reply::Released { id, .. }
            | Reply::Closed { id, .. }
            | Reply::Unknown { id }
            | Reply::Unavailable { id, .. } => Some(*id),
            Reply::Recorded { .. } => None,
        }
    }
}

/// The first budget, in the order of the command, that has no room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// Position in the command's `budgets`.
    pub index: usize,
    pub account: Account,
    pub period: PeriodKey,
    pub limit: Limit,
    /// What is left under this limit, for another call or a shorter slice.
    pub left: Limit,
}

/// How a reservation ended; each ends once (R69).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    Settled { charged: Amount, written_off: Amount },
    Released,
    Expired,
}

/// Why nothing can be reserved just now; the operator's to mend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unavailable {
    #[error("the store cannot be written")]
    NotWritable,
    #[error("the store's file is gone or was replaced")]
    FileGone,
    #[error("the store has no space left")]
    Full,
    #[error("the store is busy or locked")]
    Busy,
    #[error("another process writes to the store")]
    TakenOver,
    #[error("the store's content is damaged")]
    Damaged,
    #[error("too many commands wait for the store")]
    Overloaded,
    #[error("the store has stopped")]
    Stopped,
    #[error("the clock was put back by more than two days")]
    ClockPutBack,
    #[error("a reservation names at most 32 budgets")]
    TooManyBudgets,
}
