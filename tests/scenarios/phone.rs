//! One SIPp process, and what it heard: the trace of its messages, its errors, its counters.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::gate::wait;
use super::places::Places;
use super::story::{Carrier, Does, Phone, Story};

pub struct Running {
    phone: Phone,
    calls: u32,
    child: Child,
    folder: PathBuf,
}

/// Longer than a call that is lost and repeated to the end of Timer B (RFC 3261 §17.1.1.2).
const PATIENCE: Duration = Duration::from_secs(60);
/// What reaches a phone that must hear nothing arrives within this time, if it does.
const SILENCE: Duration = Duration::from_millis(300);

impl Running {
    /// Starts SIPp for a phone; one that answers is listening when this returns.
    ///
    /// # Errors
    /// If SIPp is not installed or does not come up.
    pub fn start(
        story: &Story,
        phone: &Phone,
        to: &str,
        folder: &Path,
        places: &Places,
    ) -> Result<Running, String> {
        fs::create_dir_all(folder).map_err(|fault| fault.to_string())?;
        let screen = File::create(folder.join("screen.log")).map_err(|fault| fault.to_string())?;
        let errors = screen.try_clone().map_err(|fault| fault.to_string())?;
        let mut sipp = Command::new("sipp");
        sipp.args(arguments(story, phone, places)).current_dir(folder);
        let to = places.fill(to, "[", "]");
        sipp.args(["-key", "to", &to]);
        if let Some(address) = to.strip_prefix("sip:") {
            // The digest is over the Request-URI (RFC 7616 §3.4.6); left alone, SIPp takes the address it sends to.
            sipp.args(["-auth_uri", address]);
        }
        // A terminal is asked for by ncurses even when nobody looks.
        sipp.env("TERM", "xterm").stdin(Stdio::null()).stdout(screen).stderr(errors);
        let child =
            sipp.spawn().map_err(|fault| format!("sipp does not start ({fault}); tests/all installs it"))?;
        let calls = story.calls(phone);
        let mut running = Running { phone: phone.clone(), calls, child, folder: folder.to_owned() };
        if phone.does == Does::Answers {
            running.wait_until_listening(places.at(&phone.at))?;
        }
        Ok(running)
    }

    /// Waits for the end of the calls and judges them.
    ///
    /// # Errors
    /// What was not as the story has it, with SIPp's own words.
    pub fn finish(mut self) -> Result<(), String> {
        if self.phone.does == Does::Answers && self.phone.calls == 0 {
            sleep(SILENCE);
            let _ = self.child.kill();
            let _ = self.child.wait();
            return self.judge_silence();
        }
        let patience = PATIENCE + Duration::from_millis(u64::from(self.calls) * 10);
        match wait(&mut self.child, patience) {
            Some(status) if status.success() => self.judge_hearing(),
            Some(status) => Err(self.complaint(&format!("SIPp says {status}"))),
            None => Err(self.complaint("SIPp waits in vain")),
        }
    }

    fn judge_silence(&self) -> Result<(), String> {
        let heard = self.heard();
        if heard.is_empty() {
            Ok(())
        } else {
            Err(format!("{} heard what it must not:\n{heard}", self.phone.name))
        }
    }

    fn judge_hearing(&self) -> Result<(), String> {
        let heard = self.heard();
        let missing = self.phone.hears.iter().find(|text| !heard.contains(text.as_str()));
        let surplus = self.phone.never_hears.iter().find(|text| heard.contains(text.as_str()));
        match (missing, surplus) {
            (None, None) => Ok(()),
            (Some(text), _) => Err(format!("{} never heard {text:?}, but:\n{heard}", self.phone.name)),
            (None, Some(text)) => Err(format!("{} heard {text:?}:\n{heard}", self.phone.name)),
        }
    }

    /// How many messages it sent a second time.
    pub fn retransmissions(folder: &Path) -> Result<u64, String> {
        let path = folder.join("counters.csv");
        let text = fs::read_to_string(&path).map_err(|fault| format!("{}: {fault}", path.display()))?;
        let column = text
            .lines()
            .next()
            .and_then(|head| head.split(';').position(|name| name == "Retransmissions(C)"));
        let last = text.lines().last().zip(column).and_then(|(row, column)| row.split(';').nth(column));
        last.and_then(|count| count.parse().ok()).ok_or_else(|| "SIPp's counters cannot be read".to_owned())
    }

    /// Everything received, one message after the other.
    fn heard(&self) -> String {
        let trace = fs::read(self.folder.join("messages.log")).unwrap_or_default();
        let trace = String::from_utf8_lossy(&trace);
        let messages = trace.split("-----------------------------------------------");
        messages
            .filter(|message| message.lines().nth(1).is_some_and(|line| line.contains(" received ")))
            .collect()
    }

    fn complaint(&self, what: &str) -> String {
        let name = &self.phone.name;
        let tail = |file: &str| {
            let text = fs::read(self.folder.join(file)).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            let from = text.char_indices().rev().nth(3000).map_or(0, |(at, _)| at);
            text[from..].to_owned()
        };
        format!(
            "{name}: {what}\n{name}'s errors:\n{}\n{name}'s trace:\n{}",
            tail("errors.log"),
            tail("messages.log")
        )
    }

    fn wait_until_listening(&mut self, address: SocketAddr) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        let free = || match self.phone.transport {
            Carrier::Udp => UdpSocket::bind(address).is_ok(),
            Carrier::Tcp => TcpListener::bind(address).is_ok(),
        };
        while free() {
            if Instant::now() > end {
                return Err(self.complaint("SIPp does not listen"));
            }
            sleep(Duration::from_millis(10));
        }
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            _ => Err(self.complaint("SIPp ended at once")),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn arguments(story: &Story, phone: &Phone, places: &Places) -> Vec<String> {
    let own = places.at(&phone.at);
    let (ip, port) = (own.ip().to_string(), own.port().to_string());
    let script = story.script(phone).display().to_string();
    let calls = story.calls(phone).max(1).to_string();
    let talk = phone.talks_ms.to_string();
    let mut all: Vec<String> = Vec::new();
    let mut add = |words: &[&str]| all.extend(words.iter().map(|word| (*word).to_owned()));
    add(&["-sf", &script, "-i", &ip, "-p", &port, "-bind_local", "-m", &calls, "-d", &talk]);
    add(&["-nostdin", "-trace_err", "-error_file", "errors.log"]);
    add(&["-t", if phone.transport == Carrier::Tcp { "t1" } else { "u1" }]);
    match story.load {
        Some(load) => {
            let rate = load.per_second.to_string();
            add(&["-r", &rate, "-trace_stat", "-stf", "counters.csv", "-fd", "1"]);
        }
        None => {
            let rate = phone.per_second.to_string();
            add(&["-trace_msg", "-message_file", "messages.log", "-r", &rate]);
        }
    }
    if phone.loses_percent > 0 {
        add(&["-lost", &phone.loses_percent.to_string(), "-max_retrans", "10"]);
    }
    if let Some(login) = &phone.login {
        add(&["-au", &login.user, "-ap", &login.password]);
    }
    for (key, value) in &phone.keys {
        add(&["-key", key, value]);
    }
    for (name, address) in places.all() {
        add(&["-key", name, &address.to_string()]);
    }
    if phone.does == Does::Calls {
        add(&[&places.at("gate").to_string()]);
    }
    all
}
