//! How values stand in columns, both ways: money in millionths, times in Unix microseconds, budget lines as JSON.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::base::{DateText, DecisionId, JsonObject, Money, ReservationId};
use crate::ledger::{
    Account, AccountPeriod, Amount, Balance, BudgetLine, CallRecord, EndCause, Entry, Limit, PeriodKey,
    PeriodKind, Standing, Strictness, TariffMark,
};
use crate::store::StoreError;

pub(super) fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// Seconds above 2^63 stand as 2^63 - 1: no one talks so long.
pub(super) fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// ISO 8601.
pub(super) fn date(date: NaiveDate) -> DateText {
    DateText::of(date)
}

/// As serde would write them; `lines_from_json` reads it.
pub(super) fn lines_to_json(lines: &[BudgetLine]) -> Box<str> {
    JsonObject::list_with(lines.iter(), |line, json| {
        match &line.account {
            Account::Company => json.text("account", line.account.kind()),
            Account::Person(_) | Account::Department(_) | Account::Trunk(_) => {
                json.object("account", |json| json.text(line.account.kind(), line.account.name()));
            }
        }
        json.object("period", |json| {
            json.text("kind", line.period().kind.as_str());
            json.text("start", &DateText::of(line.period().start));
        });
        json.object("limit", |json| match line.limit() {
            Limit::Money(money) => json.money("money", money),
            Limit::Seconds(seconds) => json.value("seconds", &seconds),
        });
        json.text(
            "strictness",
            match line.strictness() {
                Strictness::Hard => "hard",
                Strictness::Soft => "soft",
            },
        );
    })
}

pub(super) fn lines_from_json(json: &str) -> Option<Arc<[BudgetLine]>> {
    serde_json::from_str::<Vec<BudgetLine>>(json).ok().map(Arc::from)
}

pub(super) fn balance(connection: &Connection, place: &AccountPeriod) -> Result<Balance, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT settled_money, settled_seconds, reserved_money, reserved_seconds FROM balance
         WHERE account_kind = ?1 AND account_name = ?2 AND period_kind = ?3 AND period_start = ?4",
    )?;
    let start = date(place.period.start);
    let key = (place.account.kind(), place.account.name(), place.period.kind.as_str(), &*start);
    Ok(statement.query_row(key, |row| read_balance(row, 0)).optional()?.unwrap_or_default())
}

/// Of the periods that began on this day or later. Dates as ISO 8601 are in the order of their letters.
pub(super) fn balances_since(
    connection: &Connection,
    first: NaiveDate,
) -> Result<Vec<(AccountPeriod, Balance)>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT account_kind, account_name, period_kind, period_start,
            settled_money, settled_seconds, reserved_money, reserved_seconds FROM balance WHERE period_start >= ?1",
    )?;
    let read = |row: &Row<'_>| Ok((read_place(row, 0)?, read_balance(row, 4)?));
    let found = statement.query_map([&*date(first)], read)?.collect::<rusqlite::Result<_>>()?;
    Ok(found)
}

pub(super) fn read_balance(row: &Row<'_>, first: usize) -> rusqlite::Result<Balance> {
    Ok(Balance { settled: read_amount(row, first)?, reserved: read_amount(row, first + 2)? })
}

/// From four columns: account kind and name, period kind and start.
pub(super) fn read_place(row: &Row<'_>, first: usize) -> rusqlite::Result<AccountPeriod> {
    let (kind, name): (String, String) = (row.get(first)?, row.get(first + 1)?);
    let account = Account::from_parts(&kind, &name).ok_or_else(|| unreadable(first))?;
    let kind =
        PeriodKind::from_name(&row.get::<_, String>(first + 2)?).ok_or_else(|| unreadable(first + 2))?;
    let start = read_date(&row.get::<_, String>(first + 3)?).ok_or_else(|| unreadable(first + 3))?;
    Ok(AccountPeriod { account, period: PeriodKey { kind, start } })
}

pub(super) fn read_amount(row: &Row<'_>, first: usize) -> rusqlite::Result<Amount> {
    let seconds: i64 = row.get(first + 1)?;
    Ok(Amount::new(Money::from_micros(row.get(first)?), u64::try_from(seconds).unwrap_or(0)))
}

/// Every reservation column in the order of `read_entry`, with a condition.
macro_rules! select_entries {
    ($condition:literal) => {
        concat!(
            "SELECT id, decision, state, held_money, held_seconds, settled_money, settled_seconds, written_off_money,
                written_off_seconds, warned, budgets, opened, changed FROM reservation WHERE ",
            $condition
        )
    };
}

pub(super) fn open_entries(connection: &Connection) -> Result<Vec<(ReservationId, Entry)>, StoreError> {
    let mut statement = connection.prepare_cached(select_entries!("state = 'open' ORDER BY id"))?;
    let entries = statement.query_map([], read_entry)?.collect::<rusqlite::Result<_>>()?;
    Ok(entries)
}

pub(super) fn all_entries(connection: &Connection) -> Result<Vec<(ReservationId, Entry)>, StoreError> {
    let mut statement = connection.prepare_cached(select_entries!("true ORDER BY id"))?;
    let entries = statement.query_map([], read_entry)?.collect::<rusqlite::Result<_>>()?;
    Ok(entries)
}

