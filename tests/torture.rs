//! The torture messages of RFC 4475 and RFC 5118, read and on the wire; and attacks on the built gate, each with the rule it attacks.

#[path = "scenarios/gate.rs"]
#[allow(dead_code, clippy::disallowed_methods)]
// Waits for a child process; only a part of it is of use here.
mod gate;
#[path = "torture/places.rs"]
mod places;

mod torture {
    mod after_a_kill;
    mod attacks;
    mod caller;
    mod conformance;
    pub mod corpus;
    mod dialogs;
    mod digests;
    mod emergencies;
    mod floods;
    mod forwarding;
    mod fuzzed;
    mod hostile;
    mod identities;
    mod lockouts;
    mod marks;
    mod mutation;
    mod outcomes;
    mod overload;
    mod pickups;
    mod registrations;
    mod requests;
    mod spellings;
    mod stream;
    mod thieves;
    mod tickets;
    mod town;
    mod transfers;
}
