//! One TLS connection that carries SIP: messages out and in, cut by their Content-Length.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned};

/// Longer than a busy machine keeps anybody waiting.
const PATIENCE: Duration = Duration::from_secs(20);

pub trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

pub struct Line {
    stream: Box<dyn Stream>,
    unread: Vec<u8>,
    pub own: SocketAddr,
    /// The certificate that the other end has shown.
    pub shown: Option<Vec<u8>>,
}

impl Line {
    /// Connects from an address, and believes a gate of this name.
    ///
    /// # Errors
    /// If no TLS comes about.
    pub fn dial(config: Arc<ClientConfig>, from: SocketAddr, to: SocketAddr, name: &str) -> io::Result<Line> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(from.ip(), 0).into())?;
        socket.connect(&to.into())?;
        let mut tcp = TcpStream::from(socket);
        tcp.set_read_timeout(Some(PATIENCE))?;
        let own = tcp.local_addr()?;
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let mut tls = ClientConnection::new(config, name).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        let shown = tls.peer_certificates().and_then(|chain| chain.first()).map(|first| first.to_vec());
        Ok(Line { stream: Box::new(StreamOwned::new(tls, tcp)), unread: Vec::new(), own, shown })
    }

    /// The other end of a connection that somebody made.
    ///
    /// # Errors
    /// If no TLS comes about.
    pub fn accept(config: Arc<ServerConfig>, mut tcp: TcpStream) -> io::Result<Line> {
        tcp.set_read_timeout(Some(PATIENCE))?;
        let own = tcp.local_addr()?;
        let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        let shown = tls.peer_certificates().and_then(|chain| chain.first()).map(|first| first.to_vec());
        // A trunk waits as long as it takes.
        tcp.set_read_timeout(None)?;
        Ok(Line { stream: Box::new(StreamOwned::new(tls, tcp)), unread: Vec::new(), own, shown })
    }

    pub fn send(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes())?;
        self.stream.flush()
    }

    /// The next message.
    ///
    /// # Errors
    /// If the connection ends, or nothing comes for long.
    pub fn receive(&mut self) -> io::Result<String> {
        loop {
            if let Some(length) = whole(&self.unread) {
                let rest = self.unread.split_off(length);
                let message = std::mem::replace(&mut self.unread, rest);
                return Ok(String::from_utf8_lossy(&message).into_owned());
            }
            let mut buffer = [0; 4096];
            let length = self.stream.read(&mut buffer)?;
            if length == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.unread.extend_from_slice(&buffer[..length]);
        }
    }
}

/// The length of the first message, if it is there whole.
fn whole(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let length: usize = values(&head, "Content-Length").pop().and_then(|text| text.parse().ok()).unwrap_or(0);
    (bytes.len() >= end + length).then_some(end + length)
}

pub fn values(message: &str, name: &str) -> Vec<String> {
    let lines = message.lines().skip(1).filter_map(|line| line.split_once(':'));
    let named = lines.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.trim().to_owned()).collect()
}
