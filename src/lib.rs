//! Tollgate: the gate between a company's phones and its trunks.
//!
//! Rooms import downward only; `tests/architecture.rs` holds who may import whom.

pub mod admin;
pub mod app;
pub mod base;
pub mod config;
pub mod ledger;
pub mod policy;
pub mod telemetry;
