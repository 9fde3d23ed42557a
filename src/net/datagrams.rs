//! One UDP socket: takes datagrams in batches, sends without waiting, keeps a short backlog while the kernel's buffer is full.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::task::{Context, Poll};

use bytes::Bytes;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};
use tokio::io::Interest;
use tokio::net::UdpSocket;

use super::limits::{BATCH, DATAGRAM_BACKLOG, DATAGRAM_BYTES};

/// Datagrams taken with one system call. Under load more are taken with the next; each has a buffer of 64 KiB, of which only what
/// was once used takes memory.
const LETTERS: usize = 16;

pub(super) struct Datagrams {
    socket: UdpSocket,
    backlog: VecDeque<(SocketAddr, Bytes)>,
    letters: Letters,
    is_behind: bool,
}

/// Where the kernel puts datagrams and who sent them.
struct Letters {
    headers: MultiHeaders<SockaddrStorage>,
    buffers: Vec<Box<[u8]>>,
}

impl Letters {
    fn new() -> Letters {
        Letters {
            headers: MultiHeaders::preallocate(LETTERS, None),
            buffers: (0..LETTERS).map(|_| vec![0; DATAGRAM_BYTES].into_boxed_slice()).collect(),
        }
    }

    /// What has come, as far as the buffers go; how many there were. An error may be an ICMP error of an earlier datagram, which
    /// says nothing about the next.
    fn take(&mut self, socket: RawFd, take: &mut impl FnMut(SocketAddr, Bytes)) -> io::Result<usize> {
        let mut buffers = self.buffers.iter_mut();
        let mut slices: [[IoSliceMut<'_>; 1]; LETTERS] = std::array::from_fn(|_| {
            let buffer: &mut [u8] = buffers.next().map_or(&mut [], |buffer| buffer);
            [IoSliceMut::new(buffer)]
        });
        let letters = recvmmsg(socket, &mut self.headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None)?;
        let mut count = 0;
        for letter in letters {
            count += 1;
            let bytes = letter.iovs().next().unwrap_or_default();
            if let Some(from) = letter.address.and_then(|from| address(&from)) {
                take(from, Bytes::copy_from_slice(bytes));
            }
        }
        Ok(count)
    }
}

fn address(from: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = from.as_sockaddr_in().map(|from| SocketAddr::from(*from));
    v4.or_else(|| from.as_sockaddr_in6().map(|from| SocketAddr::from(*from)))
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
        Datagrams { socket, backlog: VecDeque::new(), letters: Letters::new(), is_behind: false }
    }

    pub(super) fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Takes up to a batch of datagrams, several with one system call. Each is copied into an allocation of its own size: the gate
    /// keeps some for the length of a call, and one of them must not pin a large shared buffer. Wakes the task when there is more.
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>, mut take: impl FnMut(SocketAddr, Bytes)) {
        let mut left = BATCH;
        while left > 0 && self.socket.poll_recv_ready(cx).is_ready() {
            let Datagrams { socket, letters, .. } = self;
            let taken = socket.try_io(Interest::READABLE, || letters.take(socket.as_raw_fd(), &mut take));
            left = left.saturating_sub(*taken.as_ref().unwrap_or(&1));
            if taken.is_ok_and(|count| count < LETTERS) {
                // The kernel has looked and found no more: that need not be asked again. Readiness asked for anew registers the
                // task for the next datagram.
                let _ = socket
                    .try_io(Interest::READABLE, || Err::<(), io::Error>(io::ErrorKind::WouldBlock.into()));
            }
        }
        self.is_behind = left == 0;
        if self.is_behind {
            cx.waker().wake_by_ref();
        }
    }

    /// Whether there was more to take at the last look than a batch.
    pub(super) fn is_behind(&self) -> bool {
        self.is_behind
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
