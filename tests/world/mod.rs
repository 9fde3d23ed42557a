//! A small world around the pure gate: phones, trunks, a PBX and a ledger in simulated time, all of it played from tables.
//! What leaves the gate is compared with the table line by line; nothing else may leave it.

pub mod company;
pub mod compose;
pub mod desk;
pub mod endpoint;
mod ladder;
mod leg;
mod patience;
pub mod script;
mod sums;
pub mod text;
pub mod titles;
pub mod watch;

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use tollgate::base::{Moment, Now, Random};
use tollgate::gate::{Event, Gate, Input, Output};
use tollgate::ledger::{CallRecord, Command, Reply};
use tollgate::sip::{Flow, Framing, Message};
use tollgate::transaction::Timing;

pub use company::Company;
pub use desk::Mood;

use desk::Desk;
use endpoint::Endpoint;
use ladder::{Entry, Way};
use script::{Line, Words};
use text::Text;
use titles::{agrees, closing_record, command_title, reply_title};
use watch::Watch;

/// When tables begin: after the phones have registered. A multiple of the wheel's tick, so that times in tables are round.
const OPENING: Duration = Duration::from_secs(10);
/// A Monday, 10:00 in Berlin, is the zero of all tables.
const ZERO_UNIX_SECONDS: i64 = 1_772_442_000;
/// How long a world may take to come to rest: Timer C and two rounds of 64*T1.
const REST_LONGEST: Duration = Duration::from_secs(600);
/// Rungs of a ladder that are shown at most.
const SHOWN: usize = 120;
/// What marks are made with, in every run of the gate.
const MARK_KEY: [u8; 32] = [7; 32];
/// Phones that are registered when a table begins.
const REGISTERED: [&str; 7] = ["alice", "bob", "carol", "dave", "erin", "frank", "tina"];

pub struct World {
    pub gate: Gate,
    pub events: Vec<Event>,
    pub records: Vec<CallRecord>,
    /// How often the gate was started.
    runs: u64,
    now: Now,
    desk: Desk,
    watch: Watch,
    endpoints: Vec<Endpoint>,
    entries: Vec<Entry>,
    /// Entries that were compared with a table.
    compared: usize,
    sent: BTreeSet<(&'static str, Bytes)>,
}

/// Plays a table in the usual company.
pub fn plays(table: &str) -> World {
    plays_in(Company::new(), table)
}

pub fn plays_in(company: Company, table: &str) -> World {
    let mut world = World::new(&company);
    world.plays(table);
    world
}

impl World {
    pub fn new(company: &Company) -> World {
        World::beginning(company, DateTime::from_timestamp(ZERO_UNIX_SECONDS, 0).expect("a time"))
    }

    /// A world whose tables begin at that instant.
    pub fn beginning(company: &Company, zero: DateTime<Utc>) -> World {
        let utc = zero - OPENING;
        let mut world = World {
            gate: Gate::new(company.snapshot(), Timing::RFC, Random::from_number(1)),
            runs: 1,
            now: Now::new(Moment::START, utc),
            desk: Desk::new(Duration::from_millis(4)),
            watch: Watch::default(),
            endpoints: company::endpoints(),
            entries: Vec::new(),
            events: Vec::new(),
            records: Vec::new(),
            compared: 0,
            sent: BTreeSet::new(),
        };
        world.gate.follow_earlier_run(MARK_KEY, world.now);
        for phone in REGISTERED.iter().flat_map(|phone| [phone, phone]) {
            world.act(phone, "REGISTER");
        }
        world.run_until(OPENING);
        world.entries.clear();
        world
    }

    /// Plays a table to its end, waits until all is quiet, and holds everything against the table.
    pub fn plays(&mut self, table: &str) -> &mut World {
        let lines = script::lines(table);
        self.perform(&lines);
        self.rest();
        self.compare(&lines);
        self.end();
        self
    }

    /// Plays the first part of a story; what the gate has done until then must be in the table.
    pub fn begins(&mut self, table: &str) -> &mut World {
        let lines = script::lines(table);
        self.perform(&lines);
        if let Some(last) = lines.last() {
            self.run_until(OPENING + last.at);
        }
        self.compare(&lines);
        self
    }

    /// One act outside a table.
    pub fn act(&mut self, who: &str, what: &str) {
        self.perform_act(who, &Words::read(what));
        // What is due at this instant is not late.
        self.run_until(self.now.moment.since(Moment::START));
    }

    pub fn replace_setup(&mut self, company: &Company) {
        self.gate.replace_setup(self.now, company.snapshot());
        self.carry_out();
    }

    /// Lives until a time of the tables.
    pub fn runs_until(&mut self, at: &str) {
        self.run_until(OPENING + script::time(at));
    }

    /// The gate goes down.
    pub fn stops(&mut self) {
        self.note("gate", "stops");
        self.gate.end_all_calls(self.now);
        self.carry_out();
    }

