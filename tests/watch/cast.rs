//! Who calls and who answers while Prometheus looks: the load and the trunk of `docker-compose.yml`, with its very commands, and
//! beside them a trunk that hangs, an emergency, somebody who guesses passwords, and somebody who writes no SIP.

use std::fs::{self, File};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use super::places::Places;
use super::rules::{root, texts, yaml};

/// The networks of `docker-compose.yml`, and who stands for them here.
const STAND_INS: [(&str, &str); 4] = [
    ("172.30.5.10:5060", "gate"),
    ("172.30.5.20:5060", "trunk_one"),
    ("172.30.5.30:5060", "pbx"),
    ("0.0.0.0:9060", "http"),
];

/// Few enough for the load to fill the gate, and with it the trunk.
const CALLS_MAX: (&str, &str) = ("calls_max = 2000", "calls_max = 16");
const TRUNK_CALLS_MAX: (&str, &str) = ("calls_max = 500", "calls_max = 6");

/// The company of `deploy/`, moved to loopback, with a trunk more that never says a word.
pub fn company(scratch: &Path, places: &Places) -> PathBuf {
    let folder = scratch.join("company");
    fs::create_dir_all(&folder).expect("a folder can be made");
    for entry in fs::read_dir(root().join("deploy/company")).expect("deploy/company").flatten() {
        let mut text = fs::read_to_string(entry.path()).expect("a file of the company");
        if entry.file_name() == "tollgate.toml" {
            text = moved(&text, places);
        }
        fs::write(folder.join(entry.file_name()), text).expect("a file can be written");
    }
    folder
}

fn moved(settings: &str, places: &Places) -> String {
    let pbx = places.at("pbx").ip().to_string();
    let changes = [
        ("\"172.30.5.30\"", format!("\"{pbx}\"")),
        ("\"172.30.5.0/24\"", "\"127.0.0.0/8\"".to_owned()),
        ("/var/lib/tollgate/ledger.sqlite", "ledger.sqlite".to_owned()),
        (CALLS_MAX.0, CALLS_MAX.1.to_owned()),
        (TRUNK_CALLS_MAX.0, TRUNK_CALLS_MAX.1.to_owned()),
        ("\n[sip]\n", "\n[sip]\nt1 = \"100ms\"\n".to_owned()),
    ];
    let text = changes.iter().fold(on_loopback(settings, places), |text, (from, to)| {
        assert!(text.contains(from), "deploy/company/tollgate.toml no longer holds {from:?}");
        text.replace(from, to)
    });
    let silent = places.at("trunk_two");
    format!("{text}\n[[trunk]]\nname = \"carrier-silent\"\naddress = \"{silent}\"\nsilence = \"2s\"\n")
}

fn on_loopback(text: &str, places: &Places) -> String {
    STAND_INS
        .iter()
        .fold(text.to_owned(), |text, (address, place)| text.replace(address, &places.at(place).to_string()))
}

/// What the load dials.
pub fn numbers() -> Vec<String> {
    let calls = fs::read_to_string(root().join("deploy/sipp/calls.csv")).expect("deploy/sipp/calls.csv");
    let dialled = calls.lines().skip(1).filter_map(|line| line.split(';').nth(1));
    dialled.map(|number| number.trim_start_matches('0').to_owned()).collect()
}

pub struct Cast {
    phones: Vec<Child>,
    /// Bound, and never read.
    _silent: UdpSocket,
    over: Arc<AtomicBool>,
    scribbler: Option<JoinHandle<()>>,
}

