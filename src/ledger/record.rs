//! The row that every attempted call leaves, refused ones too (R100).

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::base::{DecisionId, Money, ReservationId, write_date};

/// One attempt to call. Times are UTC; texts are the stable keys and codes of the policy, not sentences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallRecord {
    pub decision: DecisionId,
    /// `None` for refused, emergency and free calls.
    pub reservation: Option<ReservationId>,
    pub person: Option<Arc<str>>,
    pub department: Option<Arc<str>>,
    pub site: Option<Arc<str>>,
    /// As dialled, before R30.
    pub raw: Arc<str>,
    /// Canonical: `+4930123456`, an extension, or an emergency number; `None` if it could not be read.
    pub canonical: Option<Arc<str>>,
    pub class: Option<Cow<'static, str>>,
    pub country: Option<Arc<str>>,
    /// The reason's stable code (R51) of a refused call; `None` for a permitted one.
    pub reason: Option<Cow<'static, str>>,
    /// The permit or guard that decided.
    pub rule: Option<Arc<str>>,
    pub policy_version: u64,
    pub tariff: Option<TariffMark>,
    pub trunk: Option<Arc<str>>,
    #[serde(with = "chrono::serde::ts_microseconds")]
    pub start: DateTime<Utc>,
    #[serde(with = "chrono::serde::ts_microseconds_option")]
    pub answer: Option<DateTime<Utc>>,
    #[serde(with = "chrono::serde::ts_microseconds_option")]
    pub end: Option<DateTime<Utc>>,
    /// Talk time rounded up to seconds (R62), then to increments.
    pub billed_seconds: u64,
    pub cost: Money,
    /// Cost that reservation and limits did not cover: nobody pays it.
    pub written_off: Money,
    /// `None` while the call goes on.
    pub end_cause: Option<EndCause>,
    /// The final status that the caller saw.
    pub status: Option<u16>,
    /// The end is inferred from the last sign of life (R74).
    pub estimated: bool,
}

impl CallRecord {
    /// A row with nothing but what every attempt has; the rest is filled in by name.
    pub fn new(decision: DecisionId, raw: impl Into<Arc<str>>, start: DateTime<Utc>) -> CallRecord {
        CallRecord {
            decision,
            reservation: None,
            person: None,
            department: None,
            site: None,
            raw: raw.into(),
            canonical: None,
            class: None,
            country: None,
            reason: None,
            rule: None,
            policy_version: 0,
            tariff: None,
            trunk: None,
            start,
            answer: None,
            end: None,
            billed_seconds: 0,
            cost: Money::ZERO,
            written_off: Money::ZERO,
            end_cause: None,
            status: None,
            estimated: false,
        }
    }
}

/// Which price a call was held to (R63).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TariffMark {
    /// Digits without the plus.
    pub prefix: Arc<str>,
    #[serde(serialize_with = "write_date")]
    pub valid_from: NaiveDate,
}

/// Why a call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// Refused by policy or budget: it never went out.
    Refused,
    CallerHungUp,
    CalleeHungUp,
    /// Given up by the caller before the answer.
    Cancelled,
    /// Declined by the callee: busy, rejected.
    Declined,
    NoAnswer,
    /// No trunk or phone could take it.
    Failed,
    /// Ended by the gate: the money was spent.
    CutMoney,
    /// Ended by the gate: the permitted time was over.
    CutTime,
    /// Ended by the gate: rights or locks changed.
    CutRights,
    /// No sign of life.
    Dead,
    /// The gate was stopped or crashed, and the call was not there afterwards.
    Lost,
}

impl EndCause {
    pub const ALL: [EndCause; 12] = [
        EndCause::Refused,
        EndCause::CallerHungUp,
        EndCause::CalleeHungUp,
        EndCause::Cancelled,
        EndCause::Declined,
        EndCause::NoAnswer,
        EndCause::Failed,
        EndCause::CutMoney,
        EndCause::CutTime,
        EndCause::CutRights,
        EndCause::Dead,
        EndCause::Lost,
    ];

    /// The stable code in rows and reports.
    pub fn code(self) -> &'static str {
        match self {
            EndCause::Refused => "refused",
            EndCause::CallerHungUp => "caller_hung_up",
            EndCause::CalleeHungUp => "callee_hung_up",
            EndCause::Cancelled => "cancelled",
            EndCause::Declined => "declined",
            EndCause::NoAnswer => "no_answer",
            EndCause::Failed => "failed",
            EndCause::CutMoney => "cut_money",
            EndCause::CutTime => "cut_time",
            EndCause::CutRights => "cut_rights",
            EndCause::Dead => "dead",
            EndCause::Lost => "lost",
        }
    }

    pub fn from_code(code: &str) -> Option<EndCause> {
        EndCause::ALL.into_iter().find(|cause| cause.code() == code)
    }
}
