//! The handles of all metrics, made once and kept: counting is an addition, not a look-up.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Label, SharedString};
use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use super::contacts::ContactSeries;
use super::family::{Family, counter, gauge, histogram, words};
use super::labels::{Delivered, Direction, Labels, Reload};
use super::named::{SiteSeries, TrunkSeries};
use super::names;
use super::sums::MoneySums;

/// Every metric of the gate. Shared between threads; nothing here locks once a series has counted.
pub struct Metrics {
    page: PrometheusHandle,
    retransmissions: Family<Counter, 1>,
    parse_errors: Family<Counter, 1>,
    rejections: Family<Counter, 1>,
    fraud_locks: Family<Counter, 1>,
    tls_failures: Family<Counter, 1>,
    tls_certificate_end: Gauge,
    faults: Vec<&'static str>,
    codes: Vec<&'static str>,
    messages: Family<Counter, 3>,
    responses: Family<Counter, 1>,
    reloads: Family<Counter, 1>,
    pub contacts: ContactSeries,
    ended: Family<Counter, 1>,
    notices: Family<Counter, 1>,
    deliveries: Family<Counter, 1>,
    deliveries_waiting: Gauge,
    /// Makes the series whose labels change with the settings.
    recorder: Arc<PrometheusRecorder>,
    /// Of verdicts: `reason` and `class`.
    judgements: [Vec<SharedString>; 2],
    config_current: Gauge,
    transactions: Family<Gauge, 1>,
    policy_version: Gauge,
    pub calls: Gauge,
    pub calls_max: Gauge,
    ready: Gauge,
    store_writable: Gauge,
    pub registrations: Gauge,
    pub auth_failures: Counter,
    pub source_locks: Counter,
    pub ledger_failures: Counter,
    pub records_dropped: Counter,
    pub lookup_failures: Counter,
    setup_seconds: Histogram,
    ledger_commit_seconds: Histogram,
    ledger_batch_commands: Histogram,
    pub money: MoneySums,
}

/// From a tenth of a millisecond, which is usual here, to half a minute, when a caller has long hung up.
const SECONDS_BUCKETS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];
/// A batch doubles under load up to what one commit takes.
const BATCH_BUCKETS: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

impl Metrics {
    /// # Errors
    /// Of the recorder's builder; with the constant buckets of this file there are none.
    pub fn new(labels: &Labels) -> Result<Metrics, BuildError> {
        let batch = Matcher::Full(names::LEDGER_BATCH_COMMANDS.into());
        let seconds = Matcher::Suffix("_seconds".into());
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(seconds, &SECONDS_BUCKETS)?
            .set_buckets_for_metric(batch, &BATCH_BUCKETS)?
            .build_recorder();
        names::describe(&recorder);
        let recorder = Arc::new(recorder);
        gauge(&recorder, names::BUILD, vec![Label::new("version", env!("CARGO_PKG_VERSION"))]).set(1);
        let metrics = Metrics::with(&recorder, labels);
        // What is in force at the start was accepted; a counter that begins with its first event hides it from `increase`.
        metrics.config_current.set(1);
        for outcome in [Reload::Accepted, Reload::Refused] {
            metrics.reloads.at([outcome as usize]).absolute(0);
        }
        Ok(metrics)
    }

