//! What a notice says (R41, R101): its key, by which it is told once, and its fields, as `docs/webhooks.md` lists them.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::config::NoticeKind;
use crate::gate::{Emergency, Ending, FraudLock};
use crate::ledger::{Limit, Mark, Strictness};
use crate::policy::ConcurrencyLimit;

/// One notice, before anybody is told.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    pub kind: NoticeKind,
    /// The same for what must be told once.
    key: String,
    pub made: DateTime<Utc>,
    pub data: Value,
}

impl Notice {
    /// The same for every delivery of this notice, in this run and any other: receivers know repeats by it.
    pub fn id(&self) -> String {
        let digest = Sha256::digest(format!("{}\n{}", self.kind.code(), self.key));
        crate::config::to_hex(&digest[..16])
    }

    pub fn body(&self) -> String {
        json!({
            "id": self.id(),
            "event": self.kind.code(),
            "made": self.made.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            "data": self.data,
        })
        .to_string()
    }

    /// A budget has come to a level.
    pub fn of_budget(mark: &Mark, currency: &str, made: DateTime<Utc>) -> Notice {
        let Mark { account, period, limit, strictness, level, balance } = mark;
        let (unit, part): (_, fn(crate::ledger::Amount) -> String) = match limit {
            Limit::Money(_) => ("money", |amount| amount.money.to_string()),
            Limit::Seconds(_) => ("seconds", |amount| amount.seconds.to_string()),
        };
        let text = match limit {
            Limit::Money(limit) => limit.to_string(),
            Limit::Seconds(limit) => limit.to_string(),
        };
        let data = json!({
            "holder": { "kind": account.kind(), "name": account.name() },
            "period": { "kind": period.kind.as_str(), "from": period.start.to_string() },
            "unit": unit,
            "currency": matches!(limit, Limit::Money(_)).then_some(currency),
            "limit": text,
            "level": level,
            "settled": part(balance.settled),
            "reserved": part(balance.reserved),
        });
        let key = format!("{account} {period} {unit} {text} {level}");
        let kind = match strictness {
            Strictness::Hard => NoticeKind::Budget,
            Strictness::Soft => NoticeKind::SoftLimit,
        };
        Notice { kind, key, made, data }
    }

    /// More calls at once than a soft limit says; told once a day (UTC) for each limit.
    pub fn of_crowd(limit: &ConcurrencyLimit, made: DateTime<Utc>) -> Notice {
        let account = crate::gate::account(&limit.holder);
        let day = made.date_naive();
        let data = json!({
            "holder": { "kind": account.kind(), "name": account.name() },
            "period": { "kind": "day", "from": day.to_string() },
            "unit": "calls",
            "currency": Value::Null,
            "limit": limit.count.to_string(),
            "level": 100,
        });
        let key = format!("{account} {day} calls {}", limit.count);
        Notice { kind: NoticeKind::SoftLimit, key, made, data }
    }

    pub fn of_ending(ending: &Ending, made: DateTime<Utc>) -> Notice {
        let data = json!({
            "decision": ending.decision.to_string(),
            "person": ending.person.as_deref(),
            "cause": ending.cause.code(),
            "left_s": ending.left.as_secs(),
            "told_phone": ending.told_phone,
        });
        let key = format!("{} {}", ending.decision, made.timestamp());
        Notice { kind: NoticeKind::CallEnding, key, made, data }
    }

    pub fn of_emergency(emergency: &Emergency, made: DateTime<Utc>) -> Notice {
        let data = json!({
            "decision": emergency.decision.to_string(),
            "person": emergency.person.as_deref(),
            "site": &*emergency.site,
            "number": &*emergency.number,
            "phone": emergency.phone.to_string(),
            "caller": &*emergency.caller,
            "callback": emergency.callback.as_deref(),
        });
        Notice { kind: NoticeKind::Emergency, key: emergency.decision.to_string(), made, data }
    }

    pub fn of_fraud(lock: &FraudLock, made: DateTime<Utc>) -> Notice {
        let data = json!({
            "person": &*lock.person,
            "class": lock.class.code(),
            "signal": lock.signal.code(),
            "until": lock.until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        });
        let key = format!("{} {} {}", lock.person, lock.class.code(), lock.until.timestamp());
        Notice { kind: NoticeKind::FraudLock, key, made, data }
    }
}
