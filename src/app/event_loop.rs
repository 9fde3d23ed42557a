//! The only loop: sockets, ledger replies and deadlines go into the gate, and what the gate wants done is done. One thread owns
//! the sockets and the gate; no message is handed from one thread to another.

use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::time::Instant;

use super::clock::Clock;
use super::control::Ask;
use super::names::{Heard, Names};
use super::observe::Observer;
use super::phone_book::PhoneBook;
use super::reload::Replacement;
use crate::base::{Moment, Now};
use crate::gate::{Gate, Input, Output};
use crate::net::{Arrived, Sockets};
use crate::sip::{Flow, Framing, Message};
use crate::store::{Tray, WriterEvent};

/// How often figures that nobody pushes are read: fine enough for a scrape every few seconds.
const OBSERVE_EVERY: Duration = Duration::from_secs(1);

/// The loop and all it owns.
pub struct EventLoop {
    pub clock: Clock,
    pub gate: Gate,
    pub sockets: Sockets,
    pub store: Tray,
    /// What the writing thread has to say.
    pub written: UnboundedReceiver<WriterEvent>,
    /// Changed configurations.
    pub setups: UnboundedReceiver<Replacement>,
    /// Where named trunks are.
    pub names: Names,
    /// Questions of the administrator.
    pub asks: UnboundedReceiver<Ask>,
    pub phones: PhoneBook,
    pub observer: Observer,
    /// Turns true when the gate shall stop.
    pub stop: watch::Receiver<bool>,
}

impl EventLoop {
    /// Runs until told to stop; then writes out what is under way.
    pub async fn run(mut self) {
        let mut observe = tokio::time::interval(OBSERVE_EVERY);
        let mut alarm = std::pin::pin!(tokio::time::sleep_until(self.instant(Moment::START)));
        let mut alarm_at = Moment::START;
        self.names.want(self.gate.setup().trunks.servers());
        loop {
            if let Some(deadline) = self.next_deadline().filter(|deadline| *deadline != alarm_at) {
                alarm_at = deadline;
                alarm.as_mut().reset(self.instant(deadline));
            }
            tokio::select! {
                biased;
                arrived = self.sockets.receive() => self.take_arrivals(arrived),
                Some(event) = self.written.recv() => self.take_written(event),
                Some(replacement) = self.setups.recv() => {
                    self.store.close_page(self.clock.now().moment);
                    let old = self.gate.replace_setup(self.clock.now(), replacement.setup);
                    self.names.want(self.gate.setup().trunks.servers());
                    // Whoever sent the new one frees the old one.
                    let _ = replacement.old.send(old);
                }
                Some(heard) = self.names.next() => self.take_heard(heard),
                Some(ask) = self.asks.recv() => self.answer(ask),
                () = alarm.as_mut() => {
                    // `keep_up` below does what is due; the timer is set anew even if the gate names this deadline again.
                    alarm_at = Moment::START;
                    alarm.as_mut().reset(self.instant(self.clock.now().moment + OBSERVE_EVERY));
                }
                _ = observe.tick() => {
                    self.observer.look(&self.gate, &self.sockets);
                    self.phones.follow(&mut self.gate, self.clock.now());
                }
                _ = self.stop.changed() => break,
            }
            self.keep_up();
        }
        self.gate.end_all_calls(self.clock.now());
        self.carry_out();
        self.close().await;
    }

    /// However many messages arrive, the ledger's answers and what is due do not wait behind them.
    fn keep_up(&mut self) {
        self.carry_out();
        while let Ok(event) = self.written.try_recv() {
            self.take_written(event);
        }
        let now = self.clock.now();
        if self.next_deadline().is_some_and(|deadline| deadline <= now.moment) {
            self.advance(now);
            self.carry_out();
        }
    }

    fn next_deadline(&self) -> Option<Moment> {
        [self.gate.next_deadline(), self.store.deadline()].into_iter().flatten().min()
    }

    fn advance(&mut self, now: Now) {
        self.gate.advance(now);
        self.store.advance(now.moment);
        self.take_replies();
    }

    fn instant(&self, moment: Moment) -> Instant {
        Instant::from_std(self.clock.instant(moment))
    }

    /// One wake-up may have brought many messages: all are taken before the next wait.
    fn take_arrivals(&mut self, first: Arrived) {
        let mut next = Some(first);
        while let Some(arrived) = next {
            self.take_arrival(arrived);
            self.carry_out();
            next = self.sockets.received();
        }
    }

    fn take_arrival(&mut self, arrived: Arrived) {
        let now = self.clock.now();
        let input = match arrived {
            Arrived::Datagram { flow, bytes } => received(flow, Message::parse(bytes, Framing::Datagram)),
            Arrived::Frame { flow, bytes } => received(flow, Message::parse(bytes, Framing::Stream)),
            Arrived::Unframed { flow, malformed } => received(flow, Err(malformed)),
            Arrived::Failed { flow, .. } => Input::TransportFailed { flow },
            Arrived::Closed { flow } => Input::ConnectionClosed { flow },
        };
        if let Input::Received { flow, message: Ok(message) } = &input {
            self.observer.received(*flow, message);
        }
        self.gate.handle(now, input);
    }

    fn take_written(&mut self, event: WriterEvent) {
        self.observer.written(&event);
        self.store.hear(self.clock.now().moment, event);
        self.take_replies();
        self.carry_out();
    }

    fn take_replies(&mut self) {
        while let Some(reply) = self.store.next_reply() {
            self.gate.handle(self.clock.now(), Input::LedgerReplied(reply));
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
        }
    }

    /// Whoever asked may have gone.
    fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Locks(asker) => drop(asker.send(self.gate.fraud_locks(self.clock.now()))),
            Ask::CountriesCalled(countries) => self.gate.remember_countries(countries),
            Ask::Unlock { person, class, answer } => {
                let _ = answer.send(self.gate.lift_fraud_locks(&person, class));
            }
        }
    }

    /// Does what the gate wants done.
    fn carry_out(&mut self) {
        while let Some(output) = self.gate.next_output() {
            match output {
                Output::Send { flow, bytes } => {
                    self.observer.sent(flow, &bytes);
                    self.sockets.send(flow, &bytes);
                }
                Output::Event(event) => self.observer.happened(&event),
                Output::Ledger(command) => {
                    self.store.put(self.clock.now().moment, command);
                    self.take_replies();
                }
            }
        }
    }

    async fn close(mut self) {
        self.phones.follow(&mut self.gate, self.clock.now());
        self.sockets.close(Duration::from_secs(1)).await;
        // Joins the thread once everything decided is written.
        self.store.stop(self.clock.now().moment);
    }
}

fn received(flow: Flow, message: Result<Message, crate::sip::Malformed>) -> Input {
    Input::Received { flow, message: message.map(|message| message.arrived_from(flow.remote)) }
}
