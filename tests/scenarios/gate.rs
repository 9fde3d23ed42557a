//! The real gate as a child process, in a folder of its own: the company's files with this run's addresses, started, awaited, stopped.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::places::Places;

pub struct Gate {
    child: Child,
    folder: PathBuf,
    http: SocketAddr,
}

/// A debug build on a very busy machine reads a million contacts in about a quarter of this.
const START: Duration = Duration::from_secs(120);
const STOP: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);

impl Gate {
    /// Starts a gate for the files of `company`, in which `@name@` stands for an address and `@t1@` for T1.
    ///
    /// # Errors
    /// Why it does not come up.
    pub fn start(folder: &Path, company: &Path, places: &Places, t1: &str) -> Result<Gate, String> {
        write_company(folder, company, places, t1)?;
        Gate::launch(folder, places)
    }

    /// Starts a gate for the files that are in its folder.
    ///
    /// # Errors
    /// Why it does not come up.
    pub fn launch(folder: &Path, places: &Places) -> Result<Gate, String> {
        let log = File::create(folder.join("gate.log")).map_err(|fault| fault.to_string())?;
        let errors = log.try_clone().map_err(|fault| fault.to_string())?;
        let child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .arg("serve")
            .arg("--config")
            .arg(folder.join("tollgate.toml"))
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(|fault| format!("the gate does not start: {fault}"))?;
        let mut gate = Gate { child, folder: folder.to_owned(), http: places.at("http") };
        gate.wait_until_ready()?;
        Ok(gate)
    }

    /// The most that was ever in memory, and what is now, in bytes.
    #[allow(dead_code, reason = "asked where size is the matter")]
    pub fn memory(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let kilobytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        (kilobytes("VmHWM:").unwrap_or(0) << 10, kilobytes("VmRSS:").unwrap_or(0) << 10)
    }

    pub fn database(&self) -> PathBuf {
        self.folder.join("ledger.sqlite")
    }

    /// Of the process.
    #[allow(dead_code, reason = "asked where its limits are changed")]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A signal by its name, as `kill` sends it.
    ///
    /// # Errors
    /// If `kill` cannot be run.
    pub fn signal(&self, name: &str) -> Result<(), String> {
        let id = self.child.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &id]).status();
        sent.map(|_| ()).map_err(|fault| format!("cannot signal the gate: {fault}"))
    }

    /// kill -9; it is gone when this returns.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Resident memory, in bytes.
    #[allow(dead_code, reason = "only the siege weighs it")]
    pub fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.map_or(0, |kib| kib << 10)
    }

    /// The last lines of its log.
    pub fn log_tail(folder: &Path) -> String {
        let log = fs::read(folder.join("gate.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// SIGTERM, as a service manager sends it.
    ///
    /// # Errors
    /// If the gate does not end well and soon.
    pub fn stop(mut self) -> Result<(), String> {
        self.signal("TERM")?;
        match wait(&mut self.child, STOP) {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("the gate ended with {status}")),
            None => Err(format!("the gate runs on {} s after SIGTERM", STOP.as_secs())),
        }
    }

    /// Waits until it has ended by itself after a signal.
    ///
    /// # Errors
    /// If it does not, or not well.
    #[allow(dead_code, reason = "only asked where it is stopped gracefully")]
    pub fn await_end(mut self, patience: Duration) -> Result<(), String> {
        match wait(&mut self.child, patience) {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("the gate ended with {status}")),
            None => Err(format!("the gate runs on after {} s", patience.as_secs())),
        }
    }

    /// One HTTP GET; the status line and all that follows.
    pub fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.http).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    fn wait_until_ready(&mut self) -> Result<(), String> {
        let end = Instant::now() + START;
        while Instant::now() < end {
            if self.get("/readyz").is_some_and(|answer| answer.starts_with("HTTP/1.1 200")) {
                return Ok(());
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("the gate ended before it was ready: {status}"));
            }
            sleep(POLL);
        }
        Err(format!("the gate is not ready after {} s", START.as_secs()))
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for a child for so long; `None` if it is still there.
pub fn wait(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + patience;
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if Instant::now() >= end {
            return None;
        }
        sleep(POLL);
    }
}

/// The files of `company` with this run's addresses.
///
/// # Errors
/// If one of them cannot be read or written.
pub fn write_company(folder: &Path, company: &Path, places: &Places, t1: &str) -> Result<(), String> {
    let files = fs::read_dir(company).map_err(|fault| format!("{}: {fault}", company.display()))?;
    for file in files {
        let path = file.map_err(|fault| fault.to_string())?.path();
        let text = fs::read_to_string(&path).map_err(|fault| format!("{}: {fault}", path.display()))?;
        let text = places.fill(&text, "@", "@").replace("@t1@", t1);
        let name = path.file_name().ok_or("a file has a name")?;
        fs::write(folder.join(name), text).map_err(|fault| fault.to_string())?;
    }
    Ok(())
}
