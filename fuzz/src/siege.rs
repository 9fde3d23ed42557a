//! The gate of the test world with everybody in it, driven message by message, and what must hold after each.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tollgate::app::LeftOver;
use tollgate::base::{Moment, Now, Random};
use tollgate::gate::{Gate, Input, Output, Snapshot};
use tollgate::sip::{Fault, Flow, Framing, ListenerId, Message, Method};
use tollgate::store::{RecordFilter, Reports};
use tollgate::transaction::Timing;

use super::world::company::endpoints;
use super::world::desk::Desk;
use super::world::endpoint::Endpoint;
use super::world::script::Words;
use super::world::text::Text;
use super::world::titles::closing_record;
use super::world::watch::Watch;
use super::world::{Company, Mood};

/// A Monday, 10:00 in Berlin.
const ZERO_UNIX_SECONDS: i64 = 1_772_442_000;
const MARK_KEY: [u8; 32] = [7; 32];
/// Those who are registered from the beginning.
const PHONES: usize = 8;
/// A message makes at most so many leave: a call to a person rings each of her phones, an end goes to both sides.
const SENDS_MAX: usize = 24;
/// Nobody unproved gets more than so many times what he sent (RFC 3261 §26.3.2.4), and the shortest request has a whole answer.
const AMPLIFICATION_MAX: usize = 3;
const ANSWER_SHORTEST: usize = 600;
/// What the parties answer by themselves within one step.
const ANSWERS_MAX: usize = 200;
/// Messages that a stranger may have seen.
const OVERHEARD_MAX: usize = 64;
/// How long the world may take to come to rest: a call for help in which nobody says a word is remembered for a day.
const REST_LONGEST: Duration = Duration::from_secs(25 * 3600);
/// After the settings: that of every day, and one that takes from everybody.
static RULES: LazyLock<[Arc<Snapshot>; 2]> = LazyLock::new(|| [rich().snapshot(), poor().snapshot()]);

fn rich() -> Company {
    Company::new().daily("alice", "2.40").daily("bob", "1.00").daily("carol", "6.00")
}

fn poor() -> Company {
    Company::new().daily("alice", "0.60").daily("bob", "0.10").daily("carol", "1.20").with(|company| {
        company.person("frank").locked = true;
        company.person("bob").roles.clear();
    })
}

/// Where a message comes from.
#[derive(Clone, Copy, Debug)]
pub enum Sender {
    /// One of the world's parties, by its place.
    Party(usize),
    /// Somebody on the Internet.
    Stranger(u8),
}

/// The message because of which others leave.
#[derive(Clone, Copy)]
struct Cause {
    flow: Flow,
    is_response: bool,
    is_read: bool,
}

pub struct Siege {
    gate: Gate,
    now: Now,
    runs: u64,
    desk: Desk,
    watch: Watch,
    parties: Vec<Endpoint>,
    overheard: Vec<Bytes>,
    /// Bytes of each stranger and bytes for him.
    strangers: BTreeMap<SocketAddr, (usize, usize, usize)>,
}

impl Siege {
    pub fn begin() -> Siege {
        let utc: DateTime<Utc> = DateTime::from_timestamp(ZERO_UNIX_SECONDS, 0).expect("an instant");
        let mut siege = Siege {
            gate: Gate::new(Arc::clone(&RULES[0]), Timing::RFC, Random::from_number(1)),
            now: Now::new(Moment::START, utc),
            runs: 1,
            desk: Desk::new(Duration::from_millis(4)),
            watch: Watch::default(),
            parties: endpoints(),
            overheard: Vec::new(),
            strangers: BTreeMap::new(),
        };
        siege.gate.follow_earlier_run(MARK_KEY, siege.now);
        for who in (0..PHONES).flat_map(|who| [who, who]) {
            if let Some((who, bytes)) = siege.say(who, &Words::read("REGISTER")) {
                siege.receive(Sender::Party(who), bytes);
            }
        }
        siege.wait(Duration::from_secs(10));
        siege
    }

    pub fn party(&self, who: usize) -> Sender {
        Sender::Party(who % self.parties.len())
    }

    /// What a party says, if it has something to say it about.
    pub fn say(&mut self, who: usize, words: &Words) -> Option<(usize, Bytes)> {
        let who = who % self.parties.len();
        // Each fork is paid (R67), and only the first has money set aside.
        if words.value("tag").is_some() {
            self.watch.allow_overruns();
        }
        self.parties[who].say(words).ok().map(|bytes| (who, bytes))
    }

    pub fn overheard(&self, place: usize) -> Option<Bytes> {
        let count = self.overheard.len();
        (count > 0).then(|| self.overheard[place % count].clone())
    }

    /// A message comes to the gate, and all that follows at once.
    pub fn receive(&mut self, sender: Sender, bytes: Bytes) {
        let mut waiting = VecDeque::from([(sender, bytes)]);
        for _ in 0..ANSWERS_MAX {
            let Some((sender, bytes)) = waiting.pop_front() else { return };
            waiting.extend(self.hand_in(sender, bytes));
        }
        panic!("the gate and its parties do not stop talking");
    }

