//! Whatever happens, told to those who watch: counted as metrics, logged one line a call, noted for health.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::names::Heard;
use super::notice::Notice;
use super::notices::NoticeBox;
use crate::admin::Health;
use crate::base::Masked;
use crate::config::NoticeKind;
use crate::gate::{Emergency, Ended, Event, FraudLock, Gate, Judged};
use crate::ledger::{Command, EndCause, Mark};
use crate::net::{HandshakeFault, Sockets};
use crate::policy::{Class, Reason, Signal};
use crate::proxy::Rejection;
use crate::sip::{Fault, Flow, Message, Method, Transport};
use crate::store::WriterEvent;
use crate::telemetry::{Direction, Labels, Metrics, Named, SiteSeries, TrunkSeries, Verdict};

/// Turns events into figures and lines.
pub struct Observer {
    pub metrics: Arc<Metrics>,
    pub health: Arc<Health>,
    trunks: Named<TrunkSeries>,
    sites: Named<SiteSeries>,
    notices: NoticeBox,
    currency: String,
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
        tls_faults: HandshakeFault::ALL.iter().map(|fault| fault.code()).collect(),
        signals: Signal::ALL.iter().map(|signal| signal.code()).collect(),
        methods: Method::KNOWN.iter().chain(&[Method::Other]).map(|method| method.as_str()).collect(),
        transports: Transport::ALL.iter().map(|transport| transport.label()).collect(),
        transactions: vec!["server", "client"],
        causes: EndCause::ALL.iter().map(|cause| cause.code()).collect(),
        notices: NoticeKind::ALL.iter().map(|kind| kind.code()).collect(),
        currency,
    }
}

impl Observer {
    /// `currency` is that of the budgets, for the notices about them.
    pub(super) fn new(
        metrics: Arc<Metrics>,
        health: Arc<Health>,
        notices: NoticeBox,
        currency: String,
    ) -> Observer {
        let (trunks, sites) = (Named::default(), Named::default());
        Observer { metrics, health, trunks, sites, notices, currency, looks: 0 }
    }

    /// Budgets have come to a level.
    pub fn budgets(&self, now: DateTime<Utc>, marks: &[Mark]) {
        for mark in marks {
            self.notices.drop_in(Notice::of_budget(mark, &self.currency, now));
        }
    }

    /// A message that could be read came in.
    pub fn received(&self, flow: Flow, message: &Message) {
        self.metrics.message(Direction::In, flow.transport as usize, message.method() as usize);
    }

    /// A message of a locked source was not even read.
    pub fn ignored(&self) {
        self.metrics.rejection("source_locked");
    }

    /// A message goes out. Of responses only the status is counted, when the gate gives them.
    pub fn sent(&self, flow: Flow, bytes: &[u8]) {
        let method = bytes.split(|byte| *byte == b' ').next().unwrap_or_default();
        if method != b"SIP/2.0" {
            self.metrics.message(Direction::Out, flow.transport as usize, Method::of(method) as usize);
        }
    }

