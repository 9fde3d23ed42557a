//! The mark in our Record-Route (RFC 3261 §16.6 item 4): which call it is of, and, sealed, where the holder's requests in it go. So the
//! gate knows its own value among others, and knows the dialogs of an earlier run without any memory of them (R12).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Deref;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::flow::{ConnectionId, Flow, ListenerId, Transport};
use crate::base::DecisionId;

/// Name of the URI parameter; its value begins with the id of the call's decision.
pub const ROUTE_MARK: &str = "tg";

/// Letters of a printed decision id.
const ID_LETTERS: usize = 13;
/// Half of an HMAC-SHA-256 (RFC 2104 §5), as in nonces.
const SEAL: usize = 16;
/// Of the target at the time: enough that nobody finds another one by asking the gate four billion times.
const TARGET: usize = 4;
/// Flags, listener, the lead of the CSeq, two IPv6 addresses, a port, the target, the seal.
const BYTES_MAX: usize = 3 + 16 + 16 + 2 + TARGET + SEAL;
const LETTERS_MAX: usize = ID_LETTERS + (BYTES_MAX * 8).div_ceil(5);
/// Crockford's base 32, as ids have it: a proxy that changes the case of a parameter breaks nothing.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What a call costs, as far as a mark tells: calls that cost are taken up again from the ledger or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    Priced,
    Free,
    Emergency,
}

/// What the holder of a mark may do: speak, in this call, from this address, to that flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub decision: DecisionId,
    pub kind: CallKind,
    /// The holder is the one who was called.
    pub held_by_callee: bool,
    /// Where the holder speaks from.
    pub holder: IpAddr,
    /// How much higher the holder's requests count on the other side, where a trunk has asked for a password.
    pub ahead: u8,
    /// The way to the other side; its connection is that of an earlier run, and so none.
    pub hop: Flow,
}

/// The words that a mark is bound to, so that it is worth nothing in another call.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a> {
    pub call_id: &'a [u8],
    /// Of the dialog's caller: its From-tag in her requests, its To-tag in the callee's.
    pub caller_tag: &'a [u8],
}

/// A mark that was opened: made by us, for this call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    pub mark: Mark,
    target: [u8; TARGET],
}

/// Makes and opens marks with one key.
#[derive(Clone)]
pub struct Seal {
    /// Keyed once; each mark begins with a copy.
    keyed: Hmac<Sha256>,
}

impl Seal {
    pub fn new(key: [u8; 32]) -> Seal {
        Seal { keyed: Hmac::<Sha256>::new_from_slice(&key).expect("HMAC takes keys of any length") }
    }

    /// The mark as it stands in the URI. `target` is the Request-URI of the holder's requests, unless the other side moves.
    pub fn close(&self, mark: &Mark, bound: Bound<'_>, target: &str) -> MarkText {
        let mut bytes = Bytes::default();
        bytes.put(&[flags(mark), mark.hop.listener.0, mark.ahead]);
        bytes.put_address(mark.holder);
        bytes.put_address(mark.hop.remote.ip());
        bytes.put(&mark.hop.remote.port().to_be_bytes());
        bytes.put(&self.print(target));
        let seal = self.seal(mark.decision, bytes.as_slice(), bound);
        bytes.put(&seal);
        MarkText::of(mark.decision, bytes.as_slice())
    }

    /// `None` for what is no mark of ours, or one of another call. `from_tag` and `to_tag` as the request has them.
    pub fn open(&self, text: &str, call_id: &[u8], from_tag: &[u8], to_tag: &[u8]) -> Option<Opened> {
        let (id, letters) = text.split_at_checked(ID_LETTERS)?;
        let decision: DecisionId = id.parse().ok()?;
        let bytes = Bytes::read(letters)?;
        let (named, seal) = bytes.as_slice().split_at_checked(bytes.length.checked_sub(SEAL)?)?;
        let caller_tag = if named.first()? & HELD_BY_CALLEE != 0 { to_tag } else { from_tag };
        let wanted = self.seal(decision, named, Bound { call_id, caller_tag });
        if !bool::from(wanted.ct_eq(seal)) {
            return None;
        }
        read(decision, named)
    }

    /// Whether this was the target when the mark was made.
    pub fn is_target(&self, opened: &Opened, uri: &str) -> bool {
        bool::from(self.print(uri).ct_eq(&opened.target))
    }

    fn seal(&self, decision: DecisionId, named: &[u8], bound: Bound<'_>) -> [u8; SEAL] {
        let mut mac = self.keyed.clone();
        mac.update(b"mark");
        mac.update(&decision.as_u64().to_be_bytes());
        for part in [named, bound.call_id, bound.caller_tag] {
            // No header is longer than 64 KiB; the lengths keep one part from running into the next.
            mac.update(&(part.len() as u32).to_be_bytes());
            mac.update(part);
        }
        first(mac)
    }

