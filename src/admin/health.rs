//! Whether the gate can take calls: three facts that the rooms who know them set, and `/readyz` reads.

use std::sync::atomic::{AtomicBool, Ordering};

/// Shared between the threads. All begins false: a gate is not ready until each part has said so.
#[derive(Debug, Default)]
pub struct Health {
    listeners_bound: AtomicBool,
    policy_loaded: AtomicBool,
    store_writable: AtomicBool,
    /// The gate is going down: calls in progress end, new ones go elsewhere.
    draining: AtomicBool,
}

impl Health {
    pub fn set_listeners_bound(&self, bound: bool) {
        self.listeners_bound.store(bound, Ordering::Relaxed);
    }

    pub fn set_policy_loaded(&self, loaded: bool) {
        self.policy_loaded.store(loaded, Ordering::Relaxed);
    }

    /// Without the store calls that cost are refused (R90).
    pub fn set_store_writable(&self, writable: bool) {
        self.store_writable.store(writable, Ordering::Relaxed);
    }

    pub fn store_writable(&self) -> bool {
        self.store_writable.load(Ordering::Relaxed)
    }

    pub fn set_draining(&self, draining: bool) {
        self.draining.store(draining, Ordering::Relaxed);
    }

    /// What is missing, in words; nothing if the gate is ready.
    pub fn missing(&self) -> Vec<&'static str> {
        let facts = [
            (self.listeners_bound.load(Ordering::Relaxed), "the listeners are not bound"),
            (self.policy_loaded.load(Ordering::Relaxed), "no policy is loaded"),
            (self.store_writable.load(Ordering::Relaxed), "the store cannot be written"),
            (!self.draining.load(Ordering::Relaxed), "the gate is going down"),
        ];
        facts.into_iter().filter(|(holds, _)| !holds).map(|(_, word)| word).collect()
    }
}
