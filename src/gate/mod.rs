//! The gate: one call from its INVITE to its settled money, split by stage. Values in, values out: no socket, no clock, no store.

mod alarm;
mod answer;
mod asserted;
mod budget;
mod call;
mod caller_id;
mod capacity;
mod costs;
mod cutoff;
mod doorstep;
mod enquiry;
mod event;
mod foresee;
mod fraud;
mod give_up;
mod health;
mod homes;
mod identify;
mod in_dialog;
mod invite;
mod life;
mod live;
mod locate;
mod lockout;
mod long_request;
mod look_up;
mod meter;
mod money;
mod orphan;
mod out_of_dialog;
mod overload;
mod papers;
mod parting;
mod payload;
mod ports;
mod probe;
mod re_invite;
mod recovery;
mod refuse;
mod register_through;
mod registered;
mod relay;
mod replace;
mod review;
mod search;
mod setup;
mod sips;
mod spoken;
mod ticket;
mod transfer;
mod trunk_login;
mod trunk_registration;
mod warning;

pub use budget::{account, budget_line};
pub use costs::Costs;
pub use event::{Emergency, Ended, Event, Judged};
pub use foresee::{Bound, Intended, Means, foresee};
pub use fraud::FraudLock;
pub use health::Rest;
pub use look_up::LookedUp;
pub use ports::{Input, Output};
pub use registered::SavedRegistrations;
pub use setup::{Credential, Limits, Pbx, Peer, PeerKind, Snapshot};

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use ahash::RandomState;
use bytes::Bytes;

use crate::base::{IdSource, Moment, Now, Random, ReservationId, Slab, Wheel, next_after_rush};
use crate::dialog::DialogKeys;
use crate::ledger;
use crate::proxy::Located;
use crate::registrar::{Registrar, Through};
use crate::sip::digest::Challenger;
use crate::sip::{ConnectionId, Flow, Message, Method};
use crate::transaction::{self, Arrival, ServerId, Timing, Transactions};

pub use warning::Ending;

use call::{Call, CallKey};
use fraud::Fraud;
use health::Health;
use live::Live;
use lockout::Lockout;
use look_up::LookUps;
use overload::Overload;
use papers::Papers;
use parting::Partings;
use payload::{Asked, Sent};
use relay::Marks;
use spoken::Spoken;
use ticket::Tickets;
use trunk_registration::TrunkRegistration;

/// Codes of `Event::Rejected` beside those of the proxy core: a closed set, for metric labels.
pub const REJECTIONS: [&str; 8] = [
    "unknown_dialog",
    "stale_bye",
    "foreign_registration",
    "source_locked",
    "method",
    "overload",
    "stray_response",
    "transfer",
];

/// The whole of Tollgate's judgement and memory, driven by one owner.
pub struct Gate {
    setup: Arc<Snapshot>,
    transactions: Transactions<Asked, Sent>,
    registrar: Registrar<Arc<str>>,
    through: Through<Arc<str>>,
    trunk_registrations: Vec<TrunkRegistration>,
    calls: Slab<Call>,
    dialogs: Spoken,
    reservations: HashMap<ReservationId, CallKey, RandomState>,
    /// How many calls are not over; the others are only remembered for a while.
    in_progress: usize,
    /// The gate is going down: no new calls but for help.
    closes: bool,
    /// The live calls of each holder: concurrency is the size of this set (R68).
    live: Live,
    alarms: Wheel<CallKey>,
    partings: Partings,
    /// Where the trunks' names lead to.
    located: Located,
    /// The trunks that have proved themselves by certificate, by connection, until it closes.
    proved: HashMap<ConnectionId, Arc<str>, RandomState>,
    health: Health,
    keys: DialogKeys,
    loop_keys: RandomState,
    marks: Marks,
    challenger: Challenger,
    lockout: Lockout,
    overload: Overload,
    fraud: Fraud,
    tickets: Tickets,
    look_ups: LookUps,
    ids: IdSource,
    random: Random,
    papers: Papers,
    outputs: VecDeque<Output>,
}

