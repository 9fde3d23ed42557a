//! The face of the room: every socket of the gate behind one `receive` and one `send`.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::connection::{Failure, Report};
use super::connections::Connections;
use super::datagrams::Datagrams;
use super::departing::Dropped;
use super::handshake::HandshakeFault;
use super::limits::BATCH;
use super::listen::{self, BindError, Listen};
use super::tls::{Secured, TrunkPlace};
use crate::sip::{ConnectionId, Flow, ListenerId, Malformed, Transport};

/// All sockets of the gate. Lives in one task of a `current_thread` runtime; its connection tasks run there too.
pub struct Sockets {
    /// By `ListenerId`.
    ports: Vec<Port>,
    connections: Connections,
    arrived: VecDeque<Arrived>,
    counts: Counts,
}

enum Port {
    Udp(Box<Datagrams>, SocketAddr),
    Stream(Transport, SocketAddr),
}

/// What the network brought.
#[derive(Debug)]
pub enum Arrived {
    /// One datagram, whole. Keep-alives (blank lines, NULs) are dropped before.
    Datagram { flow: Flow, bytes: Bytes },
    /// One message of a stream, cut exactly.
    Frame { flow: Flow, bytes: Bytes },
    /// The stream cannot be read on. An answer sent at once still leaves; then the connection closes by itself.
    Unframed { flow: Flow, malformed: Malformed },
    /// Something sent on `flow` (as it was asked for) did not go out.
    Failed { flow: Flow, why: Failure },
    /// A connection is gone.
    Closed { flow: Flow },
    /// Over this connection speaks a trunk, as its certificate proves.
    Proved { flow: Flow, trunk: Arc<str> },
    /// No TLS came about, or it ended in a refusal. `trunk`: the one at that address. What was to be sent arrives as `Failed` besides.
    NoTls { flow: Flow, trunk: Option<Arc<str>>, why: HandshakeFault },
}

/// What happened below the messages, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub keep_alives: u64,
    /// Datagrams that found the backlog full.
    pub datagrams_dropped: u64,
    /// Connections refused because there were too many.
    pub connections_refused: u64,
}

impl Sockets {
    /// Opens every listener, in order: the first has `ListenerId(0)`. Must be called inside the runtime that will drive it.
    ///
    /// # Errors
    /// The first address that cannot be had. Port 0 takes a free one; see [`Sockets::addresses`].
    pub fn bind(listens: &[Listen]) -> Result<Sockets, BindError> {
        let mut sockets = Sockets {
            ports: Vec::with_capacity(listens.len()),
            connections: Connections::new(),
            arrived: VecDeque::with_capacity(2 * BATCH),
            counts: Counts::default(),
        };
        for (index, listen) in listens.iter().enumerate() {
            let listener = ListenerId(u8::try_from(index).map_err(|_| BindError::TooMany)?);
            let port = sockets.open(listener, *listen)?;
            sockets.ports.push(port);
        }
        Ok(sockets)
    }

    /// How we prove ourselves and whom we believe from now on; connections that are open go on as they are. Until this is said, TLS
    /// listeners take nobody.
    pub fn secure(&mut self, secured: Secured) {
        self.connections.change_trust(|trust| trust.secure(secured));
    }

    /// Where the trunks are that are reached over TLS, and what their certificates must name.
    pub fn place(&mut self, places: Vec<TrunkPlace>) {
        self.connections.change_trust(|trust| trust.place(places));
    }

