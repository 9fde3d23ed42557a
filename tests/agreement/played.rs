//! What the gate does: the INVITE of an attempt, played in simulated time until the gate ends the call.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tollgate::base::{Moment, Now, Random};
use tollgate::gate::{Event, Gate, Input, Output};
use tollgate::ledger::{Book, Command, Reply};
use tollgate::sip::{Flow, Framing, Message};
use tollgate::transaction::Timing;

use super::attempts::Attempt;
use super::binary::Told;
use super::house::House;

/// No call of these companies lasts longer.
const LONGEST: Duration = Duration::from_secs(5 * 3600);

/// What became of an attempt.
#[derive(Clone, Debug, Default)]
pub struct Done {
    permitted: bool,
    reason: Option<String>,
    price: Option<(String, String)>,
    reserved: Option<(String, u64)>,
    /// From the answer to the BYE; `None`: nobody answered, or the gate let them talk on.
    cut_after: Option<Duration>,
    answered: bool,
}

impl Done {
    pub fn agrees_with(&self, told: &Told) -> bool {
        let judged = (self.permitted, &self.reason) == (told.permitted, &told.reason);
        let paid = (&self.price, &self.reserved) == (&told.price, &told.reserved);
        // What money ends, it ends a second early (R72).
        let lead = u64::from(told.bound.as_deref().is_some_and(|bound| bound.contains(',')));
        let lasted = self.cut_after.map(|span| span.as_secs() + lead);
        judged && (!self.permitted || paid) && (!self.answered || lasted == told.longest)
    }
}

struct Played<'p> {
    gate: Gate,
    book: &'p mut Book,
    now: Now,
    sent: Vec<(Flow, Bytes)>,
    done: Done,
}

pub fn play(house: &House, attempt: &Attempt, book: &mut Book) -> Done {
    let now = Now::new(Moment::START + Duration::from_secs(1), attempt.utc());
    let gate = Gate::new(Arc::clone(&house.setup), Timing::default(), Random::from_number(7));
    let mut played = Played { gate, book, now, sent: Vec::new(), done: Done::default() };
    let (flow, invite) = house.invite(attempt);
    played.receive(flow, invite.into());
    let out =
        played.sent.iter().find(|(to, bytes)| bytes.starts_with(b"INVITE ") && to.remote != flow.remote);
    let Some((trunk, copy)) = out.cloned() else { return played.done };
    played.done.answered = true;
    played.sent.clear();
    played.receive(trunk, answer(&copy).into());
    let ok = played.sent.iter().find(|(_, bytes)| bytes.starts_with(b"SIP/2.0 200"));
    let (_, ok) = ok.cloned().expect("a 200 goes upstream");
    played.receive(flow, acknowledge(&ok).into());
    let begin = played.now.moment;
    played.sent.clear();
    while let Some(deadline) = played.gate.next_deadline().filter(|next| next.since(begin) < LONGEST) {
        played.now = played.now.after(deadline.since(played.now.moment));
        played.gate.advance(played.now);
        played.drain();
        if played.sent.iter().any(|(_, bytes)| bytes.starts_with(b"BYE ")) {
            played.done.cut_after = Some(played.now.moment.since(begin));
            break;
        }
    }
    played.done
}

impl Played<'_> {
    fn receive(&mut self, flow: Flow, bytes: Bytes) {
        let message =
            Message::parse(bytes, Framing::Datagram).map(|message| message.arrived_from(flow.remote));
        self.gate.handle(self.now, Input::Received { flow, message });
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.gate.next_output() {
            match output {
                Output::Send { flow, bytes } => self.sent.push((flow, bytes)),
                Output::Event(Event::Judged(judged)) => {
                    self.done.permitted = judged.reason.is_none();
                    self.done.reason = judged.reason.map(|reason| reason.code().to_owned());
                }
                Output::Event(_) => {}
                Output::LookUp { database, .. } => panic!("nobody here can be asked: {database}"),
                Output::Ledger(command) => {
                    let reply = self.book.apply(&command);
                    if let (Command::Reserve(asked), Reply::Reserved(_)) = (&command, &reply) {
                        let mark = asked.record.tariff.as_ref().expect("a price is recorded");
                        self.done.price = Some((mark.prefix.to_string(), mark.valid_from.to_string()));
                        self.done.reserved = Some((asked.amount.money.to_string(), asked.amount.seconds));
                    }
                    if command.is_question() {
                        self.gate.handle(self.now, Input::LedgerReplied(reply));
                    }
                }
            }
        }
    }
}

/// The trunk's 200.
fn answer(copy: &[u8]) -> String {
    let copy = String::from_utf8_lossy(copy);
    let mut text = "SIP/2.0 200 OK\r\n".to_owned();
    for line in copy.lines().take_while(|line| !line.is_empty()) {
        match line.split(':').next().unwrap_or_default() {
            "Via" | "From" | "Call-ID" | "CSeq" | "Record-Route" => text.extend([line, "\r\n"]),
            "To" => text.extend([line, ";tag=callee\r\n"]),
            _ => {}
        }
    }
    text + "Contact: <sip:callee@192.0.2.99:5060>\r\nContent-Length: 0\r\n\r\n"
}

/// The caller's ACK of the 200 that came through.
fn acknowledge(ok: &[u8]) -> String {
    let ok = String::from_utf8_lossy(ok);
    let value = |name: &str| {
        let line = ok.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(|value| value.trim().to_owned())
    };
    let contact = value("Contact").expect("a Contact");
    let route = value("Record-Route").map(|route| format!("Route: {route}\r\n")).unwrap_or_default();
    format!(
        "ACK {} SIP/2.0\r\nVia: SIP/2.0/UDP 10.3.0.5:5060;branch=z9hG4bKack\r\nMax-Forwards: 70\r\n{route}From: {}\r\nTo: {}\r\n\
         Call-ID: {}\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
        contact.trim_matches(['<', '>']),
        value("From").expect("a From"),
        value("To").expect("a To"),
        value("Call-ID").expect("a Call-ID"),
    )
}