    /// Something happened in the gate.
    pub fn happened(&mut self, now: DateTime<Utc>, event: &Event) {
        let metrics = &self.metrics;
        match event {
            Event::Malformed { label } => metrics.parse_error(label),
            Event::Rejected { code, status } => {
                metrics.rejection(code);
                tracing::debug!(code, status, "request turned away");
            }
            Event::Judged(judged) => self.judged(judged),
            Event::SetUp { delay } => metrics.setup(*delay),
            Event::TrunkTried { trunk } => self.trunk(trunk).attempts.increment(1),
            Event::TrunkResponded { trunk, delay } => self.trunk(trunk).response_seconds.record(*delay),
            Event::Reserved { money } => metrics.money.add_reserved(*money),
            Event::Answered { decision, trunk } => {
                tracing::debug!(%decision, "answered");
                if let Some(trunk) = trunk {
                    self.trunk(trunk).answers.increment(1);
                }
            }
            Event::Ended(ended) => self.ended(ended),
            Event::RegisteredAt { trunk, seconds } => {
                tracing::info!(%trunk, seconds, "registered at the trunk")
            }
            Event::NotRegisteredAt { trunk, status } => {
                tracing::warn!(%trunk, status, "the trunk did not take our registration; it is tried again");
            }
            Event::TrunkFailed { trunk, status } => {
                self.trunk(trunk).failures.increment(1);
                tracing::warn!(%trunk, status, "trunk did not take a call");
            }
            Event::TrunkRests { trunk, address, span } => {
                let seconds = span.as_secs();
                tracing::warn!(%trunk, %address, seconds, "trunk address left out: it failed too often, or asks for a pause");
            }
            Event::TrunkBack { trunk, address } => {
                tracing::info!(%trunk, %address, "trunk address takes calls again");
            }
            Event::AuthenticationFailed => metrics.auth_failures.increment(1),
            Event::SourceLocked { source } => {
                metrics.source_locks.increment(1);
                tracing::warn!(%source, "locked: too many wrong passwords from this address");
            }
            Event::FraudLocked(lock) => self.fraud_locked(now, lock),
            Event::Emergency(emergency) => {
                self.site(&emergency.site).emergencies.increment(1);
                let Emergency { decision, person, site, phone, .. } = emergency;
                tracing::warn!(%decision, person = word(person), %site, %phone, "EMERGENCY CALL");
                self.notices.drop_in(Notice::of_emergency(emergency, now));
            }
            Event::Exhausted(exhausted) => {
                let (account, period) = (&exhausted.account, exhausted.period);
                tracing::debug!(%account, %period, "a budget is at its end");
            }
            Event::Crowded(limit) => self.notices.drop_in(Notice::of_crowd(limit, now)),
            Event::Ending(ending) => {
                tracing::debug!(decision = %ending.decision, left = ?ending.left, "the end of a call is near");
                self.notices.drop_in(Notice::of_ending(ending, now));
            }
            Event::Answer { status } => metrics.response(*status),
            Event::Retransmitted => metrics.retransmission(Direction::Out),
            Event::Absorbed => metrics.retransmission(Direction::In),
            Event::TakenUp { decision } => {
                tracing::info!(%decision, "call of the earlier run taken up again")
            }
            Event::Relayed => tracing::debug!("request of a call from before the start relayed by its mark"),
            Event::Overloaded => tracing::warn!("more comes than can be read: new calls get 503"),
            Event::StrayResponse => metrics.rejection("stray_response"),
        }
    }

    fn fraud_locked(&mut self, now: DateTime<Utc>, lock: &FraudLock) {
        let FraudLock { person, class, signal, until } = lock;
        self.metrics.fraud_lock(position(&Signal::ALL, *signal));
        let (class, signal) = (class.code(), signal.code());
        tracing::warn!(%person, class, signal, %until, "locked: this looks like toll fraud");
        self.notices.drop_in(Notice::of_fraud(lock, now));
    }

    /// A refusal is the whole story of a call; of a permitted one the line comes when it is over.
    fn judged(&mut self, judged: &Judged) {
        let class = judged.class.unwrap_or(Class::Unknown);
        let verdict = match judged.reason {
            None => Verdict::Permitted,
            Some(reason) => Verdict::Refused(position(&Reason::ALL, reason)),
        };
        self.site(&judged.site).verdict(verdict, position(&Class::ALL, class));
        let Judged { decision, status, .. } = judged;
        let (person, site, to) = (word(&judged.person), &*judged.site, Masked(&judged.raw));
        match judged.reason {
            None => {
                tracing::debug!(%decision, person, site, %to, class = class.code(), "call permitted");
            }
            Some(reason) => {
                tracing::info!(%decision, person, site, %to, class = class.code(), reason = reason.code(), status, "call refused");
            }
        }
    }

