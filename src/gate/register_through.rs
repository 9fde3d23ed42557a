//! Phones that register at a telephone system behind us (R21, RFC 3327). The REGISTER is passed on with a Path that leads back to the
//! phone's flow. The telephone system asks for the password; its 200 to a REGISTER binds the flow to that person, whose calls over it
//! are judged here as hers for as long as she is registered.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use super::setup::{Pbx, PeerKind};
use super::{Event, Gate, Sent};
use crate::base::{Now, PersonId};
use crate::proxy::{
    Forwarding, Interface, Returning, Target, forward_request, forward_response, loop_mark, via,
};
use crate::registrar::FlowMark;
use crate::sip::{Draft, Flow, Framing, Message, Method, Name, NameAddr, Uri};
use crate::transaction::{ClientId, ServerId};

/// Registrations count for a little longer than the telephone system has said, as the refresh may be on its way.
const GRACE: Duration = Duration::from_secs(5);
/// Without any word of the time (RFC 3261 §10.2.1.1 leaves it to the registrar; ours says an hour).
const USUAL_SECONDS: u32 = 3600;
/// Longer registrations are not believed for longer: a day.
const LONGEST_SECONDS: u32 = 86_400;

/// A request outside any call that was passed on for `server`.
#[derive(Clone, Debug)]
pub(super) struct Passed {
    server: ServerId,
    /// As its sender has numbered it.
    cseq: u32,
    registers: Option<Box<Registering>>,
}

/// A REGISTER on its way to the telephone system.
#[derive(Clone, Debug)]
struct Registering {
    request: Message,
    flow: Flow,
    person: Arc<str>,
}

impl Gate {
    /// Passes on the REGISTER of somebody whose phones register at `pbx`.
    pub(super) fn register_through(
        &mut self,
        now: Now,
        flow: Flow,
        server: ServerId,
        request: &Message,
        person: PersonId,
        pbx: &Pbx,
    ) {
        let setup = Arc::clone(&self.setup);
        let source = flow.remote.ip().to_canonical();
        if self.is_guesser(flow) && self.lockout.is_locked(now.moment, source) {
            // Each of these answers counts towards the silence that follows, as where we ask for the password ourselves.
            self.lockout.told(source);
            self.tell(Event::Rejected { code: "source_locked", status: 403 });
            return self.answer(now, server, request, 403, "Too Many Wrong Passwords", &[]);
        }
        let Some(interface) = setup.interfaces.at(pbx.flow.listener) else {
            return self.answer_plainly(now, server, request, 500);
        };
        let path = path(interface, self.through.mark(flow));
        let with_path = Draft::of(request).push(Name::Path, &path).into_bytes();
        let Ok(with_path) = Message::parse(with_path, Framing::Datagram) else {
            return self.answer_plainly(now, server, request, 513);
        };
        let with_path = match request.source() {
            Some(source) => with_path.arrived_from(source),
            None => with_path,
        };
        let person = setup.policy.person(person).key.clone();
        let registers = Some(Box::new(Registering { request: request.clone(), flow, person }));
        let passed = Passed { server, cseq: request.cseq(), registers };
        self.pass(now, pbx.flow, request.request_uri(), &with_path, passed);
    }

    /// OPTIONS, NOTIFY and MESSAGE of a telephone system for a phone that has registered there through us. False if it is none.
    pub(super) fn pass_to_phone(
        &mut self,
        now: Now,
        flow: Flow,
        server: ServerId,
        request: &Message,
    ) -> bool {
        let is_passed = matches!(request.method(), Method::Options | Method::Notify | Method::Message);
        let Some(mark) = self.marked(flow, request).filter(|_| is_passed) else { return false };
        match self.through.flow(mark) {
            Some(phone) => {
                let passed = Passed { server, cseq: request.cseq(), registers: None };
                self.pass(now, phone, request.request_uri(), request, passed);
            }
            None => self.answer_plainly(now, server, request, 430),
        }
        true
    }

    /// The flow mark that a telephone system's request carries in its topmost Route (RFC 3327 §5.3). Nobody else's is looked at (R13).
    pub(super) fn marked(&self, flow: Flow, request: &Message) -> Option<FlowMark> {
        let peer = self.setup.peer_at(flow.remote.ip())?;
        let (true, route) = (peer.kind == PeerKind::TrustedPbx, request.routes().next()?) else {
            return None;
        };
        let uri = route.parsed_uri().ok()?;
        let ours = self.setup.interfaces.is_ours(uri.host, uri.port);
        uri.user.filter(|_| ours).and_then(FlowMark::read)
    }

    /// Whose phone a telephone system calls, and the way to it (RFC 3327 §5.3). Of several people at one flow, the one that the
    /// Request-URI names.
    pub(super) fn chosen_phone(
        &self,
        now: Now,
        mark: FlowMark,
        request: &Message,
    ) -> Option<(PersonId, Target)> {
        let flow = self.through.flow(mark)?;
        let policy = &self.setup.policy;
        let people = self.through.people(flow, now.moment).filter_map(|key| policy.person_by_key(key));
        let people: SmallVec<[PersonId; 1]> = people.collect();
        let user = Uri::parse(request.request_uri()).ok().and_then(|uri| uri.user);
        let is_named =
            |person: &PersonId| user.is_some() && policy.person(*person).sip_user.as_deref() == user;
        let person = *people.iter().find(|person| is_named(person)).or(people.first())?;
        let request_uri = request.request_uri().to_owned();
        Some((person, Target { flow, request_uri, routes: SmallVec::new(), trunk: None, silence: None }))
    }

