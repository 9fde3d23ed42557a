//! What a machine asks of the set of transactions that keeps it: the right-hand sides of the figures in RFC 3261 §17.

/// After an alarm, of any machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    /// The wheel woke for an alarm that was taken back.
    Nothing,
    /// Timer A or E: the request once more. Timer G: the response.
    SendAgain,
    /// Timer B, F or H, or 64*T1 after a CANCEL: the other side is silent. The transaction is terminated.
    TimedOut,
    /// Timer D, I, J, K, L or M: nothing more can come. The transaction is terminated.
    End,
}

/// After a response, of a client machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// A repeat, or one that no longer counts.
    Ignore,
    /// News to the transaction user.
    Deliver,
    /// News, and the end of an INVITE without a call: acknowledge it, then tell.
    AcknowledgeAndDeliver,
    /// The same final response again: the ACK got lost.
    AcknowledgeAgain,
}

/// After the transport failed under a client machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// Nothing was waiting to be carried.
    Ignore,
    /// The request is lost: the transaction is terminated and its user told.
    Tell,
    /// Only an ACK is lost; the user has its final response. The transaction is terminated.
    End,
}

/// What becomes of a response that the transaction user hands to a server machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Too late: the request has its final response.
    Refuse,
    /// Sent, and nothing is kept: the user takes care of repeats (2xx to an INVITE).
    Send,
    /// Sent, and kept to be sent again.
    SendAndKeep,
}

/// What becomes of an ACK that matches an INVITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acknowledged {
    /// A repeat, or one that acknowledges nothing yet.
    Ignore,
    /// The kept response has served.
    Done,
    /// The INVITE was accepted: the ACK belongs to the dialog.
    Pass,
}
