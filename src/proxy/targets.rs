//! Where an INVITE may go: trunks in order of priority, one after another, or all of a person's phones at once (§16.5, §16.6).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ahash::RandomState;
use smallvec::SmallVec;

use super::{Interfaces, Trunk};
use crate::base::Random;
use crate::sip::{Flow, Hop, ServerName};

/// One place to send one INVITE.
#[derive(Clone, Debug)]
pub struct Target {
    pub flow: Flow,
    pub request_uri: String,
    /// Route values to add, as from a registration's Path (RFC 3327).
    pub routes: SmallVec<[Box<str>; 1]>,
    /// By name, which outlives a change of the settings.
    pub trunk: Option<Arc<str>>,
    /// How long the target may keep silent before the next is tried; `None`: as long as Timer B lets it.
    pub silence: Option<Duration>,
}

/// Targets in the order in which they are tried; those of one step ring at once.
pub type TargetQueue = VecDeque<SmallVec<[Target; 1]>>;

/// Trunks in an order; few companies have more than four, so few calls need an allocation for it.
type Trunks<'a> = SmallVec<[&'a Trunk; 4]>;

/// What DNS has said so far, by name.
pub type Located = HashMap<Arc<ServerName>, Vec<Hop>, RandomState>;

/// Trunks one after another: by priority, and within one priority by lot according to their weights (as SRV records do,
/// RFC 2782). The addresses of one trunk stay together: in their order, and those behind one name as DNS ranks them.
#[derive(Clone, Debug, Default)]
pub struct TrunkQueue {
    /// As the settings have them: one entry for each address or name.
    stated: Vec<Trunk>,
    /// With the addresses behind the names.
    trunks: Vec<Trunk>,
}

impl TrunkQueue {
    /// No name leads anywhere yet: see `at_places`.
    pub fn new(mut trunks: Vec<Trunk>) -> TrunkQueue {
        trunks.sort_by_key(|trunk| trunk.priority);
        let addresses = trunks.iter().filter(|trunk| trunk.named.is_none()).cloned().collect();
        TrunkQueue { stated: trunks, trunks: addresses }
    }

    /// The same trunks at the addresses that their names lead to now. An address that none of our sockets reaches is left out.
    pub fn at_places(&self, located: &Located, interfaces: &Interfaces) -> TrunkQueue {
        let places = |trunk: &Trunk| match &trunk.named {
            None => vec![trunk.clone()],
            Some(named) => {
                let hops = located.get(&named.server).map_or(&[][..], Vec::as_slice);
                hops.iter().filter_map(|hop| trunk.at(named, *hop, interfaces)).collect()
            }
        };
        TrunkQueue { stated: self.stated.clone(), trunks: self.stated.iter().flat_map(places).collect() }
    }

    /// The names among the addresses of the settings.
    pub fn servers(&self) -> impl Iterator<Item = &Arc<ServerName>> {
        self.stated.iter().filter_map(|trunk| trunk.named.as_ref()).map(|named| &named.server)
    }

    /// The trunk by its name, also while no address of it is known.
    pub fn trunk(&self, name: &str) -> Option<&Trunk> {
        self.stated.iter().find(|trunk| *trunk.name == *name)
    }

    /// Every address of every trunk.
    pub fn iter(&self) -> impl Iterator<Item = &Trunk> {
        self.trunks.iter()
    }

    /// Every entry of the settings, names too.
    pub fn stated(&self) -> impl Iterator<Item = &Trunk> {
        self.stated.iter()
    }

    /// One step for each trunk address, first priority first.
    pub fn targets(&self, random: &mut Random, target: impl Fn(&Trunk) -> Target) -> TargetQueue {
        self.drawn(random).into_iter().map(|trunk| SmallVec::from_iter([target(trunk)])).collect()
    }

    /// One step for each address of the named trunks, in the order of the names.
    pub fn named(
        &self,
        names: &[Arc<str>],
        random: &mut Random,
        target: impl Fn(&Trunk) -> Target,
    ) -> TargetQueue {
        let mut queue = TargetQueue::new();
        for name in names {
            let addresses = self.trunks.iter().filter(|trunk| trunk.name == *name);
            let addresses = ranked(addresses.collect(), random);
            queue.extend(addresses.into_iter().map(|trunk| SmallVec::from_iter([target(trunk)])));
        }
        queue
    }

