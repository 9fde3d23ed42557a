//! `tollgate call`: a test phone that places one real call through the running gate as somebody, and tells what became of it.

use std::fmt::Write;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use serde_json::json;
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::ask::{self, AskError};
use super::demo::phone::{Dialling, Ended, Identity, Outcome, Phone, Plan, Visit};
use super::explanation::lasting;
use super::paint::Paint;
use crate::config::{Carrier, Loaded};
use crate::policy::Person;
use crate::sip::Transport;
use crate::sip::digest::Ha1;

/// What is asked.
pub(super) struct Question<'a> {
    /// Key, extension or SIP user.
    pub person: &'a str,
    pub number: &'a str,
    /// Then it hangs up.
    pub talk: Duration,
    pub over: Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Over {
    Udp,
    Tcp,
}

/// Nobody lets a test ring for longer.
const RINGING_LONGEST: Duration = Duration::from_secs(120);

/// True if somebody answered.
pub(super) fn run(path: &Path, question: &Question<'_>, json: bool) -> Result<bool, AskError> {
    let loaded = ask::load(path)?;
    let id = ask::find(&loaded.policy, question.person)?;
    let person = loaded.policy.person(id);
    let via = gate(&loaded, question.over)?;
    let identity = identity(&loaded, person, question.over, via)?;
    let paint = Paint::for_stream(&io::stdout());
    if !json {
        let title = format!("{} ({}) calls {}", person.name, person.key, question.number);
        println!("{}", paint.bold(&title));
        println!("  INVITE to {via} over {}", identity.transport.as_str());
    }
    let outcome = place(identity, question, via, || {
        if !json {
            println!("  answered; hangs up after {}", lasting(question.talk));
        }
    })?;
    match json {
        true => println!("{}", as_json(person, question, via, &outcome)),
        false => print!("{}", page(&outcome, paint)),
    }
    Ok(outcome.is_answered())
}

/// Where the gate listens, as seen from its own machine.
fn gate(loaded: &Loaded, over: Over) -> Result<SocketAddr, AskError> {
    let (carrier, name) = match over {
        Over::Udp => (Carrier::Udp, "UDP"),
        Over::Tcp => (Carrier::Tcp, "TCP"),
    };
    let mut listeners = loaded.settings.listeners.iter();
    let found = listeners.find(|listener| listener.carrier == carrier).ok_or(AskError::NoListener(name))?;
    let address = match found.address.ip() {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    Ok(SocketAddr::new(address, found.address.port()))
}

fn identity(loaded: &Loaded, person: &Person, over: Over, gate: SocketAddr) -> Result<Identity, AskError> {
    let mut credentials = loaded.credentials.iter();
    let own = credentials.find(|credential| *credential.person == *person.key);
    let own = own.ok_or_else(|| AskError::NoPhone(person.key.to_string()))?;
    Ok(Identity {
        user: own.user.clone(),
        domain: loaded.settings.sip.realm.clone(),
        ha1: Some(Ha1 { md5: own.md5, sha256: own.sha256 }),
        transport: match over {
            Over::Udp => Transport::Udp,
            Over::Tcp => Transport::Tcp,
        },
        address: gate.ip(),
    })
}

fn place(
    identity: Identity,
    question: &Question<'_>,
    via: SocketAddr,
    answered: impl FnOnce(),
) -> Result<Outcome, AskError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let target = format!("sip:{}@{}", user_part(question.number), identity.domain);
    let dialling = Dialling { target, via, from: None, extra: Vec::new(), plan: Plan::Talk(question.talk) };
    LocalSet::new().block_on(&runtime, async {
        let phone = Phone::plug_in(identity, Rc::new(|_| Visit::Decline(486)))?;
        let patience = RINGING_LONGEST + question.talk;
        Ok(timeout(patience, phone.call(&dialling, answered)).await.unwrap_or_default())
    })
}

/// What was dialled as the user part of a URI (RFC 3261 §25.1): whatever may not stand there is escaped.
fn user_part(dialled: &str) -> String {
    let mut user = String::new();
    for byte in dialled.bytes() {
        match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => user.push(char::from(byte)),
            byte if b"-_.!~*'()&=+$,;?/".contains(&byte) => user.push(char::from(byte)),
            // Writing to a String cannot fail.
            byte => drop(write!(user, "%{byte:02X}")),
        }
    }
    user
}

fn page(outcome: &Outcome, paint: Paint) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail, here and below.
    let verdict = match outcome.status {
        0 => paint.bad("no answer from the gate"),
        status if outcome.is_answered() => paint.good(&format!("{status} {}", outcome.phrase)),
        status => paint.bad(&format!("{status} {}", outcome.phrase)),
    };
    let rang = if outcome.rang { "it rang; " } else { "" };
    let _ = writeln!(page, "  {rang}{verdict}");
    if outcome.is_answered() {
        let _ = writeln!(page, "  talked {}, {}", lasting(outcome.talked), ended(outcome));
    }
    if let Some(decision) = &outcome.decision {
        let _ = writeln!(page, "\n  tollgate why {decision}");
    }
    page
}

fn ended(outcome: &Outcome) -> String {
    match &outcome.ended {
        Ended::NeverAnswered => "never answered".into(),
        Ended::ByUs => "then hung up".into(),
        Ended::ByThem { .. } => {
            let why = outcome.reason().map(|reason| format!(": {reason}")).unwrap_or_default();
            format!("then the other side, or the gate, ended it{why}")
        }
        Ended::Lost => "then hung up, and nobody answered to that".into(),
    }
}

fn as_json(
    person: &Person,
    question: &Question<'_>,
    via: SocketAddr,
    outcome: &Outcome,
) -> serde_json::Value {
    json!({
        "caller": &*person.key,
        "dialled": question.number,
        "via": via.to_string(),
        "status": outcome.status,
        "phrase": outcome.phrase,
        "decision": outcome.decision,
        "rang": outcome.rang,
        "talked_s": outcome.talked.as_secs(),
        "ended": ended(outcome),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dialled_becomes_a_user_part() {
        for (dialled, user) in [("+49 30/1", "+49%2030/1"), ("*97#", "*97%23"), ("100%", "100%25")] {
            assert_eq!(user_part(dialled), user);
        }
    }
}
