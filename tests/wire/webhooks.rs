//! Notices of the real binary at a real HTTP server that fails first: each arrives, is signed, and counts once (CALLS R41, R101).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tempfile::TempDir;

use super::gate::Gate;
use super::places::Places;
use super::plain_sip::{Pbx, answering_trunk};
use super::reload::STRANGER;

const SECRET: &str = "a secret that nobody guesses";

/// One delivery as it came.
#[derive(Clone, Debug)]
struct Taken {
    id: String,
    body: Value,
    status: u16,
}

/// Takes notices. Each is refused at first, and all of them while it is `away`.
#[derive(Clone)]
struct Receiver {
    url: String,
    taken: Arc<Mutex<Vec<Taken>>>,
    away: Arc<AtomicBool>,
}

impl Receiver {
    fn open() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let receiver = Receiver {
            url: format!("http://{address}/notices"),
            taken: Arc::default(),
            away: Arc::default(),
        };
        let server = receiver.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                server.serve(stream);
            }
        });
        receiver
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut lines = BufReader::new(stream.try_clone().expect("the same stream"));
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            lines.read_line(&mut line).expect("a line");
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                match line.trim_end() {
                    "" => break,
                    _ => continue,
                }
            };
            headers.insert(name.to_lowercase(), value.to_owned());
        }
        let mut body = vec![0; headers["content-length"].parse().expect("a length")];
        lines.read_exact(&mut body).expect("the body");
        let text = String::from_utf8(body).expect("text");
        assert_signed(&headers["tollgate-signature"], &text);
        let body: Value = serde_json::from_str(&text).expect("JSON");
        let id = headers["tollgate-delivery"].clone();
        assert_eq!((&headers["tollgate-event"], &id), (&text_of(&body["event"]), &text_of(&body["id"])));
        let mut taken = self.taken.lock().expect("nobody else fails");
        let was_here = taken.iter().any(|before| before.id == id);
        let status = if was_here && !self.away.load(Ordering::Relaxed) { 204 } else { 500 };
        taken.push(Taken { id, body, status });
        drop(taken);
        let answer =
            format!("HTTP/1.1 {status} Said By The Test\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).expect("an answer");
    }

    /// Deliveries that were taken, in order.
    fn counted(&self) -> Vec<Taken> {
        let taken = self.taken.lock().expect("nobody else fails");
        taken.iter().filter(|taken| taken.status == 204).cloned().collect()
    }

    fn await_count(&self, count: usize, folder: &Path) -> Vec<Taken> {
        let end = Instant::now() + Duration::from_secs(30);
        while self.counted().len() < count {
            assert!(Instant::now() < end, "{:?}\n{}", self.counted(), Gate::log_tail(folder));
            sleep(Duration::from_millis(50));
        }
        self.counted()
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn assert_signed(signature: &str, body: &str) {
    let (at, mac) = signature.split_once(",v1=").expect("a time and a signature");
    let at = at.strip_prefix("t=").expect("a time");
    let age = Utc::now().timestamp() - at.parse::<i64>().expect("seconds");
    assert!((0..60).contains(&age), "signed {age} s ago");
    let mut expected = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    expected.update(format!("{at}.{body}").as_bytes());
    let expected: String =
        expected.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(mac, expected);
}

/// Event, level and holder of a notice.
fn gist(taken: &Taken) -> (String, Option<u64>, String) {
    let data = &taken.body["data"];
    let who = [&data["holder"]["name"], &data["person"]].map(text_of).concat();
    (text_of(&taken.body["event"]), data["level"].as_u64(), who)
}

#[test]
fn each_notice_arrives_and_counts_once_through_failures_and_a_kill() {
    let scratch = TempDir::with_prefix("tollgate-webhooks-").expect("a scratch folder can be made");
    let company = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp-scenarios/company");
    let places = Places::free();
    let receiver = Receiver::open();
    super::gate::write_company(scratch.path(), &company, &places, "500ms").expect("the company's files");
    let settings = scratch.path().join("tollgate.toml");
    let text = std::fs::read_to_string(&settings).expect("the settings");
    let events = "[\"budget\", \"emergency\"]";
    let webhook =
        format!("\n[[webhook]]\nurl = \"{}\"\nsecret = \"{SECRET}\"\nevents = {events}\n", receiver.url);
    std::fs::write(&settings, text + &webhook).expect("the folder can be written");
    let launch = || Gate::launch(scratch.path(), &places).unwrap_or_else(|fault| panic!("{fault}"));
    let gate = launch();
    answering_trunk(places.at("trunk_one"));
    let mut pbx = Pbx::at(places.at("pbx"), places.at("gate"));

    // 0.60 of Carol's 1.00 a day, and then no more: what is left buys no minute.
    let talk = pbx.call("103", STRANGER);
    assert_eq!((talk.status, pbx.hang_up(&talk)), (200, 200));
    assert_eq!(pbx.call("103", STRANGER).status, 403);
    let budget = |level| ("budget".to_owned(), Some(level), "carol".to_owned());
    let taken = receiver.await_count(3, scratch.path());
    assert_eq!(taken.iter().map(gist).collect::<Vec<_>>(), [budget(50), budget(80), budget(100)]);
    let first = &taken[0].body["data"];
    assert_eq!(
        (text_of(&first["limit"]), text_of(&first["currency"])),
        ("1.00".to_owned(), "EUR".to_owned())
    );
    assert_eq!(text_of(&first["reserved"]), "0.60");

    // Nobody takes the next one before the gate is killed.
    receiver.away.store(true, Ordering::Relaxed);
    let help = pbx.call("106", "112");
    assert_eq!((help.status, pbx.hang_up(&help)), (200, 200));
    let end = Instant::now() + Duration::from_secs(20);
    let tried = |receiver: &Receiver| receiver.taken.lock().expect("sound").len();
    let before = tried(&receiver);
    while tried(&receiver) == before
        && gist(receiver.taken.lock().expect("sound").last().expect("some")).0 != "emergency"
    {
        assert!(Instant::now() < end, "{}", Gate::log_tail(scratch.path()));
        sleep(Duration::from_millis(50));
    }
    drop(gate);
    receiver.away.store(false, Ordering::Relaxed);
    let gate = launch();
    let taken = receiver.await_count(4, scratch.path());
    let help = &taken[3].body["data"];
    assert_eq!(gist(&taken[3]), ("emergency".to_owned(), None, "frank".to_owned()));
    assert_eq!(
        (text_of(&help["number"]), text_of(&help["callback"])),
        ("112".to_owned(), "+493023125100".to_owned())
    );
    assert!(text_of(&help["phone"]).starts_with("127."), "{help}");

    // What was told before the kill is not told again.
    assert_eq!(pbx.call("103", STRANGER).status, 403);
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        assert_eq!(receiver.counted().len(), 4, "{:?}", receiver.counted());
        sleep(Duration::from_millis(50));
    }
    let metrics = gate.get("/metrics").expect("the metrics page");
    assert!(metrics.contains("tollgate_webhook_deliveries_waiting 0"), "{metrics}");
    gate.stop().expect("the gate ends well");
}
