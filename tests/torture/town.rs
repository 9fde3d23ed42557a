//! The town under attack: the built gate, its trunks as real sockets that watch what reaches them, and the figures it publishes.

use std::cell::RefCell;
use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tempfile::TempDir;
use tollgate::sip::{Framing, Message, Reply};

use super::caller::{Caller, Request};
use crate::gate::{Gate, write_company};
use crate::places::Places;

/// How long something that must come may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub struct Town {
    gate: Gate,
    places: Places,
    pub one: Trunk,
    pub two: Trunk,
    stream: TcpListener,
    callers: RefCell<u32>,
    folder: TempDir,
}

impl Town {
    pub fn open() -> Town {
        Town::open_with("2s")
    }

    /// With this T1.
    pub fn open_with(t1: &str) -> Town {
        Town::open_changed(t1, &[])
    }

    /// With other files than the company's: each change is a file, a text of it, and what stands in its place.
    pub fn open_where(changes: &[(&str, &str, &str)]) -> Town {
        Town::open_changed("2s", changes)
    }

    fn open_changed(t1: &str, changes: &[(&str, &str, &str)]) -> Town {
        let places = Places::free();
        let folder = TempDir::new().expect("a folder for the gate's files");
        let stream = TcpListener::bind(places.at("trunk_tcp")).expect("the trunk's own address");
        stream.set_nonblocking(true).expect("a socket");
        let (one, two) = (Trunk::at(places.at("trunk_one")), Trunk::at(places.at("trunk_two")));
        let company = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/torture/company");
        write_company(folder.path(), &company, &places, t1).expect("the company's files");
        for (file, from, to) in changes {
            edit(&folder.path().join(file), from, to);
        }
        let gate = Gate::launch(folder.path(), &places)
            .unwrap_or_else(|fault| panic!("{fault}\n{}", Gate::log_tail(folder.path())));
        Town { gate, places, one, two, stream, callers: RefCell::default(), folder }
    }

    /// kill -9, and a new start; with its ledger, or without.
    pub fn is_killed_and_started(&mut self, keeps_ledger: bool) {
        self.gate.kill();
        if !keeps_ledger {
            self.lose_ledger();
        }
        let folder = self.folder.path();
        self.gate = Gate::launch(folder, &self.places)
            .unwrap_or_else(|fault| panic!("{fault}\n{}", Gate::log_tail(folder)));
    }

    /// As when the disk is gone, and the machine has been off.
    fn lose_ledger(&self) {
        let folder = self.folder.path();
        fs::remove_file(self.gate.database()).expect("there was a ledger");
        for beside in ["-wal", "-shm"] {
            // Whether there is one depends on when SQLite was last at it.
            drop(fs::remove_file(folder.join(format!("ledger.sqlite{beside}"))));
        }
        let is_notes = |path: &PathBuf| path.is_dir() && path.display().to_string().contains("/tollgate-");
        let beside = fs::read_dir(folder).expect("the gate's files").flatten().map(|entry| entry.path());
        beside.filter(is_notes).for_each(|notes| fs::remove_dir_all(notes).expect("notes can be removed"));
    }

    /// Other rules under the running gate; they hold when this returns.
    #[allow(clippy::disallowed_methods)] // The gate looks at its files in its own time.
    pub fn change_rules(&self, file: &str, from: &str, to: &str) {
        let accepted = "tollgate_reloads_total outcome=\"accepted\"";
        let before = self.counted(accepted);
        edit(&self.folder.path().join(file), from, to);
        let end = Instant::now() + 2 * PATIENCE;
        while self.counted(accepted) == before {
            assert!(Instant::now() < end, "{}", Gate::log_tail(self.folder.path()));
            sleep(Duration::from_millis(20));
        }
    }

    /// Stops the process where it stands, or lets it go on.
    pub fn signal(&self, name: &str) {
        self.gate.signal(name).expect("the gate can be told");
    }

    pub fn at(&self, place: &str) -> SocketAddr {
        self.places.at(place)
    }

    /// Text of a test with `{name}` for the addresses.
    pub fn fill(&self, text: &str) -> String {
        self.places.fill(text, "{", "}")
    }

    /// Somebody with a free port of this place's address.
    pub fn caller(&self, place: &str) -> Caller {
        *self.callers.borrow_mut() += 1;
        let address = SocketAddr::new(self.at(place).ip(), 0);
        Caller::at(address, self.at("gate"), *self.callers.borrow())
    }

