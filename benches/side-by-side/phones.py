"""Both ends of the calls of `measure streams`: a caller and a trunk in one thread, over UDP, TCP or TLS, one connection each.

A call is INVITE, 100, 180, 50 ms, 200, ACK, 200 ms, BYE, 200, as in the harness. INVITEs are spaced evenly, each message leaves
by a write of its own, and nothing is sent twice: on loopback nothing is lost, and a call that is not completed spoils the run. The TLS
of Debian's SIPp is not compiled in, hence this. Python 3.11, standard library only.
"""
import gc
import heapq
import itertools
import select
import socket
import ssl
import time

RING_S, TALK_S = 0.050, 0.200
READ = 1 << 16
SDP = ("v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 8 101\r\n"
       "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=sendrecv\r\n")
COPIED = {"via", "record-route", "from", "to", "call-id", "cseq"}


class Phones:
    """`gate`, `caller`, `trunk`: (host, port) each. `pairs`: who calls which number, taken in turn."""

    def __init__(self, transport, gate, caller, trunk, pairs, certificates):
        self.transport, self.gate, self.caller, self.trunk = transport, gate, caller, trunk
        self.pairs, self.certificates = itertools.cycle(pairs), certificates
        self.due, self.order, self.number = [], itertools.count(), itertools.count(1)
        self.calls, self.rung = {}, set()
        self.completed = self.refused = 0
        self.listener, self.trunk_end = None, None
        if transport == "udp":
            self.caller_end, self.trunk_end = datagrams(caller, gate), datagrams(trunk, None)
        else:
            self.listener = socket.create_server(trunk, backlog=8)
            self.caller_end = Stream(self.dial())
        self.ends = {end.socket: (end, took) for end, took in [(self.caller_end, self.caller_hears), (self.trunk_end, self.trunk_hears)] if end}
        if self.listener:
            self.ends[self.listener] = (None, None)

    def close(self):
        for one in self.ends:
            one.close()

    def place(self, count, rate):
        """Places the calls and waits for their ends, though not for ever; how many were completed."""
        before, began, placed = self.completed, time.perf_counter(), 0
        last = began + count / rate + 10
        gc.disable()
        while self.completed + self.refused - before < count and time.perf_counter() < last:
            now = time.perf_counter()
            while placed < count and began + placed / rate <= now:
                self.invite()
                placed += 1
            while self.due and self.due[0][0] <= now:
                heapq.heappop(self.due)[2]()
            waits = [self.due[0][0]] if self.due else []
            if placed < count:
                waits.append(began + placed / rate)
            self.listen(max(0.0, min(waits, default=now + 0.1) - time.perf_counter()))
        gc.enable()
        return self.completed - before

    def listen(self, wait):
        for one in select.select(list(self.ends), [], [], wait)[0]:
            end, took = self.ends[one]
            if end:
                for head in end.read():
                    took(head)
            else:
                self.accept()

    def later(self, seconds, do):
        heapq.heappush(self.due, (time.perf_counter() + seconds, next(self.order), do))

    # ------------------------------------------------------------ the caller

    def invite(self):
        user, number = next(self.pairs)
        key, (host, port) = f"{next(self.number)}-{self.transport}@{self.caller[0]}", self.caller
        who = f"From: <sip:{user}@tollgate.test>;tag={key[:8]}F\r\n"
        self.calls[key] = who
        self.caller_end.write(
            f"INVITE sip:{number}@{self.gate[0]}:{self.gate[1]} SIP/2.0\r\n{self.via(key, 1)}{who}To: <sip:{number}@tollgate.test>\r\n"
            f"Call-ID: {key}\r\nCSeq: 1 INVITE\r\nContact: <sip:{user}@{host}:{port};transport={self.transport}>\r\nMax-Forwards: 70\r\n"
            "User-Agent: tg-bench\r\n" + body(host, 20000))

    def caller_hears(self, head):
        status, fields = int(head[0][8:11]), read_fields(head)
        key = value(fields, "call-id")
        if status < 200 or key not in self.calls:
            return
        if value(fields, "cseq").endswith("BYE"):
            del self.calls[key]
            self.completed += 1
        elif status == 200:
            routes = "".join(f"Route: {route}\r\n" for route in reversed(values(fields, "record-route")))
            target = value(fields, "contact").split("<")[1].split(">")[0]
            to = value(fields, "to")
            self.caller_end.write(self.inside("ACK", 1, 2, key, target, routes, to))
            self.later(TALK_S, lambda: self.caller_end.write(self.inside("BYE", 2, 3, key, target, routes, to)))
        else:
            del self.calls[key]
            self.refused += 1

    def inside(self, method, cseq, branch, key, target, routes, to):
        return (f"{method} {target} SIP/2.0\r\n{self.via(key, branch)}{routes}{self.calls[key]}To: {to}\r\nCall-ID: {key}\r\n"
                f"CSeq: {cseq} {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")

    def via(self, key, branch):
        return f"Via: SIP/2.0/{self.transport.upper()} {self.caller[0]}:{self.caller[1]};branch=z9hG4bK{key.split('@')[0]}-{branch}\r\n"

    # ------------------------------------------------------------ the trunk

    def accept(self):
        stream, _ = self.listener.accept()
        if self.transport == "tls":
            stream = self.server_side().wrap_socket(stream, server_side=True)
        self.trunk_end = Stream(stream)
        self.ends[stream] = (self.trunk_end, self.trunk_hears)

    def trunk_hears(self, head):
        method, fields = head[0].split(" ", 1)[0], read_fields(head)
        host, port = self.trunk
        contact = f"Contact: <sip:uas@{host}:{port};transport={self.transport}>\r\n"
        if method == "INVITE":
            key = value(fields, "call-id")
            if key in self.rung:
                return
            self.rung.add(key)
            kept, end = copied(fields, ";tag=T1"), self.trunk_end
            end.write(f"SIP/2.0 180 Ringing\r\n{kept}{contact}Content-Length: 0\r\n\r\n")
            self.later(RING_S, lambda: end.write(f"SIP/2.0 200 OK\r\n{kept}{contact}{body(host, 30000)}"))
        elif method == "BYE":
            self.rung.discard(value(fields, "call-id"))
            self.trunk_end.write(f"SIP/2.0 200 OK\r\n{copied(fields, '')}Content-Length: 0\r\n\r\n")
        elif method == "OPTIONS":
            self.trunk_end.write(f"SIP/2.0 200 OK\r\n{copied(fields, ';tag=T1')}Content-Length: 0\r\n\r\n")

    # ------------------------------------------------------------ TLS

    def dial(self):
        stream = socket.create_connection(self.gate, timeout=10, source_address=(self.caller[0], 0))
        if self.transport == "tls":
            believed = ssl.create_default_context(cafile=f"{self.certificates}/ca.pem")
            stream = believed.wrap_socket(stream, server_hostname=self.gate[0])
        return stream

    def server_side(self):
        shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        shown.load_cert_chain(f"{self.certificates}/peer.pem", f"{self.certificates}/peer.key")
        return shown


