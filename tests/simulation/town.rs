//! One town: its gate, its people, its network and its ledger, all drawn from one seed; and what must hold at every step.

use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;
use tollgate::base::{Moment, Now, Random};
use tollgate::gate::{Gate, Input, Output};
use tollgate::ledger::{CallRecord, Command, Reply};
use tollgate::sip::{Flow, Framing, Message};
use tollgate::transaction::Timing;

use super::actor::{Actor, Plan, pick};
use super::agenda::{Agenda, What};
use super::world::Mood;
use super::world::company::{Company, endpoints};
use super::world::desk::Desk;
use super::world::text::Text;
use super::world::titles::{closing_record, command_title};
use super::world::watch::Watch;

const CALLS: u64 = 200;
/// In which the calls begin.
const RUSH: Duration = Duration::from_secs(150);
/// All calls are over by then, and everything about them is forgotten.
const END: Duration = Duration::from_secs(900);
/// In a hundred: messages lost, followed by a piece of themselves, and doubled.
const LOST: u64 = 6;
const PIECE: u64 = 1;
const DOUBLED: u64 = 4;

const CALLERS: [&str; 7] = ["alice", "bob", "carol", "dave", "erin", "frank", "tina"];
const TARGETS: [&str; 12] = [
    "03023125500",
    "03023125501",
    "017012345678",
    "0402312555",
    "0800123456",
    "0033123456789",
    "202",
    "203",
    "206",
    "299",
    "112",
    "nonsense",
];

const OWN: [(&str, &str); 3] = [("bob", "202"), ("carol", "203"), ("tina", "206")];

pub struct Town {
    seed: u64,
    random: Random,
    now: Now,
    gate: Gate,
    desk: Desk,
    watch: Watch,
    actors: Vec<Actor>,
    agenda: Agenda,
    log: Vec<String>,
    records: Vec<CallRecord>,
    /// Faults begin when the phones have registered.
    is_calm: bool,
}

impl Town {
    pub fn of_seed(seed: u64) -> Town {
        let mut random = Random::from_number(seed);
        let mut company = Company::new();
        // Some have much to spend and some have not.
        for who in ["alice", "bob", "frank", "tina"] {
            if random.one_in(2) {
                company = company.daily(who, pick(&mut random, &["0.50", "1.70", "3"]));
            }
        }
        let utc = DateTime::from_timestamp(1_772_442_000, 0).expect("a time");
        let mut town = Town {
            seed,
            gate: Gate::new(company.snapshot(), Timing::RFC, Random::from_number(random.u64())),
            now: Now::new(Moment::START, utc),
            desk: Desk::new(Duration::from_millis(1 + random.below(30))),
            watch: Watch::default(),
            actors: endpoints().into_iter().map(Actor::new).collect(),
            agenda: Agenda::default(),
            log: Vec::new(),
            records: Vec::new(),
            is_calm: true,
            random,
        };
        // Some towns write as fast as they decide, in others a CANCEL or a BYE has time to cross the answer.
        town.desk.commit = Duration::from_millis(seed % 7 * 20);
        town.open();
        town
    }

    /// Lives to the end and gives back everything that happened.
    pub fn live(mut self) -> Vec<String> {
        self.plan_calls();
        self.plan_troubles();
        self.is_calm = false;
        self.run_until(Moment::START + END);
        self.check_end();
        self.log
    }

    fn open(&mut self) {
        for caller in CALLERS {
            let actor = self.actor(caller);
            for at in [100, 200] {
                self.plan(Duration::from_millis(at), What::Act { actor, act: "REGISTER".to_owned() });
            }
        }
        self.run_until(Moment::START + Duration::from_secs(1));
        self.log.clear();
    }

    fn plan_calls(&mut self) {
        for call in 0..CALLS {
            let caller = pick(&mut self.random, &CALLERS);
            let mut target = pick(&mut self.random, &TARGETS);
            // Nobody here calls herself: one phone is not two.
            if OWN.contains(&(caller, target)) {
                target = "201";
            }
            let actor = self.actor(caller);
            let at = Duration::from_micros(self.random.below(RUSH.as_micros() as u64));
            let id = format!("{call}@{caller}");
            self.plan(at, What::Act { actor, act: format!("INVITE {target} id={id}") });
            if self.random.one_in(6) {
                let later = at + Duration::from_millis(self.random.below(8_000));
                self.plan(later, What::Act { actor, act: format!("CANCEL id={id}") });
            }
        }
    }

