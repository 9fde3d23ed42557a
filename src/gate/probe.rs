//! Asking trunks whether they are there (OPTIONS, RFC 3261 §11), and what calls and silence say of them.

use std::time::Duration;

use super::health::{RETRY_AFTER_LONGEST, Turn};
use super::{Event, Gate, Sent};
use crate::base::Now;
use crate::proxy::via;
use crate::sip::{Flow, Message, Method, Name, NewRequest};
use crate::transaction::ClientId;

impl Gate {
    /// Sends the OPTIONS that are due, and counts those that got no answer.
    pub(super) fn look_after_trunks(&mut self, now: Now) {
        if self.health.is_outdated() {
            self.health.follow(now.moment, self.setup.trunks.iter());
        }
        for (flow, client) in self.health.unanswered(now.moment) {
            self.transactions.forget_client(client);
            self.asked_in_vain(now, flow);
        }
        for flow in self.health.due(now.moment) {
            self.ask(now, flow);
        }
    }

    fn ask(&mut self, now: Now, flow: Flow) {
        let trunk = self.setup.trunks.iter().find(|trunk| trunk.flow == flow);
        let (Some(trunk), Some(interface)) = (trunk, self.setup.interfaces.at(flow.listener)) else { return };
        let uri = format!("sip:{}{}", trunk.host, flow.transport.uri_param());
        let branch = self.transactions.new_branch(0);
        let request = NewRequest {
            method: "OPTIONS",
            uri: &uri,
            via: &via(interface, &branch),
            routes: &[],
            from: &format!("<sip:{}>;tag={}", self.setup.realm, self.random.token()),
            to: &format!("<{uri}>"),
            call_id: &(self.random.token() + &self.random.token()),
            cseq: 1,
            extra: &[("Accept", "application/sdp")],
            body: None,
        };
        let bytes = request.to_bytes();
        let client =
            self.transactions.request(now.moment, flow, Method::Options, &branch, bytes, Sent::Probe(flow));
        self.health.asked(now.moment, flow, client);
    }

    /// Any final answer but two says that somebody is there and at work, be it that OPTIONS is not known or a password is wanted.
    /// A 408 is made on the way, by a proxy that hears nothing; a 503 says that calls are not taken.
    pub(super) fn probe_response(&mut self, now: Now, client: ClientId, response: &Message) {
        let Some(Sent::Probe(flow)) = self.transactions.client(client) else { return };
        let flow = *flow;
        let not_before = match response.status() {
            100..=199 => return,
            408 | 503 => {
                let wanted = retry_after(response);
                self.trunk_fails(now, flow, wanted);
                wanted.unwrap_or_default()
            }
            _ => {
                self.trunk_works(flow);
                Duration::ZERO
            }
        };
        self.health.answered(now.moment, flow, not_before.min(RETRY_AFTER_LONGEST));
    }

    /// Nobody answered the OPTIONS, or it could not be sent.
    pub(super) fn asked_in_vain(&mut self, now: Now, flow: Flow) {
        self.trunk_fails(now, flow, None);
        self.health.unheard(now.moment, flow, self.setup.limits.rest);
    }

    /// What a trunk's answer to an INVITE says of its address. A 408 after it rang is the callee's; 4xx, 5xx and 6xx but 503 are
    /// about this call, and only say that the trunk is at work.
    pub(super) fn judge_answer(&mut self, now: Now, flow: Flow, response: &Message, rang: bool) {
        match response.status() {
            100 => {}
            503 => self.trunk_fails(now, flow, retry_after(response)),
            408 if !rang => self.trunk_fails(now, flow, None),
            // Whether a trunk that finds a fault with itself works or not, the next calls will show.
            500..=599 => {}
            _ => self.trunk_works(flow),
        }
    }

    /// An address did not take a request: 503, 408, silence, or nothing could be sent.
    pub(super) fn trunk_fails(&mut self, now: Now, flow: Flow, retry_after: Option<Duration>) {
        let turn = self.health.failed(now.moment, flow, retry_after, self.setup.limits.rest);
        self.tell_turn(flow, turn);
    }

    fn trunk_works(&mut self, flow: Flow) {
        let turn = self.health.succeeded(flow);
        self.tell_turn(flow, turn);
    }

    fn tell_turn(&mut self, flow: Flow, turn: Option<Turn>) {
        let Some((turn, trunk)) = turn.zip(self.health.trunk_at(flow).cloned()) else { return };
        let address = flow.remote;
        self.tell(match turn {
            Turn::Rests(span) => Event::TrunkRests { trunk, address, span },
            Turn::Back => Event::TrunkBack { trunk, address },
        });
    }
}

/// Retry-After of a 503 in seconds (§20.33); a comment and a duration may follow.
fn retry_after(response: &Message) -> Option<Duration> {
    let value = response.header(Name::RetryAfter).filter(|_| response.status() == 503)?;
    let digits: String = value.trim().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
}
