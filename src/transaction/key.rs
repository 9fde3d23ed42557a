//! How a request finds its server transaction: RFC 3261 §17.2.3, for peers of RFC 2543 too.

use std::hash::{BuildHasher, Hash, Hasher};
use std::net::IpAddr;

use ahash::RandomState;

use crate::base::Random;
use crate::sip::{MAGIC_COOKIE, Message, Method};

/// A keyed 128-bit hash of what identifies a transaction. Two requests share it by chance once in 10^38, and by intent only
/// if the sender knows the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(u128);

/// Makes keys; the hash is keyed afresh at every start.
pub(super) struct Keys {
    halves: [RandomState; 2],
}

impl Keys {
    pub(super) fn new(random: &mut Random) -> Keys {
        let mut half = || RandomState::with_seeds(random.u64(), random.u64(), random.u64(), random.u64());
        Keys { halves: [half(), half()] }
    }

    /// The transaction that a request from this address belongs to. An ACK belongs to its INVITE.
    pub(super) fn of(&self, from: IpAddr, request: &Message) -> Key {
        let method =
            if request.method() == Method::Ack { Method::Invite.as_str() } else { request.method_text() };
        self.with_method(from, request, method)
    }

    /// The INVITE that a CANCEL is about: the same key but for the method (§9.2).
    pub(super) fn of_cancelled(&self, from: IpAddr, cancel: &Message) -> Key {
        self.with_method(from, cancel, Method::Invite.as_str())
    }

    /// With the cookie: branch, sent-by and method. Without it, all of the top Via and the Request-URI instead of a branch
    /// that cannot be trusted to be unique; not the To tag, which an ACK has and its INVITE has not.
    ///
    /// In both, also Call-ID, CSeq number and From tag, which every retransmission, ACK and CANCEL repeats: so a peer that
    /// uses one branch for two calls is understood, and a forger must know more than a branch. And the address it came from: all of
    /// that is read by everybody downstream, who could else cancel the call of another, or take the place of her CANCEL.
    fn with_method(&self, from: IpAddr, request: &Message, method: &str) -> Key {
        let via = request.top_via();
        let branch = request.branch().unwrap_or_default();
        let numbers = [u64::from(via.port().unwrap_or(0)), u64::from(request.cseq())];
        let modern = branch.starts_with(MAGIC_COOKIE);
        let (transport, uri) = if modern { ("", "") } else { (via.transport(), request.request_uri()) };
        let texts: [&[u8]; 7] = [
            method.as_bytes(),
            branch.as_bytes(),
            via.host().as_bytes(),
            transport.as_bytes(),
            uri.as_bytes(),
            request.call_id(),
            request.from_tag().unwrap_or_default(),
        ];
        let [high, low] = self.halves.each_ref().map(|half| {
            let mut hasher = half.build_hasher();
            for text in texts {
                // The length keeps one field from running into the next.
                hasher.write_usize(text.len());
                hasher.write(text);
            }
            numbers.into_iter().for_each(|number| hasher.write_u64(number));
            from.to_canonical().hash(&mut hasher);
            hasher.finish()
        });
        Key(u128::from(high) << 64 | u128::from(low))
    }
}

/// For a table of keys: they are hashes already.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn write(&mut self, bytes: &[u8]) {
        // Only reached by keys of another kind; correct, if slow.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
