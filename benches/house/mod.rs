//! A gate in memory with its people behind a trusted PBX, for the benches and the count of allocations: calls go through
//! the whole of it, ledger's book included, without a socket, a disk or a clock.

pub mod company;
pub mod words;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{TimeZone, Utc};
use tollgate::base::{Moment, Now, Random};
use tollgate::gate::{Gate, Input, Output};
use tollgate::ledger::{Book, Command, Reply};
use tollgate::sip::{Flow, Framing, Message};
use tollgate::transaction::Timing;

pub use company::{Size, caller_flow, trunk_flow};

/// Slow enough that a few thousand calls bring the tables to their usual size: a transaction stays for 32 seconds.
const BETWEEN_CALLS: Duration = Duration::from_millis(10);

/// The gate, and what stands around it.
pub struct House {
    gate: Gate,
    book: Book,
    now: Now,
    /// How much time passes before each call.
    pub between_calls: Duration,
    count: u64,
    questions: Vec<Command>,
    sent: Vec<(Flow, Bytes)>,
    /// The last message that went to the trunk.
    through: Bytes,
}

impl House {
    pub fn new(size: Size) -> House {
        let utc = Utc.with_ymd_and_hms(2026, 11, 23, 10, 0, 0).single().expect("an instant");
        House {
            gate: Gate::new(Arc::new(company::snapshot(size)), Timing::default(), Random::from_number(1)),
            book: Book::default(),
            now: Now::new(Moment::from_micros(1), utc),
            between_calls: BETWEEN_CALLS,
            count: 0,
            questions: Vec::with_capacity(64),
            sent: Vec::with_capacity(64),
            through: Bytes::new(),
        }
    }

    /// Begins the next call. Time goes on, and what is over is forgotten.
    pub fn next_call(&mut self) {
        self.count += 1;
        self.wait(self.between_calls);
    }

    /// Time goes on, and what became due meanwhile is done.
    pub fn wait(&mut self, span: Duration) {
        self.now = self.now.after(span);
        self.gate.advance(self.now);
        self.drain();
        self.settle();
    }

    /// A call from its INVITE to its settled money; panics if it does not go as it should.
    pub fn whole_call(&mut self) {
        self.go_through(&Step::ALL);
    }

    /// A call that is answered and then goes on.
    pub fn lasting_call(&mut self) {
        self.go_through(&[Step::Invite, Step::Ringing, Step::Answer, Step::Ack]);
    }

    fn go_through(&mut self, steps: &[Step]) {
        self.next_call();
        for step in steps {
            let bytes = self.words(*step);
            self.receive(step.from(), bytes);
            self.answer_questions();
            assert!(self.take_sent() > 0, "{step:?} goes on to the other side");
        }
        self.settle();
    }

    /// The phone of a person registers, and proves who it is.
    pub fn register(&mut self, person: u64) {
        let flow = company::phone_flow(person);
        self.receive(flow, words::register(person, flow.remote, None));
        let challenge = self.sent.pop().expect("a challenge").1;
        self.receive(flow, words::register(person, flow.remote, Some(&challenge)));
        let (_, answer) = self.sent.pop().expect("an answer");
        assert!(answer.starts_with(b"SIP/2.0 200"), "{}", String::from_utf8_lossy(&answer));
    }

    pub fn calls_in_progress(&self) -> usize {
        self.gate.calls_in_progress()
    }

    /// An INVITE to somebody who is no contact: 403.
    pub fn refused_call(&mut self) {
        self.next_call();
        self.receive(caller_flow(), words::invite(self.count, words::STRANGER));
        assert_eq!(self.take_sent(), 1, "a 403");
        self.settle();
    }

    /// What comes in at this step of the present call.
    pub fn words(&self, step: Step) -> Bytes {
        match step {
            Step::Invite => words::invite(self.count, words::CONTACT),
            Step::Ringing => words::answer(&self.through, "180 Ringing"),
            Step::Answer | Step::ByeAnswer => words::answer(&self.through, "200 OK"),
            Step::Ack => words::in_dialog(self.count, "ACK", 1),
            Step::Bye => words::in_dialog(self.count, "BYE", 2),
        }
    }

    /// An INFO within the present call, with this CSeq.
    pub fn info(&self, cseq: u32) -> Bytes {
        words::in_dialog(self.count, "INFO", cseq)
    }

    /// One message comes in. What the gate sends waits in `take_sent`.
    pub fn receive(&mut self, from: Flow, bytes: Bytes) {
        let message =
            Message::parse(bytes, Framing::Datagram).map(|message| message.arrived_from(from.remote));
        self.gate.handle(self.now, Input::Received { flow: from, message });
        self.drain();
    }

    /// How many messages the gate has sent since the last time.
    pub fn take_sent(&mut self) -> usize {
        let count = self.sent.len();
        for (flow, bytes) in self.sent.drain(..) {
            if flow.remote == trunk_flow().remote {
                self.through = bytes;
            }
        }
        count
    }

    /// The book's answers to what waits for them; the caller hands them in with `hear`.
    pub fn answers(&mut self) -> Vec<Reply> {
        let replies = self.questions.drain(..).map(|command| self.book.apply(&command)).collect();
        self.book.keep();
        replies
    }

    /// One answer of the ledger comes in.
    pub fn hear(&mut self, reply: Reply) {
        self.gate.handle(self.now, Input::LedgerReplied(reply));
        self.drain();
    }

    fn answer_questions(&mut self) {
        while !self.questions.is_empty() {
            self.answers().into_iter().for_each(|reply| self.hear(reply));
        }
    }

    fn settle(&mut self) {
        self.answer_questions();
        self.sent.clear();
        self.book.forget_resolved(1_000);
    }

    fn drain(&mut self) {
        while let Some(output) = self.gate.next_output() {
            match output {
                Output::Send { flow, bytes } => self.sent.push((flow, bytes)),
                Output::Ledger(command) => self.questions.push(command),
                Output::Event(_) => {}
                Output::LookUp { database, .. } => panic!("nobody here can be asked: {database}"),
            }
        }
    }
}

/// What comes in during a call, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Invite,
    Ringing,
    Answer,
    Ack,
    Bye,
    ByeAnswer,
}

impl Step {
    pub const ALL: [Step; 6] =
        [Step::Invite, Step::Ringing, Step::Answer, Step::Ack, Step::Bye, Step::ByeAnswer];

    pub fn from(self) -> Flow {
        match self {
            Step::Ringing | Step::Answer | Step::ByeAnswer => trunk_flow(),
            Step::Invite | Step::Ack | Step::Bye => caller_flow(),
        }
    }
}