    /// The gate is killed, and starts anew without its database: all that it knows is the key of its marks.
    pub fn loses_its_memory(&mut self, company: &Company) {
        self.note("gate", "is killed");
        self.runs += 1;
        self.watch.forget_unrecorded();
        self.gate = Gate::new(company.snapshot(), Timing::RFC, Random::from_number(self.runs));
        self.gate.follow_earlier_run(MARK_KEY, self.now);
    }

    /// Nothing may happen any more, and nothing may be remembered.
    pub fn rest(&mut self) {
        let end = self.now.moment + REST_LONGEST;
        while !self.is_quiet() {
            let next = self.next_deadline().filter(|next| *next <= end);
            let Some(next) = next else { self.fail("the gate does not come to rest", None) };
            self.run_until(next.since(Moment::START));
        }
    }

    pub fn end(&mut self) {
        self.hold(self.watch.end(&self.desk.book, &self.records));
        for endpoint in &self.endpoints {
            if let Some(invite) = endpoint.unanswered().next() {
                self.fail(&format!("{} got no final answer to {}", endpoint.name, invite.start), None);
            }
        }
    }

    fn is_quiet(&self) -> bool {
        self.gate.transactions_open() == (0, 0) && self.gate.remembered() == (0, 0, 0) && self.desk.is_idle()
    }

    fn perform(&mut self, lines: &[Line]) {
        for line in lines.iter().filter(|line| line.is_act) {
            self.run_until(OPENING + line.at);
            self.perform_act(&line.who, &line.words);
        }
    }

    fn perform_act(&mut self, who: &str, words: &Words) {
        match who {
            "ledger" => self.turn_ledger(&words.title()),
            "wire" => self.break_wire(&words.title()),
            _ => {
                let forged = words.value("of").map(|whom| {
                    let leg = self.endpoint(whom).leg(words);
                    leg.expect("somebody has a call to copy").clone()
                });
                let endpoint = self.endpoint_mut(who);
                if let Some(leg) = forged {
                    endpoint.adopt(leg);
                }
                match endpoint.say(words) {
                    Ok(bytes) => self.send_to_gate(who, bytes),
                    Err(why) => self.fail(&format!("{who} > {}: {why}", words.title()), None),
                }
            }
        }
    }

    fn turn_ledger(&mut self, mood: &str) {
        self.note("ledger", mood);
        let mood = match mood {
            "up" => Mood::Open,
            "down" => Mood::Down,
            "silent" => Mood::Silent,
            other => panic!("the ledger is never {other}"),
        };
        for reply in self.desk.turn(mood) {
            self.reply(reply);
        }
    }

    fn break_wire(&mut self, what: &str) {
        self.note("wire", what);
        let (verb, whom) = what.split_once(' ').expect("what happens to whose wire");
        let flow = self.endpoint(whom).flow;
        match verb {
            "breaks" => self.input(Input::TransportFailed { flow }),
            "closes" => self.input(Input::ConnectionClosed { flow }),
            "moves" => self.endpoint_mut(whom).move_on(),
            other => panic!("a wire never {other}"),
        }
    }

    fn send_to_gate(&mut self, who: &str, bytes: Bytes) {
        let flow = self.endpoint(who).flow;
        let title = Text::read(&bytes).title();
        self.log(who, Way::ToGate, title, Some(bytes.clone()), false);
        let framing = if flow.transport.is_reliable() { Framing::Stream } else { Framing::Datagram };
        let message = Message::parse(bytes, framing).map(|message| message.arrived_from(flow.remote));
        self.input(Input::Received { flow, message });
    }

    fn reply(&mut self, reply: Reply) {
        self.hold(self.watch.budgets(&self.desk.book));
        let noted = self.watch.reply(&reply);
        self.hold(noted);
        if let Some(title) = reply_title(&reply) {
            self.note("ledger", &title);
        }
        self.input(Input::LedgerReplied(reply));
    }

    fn input(&mut self, input: Input) {
        self.gate.handle(self.now, input);
        self.carry_out();
    }

    /// Does what the gate wants, and lets the endpoints answer what they answer by themselves.
    fn carry_out(&mut self) {
        let mut answers = Vec::new();
        while let Some(output) = self.gate.next_output() {
            match output {
                Output::Send { flow, bytes } => answers.extend(self.deliver(flow, bytes)),
                Output::Ledger(command) => self.ask_ledger(command),
                Output::Event(event) => {
                    let noted = self.watch.event(&event);
                    self.hold(noted);
                    self.events.push(event);
                }
            }
        }
        for (who, bytes) in answers {
            self.send_to_gate(who, bytes);
        }
    }

