//! Tollgate: the gate between a company's phones and its trunks.
//!
//! Rooms import downward only; `tests/architecture.rs` holds who may import whom.

pub mod admin;
pub mod base;
pub mod config;
pub mod ledger;
pub mod net;
pub mod policy;
pub mod sip;
pub mod telemetry;
