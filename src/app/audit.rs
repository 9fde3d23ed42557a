//! `tollgate audit`: recomputes the ledger from its journal and names every difference.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::ask::{self, AskError};
use super::paint::Paint;
use crate::store::{BalanceFilter, RecordFilter, Reports, audit};

/// True if there is no difference. Works on a copy, too: `store` in place of the ledger of the settings.
pub(super) fn run(config: &Path, store: Option<&Path>, json: bool) -> Result<bool, AskError> {
    let path: PathBuf = match store {
        Some(path) => path.to_owned(),
        None => ask::load_settings(config)?.store.path,
    };
    let ledger = ask::open(&path)?;
    let differences = audit(&path).map_err(|source| AskError::Store { path: path.clone(), source })?;
    let calls = ledger.totals(&RecordFilter::default())?.calls;
    let balances = ledger.balances(&BalanceFilter::default())?.len();
    let open = ledger.open_reservations()?.len();
    let found: Vec<String> = differences.iter().map(ToString::to_string).collect();
    if json {
        let sound = found.is_empty();
        println!(
            "{}",
            json!({ "sound": sound, "calls": calls, "balances": balances, "open_reservations": open, "differences": found })
        );
    } else {
        let paint = Paint::for_stream(&io::stdout());
        for difference in &found {
            println!("{}  {difference}", paint.bad("differs"));
        }
        let verdict = match found.len() {
            0 => paint.good("sound"),
            1 => paint.bad("1 difference"),
            count => paint.bad(&format!("{count} differences")),
        };
        println!(
            "{verdict}  {}: {calls} calls, {balances} balances, {open} open reservations",
            path.display()
        );
    }
    Ok(found.is_empty())
}
