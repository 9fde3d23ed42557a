//! The only loop: sockets, ledger replies and deadlines go into the gate, and what the gate wants done is done. One thread owns
//! the sockets and the gate; no message is handed from one thread to another.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::time::Instant;

use super::clock::Clock;
use super::closing::Stopping;
use super::control::Ask;
use super::doorbell::Doorbell;
use super::gatehouse::take_up;
use super::gathering::Gathering;
use super::left_over::LeftOver;
use super::lock_book::LockBook;
use super::look_up::LookUps;
use super::names::{Heard, Names};
use super::observe::Observer;
use super::phone_book::PhoneBook;
use super::reload::Replacement;
use super::rung::{Others, Rung, told};
use super::secure::places;
use crate::base::{Moment, Now};
use crate::config;
use crate::gate::{Event, Gate, Input, Output};
use crate::ledger::{BudgetLine, Thresholds};
use crate::net::{Arrived, Sockets};
use crate::sip::{Flow, Framing, Message};
use crate::store::{SqliteReader, Tray, WriterEvent};

/// How often figures that nobody pushes are read: fine enough for a scrape every few seconds.
const OBSERVE_EVERY: Duration = Duration::from_secs(1);

/// What so many messages have led to leaves together: about a millisecond of work, so that none waits longer.
const TURNS_TOGETHER: usize = 32;

/// The loop and all it owns.
pub(super) struct EventLoop {
    pub clock: Clock,
    pub gate: Gate,
    pub sockets: Sockets,
    pub gathering: Gathering,
    pub store: Tray,
    /// Messages that leave when what was decided with them is noted.
    pub leaving: Vec<(Flow, Bytes)>,
    /// What the writing thread has to say.
    pub written: UnboundedReceiver<WriterEvent>,
    /// Changed configurations.
    pub setups: UnboundedReceiver<Replacement>,
    /// Where named trunks are.
    pub names: Names,
    /// Questions of the administrator.
    pub asks: UnboundedReceiver<Ask>,
    pub phones: PhoneBook,
    pub locks: LockBook,
    /// The ledger's file.
    pub ledger: PathBuf,
    /// Contact databases that can be asked.
    pub look_ups: LookUps,
    pub observer: Observer,
    /// Which budgets somebody was told of.
    pub thresholds: Thresholds,
    /// Whether the gate shall stop.
    pub stop: watch::Receiver<Stopping>,
    /// What becomes of calls then.
    pub at_stop: config::Stop,
    /// Until when they may end by themselves; `None`: nobody has said that it shall stop.
    pub until: Option<Moment>,
}

impl EventLoop {
    /// Runs until told to stop; then writes out what is under way.
    pub async fn run(mut self) {
        let mut observe = tokio::time::interval(OBSERVE_EVERY);
        let mut alarm = std::pin::pin!(tokio::time::sleep_until(self.instant(Moment::START)));
        let mut alarm_at = Moment::START;
        let mut stop = std::pin::pin!(told(self.stop.clone()));
        let mut bell = Doorbell::new();
        self.names.want(self.gate.setup().trunks.servers());
        self.sockets.place(places(self.gate.setup()));
        loop {
            if let Some(deadline) = self.next_deadline().filter(|deadline| *deadline != alarm_at) {
                alarm_at = deadline;
                alarm.as_mut().reset(self.instant(deadline));
            }
            let (sockets, mut others) = self.ears();
            tokio::select! {
                biased;
                arrived = sockets.receive() => self.take_arrivals(arrived),
                rung = poll_fn(|cx| bell.poll(cx, |cx| others.poll(cx, &mut observe, stop.as_mut()))) => {
                    let is_told = matches!(rung, Rung::Told(_));
                    if self.take_rung(rung).is_break() {
                        break;
                    }
                    if is_told {
                        stop.set(told(self.stop.clone()));
                    }
                }
                () = alarm.as_mut() => {
                    // `keep_up` below does what is due; the timer is set anew even if the gate names this deadline again.
                    alarm_at = Moment::START;
                    alarm.as_mut().reset(self.instant(self.clock.now().moment + OBSERVE_EVERY));
                }
            }
            self.keep_up();
            self.gather();
        }
        self.part_with_calls();
        self.carry_out(self.clock.now());
        self.depart(self.clock.now());
        self.close().await;
    }

