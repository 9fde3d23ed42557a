//! Fraud locks over a restart (R2): written down by a thread of their own as they begin and are lifted, and read at the start.

use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};

use super::mark_key::beside;
use crate::base::Now;
use crate::gate::{FraudLock, Gate};
use crate::policy::Class;
use crate::store::{LockRow, Locks, StoreError};

/// Changes that may wait for the disk. Locks are rare, so that more of them mean a disk that hangs; what is new then lives as long as
/// this run.
const WAITING_MAX: usize = 1_024;

enum Change {
    Locked(LockRow),
    Lifted { person: String, class: Option<Class> },
}

/// The way to the thread. Dropping it writes what waits and ends the thread.
pub(super) struct LockBook {
    sender: Option<mpsc::SyncSender<Change>>,
    thread: Option<JoinHandle<()>>,
}

impl LockBook {
    /// Opens the file beside the ledger, gives the gate what it holds, and starts the thread. Without the file the gate runs on, and
    /// its locks end with it; the log says so.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub(super) fn open(ledger: &Path, gate: &mut Gate, now: Now) -> std::io::Result<LockBook> {
        let path = beside(ledger, ".locks");
        match Locks::open(&path).and_then(|locks| Ok((locks.in_force(now.utc)?, locks))) {
            Ok((rows, locks)) => {
                restore(gate, now, rows);
                LockBook::spawn(locks)
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "fraud locks will not survive a restart");
                Ok(LockBook { sender: None, thread: None })
            }
        }
    }

    fn spawn(locks: Locks) -> std::io::Result<LockBook> {
        let (sender, changes) = mpsc::sync_channel(WAITING_MAX);
        let thread =
            thread::Builder::new().name("locks".into()).spawn(move || write_all(&locks, &changes))?;
        Ok(LockBook { sender: Some(sender), thread: Some(thread) })
    }

    /// Writes down a lock that has just begun; never waits.
    pub(super) fn locked(&self, lock: &FraudLock) {
        let FraudLock { person, class, signal, until } = lock;
        let row = LockRow { person: person.to_string(), class: *class, signal: *signal, until: *until };
        self.send(Change::Locked(row));
    }

    /// Strikes out locks that are lifted: on one class, or all; never waits.
    pub(super) fn lifted(&self, person: String, class: Option<Class>) {
        self.send(Change::Lifted { person, class });
    }

    fn send(&self, change: Change) {
        if self.sender.as_ref().is_some_and(|sender| sender.try_send(change).is_err()) {
            tracing::warn!("the file of fraud locks does not keep up: a change is lost to it");
        }
    }
}

impl Drop for LockBook {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

fn restore(gate: &mut Gate, now: Now, rows: Vec<LockRow>) {
    let locks = rows.into_iter().map(|row| FraudLock {
        person: row.person.into(),
        class: row.class,
        signal: row.signal,
        until: row.until,
    });
    let count = gate.restore_fraud_locks(now, locks);
    if count > 0 {
        tracing::info!(count, "fraud locks of the earlier run are in force");
    }
}

fn write_all(locks: &Locks, changes: &Receiver<Change>) {
    let mut told = false;
    while let Ok(change) = changes.recv() {
        match write(locks, &change) {
            Ok(()) => told = false,
            Err(error) if !told => {
                tracing::warn!(%error, "fraud locks cannot be written down");
                told = true;
            }
            Err(_) => {}
        }
    }
}

fn write(locks: &Locks, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::Locked(row) => locks.put(row),
        Change::Lifted { person, class } => locks.lift(person, *class),
    }
}
