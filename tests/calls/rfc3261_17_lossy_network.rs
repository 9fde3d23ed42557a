//! RFC 3261 §17 over a network that loses, doubles and reorders: every request ends once, and the same seed gives the same log.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use bytes::Bytes;
use tollgate::base::{Moment, Random};
use tollgate::sip::{Flow, Framing, ListenerId, Message, Method, reply};
use tollgate::transaction::{Arrival, Event, ServerId, Timing, Transactions};

use crate::transaction_world::request_text;

const CALLS: u32 = 60;
const CALLER: usize = 0;
const CALLEE: usize = 1;

#[test]
fn every_request_gets_one_final_response_or_one_timeout() {
    for seed in 0..40 {
        let lossy = Network { lost_one_in: 3, doubled_one_in: 5, slowest_millis: 900 };
        let outcome = Run::new(seed, lossy).live_to_the_end();
        for call in 0..CALLS {
            let finals = outcome.finals.get(&call).copied().unwrap_or_default();
            let timeouts = outcome.timeouts.get(&call).copied().unwrap_or_default();
            assert_eq!(
                finals + timeouts,
                1,
                "seed {seed}, request {call}: {finals} finals, {timeouts} timeouts"
            );
            // The other side's user sees each request at most once, however often it was sent.
            assert!(
                outcome.served.get(&call).copied().unwrap_or_default() <= 1,
                "seed {seed}, request {call}"
            );
        }
    }
}

#[test]
fn a_network_that_loses_nothing_times_out_nothing_and_repeats_nothing() {
    let fast = Network { lost_one_in: u64::MAX, doubled_one_in: u64::MAX, slowest_millis: 100 };
    let outcome = Run::new(1, fast).live_to_the_end();
    assert_eq!((outcome.finals.len(), outcome.timeouts.len()), (CALLS as usize, 0));
    assert!(!outcome.log.contains("again"), "{}", outcome.log);
}

#[test]
fn a_network_that_loses_everything_times_out_everything() {
    let dead = Network { lost_one_in: 1, doubled_one_in: u64::MAX, slowest_millis: 1 };
    let outcome = Run::new(1, dead).live_to_the_end();
    assert_eq!((outcome.finals.len(), outcome.timeouts.len()), (0, CALLS as usize));
}

#[test]
fn the_same_seed_gives_the_same_log() {
    let log = |seed| {
        Run::new(seed, Network { lost_one_in: 4, doubled_one_in: 4, slowest_millis: 2_000 })
            .live_to_the_end()
            .log
    };
    assert_eq!(log(11), log(11));
    assert_ne!(log(11), log(12));
}

#[derive(Clone, Copy)]
struct Network {
    lost_one_in: u64,
    doubled_one_in: u64,
    /// Delays are even between nothing and this: later packets overtake earlier ones.
    slowest_millis: u64,
}

/// Two layers back to back. The caller's user sends requests, the callee's answers each at once with a final response, after a
/// provisional one if it is an INVITE. A 2xx to an INVITE the user repeats itself (§13.3.1.4), here without listening for ACKs.
struct Run {
    now: Moment,
    random: Random,
    network: Network,
    /// Payloads are the request's number, on both sides.
    sides: [Transactions<u32, u32>; 2],
    /// Packets under way: when they arrive, in which order they left, at which side.
    under_way: BinaryHeap<Reverse<(Moment, u64, usize, Bytes)>>,
    left: u64,
    /// When the callee's user sends a 2xx again.
    repeats: BinaryHeap<Reverse<(Moment, ServerId, Bytes)>>,
    outcome: Outcome,
}

#[derive(Default)]
struct Outcome {
    finals: BTreeMap<u32, u32>,
    timeouts: BTreeMap<u32, u32>,
    served: BTreeMap<u32, u32>,
    log: String,
}

impl Run {
    fn new(seed: u64, network: Network) -> Run {
        let layer = |side| Transactions::new(Timing::RFC, Random::from_number(seed * 2 + side));
        Run {
            now: Moment::START,
            random: Random::from_number(seed),
            network,
            sides: [layer(0), layer(1)],
            under_way: BinaryHeap::new(),
            left: 0,
            repeats: BinaryHeap::new(),
            outcome: Outcome::default(),
        }
    }

    fn live_to_the_end(mut self) -> Outcome {
        for call in 0..CALLS {
            self.live_until(Moment::START + Duration::from_millis(u64::from(call) * 150));
            self.send_request(call);
            self.drain();
        }
        self.live_until(Moment::from_micros(u64::MAX));
        assert!(self.sides.iter().all(|side| side.count() == (0, 0)), "something never ended");
        self.outcome
    }

