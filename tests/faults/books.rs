//! The ledger after the faults: what it says by itself, and against what SIPp saw.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rusqlite::Connection;
use tollgate::base::DecisionId;

use super::house::House;
use super::sipp::Told;

/// How much longer than SIPp's talk a call may be billed: a BYE that finds no gate is repeated every four seconds.
const LATE_BYE_SECONDS: i64 = 12;

pub struct Books {
    ledger: Connection,
    rows: BTreeMap<String, Row>,
}

struct Row {
    answer: Option<Duration>,
    end_cause: Option<String>,
    billed_seconds: i64,
    raw: String,
}

impl Books {
    pub fn read(database: &Path) -> Books {
        let ledger = Connection::open(database).expect("the ledger opens");
        let mut statement = ledger
            .prepare("SELECT decision, answer, end_cause, billed_seconds, raw FROM call_record")
            .expect("call records can be read");
        let rows = statement.query_map([], |row| {
            let decision = DecisionId::from_u64(row.get::<_, i64>(0)?.cast_unsigned());
            let rest = Row {
                answer: row
                    .get::<_, Option<i64>>(1)?
                    .map(|micros| Duration::from_micros(micros.cast_unsigned())),
                end_cause: row.get(2)?,
                billed_seconds: row.get(3)?,
                raw: row.get(4)?,
            };
            Ok((decision.to_string(), rest))
        });
        let rows = rows.expect("call records").map(|row| row.expect("a row")).collect();
        drop(statement);
        Books { ledger, rows }
    }

    /// The auditor finds nothing, no reservation is open, none was resolved twice, and every permitted attempt has its end.
    pub fn hold_together(&self, house: &House) {
        let audit = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(["audit", "--config"])
            .arg(house.config())
            .output()
            .expect("the audit runs");
        assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
        assert_eq!(
            self.count("SELECT count(*) FROM reservation WHERE state = 'open'"),
            0,
            "open reservations"
        );
        assert_eq!(self.count("SELECT count(*) FROM call_in_progress"), 0, "calls without an end");
        let doubled =
            "SELECT count(*) FROM (SELECT 1 FROM journal WHERE kind IN ('settle', 'release', 'expire')
             GROUP BY reservation HAVING count(*) > 1)";
        assert_eq!(self.count(doubled), 0, "reservations that were resolved twice");
        assert_eq!(
            self.count("SELECT count(*) FROM call_record WHERE end_cause IS NULL"),
            0,
            "rows without an end"
        );
    }

    /// Whoever was answered has a row that says so, with about the talk that SIPp measured; nobody was left alone in a call.
    pub fn hold_against(&self, told: &[Told]) {
        for line in told {
            assert!(line.what != "alive", "{line:?}");
        }
        for answered in told.iter().filter(|line| line.what == "answered") {
            let row = self.rows.get(&answered.decision);
            let row = row.unwrap_or_else(|| panic!("no record of {answered:?}"));
            assert!(row.answer.is_some() && row.end_cause.is_some(), "{answered:?}");
            let end = told.iter().find(|line| line.decision == answered.decision && line.what != "answered");
            let Some(end) = end.filter(|end| end.what == "hung-up") else { continue };
            let talk = (end.at - answered.at).as_secs() as i64;
            let fits = (talk - 1..=talk + LATE_BYE_SECONDS).contains(&row.billed_seconds);
            assert!(fits, "{} talked {talk} s, billed {} s", answered.decision, row.billed_seconds);
        }
    }

    /// Whatever was dialled has its row, also by those whose call only rang when the gate was killed.
    pub fn hold_each(&self, dialled: impl Iterator<Item = String>) {
        let rows: BTreeSet<&str> = self.rows.values().map(|row| row.raw.as_str()).collect();
        let missing: Vec<String> = dialled.filter(|number| !rows.contains(number.as_str())).collect();
        assert!(missing.is_empty(), "calls without a record: {missing:?}");
    }

    /// Answered by the ledger, and SIPp's caller never heard of it.
    pub fn unseen(&self, told: &[Told]) -> usize {
        let seen =
            |decision: &String| told.iter().any(|line| line.what == "answered" && line.decision == *decision);
        self.rows.iter().filter(|(decision, row)| row.answer.is_some() && !seen(decision)).count()
    }

    /// Since 1970, as SIPp counts.
    pub fn answered_at(&self, decision: &str) -> Option<Duration> {
        self.rows.get(decision)?.answer
    }

    /// Millionths that a person was charged.
    pub fn spent(&self, person: &str) -> i64 {
        let sum = "SELECT coalesce(sum(cost), 0) FROM call_record WHERE person = ?1";
        self.ledger.query_row(sum, [person], |row| row.get(0)).expect("a sum")
    }

    fn count(&self, sql: &str) -> i64 {
        self.ledger.query_row(sql, [], |row| row.get(0)).expect("a count")
    }
}
