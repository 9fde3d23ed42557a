//! A whole call over IPv6: listeners, trunk and peer on ::1, and brackets wherever an address stands.

use std::net::{Ipv6Addr, SocketAddr, UdpSocket};

use super::house::House;
use super::places::Places;
use super::plain_sip::{Pbx, answering_trunk};

fn free() -> SocketAddr {
    let socket = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).expect("loopback has IPv6");
    socket.local_addr().expect("a bound socket")
}

#[test]
fn a_call_over_ipv6_from_the_invite_to_the_settled_money() {
    let places = Places::free();
    let (gate, trunk, pbx) = (free(), free(), free());
    let listener = format!(
        "[[listen]]\nname = \"six\"\ntransport = \"udp\"\naddress = \"{gate}\"\n\n[[trunk]]\nname = \"one\""
    );
    let mut house = House::open(
        &places,
        &[
            ("[[trunk]]\nname = \"one\"", listener),
            (
                "address = \"@trunk_one@\"\nlistener = \"udp\"",
                format!("address = \"{trunk}\"\nlistener = \"six\""),
            ),
            ("networks = [\"127.0.0.20\"]", "networks = [\"::1\", \"127.0.0.20\"]".into()),
        ],
    );
    answering_trunk(trunk);
    house.pbx = Pbx::at(pbx, gate);
    assert_eq!(house.call(), 200);
    // From an IPv4 phone to the IPv6 trunk, each on its own socket.
    house.pbx = Pbx::at(places.at("pbx"), places.at("gate"));
    assert_eq!(house.call(), 200);
    let (calls, settled) = house.close();
    assert_eq!(calls, [("one".to_owned(), 600_000), ("one".to_owned(), 600_000)]);
    assert_eq!(settled, 1_200_000);
}
