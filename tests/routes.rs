//! Ways out on real sockets: trunks that have names, that die or move, that speak IPv6 or want long requests over TCP.
#![allow(clippy::disallowed_methods)] // Real sockets and processes need a real clock.

#[path = "scenarios/gate.rs"]
mod gate;
#[path = "routes/house.rs"]
mod house;
#[path = "routes/locate.rs"]
mod locate;
#[path = "routes/moving.rs"]
mod moving;
#[path = "routes/name_server.rs"]
mod name_server;
#[path = "scenarios/places.rs"]
mod places;
#[path = "wire/plain_sip.rs"]
#[expect(dead_code, reason = "each binary plays other parts of it")]
mod plain_sip;
