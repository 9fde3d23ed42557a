//! One TCP connection (RFC 3261 §18.3, keep-alives of RFC 5626 §4.4.1): a task that cuts messages out of the stream and writes what is
//! queued, until the peer closes, falls silent or reads too slowly.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

use super::limits::{CONNECT, IDLE, LAST_WORD, MESSAGE, READ_BYTES, WRITE};
use super::listen;
use crate::sip::{Flow, Frame, Framer, ListenerId, Malformed};

/// Why bytes did not go out. The network's fault or the peer's, never the sender's, except for `Unsupported`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("the network refused the datagram: {0}")]
    Datagram(io::ErrorKind),
    #[error("cannot connect: {0}")]
    Connect(io::ErrorKind),
    #[error("no connection within {} s", CONNECT.as_secs())]
    ConnectTimeout,
    #[error("the connection broke: {0}")]
    Broken(io::ErrorKind),
    #[error("the connection is closed")]
    Closed,
    #[error("the peer reads too slowly")]
    SlowReader,
    #[error("too many connections")]
    TooManyConnections,
    #[error("no listener of this number and transport")]
    Unsupported,
}

/// What a task tells the loop.
pub(super) enum Report {
    Accepted {
        listener: ListenerId,
        stream: TcpStream,
        remote: SocketAddr,
    },
    Frame {
        flow: Flow,
        bytes: Bytes,
    },
    Unframed {
        flow: Flow,
        malformed: Malformed,
    },
    /// `unsent`: the flows, as asked for, of messages that did not leave, each once.
    Ended {
        flow: Flow,
        unsent: Vec<Flow>,
        why: Failure,
    },
}

/// A message in the queue, with the flow under which it was sent: that one is reported if it fails.
pub(super) struct Outgoing {
    pub(super) asked: Flow,
    pub(super) bytes: Bytes,
}

/// The task's end of the two queues that join it to the loop.
pub(super) struct Line {
    pub(super) flow: Flow,
    pub(super) reports: mpsc::Sender<Report>,
    pub(super) queue: mpsc::Receiver<Outgoing>,
}

/// RFC 5626 §4.4.1: the answer to a keep-alive.
const PONG: &[u8] = b"\r\n";

/// Serves a connection that a peer opened.
pub(super) async fn answer(stream: TcpStream, mut line: Line) {
    let mut in_hand = None;
    let why = converse(stream, &mut line, &mut in_hand).await;
    line.end(in_hand, why).await;
}

/// Opens a connection to the flow's remote address and serves it.
pub(super) async fn dial(from: SocketAddr, mut line: Line) {
    let mut in_hand = None;
    let why = match timeout(CONNECT, listen::connect(from, line.flow.remote)).await {
        Ok(Ok(stream)) => converse(stream, &mut line, &mut in_hand).await,
        Ok(Err(fault)) => Failure::Connect(fault.kind()),
        Err(_) => Failure::ConnectTimeout,
    };
    line.end(in_hand, why).await;
}

impl Line {
    async fn end(mut self, in_hand: Option<Flow>, why: Failure) {
        self.queue.close();
        let mut unsent: Vec<Flow> = in_hand.into_iter().collect();
        while let Ok(outgoing) = self.queue.try_recv() {
            if !unsent.contains(&outgoing.asked) {
                unsent.push(outgoing.asked);
            }
        }
        // Nobody listens any more when the gate itself is closing.
        let _ = self.reports.send(Report::Ended { flow: self.flow, unsent, why }).await;
    }
}

/// Both directions at once, so that neither side can stall the other; whichever ends first ends the connection.
async fn converse(mut stream: TcpStream, line: &mut Line, in_hand: &mut Option<Flow>) -> Failure {
    if let Err(fault) = listen::tune(&stream) {
        return Failure::Broken(fault.kind());
    }
    let pings = Notify::new();
    let (read, write) = stream.split();
    let Line { flow, reports, queue } = line;
    tokio::select! {
        why = hear(read, *flow, reports, &pings) => why,
        why = speak(write, queue, &pings, in_hand) => why,
    }
}

async fn hear(mut read: ReadHalf<'_>, flow: Flow, reports: &mpsc::Sender<Report>, pings: &Notify) -> Failure {
    let mut framer = Framer::new();
    let mut buffer = [0; READ_BYTES];
    let mut deadline = pin!(sleep(MESSAGE));
    loop {
        let length = tokio::select! {
            read = read.read(&mut buffer) => match read {
                Ok(0) => return Failure::Closed,
                Ok(length) => length,
                Err(fault) => return Failure::Broken(fault.kind()),
            },
            () = deadline.as_mut() => return Failure::Closed,
        };
        let goes_on = framer.is_mid_message();
        framer.push(&buffer[..length]);
        match deliver(&mut framer, flow, reports, pings).await {
            // A message that began earlier ends on the deadline it began with, or a trickle of bytes would last for ever.
            Delivered::Nothing if goes_on => {}
            Delivered::Nothing | Delivered::Some => {
                deadline.set(sleep(if framer.is_mid_message() { MESSAGE } else { IDLE }));
            }
            Delivered::Last => return drain(read).await,
        }
    }
}

enum Delivered {
    Nothing,
    Some,
    /// The stream cannot be read on.
    Last,
}

async fn deliver(
    framer: &mut Framer,
    flow: Flow,
    reports: &mpsc::Sender<Report>,
    pings: &Notify,
) -> Delivered {
    let mut delivered = Delivered::Nothing;
    for frame in framer {
        delivered = Delivered::Some;
        let report = match frame {
            Ok(Frame::Ping) => {
                pings.notify_one();
                continue;
            }
            Ok(Frame::Message(bytes)) => Report::Frame { flow, bytes },
            Err(malformed) => {
                // If nobody listens any more, the gate is closing, and so is this.
                let _ = reports.send(Report::Unframed { flow, malformed }).await;
                return Delivered::Last;
            }
        };
        if reports.send(report).await.is_err() {
            return Delivered::Last;
        }
    }
    delivered
}

/// Reads and forgets for a moment: closing with unread bytes would reset the connection and destroy the answer on its way.
async fn drain(mut read: ReadHalf<'_>) -> Failure {
    let _ = timeout(LAST_WORD, tokio::io::copy(&mut read, &mut tokio::io::sink())).await;
    Failure::Closed
}

async fn speak(
    mut write: WriteHalf<'_>,
    queue: &mut mpsc::Receiver<Outgoing>,
    pings: &Notify,
    in_hand: &mut Option<Flow>,
) -> Failure {
    loop {
        let bytes = tokio::select! {
            queued = queue.recv() => match queued {
                Some(Outgoing { asked, bytes }) => {
                    *in_hand = Some(asked);
                    bytes
                }
                None => {
                    let _ = write.shutdown().await;
                    return Failure::Closed;
                }
            },
            () = pings.notified() => Bytes::from_static(PONG),
        };
        match timeout(WRITE, write.write_all(&bytes)).await {
            Ok(Ok(())) => *in_hand = None,
            Ok(Err(fault)) => return Failure::Broken(fault.kind()),
            Err(_) => return Failure::SlowReader,
        }
    }
}
