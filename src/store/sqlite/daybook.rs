//! The daybook: batches as they came, each in one row, until they are posted to the tables together. A commit so touches a page or
//! two instead of the scattered pages of balances, reservations, records and their indices; what is posted is written once, as it
//! stands by then.

use rusqlite::{Connection, params};

use crate::ledger::Command;
use crate::store::StoreError;

use super::rows;

/// Writes one batch down.
pub(super) fn keep(connection: &Connection, batch: &[Command]) -> Result<(), StoreError> {
    let text = serde_json::to_string(batch).expect("numbers, texts and dates: JSON holds all of a command");
    let mut states = String::new();
    for command in batch.iter().filter(|command| has_line(command)) {
        states.push_str(command.state().unwrap_or_default());
        states.push(LINE_END);
    }
    let mut statement =
        connection.prepare_cached("INSERT INTO daybook (commands, states) VALUES (?1, ?2)")?;
    statement.execute(params![text, states])?;
    Ok(())
}

/// Everything that is not posted, in order.
pub(super) fn unposted(connection: &Connection) -> Result<Vec<Command>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT commands, states FROM daybook ORDER BY sequence")?;
    let batches = statement.query_map([], |row| {
        let text = row.get_ref(0)?.as_str().map_err(|_| rows::unreadable(0))?;
        let states = row.get_ref(1)?.as_str().map_err(|_| rows::unreadable(1))?;
        let batch = serde_json::from_str(text).map_err(|_| rows::unreadable(0))?;
        Ok(give_back(batch, states))
    })?;
    let batches: Vec<Vec<Command>> = batches.collect::<rusqlite::Result<_>>()?;
    Ok(batches.into_iter().flatten().collect())
}

/// All of it stands in the tables.
pub(super) fn clear(connection: &Connection) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM daybook")?.execute([])?;
    Ok(())
}

/// Ends each state; JSON as the gate writes it has none.
const LINE_END: char = '\n';

/// Whether a line of the states is the command's, perhaps an empty one.
fn has_line(command: &Command) -> bool {
    matches!(command, Command::Answer(_) | Command::Remember(_))
}

fn give_back(batch: Vec<Command>, states: &str) -> Vec<Command> {
    let mut lines = states.split(LINE_END);
    let with_line = |command: Command| {
        if !has_line(&command) {
            return command;
        }
        let line = lines.next().filter(|line| !line.is_empty());
        command.with_state(line)
    };
    batch.into_iter().map(with_line).collect()
}