    fn hand_in(&mut self, sender: Sender, bytes: Bytes) -> Vec<(Sender, Bytes)> {
        let flow = match sender {
            Sender::Party(who) => self.parties[who].flow,
            Sender::Stranger(number) => stranger(number),
        };
        if self.overheard.len() < OVERHEARD_MAX {
            self.overheard.push(bytes.clone());
        }
        let framing = if flow.transport.is_reliable() { Framing::Stream } else { Framing::Datagram };
        let length = bytes.len();
        let message = Message::parse(bytes, framing).map(|message| message.arrived_from(flow.remote));
        let cause = Cause {
            flow,
            is_response: message.as_ref().is_ok_and(|message| !message.is_request()),
            is_read: message.is_ok(),
        };
        if is_stranger(flow) {
            let (sent, _, count) = self.strangers.entry(flow.remote_host()).or_default();
            (*sent, *count) = (*sent + length, *count + 1);
        }
        self.gate.handle(self.now, Input::Received { flow, message });
        self.carry_out(Some(cause))
    }

    /// Does what the gate wants; what the parties answer by themselves comes back.
    fn carry_out(&mut self, cause: Option<Cause>) -> Vec<(Sender, Bytes)> {
        let (mut answers, mut sends) = (Vec::new(), 0);
        while let Some(output) = self.gate.next_output() {
            match output {
                Output::Send { flow, bytes } => {
                    sends += 1;
                    self.leaves(cause, flow, &bytes);
                    answers.extend(self.deliver(flow, &bytes));
                }
                Output::Ledger(command) => {
                    hold(self.watch.command(&command));
                    if let Some(record) = closing_record(&command) {
                        assert!(record.end_cause.is_some(), "an end without a cause");
                    }
                    self.desk.take(self.now.moment, command);
                }
                Output::LookUp { .. } => panic!("nobody here can be asked"),
                Output::Event(event) => hold(self.watch.event(&event)),
            }
        }
        assert!(cause.is_none() || sends <= SENDS_MAX, "{sends} messages leave because of one");
        answers
    }

    /// What must hold for each message that leaves.
    fn leaves(&mut self, cause: Option<Cause>, flow: Flow, bytes: &Bytes) {
        // Requests go to a stranger only in a call that he has answered by its branch, as below.
        if is_stranger(flow) && bytes.starts_with(b"SIP/2.0") {
            let (sent, heard, count) = self.strangers.entry(flow.remote_host()).or_default();
            *heard += bytes.len();
            let most = *sent * AMPLIFICATION_MAX + *count * ANSWER_SHORTEST;
            assert!(*heard <= most, "a stranger sent {sent} bytes and gets {heard}");
        }
        // Whoever can read the branch of a request can answer it from anywhere (§17.1.3): he is no stranger to its call.
        if let Some(cause) = cause.filter(|cause| is_stranger(cause.flow) && !cause.is_response) {
            assert_eq!(
                cause.flow.remote.ip(),
                flow.remote.ip(),
                "a stranger reaches somebody: {}",
                text(bytes)
            );
        }
        match Message::parse(bytes.clone(), Framing::Datagram) {
            // After a kill a callee may repeat its 2xx, and nobody but the gate knows which call was written (R91).
            Ok(message) if self.runs > 1 && !message.is_request() => {}
            Ok(message) => hold(self.watch.leaves(&gist(&message))),
            // The refusal of what cannot be read repeats its lines.
            Err(_) if cause.is_some_and(|cause| !cause.is_read) => {}
            Err(malformed) => {
                let is_at_a_limit = matches!(
                    malformed.fault,
                    Fault::TooLong | Fault::TooManyHeaders | Fault::TooManyValues(_)
                );
                assert!(is_at_a_limit, "{}: {}", malformed.fault, text(bytes));
            }
        }
    }

    fn deliver(&mut self, flow: Flow, bytes: &Bytes) -> Option<(Sender, Bytes)> {
        let who = self.parties.iter().position(|party| party.flow == flow)?;
        if !is_plain(bytes) {
            return None;
        }
        self.parties[who].hear(bytes).map(|answer| (Sender::Party(who), answer))
    }

    pub fn wait(&mut self, span: Duration) {
        let end = self.now.moment + span;
        while let Some(next) = self.next_deadline().filter(|next| *next <= end) {
            assert!(
                next >= self.now.moment || self.gate.next_deadline().is_some(),
                "an hour that has struck"
            );
            self.now = self.now.after(next.since(self.now.moment));
            match self.desk.answer(self.now.moment) {
                Some(reply) => {
                    hold(self.watch.budgets(self.desk.book()));
                    hold(self.watch.reply(&reply));
                    self.gate.handle(self.now, Input::LedgerReplied(reply));
                }
                None => self.gate.advance(self.now),
            }
            self.follow();
        }
        self.now = self.now.after(end.since(self.now.moment));
    }