    fn pass(&mut self, now: Now, to: Flow, uri: &str, request: &Message, passed: Passed) {
        let setup = Arc::clone(&self.setup);
        let server = passed.server;
        let Some(interface) = setup.interfaces.at(to.listener) else {
            return self.answer_plainly(now, server, request, 500);
        };
        let branch = self.transactions.new_branch(loop_mark(&self.loop_keys, request));
        let bytes = forward_request(
            request,
            &Forwarding {
                request_uri: uri,
                via: &via(interface, &branch),
                record_route: None,
                routes: &[],
                asserted: None,
                privacy: false,
                from: None,
                to: None,
                cseq: request.cseq(),
                rack: None,
                proofs: &[],
            },
            &mut self.papers.passing,
        );
        self.transactions.request(now.moment, to, request.method(), &branch, bytes, Sent::Passed(passed));
    }

    /// An answer on its way back. What the telephone system says to a REGISTER decides who speaks over its flow.
    pub(super) fn passed_response(&mut self, now: Now, client: ClientId, response: &Message) {
        let Some(Sent::Passed(passed)) = self.transactions.client(client) else { return };
        let passed = passed.clone();
        if response.status() == 100 {
            return;
        }
        if let Some(registering) = &passed.registers {
            self.registered(now, registering, response);
        }
        let returning = Returning { own_route: None, from: None, to: None, cseq: passed.cseq };
        let bytes = forward_response(response, &returning, &mut self.papers.kept);
        // The Path is ours and tells the phone nothing; a Service-Route (RFC 3608) would lead it past us.
        let bytes = match Message::parse(bytes.clone(), Framing::Datagram) {
            Ok(message) => Draft::of(&message).drop_all(Name::Path).drop_named("Service-Route").into_bytes(),
            Err(_) => bytes,
        };
        self.respond(now, passed.server, response.status(), bytes);
    }

    /// Nobody answered.
    pub(super) fn pass_failed(&mut self, passed: Passed) {
        self.transactions.forget_server(passed.server);
    }

    fn registered(&mut self, now: Now, registering: &Registering, response: &Message) {
        let Registering { request, flow, person } = registering;
        let source = flow.remote.ip().to_canonical();
        match response.status() {
            200..=299 => {
                self.lockout.proved(now.moment, source);
                match granted_seconds(request, response) {
                    Some(0) => self.through.unbind(*flow, person),
                    Some(seconds) => {
                        let lasts = Duration::from_secs(u64::from(seconds.min(LONGEST_SECONDS))) + GRACE;
                        self.through.bind(*flow, person.clone(), now.moment + lasts);
                    }
                    None => {}
                }
            }
            // R25: a password was sent and not taken.
            401 | 403 | 407 if request.count(Name::Authorization) > 0 && !is_stale(response) => {
                self.tell(Event::AuthenticationFailed);
                if self.is_guesser(*flow) && self.lockout.failed(now.moment, source) {
                    self.tell(Event::SourceLocked { source });
                }
            }
            _ => {}
        }
    }
}

fn path(interface: &Interface, mark: FlowMark) -> String {
    let transport = interface.transport.uri_param();
    format!("<sip:{mark}@{}{transport};lr>", interface.sent_by)
}

/// How long the telephone system keeps the contacts of this request: 0 if it has none of them any more, `None` if the request asked
/// for nothing (§10.2.3).
fn granted_seconds(request: &Message, response: &Message) -> Option<u32> {
    if request.values(Name::Contact).any(|value| value.bytes == b"*") {
        return Some(0);
    }
    let usual = request.expires().unwrap_or(USUAL_SECONDS);
    let seconds = |contact: &NameAddr<'_>, usual: u32| {
        contact.param("expires").flatten().and_then(|digits| digits.parse().ok()).unwrap_or(usual)
    };
    let asked = request.contacts().flatten().map(|contact| seconds(&contact, usual)).max()?;
    let usual = response.expires().unwrap_or(asked);
    // A telephone system may write the contact as it sees it, so any that it still has will do.
    let granted = response.contacts().flatten().map(|contact| seconds(&contact, usual)).max();
    Some(granted.unwrap_or(0).min(asked))
}

/// The password was right, only the nonce too old (RFC 7616 §3.3).
fn is_stale(response: &Message) -> bool {
    let challenges = response.headers(Name::WwwAuthenticate).chain(response.headers(Name::ProxyAuthenticate));
    let mut words = challenges.map(|challenge| challenge.to_ascii_lowercase());
    words.any(|challenge| challenge.contains("stale=true") || challenge.contains("stale=\"true\""))
}
