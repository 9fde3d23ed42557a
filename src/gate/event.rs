//! What the gate tells the world it has done: counted by telemetry, logged by the app, never acted upon.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::base::{DecisionId, Money};
use crate::ledger::{EndCause, Exhausted};
use crate::policy::{Class, ConcurrencyLimit, Reason};

use super::{Ending, FraudLock};

/// One thing worth counting or logging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message that could not be used (R14), by the label of its fault.
    Malformed { label: &'static str },
    /// A request that was turned away before any judgement (§16.3, R12, R13).
    Rejected { code: &'static str, status: u16 },
    /// A dialog-creating INVITE was judged (R51).
    Judged(Judged),
    /// An INVITE left for its first target, this long after it came.
    SetUp { delay: Duration },
    /// An INVITE left for this trunk.
    TrunkTried { trunk: Arc<str> },
    /// A trunk said more than 100 Trying for the first time, this long after its INVITE left.
    TrunkResponded { trunk: Arc<str>, delay: Duration },
    /// Money was set aside for a call, beyond what was set aside before.
    Reserved { money: Money },
    /// A 2xx was passed upstream.
    Answered { decision: DecisionId, trunk: Option<Arc<str>> },
    /// A permitted call came to its end, whoever ended it.
    Ended(Ended),
    /// A trunk has taken our registration for so many seconds, and had none of us before.
    RegisteredAt { trunk: Arc<str>, seconds: u32 },
    /// A trunk did not take our registration; it is tried again.
    NotRegisteredAt { trunk: Arc<str>, status: u16 },
    /// A trunk did not take a call.
    TrunkFailed { trunk: Arc<str>, status: u16 },
    /// An address of a trunk has failed too often, or wants to be left alone: it comes last for so long.
    TrunkRests { trunk: Arc<str>, address: SocketAddr, span: Duration },
    /// It takes calls again.
    TrunkBack { trunk: Arc<str>, address: SocketAddr },
    /// Digest credentials were wrong (R25).
    AuthenticationFailed,
    /// A source has guessed too often and is locked (R25).
    SourceLocked { source: IpAddr },
    /// A class is locked for somebody who behaves like a thief of calls (R2).
    FraudLocked(FraudLock),
    /// An emergency call goes out: a notice is due at once (R41).
    Emergency(Emergency),
    /// A call gets no more of this budget, or none: what is left buys nothing (R101).
    Exhausted(Exhausted),
    /// A call goes on though there are more at once than a soft limit says (R68).
    Crowded(ConcurrencyLimit),
    /// A call will be ended soon.
    Ending(Ending),
    /// We answered with this status, or passed it on.
    Answer { status: u16 },
    /// A message was sent again because nothing was heard.
    Retransmitted,
    /// A request or response that we had seen already.
    Absorbed,
    /// A call of an earlier run was taken up again.
    TakenUp { decision: DecisionId },
    /// A request inside a call of an earlier run was relayed by its mark.
    Relayed,
    /// More comes than can be read: new calls are turned away until that is over.
    Overloaded,
    /// A response that matches no transaction was dropped.
    StrayResponse,
}

/// Somebody calls for help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emergency {
    pub decision: DecisionId,
    /// `None`: nobody proved to be anybody.
    pub person: Option<Arc<str>>,
    pub site: Arc<str>,
    /// As dialled.
    pub number: Arc<str>,
    /// Where the phone is.
    pub phone: SocketAddr,
    /// As the phone calls itself.
    pub caller: Arc<str>,
    /// The number that the call carries, so that help can call back.
    pub callback: Option<Arc<str>>,
}

/// What a permitted call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub decision: DecisionId,
    pub person: Option<Arc<str>>,
    pub site: Option<Arc<str>>,
    /// As dialled; logs mask it (R103).
    pub raw: Arc<str>,
    pub class: Class,
    /// The last one tried; `None` for a call within the house.
    pub trunk: Option<Arc<str>>,
    /// Per minute; `None` for a free call.
    pub price: Option<Money>,
    /// Of talk, rounded up (R62).
    pub seconds: u64,
    /// What is spent.
    pub cost: Money,
    /// What is freed.
    pub reserved: Money,
    pub cause: EndCause,
    /// The final status that the caller saw.
    pub status: Option<u16>,
}

/// The verdict on one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    pub decision: DecisionId,
    pub class: Option<Class>,
    /// `None`: permitted.
    pub reason: Option<Reason>,
    pub person: Option<Arc<str>>,
    pub site: Arc<str>,
    /// As dialled; logs mask it (R103).
    pub raw: Arc<str>,
    pub status: u16,
}
