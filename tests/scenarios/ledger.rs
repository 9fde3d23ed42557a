//! What the ledger's file holds when all is over, against what the story says, and against itself.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row};
use tollgate::base::Money;

use super::story::{Load, Record, Spent, Story};

/// One row of `call_record`, as far as stories speak of it.
struct Call {
    person: Option<String>,
    number: Option<String>,
    reason: Option<String>,
    trunk: Option<String>,
    class: Option<String>,
    cost: Money,
    end: Option<String>,
    status: Option<u16>,
    answered: bool,
}

const CALLS: &str = "SELECT person, canonical, reason, trunk, class, cost, end_cause, status, answer IS NOT NULL \
                     FROM call_record ORDER BY start, decision";

/// Compares the file with the story.
///
/// # Errors
/// Every difference, one a line.
pub fn judge(story: &Story, database: &Path) -> Result<(), String> {
    let ledger = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .map_err(|fault| fault.to_string())?;
    let calls = calls(&ledger).map_err(|fault| format!("the call records cannot be read: {fault}"))?;
    let mut faults = match story.load {
        Some(load) => of_load(load, &calls),
        None => of_records(&story.records, &calls),
    };
    let rest = balances(&ledger, &story.spent, &calls)
        .map_err(|fault| format!("the balances cannot be read: {fault}"));
    faults.extend(rest?);
    if faults.is_empty() { Ok(()) } else { Err(format!("the ledger differs:\n{}", faults.join("\n"))) }
}

fn calls(ledger: &Connection) -> rusqlite::Result<Vec<Call>> {
    let mut statement = ledger.prepare(CALLS)?;
    let rows = statement.query_map([], read_call)?;
    rows.collect()
}

fn read_call(row: &Row<'_>) -> rusqlite::Result<Call> {
    Ok(Call {
        person: row.get(0)?,
        number: row.get(1)?,
        reason: row.get(2)?,
        trunk: row.get(3)?,
        class: row.get(4)?,
        cost: Money::from_micros(row.get(5)?),
        end: row.get(6)?,
        status: row.get(7)?,
        answered: row.get(8)?,
    })
}

fn of_load(load: Load, calls: &[Call]) -> Vec<String> {
    let expected = load.call_count() as usize;
    let cost = Money::from_micros(load.cost_micros_each);
    let whole = calls.iter().filter(|call| call.answered && call.end.is_some() && call.cost == cost).count();
    let fits = calls.len() == expected && whole == expected;
    if fits {
        Vec::new()
    } else {
        vec![format!("{expected} calls were made; {} are recorded, {whole} in full", calls.len())]
    }
}

fn of_records(records: &[Record], calls: &[Call]) -> Vec<String> {
    let expected: Vec<&Record> =
        records.iter().flat_map(|record| std::iter::repeat_n(record, record.times as usize)).collect();
    let mut faults: Vec<String> = (1..)
        .zip(expected.iter().zip(calls))
        .flat_map(|(row, (record, call))| of_record(row, record, call))
        .collect();
    if expected.len() != calls.len() {
        faults.push(format!("{} call records, not {}", calls.len(), expected.len()));
        faults.extend(calls.iter().map(Call::line));
    }
    faults
}

fn of_record(row: usize, record: &Record, call: &Call) -> Vec<String> {
    let mut faults = Vec::new();
    let mut compare = |what: &str, expected: Option<String>, found: String| {
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            faults.push(format!("call {row}: {what} is {found:?}, not {expected:?}"));
        }
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    compare("person", record.person.clone(), text(&call.person));
    compare("number", record.number.clone(), text(&call.number));
    compare("reason", record.reason.clone(), text(&call.reason));
    compare("trunk", record.trunk.clone(), text(&call.trunk));
    compare("class", record.class.clone(), text(&call.class));
    compare("end", record.end.clone(), text(&call.end));
    compare("cost", record.cost.clone(), call.cost.to_string());
    compare("status", record.status.map(|status| status.to_string()), call.status.unwrap_or(0).to_string());
    compare("answered", record.answered.map(|answered| answered.to_string()), call.answered.to_string());
    faults
}

/// The stated sums, and what must hold in any ledger: nothing stays reserved, and the company's days add up to its calls.
fn balances(ledger: &Connection, spent: &[Spent], calls: &[Call]) -> rusqlite::Result<Vec<String>> {
    let mut faults = Vec::new();
    for Spent { by, per, settled } in spent {
        let (kind, name) = by.split_once(' ').unwrap_or((by, ""));
        let found = settled_by(ledger, kind, name, per)?.to_string();
        if found != *settled {
            faults.push(format!("{by} has settled {found} this {per}, not {settled}"));
        }
    }
    let open: i64 =
        ledger.query_row("SELECT count(*) FROM reservation WHERE state = 'open'", [], |row| row.get(0))?;
    let reserved: i64 =
        ledger.query_row("SELECT coalesce(sum(reserved_money), 0) FROM balance", [], |row| row.get(0))?;
    if (open, reserved) != (0, 0) {
        faults.push(format!(
            "{open} reservations are open, {} is still reserved",
            Money::from_micros(reserved)
        ));
    }
    let total: Money = calls.iter().map(|call| call.cost).sum();
    let settled = settled_by(ledger, "company", "", "day")?;
    if settled != total {
        faults.push(format!("the calls cost {total}, the company has settled {settled}"));
    }
    Ok(faults)
}

/// Over all periods of the kind: a story may cross midnight.
fn settled_by(ledger: &Connection, kind: &str, name: &str, period: &str) -> rusqlite::Result<Money> {
    let sum = "SELECT coalesce(sum(settled_money), 0) FROM balance \
               WHERE account_kind = ?1 AND account_name = ?2 AND period_kind = ?3";
    ledger.query_row(sum, [kind, name, period], |row| row.get(0)).map(Money::from_micros)
}

impl Call {
    fn line(&self) -> String {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        format!(
            "  {} calls {} by {}: {} {} {} costs {}",
            text(&self.person),
            text(&self.number),
            text(&self.trunk),
            text(&self.reason),
            text(&self.end),
            self.status.unwrap_or(0),
            self.cost
        )
    }
}
