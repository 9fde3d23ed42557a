//! The calling side (RFC 3261 §13.2): INVITE, the proof if it is asked for, ACK, the talk, and the end.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep;

use super::dialog::Dialog;
use super::line::{Answer, Answers, Asked, Requests};
use super::media::{Direction, description};
use super::outgoing::Outgoing;
use super::{Ended, Outcome, Phone, callee, contact, last};
use crate::base::Moment;
use crate::sip::{Message, Method, Transport};

/// How long the phone rings before its owner thinks better of it.
const SECOND_THOUGHTS: Duration = Duration::from_millis(300);

/// How long one is kept on hold.
const HOLD: Duration = Duration::from_millis(400);

/// What the caller does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Talks so long, then hangs up.
    Talk(Duration),
    /// Talks so long, holds the other side for a moment, goes on as long again, hangs up.
    Hold(Duration),
    /// Talks so long, asks the gate to transfer the other side there (RFC 3515), and hangs up.
    Transfer(Duration, &'static str),
    /// Hangs up while it rings.
    ThinkBetter,
    /// Leaves the hanging up to others, but waits no longer than this.
    Listen(Duration),
}

/// One call to be made.
#[derive(Clone, Debug)]
pub struct Dialling {
    /// The Request-URI.
    pub target: String,
    /// The proxy that gets the INVITE.
    pub via: SocketAddr,
    /// From, without its tag; `None`: who the phone is.
    pub from: Option<String>,
    /// More headers of the INVITE.
    pub extra: Vec<(&'static str, String)>,
    pub plan: Plan,
}

impl Phone {
    /// Makes a call and tells, when it is over, what became of it. `answered` is called as soon as someone has picked up.
    pub async fn call(&self, dialling: &Dialling, answered: impl FnOnce()) -> Outcome {
        let mut outcome = Outcome::default();
        let mut invite = self.invitation(dialling);
        let mut requests = self.line.join(&invite.call_id);
        let (final_answer, mut answers) = loop {
            let mut answers = self.line.request(dialling.via, self.identity.transport, invite.clone());
            let plan = dialling.plan;
            let Some(answer) = self.final_answer(&invite.call_id, &mut answers, plan, &mut outcome).await
            else {
                return outcome;
            };
            match self.prove_once_more(&answer, &mut invite) {
                true => invite.cseq += 1,
                false => break (answer, answers),
            }
        };
        if !outcome.is_answered() {
            return outcome;
        }
        answered();
        let dialog = Dialog::of_caller(&invite, &final_answer, self.identity.transport, dialling.via);
        let mut talk = Talk { phone: self, dialog, started: self.line.now(), outcome };
        talk.send(Method::Ack, None);
        talk.converse(dialling.plan, &mut answers, &mut requests).await;
        talk.outcome
    }

    fn invitation(&self, dialling: &Dialling) -> Outgoing {
        let own = || format!("<{}>", self.address_of_record());
        let from = dialling.from.clone().unwrap_or_else(own);
        let mut extra = vec![("Contact", contact(&self.line, &self.identity))];
        extra.extend(dialling.extra.iter().cloned());
        let mut invite = Outgoing {
            method: Method::Invite,
            uri: dialling.target.clone(),
            routes: Vec::new(),
            from: format!("{from};tag={}", self.line.word()),
            to: format!("<{}>", dialling.target),
            call_id: self.line.word(),
            cseq: 1,
            extra,
            body: Some(description(self.identity.address, Direction::Both)),
        };
        if let Some(ha1) = &self.identity.ha1 {
            let user = &self.identity.user;
            let value = self.purse.answer_again(user, ha1, &invite, &self.line.word());
            invite.extra.extend(value.map(|value| ("Proxy-Authorization", value)));
        }
        invite
    }

    /// Puts the proof that is asked for into the INVITE. False if none is asked for, or none can be given.
    fn prove_once_more(&self, answer: &Message, invite: &mut Outgoing) -> bool {
        let is_first = invite.cseq == 1;
        if is_first {
            invite.extra.retain(|(name, _)| *name != "Proxy-Authorization");
        }
        let proof = self.prove(answer, invite);
        let proved = proof.is_some();
        invite.extra.extend(proof);
        proved
    }

