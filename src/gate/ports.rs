//! What goes into the gate and what comes out of it: all that the world has to do with it.

use std::sync::Arc;

use bytes::Bytes;

use super::Event;
use super::look_up::LookedUp;
use crate::base::PhoneNumber;
use crate::ledger;
use crate::sip::{Flow, Hop, Malformed, Message, ServerName};

/// What may happen to the gate. It is handed over by value once, so its size costs less than a box would.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a message on its way in is the usual case, not the rare one")]
pub enum Input {
    /// A message, or what cannot be one, came over this flow.
    Received {
        flow: Flow,
        message: Result<Message, Malformed>,
    },
    LedgerReplied(ledger::Reply),
    /// What a contact database says of a number that it was asked about (R90).
    LookedUp {
        database: Arc<str>,
        number: PhoneNumber,
        answer: LookedUp,
    },
    /// Nothing can be sent over this flow: refused, reset, unreachable.
    TransportFailed {
        flow: Flow,
    },
    /// A connection is gone, and with it the phones behind it.
    ConnectionClosed {
        flow: Flow,
    },
    /// Over this connection speaks a trunk: its certificate says so (R20, RFC 5922).
    Proved {
        flow: Flow,
        trunk: Arc<str>,
    },
    /// Where a trunk's name leads to now; nowhere, if its addresses have become too old to trust.
    Located {
        server: ServerName,
        hops: Vec<Hop>,
    },
}

/// What the gate wants done.
#[derive(Debug)]
pub enum Output {
    Send {
        flow: Flow,
        bytes: Bytes,
    },
    Ledger(ledger::Command),
    /// A contact database shall be asked about this number; the answer is awaited (R90).
    LookUp {
        database: Arc<str>,
        number: PhoneNumber,
    },
    Event(Event),
}