impl Cast {
    /// All begin, and go on until they leave.
    pub fn enter(scratch: &Path, places: &Places) -> Cast {
        let trunk = command("trunk", places);
        let mut load = command("load", places);
        // More calls, and shorter ones, than one would like to watch.
        for (option, value) in [("-r", "20"), ("-d", "2000")] {
            let at = load.iter().position(|word| word == option).expect("the load says how much");
            load[at + 1] = value.to_owned();
        }
        let beside = |place, more: &[&str]| {
            let own = places.at(place);
            let (ip, port, gate) =
                (own.ip().to_string(), own.port().to_string(), places.at("gate").to_string());
            let mut words = vec![gate, "-i".into(), ip, "-p".into(), port, "-nostdin".into()];
            words.extend(more.iter().map(|word| (*word).to_owned()));
            words
        };
        let script = |name: &str| root().join("sipp-scenarios/shared").join(name).display().to_string();
        let (caller, guesser) = (script("caller.xml"), script("digest-caller.xml"));
        let emergency = beside(
            "phone_two",
            &[
                "-sf",
                &caller,
                "-key",
                "caller",
                "201",
                "-key",
                "to",
                "sip:112@company.example",
                "-r",
                "1",
                "-m",
                "20",
            ],
        );
        let guesses = beside(
            "phone_one",
            &[
                "-sf",
                &guesser,
                "-key",
                "caller",
                "201",
                "-key",
                "to",
                "sip:03023125500@company.example",
                // The digest is over the Request-URI (RFC 7616 §3.4.6); left alone, SIPp takes the address it sends to.
                "-auth_uri",
                "03023125500@company.example",
                "-au",
                "201",
                "-ap",
                "guess",
                "-r",
                "4",
                "-m",
                "400",
            ],
        );
        let runs = [("trunk", trunk), ("load", load), ("emergency", emergency), ("guesses", guesses)];
        let phones = runs.iter().map(|(name, words)| start(scratch, name, words)).collect();
        let over = Arc::new(AtomicBool::new(false));
        let (until, gate) = (Arc::clone(&over), places.at("gate"));
        Cast {
            phones,
            _silent: UdpSocket::bind(places.at("trunk_two")).expect("a free port"),
            scribbler: Some(std::thread::spawn(move || scribble(gate, &until))),
            over,
        }
    }
}

impl Drop for Cast {
    /// All stop where they are.
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(scribbler) = self.scribbler.take() {
            let _ = scribbler.join();
        }
        for phone in &mut self.phones {
            let _ = phone.kill();
            let _ = phone.wait();
        }
    }
}

/// A service's command, on loopback and with the files of this repository.
fn command(service: &str, places: &Places) -> Vec<String> {
    let compose = yaml("docker-compose.yml");
    let service = &compose["services"][service];
    let mut words = texts(&service["command"]);
    // SIPp takes its own address in two words.
    let after =
        |option: &str| words.iter().position(|word| word == option).expect("SIPp is told its address") + 1;
    let (ip, port) = (after("-i"), after("-p"));
    let own = on_loopback(&format!("{}:{}", words[ip], words[port]), places);
    let own: SocketAddr = own.parse().expect("an address");
    (words[ip], words[port]) = (own.ip().to_string(), own.port().to_string());
    let mounts = texts(&service["volumes"]);
    let mounts: Vec<(&str, &str)> = mounts
        .iter()
        .filter_map(|mount| mount.strip_prefix("./")?.strip_suffix(":ro")?.split_once(':'))
        .collect();
    for word in &mut words {
        *word = on_loopback(word, places);
        for (host, inside) in &mounts {
            if let Some(file) = word.strip_prefix(&format!("{inside}/")) {
                *word = root().join(host).join(file).display().to_string();
            }
        }
    }
    words
}

fn start(scratch: &Path, name: &str, words: &[String]) -> Child {
    let folder = scratch.join(name);
    fs::create_dir_all(&folder).expect("a folder can be made");
    let screen = File::create(folder.join("screen.log")).expect("a file can be made");
    let errors = screen.try_clone().expect("a file can be shared");
    let mut sipp = Command::new("sipp");
    sipp.args(words).current_dir(folder).env("TERM", "xterm");
    sipp.stdin(Stdio::null()).stdout(screen).stderr(errors);
    sipp.spawn().unwrap_or_else(|fault| panic!("sipp does not start ({fault}); tests/all installs it"))
}

/// Ten times a second something that only looks like SIP.
fn scribble(gate: SocketAddr, until: &AtomicBool) {
    let socket = UdpSocket::bind((gate.ip(), 0)).expect("a free port");
    while !until.load(Ordering::Relaxed) {
        let _ = socket.send_to(b"INVITE sip:112@company.example SIP/2.0\r\nVia: nonsense\r\n\r\n", gate);
        sleep(Duration::from_millis(100));
    }
}
