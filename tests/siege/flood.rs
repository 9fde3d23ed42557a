//! Connections that say nothing or one byte at a time, and REGISTERs without end.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, SockAddr, Socket, Type};

use super::House;

const IDLE: u16 = 10_000;
const SLOW: u16 = 1_000;
/// From one host; the gate takes a thousand and some more of each.
const OF_ONE_HOST: u16 = 500;
const REGISTERS_PER_SECOND: u64 = 5_000;
/// A burst every so often keeps up with the rate on a machine that is busy otherwise.
const BURST_EVERY: Duration = Duration::from_millis(10);
/// The gate of a debug build with all of it at once; at rest it has a tenth.
const RESIDENT_BYTES_MAX: u64 = 400 << 20;

/// Descriptors of this process: every connection is one.
fn allow_connections() {
    let wanted = u64::from(IDLE) + u64::from(SLOW) + 500;
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("the limit can be read");
    assert!(most >= wanted, "this host allows {most} open files; {wanted} are needed");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("the limit can be raised");
}

fn connect_from(host: Ipv4Addr, gate: SocketAddr) -> Option<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).ok()?;
    socket.bind(&SockAddr::from(SocketAddr::from((host, 0)))).ok()?;
    socket.connect_timeout(&SockAddr::from(gate), Duration::from_secs(5)).ok()?;
    Some(socket.into())
}

/// So many connections, from hosts 127.0.`net`.1 on.
fn connections(net: u8, count: u16, gate: SocketAddr) -> Vec<TcpStream> {
    let hosts = (0..count).map(|number| (number / OF_ONE_HOST) as u8 + 1);
    hosts.filter_map(|host| connect_from(Ipv4Addr::new(127, 0, net, host), gate)).collect()
}

/// Whether an OPTIONS on this connection is answered.
fn is_heard(stream: &mut TcpStream, count: u32) -> bool {
    let (own, gate) = (stream.local_addr().expect("bound"), stream.peer_addr().expect("connected"));
    let request = format!(
        "OPTIONS sip:{gate} SIP/2.0\r\nVia: SIP/2.0/TCP {own};branch=z9hG4bK{count}\r\nMax-Forwards: 70\r\n\
         From: <sip:x@h>;tag=1\r\nTo: <sip:h>\r\nCall-ID: {count}@{own}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    );
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout can be set");
    let mut heard = Vec::new();
    let mut byte = [0];
    // The answer has no body either.
    let is_sent = stream.write_all(request.as_bytes()).is_ok();
    while is_sent && !heard.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
        heard.push(byte[0]);
    }
    heard.starts_with(b"SIP/2.0 200 ")
}

/// Whether the gate has closed it, or does so soon.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(2))).expect("a timeout can be set");
    match stream.read(&mut [0]) {
        Ok(length) => length == 0,
        Err(fault) => fault.kind() == ErrorKind::ConnectionReset,
    }
}

/// One byte a second on each, as long as the gate bears it.
fn dribble(slow: &mut [TcpStream], over: &AtomicBool) {
    let request =
        b"REGISTER sip:company.example SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.2.1;branch=z9hG4bKslow\r\n";
    for byte in request.iter().cycle() {
        for stream in slow.iter_mut() {
            // The gate may have had enough of it.
            let _ = stream.write(&[*byte]);
        }
        for _ in 0..10 {
            if over.load(Ordering::Relaxed) {
                return;
            }
            sleep(Duration::from_millis(100));
        }
    }
}

/// REGISTERs of one host at the stated rate; how many it sent.
fn register_for_ever(gate: SocketAddr, over: &AtomicBool, sent: &AtomicU64) {
    let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 66), 0)).expect("an address of loopback");
    let began = Instant::now();
    while !over.load(Ordering::Relaxed) {
        let due = began.elapsed().as_millis() as u64 * REGISTERS_PER_SECOND / 1000;
        for number in sent.load(Ordering::Relaxed)..due {
            let text = format!(
                "REGISTER sip:company.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.66:5060;branch=z9hG4bK{number}\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:{user}@company.example>;tag={number}\r\nTo: <sip:{user}@company.example>\r\n\
                 Call-ID: {number}@mallory\r\nCSeq: 1 REGISTER\r\nContact: <sip:x@127.0.0.66>\r\nContent-Length: 0\r\n\r\n",
                user = 100 + number % 900
            );
            // A full buffer of the gate loses it, as a network does.
            let _ = socket.send_to(text.as_bytes(), gate);
            sent.fetch_add(1, Ordering::Relaxed);
        }
        sleep(BURST_EVERY);
    }
}

/// Ends the siege, also when a call fails: nobody would hear of that from threads that never end.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn staff_call_on_through_idle_and_slow_connections_and_a_flood_of_registers() {
    allow_connections();
    let seconds =
        std::env::var("TOLLGATE_SIEGE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    // Neighbours that take the processor from an unoptimised gate are no overload; that has a test of its own (`torture::overload`).
    let house = House::open_with(|settings| settings.replace("[sip]\n", "[sip]\nbehind_longest = \"1s\"\n"));
    let gate = house.places.at("gate");
    let at_rest = house.gate.resident_bytes();
    let mut spoken = connect_from(Ipv4Addr::new(127, 0, 3, 1), gate).expect("the gate takes it");
    assert!(is_heard(&mut spoken, 1), "somebody who speaks is answered");
    let mut idle = connections(1, IDLE, gate);
    let mut slow = connections(2, SLOW, gate);
    // All places are taken: the oldest that never spoke makes room, and not the one that has spoken before them.
    let mut late = connect_from(Ipv4Addr::new(127, 0, 3, 2), gate).expect("the gate takes it");
    assert!(is_heard(&mut late, 1), "there is room for one more who speaks");
    assert!(is_heard(&mut spoken, 2), "and for whoever has spoken");
    assert!(is_closed(&mut idle[0]), "the first that said nothing");
    let (over, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut most = at_rest;
    scope(|threads| {
        let end = End(&over);
        threads.spawn(|| dribble(&mut slow, &over));
        threads.spawn(|| register_for_ever(gate, &over, &sent));
        let calls = house.calls(seconds);
        for _ in 0..seconds {
            sleep(Duration::from_secs(1));
            most = most.max(house.gate.resident_bytes());
        }
        calls.all_went_well();
        drop(end);
    });
    assert!(is_heard(&mut spoken, 3), "whoever has spoken is not shut out by those who never do");
    let ignored = house.counted("tollgate_rejections_total", "source_locked");
    println!(
        "{} idle and {} slow connections, {} REGISTERs of which {ignored} went unread; {} MB at rest, {} MB at most",
        idle.len(),
        slow.len(),
        sent.load(Ordering::Relaxed),
        at_rest >> 20,
        most >> 20,
    );
    assert!(idle.len() + slow.len() > usize::from(SLOW) + 5_000, "the gate was really besieged");
    assert!(ignored > 0.5 * sent.load(Ordering::Relaxed) as f64, "the flood is not even read");
    assert!(most < RESIDENT_BYTES_MAX, "{most} bytes");
    drop((idle, slow));
    house.gate.stop().expect("the gate ends well");
}
