//! One baresip phone as a child process, steered and heard over its `ctrl_tcp` module: netstrings around JSON.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// Who the phone is, and where it stands.
pub struct Identity<'a> {
    pub extension: &'a str,
    pub transport: &'a str,
    pub own: SocketAddr,
    pub control: SocketAddr,
    pub gate: SocketAddr,
}

pub struct Phone {
    child: Child,
    folder: PathBuf,
    control: TcpStream,
    unread: Vec<u8>,
    heard: Vec<Value>,
}

const PATIENCE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);

impl Phone {
    /// Starts a phone that answers by itself, and returns when the gate has taken its registration.
    pub fn registered(folder: &Path, identity: &Identity<'_>) -> Phone {
        fs::create_dir_all(folder).expect("a scratch folder can be made");
        fs::write(folder.join("config"), settings(identity)).expect("a scratch folder can be written");
        fs::write(folder.join("accounts"), account(identity)).expect("a scratch folder can be written");
        let log = File::create(folder.join("phone.log")).expect("a scratch folder can be written");
        let errors = log.try_clone().expect("a file can be shared");
        let mut command = Command::new("baresip");
        command.arg("-s").arg("-f").arg(folder).stdin(Stdio::null()).stdout(log).stderr(errors);
        let child = command.spawn().expect("baresip starts; tests/all installs it");
        let control = connect(identity.control, &folder.join("phone.log"));
        let mut phone =
            Phone { child, folder: folder.to_owned(), control, unread: Vec::new(), heard: Vec::new() };
        phone.await_registration();
        phone
    }

    /// Runs one of baresip's long commands, such as `dial`, `hold`, `hangup`.
    pub fn say(&mut self, command: &str, parameter: &str) {
        let text = json!({ "command": command, "params": parameter, "token": "" }).to_string();
        let netstring = format!("{}:{text},", text.len());
        self.control.write_all(netstring.as_bytes()).expect("the phone listens");
    }

    /// Waits for an event of this type that has not been waited for yet; gives its parameter.
    pub fn hear(&mut self, event: &str) -> String {
        self.take(|value| value["type"] == event)["param"].as_str().unwrap_or_default().to_owned()
    }

    /// Every SIP message that it sent and received, as soon as it holds `text`.
    pub fn trace_with(&self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let trace = self.trace();
            if trace.contains(text) {
                return trace;
            }
            assert!(Instant::now() < end, "{text:?} never came:\n{trace}");
            sleep(POLL);
        }
    }

    fn await_registration(&mut self) {
        let end = Instant::now() + PATIENCE;
        loop {
            self.say("reginfo", "");
            let answer = self.take(|value| value["response"] == true);
            if answer["data"].as_str().is_some_and(|data| data.contains("OK")) {
                return;
            }
            assert!(Instant::now() < end, "no registration, but {answer}:\n{}", self.trace());
            sleep(POLL);
        }
    }

    fn trace(&self) -> String {
        let log = fs::read(self.folder.join("phone.log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    fn take(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.heard.iter().position(&fits) {
                return self.heard.remove(at);
            }
            assert!(Instant::now() < end, "never heard; instead {:#?}\n{}", self.heard, self.trace());
            self.read();
        }
    }

    fn read(&mut self) {
        let mut buffer = [0; 4096];
        // A read times out so that the caller can look at its watch.
        let length = self.control.read(&mut buffer).unwrap_or(0);
        self.unread.extend_from_slice(&buffer[..length]);
        while let Some((text, rest)) = netstring(&self.unread) {
            self.heard.extend(serde_json::from_slice::<Value>(text));
            self.unread = rest.to_vec();
        }
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn connect(address: SocketAddr, log: &Path) -> TcpStream {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Ok(stream) = TcpStream::connect(address) {
            stream.set_read_timeout(Some(POLL)).expect("a time-out can be set");
            return stream;
        }
        let said = || fs::read_to_string(log).unwrap_or_default();
        assert!(Instant::now() < end, "baresip does not open its control port:\n{}", said());
        sleep(POLL);
    }
}

/// `5:hello,rest` gives `hello` and `rest`.
fn netstring(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    let length: usize = std::str::from_utf8(&bytes[..colon]).ok()?.parse().ok()?;
    let text = bytes.get(colon + 1..colon + 1 + length)?;
    Some((text, bytes.get(colon + 2 + length..)?))
}

/// `aubridge` is a sound card without hardware.
fn settings(identity: &Identity<'_>) -> String {
    let Identity { own, control, .. } = identity;
    format!(
        "sip_listen {own}\naudio_player aubridge,none\naudio_source aubridge,none\naudio_alert aubridge,none\n\
         module_path /usr/lib/baresip/modules\nmodule g711.so\nmodule aubridge.so\nmodule_app account.so\n\
         module_app menu.so\nmodule_app ctrl_tcp.so\nctrl_tcp_listen {control}\n"
    )
}

fn account(identity: &Identity<'_>) -> String {
    let Identity { extension, transport, gate, .. } = identity;
    format!(
        "<sip:{extension}@company.example;transport={transport}>;auth_user={extension};auth_pass=password-{extension};\
         outbound=\"sip:{gate};transport={transport}\";regint=300;answermode=auto\n"
    )
}
