//! The company of the SIPp scenarios with other ways out: its files in a folder of their own, changed before the gate reads them.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;

use super::gate::Gate;
use super::places::Places;
use super::plain_sip::Pbx;

pub const NUMBER: &str = "03023125500";
const PATIENCE: Duration = Duration::from_secs(40);

pub struct House {
    pub gate: Gate,
    pub pbx: Pbx,
    pub folder: PathBuf,
    _scratch: TempDir,
}

impl House {
    /// `changes` of `tollgate.toml`, each a text and what stands in its place.
    pub fn open(places: &Places, changes: &[(&str, String)]) -> House {
        let scratch = TempDir::with_prefix("tollgate-routes-").expect("a scratch folder can be made");
        let company = scratch.path().join("company");
        let folder = scratch.path().join("house");
        fs::create_dir_all(&company).expect("a folder can be made");
        fs::create_dir_all(&folder).expect("a folder can be made");
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp-scenarios/company");
        for entry in fs::read_dir(shipped).expect("the company's folder").flatten() {
            let mut text = fs::read_to_string(entry.path()).expect("a file of the company");
            if entry.file_name() == "tollgate.toml" {
                text = changed(text, changes);
            }
            fs::write(company.join(entry.file_name()), text).expect("a file can be written");
        }
        let gate = Gate::start(&folder, &company, places, "500ms")
            .unwrap_or_else(|fault| panic!("{fault}\n{}", Gate::log_tail(&folder)));
        let pbx = Pbx::at(places.at("pbx"), places.at("gate"));
        House { gate, pbx, folder, _scratch: scratch }
    }

    /// Waits until the log holds a text so many times.
    pub fn await_log(&self, text: &str, count: usize) {
        let end = Instant::now() + PATIENCE;
        while self.log().matches(text).count() < count {
            assert!(
                Instant::now() < end,
                "{text:?} is not {count} times in the log\n{}",
                Gate::log_tail(&self.folder)
            );
            sleep(Duration::from_millis(50));
        }
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("gate.log")).unwrap_or_default()).into_owned()
    }

    /// One call from beginning to end; the trunk that answered it.
    pub fn call(&mut self) -> u16 {
        let answer = self.pbx.call("102", NUMBER);
        if answer.status == 200 {
            assert_eq!(self.pbx.hang_up(&answer), 200);
        }
        answer.status
    }

    /// The figure of a metric.
    pub fn metric(&self, series: &str) -> Option<String> {
        let page = self.gate.get("/metrics")?;
        let line =
            page.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
        line.rsplit(' ').next().map(str::to_owned)
    }

    /// Ends the gate; then trunk and cost in millionths of each answered call, and what the ledger has settled in all.
    pub fn close(self) -> (Vec<(String, i64)>, i64) {
        let database = self.gate.database();
        self.gate.stop().expect("the gate ends well");
        let ledger = Connection::open(database).expect("the ledger opens");
        let rows =
            "SELECT coalesce(trunk, ''), cost FROM call_record WHERE answer IS NOT NULL ORDER BY start";
        let mut statement = ledger.prepare(rows).expect("call records can be read");
        let calls =
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("call records can be read");
        let calls = calls.map(|row| row.expect("a row can be read")).collect();
        let settled = "SELECT coalesce(sum(settled_money), 0) FROM balance WHERE account_kind = 'company' AND period_kind = 'day'";
        let settled = ledger.query_row(settled, [], |row| row.get(0)).expect("balances can be read");
        let open = "SELECT count(*) FROM reservation WHERE state = 'open'";
        let open: i64 = ledger.query_row(open, [], |row| row.get(0)).expect("reservations can be read");
        assert_eq!(open, 0, "reservations are left open");
        (calls, settled)
    }
}

fn changed(text: String, changes: &[(&str, String)]) -> String {
    changes.iter().fold(text, |text, (from, to)| {
        assert!(text.contains(from), "tollgate.toml no longer holds {from:?}");
        text.replacen(from, to, 1)
    })
}
