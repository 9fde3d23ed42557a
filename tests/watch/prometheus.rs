//! Prometheus as a child process, with the repository's files made quick: it looks twice a second, five minutes are ten seconds, and
//! what must last before an alert fires need not last.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::rules::root;

const START: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(250);
/// Spans of the rules, longest first where one holds another's text.
const QUICKER: [(&str, &str); 3] = [("[15m]", "[10s]"), ("[10m]", "[10s]"), ("[5m]", "[10s]")];

pub struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Prometheus {
    /// Starts it for a gate whose metrics are at `target`, and waits until it looks at it.
    pub fn start(scratch: &Path, target: SocketAddr) -> Prometheus {
        let folder = scratch.join("prometheus");
        write_files(&folder, target);
        let address = free_address();
        let log = File::create(folder.join("prometheus.log")).expect("a file can be made");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("figures").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|fault| panic!("prometheus does not start ({fault}); tests/all installs it"));
        let prometheus = Prometheus { child, address };
        let end = Instant::now() + START;
        while !prometheus.fetch("/-/ready").is_some_and(|answer| answer.starts_with("HTTP/1.0 200")) {
            let said = || fs::read_to_string(folder.join("prometheus.log")).unwrap_or_default();
            assert!(Instant::now() < end, "Prometheus is not ready:\n{}", said());
            sleep(POLL);
        }
        // What the health check of docker-compose.yml asks.
        assert!(prometheus.fetch("/-/healthy").is_some_and(|answer| answer.starts_with("HTTP/1.0 200")));
        // It takes some seconds until the first look; what happens before would go unseen.
        prometheus.await_figures("the gate is looked at", "count_over_time(up[1m]) > 1", START);
        prometheus
    }

    /// Waits until each of the alerts has fired, though some be over again.
    ///
    /// # Panics
    /// If one does not within `patience`.
    pub fn await_fired(&self, alerts: &[&str], patience: Duration) {
        let end = Instant::now() + patience;
        let mut waiting = alerts.to_vec();
        while !waiting.is_empty() {
            waiting.retain(|alert| !self.has_fired(alert));
            assert!(Instant::now() < end, "did not fire: {waiting:?}\n{}", self.all_alerts());
            sleep(POLL);
        }
    }

    /// Of this gate: before the first look none is known to Prometheus, and `TollgateDown` says so.
    pub fn has_fired(&self, alert: &str) -> bool {
        let series = format!("ALERTS{{alertname=\"{alert}\", alertstate=\"firing\", instance!=\"\"}}");
        let query = format!("max_over_time({series}[5m])");
        !self.ask(&query).expect("a right query").is_empty()
    }

    /// Waits until an alert fires no more.
    ///
    /// # Panics
    /// If it still does after `patience`.
    pub fn await_over(&self, alert: &str, patience: Duration) {
        let end = Instant::now() + patience;
        let query = format!("ALERTS{{alertname=\"{alert}\", alertstate=\"firing\"}}");
        while !self.ask(&query).expect("a right query").is_empty() {
            assert!(Instant::now() < end, "{alert} still fires\n{}", self.all_alerts());
            sleep(POLL);
        }
    }

    /// Waits until a query returns at least one figure.
    ///
    /// # Panics
    /// If it is wrong, or does not within `patience`.
    pub fn await_figures(&self, origin: &str, query: &str, patience: Duration) {
        let end = Instant::now() + patience;
        loop {
            let figures = self.ask(query).unwrap_or_else(|fault| panic!("{origin}\n{query}\n{fault}"));
            if figures.iter().any(|figure| figure != "NaN") {
                return;
            }
            assert!(Instant::now() < end, "{origin}: no figures for\n{query}\nbut {figures:?}");
            sleep(POLL);
        }
    }

    fn all_alerts(&self) -> String {
        let answer = self.fetch("/api/v1/query?query=ALERTS").unwrap_or_default();
        answer.split("\r\n\r\n").nth(1).unwrap_or_default().replace("},{", "},\n{")
    }

    /// The values of an instant query, or what Prometheus complains of.
    fn ask(&self, query: &str) -> Result<Vec<String>, String> {
        let answer = self.fetch(&format!("/api/v1/query?query={}", encoded(query))).ok_or("no answer")?;
        let body = answer.split_once("\r\n\r\n").ok_or("no body")?.1;
        let answer: Value = serde_json::from_str(body).map_err(|fault| format!("{fault}: {body}"))?;
        match answer["data"]["result"].as_array() {
            Some(result) => Ok(result
                .iter()
                .map(|series| series["value"][1].as_str().unwrap_or_default().to_owned())
                .collect()),
            None => Err(body.to_owned()),
        }
    }

    /// HTTP/1.0, so that the answer ends with the connection.
    fn fetch(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: prometheus\r\n\r\n").as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_files(folder: &Path, target: SocketAddr) {
    fs::create_dir_all(folder.join("rules")).expect("a folder can be made");
    let shipped = root().join("deploy/prometheus");
    let scrape = fs::read_to_string(shipped.join("prometheus.yml")).expect("the scrape file");
    assert!(scrape.contains("tollgate:9060") && scrape.contains(": 15s"));
    let scrape = scrape.replace("tollgate:9060", &target.to_string()).replace(": 15s", ": 500ms");
    fs::write(folder.join("prometheus.yml"), scrape).expect("a file can be written");
    for entry in fs::read_dir(shipped.join("rules")).expect("the rules").flatten() {
        let rules = fs::read_to_string(entry.path()).expect("rules");
        let rules = QUICKER.iter().fold(rules, |rules, (from, to)| rules.replace(from, to));
        let at_once = rules.lines().filter(|line| !line.trim_start().starts_with("for: "));
        let rules: Vec<&str> = at_once.collect();
        fs::write(folder.join("rules").join(entry.file_name()), rules.join("\n"))
            .expect("a file can be written");
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound socket")
}

/// Percent-encoded but for letters and digits.
fn encoded(query: &str) -> String {
    let letter = |byte: u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    query.bytes().map(letter).collect()
}
