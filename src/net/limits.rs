//! Every limit of the room, each with its why: what is not bounded here is bounded nowhere.

use std::time::Duration;

/// Largest UDP payload, and with that the largest SIP message over UDP (RFC 3261 §18.1.1).
pub const DATAGRAM_BYTES: usize = 65_535;

/// Four megabytes hold what arrives in 200 ms at 10,000 messages a second; the kernel cuts the wish down to `net.core.rmem_max`.
pub const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// Datagrams taken per socket and wake-up: some five times as many as gather, so that only what comes faster than it is read is left
/// behind, and few enough that timers stay on time: they are ten milliseconds of work.
pub const BATCH: usize = 256;

/// What an ordinary message takes of the kernel's buffer: two KiB and the head that the kernel puts before it.
pub const KERNEL_BYTES_PER_DATAGRAM: usize = 2_304;

/// Datagrams that wait for a full socket buffer to drain. Beyond that the network is not draining, and a retransmission is due anyway.
pub const DATAGRAM_BACKLOG: usize = 1024;

/// Reports of connections that wait for the loop; a full queue stops reading from TCP, which slows the senders down.
pub const REPORTS: usize = 1024;

/// Messages for one connection are joined until they are so many bytes, one TLS record: a longer write would spare little more.
pub const JOINED_BYTES: usize = 16 << 10;

/// Messages that wait for one connection. A peer that leaves so many unread is cut off rather than waited for.
pub const CONNECTION_QUEUE: usize = 256;

/// One file descriptor and some 20 kB each; more phones than this on TCP want a second gate.
pub const CONNECTIONS: usize = 8192;

/// An office behind one address fits; one host that opens sockets for fun does not take everyone's place.
pub const CONNECTIONS_PER_ADDRESS: usize = 1024;

/// Pending connects that the kernel queues.
pub const LISTEN_QUEUE: i32 = 1024;

/// Well below Timer B (32 s), so that the next trunk still gets its turn.
pub const CONNECT: Duration = Duration::from_secs(4);

/// A TLS handshake is two round trips; whoever needs longer is none of ours, and the next trunk still gets its turn.
pub const HANDSHAKE: Duration = Duration::from_secs(4);

/// TLS handshakes of peers at once. Each may cost a signature of a millisecond: more would not be done within [`HANDSHAKE`] anyway.
pub const HANDSHAKES: usize = 1024;

/// An office whose phones all come back at once takes turns; one host alone does not hold up everyone's handshakes.
pub const HANDSHAKES_PER_ADDRESS: usize = 128;

/// A peer that connects says something whole at once, since that is why it connects. Blank lines do not count: they keep alive what is
/// there.
pub const FIRST_WORD: Duration = Duration::from_secs(10);

/// A peer that takes nothing for so long is gone or hostile; Timer F has hardly twice as much.
pub const WRITE: Duration = Duration::from_secs(10);

/// A begun message must end, and whoever we called must say something, within Timer F (RFC 3261 §17.1.2.2).
pub const MESSAGE: Duration = Duration::from_secs(32);

/// Just over an hour, the usual registration: a phone behind NAT without keep-alives stays reachable until it registers again.
pub const IDLE: Duration = Duration::from_secs(3_900);

/// After bytes that cannot be framed: time for the 400 to leave before the connection closes.
pub const LAST_WORD: Duration = Duration::from_secs(2);

/// After a failed accept (no file descriptors left): time for some to come back.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bytes read from a connection at once: a SIP message is rarely more.
pub const READ_BYTES: usize = 8 << 10;

/// TCP's own probes find peers that vanished without a word.
pub const PROBE_AFTER: Duration = Duration::from_secs(120);

/// A name server that says nothing for so long is asked again or passed over; two rounds still end within a retransmitted INVITE.
pub const DNS_PATIENCE: Duration = Duration::from_secs(2);

/// How often each question is put.
pub const DNS_ATTEMPTS: usize = 2;

/// Hosts taken from one set of SRV records: a carrier lists a handful, and each costs a look-up of its own.
pub const HOP_HOSTS: usize = 16;

/// Addresses taken of one host: a call tries no more than a few before the caller gives up.
pub const HOP_ADDRESSES: usize = 8;