    /// Where we listen, in the order of the listeners, with the ports that were chosen for port 0.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.ports.iter().map(|port| match port {
            Port::Udp(_, address) | Port::Stream(_, address) => *address,
        })
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// TCP connections open or being opened.
    pub fn connection_count(&self) -> usize {
        self.connections.count()
    }

    /// Whether more datagrams wait in the kernel than could be taken at once.
    pub fn is_behind(&self) -> bool {
        self.ports.iter().any(|port| matches!(port, Port::Udp(socket, _) if socket.is_behind()))
    }

    /// Waits for the next arrival. Safe to drop and call again: nothing is lost in between.
    pub async fn receive(&mut self) -> Arrived {
        poll_fn(|cx| self.poll_receive(cx)).await
    }

    /// What the last wake-up brought besides, without waiting: the loop drains this before it waits again.
    pub fn received(&mut self) -> Option<Arrived> {
        self.arrived.pop_front()
    }

    /// Takes a message along without ever waiting. It leaves at `leave`, with others. What cannot be sent arrives as
    /// [`Arrived::Failed`]; a lost datagram does not.
    ///
    /// UDP: from the flow's listener. TCP: on the flow's connection; with `ConnectionId::NONE` on one that leads to the flow's
    /// remote address, which is opened if needed.
    pub fn send(&mut self, flow: Flow, bytes: &Bytes) {
        let sent = match (flow.transport, self.ports.get_mut(usize::from(flow.listener.0))) {
            (Transport::Udp, Some(Port::Udp(socket, _))) => {
                match socket.take(flow.remote, bytes) {
                    Ok(false) => {}
                    Ok(true) => self.leave(),
                    Err(Dropped) => self.counts.datagrams_dropped += 1,
                }
                Ok(())
            }
            (asked, Some(Port::Stream(transport, from))) if asked == *transport => {
                self.connections.send(*from, flow, bytes.clone())
            }
            (Transport::Udp | Transport::Tcp | Transport::Tls, _) => Err(Failure::Unsupported),
        };
        self.tell_cut_off();
        if let Err(why) = sent {
            self.send_failed(flow, why);
        }
    }

    /// Lets go what was taken along since the last time.
    pub fn leave(&mut self) {
        let Sockets { ports, arrived, .. } = self;
        for (index, port) in ports.iter_mut().enumerate() {
            if let Port::Udp(socket, _) = port {
                socket.leave(|to, kind| arrived.push_back(unsent(index, to, kind)));
            }
        }
    }

    /// Writes out what is queued, then closes everything.
    pub async fn close(mut self, within: Duration) {
        // A network that takes nothing any more does not hold up the end.
        let _ = timeout(within, poll_fn(|cx| self.poll_flush(cx))).await;
        self.connections.close(within).await;
    }

    fn open(&mut self, listener: ListenerId, listen: Listen) -> Result<Port, BindError> {
        let refused = |fault| listen.refused(fault);
        match listen.transport {
            Transport::Udp => {
                let socket = listen::udp(listen.address).and_then(Datagrams::new).map_err(refused)?;
                let address = socket.local_address().map_err(refused)?;
                Ok(Port::Udp(Box::new(socket), address))
            }
            Transport::Tcp | Transport::Tls => {
                let socket = listen::tcp(listen.address).map_err(refused)?;
                let address = socket.local_addr().map_err(refused)?;
                self.connections.listen(listener, socket);
                Ok(Port::Stream(listen.transport, address))
            }
        }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Arrived> {
        if self.arrived.is_empty() {
            self.take_datagrams(cx);
            self.take_reports(cx);
        }
        match self.arrived.pop_front() {
            Some(arrived) => Poll::Ready(arrived),
            None => Poll::Pending,
        }
    }

    fn take_datagrams(&mut self, cx: &mut Context<'_>) {
        let Sockets { ports, arrived, counts, .. } = self;
        for (index, port) in ports.iter_mut().enumerate() {
            let Port::Udp(socket, _) = port else { continue };
            socket.poll_leave(cx, |to, kind| arrived.push_back(unsent(index, to, kind)));
            socket.poll_receive(cx, |from, bytes| {
                if is_keep_alive(&bytes) {
                    counts.keep_alives += 1;
                } else {
                    arrived.push_back(Arrived::Datagram { flow: udp_flow(index, from), bytes });
                }
            });
        }
    }

    fn take_reports(&mut self, cx: &mut Context<'_>) {
        for _ in 0..BATCH {
            match self.connections.inbox().poll_recv(cx) {
                Poll::Ready(Some(report)) => self.take_report(report),
                Poll::Ready(None) | Poll::Pending => return,
            }
        }
        // The channel does not wake the task for what it already holds.
        cx.waker().wake_by_ref();
    }

    fn take_report(&mut self, report: Report) {
        match report {
            Report::Accepted { listener, stream, remote } => {
                let transport = match self.ports.get(usize::from(listener.0)) {
                    Some(Port::Stream(transport, _)) => *transport,
                    Some(Port::Udp(..)) | None => return,
                };
                if !self.connections.admit(listener, transport, stream, remote) {
                    self.counts.connections_refused += 1;
                }
                self.tell_cut_off();
            }
            Report::Shaken { flow, trunk } => {
                let is_open = self.connections.has_shaken(flow.connection);
                let trunk = trunk.filter(|_| is_open);
                self.arrived.extend(trunk.map(|trunk| Arrived::Proved { flow, trunk }));
            }
            Report::Frame { flow, bytes } => {
                self.connections.speaks(flow.connection);
                self.arrived.push_back(Arrived::Frame { flow, bytes });
            }
            Report::Unframed { flow, malformed } => {
                self.arrived.push_back(Arrived::Unframed { flow, malformed })
            }
            Report::Ended { flow, mut unsent, why } => {
                if let Failure::Handshake(why) = why {
                    let trunk = self.connections.trust().trunk_at(flow.remote);
                    self.arrived.push_back(Arrived::NoTls { flow, trunk, why });
                    // A refusal that came after our bytes had left: they were not taken either.
                    let asked = Flow { connection: ConnectionId::NONE, ..flow };
                    if Connections::is_ours(flow.connection) && !unsent.contains(&asked) {
                        unsent.push(asked);
                    }
                }
                self.arrived.extend(unsent.into_iter().map(|flow| Arrived::Failed { flow, why }));
                self.forget(flow.connection);
            }
        }
    }

    fn tell_cut_off(&mut self) {
        while let Some(flow) = self.connections.next_cut_off() {
            self.arrived.push_back(Arrived::Closed { flow });
        }
    }

    fn send_failed(&mut self, flow: Flow, why: Failure) {
        if why == Failure::SlowReader {
            self.forget(self.connections.carrier(flow));
        }
        self.arrived.push_back(Arrived::Failed { flow, why });
    }

    fn forget(&mut self, id: ConnectionId) {
        if let Some(flow) = self.connections.forget(id) {
            self.arrived.push_back(Arrived::Closed { flow });
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for port in &mut self.ports {
            if let Port::Udp(socket, _) = port {
                socket.poll_leave(cx, |_, _| {});
                if !socket.have_left() {
                    return Poll::Pending;
                }
            }
        }
        Poll::Ready(())
    }
}

/// This datagram of the listener with this index did not go out.
fn unsent(index: usize, to: SocketAddr, kind: io::ErrorKind) -> Arrived {
    Arrived::Failed { flow: udp_flow(index, to), why: Failure::Datagram(kind) }
}

fn udp_flow(index: usize, remote: SocketAddr) -> Flow {
    // `bind` admits no more listeners than a byte counts.
    let listener = ListenerId(u8::try_from(index).unwrap_or(u8::MAX));
    Flow { transport: Transport::Udp, listener, remote, connection: ConnectionId::NONE }
}

/// Phones behind NAT send blank lines, single NULs or nothing at all to keep their mapping open; none of it is a message.
fn is_keep_alive(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | b'\0' | b' '))
}
