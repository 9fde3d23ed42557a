//! The called side (RFC 3261 §13.3): rings, answers, declines, waits, and hangs up as its manners say.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::sleep;

use super::dialog::Dialog;
use super::line::{Asked, Line, Requests};
use super::media::{Direction, description};
use super::{Identity, contact, last};
use crate::sip::{Message, Method, Reply};
use crate::transaction::ServerId;

/// What happens when a phone is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit {
    /// Rings so long, answers, and listens until the other side hangs up.
    Answer { after: Duration },
    /// Rings so long, answers, and hangs up after so long a talk.
    HangUp { after: Duration, talk: Duration },
    /// Rings and rings.
    Ring,
    /// Does not take the call: busy, out of order.
    Decline(u16),
}

/// The manners of a phone: what it does about a call to this user part.
pub type Manners = Rc<dyn Fn(&str) -> Visit>;

/// T1, the first pause before a 2xx without ACK is sent again, and T2, the longest (§13.3.1.4).
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// Nobody lets a phone ring longer.
const RINGING_LONGEST: Duration = Duration::from_secs(60);

/// Longer than any call of a demonstration.
const TALK_LONGEST: Duration = Duration::from_secs(3600);

/// Takes every new call, each in a task of its own.
pub async fn pick_up(line: Line, identity: Identity, manners: Manners, mut visitors: Requests) {
    while let Some(Asked { server, message }) = visitors.recv().await {
        if let Some(server) = server {
            let visitor = Visitor::of(line.clone(), identity.clone(), server, message);
            tokio::task::spawn_local(visitor.receive(Rc::clone(&manners)));
        }
    }
}

/// Answers a request inside a call; true if it was the BYE, after which nothing follows.
pub fn answer_within(line: &Line, identity: &Identity, asked: &Asked) -> bool {
    let Some(server) = asked.server else { return false };
    let request = &asked.message;
    let reply = |status, body: Option<&str>| {
        let contact = contact(line, identity);
        let extra: &[(&str, &str)] = if body.is_some() { &[("Contact", &contact)] } else { &[] };
        let body = body.map(|body| ("application/sdp", body.as_bytes()));
        let reply = Reply { request, status, reason: "", to_tag: "", extra, record_route: false, body };
        line.reply(server, status, reply.to_bytes());
    };
    match request.method() {
        Method::Bye => reply(200, None),
        Method::Invite => {
            let direction = Direction::of(request.body()).answered();
            reply(200, Some(&description(identity.address, direction)));
        }
        Method::Update | Method::Info | Method::Options => reply(200, None),
        _ => reply(405, None),
    }
    request.method() == Method::Bye
}

/// One call that came.
struct Visitor {
    line: Line,
    identity: Identity,
    server: ServerId,
    invite: Message,
    tag: String,
    requests: Requests,
}

impl Visitor {
    fn of(line: Line, identity: Identity, server: ServerId, invite: Message) -> Visitor {
        let requests = line.join(&String::from_utf8_lossy(invite.call_id()));
        let tag = line.word();
        Visitor { line, identity, server, invite, tag, requests }
    }

    async fn receive(mut self, manners: Manners) {
        let user = self.invite.to().parsed_uri().ok().and_then(|uri| uri.user.map(str::to_owned));
        let called = crate::sip::Uri::parse(self.invite.request_uri()).ok();
        let called = called.and_then(|uri| uri.user.map(str::to_owned)).or(user).unwrap_or_default();
        let (after, talk) = match manners(&called) {
            Visit::Decline(status) => return self.reply(status, None),
            Visit::Ring => (RINGING_LONGEST, None),
            Visit::Answer { after } => (after, Some(None)),
            Visit::HangUp { after, talk } => (after, Some(Some(talk))),
        };
        self.reply(180, None);
        if self.is_cancelled_within(after).await {
            return self.reply(487, None);
        }
        let Some(talk) = talk else { return self.reply(480, None) };
        let offered = Direction::of(self.invite.body()).answered();
        let body = description(self.identity.address, offered);
        if self.is_hung_up_before_ack(&body).await {
            return;
        }
        if !self.is_hung_up_within(talk.unwrap_or(TALK_LONGEST)).await {
            self.hang_up().await;
        }
    }

    /// Rings so long; true if the caller has hung up meanwhile.
    async fn is_cancelled_within(&mut self, span: Duration) -> bool {
        let mut end = pin!(sleep(span));
        loop {
            tokio::select! {
                () = &mut end => return false,
                asked = self.requests.recv() => match asked {
                    Some(asked) if asked.message.method() == Method::Cancel => return true,
                    Some(asked) => { answer_within(&self.line, &self.identity, &asked); }
                    None => return false,
                },
            }
        }
    }

    /// Answers, again and again until the ACK comes. True if a BYE came in its place.
    async fn is_hung_up_before_ack(&mut self, body: &str) -> bool {
        let mut pause = FIRST_PAUSE;
        loop {
            self.reply(200, Some(body));
            let mut end = pin!(sleep(pause));
            loop {
                tokio::select! {
                    () = &mut end => break,
                    asked = self.requests.recv() => match asked {
                        Some(asked) if asked.message.method() == Method::Ack => return false,
                        Some(asked) => if answer_within(&self.line, &self.identity, &asked) { return true },
                        None => return true,
                    },
                }
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Listens so long; true if the caller has hung up meanwhile.
    async fn is_hung_up_within(&mut self, span: Duration) -> bool {
        let mut end = pin!(sleep(span));
        loop {
            tokio::select! {
                () = &mut end => return false,
                asked = self.requests.recv() => match asked {
                    Some(asked) => if answer_within(&self.line, &self.identity, &asked) { return true },
                    None => return true,
                },
            }
        }
    }

    async fn hang_up(&self) {
        let source = self.invite.source().unwrap_or(SocketAddr::new(IpAddr::from([127, 0, 0, 1]), 5060));
        let mut dialog = Dialog::of_callee(&self.invite, &self.tag, source);
        let (remote, transport) = dialog.hop();
        let mut answers = self.line.request(remote, transport, dialog.request(Method::Bye));
        // Whether anyone answers or not, this side is done.
        last(&mut answers).await;
    }

    /// A response to the INVITE; one that makes a dialog carries the route and the Contact (§12.1.1).
    fn reply(&self, status: u16, body: Option<&str>) {
        let contact = contact(&self.line, &self.identity);
        let makes_dialog = (101..300).contains(&status);
        let extra: &[(&str, &str)] = if makes_dialog { &[("Contact", &contact)] } else { &[] };
        let reply = Reply {
            request: &self.invite,
            status,
            reason: "",
            to_tag: &self.tag,
            extra,
            record_route: makes_dialog,
            body: body.map(|body| ("application/sdp", body.as_bytes())),
        };
        self.line.reply(self.server, status, reply.to_bytes());
    }
}
