//! Strict typed configuration: every fault of every file at once, unknown keys refused, secrets masked.

mod addresses;
mod contact_source;
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
mod sift;
mod site;
mod spelling;
mod tariff_file;
mod tls;
mod tollgate_file;
mod trunk;
mod trunk_account;
mod values;
mod version;
mod webhook;

pub use contact_source::{Authorization, ContactSource, LookUp};
pub use credential::{Credential, to_hex};
pub use load::{Counts, Loaded, load, load_settings};
pub use problem::Problem;
pub use secret::Secret;
pub use settings::{
    Account, AtStop, Carrier, DigestAlgorithm, Dns, Files, HostPort, Http, Listener, Log, LogFormat,
    MoneySettings, NumberFormat, Pbx, Peer, PeerKind, Proof, Routing, Settings, Sip, Stop, StoreSettings,
    TlsFiles, Trunk, TrunkAddress, TrunkOrder, TrunkTls,
};
pub use sift::{SiftError, Sifted, contact_file, sift};
pub use trunk::EMERGENCY_RESERVE;
pub use webhook::{NoticeKind, Webhook};
