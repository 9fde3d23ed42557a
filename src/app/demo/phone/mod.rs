//! A small real telephone (RFC 3261 §8): registers, proves who it is by digest, calls, is called, holds, hangs up.

mod callee;
mod caller;
mod dialog;
mod line;
mod media;
mod outcome;
mod outgoing;
mod proof;

use std::net::{IpAddr, SocketAddr};

pub use callee::{Manners, Visit};
pub use caller::{Dialling, Plan};
pub use line::LineError;
pub use outcome::{Ended, Outcome, Registered};

use crate::sip::digest::Ha1;
use crate::sip::{Message, Method, Name, Transport};
use line::{Answer, Answers, Line};
use outgoing::Outgoing;
use proof::Purse;

/// Longer than the demo, so that no phone need register twice.
const REGISTRATION_SECONDS: u32 = 600;

/// Who a phone is, and how it speaks.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The user part of its address, and the user name of its digest.
    pub user: String,
    pub domain: String,
    /// What proves who it is, in the realm of its domain.
    pub ha1: Option<Ha1>,
    pub transport: Transport,
    /// The address of this machine from which it speaks.
    pub address: IpAddr,
}

/// A telephone that is plugged in. Dropping it unplugs it.
pub struct Phone {
    identity: Identity,
    line: Line,
    purse: Purse,
}

impl Phone {
    /// Takes a line and picks up whoever calls, as `manners` say. Needs a `LocalSet` around it.
    ///
    /// # Errors
    /// The machine gives no socket or no randomness.
    pub fn plug_in(identity: Identity, manners: Manners) -> Result<Phone, LineError> {
        let (line, visitors) = Line::open(identity.address)?;
        tokio::task::spawn_local(callee::pick_up(line.clone(), identity.clone(), manners, visitors));
        Ok(Phone { identity, line, purse: Purse::default() })
    }

    /// Where it is reached.
    pub fn place(&self, transport: Transport) -> SocketAddr {
        self.line.place(transport)
    }

    /// Tells the registrar at `via` where this phone is (§10.2).
    pub async fn register(&self, via: SocketAddr) -> Registered {
        let mut request = self.registration();
        for _ in 0..2 {
            let mut answers = self.line.request(via, self.identity.transport, request.clone());
            let Some(answer) = last(&mut answers).await else { break };
            match self.prove(&answer, &request) {
                Some(proof) => request.extra.push(proof),
                None => return Registered::of(&answer),
            }
            request.cseq += 1;
        }
        Registered::default()
    }

    fn registration(&self) -> Outgoing {
        let address = self.address_of_record();
        Outgoing {
            method: Method::Register,
            uri: format!("sip:{}", self.identity.domain),
            routes: Vec::new(),
            from: format!("<{address}>;tag={}", self.line.word()),
            to: format!("<{address}>"),
            call_id: self.line.word(),
            cseq: 1,
            extra: vec![
                ("Contact", contact(&self.line, &self.identity)),
                ("Expires", REGISTRATION_SECONDS.to_string()),
            ],
            body: None,
        }
    }

    fn address_of_record(&self) -> String {
        format!("sip:{}@{}", self.identity.user, self.identity.domain)
    }

    /// The header that answers a challenge (§22.2, §22.3), if this is one that can be answered and was not answered before.
    fn prove(&self, answer: &Message, request: &Outgoing) -> Option<(&'static str, String)> {
        let (asks, header) = match answer.status() {
            401 => (Name::WwwAuthenticate, "Authorization"),
            407 => (Name::ProxyAuthenticate, "Proxy-Authorization"),
            _ => return None,
        };
        let ha1 = self.identity.ha1.as_ref()?;
        if request.extra.iter().any(|(name, _)| *name == header) {
            return None;
        }
        let asked = answer.headers(asks).map(|value| value.into_owned()).collect();
        let keep = answer.status() == 407;
        let value = self.purse.answer(asked, keep, &self.identity.user, ha1, request, &self.line.word())?;
        Some((header, value))
    }
}

/// The Contact of a phone (§8.1.1.8).
fn contact(line: &Line, identity: &Identity) -> String {
    let (user, place) = (&identity.user, line.place(identity.transport));
    let transport = identity.transport.uri_param();
    format!("<sip:{user}@{place}{transport}>")
}

/// The final answer to a request that is no INVITE; `None` if nobody gave one.
async fn last(answers: &mut Answers) -> Option<Message> {
    while let Some(Answer::Response(answer)) = answers.recv().await {
        if answer.status() >= 200 {
            return Some(*answer);
        }
    }
    None
}
