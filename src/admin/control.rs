//! The control socket: what an administrator on this machine tells a running gate. One line of JSON each way, over a Unix socket
//! that only the gate's own user may open.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A line is short; whoever writes more is no administrator of ours.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// A client that says nothing holds up the next one no longer than this.
const PATIENCE: Duration = Duration::from_secs(2);

/// A reload of a million contacts takes seconds.
const ANSWER_PATIENCE: Duration = Duration::from_secs(120);

/// What can be asked of a running gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Read all files anew, changed or not.
    Reload,
    /// Which classes are locked for whom.
    Locks,
    /// Lift the locks of a person, of one class or of all.
    Unlock { person: String, class: Option<String> },
}

/// What the gate says to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The files as they stand are in force; some settings wait for a restart.
    Reloaded {
        version: u64,
        waiting: Vec<String>,
    },
    /// The files are wrong, and the old ones stay in force.
    Refused {
        problems: Vec<String>,
    },
    Locks(Vec<Lock>),
    Unlocked {
        count: usize,
    },
    /// The gate is going down, or did not understand.
    Failed {
        why: String,
    },
}

/// A class that is locked for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    pub person: String,
    pub class: String,
    /// The sign of fraud that was given.
    pub signal: String,
    /// RFC 3339, UTC.
    pub until: String,
}

/// Where the gate with its ledger at `store` is told things.
pub fn path_beside(store: &Path) -> PathBuf {
    store.with_extension("sock")
}

/// Listens on a thread of its own. Dropping it ends the thread and takes the socket away.
pub struct Control {
    path: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// # Errors
    /// The socket cannot be made: another gate listens there, the folder is missing, the path is too long for a socket (107 bytes).
    pub fn listen(path: &Path, answer: impl Fn(Request) -> Answer + Send + 'static) -> io::Result<Control> {
        clear(path)?;
        let listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o600))?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let serve = move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Acquire) {
                    return;
                }
                // Whoever does not listen to the answer has lost it, nobody else.
                drop(stream.and_then(|stream| converse(&stream, &answer)));
            }
        };
        let thread = std::thread::Builder::new().name("control".into()).spawn(serve)?;
        Ok(Control { path: path.to_owned(), stop, thread: Some(thread) })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        // The thread waits for a visitor; this is the last one.
        let woken = UnixStream::connect(&self.path).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A socket that a killed gate left behind is taken away; one on which somebody answers is not.
fn clear(path: &Path) -> io::Result<()> {
    match UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another gate listens there")),
        Err(fault) if fault.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(fault) => Err(fault),
    }
}

fn converse(stream: &UnixStream, answer: &impl Fn(Request) -> Answer) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let answer = match read_line(stream)? {
        Ok(request) => answer(request),
        Err(fault) => Answer::Failed { why: fault.to_string() },
    };
    write_line(stream, &answer)
}

/// Asks the gate whose control socket is at `path`.
///
/// # Errors
/// No gate listens there, it belongs to another user, or it said nothing that can be understood.
pub fn ask(path: &Path, request: &Request) -> io::Result<Answer> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(ANSWER_PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write_line(&stream, request)?;
    Ok(read_line(&stream)??)
}

fn read_line<T: for<'a> Deserialize<'a>>(stream: &UnixStream) -> io::Result<serde_json::Result<T>> {
    let mut line = String::new();
    BufReader::new(stream.take(LINE_BYTES_MAX)).read_line(&mut line)?;
    Ok(serde_json::from_str(&line))
}

fn write_line<T: Serialize>(mut stream: &UnixStream, value: &T) -> io::Result<()> {
    let line = serde_json::to_string(value)? + "\n";
    stream.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_gets_its_answer_and_nonsense_is_told_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("gate.sock");
        let control = Control::listen(&path, |request| match request {
            Request::Unlock { person, .. } => Answer::Unlocked { count: person.len() },
            Request::Reload | Request::Locks => Answer::Locks(Vec::new()),
        });
        let control = control.expect("a socket");
        let unlock = Request::Unlock { person: "anna".into(), class: None };
        assert_eq!(ask(&path, &unlock).expect("an answer"), Answer::Unlocked { count: 4 });
        let stream = UnixStream::connect(&path).expect("a socket");
        (&stream).write_all(b"let me in\n").expect("a line");
        let answer: Answer = read_line(&stream).expect("a line").expect("an answer");
        assert!(matches!(answer, Answer::Failed { .. }), "{answer:?}");
        let mode = std::fs::metadata(&path).expect("the socket").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(Control::listen(&path, |_| Answer::Locks(Vec::new())).is_err(), "two gates on one socket");
        drop(control);
        assert!(!path.exists());
    }

    #[test]
    fn a_socket_that_a_killed_gate_left_is_taken_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("gate.sock");
        drop(UnixListener::bind(&path).expect("a socket"));
        assert!(path.exists());
        Control::listen(&path, |_| Answer::Locks(Vec::new())).expect("a socket");
    }
}
