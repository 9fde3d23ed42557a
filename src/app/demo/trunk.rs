//! The telephone network of the demo: trunks that answer, one that is out of order, one that is dead.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::rc::Rc;
use std::time::Duration;

use super::phone::{Identity, LineError, Manners, Phone, Visit};
use crate::sip::Transport;

/// Loopback has many addresses: the gate tells trunks from phones by theirs.
pub const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

const RINGING: Duration = Duration::from_millis(200);
const TALK: Duration = Duration::from_millis(300);

/// The trunks, plugged in.
pub struct Trunks {
    pub city: Phone,
    pub harbour: Phone,
    pub faulty: Phone,
    /// Nobody ever reads from it.
    mute: UdpSocket,
    heard: Rc<RefCell<Vec<String>>>,
}

/// Why there is no telephone network.
#[derive(Debug, thiserror::Error)]
pub enum TrunkError {
    #[error(transparent)]
    Line(#[from] LineError),
    #[error("no socket for the trunk that is dead: {0}")]
    Socket(#[from] std::io::Error),
}

impl Trunks {
    /// # Errors
    /// The machine gives no sockets, or has no second loopback address.
    pub fn plug_in() -> Result<Trunks, TrunkError> {
        let heard = Rc::new(RefCell::new(Vec::new()));
        let hearing = Rc::clone(&heard);
        let answer: Manners = Rc::new(move |number: &str| {
            hearing.borrow_mut().push(number.to_owned());
            visit(number)
        });
        let decline: Manners = Rc::new(|_| Visit::Decline(503));
        Ok(Trunks {
            city: trunk("city", Transport::Udp, Rc::clone(&answer))?,
            harbour: trunk("harbour", Transport::Tcp, answer)?,
            faulty: trunk("faulty", Transport::Udp, decline)?,
            mute: UdpSocket::bind((ADDRESS, 0))?,
            heard,
        })
    }

    /// Where each is reached, beside the address that stands for it in the settings.
    pub fn places(&self) -> std::io::Result<[(&'static str, SocketAddr); 4]> {
        Ok([
            ("127.0.0.2:5071", self.city.place(Transport::Udp)),
            ("127.0.0.2:5072", self.harbour.place(Transport::Tcp)),
            ("127.0.0.2:5073", self.faulty.place(Transport::Udp)),
            ("127.0.0.2:5074", self.mute.local_addr()?),
        ])
    }

    /// How many calls have reached a trunk that answers.
    pub fn heard_count(&self) -> usize {
        self.heard.borrow().len()
    }
}

fn trunk(user: &str, transport: Transport, manners: Manners) -> Result<Phone, LineError> {
    let domain = "carrier.example".to_owned();
    Phone::plug_in(
        Identity { user: user.to_owned(), domain, ha1: None, transport, address: ADDRESS },
        manners,
    )
}

/// Whoever has a number that ends so is never there, busy, or short of time.
fn visit(number: &str) -> Visit {
    match number {
        _ if number.ends_with("990") => Visit::Ring,
        _ if number.ends_with("986") => Visit::Decline(486),
        _ if number.ends_with("992") => Visit::HangUp { after: RINGING, talk: TALK },
        _ => Visit::Answer { after: RINGING },
    }
}
