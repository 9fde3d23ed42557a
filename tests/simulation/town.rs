//! One town: its gate, its people, its network and its store, all drawn from one seed; and what must hold at every step.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tollgate::base::{Moment, Now, Random};
use tollgate::gate::{Event, Gate, Input, Output, SavedRegistrations};
use tollgate::ledger::{Command, Reply};
use tollgate::sip::{Flow, Framing, Message};

use super::actor::{Actor, Upshot};
use super::agenda::{Agenda, Trouble, What};
use super::model::Model;
use super::network::chance_of;
use super::plan::{Item, Plan};
use super::vault::{Mood, Vault};
use super::world::company::{Company, endpoints};
use super::world::compose::branch_of;
use super::world::text::Text;
use super::world::titles::command_title;

/// How long after the last call has begun whoever still talks hangs up: none but an emergency call lasts longer than four hours (R41).
const LAST_WORDS: Duration = Duration::from_secs(4 * 3600 + 300);
/// In which everything is forgotten, also emergency calls whose parties are gone without a word: a day after the last one.
const EPILOGUE: Duration = Duration::from_secs(28 * 3600 + 1_800);
/// More happens in no life; one that goes on and on has a deadline that is never met.
const STEPS_MAX: u64 = 1_000_000;
/// Messages that an attacker may have seen.
const OVERHEARD_MAX: usize = 60;
/// How often phones throw away what is long over.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// What to live, and what to leave out of it.
#[derive(Clone, Default)]
pub struct Life {
    pub seed: u64,
    pub calls: u64,
    /// Items of the plan that are left out, by position.
    pub without: std::collections::BTreeSet<usize>,
    pub with_log: bool,
}

/// What a life came to.
#[derive(Default)]
pub struct Sums {
    pub log: Vec<String>,
    pub judged: u64,
    pub answered: u64,
    pub refused: u64,
    pub messages: u64,
    /// After a kill.
    pub starts: u64,
    pub taken_up: u64,
    pub faults: BTreeMap<&'static str, u64>,
}

pub struct Town {
    pub(super) random: Random,
    /// One stream of chance for each call, so that leaving one out changes no other.
    pub(super) chances: BTreeMap<String, Random>,
    pub(super) seed: u64,
    pub(super) now: Now,
    /// `None` while the process is dead.
    pub(super) gate: Option<Gate>,
    /// What is written down of registrations.
    pub(super) registered: BTreeMap<Arc<str>, SavedRegistrations>,
    pub(super) company: Rc<Company>,
    pub(super) vault: Vault,
    pub(super) model: Model,
    pub(super) actors: Vec<Actor>,
    pub(super) agenda: Agenda,
    /// Until when nothing passes to or from each actor.
    pub(super) storms: Vec<Moment>,
    pub(super) overheard: VecDeque<Bytes>,
    /// Faults begin when the phones have registered.
    pub(super) is_calm: bool,
    /// The message that is being handled comes from somebody who has no right to anything.
    pub(super) is_attack: bool,
    /// The same for what is no message: it may get a 400 without a transaction.
    pub(super) is_rubbish: bool,
    pub(super) with_log: bool,
    pub(super) steps: u64,
    pub(super) sums: Sums,
}

/// Lives through one town. Panics where a rule is broken.
pub fn live(life: &Life) -> Sums {
    let plan = Plan::of_seed(life.seed, life.calls);
    let random = Random::from_number(life.seed ^ 0x5EED);
    let actors: Vec<Actor> = endpoints().into_iter().map(Actor::new).collect();
    let mut town = Town {
        gate: None,
        registered: BTreeMap::new(),
        random,
        chances: BTreeMap::new(),
        seed: life.seed,
        now: Now::new(Moment::START, plan.beginning),
        company: Rc::new(plan.company),
        vault: Vault::new(plan.beginning),
        model: Model::default(),
        storms: vec![Moment::START; actors.len()],
        actors,
        agenda: Agenda::default(),
        overheard: VecDeque::new(),
        is_calm: true,
        is_attack: false,
        is_rubbish: false,
        with_log: life.with_log,
        steps: 0,
        sums: Sums { faults: plan.faults, ..Sums::default() },
    };
    town.start();
    town.open();
    for (index, (at, item)) in plan.items.into_iter().enumerate() {
        if life.without.contains(&index) {
            continue;
        }
        let what = match item {
            Item::Act { who, act } => What::Act { actor: town.actor(who), act },
            Item::Trouble { who: "", trouble } => What::Trouble { actor: 0, trouble },
            Item::Trouble { who, trouble } => What::Trouble { actor: town.actor(who), trouble },
        };
        town.plan(at, what);
    }
    town.plan(plan.rush, What::Trouble { actor: 0, trouble: Trouble::Store(Mood::Open { millis: 4 }) });
    town.plan(plan.rush + LAST_WORDS, What::Trouble { actor: 0, trouble: Trouble::AllHangUp });
    town.run_until(town.now.moment + plan.rush + EPILOGUE);
    town.check_end();
    town.sums.answered = town.model.answered;
    town.sums.refused = town.model.refused;
    town.sums
}

