//! Opening sockets: addresses in, bound non-blocking sockets out, with the options that must be set before `bind`.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::limits::{LISTEN_QUEUE, PROBE_AFTER, SOCKET_BUFFER_BYTES};
use crate::sip::Transport;

/// One address to listen on; its place in the list becomes the `ListenerId` of every flow through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    pub transport: Transport,
    pub address: SocketAddr,
}

/// The settings ask for an address that this machine does not give.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("cannot listen on {} {address}: {source}", transport.as_str())]
    Refused { transport: Transport, address: SocketAddr, source: io::Error },
    #[error("at most 256 addresses to listen on")]
    TooMany,
}

impl Listen {
    pub(super) fn refused(self, source: io::Error) -> BindError {
        BindError::Refused { transport: self.transport, address: self.address, source }
    }
}

/// No `SO_REUSEADDR` here: for UDP, Linux would let a second gate take the datagrams of the first without a word.
pub(super) fn udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    prepare(&socket, address)?;
    socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES)?;
    socket.set_send_buffer_size(SOCKET_BUFFER_BYTES)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// `SO_REUSEADDR`: a restart must not wait for connections of the last run to leave TIME_WAIT.
pub(super) fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    prepare(&socket, address)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(LISTEN_QUEUE)?;
    TcpListener::from_std(socket.into())
}

/// Connects from the listener's own address, so that a multi-homed gate calls out as it is called.
pub(super) async fn connect(from: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if !from.ip().is_unspecified() {
        socket.bind(SocketAddr::new(from.ip(), 0))?;
    }
    socket.connect(to).await
}

/// Small messages leave at once, and a vanished peer is noticed.
pub(super) fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(PROBE_AFTER))
}

fn prepare(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    if address.is_ipv6() {
        // `[::]` and `0.0.0.0` can be listed side by side, and a peer's address is never an IPv4 one in IPv6 clothes.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)
}