impl Gate {
    pub fn new(setup: Arc<Snapshot>, timing: Timing, mut random: Random) -> Gate {
        let mut hasher = || RandomState::with_seeds(random.u64(), random.u64(), random.u64(), random.u64());
        let (dialogs, reservations, live) = (hasher(), hasher(), hasher());
        let (locks, loop_keys, habits, located, health) = (hasher(), hasher(), hasher(), hasher(), hasher());
        let (subjects, proved, partings) = (hasher(), hasher(), hasher());
        let through = Through::new(hasher(), hasher());
        let mut gate = Gate {
            transactions: Transactions::new(timing, Random::from_seed(random.seed())),
            registrar: Registrar::new(setup.limits.registrations),
            through,
            trunk_registrations: Vec::new(),
            calls: Slab::new(),
            dialogs: Spoken::with_hasher(dialogs),
            reservations: HashMap::with_hasher(reservations),
            in_progress: 0,
            closes: false,
            live: Live::with_hasher(live),
            alarms: Wheel::new(),
            partings: Partings::with_hasher(partings),
            located: Located::with_hasher(located),
            proved: HashMap::with_hasher(proved),
            health: Health::new(health),
            keys: DialogKeys::new(&mut random),
            loop_keys,
            marks: Marks::new(random.seed()),
            challenger: setup.challenger(random.seed()),
            lockout: Lockout::new(setup.limits.thresholds(), locks),
            overload: Overload::default(),
            fraud: Fraud::new(habits),
            tickets: Tickets::default(),
            look_ups: LookUps::new(subjects),
            ids: IdSource::new(&mut random),
            papers: Papers::default(),
            outputs: VecDeque::new(),
            setup,
            random,
        };
        gate.follow_trunks();
        gate
    }

    /// Takes one input; drain `next_output` afterwards.
    pub fn handle(&mut self, now: Now, input: Input) {
        match input {
            Input::Received { flow, message: Ok(message) } => self.receive(now, flow, message),
            Input::Received { flow, message: Err(malformed) } => self.receive_malformed(flow, &malformed),
            Input::LedgerReplied(reply) => self.ledger_replied(now, reply),
            Input::LookedUp { database, number, answer } => self.looked_up(now, database, number, answer),
            Input::TransportFailed { flow } => self.transactions.transport_failed(flow),
            Input::ConnectionClosed { flow } => {
                self.transactions.transport_failed(flow);
                self.proved.remove(&flow.connection);
                self.registrar.connection_lost(flow.connection);
                self.through.connection_lost(flow.connection);
            }
            Input::Proved { flow, trunk } => drop(self.proved.insert(flow.connection, trunk)),
            Input::Located { server, hops } => self.locate(now, server, hops),
        }
        self.take_transaction_events(now);
    }

    /// Does what time alone makes due.
    pub fn advance(&mut self, now: Now) {
        self.transactions.advance(now.moment);
        self.take_transaction_events(now);
        self.look_after_trunks(now);
        self.sound_alarms(now);
        self.give_up_relayed(now);
        self.give_up_look_ups(now);
        self.registrar.expire(now.moment);
        self.through.expire(now.moment);
        self.register_at_trunks(now);
        self.take_transaction_events(now);
    }

