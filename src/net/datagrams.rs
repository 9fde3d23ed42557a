//! One UDP socket: takes datagrams in batches, sends without waiting, keeps a short backlog while the kernel's buffer is full.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::net::UdpSocket;

use super::limits::{BATCH, DATAGRAM_BACKLOG};

pub(super) struct Datagrams {
    socket: UdpSocket,
    backlog: VecDeque<(SocketAddr, Bytes)>,
}

/// What became of a datagram that was to be sent.
#[derive(Debug)]
pub(super) enum Sent {
    Out,
    /// Waits for room in the kernel's buffer.
    Waits,
    /// The backlog is full: lost, as datagrams may be.
    Dropped,
    Failed(io::ErrorKind),
}

impl Datagrams {
    pub(super) fn new(socket: UdpSocket) -> Datagrams {
        Datagrams { socket, backlog: VecDeque::new() }
    }

    pub(super) fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Takes up to a batch of datagrams. Each is copied into an allocation of its own size: the gate keeps some for the length of a
    /// call, and one of them must not pin a large shared buffer. Wakes the task when there is more.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
        mut take: impl FnMut(SocketAddr, Bytes),
    ) {
        let mut left = BATCH;
        while left > 0 && self.socket.poll_recv_ready(cx).is_ready() {
            left -= 1;
            match self.socket.try_recv_from(scratch) {
                Ok((length, from)) => take(from, Bytes::copy_from_slice(&scratch[..length])),
                // Asking for readiness again registers the task for the next datagram.
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                // An ICMP error of an earlier datagram; it says nothing about this one.
                Err(_) => {}
            }
        }
        if left == 0 {
            cx.waker().wake_by_ref();
        }
    }

    pub(super) fn send(&mut self, to: SocketAddr, bytes: &Bytes) -> Sent {
        if self.backlog.is_empty() {
            match self.socket.try_send_to(bytes, to) {
                Ok(_) => return Sent::Out,
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                Err(fault) => return Sent::Failed(fault.kind()),
            }
        }
        if self.backlog.len() == DATAGRAM_BACKLOG {
            return Sent::Dropped;
        }
        self.backlog.push_back((to, bytes.clone()));
        Sent::Waits
    }

    /// Sends what waits, as far as the kernel takes it; what fails is told to `failed`.
    pub(super) fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        mut failed: impl FnMut(SocketAddr, io::ErrorKind),
    ) {
        while let Some((to, bytes)) = self.backlog.front() {
            let Poll::Ready(Ok(())) = self.socket.poll_send_ready(cx) else { return };
            match self.socket.try_send_to(bytes, *to) {
                Ok(_) => {}
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => continue,
                Err(fault) => failed(*to, fault.kind()),
            }
            self.backlog.pop_front();
        }
    }

    pub(super) fn is_flushed(&self) -> bool {
        self.backlog.is_empty()
    }
}