impl Town {
    /// Everybody registers before anything goes wrong.
    fn open(&mut self) {
        for actor in 0..self.actors.len() {
            if !self.actors[actor].is_trunk
                && !matches!(self.actors[actor].endpoint.name, "mallory" | "lobby" | "pbx")
            {
                for at in [100, 200] {
                    self.plan(Duration::from_millis(at), What::Act { actor, act: "REGISTER".to_owned() });
                }
            }
        }
        self.run_until(Moment::START + Duration::from_secs(1));
        self.plan(TIDY_EVERY, What::Tidy);
        self.sums.log.clear();
        self.is_calm = false;
    }

    fn run_until(&mut self, end: Moment) {
        while let Some(next) = self.next_deadline().filter(|next| *next <= end) {
            self.steps += 1;
            if self.steps > STEPS_MAX {
                self.fail("the town does not come to rest");
            }
            self.now = self.now.after(next.since(self.now.moment));
            self.step();
            self.hold(|town| town.model.step(town.now.moment));
        }
        self.now = self.now.after(end.since(self.now.moment));
    }

    fn next_deadline(&self) -> Option<Moment> {
        let gate = self.gate.as_ref().and_then(Gate::next_deadline);
        let vault = self.vault.next_deadline().filter(|_| self.gate.is_some());
        [self.agenda.next(), gate, vault].into_iter().flatten().min()
    }

    /// One thing that is due now.
    fn step(&mut self) {
        let now = self.now.moment;
        if self.gate.is_some() && self.vault.next_deadline().is_some_and(|due| due <= now) {
            let durable = self.vault.due(now, &mut self.random);
            self.note_durable(&durable);
            self.take_replies();
            return self.carry_out();
        }
        if let Some(what) = self.agenda.take_due(now) {
            return self.happen(what);
        }
        if let Some(gate) = &mut self.gate {
            gate.advance(self.now);
            self.carry_out();
        }
    }

    fn happen(&mut self, what: What) {
        let now = self.now.moment;
        match what {
            What::ToGate { actor, flow, bytes } => self.gate_hears(actor, flow, bytes),
            What::ToActor { actor, text } => {
                if self.actors[actor].is_dark || self.storms[actor] > now {
                    return;
                }
                self.note(actor, "<-", &text);
                let chance = chance_of(&mut self.chances, self.seed, &text);
                let upshot = self.actors[actor].hear(now, &text, chance);
                self.follow(actor, upshot);
            }
            What::Act { actor, act } => {
                let upshot = self.actors[actor].act(now, &act);
                self.follow(actor, upshot);
            }
            What::Repeat { actor, until } => {
                let upshot = self.actors[actor].repeat(now, &until);
                self.follow(actor, upshot);
            }
            What::Tidy => {
                self.actors.iter_mut().for_each(|actor| actor.tidy(now));
                self.plan(TIDY_EVERY, What::Tidy);
            }
            What::Input(input) => self.input(*input),
            What::Trouble { actor, trouble } => self.trouble(actor, trouble),
        }
    }

    fn follow(&mut self, actor: usize, upshot: Upshot) {
        upshot.send.into_iter().for_each(|bytes| self.send_to_gate(actor, bytes));
        for plan in upshot.plans {
            self.plan(plan.after, What::Act { actor, act: plan.act });
        }
        for (at, until) in upshot.repeats {
            self.agenda.plan(at, What::Repeat { actor, until });
        }
    }

    fn gate_hears(&mut self, actor: usize, flow: Flow, bytes: Bytes) {
        let is_stranger = self.actors[actor].endpoint.name == "mallory";
        if self.gate.is_none() || self.actors[actor].is_dark || self.storms[actor] > self.now.moment {
            return;
        }
        let framing = if flow.transport.is_reliable() { Framing::Stream } else { Framing::Datagram };
        let message = Message::parse(bytes.clone(), framing).map(|message| message.arrived_from(flow.remote));
        self.sums.messages += 1;
        let text = message.is_ok().then(|| Text::read(&bytes));
        if let Some(text) = &text {
            self.note(actor, "->", text);
        }
        self.model.hearing = None;
        if let (Some(text), false) = (&text, is_stranger) {
            self.model.comes(self.now.moment, text);
            if self.overheard.len() == OVERHEARD_MAX {
                self.overheard.pop_front();
            }
            self.overheard.push_back(bytes);
        }
        (self.is_attack, self.is_rubbish) = (is_stranger, text.is_none());
        self.input(Input::Received { flow, message });
        let changed = self.gate.as_mut().map(|gate| gate.changed_registrations(self.now));
        self.registered.extend(changed.into_iter().flatten());
        (self.is_attack, self.is_rubbish) = (false, false);
    }

