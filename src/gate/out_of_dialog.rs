//! Requests outside any call: registrations (RFC 3261 §10), OPTIONS (§11), and those that the gate does not take.

use std::sync::Arc;

use super::identify::Proof;
use super::{Event, Gate};
use crate::base::Now;
use crate::proxy::{loop_mark, validate};
use crate::sip::{Flow, Message, Method};
use crate::transaction::ServerId;

/// What the gate takes from outside a dialog, and what it passes on inside one.
const ALLOWED: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, PRACK, UPDATE, INFO, REFER, NOTIFY, MESSAGE";

impl Gate {
    /// Takes note of where a person's phone is. Nobody registers for another: the binding belongs to whoever proved herself (R25).
    pub(super) fn register(&mut self, now: Now, flow: Flow, server: ServerId, request: &Message) {
        let setup = Arc::clone(&self.setup);
        if let Err(rejection) = validate(request, &setup.interfaces, loop_mark(&self.loop_keys, request)) {
            return self.reject(now, server, request, &rejection);
        }
        let named = request.to().parsed_uri().ok().and_then(|uri| uri.user.map(str::to_owned));
        let owner = named.as_deref().and_then(|user| setup.policy.person_by_sip_user(user));
        if let Some((owner, pbx)) = owner.and_then(|owner| Some((owner, setup.pbx_of(owner)?))) {
            return self.register_through(now, flow, server, request, owner, pbx);
        }
        let person = match self.prove(now, &setup, flow, request) {
            Proof::Of(person) => setup.policy.person(person),
            Proof::Missing => return self.challenge(now, server, request, false),
            Proof::Stale => return self.challenge(now, server, request, true),
            Proof::Wrong | Proof::Misplaced => return self.challenge(now, server, request, false),
            Proof::Locked => return self.answer(now, server, request, 403, "Too Many Wrong Passwords", &[]),
        };
        if named.as_deref() != person.sip_user.as_deref() {
            self.tell(Event::Rejected { code: "foreign_registration", status: 403 });
            return self.answer(now, server, request, 403, "Not Your Address", &[]);
        }
        let answer = self.registrar.register(now, person.key.clone(), request, flow);
        let headers: Vec<(&str, &str)> =
            answer.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.answer(now, server, request, answer.status, answer.reason, &headers);
    }

    /// OPTIONS is answered for ourselves; everything else begins nothing here.
    pub(super) fn out_of_dialog(&mut self, now: Now, flow: Flow, server: ServerId, request: &Message) {
        let setup = Arc::clone(&self.setup);
        let uri = match validate(request, &setup.interfaces, loop_mark(&self.loop_keys, request)) {
            Ok(uri) => uri,
            Err(rejection) => return self.reject(now, server, request, &rejection),
        };
        if self.pass_to_phone(now, flow, server, request) {
            return;
        }
        let for_us = uri.user.is_none() && setup.interfaces.is_ours(uri.host, uri.port);
        match request.method() {
            Method::Options if for_us => self.answer_with(
                now,
                server,
                request,
                200,
                &[("Allow", ALLOWED), ("Accept", "application/sdp")],
            ),
            Method::Options => self.answer_plainly(now, server, request, 404),
            Method::Bye | Method::Prack | Method::Update | Method::Info => {
                self.tell(Event::Rejected { code: "unknown_dialog", status: 481 });
                self.answer_plainly(now, server, request, 481);
            }
            // A 405 would deny methods that its own Allow names (§21.4.6).
            Method::Refer | Method::Notify | Method::Message => {
                self.tell(Event::Rejected { code: "method", status: 403 });
                self.answer(now, server, request, 403, "Only Within A Call", &[]);
            }
            // The first four have ways of their own and do not come here.
            Method::Invite
            | Method::Ack
            | Method::Cancel
            | Method::Register
            | Method::Subscribe
            | Method::Publish
            | Method::Other => {
                self.tell(Event::Rejected { code: "method", status: 405 });
                self.answer_with(now, server, request, 405, &[("Allow", ALLOWED)]);
            }
        }
    }
}
