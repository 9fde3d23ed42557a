//! The series of contact databases: what they said, and what became of their files.

use std::sync::Arc;

use metrics::Counter;
use metrics_exporter_prometheus::PrometheusRecorder;

use super::family::Family;
use super::names;

/// What a contact database said of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Contact,
    Stranger,
    Silence,
}

/// Kept handles, shared between threads.
pub struct ContactSeries {
    look_ups: Family<Counter, 1>,
    refreshes: Family<Counter, 1>,
}

impl ContactSeries {
    pub(super) fn of(recorder: &Arc<PrometheusRecorder>) -> ContactSeries {
        let words = |words: &[&'static str]| words.iter().map(|word| (*word).into()).collect();
        let said = words(&["contact", "stranger", "silence"]);
        let became = words(&["taken", "kept"]);
        ContactSeries {
            look_ups: Family::new(recorder, names::LOOK_UPS, [("outcome", said)]),
            refreshes: Family::new(recorder, names::CONTACT_REFRESHES, [("outcome", became)]),
        }
    }

    /// A contact database was asked about a number.
    pub fn looked_up(&self, outcome: Outcome) {
        self.look_ups.at([outcome as usize]).increment(1);
    }

    /// A contact file was fetched, or its old copy stays.
    pub fn refreshed(&self, taken: bool) {
        self.refreshes.at([usize::from(!taken)]).increment(1);
    }
}
