//! The series of one metric over a few closed label sets. A series is made when it first counts and its handle kept, so that
//! `/metrics` shows no thousand zeros and counting costs one load and one addition.

use std::sync::{Arc, OnceLock};

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder, SharedString};
use metrics_exporter_prometheus::PrometheusRecorder;

/// What all series are made with.
const METADATA: Metadata<'static> = Metadata::new("tollgate", Level::INFO, None);

/// A handle that the recorder can make.
pub trait Series: Sized {
    fn make(recorder: &PrometheusRecorder, key: &Key) -> Self;
}

impl Series for Counter {
    fn make(recorder: &PrometheusRecorder, key: &Key) -> Counter {
        recorder.register_counter(key, &METADATA)
    }
}

impl Series for Gauge {
    fn make(recorder: &PrometheusRecorder, key: &Key) -> Gauge {
        recorder.register_gauge(key, &METADATA)
    }
}

/// All series of one name over `N` labels.
pub struct Family<S, const N: usize> {
    recorder: Arc<PrometheusRecorder>,
    name: &'static str,
    labels: [(&'static str, Vec<SharedString>); N],
    cells: Vec<OnceLock<S>>,
}

impl<S: Series, const N: usize> Family<S, N> {
    pub(super) fn new(
        recorder: &Arc<PrometheusRecorder>,
        name: &'static str,
        labels: [(&'static str, Vec<SharedString>); N],
    ) -> Family<S, N> {
        let count = labels.iter().map(|(_, values)| values.len()).product();
        let cells = std::iter::repeat_with(OnceLock::new).take(count).collect();
        Family { recorder: Arc::clone(recorder), name, labels, cells }
    }

    /// The series whose labels have these positions in their sets.
    ///
    /// # Panics
    /// If a position is outside its set: the caller numbers the same closed enums that the sets were made from.
    pub fn at(&self, places: [usize; N]) -> &S {
        let mut index = 0;
        for ((_, values), place) in self.labels.iter().zip(places) {
            assert!(place < values.len(), "{}: no label at {places:?}", self.name);
            index = index * values.len() + place;
        }
        self.cells[index].get_or_init(|| self.make(places))
    }

    fn make(&self, places: [usize; N]) -> S {
        let pairs = self.labels.iter().zip(places);
        let labels: Vec<Label> =
            pairs.map(|((label, values), place)| Label::new(*label, values[place].clone())).collect();
        S::make(&self.recorder, &Key::from_parts(self.name, labels))
    }
}

pub(super) fn words<'w>(values: impl IntoIterator<Item = &'static str> + 'w) -> Vec<SharedString> {
    values.into_iter().map(SharedString::const_str).collect()
}

pub(super) fn counter(recorder: &PrometheusRecorder, name: &'static str, labels: Vec<Label>) -> Counter {
    recorder.register_counter(&Key::from_parts(name, labels), &METADATA)
}

pub(super) fn gauge(recorder: &PrometheusRecorder, name: &'static str, labels: Vec<Label>) -> Gauge {
    recorder.register_gauge(&Key::from_parts(name, labels), &METADATA)
}

pub(super) fn histogram(recorder: &PrometheusRecorder, name: &'static str, labels: Vec<Label>) -> Histogram {
    recorder.register_histogram(&Key::from_parts(name, labels), &METADATA)
}
