//! Requests that are too long for UDP (RFC 3261 §18.1.1): they go to the trunk over TCP, and by UDP after all where TCP is refused.

use std::sync::Arc;

use super::call::{CallKey, Login};
use super::setup::Snapshot;
use super::{Gate, Sent};
use crate::base::{Moment, Now};
use crate::proxy::Target;
use crate::sip::{ConnectionId, Flow, Method, Transport};
use crate::transaction::ClientId;

/// The path's MTU is not known here (§18.1.1).
const LONGEST_DATAGRAM_BYTES: usize = 1_300;

impl Gate {
    /// The same target over TCP, if an INVITE of this length must not go there over UDP. Phones are reached over the flow that
    /// they registered from and no other.
    pub(super) fn over_tcp(
        &self,
        setup: &Snapshot,
        now: Moment,
        target: &Target,
        length: usize,
    ) -> Option<Target> {
        let remote = target.flow.remote;
        let trunk = target.trunk.as_deref().and_then(|name| setup.trunks.trunk(name))?;
        let is_long = target.flow.transport == Transport::Udp && length > LONGEST_DATAGRAM_BYTES;
        if !is_long || !trunk.care.long_by_tcp || !self.health.may_take_tcp(now, remote) {
            return None;
        }
        let listener = setup.interfaces.towards(Transport::Tcp, remote.ip())?;
        let flow = Flow { transport: Transport::Tcp, listener, remote, connection: ConnectionId::NONE };
        Some(Target { flow, ..target.clone() })
    }

    /// No connection could be made for a long INVITE: it leaves by UDP, in the same place of the search and on the same reservation.
    /// False if this branch did not try TCP in UDP's stead.
    pub(super) fn fall_back_to_udp(&mut self, now: Now, key: CallKey, client: ClientId) -> bool {
        let setup = Arc::clone(&self.setup);
        let Some(search) = self.calls.at_mut(key).and_then(|call| call.search.written()) else {
            return false;
        };
        let Some(at) = search.branches.iter().position(|branch| branch.client == client) else {
            return false;
        };
        let Some(target) = search.branches[at].instead_of.take() else { return false };
        self.health.refuses_tcp(now.moment, target.flow.remote);
        // The caller may have hung up, or another branch been answered, while the connection was made.
        if !search.context.restart(search.branches[at].index) {
            return false;
        }
        let Some((branch, bytes)) = self.made_for(&setup, key, &target, None) else { return false };
        let payload = Sent::Branch(key);
        let client =
            self.transactions.request(now.moment, target.flow, Method::Invite, &branch, bytes, payload);
        let Some(call) = self.calls.at_mut(key) else { return false };
        let Some(invite) = call.invite.as_deref() else { return false };
        let sent = &mut call.search.branches[at];
        sent.client = client;
        sent.silent_until = target.silence.map(|silence| now.moment + silence);
        if let Some(login) = &mut sent.login {
            **login = Login::before(&target, invite);
        }
        true
    }
}
