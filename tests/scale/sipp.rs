//! SIPp without an end of its own: it calls, or answers, until it is told to stop, and then says how it went.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::places::Places;

pub struct Sipp {
    child: Child,
    folder: PathBuf,
}

/// What became of all calls.
#[derive(Debug)]
pub struct Calls {
    pub good: u64,
    pub failed: u64,
    pub sent_again: u64,
}

/// A call that is under way ends within this.
const LAST_CALLS: Duration = Duration::from_secs(40);

impl Sipp {
    /// Starts a script of `sipp-scenarios/shared`.
    pub fn start(folder: &Path, name: &str, places: &Places, at: &str, script: &str, words: &[&str]) -> Sipp {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).expect("a folder can be made");
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp-scenarios/shared");
        let screen = File::create(folder.join("screen.log")).expect("a file can be made");
        let (ip, port) = (places.at(at).ip().to_string(), places.at(at).port().to_string());
        let mut sipp = Command::new("sipp");
        sipp.arg("-sf").arg(root.join(format!("{script}.xml"))).args(words).current_dir(&folder);
        sipp.args(["-i", &ip, "-p", &port, "-bind_local", "-t", "u1", "-d", "500", "-nostdin"]);
        sipp.args([
            "-trace_stat",
            "-stf",
            "counters.csv",
            "-fd",
            "1",
            "-trace_err",
            "-error_file",
            "errors.log",
        ]);
        if !words.is_empty() {
            sipp.arg(places.at("gate").to_string());
        }
        let errors = screen.try_clone().expect("the same file");
        sipp.env("TERM", "xterm").stdin(Stdio::null()).stdout(screen).stderr(errors);
        let child = sipp.spawn().unwrap_or_else(|fault| panic!("sipp: {fault}; tests/all installs it"));
        Sipp { child, folder }
    }

    /// No new calls: those under way go on to their end (SIPp's SIGUSR1).
    pub fn finish(mut self) -> Calls {
        let id = self.child.id().to_string();
        let told = Command::new("sh").args(["-c", "kill -s USR1 \"$0\"", &id]).status();
        assert!(told.is_ok_and(|status| status.success()), "SIPp is gone\n{}", self.errors());
        let end = Instant::now() + LAST_CALLS;
        while self.child.try_wait().expect("SIPp can be waited for").is_none() {
            assert!(Instant::now() < end, "SIPp does not end\n{}", self.errors());
            sleep(Duration::from_millis(50));
        }
        let counters = self.counters();
        let count = |name: &str| counters.get(name).and_then(|count| count.parse().ok()).unwrap_or(0);
        let calls = Calls {
            good: count("SuccessfulCall(C)"),
            failed: count("FailedCall(C)"),
            sent_again: count("Retransmissions(C)"),
        };
        assert!(calls.failed == 0, "{calls:?}\n{}", self.errors());
        calls
    }

    /// The last line that SIPp wrote, by its headings.
    fn counters(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(self.folder.join("counters.csv")).expect("SIPp's counters");
        let cells = |line: Option<&str>| -> Vec<String> {
            line.unwrap_or_default().split(';').map(str::to_owned).collect()
        };
        cells(text.lines().next()).into_iter().zip(cells(text.lines().last())).collect()
    }

    fn errors(&self) -> String {
        let text = fs::read_to_string(self.folder.join("errors.log")).unwrap_or_default();
        text.chars().take(3000).collect()
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
