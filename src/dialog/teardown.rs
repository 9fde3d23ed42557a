//! Ending a call from the middle (R70, R71): the BYE that each end would have had from its peer. RFC 3261 §15 gives BYE to
//! user agents alone; why the gate sends one all the same stands in `docs/rfc-coverage.md`.

use bytes::Bytes;
use smallvec::SmallVec;

use super::{Dialog, End};
use crate::sip::{Flow, Name, NewRequest};

/// What the gate adds to a BYE of its own.
#[derive(Clone, Copy, Debug)]
pub struct Teardown<'a> {
    /// The Via value, with its branch.
    pub via: &'a str,
    /// The value of the Reason header (RFC 3326): why the call ends.
    pub reason: &'a str,
    /// Authorization or Proxy-Authorization, where the receiver has asked for it.
    pub proofs: &'a [(Name, String)],
}

/// The BYE towards `end`, written as the other end would: its tags, its next CSeq, the route set of the receiver. A second BYE is
/// a new request.
pub fn bye(dialog: &mut Dialog, end: End, teardown: Teardown<'_>) -> (Flow, Bytes) {
    let mut extra: SmallVec<[(&str, &str); 2]> = SmallVec::from_iter([("Reason", teardown.reason)]);
    extra.extend(teardown.proofs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    own_request(dialog, end, "BYE", teardown.via, &extra)
}

/// OPTIONS towards `end`, likewise: whether it is still in this call (RFC 3261 §11.2).
pub fn options(dialog: &mut Dialog, end: End, via: &str) -> (Flow, Bytes) {
    own_request(dialog, end, "OPTIONS", via, &[("Accept", "application/sdp")])
}

/// A request of the gate's own towards `end`, in the name of the other.
fn own_request(
    dialog: &mut Dialog,
    end: End,
    method: &str,
    via: &str,
    extra: &[(&str, &str)],
) -> (Flow, Bytes) {
    let cseq = dialog.side_mut(end.other()).own_cseq();
    let (writer, receiver) = (dialog.side(end.other()), dialog.side(end));
    let routes: SmallVec<[&str; 2]> = receiver.routes().iter().map(AsRef::as_ref).collect();
    let request = NewRequest {
        method,
        uri: receiver.target(),
        via,
        routes: &routes,
        from: writer.shown(),
        to: receiver.address(),
        call_id: &String::from_utf8_lossy(dialog.call_id()),
        cseq,
        extra,
        body: None,
    };
    (receiver.hop(), request.to_bytes())
}

/// The ACK of a 2xx that nobody upstream waits for, as the caller would write it (RFC 3261 §13.2.2.4). `cseq` is that of the
/// INVITE as the caller wrote it.
pub fn ack(dialog: &Dialog, cseq: u32, via: &str) -> (Flow, Bytes) {
    let (writer, receiver) = (dialog.side(End::Caller), dialog.side(End::Callee));
    let routes: SmallVec<[&str; 2]> = receiver.routes().iter().map(AsRef::as_ref).collect();
    let request = NewRequest {
        method: "ACK",
        uri: receiver.target(),
        via,
        routes: &routes,
        from: writer.shown(),
        to: receiver.address(),
        call_id: &String::from_utf8_lossy(dialog.call_id()),
        cseq: writer.invite_sent_as(cseq),
        extra: &[],
        body: None,
    };
    (receiver.hop(), request.to_bytes())
}
