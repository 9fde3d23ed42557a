//! Series labelled with names out of the settings: trunks and sites. Made when a name is first seen and kept, by the one thread
//! that counts them.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use metrics::{Counter, Gauge, Histogram, Label, SharedString};
use metrics_exporter_prometheus::PrometheusRecorder;

use super::family::{Family, counter, gauge, histogram, words};
use super::metrics::Verdict;
use super::names;

/// Names told apart for one label. Settings name a few dozen; whoever renames them for years shares the last series.
const NAMES_MAX: usize = 1_000;
/// What the names beyond are counted under.
const REST: &str = "other";
/// The first place in the set of reasons belongs to permitted calls.
const NO_REASON: usize = 0;

/// The series of each name.
pub struct Named<S> {
    series: HashMap<Arc<str>, S, RandomState>,
}

impl<S> Default for Named<S> {
    fn default() -> Named<S> {
        Named { series: HashMap::default() }
    }
}

impl<S> Named<S> {
    /// The series of this name; `make` makes those of a new one.
    pub fn of(&mut self, name: &Arc<str>, make: impl FnOnce(&str) -> S) -> &S {
        let rest = || Arc::from(REST);
        let is_new = !self.series.contains_key(name);
        let name = if is_new && self.series.len() >= NAMES_MAX { rest() } else { Arc::clone(name) };
        self.series.entry(name).or_insert_with_key(|name| make(name))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &S)> {
        self.series.iter()
    }
}

/// What is counted for one trunk.
pub struct TrunkSeries {
    pub calls: Gauge,
    calls_max: Gauge,
    pub registered: Gauge,
    pub attempts: Counter,
    pub answers: Counter,
    pub failures: Counter,
    pub talk_seconds: Counter,
    pub response_seconds: Histogram,
}

impl TrunkSeries {
    pub(super) fn new(recorder: &PrometheusRecorder, name: &str) -> TrunkSeries {
        let label = || vec![Label::new("trunk", name.to_owned())];
        TrunkSeries {
            calls: gauge(recorder, names::TRUNK_CALLS, label()),
            calls_max: gauge(recorder, names::TRUNK_CALLS_MAX, label()),
            registered: gauge(recorder, names::TRUNK_REGISTERED, label()),
            attempts: counter(recorder, names::TRUNK_ATTEMPTS, label()),
            answers: counter(recorder, names::TRUNK_ANSWERS, label()),
            failures: counter(recorder, names::TRUNK_FAILURES, label()),
            talk_seconds: counter(recorder, names::TRUNK_TALK_SECONDS, label()),
            response_seconds: histogram(recorder, names::TRUNK_RESPONSE_SECONDS, label()),
        }
    }

    /// `None`: the carrier sets no limit.
    pub fn set_calls_max(&self, most: Option<u32>) {
        self.calls_max.set(most.map_or(f64::INFINITY, f64::from));
    }
}

/// What is counted for one site.
pub struct SiteSeries {
    verdicts: Family<Counter, 4>,
    pub emergencies: Counter,
}

impl SiteSeries {
    /// `judgements` are the sets of `reason` and `class`.
    pub(super) fn new(
        recorder: &Arc<PrometheusRecorder>,
        name: &str,
        judgements: [Vec<SharedString>; 2],
    ) -> SiteSeries {
        let [reasons, classes] = judgements;
        let labels = [
            ("site", vec![SharedString::from(name.to_owned())]),
            ("verdict", words(["permitted", "refused"])),
            ("reason", reasons),
            ("class", classes),
        ];
        SiteSeries {
            verdicts: Family::new(recorder, names::VERDICTS, labels),
            emergencies: counter(recorder, names::EMERGENCIES, vec![Label::new("site", name.to_owned())]),
        }
    }

    /// One call judged; `class` by position in `Labels::classes`.
    pub fn verdict(&self, verdict: Verdict, class: usize) {
        let (row, reason) = match verdict {
            Verdict::Permitted => (0, NO_REASON),
            Verdict::Refused(reason) => (1, reason + 1),
        };
        self.verdicts.at([0, row, reason, class]).increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_end_share_the_last_series() {
        let mut named: Named<String> = Named::default();
        for index in 0..NAMES_MAX + 10 {
            named.of(&Arc::from(format!("trunk {index}")), str::to_owned);
        }
        assert_eq!(named.iter().count(), NAMES_MAX + 1);
        let late: Arc<str> = Arc::from("late");
        assert_eq!(named.of(&late, str::to_owned), REST);
        let early: Arc<str> = Arc::from("trunk 7");
        assert_eq!(named.of(&early, str::to_owned), "trunk 7");
    }
}
