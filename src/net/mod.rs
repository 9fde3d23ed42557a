//! The sockets: UDP, TCP listeners and connections (RFC 3261 §18), all on one `current_thread` runtime; nothing here judges a message.
//!
//! The event loop owns one [`Sockets`], awaits [`Sockets::receive`] and answers with [`Sockets::send`], which never waits.

mod connection;
mod connections;
mod datagrams;
mod limits;
mod listen;
mod resolver;
mod sockets;
#[cfg(test)]
mod tests;

pub use connection::Failure;
pub use listen::{BindError, Listen};
pub use resolver::{Location, LookupFault, Reach, Resolver};
pub use sockets::{Arrived, Counts, Sockets};