    /// When `advance` must be called though nothing else happens.
    pub fn next_deadline(&self) -> Option<Moment> {
        let deadlines = [
            self.transactions.next_deadline(),
            self.alarms.next_deadline(),
            self.registrar.next_deadline(),
            self.through.next_deadline(),
            self.next_trunk_registration(),
            self.marks.next_deadline(),
            self.health.next_deadline(),
            self.look_ups.next_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    pub fn next_output(&mut self) -> Option<Output> {
        next_after_rush(&mut self.outputs)
    }

    /// Replaces policy, tariffs and settings, and gives back the old ones. Calls in progress keep their prices; within a second they
    /// are judged anew and their money is counted anew (R76). Limits of the registrar, the lock of sources and T1 to T4 stay.
    pub fn replace_setup(&mut self, now: Now, setup: Arc<Snapshot>) -> Arc<Snapshot> {
        self.look_ups.carry_over(&self.setup, &setup);
        for call in self.calls.iter_mut() {
            call.permit.carry_over(&self.setup.policy, &setup.policy);
        }
        let asks_as_before = self.setup.realm == setup.realm
            && self.setup.limits.digest == setup.limits.digest
            && self.setup.limits.nonce_life == setup.limits.nonce_life;
        if !asks_as_before {
            self.challenger = setup.challenger(self.random.seed());
        }
        let setup = self.at_known_places(setup);
        self.health.outdated();
        let old = std::mem::replace(&mut self.setup, setup);
        self.follow_trunks();
        self.review_calls(now);
        old
    }

    /// The gate is going down: from now on new calls get 503, but for help (R41).
    pub fn take_no_new_calls(&mut self) {
        self.closes = true;
    }

    /// Ends every call, since the gate is going down: BYE or CANCEL to both sides, and what was talked is settled. Whoever is helped is
    /// left, as by `leave_calls` (R41).
    pub fn end_all_calls(&mut self, now: Now) {
        self.part_with_calls(now, |call| call.permit.emergency());
    }

    /// The gate goes down and calls go on, for the next run to take up: what it must know of them is written once more. Those that nobody
    /// has answered end, since nobody would hear the answer.
    pub fn leave_calls(&mut self, now: Now) {
        self.part_with_calls(now, |_| true);
    }

    fn part_with_calls(&mut self, now: Now, goes_on: impl Fn(&Call) -> bool) {
        self.end_look_ups(now);
        let live: Vec<CallKey> =
            self.calls.iter().filter(|(_, call)| call.over.is_none()).map(|(key, _)| key).collect();
        for key in live {
            if self.calls.at(key).is_some_and(|call| call.is_answered() && goes_on(call)) {
                self.remember(now, key);
            } else {
                self.cut(now, key, ledger::EndCause::Lost);
            }
        }
        self.take_transaction_events(now);
    }

    /// Calls that are not over.
    pub fn calls_in_progress(&self) -> usize {
        self.in_progress
    }

    /// What is remembered of calls, for about a minute also of those that are over: calls, dialogs, reservations.
    pub fn remembered(&self) -> (usize, usize, usize) {
        (self.calls.len(), self.dialogs.len(), self.reservations.len())
    }

    /// Whether the trunk has an address, and not all of them have failed of late.
    pub fn is_trunk_up(&self, trunk: &str) -> bool {
        self.health.is_up(trunk)
    }

    /// What verdicts depend on at present.
    pub fn setup(&self) -> &Snapshot {
        &self.setup
    }

    /// Server and client transactions alive.
    pub fn transactions_open(&self) -> (usize, usize) {
        self.transactions.count()
    }

    fn receive(&mut self, now: Now, flow: Flow, message: Message) {
        if self.is_unwelcome(now, flow, &message) {
            return self.tell(Event::Rejected { code: "source_locked", status: 0 });
        }
        let is_too_much = self.is_too_much(now, flow, &message);
        match self.transactions.receive_unless(now.moment, flow, &message, is_too_much) {
            Arrival::Absorbed => self.tell(Event::Absorbed),
            Arrival::StrayResponse => {
                if !self.pass_late_answer(flow, &message) && !self.send_home(now, flow, &message) {
                    self.tell(Event::StrayResponse);
                }
            }
            Arrival::Ack2xx => self.acknowledge(now, flow, &message),
            Arrival::NoRoom => self.no_room(flow, &message),
            Arrival::Cancel { cancel, invite } => self.cancel_by_caller(now, cancel, invite, &message),
            Arrival::Response { client } => self.receive_response(now, flow, client, message),
            Arrival::Request(server) => self.receive_request(now, flow, server, message),
        }
    }

    /// A request that is not a retransmission, by what it is part of.
    fn receive_request(&mut self, now: Now, flow: Flow, server: ServerId, message: Message) {
        let is_within = message.to_tag().is_some() || self.is_within_old_dialog(&message);
        match (is_within, message.method()) {
            (true, _) => self.in_dialog(now, flow, server, &message),
            (false, Method::Invite) => self.invite(now, flow, server, message),
            (false, Method::Register) => self.register(now, flow, server, &message),
            (false, _) => self.out_of_dialog(now, flow, server, &message),
        }
    }

    /// A request towards a caller of RFC 2543 that has no tag (RFC 3261 §12.1.1).
    fn is_within_old_dialog(&self, message: &Message) -> bool {
        !matches!(message.method(), Method::Invite | Method::Register)
            && self.dialogs.has(&self.keys.of_message(message))
    }

    fn take_transaction_events(&mut self, now: Now) {
        while let Some(event) = self.transactions.next_event() {
            match event {
                transaction::Event::Send { flow, bytes, retransmission } => {
                    if retransmission {
                        self.tell(Event::Retransmitted);
                    }
                    self.outputs.push_back(Output::Send { flow, bytes });
                }
                transaction::Event::TimedOut { client, payload } => {
                    self.client_failed(now, client, payload, 408)
                }
                transaction::Event::TransportFailed { client, payload } => {
                    self.client_failed(now, client, payload, 503)
                }
                transaction::Event::ClientGone { payload: Sent::Branch(key), .. } => self.drop_invite(key),
                transaction::Event::ServerTimedOut { .. }
                | transaction::Event::ClientGone { .. }
                | transaction::Event::ServerGone { .. } => {}
            }
        }
    }

    /// Answers a request, or passes an answer on.
    fn respond(&mut self, now: Now, server: ServerId, status: u16, bytes: Bytes) {
        if self.transactions.respond(now.moment, server, status, bytes) {
            self.tell(Event::Answer { status });
        }
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn send(&mut self, flow: Flow, bytes: Bytes) {
        self.outputs.push_back(Output::Send { flow, bytes });
    }
}
