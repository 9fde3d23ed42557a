//! Strict typed configuration: every fault of every file at once, unknown keys refused, secrets masked.

mod addresses;
mod contacts_file;
mod credential;
mod fields;
mod limits;
mod load;
mod pbx;
mod people_file;
mod policy_file;
mod problem;
mod reading;
mod rows;
mod secret;
mod settings;
mod site;
mod spelling;
mod tariff_file;
mod tollgate_file;
mod trunk;
mod trunk_account;
mod values;
mod version;

pub use credential::{Credential, to_hex};
pub use load::{Counts, Loaded, load, load_settings};
pub use problem::Problem;
pub use secret::Secret;
pub use settings::{
    Account, Carrier, DigestAlgorithm, Dns, Files, HostPort, Http, Listener, Log, LogFormat, MoneySettings,
    NumberFormat, Pbx, Peer, PeerKind, Proof, Settings, Sip, StoreSettings, Trunk, TrunkAddress,
};
