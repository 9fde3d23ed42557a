//! Whatever happens, told to those who watch: counted as metrics, logged one line a call, noted for health.

use std::sync::Arc;

use crate::admin::Health;
use crate::base::Masked;
use crate::gate::{Event, Gate, Judged};
use crate::ledger::Command;
use crate::net::Sockets;
use crate::policy::{Class, Reason};
use crate::proxy::Rejection;
use crate::sip::{Fault, Flow, Message, Method, Transport};
use crate::store::WriterEvent;
use crate::telemetry::{Direction, Labels, Metrics, Verdict};

/// Turns events into figures and lines.
pub struct Observer {
    pub metrics: Arc<Metrics>,
    pub health: Arc<Health>,
    looks: u32,
}

/// Raw samples are folded every so many looks (five seconds); never folded, ten million of them cost 42 MB.
const LOOKS_PER_UPKEEP: u32 = 5;

/// The closed sets behind the metrics' labels, in the order in which the rooms number them (R103).
pub fn labels(currency: String) -> Labels {
    Labels {
        reasons: Reason::ALL.iter().map(|reason| reason.code()).collect(),
        classes: Class::ALL.iter().map(|class| class.code()).collect(),
        faults: Fault::LABELS.to_vec(),
        rejections: Rejection::CODES.iter().chain(&crate::gate::REJECTIONS).copied().collect(),
        methods: Method::KNOWN.iter().chain(&[Method::Other]).map(|method| method.as_str()).collect(),
        transports: Transport::ALL.iter().map(|transport| transport.label()).collect(),
        transactions: vec!["server", "client"],
        currency,
    }
}

impl Observer {
    pub fn new(metrics: Arc<Metrics>, health: Arc<Health>) -> Observer {
        Observer { metrics, health, looks: 0 }
    }

    /// A message that could be read came in.
    pub fn received(&self, flow: Flow, message: &Message) {
        self.metrics.message(Direction::In, flow.transport as usize, message.method() as usize);
    }

    /// A message goes out. Of responses only the status is counted, when the gate gives them.
    pub fn sent(&self, flow: Flow, bytes: &[u8]) {
        let method = bytes.split(|byte| *byte == b' ').next().unwrap_or_default();
        if method != b"SIP/2.0" {
            self.metrics.message(Direction::Out, flow.transport as usize, Method::of(method) as usize);
        }
    }

    /// Something happened in the gate.
    pub fn happened(&self, event: &Event) {
        let metrics = &self.metrics;
        match event {
            Event::Malformed { label } => metrics.parse_error(label),
            Event::Rejected { code, status } => {
                metrics.rejection(code);
                tracing::debug!(code, status, "request turned away");
            }
            Event::Judged(judged) => self.judged(judged),
            Event::SetUp { delay } => metrics.setup(*delay),
            Event::Reserved { money } => metrics.money.add_reserved(*money),
            Event::Answered { decision } => tracing::debug!(%decision, "answered"),
            Event::Ended { decision, seconds, cost, reserved, cause } => {
                metrics.money.add_reserved(-*reserved);
                metrics.money.add_settled(*cost);
                tracing::info!(%decision, seconds, %cost, cause = cause.code(), "call ended");
            }
            Event::TrunkFailed { trunk, status } => {
                metrics.trunk_failure(trunk);
                tracing::warn!(%trunk, status, "trunk did not take a call");
            }
            Event::AuthenticationFailed => metrics.auth_failures.increment(1),
            Event::SourceLocked { source } => {
                tracing::warn!(%source, "locked: too many wrong passwords from this address");
            }
            Event::Emergency { decision, person, site } => {
                tracing::warn!(%decision, person = person.as_deref().unwrap_or("unknown"), %site, "EMERGENCY CALL");
            }
            Event::Answer { status } => metrics.response(*status),
            Event::Retransmitted => metrics.retransmission(Direction::Out),
            Event::Absorbed => metrics.retransmission(Direction::In),
            Event::StrayResponse => metrics.rejection("stray_response"),
        }
    }

    fn judged(&self, judged: &Judged) {
        let class = judged.class.unwrap_or(Class::Unknown);
        let verdict = match judged.reason {
            None => Verdict::Permitted,
            Some(reason) => Verdict::Refused(position(&Reason::ALL, reason)),
        };
        self.metrics.verdict(verdict, position(&Class::ALL, class));
        let reason = judged.reason.map_or("permitted", Reason::code);
        let person = judged.person.as_deref().unwrap_or("-");
        tracing::info!(decision = %judged.decision, person, to = %Masked(&judged.raw), class = class.code(), verdict = reason, "call judged");
    }

    /// The writing thread has something to say.
    pub fn written(&self, event: &WriterEvent) {
        match event {
            WriterEvent::Replied(_) => {}
            WriterEvent::Committed { count, took } => {
                self.metrics.ledger_commit(*took, u32::try_from(*count).unwrap_or(u32::MAX))
            }
            WriterEvent::Down { error } => {
                self.metrics.ledger_failures.increment(1);
                self.health.set_store_writable(false);
                tracing::error!(%error, "the store cannot be written: calls that cost are refused, others go on");
            }
            WriterEvent::Up => {
                self.health.set_store_writable(true);
                tracing::warn!("the store can be written again");
            }
            WriterEvent::RecordsDropped { count } => {
                tracing::error!(count, "call records were dropped: the store is down too long")
            }
            WriterEvent::Unwritten(commands) => unwritten(commands),
        }
    }

    /// Figures that nobody pushes.
    pub fn look(&mut self, gate: &Gate, _sockets: &Sockets) {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (servers, clients) = gate.transactions_open();
        self.metrics.calls.set(count(gate.calls_in_progress()));
        self.metrics.registrations.set(count(gate.registrations()));
        self.metrics.set_transactions(0, count(servers));
        self.metrics.set_transactions(1, count(clients));
        self.looks += 1;
        if self.looks.is_multiple_of(LOOKS_PER_UPKEEP) {
            self.metrics.upkeep();
        }
    }
}

/// Money that could not be written before the end is written into the log, the last place that is left.
fn unwritten(commands: &[Command]) {
    for command in commands {
        tracing::error!(?command, "not written to the store");
    }
}

fn position<T: PartialEq>(all: &[T], one: T) -> usize {
    all.iter().position(|other| *other == one).unwrap_or(0)
}
