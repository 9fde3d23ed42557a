//! Before anything is read or remembered: what comes from sources that are locked, and from scanners, is turned away here, unheard
//! (R25). Calls for help (R41) and calls in progress (R16) pass.

use std::sync::Arc;

use super::invite::dialled;
use super::{Event, Gate};
use crate::base::Now;
use crate::policy::{self, Attempt, By, Caller, Decision, Target};
use crate::proxy::{loop_mark, validate};
use crate::sip::{Flow, Message, Method, Name};

/// How requests begin that a locked source may still send: one may be a call for help, the others belong to calls.
const HEARD: [&[u8]; 5] = [b"INVITE ", b"ACK ", b"BYE ", b"CANCEL ", b"SIP/2.0 "];

impl Gate {
    /// Whether these bytes need not even be read: a locked source that has been told so often enough says something that is neither
    /// part of a call nor could be a call for help.
    pub fn may_ignore(&self, now: Now, flow: Flow, bytes: &[u8]) -> bool {
        let source = flow.remote.ip().to_canonical();
        self.lockout.has_heard_enough(now.moment, source)
            && !HEARD.iter().any(|start| bytes.starts_with(start))
    }

    /// Whether a request is turned away before it is remembered: a scanner's, or an INVITE of a locked source that is no emergency.
    pub(super) fn is_unwelcome(&mut self, now: Now, flow: Flow, message: &Message) -> bool {
        if !message.is_request() || message.to_tag().is_some() {
            return false;
        }
        let source = flow.remote.ip().to_canonical();
        if self.is_scanner(flow, message) && !self.lockout.is_trusted(now.moment, source) {
            if self.lockout.scanned(now.moment, source) {
                self.tell(Event::SourceLocked { source });
            }
            return !self.is_call_for_help(now, flow, message);
        }
        match message.method() {
            Method::Ack | Method::Cancel | Method::Bye => false,
            _ => {
                self.lockout.has_heard_enough(now.moment, source)
                    && !self.is_call_for_help(now, flow, message)
            }
        }
    }

    /// Takes note of a request that proves nothing, such as one that had to be challenged.
    pub(super) fn count_unproven(&mut self, now: Now, flow: Flow) {
        let source = flow.remote.ip().to_canonical();
        if self.is_guesser(flow) && self.lockout.tried(now.moment, source) {
            self.tell(Event::SourceLocked { source });
        }
    }

    /// What a trunk or a PBX passes on are the guesses of others; a lock would stop everybody behind it.
    pub(super) fn is_guesser(&self, flow: Flow) -> bool {
        !self.peer_of(&self.setup, flow).is_some_and(|peer| peer.is_known())
    }

    fn is_scanner(&self, flow: Flow, message: &Message) -> bool {
        let Some(agent) = message.header(Name::UserAgent) else { return false };
        let agent = agent.trim_start().as_bytes();
        let starts = |scanner: &String| {
            agent.get(..scanner.len()).is_some_and(|start| start.eq_ignore_ascii_case(scanner.as_bytes()))
        };
        self.setup.limits.scanners.iter().any(starts) && self.is_guesser(flow)
    }

    fn is_call_for_help(&self, now: Now, flow: Flow, message: &Message) -> bool {
        if message.method() != Method::Invite {
            return false;
        }
        let setup = Arc::clone(&self.setup);
        let Ok(uri) = validate(message, &setup.interfaces, loop_mark(&self.loop_keys, message)) else {
            return false;
        };
        let attempt = Attempt {
            caller: Caller::Unknown,
            site: setup.site_at(flow.remote.ip()),
            target: Target::Dialled(dialled(&uri)),
            by: By::Dial,
            other_party_outside: false,
            caller_number: None,
            at: now.utc,
        };
        match policy::decide(&setup.policy, &attempt) {
            Decision::Permitted(permit) => permit.emergency(),
            Decision::Refused(_) => false,
        }
    }
}
