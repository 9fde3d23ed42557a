//! SIPp processes that bear a gate which is gone for a while, and what they tell: which decision was answered, ended, cut, and when.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use super::gate::wait;

/// How a caller's call ends.
#[derive(Clone, Copy)]
pub enum Talk {
    HangsUp,
    /// By the gate alone.
    Waits,
}

/// One line of SIPp's log.
#[derive(Clone, Debug)]
pub struct Told {
    /// `answered`, `hung-up`, `cut`, `refused`, `unanswered`, `alive`, `orphan` (its BYE got 481), `unheard` (its BYE got nothing).
    pub what: String,
    /// As our Record-Route has it.
    pub decision: String,
    /// Since 1970.
    pub at: Duration,
}

pub struct Sipp {
    child: Child,
    folder: PathBuf,
}

impl Sipp {
    /// Starts SIPp at `own` with a script of `tests/faults`.
    pub fn start(folder: &Path, script: &str, own: SocketAddr, rest: &[&str]) -> Sipp {
        fs::create_dir_all(folder).expect("a folder for SIPp");
        let file = folder.join("script.xml");
        fs::write(&file, script).expect("a script for SIPp");
        let screen = File::create(folder.join("screen.log")).expect("a file for its screen");
        let errors = screen.try_clone().expect("a second handle");
        let (ip, port) = (own.ip().to_string(), own.port().to_string());
        let mut sipp = Command::new("sipp");
        sipp.arg("-sf").arg(file).args(["-i", &ip, "-p", &port, "-bind_local", "-t", "u1", "-nostdin"]);
        // A call whose peer is gone for good ends by itself, and says no more; whether it is still there, it says when asked (OPTIONS).
        sipp.args(["-recv_timeout", "40000", "-default_behaviors", "all,-bye", "-aa"]);
        sipp.args(["-trace_err", "-error_file", "errors.log", "-trace_logs", "-log_file", "calls.log"])
            .args(rest);
        sipp.env("TERM", "xterm").current_dir(folder);
        sipp.stdin(Stdio::null()).stdout(screen).stderr(errors);
        let child = sipp.spawn().expect("sipp is installed by tests/all");
        Sipp { child, folder: folder.to_owned() }
    }

    /// Waits for the last call to end. What SIPp thinks of lost calls does not matter: its log counts.
    pub fn finish(mut self, patience: Duration) -> Vec<Told> {
        let ended = wait(&mut self.child, patience);
        assert!(ended.is_some(), "SIPp waits in vain:\n{}\n{:?}", self.errors(), self.told());
        self.told()
    }

    /// Ends it in the middle of its calls.
    pub fn stop(mut self) -> Vec<Told> {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.told()
    }

    fn told(&self) -> Vec<Told> {
        let text = fs::read_to_string(self.folder.join("calls.log")).unwrap_or_default();
        text.lines().filter_map(read).collect()
    }

    fn errors(&self) -> String {
        let text = fs::read(self.folder.join("errors.log")).unwrap_or_default();
        String::from_utf8_lossy(&text).chars().take(3_000).collect()
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `answered 0C7NKX2P0QGW4 2026-01-01<tab>10:00:00.123456<tab>1767261600.123456`.
fn read(line: &str) -> Option<Told> {
    let mut words = line.split_whitespace();
    let (what, decision, at) = (words.next()?, words.next()?, words.last()?);
    let (seconds, fraction) = at.split_once('.')?;
    let micros: u64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let at = Duration::from_secs(seconds.parse().ok()?) + Duration::from_micros(micros);
    Some(Told { what: what.to_owned(), decision: decision.to_owned(), at })
}

/// Since 1970, as SIPp writes it.
pub fn wall_clock() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970")
}
