//! Every metric name, in one place, with what it means. Conventions of Prometheus: base units, the unit at the end, counters `_total`.

use metrics::{KeyName, Recorder, SharedString};

pub const VERDICTS: &str = "tollgate_verdicts_total";
pub const CALLS: &str = "tollgate_calls";
pub const SETUP_SECONDS: &str = "tollgate_setup_seconds";
pub const TRANSACTIONS: &str = "tollgate_transactions";
pub const RETRANSMISSIONS: &str = "tollgate_retransmissions_total";
pub const PARSE_ERRORS: &str = "tollgate_parse_errors_total";
pub const REJECTIONS: &str = "tollgate_rejections_total";
pub const LEDGER_COMMIT_SECONDS: &str = "tollgate_ledger_commit_seconds";
pub const LEDGER_BATCH_COMMANDS: &str = "tollgate_ledger_batch_commands";
pub const LEDGER_FAILURES: &str = "tollgate_ledger_failures_total";
pub const RECORDS_DROPPED: &str = "tollgate_records_dropped_total";
pub const MONEY_RESERVED: &str = "tollgate_money_reserved";
pub const MONEY_SETTLED: &str = "tollgate_money_settled_total";
pub const MESSAGES: &str = "tollgate_messages_total";
pub const RESPONSES: &str = "tollgate_responses_total";
pub const REGISTRATIONS: &str = "tollgate_registrations";
pub const AUTH_FAILURES: &str = "tollgate_auth_failures_total";
pub const SOURCE_LOCKS: &str = "tollgate_source_locks_total";
pub const FRAUD_LOCKS: &str = "tollgate_fraud_locks_total";
pub const EMERGENCIES: &str = "tollgate_emergencies_total";
pub const CALLS_MAX: &str = "tollgate_calls_max";
pub const CALLS_ENDED: &str = "tollgate_calls_ended_total";
pub const TRUNK_CALLS: &str = "tollgate_trunk_calls";
pub const TRUNK_CALLS_MAX: &str = "tollgate_trunk_calls_max";
pub const TRUNK_REGISTERED: &str = "tollgate_trunk_registered";
pub const TRUNK_UP: &str = "tollgate_trunk_up";
pub const TRUNK_ATTEMPTS: &str = "tollgate_trunk_attempts_total";
pub const TRUNK_ANSWERS: &str = "tollgate_trunk_answers_total";
pub const TRUNK_FAILURES: &str = "tollgate_trunk_failures_total";
pub const TRUNK_RESPONSE_SECONDS: &str = "tollgate_trunk_response_seconds";
pub const TRUNK_TALK_SECONDS: &str = "tollgate_trunk_talk_seconds_total";
pub const LOOKUP_FAILURES: &str = "tollgate_lookup_failures_total";
pub const TLS_FAILURES: &str = "tollgate_tls_failures_total";
pub const TLS_CERTIFICATE_END: &str = "tollgate_tls_certificate_end_timestamp_seconds";
pub const NOTICES: &str = "tollgate_notices_total";
pub const DELIVERIES: &str = "tollgate_webhook_deliveries_total";
pub const DELIVERIES_WAITING: &str = "tollgate_webhook_deliveries_waiting";
pub const READY: &str = "tollgate_ready";
pub const STORE_WRITABLE: &str = "tollgate_store_writable";
pub const RELOADS: &str = "tollgate_reloads_total";
pub const LOOK_UPS: &str = "tollgate_look_ups_total";
pub const CONTACT_REFRESHES: &str = "tollgate_contact_refreshes_total";
pub const CONFIG_CURRENT: &str = "tollgate_config_current";
pub const POLICY_VERSION: &str = "tollgate_policy_version";
pub const BUILD: &str = "tollgate_build_info";

