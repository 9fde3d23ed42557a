//! Where people's phones are (RFC 3261 §10): bindings from a person to contacts, each with the flow it came over, since behind
//! NAT nothing else reaches the phone (RFC 5626); and whose flows lead through us to a registrar elsewhere. Pure; who may register, and as whom, is decided before.

mod binding;
mod location;
mod saved;
mod through;
mod wanted;

#[cfg(test)]
mod tests;

pub use binding::{Binding, Preference};
pub use location::{Limits, Registered, Registrar};
pub use saved::SavedBinding;
pub use through::{FlowMark, Through};