    fn with(recorder: &Arc<PrometheusRecorder>, labels: &Labels) -> Metrics {
        let reasons = std::iter::once("none").chain(labels.reasons.iter().copied());
        let messages = [
            ("direction", words(["in", "out"])),
            ("transport", words(labels.transports.iter().copied())),
            ("method", words(labels.methods.iter().copied())),
        ];
        let by = |name, label, values: &[&'static str]| {
            Family::new(recorder, name, [(label, words(values.iter().copied()))])
        };
        Metrics {
            page: recorder.handle(),
            retransmissions: Family::new(
                recorder,
                names::RETRANSMISSIONS,
                [("direction", words(["in", "out"]))],
            ),
            parse_errors: by(names::PARSE_ERRORS, "fault", &labels.faults),
            fraud_locks: by(names::FRAUD_LOCKS, "signal", &labels.signals),
            tls_failures: by(names::TLS_FAILURES, "reason", &labels.tls_faults),
            tls_certificate_end: gauge(recorder, names::TLS_CERTIFICATE_END, Vec::new()),
            rejections: by(names::REJECTIONS, "code", &labels.rejections),
            faults: labels.faults.clone(),
            codes: labels.rejections.clone(),
            messages: Family::new(recorder, names::MESSAGES, messages),
            responses: Family::new(recorder, names::RESPONSES, [("class", words(STATUS_CLASSES))]),
            reloads: Family::new(recorder, names::RELOADS, [("outcome", words(["accepted", "refused"]))]),
            contacts: ContactSeries::of(recorder),
            ended: by(names::CALLS_ENDED, "cause", &labels.causes),
            notices: by(names::NOTICES, "kind", &labels.notices),
            deliveries: Family::new(
                recorder,
                names::DELIVERIES,
                [("outcome", words(["taken", "refused", "dropped"]))],
            ),
            deliveries_waiting: gauge(recorder, names::DELIVERIES_WAITING, Vec::new()),
            recorder: Arc::clone(recorder),
            judgements: [words(reasons), words(labels.classes.iter().copied())],
            config_current: gauge(recorder, names::CONFIG_CURRENT, Vec::new()),
            policy_version: gauge(recorder, names::POLICY_VERSION, Vec::new()),
            transactions: Family::new(
                recorder,
                names::TRANSACTIONS,
                [("kind", words(labels.transactions.iter().copied()))],
            ),
            calls: gauge(recorder, names::CALLS, Vec::new()),
            calls_max: gauge(recorder, names::CALLS_MAX, Vec::new()),
            ready: gauge(recorder, names::READY, Vec::new()),
            store_writable: gauge(recorder, names::STORE_WRITABLE, Vec::new()),
            registrations: gauge(recorder, names::REGISTRATIONS, Vec::new()),
            auth_failures: counter(recorder, names::AUTH_FAILURES, Vec::new()),
            source_locks: counter(recorder, names::SOURCE_LOCKS, Vec::new()),
            ledger_failures: counter(recorder, names::LEDGER_FAILURES, Vec::new()),
            records_dropped: counter(recorder, names::RECORDS_DROPPED, Vec::new()),
            lookup_failures: counter(recorder, names::LOOKUP_FAILURES, Vec::new()),
            setup_seconds: histogram(recorder, names::SETUP_SECONDS, Vec::new()),
            ledger_commit_seconds: histogram(recorder, names::LEDGER_COMMIT_SECONDS, Vec::new()),
            ledger_batch_commands: histogram(recorder, names::LEDGER_BATCH_COMMANDS, Vec::new()),
            money: MoneySums::new(&labels.currency),
        }
    }

    /// The series of one trunk, from zero.
    pub fn trunk(&self, name: &str) -> TrunkSeries {
        TrunkSeries::new(&self.recorder, name)
    }

    /// The series of one site, from zero.
    pub fn site(&self, name: &str) -> SiteSeries {
        SiteSeries::new(&self.recorder, name, self.judgements.clone())
    }

    /// One permitted call is over; `cause` by position in `Labels::causes`.
    pub fn ended(&self, cause: usize) {
        self.ended.at([cause]).increment(1);
    }

    /// One notice; `kind` by position in `Labels::notices`.
    pub fn notice(&self, kind: usize) {
        self.notices.at([kind]).increment(1);
    }

    /// One try to deliver a notice.
    pub fn delivery(&self, outcome: Delivered) {
        self.deliveries.at([outcome as usize]).increment(1);
    }

    /// Deliveries that wait for a webhook; 2^53 of them are exact.
    pub fn set_deliveries_waiting(&self, count: u64) {
        self.deliveries_waiting.set(count as f64);
    }

    /// One message; `transport` and `method` by position in `Labels`.
    pub fn message(&self, direction: Direction, transport: usize, method: usize) {
        self.messages.at([direction as usize, transport, method]).increment(1);
    }