    /// The one line that a permitted call leaves.
    fn ended(&mut self, ended: &Ended) {
        self.metrics.money.add_reserved(-ended.reserved);
        self.metrics.money.add_settled(ended.cost);
        self.metrics.ended(position(&EndCause::ALL, ended.cause));
        if let Some(trunk) = &ended.trunk {
            self.trunk(trunk).talk_seconds.increment(ended.seconds);
        }
        let Ended { decision, seconds, cost, .. } = ended;
        let (person, site, trunk) = (word(&ended.person), word(&ended.site), word(&ended.trunk));
        let (to, class, cause) = (Masked(&ended.raw), ended.class.code(), ended.cause.code());
        let (price, status) = (ended.price.unwrap_or_default(), ended.status.unwrap_or_default());
        tracing::info!(%decision, person, site, %to, class, trunk, %price, seconds, %cost, cause, status, "call ended");
    }

    fn trunk(&mut self, name: &Arc<str>) -> &TrunkSeries {
        self.trunks.of(name, |name| self.metrics.trunk(name))
    }

    fn site(&mut self, name: &Arc<str>) -> &SiteSeries {
        self.sites.of(name, |name| self.metrics.site(name))
    }

    /// A name was looked up, and leads elsewhere or nowhere.
    pub(super) fn heard(&self, heard: &Heard) {
        match heard {
            Heard::Moved { server, hops } if hops.is_empty() => {
                tracing::error!(%server, "no answer of DNS for days: the trunk's last addresses are given up");
            }
            Heard::Moved { server, hops } => {
                let at: Vec<String> =
                    hops.iter().map(|hop| format!("{}:{}", hop.transport.label(), hop.remote)).collect();
                tracing::info!(%server, at = at.join(" "), "the trunk's name leads here");
            }
            Heard::Failed { server, fault, count } => {
                self.metrics.lookup_failures.increment(1);
                if *count == 1 {
                    tracing::warn!(%server, %fault, "the trunk's name cannot be looked up; what was known of it stays");
                } else {
                    tracing::debug!(%server, %fault, count, "still no answer for the trunk's name");
                }
            }
        }
    }

    /// No TLS came about with somebody. Of strangers it is told quietly: whoever scans for open ports does that all day.
    pub(super) fn no_tls(&self, flow: Flow, trunk: Option<&str>, why: HandshakeFault) {
        self.metrics.tls_failure(position(&HandshakeFault::ALL, why));
        let remote = flow.remote;
        match trunk {
            Some(trunk) => {
                tracing::warn!(trunk, %remote, reason = why.code(), "no TLS with the trunk: {why}")
            }
            None => tracing::debug!(%remote, reason = why.code(), "no TLS: {why}"),
        }
    }

    /// The writing thread has something to say.
    pub fn written(&self, event: &WriterEvent) {
        match event {
            WriterEvent::Replied(_) | WriterEvent::Opened(_) => {}
            WriterEvent::Committed { count, took, .. } => {
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
                self.metrics.records_dropped.increment(u64::try_from(*count).unwrap_or(u64::MAX));
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
        self.metrics.calls_max.set(count(gate.setup().limits.calls_max));
        self.metrics.set_health(self.health.missing().is_empty(), self.health.store_writable());
        self.look_at_names(gate);
        self.looks += 1;
        if self.looks.is_multiple_of(LOOKS_PER_UPKEEP) {
            self.metrics.upkeep();
        }
    }

    /// Trunks and sites count from zero as soon as the settings name them, so that `increase` sees the first event of each.
    fn look_at_names(&mut self, gate: &Gate) {
        let setup = gate.setup();
        for (_, site) in setup.policy.sites() {
            self.site(&site.name);
        }
        for trunk in setup.trunks.stated() {
            let series = self.trunk(&trunk.name);
            series.set_calls_max(trunk.calls_max);
            series.up.set(u32::from(gate.is_trunk_up(&trunk.name)));
        }
        // Also those that the settings name no more: their last calls end.
        for (name, series) in self.trunks.iter() {
            series.calls.set(u32::try_from(gate.calls_on_trunk(name)).unwrap_or(u32::MAX));
            series.registered.set(u32::from(gate.is_registered_where_wanted(name)));
        }
    }
}

/// A name for the log.
fn word(name: &Option<Arc<str>>) -> &str {
    name.as_deref().unwrap_or("-")
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