    /// All samples of a metric whose name and labels hold this text, summed.
    pub fn counted(&self, series: &str) -> u64 {
        let page = self.gate.get("/metrics").expect("the gate publishes its figures");
        let (name, label) = series.split_once(' ').unwrap_or((series, ""));
        let samples = page.lines().filter(|line| line.starts_with(name) && line.contains(label));
        samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum::<f64>() as u64
    }

    /// Fails if anything reached a trunk.
    pub fn expect_quiet_trunks(&self, after: &str) {
        for trunk in [&self.one, &self.two] {
            let heard = trunk.pending();
            assert!(heard.is_none(), "after {after} a trunk heard: {}", text(&heard.unwrap_or_default()));
        }
        let refused = self.stream.accept().expect_err("a connection to the TCP trunk").kind();
        assert_eq!(refused, ErrorKind::WouldBlock, "after {after}");
    }

    /// An honest call passes, and it is the first thing that a trunk hears: whatever was asked of the ledger before it has been
    /// answered before it.
    pub fn expect_honest_call(&self, after: &str) {
        let bob = self.caller("pbx");
        let invite = bob.invite("sip:03023125500@{gate}", "102", self);
        let heard = bob.exchange(&invite.bytes());
        assert!(heard.iter().all(|message| message.status() < 200), "after {after}: {heard:?}");
        let came = self.one.expect();
        assert_eq!(came.call_id(), invite.call_id.as_bytes(), "after {after}: {}", text(came.bytes()));
        self.one.answer(&came, 486, "trunk");
        assert_eq!(bob.expect_final().status(), 486, "after {after}");
        self.one.expect_method("ACK");
        self.expect_quiet_trunks(after);
    }
}

fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).expect("a file of the company");
    assert!(text.contains(from), "{} has no {from:?}", file.display());
    fs::write(file, text.replace(from, to)).expect("the folder can be written");
}

/// A trunk that hears and answers what it is told to.
pub struct Trunk {
    socket: UdpSocket,
}

impl Trunk {
    fn at(address: SocketAddr) -> Trunk {
        let socket = UdpSocket::bind(address).expect("the trunk's own address");
        Trunk { socket }
    }

    /// What has come already.
    pub fn pending(&self) -> Option<Bytes> {
        self.socket.set_nonblocking(true).expect("a socket");
        let heard = self.hear().map(|(bytes, _)| bytes);
        self.socket.set_nonblocking(false).expect("a socket");
        heard
    }

    /// The next request, which must come.
    pub fn expect(&self) -> Message {
        self.hear_within(PATIENCE).expect("the trunk hears nothing")
    }

    pub fn hear_within(&self, patience: Duration) -> Option<Message> {
        self.socket.set_read_timeout(Some(patience)).expect("a socket");
        let (bytes, source) = self.hear()?;
        let message = Message::parse(bytes.clone(), Framing::Datagram);
        Some(message.unwrap_or_else(|fault| panic!("{fault:?}: {}", text(&bytes))).arrived_from(source))
    }

    pub fn expect_method(&self, method: &str) -> Message {
        let message = self.expect();
        assert_eq!(message.method_text(), method, "{}", text(message.bytes()));
        message
    }

    pub fn answer(&self, request: &Message, status: u16, tag: &str) {
        let contact = format!("<sip:{}>", self.socket.local_addr().expect("a bound socket"));
        let reply = Reply {
            request,
            status,
            reason: "Said the trunk",
            to_tag: tag,
            extra: &[("Contact", &contact)],
            record_route: true,
            body: None,
        };
        self.send(&reply.to_bytes(), request.source().expect("it came from somewhere"));
    }

    pub fn send(&self, bytes: &[u8], to: SocketAddr) {
        self.socket.send_to(bytes, to).expect("loopback takes it");
    }

    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("a bound socket")
    }

    fn hear(&self) -> Option<(Bytes, SocketAddr)> {
        let mut buffer = vec![0; 65_536];
        let (length, source) = self.socket.recv_from(&mut buffer).ok()?;
        buffer.truncate(length);
        Some((buffer.into(), source))
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The request of a caller in this town, its `{name}`s filled.
impl Caller {
    pub fn invite(&self, uri: &str, from: &str, town: &Town) -> Request {
        Request::new(self, "INVITE", &town.fill(uri), from)
    }
}