    pub(super) fn take_replies(&mut self) {
        while let Some(reply) = self.vault.next_reply() {
            self.log(|| format!("store -> {reply:?}"));
            self.hold(|town| town.model.reply(&reply));
            if let Some(gate) = &mut self.gate {
                gate.handle(self.now, Input::LedgerReplied(reply));
            }
        }
    }

    pub(super) fn input(&mut self, input: Input) {
        if let Some(gate) = &mut self.gate {
            gate.handle(self.now, input);
            self.carry_out();
        }
    }

    pub(super) fn carry_out(&mut self) {
        while let Some(output) = self.gate.as_mut().and_then(Gate::next_output) {
            match output {
                Output::Send { flow, bytes } => self.send_from_gate(flow, &bytes),
                Output::Ledger(command) => self.ask_store(command),
                Output::Event(event) => self.note_event(&event),
                Output::LookUp { database, .. } => panic!("nobody here can be asked: {database}"),
            }
        }
    }

    pub(super) fn note_event(&mut self, event: &Event) {
        self.sums.taken_up += u64::from(matches!(event, Event::TakenUp { .. }));
        if let Event::Judged(judged) = event {
            self.sums.judged += 1;
            if self.is_attack && judged.reason.is_none() {
                self.fail("a stranger was let through");
            }
        }
        self.hold(|town| town.model.event(town.now.moment, event));
    }

    fn ask_store(&mut self, command: Command) {
        self.log(|| {
            format!("store <- {}", command_title(&command).unwrap_or_else(|| "note of an answer".to_owned()))
        });
        self.hold(|town| town.model.command(town.now.moment, &command));
        self.vault.take(self.now.moment, command);
        self.hold(|town| town.model.decided(town.vault.book()));
        self.take_replies();
    }

    pub(super) fn note_durable(&mut self, durable: &[(Command, Reply)]) {
        self.hold(|town| town.model.wrote(durable));
    }

    /// Everything is over: nothing is remembered, all money is resolved, every call had its answer and its one record.
    fn check_end(&mut self) {
        if self.gate.is_none() || !self.vault.is_idle() {
            self.fail("the gate is not there at the end, or its store not idle");
        }
        let open = self
            .gate
            .as_ref()
            .map(|gate| (gate.transactions_open(), gate.remembered(), gate.calls_in_progress()));
        if open != Some(((0, 0), (0, 0, 0), 0)) {
            self.fail(&format!("still open at the end: {open:?}"));
        }
        self.hold(|town| {
            let unanswered: Vec<&Text> =
                town.actors.iter().flat_map(|actor| actor.endpoint.unanswered()).collect();
            town.model.end(&town.vault, &unanswered)
        });
    }

    pub(super) fn actor(&self, name: &str) -> usize {
        self.actors.iter().position(|actor| actor.endpoint.name == name).expect("somebody of this town")
    }

    pub(super) fn plan(&mut self, after: Duration, what: What) {
        self.agenda.plan(self.now.moment + after, what);
    }

    fn note(&mut self, actor: usize, way: &str, text: &Text) {
        let name = self.actors[actor].endpoint.name;
        self.log(|| {
            format!(
                "{name:>7} {way} {} {} {}",
                text.title(),
                text.header_str("Call-ID").unwrap_or_default(),
                branch_of(text)
            )
        });
    }

    pub(super) fn log(&mut self, line: impl FnOnce() -> String) {
        if self.with_log {
            self.sums.log.push(format!("{} {}", self.now.moment, line()));
        }
    }

    pub(super) fn hold(&mut self, rule: impl FnOnce(&mut Town) -> Result<(), String>) {
        if let Err(broken) = rule(self) {
            self.fail(&broken);
        }
    }

    pub(super) fn fail(&self, why: &str) -> ! {
        let from = self.sums.log.len().saturating_sub(if std::env::var_os("SEED").is_some() {
            usize::MAX
        } else {
            60
        });
        panic!("{}\n{} {why}", self.sums.log[from..].join("\n"), self.now.moment);
    }
}
