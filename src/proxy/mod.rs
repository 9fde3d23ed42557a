//! The proxy core of RFC 3261 §16: validate, route, choose targets, forward, weigh responses, cancel.
//! It knows neither who may call nor what it costs; `gate` asks that first.

mod forward;
mod interface;
mod responses;
mod targets;
mod trunk;
mod validate;

pub use forward::{
    Forwarding, OwnRoute, OwnValue, Returning, asserted, forward_request, forward_response, record_route, via,
};
pub use interface::{Interface, Interfaces};
pub use responses::{BRANCHES_MAX, BranchIndex, Branches, ResponseContext, Upshot};
pub use targets::{Located, Target, TargetQueue, TrunkQueue};
pub use trunk::{Care, Kept, Named, NumberFormat, Trunk};
pub use validate::{Rejection, is_suspect, loop_mark, validate};
