//! SIP timelines in simulated time: one module for each section of an RFC, one table for each story.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, but does not see that all of this binary is one"
)]

#[path = "calls/transaction_world.rs"]
mod transaction_world;
#[path = "world/mod.rs"]
mod world;

#[path = "calls/rfc3261_16_whole_call.rs"]
mod rfc3261_16_whole_call;

#[path = "calls/rfc3261_17_1_1_invite_client.rs"]
mod rfc3261_17_1_1_invite_client;
#[path = "calls/rfc3261_17_1_2_non_invite_client.rs"]
mod rfc3261_17_1_2_non_invite_client;
#[path = "calls/rfc3261_17_1_3_matching_responses.rs"]
mod rfc3261_17_1_3_matching_responses;
#[path = "calls/rfc3261_17_1_4_transport_errors.rs"]
mod rfc3261_17_1_4_transport_errors;
#[path = "calls/rfc3261_17_2_1_invite_server.rs"]
mod rfc3261_17_2_1_invite_server;
#[path = "calls/rfc3261_17_2_2_non_invite_server.rs"]
mod rfc3261_17_2_2_non_invite_server;
#[path = "calls/rfc3261_17_2_3_matching_requests.rs"]
mod rfc3261_17_2_3_matching_requests;
#[path = "calls/rfc3261_17_lossy_network.rs"]
mod rfc3261_17_lossy_network;