    /// What is listened to: the wire, and all else.
    fn ears(&mut self) -> (&mut Sockets, Others<'_>) {
        let EventLoop { sockets, written, setups, look_ups, names, asks, .. } = self;
        (sockets, Others { written, setups, look_ups, names, asks })
    }

    fn take_rung(&mut self, rung: Rung) -> ControlFlow<()> {
        match rung {
            Rung::Written(event) => self.take_written(event),
            Rung::Setup(replacement) => {
                let now = self.clock.now();
                self.store.close_page(now.moment);
                self.sockets.secure(replacement.secured);
                let old = self.gate.replace_setup(now, replacement.setup);
                self.names.want(self.gate.setup().trunks.servers());
                self.sockets.place(places(self.gate.setup()));
                // Whoever sent the new one frees the old one.
                let _ = replacement.old.send(old);
            }
            Rung::LookedUp(heard) => self.gate.handle(self.clock.now(), *heard),
            Rung::Name(heard) => self.take_heard(heard),
            Rung::Ask(ask) => self.answer(ask),
            Rung::Observe => {
                self.observer.look(&self.gate, &self.sockets);
                self.phones.follow(&mut self.gate, self.clock.now());
                if !self.waits_for_calls() {
                    return ControlFlow::Break(());
                }
            }
            Rung::Told(is_news) => {
                if !is_news || !self.is_told_to_wait() {
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// However many messages arrive, the ledger's answers and what is due do not wait behind them.
    fn keep_up(&mut self) {
        let now = self.clock.now();
        self.carry_out(now);
        while let Ok(event) = self.written.try_recv() {
            self.take_written(event);
        }
        if self.next_deadline().is_some_and(|deadline| deadline <= now.moment) {
            self.advance(now);
            self.carry_out(now);
        }
        self.depart(now);
    }

    /// Under load the wire is left alone for a moment, unless more waits there than was taken.
    fn gather(&mut self) {
        if let Some(pause) = self.gathering.pause(self.clock.now().moment)
            && !self.sockets.is_behind()
        {
            self.clock.pause(pause);
        }
    }

    fn next_deadline(&self) -> Option<Moment> {
        [self.gate.next_deadline(), self.store.deadline()].into_iter().flatten().min()
    }

    fn advance(&mut self, now: Now) {
        self.gate.advance(now);
        self.store.advance(now.moment);
        self.take_replies(now);
    }

    fn instant(&self, moment: Moment) -> Instant {
        Instant::from_std(self.clock.instant(moment))
    }

    /// One wake-up may have brought many messages: all are taken before the next wait.
    fn take_arrivals(&mut self, first: Arrived) {
        self.gate.look_at_wire(self.clock.now(), self.sockets.is_behind());
        let mut next = Some(first);
        for turn in 1.. {
            let Some(arrived) = next else { break };
            self.gathering.hear();
            self.take_arrival(arrived);
            if turn % TURNS_TOGETHER == 0 {
                self.depart(self.clock.now());
            }
            next = self.sockets.received();
        }
    }

    fn take_arrival(&mut self, arrived: Arrived) {
        let now = self.clock.now();
        if let Arrived::Datagram { flow, bytes } | Arrived::Frame { flow, bytes } = &arrived
            && self.gate.may_ignore(now, *flow, bytes)
        {
            return self.observer.ignored();
        }
        let input = match arrived {
            Arrived::Datagram { flow, bytes } => received(flow, Message::parse(bytes, Framing::Datagram)),
            Arrived::Frame { flow, bytes } => received(flow, Message::parse(bytes, Framing::Stream)),
            Arrived::Unframed { flow, malformed } => received(flow, Err(malformed)),
            Arrived::Failed { flow, .. } => Input::TransportFailed { flow },
            Arrived::Closed { flow } => Input::ConnectionClosed { flow },
            Arrived::Proved { flow, trunk } => Input::Proved { flow, trunk },
            Arrived::NoTls { flow, trunk, why } => {
                return self.observer.no_tls(flow, trunk.as_deref(), why);
            }
        };
        if let Input::Received { flow, message: Ok(message) } = &input {
            self.observer.received(*flow, message);
        }
        self.gate.handle(now, input);
        self.carry_out(now);
    }

    fn take_written(&mut self, event: WriterEvent) {
        let now = self.clock.now();
        self.observer.written(&event);
        let opened = matches!(event, WriterEvent::Opened(_));
        self.store.hear(now.moment, event);
        if opened {
            self.take_up_late();
        }
        self.take_replies(now);
        self.carry_out(now);
    }

    /// A ledger that could not be opened at the start can be: calls of the earlier run are in it.
    fn take_up_late(&mut self) {
        match SqliteReader::open(&self.ledger).and_then(|reader| LeftOver::read(&reader)) {
            Ok(left) => {
                let left = left.without_own(&self.gate);
                take_up(left, &mut self.gate, &mut self.store, self.clock);
            }
            Err(error) => tracing::error!(%error, "calls of the earlier run cannot be read"),
        }
    }

    fn take_replies(&mut self, now: Now) {
        while let Some(reply) = self.store.next_reply() {
            self.gate.handle(now, Input::LedgerReplied(reply));
        }
        let unwritten = self.store.take_unwritten();
        if !unwritten.is_empty() {
            self.observer.written(&WriterEvent::Unwritten(unwritten));
        }
    }

    fn take_heard(&mut self, heard: Heard) {
        self.observer.heard(&heard);
        if let Heard::Moved { server, hops } = heard {
            self.gate.handle(self.clock.now(), Input::Located { server: (*server).clone(), hops });
            self.sockets.place(places(self.gate.setup()));
        }
    }

    /// Whoever asked may have gone.
    fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Locks(asker) => drop(asker.send(self.gate.fraud_locks(self.clock.now()))),
            Ask::CountriesCalled(countries) => self.gate.remember_countries(countries),
            Ask::Unlock { person, class, answer } => {
                let _ = answer.send(self.gate.lift_fraud_locks(&person, class));
                self.locks.lifted(person, class);
            }
        }
    }

    /// Does what the gate wants done at this moment, up to what is to be sent.
    fn carry_out(&mut self, now: Now) {
        while let Some(output) = self.gate.next_output() {
            match output {
                Output::Send { flow, bytes } => self.leaving.push((flow, bytes)),
                Output::Event(event) => self.tell(now, &event),
                Output::LookUp { database, number } => self.look_ups.ask(database, number),
                Output::Ledger(command) => {
                    let budgets = command.budgets().map(Arc::clone);
                    self.store.put(now.moment, command);
                    self.look_at_budgets(now, budgets.as_deref().unwrap_or_default());
                    self.take_replies(now);
                }
            }
        }
    }

    /// Sends what was decided since the last time: what is done for several messages in a row, the gate's words and then the kernel's,
    /// finds its own words near the processor. Nothing leaves before what it rests on is noted.
    fn depart(&mut self, now: Now) {
        if let Err(fault) = self.store.write_notes(now.moment) {
            tracing::error!(%fault, "what is decided is noted no more: a kill may take the last second's rows along");
        }
        for (flow, bytes) in self.leaving.drain(..) {
            self.observer.sent(flow, &bytes);
            self.sockets.send(flow, &bytes);
        }
        self.sockets.leave();
    }

    fn tell(&mut self, now: Now, event: &Event) {
        self.observer.happened(now.utc, event);
        if let Event::FraudLocked(lock) = event {
            self.locks.locked(lock);
        }
        if let Event::Exhausted(exhausted) = event {
            let mut marks = Vec::new();
            self.thresholds.exhausted(self.store.book(), exhausted, &mut marks);
            self.observer.budgets(now.utc, &marks);
        }
    }

    /// Whether a budget of this command has come to a level worth a notice (R101).
    fn look_at_budgets(&mut self, now: Now, budgets: &[BudgetLine]) {
        let mut marks = Vec::new();
        self.thresholds.look(self.store.book(), budgets, &mut marks);
        if !marks.is_empty() {
            self.thresholds.forget_ended(now.utc.date_naive());
            self.observer.budgets(now.utc, &marks);
        }
    }

    async fn close(mut self) {
        self.phones.follow(&mut self.gate, self.clock.now());
        self.sockets.close(Duration::from_secs(1)).await;
        // Joins the thread once everything decided is written.
        self.store.stop(self.clock.now().moment, || self.written.try_recv().ok());
    }
}

fn received(flow: Flow, message: Result<Message, crate::sip::Malformed>) -> Input {
    Input::Received { flow, message: message.map(|message| message.arrived_from(flow.remote)) }
}
