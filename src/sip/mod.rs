//! SIP as bytes and meaning (RFC 3261 §7, §19, §20, §25): messages, their edits, replies, framing, digest. No socket, no clock.

mod compose;
pub mod digest;
mod draft;
mod flow;
mod framing;
mod host;
mod index;
mod lines;
mod malformed;
mod message;
mod method;
mod name;
mod name_addr;
mod params;
#[cfg(test)]
mod properties;
mod reply;
mod request;
mod route_mark;
mod scan;
mod span;
mod start_line;
mod status;
mod uri;
mod values;
mod via;
mod vocabulary;

pub use draft::Draft;
pub use flow::{ConnectionId, Flow, ListenerId, Transport};
pub use framing::{Frame, Framer};
pub use host::address as host_address;
pub use index::Framing;
pub use malformed::{Answer, Fault, Malformed};
pub use message::{LONGEST_MESSAGE, Message, Position, Value};
pub use method::Method;
pub use name::Name;
pub use name_addr::NameAddr;
pub use params::{Param, Params};
pub use reply::{Reply, reply, reply_to_malformed};
pub use request::{NewRequest, ack_of_refusal, cancel};
pub use route_mark::{Bound, CallKind, Mark, MarkText, Opened, ROUTE_MARK, Seal, decision_of_mark};
pub use status::reason_phrase;
pub use uri::{Scheme, Uri, UriFault, percent_decode};
pub use via::{MAGIC_COOKIE, Via};
pub use vocabulary::{Unspeakable, originate};