    fn drawn(&self, random: &mut Random) -> Trunks<'_> {
        let mut waiting: Trunks<'_> = self.trunks.iter().collect();
        let mut order = Trunks::new();
        while let Some(first) = waiting.first() {
            let lots = waiting.iter().filter(|trunk| trunk.priority == first.priority);
            let chosen = draw(lots.map(|trunk| (trunk.id, trunk.weight)), random).unwrap_or(first.id);
            let addresses = waiting.iter().copied().filter(|trunk| trunk.id == chosen).collect();
            order.extend(ranked(addresses, random));
            waiting.retain(|trunk| trunk.id != chosen);
        }
        order
    }
}

/// The addresses of one trunk in the order in which one call tries them: as the settings list them, and those that share a name
/// by the priority of their SRV records and by lot according to their weight (RFC 3263 §4.2).
fn ranked<'a>(addresses: Trunks<'a>, random: &mut Random) -> Trunks<'a> {
    if addresses.iter().all(|trunk| trunk.named.is_none()) {
        return addresses;
    }
    let hop = |trunk: &Trunk| trunk.named.as_ref().and_then(|named| named.hop);
    let same = |one: &Trunk, other: &Trunk| match (&one.named, &other.named) {
        (Some(one), Some(other)) => one.server == other.server,
        (Some(_) | None, Some(_) | None) => false,
    };
    let mut order = Trunks::new();
    for group in addresses.chunk_by(|one, other| same(one, other)) {
        let mut waiting = group.to_vec();
        waiting.sort_by_key(|trunk| hop(trunk).map_or(0, |hop| hop.priority));
        while let Some(first) = waiting.first().copied() {
            let key = |trunk: &Trunk| hop(trunk).map_or((0, 0), |hop| (hop.priority, hop.host));
            let lots = waiting.iter().filter(|trunk| key(trunk).0 == key(first).0);
            let lots = lots.map(|trunk| (key(trunk), hop(trunk).map_or(0, |hop| hop.weight)));
            let chosen = draw(lots, random).unwrap_or(key(first));
            order.extend(waiting.iter().copied().filter(|trunk| key(trunk) == chosen));
            waiting.retain(|trunk| key(trunk) != chosen);
        }
    }
    order
}

