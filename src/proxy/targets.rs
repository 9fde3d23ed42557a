//! Where an INVITE may go: trunks in order of priority, one after another, or all of a person's phones at once (§16.5, §16.6).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::base::{PhoneNumber, Random, TrunkId};
use crate::sip::digest::Account;
use crate::sip::{Flow, Transport};

/// How a trunk wants E.164 numbers written in the Request-URI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NumberFormat {
    /// `+4930123456`
    #[default]
    PlusE164,
    /// `4930123456`
    E164,
    /// `004930123456`
    ZeroZeroE164,
}

impl NumberFormat {
    pub fn user_part(self, number: PhoneNumber) -> String {
        match self {
            NumberFormat::PlusE164 => number.to_string(),
            NumberFormat::E164 => number.as_u64().to_string(),
            NumberFormat::ZeroZeroE164 => format!("00{}", number.as_u64()),
        }
    }
}

/// A way out to the telephone network.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Those of one id are addresses of one trunk.
    pub id: TrunkId,
    pub name: Arc<str>,
    pub flow: Flow,
    /// `host` or `host:port` of the Request-URI.
    pub host: String,
    /// Lower is tried first.
    pub priority: u16,
    /// The share of calls that it takes first among trunks of its priority.
    pub weight: u16,
    /// Calls at once that the carrier allows.
    pub calls_max: Option<u32>,
    pub number_format: NumberFormat,
    /// Without even a 100 Trying for this long, the next trunk is tried.
    pub silence: Duration,
    /// What answers its challenges; `None`: they go to the caller.
    pub account: Option<Arc<Account>>,
    /// For how many seconds we register there; `None`: it knows where we are.
    pub register: Option<u32>,
    /// Whom calls to the contact of that registration are for; `None`: the To says so.
    pub incoming: Option<Arc<str>>,
}

impl Trunk {
    /// The target for a number, rebuilt from its canonical form alone (R11).
    pub fn target(&self, number: PhoneNumber) -> Target {
        self.target_of_user(&self.number_format.user_part(number))
    }

    /// The target for digits that are no E.164 number: an emergency or short number as the site's list spells it.
    pub fn target_of_user(&self, user: &str) -> Target {
        let transport = match self.flow.transport {
            Transport::Udp => "",
            Transport::Tcp | Transport::Tls => ";transport=tcp",
        };
        Target {
            flow: self.flow,
            request_uri: format!("sip:{user}@{}{transport}", self.host),
            routes: SmallVec::new(),
            trunk: Some(Arc::clone(&self.name)),
            silence: Some(self.silence),
        }
    }
}

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

/// Trunks one after another: by priority, and within one priority by lot according to their weights (as SRV records do,
/// RFC 2782). The addresses of one trunk stay together, in their order.
#[derive(Clone, Debug, Default)]
pub struct TrunkQueue {
    trunks: Vec<Trunk>,
}

impl TrunkQueue {
    pub fn new(mut trunks: Vec<Trunk>) -> TrunkQueue {
        trunks.sort_by_key(|trunk| trunk.priority);
        TrunkQueue { trunks }
    }

    /// The first address of this trunk.
    pub fn trunk(&self, name: &str) -> Option<&Trunk> {
        self.trunks.iter().find(|trunk| *trunk.name == *name)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Trunk> {
        self.trunks.iter()
    }

    /// One step for each trunk address, first priority first.
    pub fn targets(&self, random: &mut Random, target: impl Fn(&Trunk) -> Target) -> TargetQueue {
        self.drawn(random).into_iter().map(|trunk| SmallVec::from_iter([target(trunk)])).collect()
    }

    /// One step for each address of the named trunks, in the order of the names.
    pub fn named(&self, names: &[Arc<str>], target: impl Fn(&Trunk) -> Target) -> TargetQueue {
        let mut queue = TargetQueue::new();
        for name in names {
            let addresses = self.trunks.iter().filter(|trunk| trunk.name == *name);
            queue.extend(addresses.map(|trunk| SmallVec::from_iter([target(trunk)])));
        }
        queue
    }

    fn drawn(&self, random: &mut Random) -> Vec<&Trunk> {
        let mut waiting: Vec<&Trunk> = self.trunks.iter().collect();
        let mut order = Vec::with_capacity(waiting.len());
        while let Some(first) = waiting.first() {
            let chosen = draw(&waiting, first.priority, random);
            order.extend(waiting.iter().copied().filter(|trunk| trunk.id == chosen));
            waiting.retain(|trunk| trunk.id != chosen);
        }
        order
    }
}

/// One trunk of this priority, by lot. Each counts once, however many addresses it has.
fn draw(waiting: &[&Trunk], priority: u16, random: &mut Random) -> TrunkId {
    let mut candidates: SmallVec<[&Trunk; 4]> = SmallVec::new();
    for trunk in waiting.iter().copied().filter(|trunk| trunk.priority == priority) {
        if candidates.iter().all(|known| known.id != trunk.id) {
            candidates.push(trunk);
        }
    }
    if candidates.len() == 1 {
        return candidates[0].id;
    }
    let mut ticket = random.below(candidates.iter().map(|trunk| u64::from(trunk.weight)).sum());
    for trunk in &candidates {
        match ticket.checked_sub(u64::from(trunk.weight)) {
            Some(rest) => ticket = rest,
            None => return trunk.id,
        }
    }
    waiting[0].id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::ListenerId;

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
            silence: Duration::from_secs(4),
            account: None,
            register: None,
            incoming: None,
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
        let named = queue.named(&["trunk-0".into(), "trunk-1".into()], |trunk| trunk.target_of_user("1"));
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

    #[test]
    fn numbers_are_written_as_the_trunk_wants_them() {
        let number = PhoneNumber::from_digits("4930123456").expect("a number");
        let written = |format: NumberFormat| format.user_part(number);
        assert_eq!(written(NumberFormat::PlusE164), "+4930123456");
        assert_eq!(written(NumberFormat::E164), "4930123456");
        assert_eq!(written(NumberFormat::ZeroZeroE164), "004930123456");
    }
}