    /// Packets and deadlines in the order of time, up to a moment or until nothing is left.
    fn live_until(&mut self, end: Moment) {
        loop {
            let packet = self.under_way.peek().map(|Reverse((at, ..))| *at);
            let repeat = self.repeats.peek().map(|Reverse((at, ..))| *at);
            let alarm = self.sides.iter().filter_map(Transactions::next_deadline).min();
            let Some(next) = packet.into_iter().chain(repeat).chain(alarm).min().filter(|next| *next <= end)
            else {
                break;
            };
            self.now = self.now.max(next);
            self.sides.iter_mut().for_each(|side| side.advance(self.now));
            while self.repeats.peek().is_some_and(|Reverse((at, ..))| *at <= self.now) {
                if let Some(Reverse((_, server, bytes))) = self.repeats.pop() {
                    self.sides[CALLEE].respond(self.now, server, 200, bytes);
                }
            }
            while self.under_way.peek().is_some_and(|Reverse((at, ..))| *at <= self.now) {
                if let Some(Reverse((_, _, side, bytes))) = self.under_way.pop() {
                    self.arrive(side, bytes);
                }
            }
            self.drain();
        }
        if end < Moment::from_micros(u64::MAX) {
            self.now = end;
        }
    }

    fn send_request(&mut self, call: u32) {
        let method = if call.is_multiple_of(2) { Method::Invite } else { Method::Options };
        let layer = &mut self.sides[CALLER];
        let branch = layer.new_branch(0);
        let text = request_text(
            method.as_str(),
            "192.0.2.100:5060",
            branch.as_str(),
            &format!("call-{call}"),
            call + 1,
        );
        layer.request(self.now, wire(), method, &branch, text.into(), call);
    }

    fn arrive(&mut self, side: usize, bytes: Bytes) {
        let message = Message::parse(bytes, Framing::Datagram).expect("a message of ours");
        let arrival = self.sides[side].receive(self.now, wire(), &message);
        match arrival {
            Arrival::Request(server) => {
                let call = message.cseq() - 1;
                *self.outcome.served.entry(call).or_default() += 1;
                assert!(self.sides[side].set_server(server, call));
                let refused = if call.is_multiple_of(4) { 486 } else { 200 };
                let provisional = (message.method() == Method::Invite).then_some(180);
                for status in provisional.into_iter().chain([refused]) {
                    self.answer(server, &message, status);
                }
            }
            Arrival::Response { client } if message.status() >= 200 => {
                let call = *self.sides[side].client(client).expect("a response finds its payload");
                let heard = self.outcome.finals.entry(call).or_default();
                // Every 2xx of an accepted INVITE is told; here there is one, so they are repeats.
                let repeat = message.method() == Method::Invite && message.status() == 200 && *heard > 0;
                *heard += u32::from(!repeat);
            }
            Arrival::Response { .. }
            | Arrival::Absorbed
            | Arrival::Ack2xx
            | Arrival::StrayResponse
            | Arrival::NoRoom
            | Arrival::Cancel { .. } => {}
        }
        self.log(side, &format!("{arrival:?}"));
    }

    fn answer(&mut self, server: ServerId, request: &Message, status: u16) {
        let bytes = reply(request, status, "", "callee", &[]);
        if request.method() == Method::Invite && status == 200 {
            for millis in [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500] {
                self.repeats.push(Reverse((self.now + Duration::from_millis(millis), server, bytes.clone())));
            }
        }
        assert!(self.sides[CALLEE].respond(self.now, server, status, bytes));
    }

    fn drain(&mut self) {
        for side in [CALLER, CALLEE] {
            while let Some(event) = self.sides[side].next_event() {
                match event {
                    Event::Send { bytes, retransmission, .. } => {
                        self.log(side, if retransmission { "again" } else { "out" });
                        self.carry(1 - side, &bytes);
                    }
                    Event::TimedOut { payload, .. } => {
                        self.log(side, &format!("{payload} timed out"));
                        *self.outcome.timeouts.entry(payload).or_default() += 1;
                    }
                    other => self.log(side, &format!("{other:?}")),
                }
            }
        }
    }

    fn carry(&mut self, to: usize, bytes: &Bytes) {
        let copies = if self.random.one_in(self.network.doubled_one_in) { 2 } else { 1 };
        for _ in 0..copies {
            if !self.random.one_in(self.network.lost_one_in) {
                let delay = Duration::from_micros(1 + self.random.below(self.network.slowest_millis * 1_000));
                self.left += 1;
                self.under_way.push(Reverse((self.now + delay, self.left, to, bytes.clone())));
            }
        }
    }

    fn log(&mut self, side: usize, what: &str) {
        self.outcome.log.push_str(&format!("{} {side} {what}\n", self.now));
    }
}

fn wire() -> Flow {
    Flow::udp(ListenerId(0), "192.0.2.1:5060".parse().unwrap())
}
