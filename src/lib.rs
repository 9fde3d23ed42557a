//! Tollgate: the gate between a company's phones and its trunks.
//!
//! Rooms import downward only; `tests/architecture.rs` holds who may import whom.

pub mod base;
pub mod registrar;
pub mod sip;
pub mod transaction;
