//! What each transaction was opened for: it comes back with the transaction's answer or end.

use super::call::CallKey;
use super::enquiry::Asking;
use super::in_dialog::InDialog;
use super::register_through::Passed;
use super::trunk_login::OwnBye;
use crate::base::Place;
use crate::sip::{Flow, Message};
use crate::transaction::{ClientId, ServerId};

/// What a server transaction was opened for.
#[derive(Debug)]
pub(super) enum Asked {
    /// A dialog-creating INVITE that became a call.
    Call(CallKey),
    /// One whose number is asked about (R90).
    Waiting(Place),
    /// A re-INVITE of that call, passed on by `client`.
    ReInvite { call: CallKey, client: ClientId },
    /// An INVITE inside a call of an earlier run, relayed by `client`.
    Relayed(ClientId),
}

/// What a client transaction was opened for.
#[derive(Debug)]
pub(super) enum Sent {
    /// A branch of a call's search.
    Branch(CallKey),
    /// A request inside a dialog; `request` is kept of an INVITE or UPDATE, whose Contact counts once it is accepted, and of whatever
    /// goes to a trunk that may ask for credentials.
    InDialog(InDialog),
    /// A REGISTER of our own at a trunk.
    Register,
    /// A request outside any call, passed on.
    Passed(Passed),
    /// A BYE of our own towards a trunk that may ask for credentials.
    Bye(OwnBye),
    /// A request inside a call of an earlier run, relayed for `server`, with the number that it came with; `request` is kept of an INVITE, which must get a final answer.
    Relayed { server: ServerId, cseq: u32, request: Option<Box<Message>> },
    /// An OPTIONS that asks whether a trunk is there.
    Probe(Flow),
    /// An OPTIONS inside a call that was taken up.
    Asking(Asking),
    /// A CANCEL or BYE of our own: its answer changes nothing.
    Ours,
}
