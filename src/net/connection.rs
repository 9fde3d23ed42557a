//! One TCP or TLS connection (RFC 3261 §18.3, keep-alives of RFC 5626 §4.4.1): a task that cuts messages out of the stream and writes
//! what is queued, until the peer closes, falls silent or reads too slowly.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

use super::handshake::HandshakeFault;
use super::limits::{CONNECT, FIRST_WORD, IDLE, LAST_WORD, MESSAGE, READ_BYTES};
use super::listen;
use super::outgoing::{InHand, Outgoing, speak};
use super::tls::{Accepting, Dialling, Shaken};
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
    #[error("no TLS with this peer: {0}")]
    Handshake(HandshakeFault),
    #[error("no certificate is expected of this address")]
    NoName,
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
    /// TLS is up; `trunk` is whom the other end has proved to be.
    Shaken {
        flow: Flow,
        trunk: Option<Arc<str>>,
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

/// The task's end of the two queues that join it to the loop.
pub(super) struct Line {
    pub(super) flow: Flow,
    pub(super) reports: mpsc::Sender<Report>,
    pub(super) queue: mpsc::Receiver<Outgoing>,
}

/// Serves a connection that a peer opened.
pub(super) async fn answer(stream: TcpStream, tls: Option<Accepting>, mut line: Line) {
    let mut in_hand = InHand::default();
    let why = match (tls, listen::tune(&stream)) {
        (_, Err(fault)) => Failure::Broken(fault.kind()),
        (None, Ok(())) => converse(stream, FIRST_WORD, &mut line, &mut in_hand).await,
        (Some(tls), Ok(())) => match tls.shake(stream).await {
            Ok(shaken) => converse_secured(shaken, FIRST_WORD, &mut line, &mut in_hand).await,
            Err(fault) => Failure::Handshake(fault),
        },
    };
    line.end(in_hand, why).await;
}

/// Opens a connection to the flow's remote address and serves it.
pub(super) async fn dial(from: SocketAddr, tls: Option<Dialling>, mut line: Line) {
    let mut in_hand = InHand::default();
    let connected = match timeout(CONNECT, listen::connect(from, line.flow.remote)).await {
        Ok(Ok(stream)) => match listen::tune(&stream) {
            Ok(()) => Ok(stream),
            Err(fault) => Err(Failure::Broken(fault.kind())),
        },
        Ok(Err(fault)) => Err(Failure::Connect(fault.kind())),
        Err(_) => Err(Failure::ConnectTimeout),
    };
    let why = match (connected, tls) {
        (Err(why), _) => why,
        (Ok(stream), None) => converse(stream, MESSAGE, &mut line, &mut in_hand).await,
        (Ok(stream), Some(tls)) => match tls.shake(stream).await {
            Ok(shaken) => converse_secured(shaken, MESSAGE, &mut line, &mut in_hand).await,
            Err(fault) => Failure::Handshake(fault),
        },
    };
    line.end(in_hand, why).await;
}

impl Line {
    async fn end(mut self, in_hand: InHand, why: Failure) {
        let unsent = in_hand.unsent(&mut self.queue);
        // Nobody listens any more when the gate itself is closing.
        let _ = self.reports.send(Report::Ended { flow: self.flow, unsent, why }).await;
    }
}

async fn converse(mut stream: TcpStream, first: Duration, line: &mut Line, in_hand: &mut InHand) -> Failure {
    converse_over(stream.split(), first, line, in_hand).await
}

async fn converse_secured(shaken: Shaken, first: Duration, line: &mut Line, in_hand: &mut InHand) -> Failure {
    let Shaken { stream, trunk } = shaken;
    if line.reports.send(Report::Shaken { flow: line.flow, trunk }).await.is_err() {
        return Failure::Closed;
    }
    converse_over(tokio::io::split(stream), first, line, in_hand).await
}

/// Both directions at once, so that neither side can stall the other; whichever ends first ends the connection. `first`: how long
/// the first message may take.
async fn converse_over(
    (read, write): (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    first: Duration,
    line: &mut Line,
    in_hand: &mut InHand,
) -> Failure {
    let pings = Notify::new();
    let Line { flow, reports, queue } = line;
    tokio::select! {
        why = hear(read, *flow, first, reports, &pings) => why,
        why = speak(write, queue, &pings, in_hand) => why,
    }
}

/// TLS tells of some refusals only after its handshake: a certificate of ours that the other end does not take (RFC 8446 §4.4.2.4).
pub(super) fn broken(fault: &io::Error) -> Failure {
    match fault.get_ref().is_some_and(|inner| inner.is::<tokio_rustls::rustls::Error>()) {
        true => Failure::Handshake(HandshakeFault::of(fault)),
        false => Failure::Broken(fault.kind()),
    }
}

async fn hear(
    mut read: impl AsyncRead + Unpin,
    flow: Flow,
    first: Duration,
    reports: &mpsc::Sender<Report>,
    pings: &Notify,
) -> Failure {
    let mut framer = Framer::new();
    let mut buffer = [0; READ_BYTES];
    let mut has_spoken = false;
    let mut alarm = pin!(sleep(first));
    let mut deadline = alarm.deadline();
    loop {
        let length = tokio::select! {
            read = read.read(&mut buffer) => match read {
                Ok(0) => return Failure::Closed,
                Ok(length) => length,
                Err(fault) => return broken(&fault),
            },
            () = alarm.as_mut() => {
                if deadline <= alarm.deadline() {
                    return Failure::Closed;
                }
                alarm.as_mut().reset(deadline);
                continue;
            }
        };
        let goes_on = framer.is_mid_message();
        framer.push(&buffer[..length]);
        match deliver(&mut framer, flow, reports, pings).await {
            // A message that began earlier ends on the deadline it began with, or a trickle of bytes would last for ever.
            Delivered::Nothing if goes_on => {}
            // Nor does a peer that only ever sends blank lines.
            Delivered::Nothing | Delivered::Pings if !has_spoken => {}
            Delivered::Nothing | Delivered::Pings | Delivered::Messages => {
                has_spoken = true;
                deadline = sleep(if framer.is_mid_message() { MESSAGE } else { IDLE }).deadline();
                // An alarm that rings too early is set anew when it does, rather than at each message.
                if deadline < alarm.deadline() {
                    alarm.as_mut().reset(deadline);
                }
            }
            Delivered::Last => return drain(read).await,
        }
    }
}

enum Delivered {
    Nothing,
    /// Keep-alives and nothing else.
    Pings,
    Messages,
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
        let report = match frame {
            Ok(Frame::Ping) => {
                pings.notify_one();
                if let Delivered::Nothing = delivered {
                    delivered = Delivered::Pings;
                }
                continue;
            }
            Ok(Frame::Message(bytes)) => {
                delivered = Delivered::Messages;
                Report::Frame { flow, bytes }
            }
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
async fn drain(mut read: impl AsyncRead + Unpin) -> Failure {
    let _ = timeout(LAST_WORD, tokio::io::copy(&mut read, &mut tokio::io::sink())).await;
    Failure::Closed
}