/// One of these by lot (RFC 2782); each counts once, however many addresses it has. One without weight wins only where the lot
/// falls on nothing, so that it has a small chance beside others.
fn draw<K: Copy + PartialEq>(lots: impl Iterator<Item = (K, u16)>, random: &mut Random) -> Option<K> {
    let mut candidates: SmallVec<[(K, u16); 4]> = SmallVec::new();
    for (key, weight) in lots {
        if candidates.iter().all(|(known, _)| *known != key) {
            candidates.push((key, weight));
        }
    }
    if candidates.len() < 2 {
        return candidates.first().map(|(key, _)| *key);
    }
    let sum: u64 = candidates.iter().map(|(_, weight)| u64::from(*weight)).sum();
    let weightless = candidates.iter().filter(|(_, weight)| *weight == 0).count();
    // Each without a weight takes one ticket beside those of the weights.
    let mut ticket = random.below(sum + weightless as u64);
    for (key, weight) in &candidates {
        match ticket.checked_sub(u64::from((*weight).max(1))) {
            Some(rest) => ticket = rest,
            None => return Some(*key),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{PhoneNumber, TrunkId};
    use crate::proxy::{Care, Interface, Named, NumberFormat};
    use crate::sip::{ListenerId, Transport};

    fn trunk(id: u16, port: u16, priority: u16, weight: u16) -> Trunk {
        Trunk {
            id: TrunkId(id),
            name: format!("trunk-{id}").into(),
            flow: Flow::udp(ListenerId(0), ([127, 0, 0, 1], port).into()),
            host: format!("127.0.0.1:{port}"),
            priority,
            weight,
            calls_max: None,
            number_format: NumberFormat::default(),
            number_in_from: false,
            silence: Duration::from_secs(4),
            care: Care::default(),
            named: None,
            account: None,
            register: None,
            incoming: None,
            certificate_name: None,
        }
    }

    fn ports(queue: &TargetQueue) -> Vec<u16> {
        queue.iter().flatten().map(|target| target.flow.remote.port()).collect()
    }

    #[test]
    fn priority_comes_first_and_addresses_stay_together() {
        let queue = TrunkQueue::new(vec![trunk(0, 10, 2, 1), trunk(1, 20, 1, 1), trunk(1, 21, 1, 1)]);
        let targets = queue.targets(&mut Random::from_number(1), |trunk| trunk.target_of_user("1"));
        assert_eq!(ports(&targets), [20, 21, 10]);
        let names = ["trunk-0".into(), "trunk-1".into()];
        let named = queue.named(&names, &mut Random::from_number(1), |trunk| trunk.target_of_user("1"));
        assert_eq!(ports(&named), [10, 20, 21]);
    }

    #[test]
    fn equal_priorities_share_by_weight() {
        let queue = TrunkQueue::new(vec![trunk(0, 10, 1, 3), trunk(1, 20, 1, 1)]);
        let mut random = Random::from_number(7);
        let mut first = || ports(&queue.targets(&mut random, |trunk| trunk.target_of_user("1")))[0];
        let heavy = (0..4000).filter(|_| first() == 10).count();
        assert!(
            (2850..3150).contains(&heavy),
            "{heavy} of 4000 on the trunk with three quarters of the weight"
        );
    }

    fn by_name(id: u16, name: &str) -> Trunk {
        let server = ServerName { host: name.into(), port: None, transport: None };
        let named = Some(Named { server: Arc::new(server), hop: None });
        Trunk { named, ..trunk(id, 0, 1, 1) }
    }

    fn hop(priority: u16, weight: u16, host: u16, port: u16) -> Hop {
        let remote = ([127, 0, 0, 1], port).into();
        Hop { priority, weight, host, transport: Transport::Udp, remote }
    }

    /// The queue with these places behind the name of its trunk.
    fn at_hops(queue: &TrunkQueue, hops: &[Hop]) -> TrunkQueue {
        let own = Interface::bound(Transport::Udp, "127.0.0.1:5060".parse().expect("an address"));
        let mut located = Located::default();
        located.extend(queue.servers().map(|server| (Arc::clone(server), hops.to_vec())));
        queue.at_places(&located, &Interfaces::new(vec![own], Vec::new()))
    }

    #[test]
    fn rfc_3263_section_4_2_srv_records_share_calls_by_weight_and_follow_by_priority() {
        let queue = TrunkQueue::new(vec![by_name(0, "carrier.example"), trunk(1, 50, 2, 1)]);
        // Three quarters for one host with two addresses, a quarter for another, a little for the third, and one in reserve.
        let hops = [
            hop(10, 75, 0, 10),
            hop(10, 75, 0, 11),
            hop(10, 25, 1, 20),
            hop(10, 0, 2, 30),
            hop(20, 9, 3, 40),
        ];
        let queue = at_hops(&queue, &hops);
        let mut random = Random::from_number(3);
        let orders: Vec<Vec<u16>> = (0..4000)
            .map(|_| ports(&queue.targets(&mut random, |trunk| trunk.target_of_user("1"))))
            .collect();
        let first = |port: u16| orders.iter().filter(|order| order[0] == port).count();
        assert!((2820..3120).contains(&first(10)), "{} of 4000", first(10));
        assert!((850..1150).contains(&first(20)), "{} of 4000", first(20));
        assert!((5..120).contains(&first(30)), "{} of 4000", first(30));
        for order in &orders {
            let place = |port: u16| order.iter().position(|known| *known == port);
            assert_eq!(
                place(11),
                place(10).map(|place| place + 1),
                "the addresses of a host stay together: {order:?}"
            );
            assert_eq!(&order[4..], [40, 50], "what comes later comes last");
        }
    }

    #[test]
    fn a_name_leads_nowhere_until_dns_has_said_where() {
        let queue = TrunkQueue::new(vec![by_name(0, "carrier.example"), trunk(1, 50, 1, 1)]);
        let order = |queue: &TrunkQueue| {
            ports(&queue.targets(&mut Random::from_number(1), |trunk| trunk.target_of_user("1")))
        };
        assert_eq!(order(&queue), [50]);
        // An address of a family that no listener has is left out.
        let six = Hop { remote: "[::1]:5060".parse().expect("an address"), ..hop(1, 1, 1, 0) };
        let mut both = order(&at_hops(&queue, &[hop(1, 1, 0, 10), six]));
        both.sort_unstable();
        assert_eq!(both, [10, 50]);
        assert!(queue.trunk("trunk-0").is_some(), "its limits hold all the same");
    }

    #[test]
    fn numbers_are_written_as_the_trunk_wants_them() {
        let number = PhoneNumber::from_digits("4930123456").expect("a number");
        let written = |format: NumberFormat| format.user_part(number);
        assert_eq!(written(NumberFormat::PlusE164), "+4930123456");
        assert_eq!(written(NumberFormat::E164), "4930123456");
        assert_eq!(written(NumberFormat::ZeroZeroE164), "004930123456");
    }
}
