//! Datagrams that leave together, several with one system call, and wait while the kernel's buffer is full.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use bytes::Bytes;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};
use smallvec::SmallVec;

use super::limits::DATAGRAM_BACKLOG;

/// So many leave with one system call: what it costs is spread thin by then, and the first of them has not waited long.
const TOGETHER: usize = 32;

/// The datagrams of one socket that have not left.
pub(super) struct Departing {
    waiting: VecDeque<(SocketAddr, Bytes)>,
    headers: MultiHeaders<SockaddrStorage>,
    /// The kernel's buffer was full at the last try.
    is_held: bool,
}

/// The backlog is full: the datagram is lost, as datagrams may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dropped;

impl Departing {
    pub fn new() -> Departing {
        let headers = MultiHeaders::preallocate(TOGETHER, None);
        Departing { waiting: VecDeque::new(), headers, is_held: false }
    }

    /// Takes a datagram along; true if enough wait to leave together.
    pub fn take(&mut self, to: SocketAddr, bytes: Bytes) -> Result<bool, Dropped> {
        if self.waiting.len() == DATAGRAM_BACKLOG {
            return Err(Dropped);
        }
        self.waiting.push_back((to, bytes));
        Ok(self.waiting.len() >= TOGETHER && !self.is_held)
    }

    /// Sends what waits, as far as the kernel takes it; what fails is told to `failed`. False: the rest waits for room.
    pub fn leave(&mut self, socket: &UdpSocket, mut failed: impl FnMut(SocketAddr, io::ErrorKind)) -> bool {
        self.is_held = false;
        while let Some((to, _)) = self.waiting.front() {
            let to = *to;
            match self.send_some(socket) {
                Ok(count) => drop(self.waiting.drain(..count)),
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {
                    self.is_held = true;
                    return false;
                }
                Err(fault) => {
                    self.waiting.pop_front();
                    failed(to, fault.kind());
                }
            }
        }
        true
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// One system call; how many have left. An error concerns the first.
    fn send_some(&mut self, socket: &UdpSocket) -> io::Result<usize> {
        let Departing { waiting, headers, .. } = self;
        if let (Some((to, bytes)), 1) = (waiting.front(), waiting.len()) {
            return socket.send_to(bytes, *to).map(|_| 1);
        }
        let first = || waiting.iter().take(TOGETHER);
        let texts: SmallVec<[[IoSlice<'_>; 1]; TOGETHER]> =
            first().map(|(_, bytes)| [IoSlice::new(bytes)]).collect();
        let to: SmallVec<[Option<SockaddrStorage>; TOGETHER]> =
            first().map(|(to, _)| Some((*to).into())).collect();
        Ok(sendmmsg(socket.as_raw_fd(), headers, texts.iter(), &to, [], MsgFlags::MSG_DONTWAIT)?.count())
    }
}
