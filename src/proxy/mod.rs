//! The proxy core of RFC 3261 §16: validate, route, choose targets, forward, weigh responses, cancel.
//! It knows neither who may call nor what it costs; `gate` asks that first.

mod forward;
mod interface;
mod responses;
mod targets;
mod validate;

pub use forward::{Forwarding, OwnRoute, Returning, forward_request, forward_response, record_route, via};
pub use interface::{Interface, Interfaces};
pub use responses::{BRANCHES_MAX, BranchIndex, Branches, ResponseContext, Upshot};
pub use targets::{Located, Named, NumberFormat, Target, TargetQueue, Trunk, TrunkQueue};
pub use validate::{Rejection, is_suspect, loop_mark, validate};
