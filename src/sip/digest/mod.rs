//! Digest authentication (RFC 3261 §22, RFC 7616, RFC 8760): challenges, the checking of answers, and answers of our own.
//! No password is kept and none is printed; nonces are signed, not stored (R25).

mod account;
mod challenge;
mod challenger;
mod credentials;
mod directives;
mod hash;
mod nonce;
mod replay;

pub use account::{Account, Held, Proofs};
pub use challenge::{Asked, Challenge, Protection, Secret};
pub use challenger::{Challenger, Checked};
pub use credentials::Credentials;
pub use hash::{Algorithm, Ha1};
pub use nonce::{Freshness, NonceId, Nonces};
pub use replay::Replay;
