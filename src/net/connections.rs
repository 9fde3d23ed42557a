//! The table of TCP and TLS connections: which are open, which serve outgoing requests to an address again, and how many there may be.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::census::{Admission, Census};
use super::connection::{self, Failure, Line, Report};
use super::limits::{ACCEPT_PAUSE, CONNECTION_QUEUE, REPORTS};
use super::outgoing::Outgoing;
use super::tls::Trust;
use crate::sip::{ConnectionId, Flow, ListenerId, Transport};

pub(super) struct Connections {
    open: HashMap<ConnectionId, Connection>,
    /// Connections that we opened, by where they lead. Those that peers opened are not used for requests to the same address:
    /// whoever connects from a trunk's port is not yet the trunk (RFC 5923 §9).
    dialled: HashMap<(ListenerId, SocketAddr), ConnectionId>,
    census: Census,
    /// Closed from here to make room, and not yet told of.
    cut_off: Vec<Flow>,
    trust: Trust,
    last: u64,
    reports: mpsc::Sender<Report>,
    inbox: mpsc::Receiver<Report>,
    listeners: JoinSet<()>,
    tasks: JoinSet<()>,
}

struct Connection {
    flow: Flow,
    queue: mpsc::Sender<Outgoing>,
    task: AbortHandle,
    /// A peer that opened it is still in its handshake.
    shakes: bool,
}

/// Ids of connections that we opened are even, the others odd: so it can be told of one that is gone.
const WE_OPENED: u64 = 2;

