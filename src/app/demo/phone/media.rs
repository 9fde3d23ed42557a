//! The least session description that means something (RFC 4566, RFC 3264): one audio stream, and which way it flows.

use std::net::IpAddr;

/// Which way the sound goes, seen from whoever says it (RFC 3264 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Both,
    /// We hold the other side.
    SendOnly,
    /// The other side holds us.
    ReceiveOnly,
}

impl Direction {
    const ALL: [Direction; 3] = [Direction::Both, Direction::SendOnly, Direction::ReceiveOnly];

    fn attribute(self) -> &'static str {
        match self {
            Direction::Both => "a=sendrecv",
            Direction::SendOnly => "a=sendonly",
            Direction::ReceiveOnly => "a=recvonly",
        }
    }

    /// What a description says; without a word, both ways (RFC 4566 §6).
    pub fn of(body: &[u8]) -> Direction {
        let says = |direction: &Direction| {
            body.split(|byte| *byte == b'\n')
                .any(|line| line.trim_ascii() == direction.attribute().as_bytes())
        };
        Direction::ALL.into_iter().find(says).unwrap_or(Direction::Both)
    }

    /// What the other side answers (RFC 3264 §6.1).
    pub fn answered(self) -> Direction {
        match self {
            Direction::Both => Direction::Both,
            Direction::SendOnly => Direction::ReceiveOnly,
            Direction::ReceiveOnly => Direction::SendOnly,
        }
    }
}

/// An offer or an answer; port 9 is the one that discards what comes (RFC 863): nobody speaks here.
pub fn description(address: IpAddr, direction: Direction) -> String {
    let family = if address.is_ipv4() { "IP4" } else { "IP6" };
    format!(
        "v=0\r\no=- 1 1 IN {family} {address}\r\ns=-\r\nc=IN {family} {address}\r\nt=0 0\r\n\
         m=audio 9 RTP/AVP 8 0\r\n{}\r\n",
        direction.attribute()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_is_answered_by_listening() {
        let address = IpAddr::from([127, 0, 0, 1]);
        let hold = description(address, Direction::SendOnly);
        assert_eq!(Direction::of(hold.as_bytes()).answered(), Direction::ReceiveOnly);
        assert_eq!(Direction::of(b"v=0\r\n"), Direction::Both);
    }
}
