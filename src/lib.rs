//! Tollgate: the gate between a company's phones and its trunks.
//!
//! Rooms import downward only; `tests/architecture.rs` holds who may import whom.

pub mod base;
pub mod net;
pub mod config;
pub mod ledger;
pub mod policy;
pub mod sip;
pub mod ledger;
pub mod store;
