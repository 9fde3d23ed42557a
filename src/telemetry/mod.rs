//! What an operator sees from outside: metrics and logs. Labels are closed sets; no number and no user name is among them (R103).

mod contacts;
mod family;
mod labels;
pub mod log;
mod metrics;
mod named;
mod names;
mod sums;

pub use contacts::{ContactSeries, Outcome};
pub use family::Family;
pub use labels::{Delivered, Direction, Labels, Reload, Verdict};
pub use metrics::Metrics;
pub use named::{Named, SiteSeries, TrunkSeries};
pub use sums::MoneySums;
