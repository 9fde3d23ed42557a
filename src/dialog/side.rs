//! One end of a dialog as it must be addressed: remote target, route set, transport flow, last CSeq (RFC 3261 §12.1, §12.2).

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::LazyLock;

use super::words::Words;
use crate::base::{Blank, Seldom};
use crate::sip::{ConnectionId, Flow, KeptFlow, Message, Name, Transport, Uri};

/// The caller sent the INVITE, the callee answered it; the words stay through every later request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    Caller,
    Callee,
}

impl End {
    pub fn other(self) -> End {
        match self {
            End::Caller => End::Callee,
            End::Callee => End::Caller,
        }
    }
}

/// Routes of one side kept at most; a longer Record-Route set is an attack on memory, not a path (RFC 3261 §16.6 sets none).
pub(super) const ROUTES_MAX: usize = 16;

/// Repeats of one INVITE at most; a response whose CSeq is further off is not believed.
const AHEAD_MAX: u32 = 16;

#[derive(Debug)]
pub struct Side {
    /// Its tag; From or To of the INVITE, as this side wrote its own; the URI of its Contact, without the angle brackets.
    pub(super) words: Words,
    pub(super) flow: KeptFlow,
    /// None: it has sent nothing yet.
    pub(super) last_cseq: Option<u32>,
    /// How much higher its requests count on the other side: one more for each request of the gate's own in its name, such as the
    /// repeat with credentials that a trunk asks for (RFC 3261 §22.2).
    pub(super) ahead: u32,
    /// Its latest INVITE, and how far that was ahead: ACK and PRACK name its number.
    pub(super) invite: (u32, u32),
    /// How much further than by one our next request in its name counts: after a restart more than was written down.
    pub(super) gap: u32,
    /// What most sides do not have.
    pub(super) beside: Seldom<Beside>,
}

/// What is known of a side behind a proxy, or of one whose address was rewritten.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Beside {
    /// Route values in the order in which a request towards this side carries them; ours are not among them.
    pub routes: Box<[Box<str>]>,
    /// Its address as the other side knows it, if that was rewritten (R20).
    pub alias: Option<Box<str>>,
}

impl Blank for Beside {
    fn blank() -> &'static Beside {
        static BLANK: LazyLock<Beside> = LazyLock::new(Beside::default);
        &BLANK
    }
}

impl Beside {
    /// It takes memory only if there is something.
    pub(super) fn kept(self) -> Seldom<Beside> {
        if self == Beside::default() { Seldom::default() } else { Seldom::new(self) }
    }
}

impl Side {
    pub(super) fn of_caller(invite: &Message, flow: Flow) -> Option<Side> {
        let routes = invite.values(Name::RecordRoute).map(|route| Box::from(&*route.text()));
        // A caller of RFC 2543 may have no tag (§12.1.1).
        let tag = invite.from_tag().unwrap_or_default();
        Some(Side {
            words: Words::new(tag, &invite.header(Name::From)?, &target_of(invite, flow)),
            flow: flow.into(),
            last_cseq: Some(invite.cseq()),
            ahead: 0,
            invite: (invite.cseq(), 0),
            gap: 0,
            beside: Beside { routes: routes.take(ROUTES_MAX).collect(), alias: None }.kept(),
        })
    }

    pub(super) fn of_callee(response: &Message, flow: Flow, mark: &str) -> Option<Side> {
        let mut side = Side {
            words: Words::new(response.to_tag()?, &response.header(Name::To)?, &target_of(response, flow)),
            flow: flow.into(),
            last_cseq: None,
            ahead: 0,
            invite: (0, 0),
            gap: 0,
            beside: Seldom::default(),
        };
        side.learn_routes(response, mark);
        Some(side)
    }

    /// The callee's route set: what lies below us in the response's Record-Route, nearest first. The topmost values were added
    /// furthest down, so the walk ends at our own, which carries `mark` (§12.1.2, seen from here).
    pub(super) fn learn_routes(&mut self, response: &Message, mark: &str) {
        let below = response.values(Name::RecordRoute).take_while(|route| !route.carries_mark(mark));
        let mut routes: Box<[Box<str>]> =
            below.map(|route| Box::from(&*route.text())).take(ROUTES_MAX).collect();
        routes.reverse();
        if routes != self.beside.routes {
            self.beside.routes = routes;
        }
    }

    /// A target refresh (§12.2.1.2): the Contact of a re-INVITE, an UPDATE or its 2xx. True if it was another.
    pub fn refresh_target(&mut self, message: &Message) -> bool {
        let contact = message.contacts().next().and_then(Result::ok);
        let target = contact.map(|contact| contact.uri).filter(|target| *target != self.target());
        if let Some(target) = target {
            self.words = self.words.reached_at(target);
        }
        target.is_some()
    }

    pub fn tag(&self) -> &[u8] {
        self.words.tag()
    }

    pub fn flow(&self) -> Flow {
        self.flow.flow()
    }

    pub fn target(&self) -> &str {
        self.words.target()
    }

    /// The Route values of a request towards this side, in order.
    pub fn routes(&self) -> &[Box<str>] {
        &self.beside.routes
    }

    /// As this side writes it, with its tag.
    pub fn address(&self) -> &str {
        self.words.address()
    }

