//! The table of TCP connections: which are open, which serve outgoing requests to an address again, and how many there may be.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::connection::{self, Failure, Line, Outgoing, Report};
use super::limits::{ACCEPT_PAUSE, CONNECTION_QUEUE, CONNECTIONS, CONNECTIONS_PER_ADDRESS, REPORTS};
use crate::sip::{ConnectionId, Flow, ListenerId, Transport};

pub(super) struct Connections {
    open: HashMap<ConnectionId, Connection>,
    /// Connections that we opened, by where they lead. Those that peers opened are not used for requests to the same address:
    /// whoever connects from a trunk's port is not yet the trunk (RFC 5923 §9).
    dialled: HashMap<(ListenerId, SocketAddr), ConnectionId>,
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
}

impl Connections {
    pub(super) fn new() -> Connections {
        let (reports, inbox) = mpsc::channel(REPORTS);
        Connections {
            open: HashMap::new(),
            dialled: HashMap::new(),
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

    /// Takes in a connection that a peer opened; `false` if there are too many already.
    pub(super) fn admit(&mut self, listener: ListenerId, stream: TcpStream, remote: SocketAddr) -> bool {
        if !self.has_room_for(remote.ip()) {
            return false;
        }
        let (flow, line, queue) = self.line(listener, remote);
        let task = self.tasks.spawn(connection::answer(stream, line));
        self.open.insert(flow.connection, Connection { flow, queue, task });
        true
    }

    /// Queues bytes for the flow's connection; without one, for the connection that leads to its address, opening it if needed.
    /// `from`: the listener's own address.
    pub(super) fn send(&mut self, from: SocketAddr, asked: Flow, bytes: Bytes) -> Result<(), Failure> {
        let id = if asked.connection == ConnectionId::NONE {
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
        let Connection { flow, .. } = self.open.remove(&id)?;
        let way = (flow.listener, flow.remote);
        if self.dialled.get(&way) == Some(&id) {
            self.dialled.remove(&way);
        }
        while self.tasks.try_join_next().is_some() {}
        Some(flow)
    }

    /// The flow that would carry a request asked for as `asked`.
    pub(super) fn carrier(&self, asked: Flow) -> ConnectionId {
        match self.dialled.get(&(asked.listener, asked.remote)) {
            Some(id) if asked.connection == ConnectionId::NONE => *id,
            _ => asked.connection,
        }
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
        if self.open.len() >= CONNECTIONS {
            return Err(Failure::TooManyConnections);
        }
        let (flow, line, queue) = self.line(asked.listener, asked.remote);
        let task = self.tasks.spawn(connection::dial(from, line));
        self.open.insert(flow.connection, Connection { flow, queue, task });
        self.dialled.insert(way, flow.connection);
        Ok(flow.connection)
    }

    fn line(&mut self, listener: ListenerId, remote: SocketAddr) -> (Flow, Line, mpsc::Sender<Outgoing>) {
        self.last += 1;
        let flow = Flow { transport: Transport::Tcp, listener, remote, connection: ConnectionId(self.last) };
        let (sender, queue) = mpsc::channel(CONNECTION_QUEUE);
        (flow, Line { flow, reports: self.reports.clone(), queue }, sender)
    }

    fn has_room_for(&self, address: IpAddr) -> bool {
        let from_there = || self.open.values().filter(|open| open.flow.remote.ip() == address).count();
        self.open.len() < CONNECTIONS && from_there() < CONNECTIONS_PER_ADDRESS
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
