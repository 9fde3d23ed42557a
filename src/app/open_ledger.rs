//! Opening the ledger: the file, the thread that writes it, the book beside the gate, and the notes for the next start.

use std::path::Path;

use chrono::NaiveDate;
use tokio::sync::mpsc;

use super::clock::{self, Clock};
use super::gatehouse::StartError;
use super::left_over::LeftOver;
use crate::admin::Health;
use crate::config::Settings;
use crate::ledger::Book;
use crate::store::{
    Earlier, Notes, Sqlite, SqliteReader, SqliteSettings, Store as _, StoreError, Tray, Unopened, Writer,
    WriterEvent,
};

pub(super) type Ledger = (Tray, LeftOver, mpsc::UnboundedReceiver<WriterEvent>);

/// Starts the ledger's thread and reads what calls of an earlier run left behind (R91). A ledger that
/// cannot be opened does not keep the gate from starting: calls that cost are refused until it can be (R41, R90).
pub(super) fn open(settings: &Settings, clock: Clock, health: &Health) -> Result<Ledger, StartError> {
    let path = &settings.store.path;
    let (sender, written) = mpsc::unbounded_channel();
    let now = move || clock.now().moment;
    // The loop that listens ends after the writer does; what nobody hears any more is lost with it.
    let sink = move |event| drop(sender.send(event));
    let today = clock.now().utc.date_naive();
    let (notes, noted) = begin_notes(settings)?.unzip();
    let file = SqliteSettings { noted, ..SqliteSettings::posting_behind() };
    let (mut tray, left) = match open_file(path, file.clone(), today) {
        Ok((store, book, left)) => {
            health.set_store_writable(true);
            (Tray::new(Writer::spawn(store, now, sink)?, book, today), left)
        }
        Err(error) => {
            let path_shown = path.display();
            tracing::error!(path = %path_shown, %error, "the store cannot be opened: calls that cost are refused, others go on");
            let store = Unopened::new(path.clone(), file);
            (Tray::unread(Writer::spawn_unread(store, today, now, sink)?, today), LeftOver::default())
        }
    };
    if let Some(notes) = notes {
        tray.note_in(notes);
    }
    Ok((tray, left, written))
}

/// Without notes a kill takes the rows of the last second along that cost nothing; everything else is as safe.
fn begin_notes(settings: &Settings) -> Result<Option<(Notes, Earlier)>, getrandom::Error> {
    let Some(root) = &settings.store.notes else { return Ok(None) };
    let begun = Notes::begin(root, &settings.store.path, clock::entropy()?.u64());
    let warn =
        |fault: &std::io::Error| tracing::warn!(root = %root.display(), %fault, "nothing can be noted");
    Ok(begun.inspect_err(warn).ok())
}

fn open_file(
    path: &Path,
    settings: SqliteSettings,
    today: NaiveDate,
) -> Result<(Sqlite, Book, LeftOver), StoreError> {
    if let Some(folder) = path.parent() {
        // If the folder cannot be made, opening the file says why.
        drop(std::fs::create_dir_all(folder));
    }
    let mut store = Sqlite::open(path, settings)?;
    let book = store.standing(today)?;
    let left = LeftOver::read(&SqliteReader::open(path)?)?;
    Ok((store, book, left))
}