    /// As the other side knows it, if that differs (R20).
    pub fn alias(&self) -> Option<&str> {
        self.beside.alias.as_deref()
    }

    pub fn show_as(&mut self, alias: Option<Box<str>>) {
        if alias != self.beside.alias {
            self.beside.alias = alias;
        }
    }

    /// What the other side reads as the address of this one.
    pub fn shown(&self) -> &str {
        self.alias().unwrap_or(self.address())
    }

    /// How much higher its requests count on the other side, as far as a byte tells.
    pub fn ahead(&self) -> u8 {
        u8::try_from(self.ahead).unwrap_or(0)
    }

    /// The CSeq under which the other side knows its request of this number.
    pub fn sent_as(&self, cseq: u32) -> u32 {
        cseq.saturating_add(self.ahead)
    }

    /// The same for whatever belongs to an INVITE of this number: its ACK (§13.2.2.4), its PRACK (RFC 3262 §7.2).
    pub fn invite_sent_as(&self, cseq: u32) -> u32 {
        let ahead = if self.invite.0 == cseq { self.invite.1 } else { self.ahead };
        cseq.saturating_add(ahead)
    }

    /// Its INVITE of this number has left under that one.
    pub fn note_invite(&mut self, cseq: u32, sent_as: u32) {
        self.invite = (cseq, sent_as.saturating_sub(cseq));
    }

    /// The next CSeq on the other side, for a request that the gate makes in this side's name.
    pub fn own_cseq(&mut self) -> u32 {
        self.ahead = self.ahead.saturating_add(1).saturating_add(std::mem::take(&mut self.gap));
        self.sent_as(self.last_cseq.unwrap_or(0))
    }

    /// The number of its latest INVITE, as it wrote it.
    pub fn latest_invite(&self) -> u32 {
        self.invite.0
    }

    /// The other side has counted further than we know: our next request in this side's name skips so many numbers.
    pub fn skip(&mut self, count: u32) {
        self.gap = count;
    }

    /// The other side knows its INVITE under this number, as the first answer to it says.
    pub(super) fn learn_ahead(&mut self, cseq: u32) {
        let (invite, _) = self.invite;
        self.ahead = cseq.checked_sub(invite).filter(|ahead| *ahead <= AHEAD_MAX).unwrap_or(0);
        self.invite = (invite, self.ahead);
    }

    pub(super) fn count(&mut self, cseq: u32) -> bool {
        let rises = self.last_cseq.is_none_or(|last| cseq > last);
        self.last_cseq = self.last_cseq.max(Some(cseq));
        rises
    }

    /// Its connection is gone, and with it the way that goes through no address.
    pub fn is_cut_off(&self) -> bool {
        let flow = self.flow();
        flow.transport.is_reliable() && flow.connection == ConnectionId::NONE
    }

    /// Goes on over this flow, known to lead to it.
    pub fn move_to(&mut self, flow: Flow) {
        self.flow = flow.into();
    }

    /// True if a request that claims to come from this side arrived from where the side is: its connection or its address.
    /// A port may change behind NAT; an address that changes is somebody else (R12).
    pub fn speaks_from(&self, flow: Flow) -> bool {
        self.flow().remote.ip().to_canonical() == flow.remote.ip().to_canonical()
    }

    /// Follows the side to the connection or port it now speaks from; only for a request that passed `speaks_from`. True if it
    /// moves.
    pub fn follow(&mut self, flow: Flow) -> bool {
        let known = self.flow();
        let moves = known.transport == flow.transport && known != flow;
        if moves {
            self.flow = flow.into();
        }
        moves
    }

    /// Where a request towards this side goes: the first route or the target where that is the very host the side speaks
    /// from, so that its listening port counts, not the port of one datagram; else the flow itself, which reaches through NAT.
    pub fn hop(&self) -> Flow {
        hop(self.flow(), self.routes().first().map_or(self.target(), |route| uri_of_route(route)))
    }

    /// The same of a caller of whom nothing but her INVITE is known yet.
    pub fn hop_of_caller(invite: &Message, flow: Flow) -> Flow {
        let route = invite.record_routes().next();
        let contact = || invite.contacts().next().and_then(Result::ok);
        route.or_else(contact).map_or(flow, |first| hop(flow, first.uri))
    }
}

fn hop(flow: Flow, uri: &str) -> Flow {
    let leads_there = flow.transport == Transport::Udp || flow.connection == ConnectionId::NONE;
    match literal_address(uri).filter(|address| leads_there && address.ip() == flow.remote.ip()) {
        Some(address) => Flow { remote: address, ..flow },
        None => flow,
    }
}

/// Whoever gives no Contact, against §8.1.1.8, is reached where it spoke from.
fn target_of(message: &Message, flow: Flow) -> Cow<'_, str> {
    match message.contacts().next().and_then(Result::ok) {
        Some(contact) => contact.uri.into(),
        None => format!("sip:{}", flow.remote).into(),
    }
}

fn uri_of_route(route: &str) -> &str {
    route.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(route, |(uri, _)| uri)
}

/// Host and port of a URI whose host is an address, not a name.
fn literal_address(uri: &str) -> Option<SocketAddr> {
    let uri = Uri::parse(uri).ok()?;
    Some(SocketAddr::new(uri.address()?, uri.port.unwrap_or(5060)))
}
