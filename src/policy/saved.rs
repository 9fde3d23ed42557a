//! A permit as it is written down with its call, for another run that takes the call up again (R91). What its caller may spend is not
//! in it: that is read from the rules of then.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::base::number::{ShortCode, UnknownWhy};
use crate::base::{JsonObject, PhoneNumber, SiteId};

use super::attempt::{Circumstances, Destination, Limits, Origin, Permit, Terms, TrunkChoice};
use super::class::{Class, Country};
use super::document::{By, Ending};
use super::snapshot::Policy;

#[derive(Debug, Deserialize)]
pub struct SavedPermit {
    destination: SavedDestination,
    class: String,
    country: Option<String>,
    site: Arc<str>,
    longest: Option<Duration>,
    closes: Option<DateTime<Utc>>,
    on_change: Ending,
    origin: Origin,
    by: By,
    other_party_outside: bool,
    /// Digits without the plus.
    caller_number: Option<String>,
    /// A database that was asked may have let it through.
    heard: bool,
}

#[derive(Debug, Deserialize)]
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
    /// Writes it as the next run needs it, in words that outlive this policy, as a `SavedPermit` is read.
    pub fn write(&self, policy: &Policy, json: &mut JsonObject<'_>) {
        match self.destination {
            Destination::Emergency(code) => one_word(json, "emergency", code.as_str()),
            Destination::Internal(person) => one_word(json, "internal", &policy.person(person).key),
            Destination::Number(number) => one_word(json, "number", number.digits().as_str()),
            Destination::Feature(code) => one_word(json, "feature", code.as_str()),
            Destination::NoSuchExtension(_) | Destination::Unknown(_) => json.text("destination", "gone"),
        }
        json.text("class", self.class.code());
        json.some_text("country", self.country.as_ref().map(Country::code));
        json.text("site", &policy.site(self.site).name);
        json.value("longest", &self.terms.longest);
        json.value("closes", &self.closes);
        json.value("on_change", &self.terms.on_change);
        json.value("origin", &self.terms.origin);
        let Circumstances { by, other_party_outside, caller_number, heard } = self.circumstances;
        json.value("by", &by);
        json.flag("other_party_outside", other_party_outside);
        if let Some(number) = caller_number {
            json.text("caller_number", number.digits().as_str());
        }
        json.flag("heard", heard);
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
            closes: saved.closes,
            terms: Arc::new(Terms {
                trunks: TrunkChoice::Any,
                longest: saved.longest,
                on_change: saved.on_change,
                origin: saved.origin,
            }),
            limits,
            circumstances: Circumstances {
                by: saved.by,
                other_party_outside: saved.other_party_outside,
                caller_number,
                heard: saved.heard,
            },
        })
    }
}

fn one_word(json: &mut JsonObject<'_>, kind: &str, word: &str) {
    json.object("destination", |json| json.text(kind, word));
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
