//! Where an INVITE may go: trunks in order of priority, one after another, or all of a person's phones at once (§16.5, §16.6).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::base::PhoneNumber;
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
    pub name: Arc<str>,
    pub flow: Flow,
    /// `host` or `host:port` of the Request-URI.
    pub host: String,
    /// Lower is tried first.
    pub priority: u16,
    pub number_format: NumberFormat,
    /// Without even a 100 Trying for this long, the next trunk is tried.
    pub silence: Duration,
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

/// Trunks one after another, by priority and then by their order in the settings.
#[derive(Clone, Debug, Default)]
pub struct TrunkQueue {
    trunks: Vec<Trunk>,
}

impl TrunkQueue {
    pub fn new(mut trunks: Vec<Trunk>) -> TrunkQueue {
        trunks.sort_by_key(|trunk| trunk.priority);
        TrunkQueue { trunks }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Trunk> {
        self.trunks.iter()
    }

    /// One step for each trunk, first priority first.
    pub fn targets(&self, target: impl Fn(&Trunk) -> Target) -> TargetQueue {
        self.trunks.iter().map(|trunk| SmallVec::from_iter([target(trunk)])).collect()
    }

    /// One step for each of the named trunks, in the order of the names.
    pub fn named(&self, names: &[Arc<str>], target: impl Fn(&Trunk) -> Target) -> TargetQueue {
        let named = names.iter().filter_map(|name| self.trunks.iter().find(|trunk| trunk.name == *name));
        named.map(|trunk| SmallVec::from_iter([target(trunk)])).collect()
    }
}