/// What kind of series a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Name, kind and HELP of each metric that the recorder holds. The two sums of money are printed beside it, see `sums`.
pub const ALL: [(&str, Kind, &str); 43] = [
    (VERDICTS, Kind::Counter, "Calls judged, by site, verdict, reason of refusal and class of destination."),
    (CALLS, Kind::Gauge, "Calls in progress, from the INVITE to the end."),
    (CALLS_MAX, Kind::Gauge, "Calls in progress beyond which new ones get 503."),
    (CALLS_ENDED, Kind::Counter, "Permitted calls that are over, by cause."),
    (SETUP_SECONDS, Kind::Histogram, "From an INVITE's arrival to its departure to the next hop."),
    (TRANSACTIONS, Kind::Gauge, "SIP transactions alive, by kind."),
    (RETRANSMISSIONS, Kind::Counter, "Messages received or sent again."),
    (PARSE_ERRORS, Kind::Counter, "Messages that could not be read, by fault."),
    (REJECTIONS, Kind::Counter, "Requests turned away before any judgement, and stray responses, by code."),
    (LEDGER_COMMIT_SECONDS, Kind::Histogram, "Time of one durable commit of the ledger."),
    (LEDGER_BATCH_COMMANDS, Kind::Histogram, "Ledger commands written by one commit."),
    (LEDGER_FAILURES, Kind::Counter, "Commits that failed."),
    (RECORDS_DROPPED, Kind::Counter, "Records of free and refused calls that an outage of the store cost."),
    (MESSAGES, Kind::Counter, "SIP messages received and requests sent, by transport and method."),
    (RESPONSES, Kind::Counter, "SIP responses sent, by class of status."),
    (REGISTRATIONS, Kind::Gauge, "Registered phones."),
    (AUTH_FAILURES, Kind::Counter, "Digests that proved nothing."),
    (SOURCE_LOCKS, Kind::Counter, "Addresses locked after too many wrong passwords."),
    (FRAUD_LOCKS, Kind::Counter, "Classes locked for somebody who looks like a thief of calls, by signal."),
    (TLS_FAILURES, Kind::Counter, "TLS handshakes that failed, by reason."),
    (
        TLS_CERTIFICATE_END,
        Kind::Gauge,
        "When the first of our own certificates ends, in seconds since 1970; 0 without any.",
    ),
    (EMERGENCIES, Kind::Counter, "Emergency calls, by site."),
    (TRUNK_CALLS, Kind::Gauge, "Calls in progress, by trunk."),
    (
        TRUNK_CALLS_MAX,
        Kind::Gauge,
        "Calls at once that the trunk's carrier allows; infinite if no limit is set.",
    ),
    (TRUNK_REGISTERED, Kind::Gauge, "0 while a trunk should have our registration and has not, by trunk."),
    (
        TRUNK_UP,
        Kind::Gauge,
        "1 if the trunk has an address that has not failed again and again of late, else 0.",
    ),
    (TRUNK_ATTEMPTS, Kind::Counter, "INVITEs sent to a trunk."),
    (TRUNK_ANSWERS, Kind::Counter, "Calls that were answered, by trunk."),
    (TRUNK_FAILURES, Kind::Counter, "Calls that a trunk did not take: silence, 408 or 5xx."),
    (
        TRUNK_RESPONSE_SECONDS,
        Kind::Histogram,
        "From an INVITE's departure to the trunk's first response but 100.",
    ),
    (TRUNK_TALK_SECONDS, Kind::Counter, "Talk of calls that are over, by trunk."),
    (LOOKUP_FAILURES, Kind::Counter, "Look-ups of a trunk's name to which DNS gave no address."),
    (NOTICES, Kind::Counter, "Notices made, by kind; each is told once, whoever listens."),
    (
        DELIVERIES,
        Kind::Counter,
        "Tries to deliver a notice to a webhook, by outcome; dropped ones are never delivered.",
    ),
    (DELIVERIES_WAITING, Kind::Gauge, "Deliveries that wait for a webhook."),
    (READY, Kind::Gauge, "1 if calls can be taken, as /readyz says."),
    (STORE_WRITABLE, Kind::Gauge, "1 if the ledger can be written; without it calls that cost are refused."),
    (RELOADS, Kind::Counter, "Changed configurations, by whether they were taken over or refused whole."),
    (LOOK_UPS, Kind::Counter, "Numbers that a contact database was asked about, by what it said."),
    (
        CONTACT_REFRESHES,
        Kind::Counter,
        "Contact files fetched from their URLs, by whether they were taken over.",
    ),
    (CONFIG_CURRENT, Kind::Gauge, "1 if the files as last read are in force, 0 if they were refused."),
    (
        POLICY_VERSION,
        Kind::Gauge,
        "The version of the policy in force: a number made of the files, the same for the same files.",
    ),
    (BUILD, Kind::Gauge, "Always 1; the version of the program is its label."),
];

/// Tells the recorder the HELP of each metric.
pub(super) fn describe(recorder: &impl Recorder) {
    for (name, kind, help) in ALL {
        let (name, help) = (KeyName::from_const_str(name), SharedString::const_str(help));
        match kind {
            Kind::Counter => recorder.describe_counter(name, None, help),
            Kind::Gauge => recorder.describe_gauge(name, None, help),
            Kind::Histogram => recorder.describe_histogram(name, None, help),
        }
    }
}