    fn print(&self, target: &str) -> [u8; TARGET] {
        let mut mac = self.keyed.clone();
        mac.update(b"target");
        mac.update(target.as_bytes());
        first(mac)
    }
}

/// The decision that a mark begins with, sealed or not.
pub fn decision_of_mark(mark: &str) -> Option<&str> {
    mark.get(..ID_LETTERS)
}

/// A mark as text; its letters need no escape in a URI (RFC 3261 §25.1 `unreserved`).
#[derive(Clone, Copy, Debug)]
pub struct MarkText {
    letters: [u8; LETTERS_MAX],
    length: usize,
}

impl MarkText {
    fn of(decision: DecisionId, bytes: &[u8]) -> MarkText {
        let mut text = MarkText { letters: [b'0'; LETTERS_MAX], length: ID_LETTERS };
        text.letters[..ID_LETTERS].copy_from_slice(decision.text().as_bytes());
        let (mut bits, mut count) = (0u32, 0);
        for byte in bytes {
            bits = bits << 8 | u32::from(*byte);
            count += 8;
            while count >= 5 {
                count -= 5;
                text.push(bits >> count);
            }
        }
        if count > 0 {
            text.push(bits << (5 - count));
        }
        text
    }

    fn push(&mut self, bits: u32) {
        self.letters[self.length] = ALPHABET[(bits & 31) as usize];
        self.length += 1;
    }
}

impl Deref for MarkText {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.letters[..self.length]).unwrap_or_default()
    }
}

/// The sealed part, without an allocation.
struct Bytes {
    bytes: [u8; BYTES_MAX],
    length: usize,
}

impl Default for Bytes {
    fn default() -> Bytes {
        Bytes { bytes: [0; BYTES_MAX], length: 0 }
    }
}

impl Bytes {
    fn read(letters: &str) -> Option<Bytes> {
        let mut bytes = Bytes::default();
        let (mut bits, mut count) = (0u32, 0);
        for letter in letters.bytes() {
            let digit = ALPHABET.iter().position(|known| *known == letter.to_ascii_uppercase())?;
            bits = (bits & 0xFF) << 5 | digit as u32;
            count += 5;
            if count >= 8 {
                count -= 8;
                *bytes.bytes.get_mut(bytes.length)? = (bits >> count) as u8;
                bytes.length += 1;
            }
        }
        // One text for one mark: what fills up the last letter is zero, and no letter follows it.
        let is_whole = count < 5 && bits & ((1 << count) - 1) == 0;
        is_whole.then_some(bytes)
    }

    fn put(&mut self, part: &[u8]) {
        self.bytes[self.length..self.length + part.len()].copy_from_slice(part);
        self.length += part.len();
    }

    fn put_address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.put(&address.octets()),
            IpAddr::V6(address) => self.put(&address.octets()),
        }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

const HELD_BY_CALLEE: u8 = 1;
const HOLDER_V6: u8 = 2;
const HOP_V6: u8 = 4;
const TRANSPORT_SHIFT: u32 = 3;
const KIND_SHIFT: u32 = 5;

fn flags(mark: &Mark) -> u8 {
    let transport = match mark.hop.transport {
        Transport::Udp => 0,
        Transport::Tcp => 1,
        Transport::Tls => 2,
    };
    let kind = match mark.kind {
        CallKind::Priced => 0,
        CallKind::Free => 1,
        CallKind::Emergency => 2,
    };
    let bit = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
    bit(mark.held_by_callee, HELD_BY_CALLEE)
        | bit(mark.holder.is_ipv6(), HOLDER_V6)
        | bit(mark.hop.remote.is_ipv6(), HOP_V6)
        | transport << TRANSPORT_SHIFT
        | kind << KIND_SHIFT
}

/// What was written by `Seal::close`, its seal taken off.
fn read(decision: DecisionId, named: &[u8]) -> Option<Opened> {
    let (head, rest) = named.split_first_chunk::<3>()?;
    let [flags, listener, ahead] = *head;
    let (holder, rest) = address(rest, flags & HOLDER_V6 != 0)?;
    let (remote, rest) = address(rest, flags & HOP_V6 != 0)?;
    let (port, rest) = rest.split_first_chunk::<2>()?;
    let target: [u8; TARGET] = rest.try_into().ok()?;
    let transport = match flags >> TRANSPORT_SHIFT & 3 {
        0 => Transport::Udp,
        1 => Transport::Tcp,
        2 => Transport::Tls,
        _ => return None,
    };
    let kind = match flags >> KIND_SHIFT & 3 {
        0 => CallKind::Priced,
        1 => CallKind::Free,
        2 => CallKind::Emergency,
        _ => return None,
    };
    let hop = Flow {
        transport,
        listener: ListenerId(listener),
        remote: SocketAddr::new(remote, u16::from_be_bytes(*port)),
        connection: ConnectionId::NONE,
    };
    let held_by_callee = flags & HELD_BY_CALLEE != 0;
    Some(Opened { mark: Mark { decision, kind, held_by_callee, holder, ahead, hop }, target })
}

