//! Ids: small integers for what the policy knows, time-ordered 64-bit ids for what happens.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU64;
use std::ops::Deref;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Random;

macro_rules! index_id {
    ($(#[$doc:meta])* $name:ident($int:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        impl $name {
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index_id!(/// A person, by position in the compiled policy. Stable within one policy version only; the key in `people.csv` outlives it.
    PersonId(u32));
index_id!(/// A department, by position in the compiled policy.
    DepartmentId(u16));
index_id!(/// A role, by position in the compiled policy.
    RoleId(u16));
index_id!(/// A site, by position in the compiled policy.
    SiteId(u16));
index_id!(/// A trunk, by position in the settings.
    TrunkId(u16));

macro_rules! event_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name {
            /// One more than the number, so that an id that may be missing takes no more room than one that is there.
            from_one: NonZeroU64,
        }

        impl $name {
            /// The last number that can be told is the one before `u64::MAX`.
            pub const fn from_u64(raw: u64) -> $name {
                $name { from_one: NonZeroU64::MIN.saturating_add(raw) }
            }

            pub const fn as_u64(self) -> u64 {
                self.from_one.get() - 1
            }

            /// As printed, without an allocation: the text goes into several messages of every call.
            pub fn text(self) -> IdText {
                IdText(encode(self.as_u64()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.as_u64()).finish()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.text())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<$name, IdError> {
                decode(text).map($name::from_u64).ok_or(IdError)
            }
        }

        /// As printed where people read, as a number elsewhere.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.serialize_str(&self.text())
                } else {
                    serializer.serialize_u64(self.as_u64())
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                if deserializer.is_human_readable() {
                    Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
                } else {
                    u64::deserialize(deserializer).map($name::from_u64)
                }
            }
        }
    };
}

event_id!(/// One verdict and all that follows from it (R52). Printed as 13 letters and digits.
    DecisionId);
event_id!(/// One reservation of money; every command about it carries this id and is idempotent by it (R69).
    ReservationId);

/// The thirteen letters and digits of a printed id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdText([u8; 13]);

impl Deref for IdText {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Thirteen characters of Crockford's base 32 were expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 13 letters and digits, such as 0C7NKX2P0QGW4")]
pub struct IdError;

/// Bits of an id that count within one millisecond: four million events before the next must wait its turn.
const SEQUENCE_BITS: u32 = 22;
/// 2024-01-01T00:00:00Z in Unix milliseconds: 42 bits of milliseconds from there last until 2163.
const EPOCH_MILLIS: i64 = 1_704_067_200_000;

impl DecisionId {
    /// No decision made since then has a lesser id.
    pub fn earliest(utc: DateTime<Utc>) -> DecisionId {
        DecisionId::from_u64(millis(utc) << SEQUENCE_BITS)
    }

    /// When it was made, to the millisecond.
    pub fn made_at(self) -> DateTime<Utc> {
        let millis = i64::try_from(self.as_u64() >> SEQUENCE_BITS).unwrap_or(0) + EPOCH_MILLIS;
        DateTime::from_timestamp_millis(millis).unwrap_or_default()
    }
}

fn millis(utc: DateTime<Utc>) -> u64 {
    u64::try_from(utc.timestamp_millis() - EPOCH_MILLIS).unwrap_or(0)
}

/// Makes ids that rise with time and never repeat, also when the wall clock steps back.
#[derive(Clone, Debug, Default)]
pub struct IdSource {
    last: u64,
    /// Where each millisecond begins to count: another place for each process, so that one that is started after the clock was set
    /// back does not use the ids of the one before once more.
    salt: u64,
}

impl IdSource {
    pub fn new(random: &mut Random) -> IdSource {
        IdSource { last: 0, salt: random.below(1 << (SEQUENCE_BITS - 1)) }
    }

    pub fn decision(&mut self, utc: DateTime<Utc>) -> DecisionId {
        DecisionId::from_u64(self.next(utc))
    }

    pub fn reservation(&mut self, utc: DateTime<Utc>) -> ReservationId {
        ReservationId::from_u64(self.next(utc))
    }

    /// Goes on after an id of an earlier run, should the wall clock have been set back meanwhile. That run may have counted on from
    /// there, so this one begins in the next millisecond, at a place of its own.
    pub fn go_on_after(&mut self, id: u64) {
        let next = ((id >> SEQUENCE_BITS).saturating_add(1) << SEQUENCE_BITS) + self.salt;
        self.last = self.last.max(next);
    }

    fn next(&mut self, utc: DateTime<Utc>) -> u64 {
        self.last = ((millis(utc) << SEQUENCE_BITS) + self.salt).max(self.last + 1);
        self.last
    }
}

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

fn encode(mut value: u64) -> [u8; 13] {
    let mut text = [b'0'; 13];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(value & 31) as usize];
        value >>= 5;
    }
    text
}

fn decode(text: &str) -> Option<u64> {
    if text.len() != 13 {
        return None;
    }
    text.bytes().try_fold(0u64, |value, byte| {
        let digit = ALPHABET.iter().position(|letter| *letter == byte.to_ascii_uppercase())?;
        value.checked_mul(32)?.checked_add(digit as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_when_the_wall_clock_steps_back() {
        let mut ids = IdSource::default();
        let noon = DateTime::from_timestamp(1_800_000_000, 0).expect("a valid instant");
        let first = ids.decision(noon);
        let second = ids.decision(noon - chrono::TimeDelta::hours(1));
        assert!(second > first);
    }

    #[test]
    fn a_process_started_after_the_clock_was_set_back_makes_other_ids() {
        let noon = DateTime::from_timestamp(1_800_000_000, 0).expect("a valid instant");
        let ids = |seed| IdSource::new(&mut Random::from_number(seed)).decision(noon);
        assert_ne!(ids(1), ids(2));
    }

    #[test]
    fn a_process_that_takes_up_a_call_makes_none_of_the_ids_that_followed_it() {
        let noon = DateTime::from_timestamp(1_800_000_000, 0).expect("a valid instant");
        let an_hour_ago = noon - chrono::TimeDelta::hours(1);
        let mut earlier = IdSource::new(&mut Random::from_number(1));
        let known = earlier.decision(noon);
        let followed: Vec<DecisionId> = (0..10).map(|_| earlier.decision(an_hour_ago)).collect();
        let mut ids = IdSource::new(&mut Random::from_number(2));
        ids.go_on_after(known.as_u64());
        let made: Vec<DecisionId> = (0..10).map(|_| ids.decision(an_hour_ago)).collect();
        assert!(made.iter().all(|id| *id > known && !followed.contains(id)));
    }

    #[test]
    fn an_id_reads_back_from_its_own_print() {
        let id = DecisionId::from_u64(0xDEAD_BEEF_0042);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("too short".parse::<DecisionId>(), Err(IdError));
        assert_eq!("ZZZZZZZZZZZZZ".parse::<DecisionId>(), Err(IdError));
    }
}