    fn deliver(&mut self, flow: Flow, bytes: Bytes) -> Option<(&'static str, Bytes)> {
        let Some(at) = self.endpoints.iter().position(|endpoint| endpoint.flow == flow) else {
            self.log("nobody", Way::FromGate, Text::read(&bytes).title(), Some(bytes), false);
            self.fail(&format!("a message left for {} where nobody is", flow.remote), None);
        };
        let name = self.endpoints[at].name;
        let text = Text::read(&bytes);
        let again = !self.sent.insert((name, bytes.clone()));
        self.log(name, Way::FromGate, text.title(), Some(bytes.clone()), again);
        if let Err(malformed) = Message::parse(bytes.clone(), Framing::Datagram) {
            self.fail(&format!("what leaves cannot be read: {}", malformed.fault), None);
        }
        if again {
            return None;
        }
        let held = self.watch.leaves(&text);
        self.hold(held);
        self.endpoints[at].hear(&bytes).map(|answer| (name, answer))
    }

    fn ask_ledger(&mut self, command: Command) {
        let title = command_title(&command);
        title.into_iter().for_each(|title| self.log("ledger", Way::FromGate, title, None, false));
        let noted = self.watch.command(&command);
        self.hold(noted);
        self.records.extend(closing_record(&command).cloned());
        self.desk.take(self.now.moment, command);
    }

    fn next_deadline(&self) -> Option<Moment> {
        [self.gate.next_deadline(), self.desk.next_deadline()].into_iter().flatten().min()
    }

    fn run_until(&mut self, since_start: Duration) {
        let end = Moment::START + since_start;
        while let Some(next) = self.next_deadline().filter(|next| *next <= end) {
            self.now = self.now.after(next.since(self.now.moment));
            match self.desk.answer(self.now.moment) {
                Some(reply) => self.reply(reply),
                None => {
                    self.gate.advance(self.now);
                    self.carry_out();
                }
            }
        }
        self.now = self.now.after(end.since(self.now.moment));
    }

    fn endpoint(&self, name: &str) -> &Endpoint {
        self.endpoints
            .iter()
            .find(|one| one.name == name)
            .unwrap_or_else(|| panic!("nobody is called {name}"))
    }

    fn endpoint_mut(&mut self, name: &str) -> &mut Endpoint {
        let found = self.endpoints.iter_mut().find(|one| one.name == name);
        found.unwrap_or_else(|| panic!("nobody is called {name}"))
    }

    fn note(&mut self, who: &str, what: &str) {
        self.log(who, Way::Beside, what.to_owned(), None, false);
    }

    fn log(&mut self, who: &str, way: Way, title: String, message: Option<Bytes>, again: bool) {
        let at = self.now.moment.since(Moment::START + OPENING);
        self.entries.push(Entry { at, who: who.to_owned(), way, title, message, again });
    }

    /// Everything that the gate did since the last comparison, held against the lines of a table. Repeats count only if the table
    /// has any.
    fn compare(&mut self, lines: &[Line]) {
        let mut wanted: Vec<&Line> = lines.iter().filter(|line| !line.is_act).collect();
        // What different parties get at one instant has no order between them.
        wanted.sort_by_key(|line| (line.at.as_millis(), line.who.clone()));
        let says_again = wanted.iter().any(|line| line.words.bare.iter().any(|word| word == "again"));
        let from = std::mem::replace(&mut self.compared, self.entries.len());
        let is_counted = |entry: &Entry| entry.way == Way::FromGate && (says_again || !entry.again);
        let mut happened: Vec<usize> =
            (from..self.entries.len()).filter(|at| is_counted(&self.entries[*at])).collect();
        happened.sort_by_key(|at| (self.entries[*at].at.as_millis(), self.entries[*at].who.clone()));
        for (line, at) in wanted.iter().zip(&happened) {
            if let Err(why) = agrees(line, &self.entries[*at]) {
                self.fail(&format!("{why}\n  table: {}", line.text), Some(*at));
            }
        }
        if let Some(line) = wanted.get(happened.len()) {
            self.fail(&format!("this never happened: {}", line.text), None);
        }
        if let Some(at) = happened.get(wanted.len()) {
            self.fail("the table says nothing of this", Some(*at));
        }
    }

    fn hold(&self, rule: Result<(), String>) {
        if let Err(broken) = rule {
            self.fail(&broken, None);
        }
    }

    fn fail(&self, why: &str, marked: Option<usize>) -> ! {
        let message = marked.and_then(|at| self.entries[at].text());
        let shown: String =
            message.map(|text| String::from_utf8_lossy(&text.to_bytes()).into_owned()).unwrap_or_default();
        // A ladder of hundreds of rungs tells nobody anything: the end of it, or what surrounds the marked one.
        let last = marked.map_or(self.entries.len(), |at| (at + SHOWN / 2).min(self.entries.len()));
        let first = last.saturating_sub(SHOWN);
        let marked = marked.map(|at| at - first);
        let ladder = ladder::draw(&self.entries[first..last], company::is_right, marked);
        panic!("\n{ladder}\n{why}\n{shown}");
    }
}
