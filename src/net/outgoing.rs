//! What leaves over one TCP or TLS connection: messages that wait are joined and written together, and it is known which of them did
//! not leave.

use std::collections::VecDeque;
use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::connection::{Failure, broken};
use super::limits::{JOINED_BYTES, WRITE};
use crate::sip::Flow;

/// A message in the queue, with the flow under which it was sent: that one is reported if it fails.
pub(super) struct Outgoing {
    pub(super) asked: Flow,
    pub(super) bytes: Bytes,
}

/// RFC 5626 §4.4.1: the answer to a keep-alive.
const PONG: &[u8] = b"\r\n";

/// Messages that have been taken out of the queue and are not written yet: where each ends among the bytes, and its flow.
#[derive(Default)]
pub(super) struct InHand(VecDeque<(usize, Flow)>);

impl InHand {
    /// The bytes of the first message and of those that wait behind it: one system call and one TLS record for all that a turn of the
    /// loop has for this peer. A message that is alone is not copied.
    fn take(&mut self, first: Outgoing, queue: &mut mpsc::Receiver<Outgoing>) -> Bytes {
        self.0.push_back((first.bytes.len(), first.asked));
        let Ok(second) = queue.try_recv() else { return first.bytes };
        let mut joined = BytesMut::with_capacity(JOINED_BYTES);
        joined.extend_from_slice(&first.bytes);
        let mut next = Some(second);
        while let Some(Outgoing { asked, bytes }) = next {
            joined.extend_from_slice(&bytes);
            self.0.push_back((joined.len(), asked));
            next = if joined.len() < JOINED_BYTES { queue.try_recv().ok() } else { None };
        }
        joined.freeze()
    }

    /// The flows of all that did not leave, each once, of what is still queued too; the queue is closed.
    pub(super) fn unsent(self, queue: &mut mpsc::Receiver<Outgoing>) -> Vec<Flow> {
        queue.close();
        let queued = std::iter::from_fn(|| queue.try_recv().ok()).map(|outgoing| outgoing.asked);
        let mut unsent = Vec::new();
        for asked in self.0.into_iter().map(|(_, asked)| asked).chain(queued) {
            if !unsent.contains(&asked) {
                unsent.push(asked);
            }
        }
        unsent
    }

    /// So many bytes have been written.
    fn has_left(&mut self, written: usize) {
        while self.0.front().is_some_and(|(end, _)| *end <= written) {
            self.0.pop_front();
        }
    }
}

/// Writes until the queue is closed or the peer does not read.
pub(super) async fn speak(
    mut write: impl AsyncWrite + Unpin,
    queue: &mut mpsc::Receiver<Outgoing>,
    pings: &Notify,
    in_hand: &mut InHand,
) -> Failure {
    loop {
        let bytes = tokio::select! {
            queued = queue.recv() => match queued {
                Some(first) => in_hand.take(first, queue),
                None => {
                    let _ = write.shutdown().await;
                    return Failure::Closed;
                }
            },
            () = pings.notified() => Bytes::from_static(PONG),
        };
        match timeout(WRITE, write_out(&mut write, &bytes, in_hand)).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => return broken(&fault),
            Err(_) => return Failure::SlowReader,
        }
    }
}

/// TLS keeps bytes back until it is told that there are no more; only then have they left.
async fn write_out(
    write: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
    in_hand: &mut InHand,
) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        match write.write(&bytes[written..]).await? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            length => written += length,
        }
        write.flush().await?;
        in_hand.has_left(written);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use super::*;
    use crate::sip::{ConnectionId, ListenerId, Transport};

    /// A peer that takes some bytes at a time, and breaks off after so many.
    struct Peer {
        writes: Vec<Vec<u8>>,
        takes: usize,
        breaks_after: usize,
    }

    impl Peer {
        fn heard(&self) -> Vec<u8> {
            self.writes.concat()
        }
    }

    impl AsyncWrite for Peer {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let room = self.breaks_after - self.heard().len();
            if room == 0 {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            let length = bytes.len().min(self.takes).min(room);
            self.writes.push(bytes[..length].to_vec());
            Poll::Ready(Ok(length))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn flow(port: u16) -> Flow {
        let remote = ([127, 0, 0, 1], port).into();
        Flow { transport: Transport::Tcp, listener: ListenerId(0), remote, connection: ConnectionId(1) }
    }

    /// All messages wait when the writing begins. What did not leave, and why it ended.
    async fn spoken(peer: &mut Peer, messages: &[Outgoing]) -> (Vec<Flow>, Failure) {
        let (sender, mut queue) = mpsc::channel(messages.len());
        for Outgoing { asked, bytes } in messages {
            sender.try_send(Outgoing { asked: *asked, bytes: bytes.clone() }).unwrap();
        }
        drop(sender);
        let mut in_hand = InHand::default();
        let why = speak(peer, &mut queue, &Notify::new(), &mut in_hand).await;
        (in_hand.unsent(&mut queue), why)
    }

    fn messages(lengths: &[usize]) -> Vec<Outgoing> {
        let message = |(length, port)| Outgoing { asked: flow(port), bytes: vec![b'm'; length].into() };
        lengths.iter().copied().zip(1..).map(message).collect()
    }

    #[tokio::test]
    async fn what_waits_is_written_together_up_to_a_limit() {
        let mut peer = Peer { writes: Vec::new(), takes: usize::MAX, breaks_after: usize::MAX };
        let (unsent, why) = spoken(&mut peer, &messages(&[300, 400, JOINED_BYTES, 500])).await;
        assert_eq!((unsent, why), (Vec::new(), Failure::Closed));
        assert_eq!(peer.writes.iter().map(Vec::len).collect::<Vec<_>>(), [700 + JOINED_BYTES, 500]);
    }

    #[tokio::test]
    async fn who_takes_little_at_a_time_gets_all_in_its_order() {
        let mut peer = Peer { writes: Vec::new(), takes: 7, breaks_after: usize::MAX };
        let texts = ["one", "two and two", "three", "four"];
        let asked = texts.map(|text| Outgoing { asked: flow(1), bytes: Bytes::from_static(text.as_bytes()) });
        let (unsent, _) = spoken(&mut peer, &asked).await;
        assert!(unsent.is_empty());
        assert_eq!(peer.heard(), texts.concat().as_bytes());
    }

    #[tokio::test]
    async fn of_messages_written_together_those_that_left_are_not_reported() {
        for (breaks_after, lost) in [(9, 1..=4), (10, 2..=4), (25, 3..=4), (39, 4..=4)] {
            let mut peer = Peer { writes: Vec::new(), takes: 4, breaks_after };
            let (unsent, why) = spoken(&mut peer, &messages(&[10, 10, 10, 10])).await;
            assert_eq!(why, Failure::Broken(io::ErrorKind::ConnectionReset));
            assert_eq!(unsent, lost.map(flow).collect::<Vec<_>>(), "broken after {breaks_after}");
        }
    }
}
