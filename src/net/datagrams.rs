//! One UDP socket: takes datagrams in batches, and sends without waiting those that leave together.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::task::{Context, Poll};

use bytes::Bytes;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};
use socket2::SockRef;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::departing::{Departing, Dropped};
use super::limits::{BATCH, DATAGRAM_BYTES, KERNEL_BYTES_PER_DATAGRAM};

/// Datagrams taken with one system call. Under load more are taken with the next; each has a buffer of 64 KiB, of which only what
/// was once used takes memory.
const LETTERS: usize = 16;

pub(super) struct Datagrams {
    /// Told of what comes, and of nothing else: each datagram that leaves makes room in the kernel's buffer, and the gate would wake
    /// for it.
    socket: AsyncFd<UdpSocket>,
    /// Told of room, while some wait for it.
    room: Option<AsyncFd<UdpSocket>>,
    departing: Departing,
    letters: Letters,
    /// Datagrams taken at one wake-up.
    batch: usize,
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

/// No more than half of what the kernel's buffer of so many bytes holds: one that is nearly full for long is to be seen as such, even
/// where the kernel grants little (`net.core.rmem_max`) and messages are long.
fn batch_of(buffer: usize) -> usize {
    (buffer / KERNEL_BYTES_PER_DATAGRAM / 2).clamp(LETTERS, BATCH)
}

fn address(from: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = from.as_sockaddr_in().map(|from| SocketAddr::from(*from));
    v4.or_else(|| from.as_sockaddr_in6().map(|from| SocketAddr::from(*from)))
}

#[expect(
    deprecated,
    reason = "its successor is unsafe, for types that may change descriptors: a socket has one for life"
)]
fn listen(socket: UdpSocket, interest: Interest) -> io::Result<AsyncFd<UdpSocket>> {
    AsyncFd::with_interest(socket, interest)
}

impl Datagrams {
    /// Of a socket that does not block.
    pub(super) fn new(socket: UdpSocket) -> io::Result<Datagrams> {
        let batch = batch_of(SockRef::from(&socket).recv_buffer_size()?);
        let socket = listen(socket, Interest::READABLE)?;
        let (departing, letters) = (Departing::new(), Letters::new());
        Ok(Datagrams { socket, room: None, departing, letters, batch, is_behind: false })
    }

    pub(super) fn local_address(&self) -> io::Result<SocketAddr> {
        self.socket.get_ref().local_addr()
    }

    /// Takes up to a batch of datagrams, several with one system call. Each is copied into an allocation of its own size: the gate
    /// keeps some for the length of a call, and one of them must not pin a large shared buffer. Wakes the task when there is more.
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>, mut take: impl FnMut(SocketAddr, Bytes)) {
        let mut left = self.batch;
        let Datagrams { socket, letters, .. } = self;
        while left > 0
            && let Poll::Ready(Ok(mut ready)) = socket.poll_read_ready(cx)
        {
            let taken = letters.take(socket.get_ref().as_raw_fd(), &mut take);
            left = left.saturating_sub(*taken.as_ref().unwrap_or(&1));
            let is_empty = match taken {
                // The kernel has looked and found no more: that need not be asked again.
                Ok(count) => count < LETTERS,
                Err(fault) => fault.kind() == io::ErrorKind::WouldBlock,
            };
            if is_empty {
                // Readiness asked for anew registers the task for the next datagram.
                ready.clear_ready();
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

    /// Takes a datagram along. It leaves with others, at the next `leave` at the latest; whether so many wait that they should now.
    pub(super) fn take(&mut self, to: SocketAddr, bytes: &Bytes) -> Result<bool, Dropped> {
        self.departing.take(to, bytes.clone())
    }

    /// Sends what waits, as far as the kernel takes it; what fails is told to `failed`.
    pub(super) fn leave(&mut self, failed: impl FnMut(SocketAddr, io::ErrorKind)) {
        self.departing.leave(self.socket.get_ref(), failed);
    }

    /// As `leave`, and wakes the task when there is room for the rest.
    pub(super) fn poll_leave(&mut self, cx: &mut Context<'_>, failed: impl FnMut(SocketAddr, io::ErrorKind)) {
        if self.departing.leave(self.socket.get_ref(), failed) {
            self.room = None;
        } else {
            self.wait_for_room(cx);
        }
    }

    /// Wakes the task when the kernel's buffer has room.
    fn wait_for_room(&mut self, cx: &mut Context<'_>) {
        if self.room.is_none() {
            let clone = self.socket.get_ref().try_clone();
            self.room = clone.and_then(|socket| listen(socket, Interest::WRITABLE)).ok();
        }
        match &self.room {
            Some(room) => {
                while let Poll::Ready(Ok(mut ready)) = room.poll_write_ready(cx) {
                    ready.clear_ready();
                }
            }
            // No descriptor to listen with: the backlog is tried again at the next turn.
            None => cx.waker().wake_by_ref(),
        }
    }

    pub(super) fn have_left(&self) -> bool {
        self.departing.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_at_once_is_a_part_of_what_the_kernel_holds() {
        // What Linux grants by default, twice over as it counts, and the four megabytes that are asked for.
        assert_eq!(batch_of(2 * 212_992), 92);
        assert_eq!(batch_of(2 * (4 << 20)), BATCH);
        assert_eq!(batch_of(4_096), LETTERS);
    }
}
