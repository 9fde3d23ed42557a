//! The house: joins the rooms to sockets, files, clocks and the command line. The only loop and the only clock are here.

mod check;
pub mod cli;
pub mod clock;
mod demo;
mod event_loop;
mod explain;
mod gatehouse;
mod hash;
mod observe;
mod paint;
mod snapshot;

pub use gatehouse::{Gatehouse, StartError};

use std::path::Path;
use std::process::ExitCode;

use crate::config::Loaded;

/// Runs the gate until it is told to stop by SIGINT or SIGTERM. `path` is where `loaded` came from, for reloading.
pub fn serve(loaded: Loaded, path: &Path) -> ExitCode {
    tracing::debug!(path = %path.display(), "starting");
    let gatehouse = match Gatehouse::start(loaded) {
        Ok(gatehouse) => gatehouse,
        Err(fault) => {
            eprintln!("tollgate: {fault}");
            return ExitCode::FAILURE;
        }
    };
    for address in &gatehouse.addresses {
        tracing::info!(%address, "listening for SIP");
    }
    if let Some(address) = gatehouse.http {
        tracing::info!(%address, "serving metrics and health");
    }
    match wait_for_signal() {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("tollgate: signals cannot be received: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn wait_for_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    })
}

/// Places real calls over loopback and tells what became of them; with `json` as one JSON document.
pub fn demo(json: bool) -> ExitCode {
    demo::run(json)
}
