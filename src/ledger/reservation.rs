//! The proof that a call can be paid: minted only in this room, so that a call that skipped it does not compile.

use crate::base::ReservationId;

use super::Amount;

/// Money and talk time set aside for one call, or the zero reservation of a free one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    id: ReservationId,
    covered: Amount,
    warned: bool,
    /// What was left beyond it when it was granted or renewed; `None` for a free one.
    left: Option<Amount>,
    free: bool,
}

impl Reservation {
    /// The reservation of an emergency or free call: nothing, in no book, and it waits for no store (R41).
    pub fn free(id: ReservationId) -> Reservation {
        Reservation { id, covered: Amount::ZERO, warned: false, left: None, free: true }
    }

    pub(super) fn granted(id: ReservationId, covered: Amount, warned: bool) -> Reservation {
        Reservation { id, covered, warned, left: None, free: false }
    }

    pub(super) fn with_left(self, left: Amount) -> Reservation {
        Reservation { left: Some(left), ..self }
    }

    /// What every hard budget still allowed beyond it, each part with no end if none counts it. Other calls may take it.
    pub fn left(&self) -> Option<Amount> {
        self.left
    }

    pub fn id(&self) -> ReservationId {
        self.id
    }

    /// The call's total that is paid for, from its first second.
    pub fn covered(&self) -> Amount {
        self.covered
    }

    /// A soft limit is exceeded by this call: tell someone, let it go on.
    pub fn warned(&self) -> bool {
        self.warned
    }

    /// Made by `free`: there is nothing to extend, settle or release.
    pub fn is_free(&self) -> bool {
        self.free
    }
}