pub(super) fn entry(connection: &Connection, id: ReservationId) -> Result<Option<Entry>, StoreError> {
    let mut statement = connection.prepare_cached(select_entries!("id = ?1"))?;
    let found = statement.query_row([id.as_u64().cast_signed()], read_entry).optional()?;
    Ok(found.map(|(_, entry)| entry))
}

/// The `state` column.
pub(super) fn state(standing: Standing) -> &'static str {
    match standing {
        Standing::Open => "open",
        Standing::Settled => "settled",
        Standing::Released => "released",
        Standing::Expired => "expired",
    }
}

fn read_entry(row: &Row<'_>) -> rusqlite::Result<(ReservationId, Entry)> {
    let (standing, rest) = match row.get_ref(2)?.as_str().map_err(|_| unreadable(2))? {
        "open" => (Standing::Open, read_amount(row, 3)?),
        "settled" => (Standing::Settled, read_amount(row, 7)?),
        "released" => (Standing::Released, Amount::ZERO),
        "expired" => (Standing::Expired, Amount::ZERO),
        _ => return Err(unreadable(2)),
    };
    let lines = row.get_ref(10)?.as_str().ok().and_then(lines_from_json).ok_or_else(|| unreadable(10))?;
    let entry = Entry {
        decision: DecisionId::from_u64(row.get::<_, i64>(1)?.cast_unsigned()),
        standing,
        rest,
        settled: read_amount(row, 5)?,
        lines,
        warned: row.get(9)?,
        opened: read_instant(row, 11)?.into(),
        changed: read_instant(row, 12)?.into(),
    };
    Ok((ReservationId::from_u64(row.get::<_, i64>(0)?.cast_unsigned()), entry))
}

pub(super) const RECORD_COLUMNS: &str = "decision, reservation, person, department, site, raw, canonical, class, country,
    reason, rule, policy_version, tariff_prefix, tariff_from, trunk, start, answer, \"end\", billed_seconds, cost, written_off,
    end_cause, status, estimated";

pub(super) const RECORD_COLUMN_COUNT: usize = 24;

pub(super) fn read_record(row: &Row<'_>) -> rusqlite::Result<CallRecord> {
    let code = |column| row.get::<_, Option<String>>(column).map(|text| text.map(Cow::Owned));
    let key = |column| row.get::<_, Option<Arc<str>>>(column);
    let prefix: Option<Arc<str>> = row.get(12)?;
    let from: Option<String> = row.get(13)?;
    let end_cause: Option<String> = row.get(21)?;
    let count = |column| row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap_or(0));
    Ok(CallRecord {
        decision: DecisionId::from_u64(row.get::<_, i64>(0)?.cast_unsigned()),
        reservation: row.get::<_, Option<i64>>(1)?.map(|id| ReservationId::from_u64(id.cast_unsigned())),
        person: key(2)?,
        department: key(3)?,
        site: key(4)?,
        raw: row.get(5)?,
        canonical: row.get(6)?,
        class: code(7)?,
        country: key(8)?,
        reason: code(9)?,
        rule: key(10)?,
        policy_version: count(11)?,
        tariff: prefix
            .zip(from.as_deref().and_then(read_date))
            .map(|(prefix, valid_from)| TariffMark { prefix, valid_from }),
        trunk: key(14)?,
        start: read_instant(row, 15)?,
        answer: read_instant_or_none(row, 16)?,
        end: read_instant_or_none(row, 17)?,
        billed_seconds: count(18)?,
        cost: Money::from_micros(row.get(19)?),
        written_off: Money::from_micros(row.get(20)?),
        end_cause: match end_cause {
            None => None,
            Some(code) => Some(EndCause::from_code(&code).ok_or_else(|| unreadable(21))?),
        },
        status: row.get(22)?,
        estimated: row.get(23)?,
    })
}

fn read_date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

pub(super) fn read_instant(row: &Row<'_>, column: usize) -> rusqlite::Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(row.get(column)?).ok_or_else(|| unreadable(column))
}

fn read_instant_or_none(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<DateTime<Utc>>> {
    let micros: Option<i64> = row.get(column)?;
    micros.map(|_| read_instant(row, column)).transpose()
}

/// A value that this program never wrote: someone else did.
pub(super) fn unreadable(column: usize) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(column, "not as Tollgate writes it".to_owned(), Type::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budget_lines_are_written_as_serde_would_write_them() {
        let start = NaiveDate::from_ymd_opt(2026, 11, 1).unwrap();
        let accounts = [
            Account::Person("a \"b\" \\ ü".into()),
            Account::Department("sales".into()),
            Account::Company,
            Account::Trunk("carrier".into()),
        ];
        let limits = [Limit::Money(Money::from_micros(12_345)), Limit::Seconds(u64::MAX)];
        let mut lines = Vec::new();
        for (account, kind) in accounts.iter().flat_map(|account| PeriodKind::ALL.map(|kind| (account, kind)))
        {
            let period = PeriodKey { kind, start };
            lines.push(BudgetLine::hard(account.clone(), period, limits[0]));
            lines.push(BudgetLine::soft(account.clone(), period, limits[1]));
        }
        for count in 0..lines.len() {
            let lines = &lines[..count];
            let written = lines_to_json(lines);
            assert_eq!(&*written, serde_json::to_string(lines).unwrap());
            assert_eq!(lines_from_json(&written).as_deref(), Some(lines));
        }
    }
}
