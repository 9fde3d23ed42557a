//! Who is connected: how many from each address, who is still in a handshake, and who has never said anything.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use super::limits::{CONNECTIONS, CONNECTIONS_PER_ADDRESS, HANDSHAKES, HANDSHAKES_PER_ADDRESS};
use crate::sip::ConnectionId;

#[derive(Default)]
pub(super) struct Census {
    addresses: HashMap<IpAddr, Here>,
    /// Connections that peers opened and over which no message came yet; the least is the oldest.
    silent: BTreeSet<ConnectionId>,
    open: usize,
    shaking: usize,
}

#[derive(Default)]
struct Here {
    open: usize,
    shaking: usize,
}

/// What becomes of a peer that knocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Enters,
    /// There is no room until this one has gone, the oldest that never said anything.
    InsteadOf(ConnectionId),
    Refused,
}

impl Census {
    pub(super) fn knocks(&self, address: IpAddr, shakes: bool) -> Admission {
        let here = self.addresses.get(&address);
        let (open, shaking) = here.map_or((0, 0), |here| (here.open, here.shaking));
        // A handshake costs a signature. Those under way go first: in a storm of honest phones each of them is about to end.
        if shakes && (self.shaking >= HANDSHAKES || shaking >= HANDSHAKES_PER_ADDRESS) {
            return Admission::Refused;
        }
        if open >= CONNECTIONS_PER_ADDRESS {
            return Admission::Refused;
        }
        if self.open < CONNECTIONS { Admission::Enters } else { self.oldest_silent() }
    }

    /// Room for a connection that we open ourselves.
    pub(super) fn room(&self) -> Admission {
        if self.open < CONNECTIONS { Admission::Enters } else { self.oldest_silent() }
    }

    pub(super) fn enters(&mut self, address: IpAddr, shakes: bool) {
        let here = self.addresses.entry(address).or_default();
        here.open += 1;
        here.shaking += usize::from(shakes);
        self.open += 1;
        self.shaking += usize::from(shakes);
    }

    pub(super) fn is_silent(&mut self, id: ConnectionId) {
        self.silent.insert(id);
    }

    pub(super) fn has_shaken(&mut self, address: IpAddr) {
        self.shaking -= 1;
        if let Some(here) = self.addresses.get_mut(&address) {
            here.shaking -= 1;
        }
    }

    /// A message came.
    pub(super) fn speaks(&mut self, id: ConnectionId) {
        self.silent.remove(&id);
    }

    pub(super) fn leaves(&mut self, id: ConnectionId, address: IpAddr, shakes: bool) {
        self.silent.remove(&id);
        if shakes {
            self.has_shaken(address);
        }
        self.open -= 1;
        if let Some(here) = self.addresses.get_mut(&address) {
            here.open -= 1;
            if here.open == 0 {
                self.addresses.remove(&address);
            }
        }
    }

    fn oldest_silent(&self) -> Admission {
        self.silent.first().map_or(Admission::Refused, |id| Admission::InsteadOf(*id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: usize) -> IpAddr {
        let bytes = u32::try_from(number).unwrap().to_be_bytes();
        IpAddr::from([10, bytes[1], bytes[2], bytes[3]])
    }

    #[test]
    fn the_oldest_that_never_spoke_makes_room() {
        let mut census = Census::default();
        for number in 0..CONNECTIONS {
            assert_eq!(census.knocks(address(number), false), Admission::Enters);
            census.enters(address(number), false);
            census.is_silent(ConnectionId(number as u64));
        }
        let newcomer = address(CONNECTIONS);
        assert_eq!(census.knocks(newcomer, false), Admission::InsteadOf(ConnectionId(0)));
        census.speaks(ConnectionId(0));
        assert_eq!(census.knocks(newcomer, false), Admission::InsteadOf(ConnectionId(1)));
        assert_eq!(census.room(), Admission::InsteadOf(ConnectionId(1)));
        for number in 1..CONNECTIONS as u64 {
            census.speaks(ConnectionId(number));
        }
        assert_eq!(census.knocks(newcomer, false), Admission::Refused, "nobody who spoke is sent away");
        census.leaves(ConnectionId(7), address(7), false);
        assert_eq!(census.knocks(newcomer, false), Admission::Enters);
    }

    #[test]
    fn one_address_has_its_share_of_connections_and_of_handshakes() {
        let mut census = Census::default();
        let host = address(1);
        for _ in 0..HANDSHAKES_PER_ADDRESS {
            assert_eq!(census.knocks(host, true), Admission::Enters);
            census.enters(host, true);
        }
        assert_eq!(census.knocks(host, true), Admission::Refused);
        assert_eq!(census.knocks(host, false), Admission::Enters, "without a handshake it may");
        assert_eq!(census.knocks(address(2), true), Admission::Enters);
        census.has_shaken(host);
        assert_eq!(census.knocks(host, true), Admission::Enters);
        for _ in HANDSHAKES_PER_ADDRESS..CONNECTIONS_PER_ADDRESS {
            census.enters(host, false);
        }
        assert_eq!(census.knocks(host, false), Admission::Refused);
    }

    #[test]
    fn there_is_an_end_to_handshakes_at_once() {
        let mut census = Census::default();
        (0..HANDSHAKES).for_each(|number| census.enters(address(number), true));
        assert_eq!(census.knocks(address(HANDSHAKES), true), Admission::Refused);
        census.leaves(ConnectionId(1), address(0), true);
        assert_eq!(census.knocks(address(HANDSHAKES), true), Admission::Enters);
    }
}
