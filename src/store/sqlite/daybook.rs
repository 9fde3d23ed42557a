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
    for state in batch.iter().filter_map(state_of) {
        states.push_str(state);
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
        let mut batch: Vec<Command> = serde_json::from_str(text).map_err(|_| rows::unreadable(0))?;
        give_back(&mut batch, states);
        Ok(batch)
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

/// What the command says of its call to the next run, perhaps nothing; `None` of a command that never does.
fn state_of(command: &Command) -> Option<&str> {
    match command {
        Command::Answer(answer) => Some(answer.state.as_deref().unwrap_or_default()),
        Command::Remember(remember) => Some(&remember.state),
        Command::Reserve(_)
        | Command::Extend(_)
        | Command::Settle(_)
        | Command::Release(_)
        | Command::Expire(_)
        | Command::Record(_) => None,
    }
}

fn give_back(batch: &mut [Command], states: &str) {
    let mut lines = states.split(LINE_END);
    let mut next = || lines.next().filter(|line| !line.is_empty());
    for command in batch {
        match command {
            Command::Answer(answer) => answer.state = next().map(Box::from),
            Command::Remember(remember) => remember.state = next().unwrap_or_default().into(),
            Command::Reserve(_)
            | Command::Extend(_)
            | Command::Settle(_)
            | Command::Release(_)
            | Command::Expire(_)
            | Command::Record(_) => {}
        }
    }
}
