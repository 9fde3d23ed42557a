//! Tollgate: the gate between a company's phones and its trunks.
//!
//! Rooms import downward only; `tests/architecture.rs` holds who may import whom.

pub mod admin;
pub mod app;
pub mod base;
pub mod config;
pub mod dialog;
pub mod gate;
pub mod ledger;
pub mod net;
pub mod policy;
pub mod proxy;
pub mod registrar;
pub mod sip;
pub mod store;
pub mod telemetry;
pub mod transaction;
