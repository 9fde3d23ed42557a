//! SIP timelines in simulated time: one module for each section of an RFC, one table for each story.

#![allow(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in tests, but does not see that all of this binary is one"
)]

#[path = "world/mod.rs"]
mod world;

#[path = "calls/calendar.rs"]
mod calendar;
#[path = "calls/caller_id.rs"]
mod caller_id;
#[path = "calls/changed_rules.rs"]
mod changed_rules;
#[path = "calls/closing_hours.rs"]
mod closing_hours;
#[path = "calls/emergency_calls.rs"]
mod emergency_calls;
#[path = "calls/full_house.rs"]
mod full_house;
#[path = "calls/guarded_calls.rs"]
mod guarded_calls;
#[path = "calls/held_answers.rs"]
mod held_answers;
#[path = "calls/hostile_cuts.rs"]
mod hostile_cuts;
#[path = "calls/incoming_calls.rs"]
mod incoming_calls;
#[path = "calls/long_requests.rs"]
mod long_requests;
#[path = "calls/midnight.rs"]
mod midnight;
#[path = "calls/money_refusals.rs"]
mod money_refusals;
#[path = "calls/money_slices.rs"]
mod money_slices;
#[path = "calls/moving_phones.rs"]
mod moving_phones;
#[path = "calls/new_settings.rs"]
mod new_settings;
#[path = "calls/replaced_calls.rs"]
mod replaced_calls;
#[path = "calls/restarts.rs"]
mod restarts;
#[path = "calls/rfc3261_10_2_at_trunks.rs"]
mod rfc3261_10_2_at_trunks;
#[path = "calls/rfc3261_10_registration.rs"]
mod rfc3261_10_registration;
#[path = "calls/rfc3261_12_dialogs.rs"]
mod rfc3261_12_dialogs;
#[path = "calls/rfc3261_14_re_invite.rs"]
mod rfc3261_14_re_invite;
#[path = "calls/rfc3261_15_bye.rs"]
mod rfc3261_15_bye;
#[path = "calls/rfc3261_16_3_validation.rs"]
mod rfc3261_16_3_validation;
#[path = "calls/rfc3261_16_7_responses.rs"]
mod rfc3261_16_7_responses;
#[path = "calls/rfc3261_16_8_timer_c.rs"]
mod rfc3261_16_8_timer_c;
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
#[path = "calls/rfc3261_17_2_1_repeated_invite.rs"]
mod rfc3261_17_2_1_repeated_invite;
#[path = "calls/rfc3261_17_2_2_non_invite_server.rs"]
mod rfc3261_17_2_2_non_invite_server;
#[path = "calls/rfc3261_17_2_3_matching_requests.rs"]
mod rfc3261_17_2_3_matching_requests;
#[path = "calls/rfc3261_17_lossy_network.rs"]
mod rfc3261_17_lossy_network;
#[path = "calls/rfc3261_22_digest.rs"]
mod rfc3261_22_digest;
#[path = "calls/rfc3261_22_trunk_login.rs"]
mod rfc3261_22_trunk_login;
#[path = "calls/rfc3261_9_cancel.rs"]
mod rfc3261_9_cancel;
#[path = "calls/rfc3327_path.rs"]
mod rfc3327_path;
#[path = "calls/rfc4028_phones.rs"]
mod rfc4028_phones;
#[path = "calls/rfc4028_session_timers.rs"]
mod rfc4028_session_timers;
#[path = "calls/stopping.rs"]
mod stopping;
#[path = "calls/taken_up.rs"]
mod taken_up;
#[path = "calls/toll_fraud.rs"]
mod toll_fraud;
#[path = "calls/transaction_world.rs"]
mod transaction_world;
#[path = "calls/transfer_and_replaces.rs"]
mod transfer_and_replaces;
#[path = "calls/transfer_tickets.rs"]
mod transfer_tickets;
#[path = "calls/trunk_budgets.rs"]
mod trunk_budgets;
#[path = "calls/trunk_choice.rs"]
mod trunk_choice;
#[path = "calls/trunk_failover.rs"]
mod trunk_failover;
#[path = "calls/trunk_health.rs"]
mod trunk_health;
#[path = "calls/warnings.rs"]
mod warnings;
#[path = "calls/who_is_calling.rs"]
mod who_is_calling;
#[path = "calls/who_is_there.rs"]
mod who_is_there;
