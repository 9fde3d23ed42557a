//! Real loopback sockets, few: what only a socket can show.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;

use super::limits::{CONNECTION_QUEUE, DATAGRAM_BYTES};
use super::{Arrived, BindError, Failure, Listen, Sockets};
use crate::sip::{ConnectionId, Flow, ListenerId, Transport};

const OPTIONS: &[u8] = b"OPTIONS sip:gate SIP/2.0\r\nContent-Length: 0\r\n\r\n";
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_datagram_arrives_with_its_flow_and_the_answer_goes_back() {
    let (mut gate, udp, _) = gate();
    let phone = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    phone.send_to(b"\r\n\r\n", udp).await.unwrap();
    phone.send_to(OPTIONS, udp).await.unwrap();

    let Arrived::Datagram { flow, bytes } = next(&mut gate).await else { panic!("a datagram") };
    assert_eq!(bytes, OPTIONS);
    assert_eq!(flow, Flow::udp(ListenerId(0), phone.local_addr().unwrap()));
    assert_eq!(gate.counts().keep_alives, 1);

    gate.send(flow, &Bytes::from_static(b"SIP/2.0 200 OK\r\n\r\n"));
    gate.leave();
    let mut answer = [0; 64];
    let length = timeout(PATIENCE, phone.recv(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer[..length], b"SIP/2.0 200 OK\r\n\r\n");
}

#[tokio::test]
async fn a_burst_is_taken_in_few_wake_ups_and_in_order() {
    let (mut gate, udp, _) = gate();
    let phone = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for index in 0..100u8 {
        phone.send_to(&[b'a', index], udp).await.unwrap();
    }
    let (mut order, mut wake_ups) = (Vec::new(), 0);
    while order.len() < 100 {
        wake_ups += 1;
        let mut arrived = Some(next(&mut gate).await);
        while let Some(Arrived::Datagram { bytes, .. }) = arrived {
            order.push(bytes[1]);
            arrived = gate.received();
        }
    }
    assert!(order.iter().copied().eq(0..100), "{order:?}");
    assert!(wake_ups <= 10, "{wake_ups} wake-ups for 100 datagrams");
}

#[tokio::test]
async fn a_datagram_too_large_for_udp_is_told() {
    let (mut gate, udp, _) = gate();
    let flow = Flow::udp(ListenerId(0), udp);
    gate.send(flow, &Bytes::from(vec![b'x'; DATAGRAM_BYTES + 1]));
    let Arrived::Failed { flow: failed, why: Failure::Datagram(_) } = next(&mut gate).await else {
        panic!("a failure")
    };
    assert_eq!(failed, flow);
}

#[tokio::test]
async fn frames_and_pings_of_a_connection_are_told_apart_and_answered_on_it() {
    let (mut gate, _, tcp) = gate();
    let mut phone = TcpStream::connect(tcp).await.unwrap();
    let two_and_a_half = [OPTIONS, b"\r\n\r\n", OPTIONS, b"INVITE sip:"].concat();
    phone.write_all(&two_and_a_half).await.unwrap();

    let first = frame(&mut gate).await;
    assert_eq!(frame(&mut gate).await, first);
    assert_eq!(first.remote, phone.local_addr().unwrap());
    assert_eq!((first.transport, first.listener), (Transport::Tcp, ListenerId(1)));
    assert_ne!(first.connection, ConnectionId::NONE);

    gate.send(first, &Bytes::from_static(b"answer"));
    gate.leave();
    let mut heard = vec![0; 8];
    timeout(PATIENCE, phone.read_exact(&mut heard)).await.unwrap().unwrap();
    assert!(heard == b"\r\nanswer" || heard == b"answer\r\n", "{heard:?}");

    drop(phone);
    let Arrived::Closed { flow } = next(&mut gate).await else { panic!("the end") };
    assert_eq!(flow, first);
    gate.send(first, &Bytes::from_static(b"too late"));
    assert!(matches!(next(&mut gate).await, Arrived::Failed { flow, why: Failure::Closed } if flow == first));
}

#[tokio::test]
async fn a_stream_without_lengths_is_told_answered_and_closed() {
    let (mut gate, _, tcp) = gate();
    let mut phone = TcpStream::connect(tcp).await.unwrap();
    phone.write_all(b"OPTIONS sip:gate SIP/2.0\r\n\r\nOPTIONS").await.unwrap();
    let Arrived::Unframed { flow, .. } = next(&mut gate).await else { panic!("a broken stream") };
    gate.send(flow, &Bytes::from_static(b"SIP/2.0 400 Bad Request\r\n\r\n"));
    let mut heard = Vec::new();
    timeout(PATIENCE, phone.read_to_end(&mut heard)).await.unwrap().unwrap();
    assert_eq!(heard, b"SIP/2.0 400 Bad Request\r\n\r\n");
}

#[tokio::test]
async fn requests_to_one_address_share_a_connection() {
    let (mut gate, _, _) = gate();
    let trunk = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let out = outgoing(trunk.local_addr().unwrap());
    gate.send(out, &Bytes::from_static(OPTIONS));
    gate.send(out, &Bytes::from_static(OPTIONS));
    assert_eq!(gate.connection_count(), 1);

    let serve = async {
        let (mut stream, _) = trunk.accept().await.unwrap();
        let mut heard = vec![0; 2 * OPTIONS.len()];
        stream.read_exact(&mut heard).await.unwrap();
        stream.write_all(OPTIONS).await.unwrap();
        stream
    };
    let (stream, back) = tokio::join!(serve, frame(&mut gate));
    assert_eq!(back.remote, out.remote);
    drop(stream);
    assert!(matches!(next(&mut gate).await, Arrived::Closed { flow } if flow == back));
    assert_eq!(gate.connection_count(), 0);
}

#[tokio::test]
async fn a_refused_connection_fails_what_was_to_go_over_it_once_per_flow() {
    let (mut gate, _, _) = gate();
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let out = outgoing(nobody);
    gate.send(out, &Bytes::from_static(OPTIONS));
    gate.send(out, &Bytes::from_static(OPTIONS));
    assert!(
        matches!(next(&mut gate).await, Arrived::Failed { flow, why: Failure::Connect(_) } if flow == out)
    );
    assert!(matches!(next(&mut gate).await, Arrived::Closed { .. }));
    assert!(gate.received().is_none());
}

#[tokio::test]
async fn who_does_not_read_is_cut_off() {
    let (mut gate, _, tcp) = gate();
    let mut phone = TcpStream::connect(tcp).await.unwrap();
    phone.write_all(OPTIONS).await.unwrap();
    let flow = frame(&mut gate).await;
    let large = Bytes::from(vec![b'x'; DATAGRAM_BYTES]);
    // The first sends fill the kernel's buffers, the rest the queue; nobody reads.
    for _ in 0..=CONNECTION_QUEUE {
        gate.send(flow, &large);
    }
    assert!(matches!(next(&mut gate).await, Arrived::Closed { flow: closed } if closed == flow));
    assert!(matches!(gate.received(), Some(Arrived::Failed { why: Failure::SlowReader, .. })));
    assert_eq!(gate.connection_count(), 0);
}

#[tokio::test]
async fn closing_writes_out_what_is_queued() {
    let (mut gate, _, tcp) = gate();
    let mut phone = TcpStream::connect(tcp).await.unwrap();
    phone.write_all(OPTIONS).await.unwrap();
    let flow = frame(&mut gate).await;
    gate.send(flow, &Bytes::from_static(b"SIP/2.0 503 Closing\r\n\r\n"));
    gate.close(PATIENCE).await;
    let mut heard = Vec::new();
    timeout(PATIENCE, phone.read_to_end(&mut heard)).await.unwrap().unwrap();
    assert_eq!(heard, b"SIP/2.0 503 Closing\r\n\r\n");
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let (_gate, udp, _) = gate();
    let again = Sockets::bind(&[Listen { transport: Transport::Udp, address: udp }]);
    let Err(BindError::Refused { address, .. }) = again else { panic!("the address is taken") };
    assert_eq!(address, udp);
}

#[tokio::test]
async fn ipv6_works_beside_ipv4() {
    let address: SocketAddr = "[::1]:0".parse().unwrap();
    let mut gate = Sockets::bind(&[Listen { transport: Transport::Udp, address }]).unwrap();
    let phone = UdpSocket::bind("[::1]:0").await.unwrap();
    phone.send_to(OPTIONS, gate.addresses().next().unwrap()).await.unwrap();
    assert!(matches!(next(&mut gate).await, Arrived::Datagram { .. }));
}

/// A gate on a free UDP and a free TCP port.
fn gate() -> (Sockets, SocketAddr, SocketAddr) {
    let listen = |transport| Listen { transport, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
    let sockets = Sockets::bind(&[listen(Transport::Udp), listen(Transport::Tcp)]).unwrap();
    let addresses: Vec<SocketAddr> = sockets.addresses().collect();
    (sockets, addresses[0], addresses[1])
}

fn outgoing(remote: SocketAddr) -> Flow {
    Flow { transport: Transport::Tcp, listener: ListenerId(1), remote, connection: ConnectionId::NONE }
}

async fn next(gate: &mut Sockets) -> Arrived {
    timeout(PATIENCE, gate.receive()).await.expect("something arrives")
}

async fn frame(gate: &mut Sockets) -> Flow {
    match next(gate).await {
        Arrived::Frame { flow, bytes } => {
            assert_eq!(bytes, OPTIONS);
            flow
        }
        other => panic!("a frame, not {other:?}"),
    }
}