    /// The final answer to the INVITE; `None` if nobody gave one.
    async fn final_answer(
        &self,
        call_id: &str,
        answers: &mut Answers,
        plan: Plan,
        outcome: &mut Outcome,
    ) -> Option<Message> {
        let mut hesitates = plan == Plan::ThinkBetter;
        while let Some(Answer::Response(answer)) = answers.recv().await {
            outcome.note(&answer);
            if answer.status() >= 200 {
                return Some(*answer);
            }
            if answer.status() == 180 && std::mem::take(&mut hesitates) {
                sleep(SECOND_THOUGHTS).await;
                self.line.cancel(call_id);
            }
        }
        None
    }
}

/// A call that was answered.
struct Talk<'p> {
    phone: &'p Phone,
    dialog: Dialog,
    started: Moment,
    outcome: Outcome,
}

impl Talk<'_> {
    async fn converse(&mut self, plan: Plan, answers: &mut Answers, requests: &mut Requests) {
        let over = match plan {
            Plan::Talk(span) => self.listen(span, answers, requests).await,
            Plan::Hold(span) => {
                self.listen(span, answers, requests).await
                    || self.hold(requests).await
                    || self.listen(span, answers, requests).await
            }
            Plan::Transfer(span, target) => {
                self.listen(span, answers, requests).await || self.transfer(target).await
            }
            // Whoever picks up in spite of the CANCEL is told so (§9.1).
            Plan::ThinkBetter => false,
            Plan::Listen(span) => self.listen(span, answers, requests).await,
        };
        self.outcome.talked = self.phone.line.now().since(self.started);
        if !over {
            let mut answered = self.send(Method::Bye, None);
            let ended = if last(&mut answered).await.is_some() { Ended::ByUs } else { Ended::Lost };
            self.outcome.ended = ended;
        }
    }

    /// Listens so long; true if the other side has hung up meanwhile.
    async fn listen(&mut self, span: Duration, answers: &mut Answers, requests: &mut Requests) -> bool {
        let mut end = pin!(sleep(span));
        loop {
            tokio::select! {
                () = &mut end => return false,
                Some(asked) = requests.recv() => if self.is_over(&asked) { return true },
                Some(answer) = answers.recv() => if let Answer::Response(_) = answer {
                    // The 2xx again: its ACK was lost (§13.2.2.4).
                    self.send(Method::Ack, None);
                },
            }
        }
    }

    /// Holds the other side, then goes on (RFC 3264 §8.4). True if the other side has hung up instead.
    async fn hold(&mut self, requests: &mut Requests) -> bool {
        for direction in [Direction::SendOnly, Direction::Both] {
            let mut answers = self.send(Method::Invite, Some(direction));
            let Some(answer) = last(&mut answers).await else { return false };
            if answer.status() < 300 {
                self.send(Method::Ack, None);
                if Direction::of(answer.body()) == Direction::ReceiveOnly {
                    self.outcome.aside = Some("held".to_owned());
                }
            }
            if direction == Direction::SendOnly && self.listen(HOLD, &mut answers, requests).await {
                return true;
            }
        }
        false
    }

    /// Asks to have the other side transferred. False: the call goes on here, whatever the answer.
    async fn transfer(&mut self, target: &str) -> bool {
        let (line, domain) = (&self.phone.line, &self.phone.identity.domain);
        let mut refer = self.dialog.request(Method::Refer);
        refer.extra.push(("Refer-To", format!("<sip:{target}@{domain}>")));
        refer.extra.push(("Contact", contact(line, &self.phone.identity)));
        let (remote, transport) = self.dialog.hop();
        let answer = last(&mut line.request(remote, transport, refer)).await;
        self.outcome.aside = answer.map(|answer| format!("{} {}", answer.status(), answer.reason()));
        false
    }

    /// Answers what the other side asks inside the call; true for its BYE.
    fn is_over(&mut self, asked: &Asked) -> bool {
        let over = callee::answer_within(&self.phone.line, &self.phone.identity, asked);
        if over {
            let reason = asked.message.header_named("Reason").map(|reason| reason.into_owned());
            self.outcome.ended = Ended::ByThem { reason };
        }
        over
    }

    fn send(&mut self, method: Method, direction: Option<Direction>) -> Answers {
        let (line, identity) = (&self.phone.line, &self.phone.identity);
        let mut request = if method == Method::Ack { self.dialog.ack() } else { self.dialog.request(method) };
        if let Some(direction) = direction {
            request.extra.push(("Contact", contact(line, identity)));
            request.body = Some(description(identity.address, direction));
        }
        let (remote, transport): (SocketAddr, Transport) = self.dialog.hop();
        line.request(remote, transport, request)
    }
}
