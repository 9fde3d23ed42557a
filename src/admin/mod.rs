//! For those who run the gate: metrics and health over HTTP, a control socket on the machine itself. The console and its API come
//! later, one file per noun.

pub mod control;
mod health;
mod pages;
mod server;

pub use health::Health;
pub use server::{Parts, Server, serve, spawn};