def datagrams(own, peer):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    one.bind(own)
    one.setblocking(False)
    return Datagrams(one, peer)


class Datagrams:
    def __init__(self, one, peer):
        self.socket, self.peer = one, peer

    def read(self):
        while True:
            try:
                data, self.peer = self.socket.recvfrom(READ)
            except BlockingIOError:
                return
            yield data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")

    def write(self, text):
        self.socket.sendto(text.encode("latin-1"), self.peer)


class Stream:
    """A TCP or TLS connection, cut by Content-Length."""

    def __init__(self, one):
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.setblocking(False)
        self.socket, self.buffer = one, b""

    def read(self):
        while True:
            try:
                data = self.socket.recv(READ)
            except (BlockingIOError, ssl.SSLWantReadError):
                break
            if not data:
                raise RuntimeError("the gate has closed the connection")
            self.buffer += data
        while True:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            lines = head.decode("latin-1").split("\r\n")
            length = int(value(read_fields(lines), "content-length"))
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            yield lines

    def write(self, text):
        data = text.encode("latin-1")
        while data:
            try:
                data = data[self.socket.send(data):]
            except (BlockingIOError, ssl.SSLWantWriteError):
                select.select([], [self.socket], [], 1)


def body(host, port):
    sdp = SDP.format(host=host, port=port)
    return f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}"


def read_fields(lines):
    return [(name.strip().lower(), text.strip()) for name, _, text in (line.partition(":") for line in lines[1:])]


def value(fields, wanted):
    return next(text for name, text in fields if name == wanted)


def values(fields, wanted):
    return [text for name, text in fields if name == wanted]


def copied(fields, tag):
    """What a response takes over from its request (RFC 3261 §8.2.6.2)."""
    return "".join(f"{name}: {text}{tag if name == 'to' else ''}\r\n" for name, text in fields if name in COPIED)
