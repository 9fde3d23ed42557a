//! The house: joins the rooms to sockets, files, clocks and the command line. The only loop and the only clock are here.

mod ask;
mod audit;
mod call;
mod check;
pub mod cli;
pub mod clock;
mod closing;
mod control;
mod demo;
mod doorbell;
mod event_loop;
mod explain;
mod explanation;
mod export;
mod gatehouse;
mod gathering;
mod grid;
mod hash;
mod import;
mod left_over;
mod lock_book;
mod look_up;
mod mark_key;
mod names;
mod notice;
mod notices;
mod observe;
mod open_ledger;
mod paint;
mod phone_book;
mod question;
mod refresh;
mod reload;
mod report;
mod rights;
mod rung;
mod secure;
mod snapshot;
mod spending;
mod successor;
mod tell;
mod why;

pub use gatehouse::{Gatehouse, StartError};
pub use left_over::LeftOver;
pub use snapshot::snapshot;

use std::path::Path;
use std::process::ExitCode;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::Loaded;
use reload::Look;

/// Runs the gate until it is told to stop by SIGINT or SIGTERM; the second of them waits for no call. `path` is where `loaded` came
/// from: changes of the files are taken over, and SIGHUP has them read at once. `read` is how they stood before.
fn serve(loaded: Loaded, path: &Path, read: Look) -> ExitCode {
    tracing::debug!(path = %path.display(), "starting");
    match run(loaded, path, read) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("tollgate: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(loaded: Loaded, path: &Path, read: Look) -> Result<(), StartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    // Heard before the gate says that it is ready: a SIGHUP that nobody awaits would end the process.
    let mut signals = {
        let _entered = runtime.enter();
        Signals::listen()?
    };
    // As many as the system allows; with fewer than there may be connections, TCP says so when it comes to it.
    if let Err(error) = allow_open_files() {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
    let mut gatehouse = Gatehouse::start(loaded)?;
    gatehouse.follow(path, read)?;
    for address in &gatehouse.addresses {
        tracing::info!(%address, "listening for SIP");
    }
    if let Some(address) = gatehouse.http {
        tracing::info!(%address, "serving metrics and health");
    }
    let mut is_stopping = false;
    loop {
        let told = runtime.block_on(async {
            tokio::select! {
                told = signals.next() => told,
                () = gatehouse.ended() => Told::Ended,
            }
        });
        match told {
            Told::Reload => {
                tracing::info!("SIGHUP: reading the configuration anew");
                gatehouse.reload();
            }
            Told::Stop if is_stopping => gatehouse.stop_at_once(),
            Told::Stop => {
                is_stopping = true;
                gatehouse.stop();
            }
            Told::Ended if is_stopping => return Ok(()),
            Told::Ended => return Err(StartError::Ended),
        }
    }
}

/// Each connection is an open file, and the usual 1024 are few.
fn allow_open_files() -> nix::Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)
}

/// What ends the wait of the process.
enum Told {
    Reload,
    Stop,
    /// The gate's thread has ended. If nobody asked for it, only a fault of ours can have made it do so.
    Ended,
}

struct Signals {
    /// A file that may not grow is a full disk, not the end of the process: the write says so.
    _file_too_large: Signal,
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Signals> {
        Ok(Signals {
            _file_too_large: signal(SignalKind::from_raw(nix::libc::SIGXFSZ))?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.terminate.recv() => Told::Stop,
            _ = self.hang_up.recv() => Told::Reload,
        }
    }
}

/// Places real calls over loopback and tells what became of them; with `json` as one JSON document.
pub fn demo(json: bool) -> ExitCode {
    demo::run(json)
}