impl Connections {
    pub(super) fn new() -> Connections {
        let (reports, inbox) = mpsc::channel(REPORTS);
        Connections {
            open: HashMap::new(),
            dialled: HashMap::new(),
            census: Census::default(),
            cut_off: Vec::new(),
            trust: Trust::default(),
            last: 0,
            reports,
            inbox,
            listeners: JoinSet::new(),
            tasks: JoinSet::new(),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.open.len()
    }

    pub(super) fn inbox(&mut self) -> &mut mpsc::Receiver<Report> {
        &mut self.inbox
    }

    pub(super) fn listen(&mut self, listener: ListenerId, socket: TcpListener) {
        self.listeners.spawn(accept(listener, socket, self.reports.clone()));
    }

    pub(super) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Changes who is believed. Connections that are open go on for the calls that use them; where somebody else is expected now, or
    /// is proved by other files, new calls get a connection that is proved anew.
    pub(super) fn change_trust(&mut self, change: impl FnOnce(&mut Trust)) {
        let expected = |trust: &Trust, way: &(ListenerId, SocketAddr)| trust.expected(way.1);
        let before: Vec<_> = self.dialled.keys().map(|way| (*way, expected(&self.trust, way))).collect();
        change(&mut self.trust);
        for (way, before) in before {
            if expected(&self.trust, &way) != before {
                self.dialled.remove(&way);
            }
        }
    }

    /// Takes in a connection that a peer opened; `false` if there are too many already. One that never said anything may have to go
    /// in its stead.
    pub(super) fn admit(
        &mut self,
        listener: ListenerId,
        transport: Transport,
        stream: TcpStream,
        remote: SocketAddr,
    ) -> bool {
        let shakes = transport == Transport::Tls;
        let tls = if shakes { self.trust.accepting(remote.ip()) } else { None };
        if shakes && tls.is_none() {
            return false;
        }
        match self.census.knocks(remote.ip(), shakes) {
            Admission::Refused => return false,
            Admission::Enters => {}
            Admission::InsteadOf(id) => self.cut_off(id),
        }
        let (flow, line, queue) = self.line(listener, transport, remote, 1);
        let task = self.tasks.spawn(connection::answer(stream, tls, line));
        self.census.enters(remote.ip(), shakes);
        self.census.is_silent(flow.connection);
        self.open.insert(flow.connection, Connection { flow, queue, task, shakes });
        true
    }

    /// TLS is up; false for a connection that has gone meanwhile.
    pub(super) fn has_shaken(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.open.get_mut(&id) else { return false };
        if std::mem::take(&mut connection.shakes) {
            self.census.has_shaken(connection.flow.remote.ip());
        }
        true
    }

    /// A message came over it.
    pub(super) fn speaks(&mut self, id: ConnectionId) {
        self.census.speaks(id);
    }

    /// The next connection that had to make room.
    pub(super) fn next_cut_off(&mut self) -> Option<Flow> {
        self.cut_off.pop()
    }

    fn cut_off(&mut self, id: ConnectionId) {
        if let Some(connection) = self.open.get(&id) {
            connection.task.abort();
        }
        let gone = self.forget(id);
        self.cut_off.extend(gone);
    }

    /// Whether we opened this connection, gone or not.
    pub(super) fn is_ours(id: ConnectionId) -> bool {
        id.0.is_multiple_of(WE_OPENED)
    }

    /// Queues bytes for the flow's connection; without one, for the connection that leads to its address, opening it if needed.
    /// `from`: the listener's own address.
    pub(super) fn send(&mut self, from: SocketAddr, asked: Flow, bytes: Bytes) -> Result<(), Failure> {
        let is_open = self.open.contains_key(&asked.connection);
        // One that we opened is opened anew; the way back over one that a peer opened is lost with it.
        let id = if !is_open && Connections::is_ours(asked.connection) {
            self.leading_to(from, asked)?
        } else {
            asked.connection
        };
        let connection = self.open.get(&id).ok_or(Failure::Closed)?;
        match connection.queue.try_send(Outgoing { asked, bytes }) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(_)) => Err(Failure::Closed),
            Err(TrySendError::Full(_)) => {
                connection.task.abort();
                Err(Failure::SlowReader)
            }
        }
    }

    /// Forgets a connection whose task has ended or was cut off; `None` if it is forgotten already.
    pub(super) fn forget(&mut self, id: ConnectionId) -> Option<Flow> {
        let Connection { flow, shakes, .. } = self.open.remove(&id)?;
        self.census.leaves(id, flow.remote.ip(), shakes);
        let way = (flow.listener, flow.remote);
        if self.dialled.get(&way) == Some(&id) {
            self.dialled.remove(&way);
        }
        while self.tasks.try_join_next().is_some() {}
        Some(flow)
    }

    /// The flow that would carry a request asked for as `asked`.
    pub(super) fn carrier(&self, asked: Flow) -> ConnectionId {
        if self.open.contains_key(&asked.connection) || !Connections::is_ours(asked.connection) {
            return asked.connection;
        }
        let anew = self.dialled.get(&(asked.listener, asked.remote));
        anew.copied().unwrap_or(asked.connection)
    }

    /// Lets every connection write out its queue, then closes it.
    pub(super) async fn close(mut self, within: Duration) {
        self.listeners.abort_all();
        self.inbox.close();
        self.open.clear();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // What is not out by now never will be: dropping the tasks ends them.
        let _ = timeout(within, all).await;
    }

    fn leading_to(&mut self, from: SocketAddr, asked: Flow) -> Result<ConnectionId, Failure> {
        let way = (asked.listener, asked.remote);
        let usable = |id: &&ConnectionId| self.open.get(id).is_some_and(|open| !open.queue.is_closed());
        if let Some(id) = self.dialled.get(&way).filter(usable) {
            return Ok(*id);
        }
        let tls = match asked.transport {
            Transport::Udp | Transport::Tcp => None,
            Transport::Tls => Some(self.trust.dialling(asked.remote).ok_or(Failure::NoName)?),
        };
        match self.census.room() {
            Admission::Enters => {}
            Admission::InsteadOf(id) => self.cut_off(id),
            Admission::Refused => return Err(Failure::TooManyConnections),
        }
        let (flow, line, queue) = self.line(asked.listener, asked.transport, asked.remote, 0);
        let task = self.tasks.spawn(connection::dial(from, tls, line));
        self.census.enters(flow.remote.ip(), false);
        self.open.insert(flow.connection, Connection { flow, queue, task, shakes: false });
        self.dialled.insert(way, flow.connection);
        Ok(flow.connection)
    }

    fn line(
        &mut self,
        listener: ListenerId,
        transport: Transport,
        remote: SocketAddr,
        parity: u64,
    ) -> (Flow, Line, mpsc::Sender<Outgoing>) {
        self.last += WE_OPENED;
        let flow = Flow { transport, listener, remote, connection: ConnectionId(self.last + parity) };
        let (sender, queue) = mpsc::channel(CONNECTION_QUEUE);
        (flow, Line { flow, reports: self.reports.clone(), queue }, sender)
    }
}

async fn accept(listener: ListenerId, socket: TcpListener, reports: mpsc::Sender<Report>) {
    loop {
        match socket.accept().await {
            Ok((stream, remote)) => {
                if reports.send(Report::Accepted { listener, stream, remote }).await.is_err() {
                    return;
                }
            }
            // A peer that gave up, or no file descriptors left: trying again at once would spin.
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}