    fn plan_troubles(&mut self) {
        for mood in [Mood::Down, Mood::Silent] {
            let at = Duration::from_millis(self.random.below(RUSH.as_millis() as u64));
            let length = Duration::from_millis(self.random.below(20_000));
            self.plan(at, What::Ledger(mood));
            self.plan(at + length, What::Ledger(Mood::Open));
        }
        self.plan(END / 2, What::Ledger(Mood::Open));
        self.plan_new_settings();
        for _ in 0..3 {
            let trunk = pick(&mut self.random, &["main", "backup"]);
            let actor = self.actor(trunk);
            let at = Duration::from_millis(self.random.below(RUSH.as_millis() as u64));
            self.plan(at, What::WireBreaks { actor });
        }
    }

    /// Somebody leaves and another person's limit falls, while their calls go on; later all is as before.
    fn plan_new_settings(&mut self) {
        let gone = pick(&mut self.random, &CALLERS);
        let company = Company::new().daily("alice", "0.30").with(|company| {
            company.rows.people.retain(|person| person.key != gone);
        });
        if gone != "alice" {
            let at = Duration::from_millis(self.random.below(RUSH.as_millis() as u64));
            self.plan(at, What::NewSettings(Box::new(company)));
            self.plan(at + Duration::from_secs(10), What::NewSettings(Box::new(Company::new())));
        }
    }

    fn run_until(&mut self, end: Moment) {
        while let Some(next) = self.next_deadline().filter(|next| *next <= end) {
            self.now = self.now.after(next.since(self.now.moment));
            self.step();
        }
        self.now = self.now.after(end.since(self.now.moment));
    }

    fn next_deadline(&self) -> Option<Moment> {
        let event = self.agenda.next();
        let actors = self.actors.iter().filter_map(Actor::next_deadline).min();
        [event, actors, self.gate.next_deadline(), self.desk.next_deadline()].into_iter().flatten().min()
    }

    /// One thing that is due now.
    fn step(&mut self) {
        let now = self.now.moment;
        if let Some(reply) = self.desk.answer(now) {
            return self.reply(reply);
        }
        if let Some(what) = self.agenda.take_due(now) {
            return self.happen(what);
        }
        for actor in 0..self.actors.len() {
            for bytes in self.actors[actor].due(now) {
                self.send_to_gate(actor, bytes);
            }
        }
        self.gate.advance(self.now);
        self.carry_out();
    }

    fn happen(&mut self, what: What) {
        let now = self.now.moment;
        match what {
            What::ToGate { actor, bytes } => {
                self.note(actor, "->", &bytes);
                let flow = self.actors[actor].endpoint.flow;
                let framing =
                    if self.actors[actor].is_reliable() { Framing::Stream } else { Framing::Datagram };
                let message = Message::parse(bytes, framing).map(|message| message.arrived_from(flow.remote));
                self.gate.handle(self.now, Input::Received { flow, message });
                self.carry_out();
            }
            What::ToActor { actor, bytes } => {
                if !is_whole(&bytes) {
                    return self
                        .log
                        .push(format!("{now} {:>7} <- rubbish", self.actors[actor].endpoint.name));
                }
                self.note(actor, "<-", &bytes);
                let (answers, plans) = self.actors[actor].hear(now, &bytes, &mut self.random);
                for answer in answers {
                    self.send_to_gate(actor, answer);
                }
                for Plan { after, act } in plans {
                    self.plan_at(now + after, What::Act { actor, act });
                }
            }
            What::Act { actor, act } => {
                if let Some(bytes) = self.actors[actor].act(now, &act) {
                    self.send_to_gate(actor, bytes);
                }
            }
            What::Ledger(mood) => {
                self.log.push(format!("{now} ledger {mood:?}"));
                for reply in self.desk.turn(mood) {
                    self.reply(reply);
                }
            }
            What::NewSettings(company) => {
                self.log.push(format!("{now} new settings"));
                self.gate.replace_setup(self.now, company.snapshot());
                self.carry_out();
            }
            What::WireBreaks { actor } => {
                let flow = self.actors[actor].endpoint.flow;
                self.log.push(format!("{now} the wire to {} breaks", self.actors[actor].endpoint.name));
                self.gate.handle(self.now, Input::TransportFailed { flow });
                self.carry_out();
            }
        }
    }

    fn reply(&mut self, reply: Reply) {
        self.log.push(format!("{} ledger -> {reply:?}", self.now.moment));
        self.hold(self.watch.budgets(&self.desk.book));
        let noted = self.watch.reply(&reply);
        self.hold(noted);
        self.gate.handle(self.now, Input::LedgerReplied(reply));
        self.carry_out();
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.gate.next_output() {
            match output {
                Output::Send { flow, bytes } => self.send_from_gate(flow, bytes),
                Output::Ledger(command) => self.ask_ledger(command),
                Output::Event(event) => {
                    let noted = self.watch.event(&event);
                    self.hold(noted);
                }
            }
        }
    }

