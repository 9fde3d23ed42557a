//! HTTP for those who run the gate: metrics and health. The console and its API come later, one file per noun.

mod health;
mod pages;
mod server;

pub use health::Health;
pub use server::{Parts, Server, serve, spawn};
