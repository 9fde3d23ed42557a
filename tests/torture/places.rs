//! Where everybody stands: a loopback network for each gate, so that every part has an address and the usual ports of its own.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::process;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// Names as the company's files use them, with the last byte and the port of 127.x.y.
const PLACES: &[(&str, u8, u16)] = &[
    ("gate", 10, 5060),
    ("http", 10, 9060),
    ("pbx", 20, 5060),
    ("phone_one", 31, 5060),
    ("phone_two", 32, 5060),
    ("trunk_one", 41, 5060),
    ("trunk_two", 42, 5060),
    ("trunk_tcp", 43, 5060),
    ("stranger", 50, 5060),
];

/// The addresses of one gate and those around it.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    network: [u8; 2],
}

impl Places {
    /// A network in which nobody listens at the gate's address.
    pub fn free() -> Places {
        loop {
            let places = Places { network: next_network() };
            if UdpSocket::bind(places.at("gate")).is_ok() && TcpListener::bind(places.at("http")).is_ok() {
                return places;
            }
        }
    }

    /// # Panics
    /// If a test names a place that does not exist.
    pub fn at(&self, name: &str) -> SocketAddr {
        let [high, low] = self.network;
        let (_, last, port) = PLACES
            .iter()
            .find(|(place, _, _)| *place == name)
            .unwrap_or_else(|| panic!("no place {name:?}; there are {PLACES:?}"));
        SocketAddr::from((Ipv4Addr::new(127, high, low, *last), *port))
    }

    /// Puts addresses in for `@name@` and, without their ports, for `@name.ip@`.
    pub fn fill(&self, text: &str, open: &str, close: &str) -> String {
        PLACES.iter().fold(text.to_owned(), |text, (name, _, _)| {
            let address = self.at(name);
            text.replace(&format!("{open}{name}{close}"), &address.to_string())
                .replace(&format!("{open}{name}.ip{close}"), &address.ip().to_string())
        })
    }
}

/// 127.64.0 to 127.127.255, far from the 127.0.0 where others test.
fn next_network() -> [u8; 2] {
    static NEXT: LazyLock<AtomicU16> = LazyLock::new(|| AtomicU16::new(chance()));
    let [high, low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    [64 + high % 64, low]
}

/// Test processes that run at the same time begin in different places.
fn chance() -> u16 {
    RandomState::new().hash_one(process::id()) as u16
}
