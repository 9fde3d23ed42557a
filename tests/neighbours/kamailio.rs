//! A Kamailio as a child process with a configuration, a folder and a port of its own; nothing of the machine's is touched.

use std::fs::{self, File};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub struct Kamailio {
    child: Child,
}

const START: Duration = Duration::from_secs(15);
const STOP: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(50);

impl Kamailio {
    /// Starts with this configuration in `folder`, and returns when it answers at `place`.
    pub fn start(folder: &Path, configuration: &str, place: SocketAddr, prober: SocketAddr) -> Kamailio {
        fs::create_dir_all(folder).expect("a scratch folder can be made");
        let file = folder.join("kamailio.cfg");
        fs::write(&file, configuration).expect("a scratch folder can be written");
        let log = folder.join("kamailio.log");
        let output = File::create(&log).expect("a scratch folder can be written");
        let errors = output.try_clone().expect("a file can be shared");
        let mut command = Command::new("kamailio");
        // -DD: it stays in the foreground. -Y: its sockets for control are made in our folder.
        command.args(["-DD", "-E", "-m", "32", "-M", "8"]).arg("-f").arg(&file);
        command.arg("-Y").arg(folder).arg("-w").arg(folder).arg("-P").arg(folder.join("kamailio.pid"));
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command.spawn().expect("kamailio starts; tests/all installs it");
        let mut kamailio = Kamailio { child };
        kamailio.wait_until_it_answers(place, prober, &log);
        kamailio
    }

    fn wait_until_it_answers(&mut self, place: SocketAddr, prober: SocketAddr, log: &PathBuf) {
        let socket = UdpSocket::bind(prober).expect("the place is free");
        socket.set_read_timeout(Some(POLL)).expect("a timeout can be set");
        let end = Instant::now() + START;
        let ask = format!(
            "OPTIONS sip:{place} SIP/2.0\r\nVia: SIP/2.0/UDP {prober};branch=z9hG4bKprobe\r\nMax-Forwards: 1\r\n\
             From: <sip:probe@{prober}>;tag=1\r\nTo: <sip:{place}>\r\nCall-ID: probe\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        let mut buffer = [0; 4096];
        loop {
            // Before it listens, the answer is an ICMP error; either way we look again.
            let asked = socket.send_to(ask.as_bytes(), place).is_ok();
            if asked && socket.recv(&mut buffer).is_ok() {
                return;
            }
            let ended = self.child.try_wait().ok().flatten();
            let said = || fs::read_to_string(log).unwrap_or_default();
            assert!(ended.is_none(), "Kamailio has ended:\n{}", said());
            assert!(Instant::now() < end, "Kamailio does not answer:\n{}", said());
            sleep(POLL);
        }
    }
}

/// SIGTERM to the main process, which ends its own children; SIGKILL would leave them behind.
impl Drop for Kamailio {
    fn drop(&mut self) {
        let id = self.child.id().to_string();
        let _ = Command::new("sh").args(["-c", "kill -s TERM \"$0\"", &id]).status();
        let end = Instant::now() + STOP;
        while Instant::now() < end {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            sleep(POLL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
