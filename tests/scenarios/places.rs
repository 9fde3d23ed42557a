//! Where everybody stands: one loopback address per part of the telephone world, one port each that nobody else uses.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::process;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// Names as stories and the company's files use them, with the last byte of 127.0.0.x.
pub const PLACES: &[(&str, u8)] = &[
    ("gate", 10),
    ("gate_tls", 10),
    ("http", 10),
    ("pbx", 20),
    ("phone_one", 31),
    ("phone_two", 32),
    ("control_one", 31),
    ("control_two", 32),
    ("trunk_one", 41),
    ("trunk_two", 42),
    ("trunk_tcp", 43),
    ("stranger", 50),
    ("third_party", 60),
];

/// The addresses of one run.
#[derive(Clone, Debug)]
pub struct Places(BTreeMap<&'static str, SocketAddr>);

impl Places {
    pub fn free() -> Places {
        let address = |last| SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), free_port(last)));
        Places(PLACES.iter().map(|(name, last)| (*name, address(*last))).collect())
    }

    /// # Panics
    /// If a story names a place that does not exist.
    pub fn at(&self, name: &str) -> SocketAddr {
        *self.0.get(name).unwrap_or_else(|| panic!("no place {name:?}; there are {PLACES:?}"))
    }

    pub fn all(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        self.0.iter().map(|(name, address)| (*name, *address))
    }

    /// Puts addresses in for `open`name`close`.
    pub fn fill(&self, text: &str, open: &str, close: &str) -> String {
        self.all().fold(text.to_owned(), |text, (name, address)| {
            text.replace(&format!("{open}{name}{close}"), &address.to_string())
        })
    }
}

/// Ports below the range from which the kernel gives out its own.
const FIRST_PORT: u16 = 12_000;
const PORT_COUNT: u16 = 20_000;

fn free_port(last: u8) -> u16 {
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(chance()));
    loop {
        // Only every second one: baresip takes the port above its own for TLS.
        let port = FIRST_PORT + NEXT.fetch_add(2, Ordering::Relaxed) % PORT_COUNT;
        let address = (Ipv4Addr::new(127, 0, 0, last), port);
        if UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok() {
            return port;
        }
    }
}

/// Test processes that run at the same time begin in different places.
fn chance() -> u16 {
    let hash = RandomState::new().hash_one(process::id());
    u16::try_from(hash % u64::from(PORT_COUNT)).unwrap_or(0) & !1
}
