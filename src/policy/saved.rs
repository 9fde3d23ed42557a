//! A permit as it is written down with its call, for another run that takes the call up again (R91). What its caller may spend is not
//! in it: that is read from the rules of then.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::base::number::{ShortCode, UnknownWhy};
use crate::base::{PhoneNumber, SiteId};

use super::attempt::{Circumstances, Destination, Limits, Origin, Permit, TrunkChoice};
use super::class::{Class, Country};
use super::document::{By, Ending};
use super::snapshot::Policy;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPermit {
    destination: SavedDestination,
    class: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    site: Arc<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    longest: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closes: Option<DateTime<Utc>>,
    on_change: Ending,
    origin: Origin,
    by: By,
    other_party_outside: bool,
    /// Digits without the plus.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    caller_number: Option<String>,
    /// A database that was asked may have let it through.
    #[serde(default)]
    heard: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SavedDestination {
    Emergency(String),
    /// The key of the colleague.
    Internal(Arc<str>),
    /// Digits without the plus.
    Number(String),
    Feature(String),
    /// A colleague who has left since; the call goes on.
    Gone,
}

impl Permit {
    /// As the next run needs it, in words that outlive this policy.
    pub fn saved(&self, policy: &Policy) -> SavedPermit {
        let destination = match self.destination {
            Destination::Emergency(code) => SavedDestination::Emergency(code.to_string()),
            Destination::Internal(person) => SavedDestination::Internal(policy.person(person).key.clone()),
            Destination::Number(number) => SavedDestination::Number(number.digits().as_str().to_owned()),
            Destination::Feature(code) => SavedDestination::Feature(code.to_string()),
            Destination::NoSuchExtension(_) | Destination::Unknown(_) => SavedDestination::Gone,
        };
        SavedPermit {
            destination,
            class: self.class.code().to_owned(),
            country: self.country.map(|country| country.code().to_owned()),
            site: policy.site(self.site).name.clone(),
            longest: self.longest,
            closes: self.closes,
            on_change: self.on_change,
            origin: self.origin.clone(),
            by: self.circumstances.by,
            other_party_outside: self.circumstances.other_party_outside,
            caller_number: self.circumstances.caller_number.map(|number| number.digits().as_str().to_owned()),
            heard: self.circumstances.heard,
        }
    }

    /// The permit of a call that began at `began` under an earlier run, at the expense of `payer`, if of anybody. It can carry a call on;
    /// no INVITE leaves by it, since whoever takes it up finds the call answered. A payer who has left meanwhile may spend nothing.
    /// `None` if the row is damaged.
    pub fn taken_up(
        saved: SavedPermit,
        policy: &Policy,
        payer: Option<&str>,
        began: DateTime<Utc>,
    ) -> Option<Permit> {
        let payer = payer.and_then(|key| policy.person_by_key(key));
        let limits = payer
            .map_or_else(|| Arc::new(Limits::default()), |payer| policy.era(payer, began).limits.clone());
        let caller_number = match &saved.caller_number {
            Some(digits) => Some(PhoneNumber::from_digits(digits)?),
            None => None,
        };
        Some(Permit {
            destination: destination(saved.destination, policy)?,
            class: Class::from_code(&saved.class)?,
            country: saved.country.as_deref().and_then(Country::from_code),
            // A site that is gone leaves its calls to the first one, as in `carry_over`.
            site: policy.site_by_name(&saved.site).unwrap_or(SiteId(0)),
            trunks: TrunkChoice::Any,
            longest: saved.longest,
            closes: saved.closes,
            on_change: saved.on_change,
            limits,
            origin: saved.origin,
            circumstances: Circumstances {
                by: saved.by,
                other_party_outside: saved.other_party_outside,
                caller_number,
                heard: saved.heard,
            },
        })
    }
}

fn destination(saved: SavedDestination, policy: &Policy) -> Option<Destination> {
    Some(match saved {
        SavedDestination::Emergency(code) => Destination::Emergency(ShortCode::from_text(&code)?),
        SavedDestination::Number(digits) => Destination::Number(PhoneNumber::from_digits(&digits)?),
        SavedDestination::Feature(code) => Destination::Feature(ShortCode::from_text(&code)?),
        SavedDestination::Internal(key) => policy
            .person_by_key(&key)
            .map_or(Destination::Unknown(UnknownWhy::NoMatch), Destination::Internal),
        SavedDestination::Gone => Destination::Unknown(UnknownWhy::NoMatch),
    })
}