    fn ask_ledger(&mut self, command: Command) {
        let title = command_title(&command).unwrap_or_else(|| "note of an answer".to_owned());
        self.log.push(format!("{} ledger <- {title}", self.now.moment));
        let noted = self.watch.command(&command);
        self.hold(noted);
        self.records.extend(closing_record(&command).cloned());
        self.desk.take(self.now.moment, command);
    }

    fn send_from_gate(&mut self, flow: Flow, bytes: Bytes) {
        let found = self.actors.iter().position(|actor| actor.endpoint.flow == flow);
        let Some(actor) = found else { self.fail(&format!("a message left for {}", flow.remote)) };
        let text = Text::read(&bytes);
        let held = self.watch.leaves(&text);
        self.hold(held);
        self.travel(actor, bytes, |actor, bytes| What::ToActor { actor, bytes });
    }

    fn send_to_gate(&mut self, actor: usize, bytes: Bytes) {
        self.travel(actor, bytes, |actor, bytes| What::ToGate { actor, bytes });
    }

    /// The network: over UDP it loses, doubles and reorders; over TCP it only takes its time.
    fn travel(&mut self, actor: usize, bytes: Bytes, arrive: impl Fn(usize, Bytes) -> What) {
        if self.is_calm || self.actors[actor].is_reliable() {
            return self.plan_at(self.now.moment + Duration::from_millis(5), arrive(actor, bytes));
        }
        let fate = self.random.below(100);
        if fate < LOST {
            return self.log.push(format!("{} lost", self.now.moment));
        }
        if (LOST..LOST + PIECE).contains(&fate) {
            // The rest of something: it means nothing, and must do nothing.
            let rest = bytes.slice(1 + self.random.below(bytes.len() as u64 - 1) as usize..);
            self.plan_at(self.now.moment + Duration::from_millis(1), arrive(actor, rest));
        }
        let copies = if (LOST + PIECE..LOST + PIECE + DOUBLED).contains(&fate) { 2 } else { 1 };
        for _ in 0..copies {
            let delay = Duration::from_micros(500 + self.random.below(60_000));
            self.plan_at(self.now.moment + delay, arrive(actor, bytes.clone()));
        }
    }

    /// Everything is over: nothing is remembered, all money is resolved, every call had its answer and its one record.
    fn check_end(&mut self) {
        let open = (self.gate.transactions_open(), self.gate.remembered(), self.gate.calls_in_progress());
        if open != ((0, 0), (0, 0, 0), 0) {
            self.fail(&format!("still open at the end: {open:?}"));
        }
        self.hold(self.watch.end(&self.desk.book, &self.records));
        for actor in &self.actors {
            if let Some(invite) = actor.endpoint.unanswered().next() {
                self.fail(&format!(
                    "{} got no final answer to {}",
                    actor.endpoint.name,
                    invite.header("Call-ID").unwrap_or_default()
                ));
            }
        }
    }

    fn actor(&self, name: &str) -> usize {
        self.actors.iter().position(|actor| actor.endpoint.name == name).expect("somebody of this town")
    }

    fn plan(&mut self, after: Duration, what: What) {
        self.plan_at(self.now.moment + after, what);
    }

    fn plan_at(&mut self, at: Moment, what: What) {
        self.agenda.plan(at, what);
    }

    fn note(&mut self, actor: usize, way: &str, bytes: &Bytes) {
        if !is_whole(bytes) {
            return self
                .log
                .push(format!("{} {:>7} {way} rubbish", self.now.moment, self.actors[actor].endpoint.name));
        }
        let text = Text::read(bytes);
        let call = text.header("Call-ID").unwrap_or_default();
        let name = self.actors[actor].endpoint.name;
        self.log.push(format!("{} {name:>7} {way} {} {call}", self.now.moment, text.title()));
    }

    fn hold(&self, rule: Result<(), String>) {
        if let Err(broken) = rule {
            self.fail(&broken);
        }
    }

    fn fail(&self, why: &str) -> ! {
        let seed = self.seed;
        // Whoever replays one seed wants to see it all.
        let shown = if std::env::var_os("SEED").is_some() { usize::MAX } else { 60 };
        let from = self.log.len().saturating_sub(shown);
        panic!(
            "\n{}\n{why}\nreplay: SEED={seed} cargo test --test simulation one_seed -- --nocapture\n",
            self.log[from..].join("\n")
        );
    }
}

/// Whether a message has all its headers, and its body.
fn is_whole(bytes: &[u8]) -> bool {
    Message::parse(Bytes::copy_from_slice(bytes), Framing::Datagram).is_ok()
}
