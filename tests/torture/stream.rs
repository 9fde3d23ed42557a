//! Anybody who speaks to the gate over TCP.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tollgate::sip::{Frame, Framer, Message};

use super::caller::{Caller, Request, read};

pub struct Stream {
    stream: TcpStream,
    gate: SocketAddr,
    framer: Framer,
}

/// How long to wait for an answer that may never come because the gate waits for more of the message.
const WAIT: Duration = Duration::from_millis(700);

/// How a conversation stood when it was left.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing {
    /// The gate reads on.
    Open,
    /// The gate has closed the connection.
    Closed,
    /// The gate waits for the end of a message.
    Waiting,
}

impl Stream {
    pub fn open(from: IpAddr, gate: SocketAddr) -> Stream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::new(from, 0).into()).expect("an address of its own");
        socket.connect(&gate.into()).expect("the gate listens");
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(WAIT)).expect("a socket");
        Stream { stream, gate, framer: Framer::new() }
    }

    pub fn set_patience(&self, patience: Duration) {
        self.stream.set_read_timeout(Some(patience)).expect("a socket");
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the gate reads");
    }

    /// Sends, and an OPTIONS right behind it; all that came before the answer to that, and how the connection stands then.
    pub fn exchange(&mut self, bytes: &[u8]) -> (Vec<Message>, Standing) {
        let caller = Caller::at(SocketAddr::new(self.gate.ip(), 0), self.gate, 0);
        let mut fence = Request::new(&caller, "OPTIONS", &format!("sip:{}", self.gate), "fence");
        fence.via = format!("SIP/2.0/TCP {}", self.stream.local_addr().expect("a bound socket"));
        let mut all = bytes.to_vec();
        all.extend(fence.bytes());
        // A gate that has closed already refuses the rest; what it said before is there all the same.
        let _ = self.stream.write_all(&all);
        let mut heard = Vec::new();
        let mut buffer = [0; 8192];
        loop {
            while let Some(Ok(frame)) = self.framer.next() {
                // Two answers to keep-alives side by side look like a keep-alive; what was asked for may stand behind them.
                let Frame::Message(bytes) = frame else { continue };
                let message = read(bytes);
                if message.call_id() == fence.call_id.as_bytes() {
                    return (heard, Standing::Open);
                }
                heard.push(message);
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return (heard, Standing::Closed),
                Ok(length) => self.framer.push(&buffer[..length]),
                Err(fault) if matches!(fault.kind(), std::io::ErrorKind::WouldBlock) => {
                    return (heard, Standing::Waiting);
                }
                Err(_) => return (heard, Standing::Closed),
            }
        }
    }
}
