//! Strict typed configuration: every fault of every file at once, unknown keys refused, secrets masked.

mod addresses;
mod fields;
mod limits;
mod policy_file;
mod problem;
mod secret;
mod settings;
mod site;
mod spelling;
mod tollgate_file;
mod values;

pub use problem::Problem;
pub use secret::Secret;
pub use settings::{
    Carrier, Files, HostPort, Http, Listener, Log, LogFormat, Login, MoneySettings, NumberFormat, Peer, PeerKind,
    Rounding, Settings, Sip, StoreSettings, Trunk,
};