    fn next_deadline(&self) -> Option<Moment> {
        [self.gate.next_deadline(), self.desk.next_deadline()].into_iter().flatten().min()
    }

    /// What follows from something that is no message.
    fn follow(&mut self) {
        for (sender, bytes) in self.carry_out(None) {
            self.receive(sender, bytes);
        }
    }

    pub fn turn_ledger(&mut self, mood: Mood) {
        for reply in self.desk.turn(mood) {
            hold(self.watch.reply(&reply));
            self.gate.handle(self.now, Input::LedgerReplied(reply));
            self.follow();
        }
    }

    pub fn break_wire(&mut self, who: usize, is_closed: bool) {
        let flow = self.parties[who % self.parties.len()].flow;
        let input =
            if is_closed { Input::ConnectionClosed { flow } } else { Input::TransportFailed { flow } };
        self.gate.handle(self.now, input);
        self.follow();
    }

    pub fn change_rules(&mut self, is_poor: bool) {
        self.gate.replace_setup(self.now, Arc::clone(&RULES[usize::from(is_poor)]));
        self.follow();
    }

    /// kill -9 and a start (R91).
    pub fn kill(&mut self) {
        self.runs += 1;
        self.desk.lose_what_waits();
        self.watch.allow_overruns();
        self.watch.forget_unrecorded();
        self.parties.iter_mut().for_each(Endpoint::give_up);
        self.gate = Gate::new(Arc::clone(&RULES[0]), Timing::RFC, Random::from_number(self.runs));
        self.gate.follow_earlier_run(MARK_KEY, self.now);
        let left = LeftOver::read(&self.desk.store).expect("memory does not fail");
        for command in left.hand_to(&mut self.gate, self.now) {
            hold(self.watch.command(&command));
            self.desk.take(self.now.moment, command);
        }
        self.follow();
    }

    /// The gate goes down in good order: nothing is left of anything.
    pub fn end(mut self) {
        self.turn_ledger(Mood::Open);
        self.wait(Duration::from_secs(1));
        self.gate.end_all_calls(self.now);
        self.follow();
        self.wait(REST_LONGEST);
        assert_eq!(self.gate.transactions_open(), (0, 0), "transactions are left");
        assert_eq!(self.gate.remembered(), (0, 0, 0), "calls, dialogs or reservations are left");
        assert!(self.desk.is_idle(), "the ledger has not been told everything");
        let rows = self.desk.store.records(&RecordFilter::default()).expect("memory does not fail");
        // What a kill has lost is said once more by the next run, or by nobody.
        match self.runs {
            1 => hold(self.watch.end(self.desk.book(), &rows)),
            _ => hold(self.watch.accounts_agree(self.desk.book(), &rows)),
        }
    }
}

trait Host {
    fn remote_host(&self) -> SocketAddr;
}

impl Host for Flow {
    /// Answers may go to another port of the same host (§18.2.2).
    fn remote_host(&self) -> SocketAddr {
        SocketAddr::new(self.remote.ip(), 0)
    }
}

fn stranger(number: u8) -> Flow {
    Flow::udp(ListenerId(0), SocketAddr::from(([203, 0, 113, number % 4], 5060)))
}

/// Neither a phone of the house nor a trunk nor its telephone system.
fn is_stranger(flow: Flow) -> bool {
    matches!(flow.remote.ip(), std::net::IpAddr::V4(address) if address.octets()[0] == 203)
}

/// What the watch looks at, told by the gate's own reader: the world's is for people who write plainly.
fn gist(message: &Message) -> Text {
    let to = if message.to_tag().is_some() { "<sip:x>;tag=x" } else { "<sip:x>" };
    let text = match message.is_request() {
        true => Text::request(message.method_text(), message.request_uri()),
        false => Text::response(&message.status().to_string()),
    };
    let branch = message.branch().unwrap_or_default();
    let mark = message.record_routes().next().map(|route| route.uri.to_owned()).unwrap_or_default();
    let text = text.with("To", to).with("CSeq", format!("{} {}", message.cseq(), message.method_text()));
    let text = text.with("Via", format!("SIP/2.0/UDP x;branch={branch}"));
    // The mark of an ACK or of a request inside a call is not the watch's.
    if message.method() == Method::Invite { text.with("Record-Route", mark.replace(',', ".")) } else { text }
}

/// Whether the world's parties can read it, who know no folded lines.
fn is_plain(bytes: &[u8]) -> bool {
    let whole = String::from_utf8_lossy(bytes);
    let head = whole.split("\r\n\r\n").next().unwrap_or_default();
    whole.contains("\r\n\r\n")
        && head.split("\r\n").skip(1).all(|line| line.contains(':') && !line.starts_with([' ', '\t']))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn hold(rule: Result<(), String>) {
    if let Err(broken) = rule {
        panic!("{broken}");
    }
}
