//! Tickets of transfers (R23): each lets one INVITE of one party through for a minute, at its transferor's expense.

use std::sync::Arc;
use std::time::Duration;

use super::call::CallKey;
use super::replace::Named;
use crate::base::Moment;
use crate::sip::NameAddr;
use crate::transaction::ServerId;

/// How long a REFER may take to become an INVITE (R23).
const LIFE: Duration = Duration::from_secs(60);

/// Tickets of one transferor at once: a transfer is one, an assistant may have a few under way; more are an attempt to save them up.
const PER_TRANSFEROR_MAX: usize = 8;

/// Tickets at once. Each needs a call in progress and a permit, so a house that holds this many is under attack; the oldest go.
const TICKETS_MAX: usize = 1024;

/// Leave for one INVITE.
#[derive(Debug)]
pub(super) struct Ticket {
    /// Written into Referred-By; nobody can guess it.
    pub mark: u64,
    /// Who sent the REFER and pays to the end, by key.
    pub transferor: Arc<str>,
    /// Who may use it.
    pub transferee: Party,
    pub goal: Goal,
    /// The call in which the REFER was sent.
    pub call: CallKey,
    /// True if the transferee is not one of our people.
    pub outside: bool,
}

/// Who was told to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Party {
    /// By key.
    Person(Arc<str>),
    /// Somebody behind a trunk, by the name of its network.
    Peer(Arc<str>),
}

/// Whom a transfer leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// The user part as the gate wrote it into Refer-To.
    Number(Arc<str>),
    /// The far end of a dialog, which the INVITE replaces (RFC 3891).
    Dialog(Named),
}

/// All tickets that may still be used.
#[derive(Default)]
pub(super) struct Tickets {
    /// The oldest first.
    live: Vec<Issued>,
}

struct Issued {
    ticket: Ticket,
    until: Moment,
    /// The REFER as it came: its refusal takes the ticket back.
    refer: ServerId,
}

impl Tickets {
    pub fn issue(&mut self, now: Moment, ticket: Ticket, refer: ServerId) {
        self.live.retain(|issued| issued.until > now);
        let is_own = |issued: &Issued| issued.ticket.transferor == ticket.transferor;
        if self.live.iter().filter(|issued| is_own(issued)).count() >= PER_TRANSFEROR_MAX
            && let Some(oldest) = self.live.iter().position(is_own)
        {
            self.live.remove(oldest);
        }
        if self.live.len() >= TICKETS_MAX {
            self.live.remove(0);
        }
        self.live.push(Issued { ticket, until: now + LIFE, refer });
    }

    /// The tickets of this party that hold now, the latest first. `referred_by` is what its INVITE says of itself: a mark must be
    /// that of the ticket, and somebody from outside must show it, since a network proves nobody.
    pub fn of<'t>(
        &'t self,
        now: Moment,
        party: &'t Party,
        referred_by: Option<&str>,
    ) -> impl Iterator<Item = &'t Ticket> {
        let shown = referred_by.map(mark_of);
        let is_shown = move |ticket: &Ticket| match (shown, party) {
            (Some(Some(mark)), _) => mark == ticket.mark,
            (Some(None) | None, Party::Person(_)) => true,
            (Some(None) | None, Party::Peer(_)) => false,
        };
        let live = self.live.iter().rev().filter(move |issued| issued.until > now);
        live.map(|issued| &issued.ticket)
            .filter(move |ticket| ticket.transferee == *party && is_shown(ticket))
    }

    /// It has been used.
    pub fn use_up(&mut self, mark: u64) {
        self.live.retain(|issued| issued.ticket.mark != mark);
    }

    /// The transferee has declined, or cannot be reached: nobody will call.
    pub fn take_back(&mut self, refer: ServerId) {
        self.live.retain(|issued| issued.refer != refer);
    }

    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }
}

/// The parameter of Referred-By that carries the mark (RFC 3892 §3, generic-param).
pub(super) const MARK: &str = "ticket";

fn mark_of(referred_by: &str) -> Option<u64> {
    let address = NameAddr::parse(referred_by.as_bytes())?;
    u64::from_str_radix(address.param(MARK)??, 16).ok()
}
