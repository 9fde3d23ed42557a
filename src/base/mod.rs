//! The words every room shares: time, money, phone numbers, ids, chance. Nothing here knows SIP, files or clocks.

mod date;
pub mod digit_trie;
mod ids;
mod json;
mod masked;
mod money;
pub mod number;
mod random;
mod rush;
mod seldom;
mod slab;
mod time;
mod wheel;

pub use date::{DateText, write_date};
pub use ids::{
    DecisionId, DepartmentId, IdError, IdSource, IdText, PersonId, ReservationId, RoleId, SiteId, TrunkId,
};
pub use json::JsonObject;
pub use masked::Masked;
pub use money::{Money, MoneyError};
pub use number::PhoneNumber;
pub use random::Random;
pub use rush::{next_after_rush, shrink_after_rush};
pub use seldom::{Blank, Seldom};
pub use slab::{Place, Slab};
pub use time::{Moment, Now, UtcMicros};
pub use wheel::Wheel;
