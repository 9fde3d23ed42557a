//! The sockets: UDP, TCP and TLS listeners and connections (RFC 3261 §18), all on one `current_thread` runtime; and requests of our own
//! over HTTP. Nothing here judges a message.
//!
//! The event loop owns one [`Sockets`], awaits [`Sockets::receive`] and answers with [`Sockets::send`], which never waits.

mod census;
mod certificate;
mod connection;
mod connections;
mod datagrams;
mod departing;
mod handshake;
mod http;
mod limits;
mod listen;
mod outgoing;
mod pem;
mod resolver;
mod sockets;
#[cfg(test)]
mod tests;
mod tls;
#[cfg(test)]
mod tls_tests;

pub use connection::Failure;
pub use handshake::HandshakeFault;
pub use http::{Answer, Client, HttpFault, Request};
pub use listen::{BindError, Listen};
pub use pem::{Pair, TlsFault};
pub use resolver::{Location, LookupFault, Reach, Resolver};
pub use sockets::{Arrived, Counts, Sockets};
pub use tls::{OwnFiles, Secured, TrunkFiles, TrunkPlace};
