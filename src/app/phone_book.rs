//! Registrations over a restart (R91): written behind by a thread of their own, a second's changes at once, and read at the start.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};

use super::mark_key::beside;
use crate::base::Now;
use crate::gate::Gate;
use crate::registrar::SavedBinding;
use crate::store::{PhoneRow, Phones};

/// Changes of many people at most in one hand-over that waits; beyond, the thread hangs at a disk that does, and what is new is dropped
/// until the phones refresh.
const WAITING_MAX: usize = 64;

type Rows = Vec<PhoneRow<Arc<str>>>;

/// The way to the thread. Dropping it writes what waits and ends the thread.
pub(super) struct PhoneBook {
    sender: Option<mpsc::SyncSender<Rows>>,
    thread: Option<JoinHandle<()>>,
}

impl PhoneBook {
    /// Opens the file beside the ledger, gives the gate what it holds, and starts the thread. Without the file the gate runs on, and
    /// phones are reachable again when they register again; the log says so.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub(super) fn open(ledger: &Path, gate: &mut Gate, now: Now) -> std::io::Result<PhoneBook> {
        let path = beside(ledger, ".phones");
        match Phones::open(&path).and_then(|phones| Ok((phones.all()?, phones))) {
            Ok((rows, phones)) => {
                restore(gate, now, rows);
                PhoneBook::spawn(phones)
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "registrations will not survive a restart");
                Ok(PhoneBook { sender: None, thread: None })
            }
        }
    }

    fn spawn(phones: Phones) -> std::io::Result<PhoneBook> {
        let (sender, rows) = mpsc::sync_channel(WAITING_MAX);
        let thread = thread::Builder::new().name("phones".into()).spawn(move || write_all(phones, &rows))?;
        Ok(PhoneBook { sender: Some(sender), thread: Some(thread) })
    }

    /// Hands over what has changed; never waits.
    pub(super) fn follow(&self, gate: &mut Gate, now: Now) {
        let changed = gate.changed_registrations(now);
        let Some(sender) = self.sender.as_ref().filter(|_| !changed.is_empty()) else { return };
        let row = |(person, bindings): (Arc<str>, Vec<SavedBinding>)| {
            let text = serde_json::to_string(&bindings).ok().filter(|_| !bindings.is_empty());
            (person, text)
        };
        if sender.try_send(changed.into_iter().map(row).collect()).is_err() {
            tracing::warn!("the file of registrations does not keep up: changes are lost to it");
        }
    }
}

impl Drop for PhoneBook {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

fn restore(gate: &mut Gate, now: Now, rows: Vec<(String, String)>) {
    for (person, text) in rows {
        match serde_json::from_str(&text) {
            Ok(bindings) => gate.restore_registrations(now, &person, bindings),
            Err(error) => tracing::warn!(person, %error, "a registration cannot be read"),
        }
    }
    let count = gate.registrations();
    if count > 0 {
        tracing::info!(count, "registrations of the earlier run taken over");
    }
}

fn write_all(mut phones: Phones, rows: &Receiver<Rows>) {
    let mut told = false;
    while let Ok(rows) = rows.recv() {
        match phones.write(&rows) {
            Ok(()) => told = false,
            Err(error) if !told => {
                tracing::warn!(%error, "registrations cannot be written down");
                told = true;
            }
            Err(_) => {}
        }
    }
}