fn address(bytes: &[u8], is_v6: bool) -> Option<(IpAddr, &[u8])> {
    if is_v6 {
        let (octets, rest) = bytes.split_first_chunk::<16>()?;
        Some((Ipv6Addr::from(*octets).into(), rest))
    } else {
        let (octets, rest) = bytes.split_first_chunk::<4>()?;
        Some((Ipv4Addr::from(*octets).into(), rest))
    }
}

fn first<const LENGTH: usize>(mac: Hmac<Sha256>) -> [u8; LENGTH] {
    let full: [u8; 32] = mac.finalize().into_bytes().into();
    let mut part = [0; LENGTH];
    part.copy_from_slice(&full[..LENGTH]);
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: &str = "sip:bob@192.0.2.7:5070";

    fn mark(holder: &str, remote: &str, transport: Transport) -> Mark {
        Mark {
            decision: DecisionId::from_u64(u64::MAX - 7),
            kind: CallKind::Free,
            held_by_callee: false,
            ahead: 3,
            holder: holder.parse().unwrap(),
            hop: Flow {
                transport,
                listener: ListenerId(3),
                remote: remote.parse().unwrap(),
                connection: ConnectionId::NONE,
            },
        }
    }

    fn bound<'a>(call_id: &'a [u8], caller_tag: &'a [u8]) -> Bound<'a> {
        Bound { call_id, caller_tag }
    }

    #[test]
    fn what_is_sealed_opens_again_for_its_own_call_alone() {
        let seal = Seal::new([7; 32]);
        for (holder, remote, transport) in [
            ("192.0.2.1", "192.0.2.7:5070", Transport::Udp),
            ("2001:db8::1", "192.0.2.7:1", Transport::Tcp),
            ("192.0.2.1", "[2001:db8::2]:65535", Transport::Tls),
            ("2001:db8::1", "[2001:db8::2]:5060", Transport::Udp),
        ] {
            for (held_by_callee, tags) in [(false, [b"a", b"b"]), (true, [b"b", b"a"])] {
                let mark = Mark { held_by_callee, ..mark(holder, remote, transport) };
                let text = seal.close(&mark, bound(b"call", b"a"), TARGET);
                let opened = seal.open(&text, b"call", tags[0], tags[1]).expect("our own mark");
                assert_eq!(opened.mark, mark);
                assert!(seal.is_target(&opened, TARGET) && !seal.is_target(&opened, "sip:+1900@192.0.2.7"));
                assert_eq!(seal.open(&text.to_ascii_lowercase(), b"call", tags[0], tags[1]), Some(opened));
                assert_eq!(seal.open(&text, b"other", tags[0], tags[1]), None, "another call");
                assert_eq!(seal.open(&text, b"call", tags[1], tags[0]), None, "the other side's mark");
                assert_eq!(Seal::new([8; 32]).open(&text, b"call", tags[0], tags[1]), None, "another key");
            }
        }
    }

    #[test]
    fn no_letter_of_a_mark_can_be_changed() {
        let seal = Seal::new([7; 32]);
        let text =
            seal.close(&mark("192.0.2.1", "192.0.2.7:5070", Transport::Udp), bound(b"call", b"a"), TARGET);
        for (at, letter) in (0..text.len()).flat_map(|at| ALPHABET.iter().map(move |letter| (at, *letter))) {
            let mut changed = text.as_bytes().to_vec();
            if changed[at] == letter {
                continue;
            }
            changed[at] = letter;
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(seal.open(&changed, b"call", b"a", b"b"), None, "letter {at}");
        }
        let longer = ["0", "A", "00", "0000", "00000000"].map(|more| format!("{}{more}", &*text));
        let cut = (0..text.len()).map(|end| text[..end].to_owned());
        for broken in longer.into_iter().chain(cut).chain(["é".to_owned()]) {
            assert_eq!(seal.open(&broken, b"call", b"a", b"b"), None, "{broken}");
        }
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        let seal = Seal::new([7; 32]);
        let mark = mark("192.0.2.1", "192.0.2.7:5070", Transport::Udp);
        let text = seal.close(&mark, bound(b"ab", b"c"), TARGET);
        assert_eq!(seal.open(&text, b"a", b"bc", b"x"), None);
    }
}