    pub fn retransmission(&self, direction: Direction) {
        self.retransmissions.at([direction as usize]).increment(1);
    }

    /// One message that could not be read, by its label in `Labels::faults`.
    pub fn parse_error(&self, fault: &str) {
        if let Some(place) = self.faults.iter().position(|label| *label == fault) {
            self.parse_errors.at([place]).increment(1);
        }
    }

    /// A class was locked for somebody, by the position of the signal in `Labels::signals`.
    pub fn fraud_lock(&self, signal: usize) {
        self.fraud_locks.at([signal]).increment(1);
    }

    /// A TLS handshake failed, by the position of its reason in `Labels::tls_faults`.
    pub fn tls_failure(&self, reason: usize) {
        self.tls_failures.at([reason]).increment(1);
    }

    /// When the first of our certificates ends, in seconds since 1970, below 2^53.
    pub fn set_tls_certificate_end(&self, second: Option<i64>) {
        self.tls_certificate_end.set(second.unwrap_or_default() as f64);
    }

    /// One request turned away before any judgement, by its code in `Labels::rejections`.
    pub fn rejection(&self, code: &str) {
        if let Some(place) = self.codes.iter().position(|known| *known == code) {
            self.rejections.at([place]).increment(1);
        }
    }

    /// One response sent, by its status of 100 to 699.
    pub fn response(&self, status: u16) {
        let class = usize::from(status / 100).clamp(1, STATUS_CLASSES.len()) - 1;
        self.responses.at([class]).increment(1);
    }

    /// A changed configuration was taken over, or refused whole.
    pub fn reload(&self, outcome: Reload) {
        self.reloads.at([outcome as usize]).increment(1);
        self.config_current.set(match outcome {
            Reload::Accepted => 1,
            Reload::Refused => 0,
        });
    }

    /// Whether calls can be taken, and whether the ledger can be written.
    pub fn set_health(&self, ready: bool, store_writable: bool) {
        self.ready.set(i32::from(ready));
        self.store_writable.set(i32::from(store_writable));
    }

    /// The version of the policy in force, below 2^53: a gauge holds it exactly.
    pub fn set_policy_version(&self, version: u64) {
        self.policy_version.set(version as f64);
    }

    /// Transactions alive; `kind` by position in `Labels::transactions`.
    pub fn set_transactions(&self, kind: usize, count: u32) {
        self.transactions.at([kind]).set(count);
    }

    /// From an INVITE's arrival to its departure.
    pub fn setup(&self, span: Duration) {
        self.setup_seconds.record(span);
    }

    /// One commit of the ledger's writer.
    pub fn ledger_commit(&self, span: Duration, commands: u32) {
        self.ledger_commit_seconds.record(span);
        self.ledger_batch_commands.record(commands);
    }

    /// The page that Prometheus reads.
    pub fn render(&self) -> String {
        let mut page = self.page.render();
        self.money.write(&mut page);
        page
    }

    /// Folds raw samples into buckets. Every five seconds is right: never called, ten million samples cost 42 MB.
    pub fn upkeep(&self) {
        self.page.run_upkeep();
    }
}

