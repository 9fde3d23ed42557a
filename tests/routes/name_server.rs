//! A real name server on loopback: dnsmasq with the records of one test, which may change while it is asked.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub struct NameServer {
    pub address: SocketAddr,
    child: Child,
}

const START: Duration = Duration::from_secs(20);

impl NameServer {
    /// `records` are dnsmasq's own options without their dashes: `host-record=one.test,127.0.0.41`.
    pub fn start(records: &[String]) -> NameServer {
        // Taken and given back: below the ports that the kernel hands out by itself.
        static STEP: AtomicU16 = AtomicU16::new(0);
        let free = |port: &u16| {
            UdpSocket::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()
                && TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()
        };
        let chance = u16::try_from(std::process::id() % 9_000).expect("below 9000");
        let next = || 3_000 + (chance + STEP.fetch_add(1, Ordering::Relaxed)) % 9_000;
        let port = std::iter::repeat_with(next).take(1_000).find(free).expect("a free port");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let child = spawn(address, records);
        let server = NameServer { address, child };
        server.await_answer();
        server
    }

    /// From now on it says something else.
    pub fn change(&mut self, records: &[String]) {
        self.silence();
        self.child = spawn(self.address, records);
        self.await_answer();
    }

    /// It answers nobody any more.
    pub fn silence(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks for the root's address until an answer of any kind comes.
    fn await_answer(&self) {
        const QUESTION: &[u8] =
            b"\x07\x07\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05ready\x04test\x00\x00\x01\x00\x01";
        let end = Instant::now() + START;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout can be set");
        let mut answer = [0; 512];
        while socket.send_to(QUESTION, self.address).is_err() || socket.recv(&mut answer).is_err() {
            assert!(Instant::now() < end, "dnsmasq does not answer; tests/all installs it");
            sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.silence();
    }
}

fn spawn(address: SocketAddr, records: &[String]) -> Child {
    // Debian keeps it where only root's PATH looks.
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin";
    let mut command = Command::new("dnsmasq");
    command.env("PATH", path);
    command.args([
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--no-resolv",
        "--no-hosts",
        "--pid-file",
    ]);
    command.args(["--user=", "--bind-interfaces", "--log-facility=-", "--local-ttl=1", "--local=/test/"]);
    command.arg(format!("--listen-address={}", address.ip())).arg(format!("--port={}", address.port()));
    command.args(records.iter().map(|record| format!("--{record}")));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("dnsmasq runs; tests/all installs it")
}