const STATUS_CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "6xx"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Money;
    use crate::telemetry::Verdict;

    fn metrics() -> Metrics {
        let labels = Labels {
            reasons: vec!["not_permitted", "daily_spend"],
            classes: vec!["internal", "mobile"],
            faults: vec!["too_long", "via"],
            rejections: vec!["loop"],
            tls_faults: vec!["expired"],
            signals: vec!["attempts"],
            methods: vec!["INVITE", "BYE"],
            transports: vec!["udp", "tcp"],
            transactions: vec!["invite_server"],
            causes: vec!["refused", "caller_hung_up"],
            notices: vec!["budget", "emergency"],
            currency: "EUR".into(),
        };
        Metrics::new(&labels).expect("constant buckets")
    }

    fn count_everything(metrics: &Metrics) {
        metrics.notice(1);
        metrics.delivery(Delivered::Taken);
        metrics.set_deliveries_waiting(2);
        let (site, trunk) = (metrics.site("berlin"), metrics.trunk("carrier-a"));
        site.verdict(Verdict::Permitted, 0);
        site.verdict(Verdict::Refused(1), 1);
        site.emergencies.increment(1);
        trunk.calls.set(4);
        trunk.set_calls_max(None);
        trunk.failures.increment(1);
        trunk.response_seconds.record(0.2);
        metrics.ended(1);
        metrics.calls_max.set(10_000);
        metrics.set_health(true, false);
        metrics.message(Direction::Out, 1, 0);
        metrics.retransmission(Direction::In);
        metrics.parse_error("via");
        metrics.rejection("loop");
        metrics.fraud_lock(0);
        metrics.tls_failure(0);
        metrics.set_tls_certificate_end(Some(1_936_742_400));
        metrics.contacts.looked_up(crate::telemetry::Outcome::Silence);
        metrics.contacts.refreshed(true);
        metrics.response(403);
        metrics.reload(Reload::Refused);
        metrics.set_policy_version(8_125_470_613_982_145);
        metrics.set_transactions(0, 7);
        metrics.calls.set(3);
        metrics.registrations.set(2);
        metrics.auth_failures.increment(1);
        metrics.ledger_failures.increment(1);
        metrics.setup(Duration::from_micros(900));
        metrics.ledger_commit(Duration::from_millis(2), 64);
        metrics.money.add_reserved(Money::from_micros(1_500_000));
        metrics.money.add_settled(Money::from_micros(12_345_678_901));
    }

    #[test]
    fn every_metric_has_help_and_a_type_and_counts() {
        let metrics = metrics();
        count_everything(&metrics);
        let page = metrics.render();
        let sums = [(names::MONEY_RESERVED, ""), (names::MONEY_SETTLED, "")];
        for (name, _) in names::ALL.iter().map(|(name, _, help)| (*name, *help)).chain(sums) {
            assert!(page.contains(&format!("# HELP {name} ")), "{name} has no HELP:\n{page}");
            assert!(page.contains(&format!("# TYPE {name} ")), "{name} has no TYPE:\n{page}");
        }
        for line in [
            r#"tollgate_verdicts_total{site="berlin",verdict="permitted",reason="none",class="internal"} 1"#,
            r#"tollgate_verdicts_total{site="berlin",verdict="refused",reason="daily_spend",class="mobile"} 1"#,
            r#"tollgate_calls_ended_total{cause="caller_hung_up"} 1"#,
            r#"tollgate_trunk_calls_max{trunk="carrier-a"} inf"#,
            r#"tollgate_trunk_attempts_total{trunk="carrier-a"} 0"#,
            "tollgate_ready 1",
            "tollgate_store_writable 0",
            "tollgate_config_current 0",
            r#"tollgate_reloads_total{outcome="accepted"} 0"#,
            r#"tollgate_messages_total{direction="out",transport="tcp",method="INVITE"} 1"#,
            r#"tollgate_responses_total{class="4xx"} 1"#,
            r#"tollgate_transactions{kind="invite_server"} 7"#,
            r#"tollgate_trunk_failures_total{trunk="carrier-a"} 1"#,
            r#"tollgate_reloads_total{outcome="refused"} 1"#,
            "tollgate_policy_version 8125470613982145",
            r#"tollgate_setup_seconds_bucket{le="0.001"} 1"#,
            r#"tollgate_ledger_batch_commands_bucket{le="64"} 1"#,
            r#"tollgate_money_reserved{currency="EUR"} 1.50"#,
            r#"tollgate_money_settled_total{currency="EUR"} 12345.678901"#,
        ] {
            assert!(page.lines().any(|shown| shown == line), "missing {line}:\n{page}");
        }
    }

    #[test]
    fn names_keep_the_conventions() {
        for (name, kind, help) in names::ALL {
            assert!(name.starts_with("tollgate_"), "{name}");
            assert_eq!(name.ends_with("_total"), kind == names::Kind::Counter, "{name}");
            assert!(help.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn a_series_that_never_counted_is_not_shown() {
        assert!(!metrics().render().contains("daily_spend"));
    }
}
