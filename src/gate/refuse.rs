//! Saying no: the 403 that a person understands (R50), and every other answer that the gate gives by itself.

use super::call::{CallKey, Facts};
use super::invite::canonical_text;
use super::{Event, Gate, Judged, Output};
use crate::base::Now;
use crate::ledger::{CallRecord, Command, EndCause};
use crate::policy::Refusal;
use crate::proxy::Rejection;
use crate::sip::{Flow, Malformed, Message, Reply, reason_phrase, reply, reply_to_malformed};
use crate::transaction::ServerId;

impl Gate {
    /// Refuses an INVITE that was judged: answer, record and count, all from the one reason.
    pub(super) fn refuse(
        &mut self,
        now: Now,
        server: ServerId,
        invite: &Message,
        facts: &Facts,
        refusal: &Refusal,
    ) {
        let decision = facts.record.decision;
        let language = self.setup.policy.site(facts.site).language;
        let answer = RefusalText::of(refusal, &refusal.sentence(language), &decision.to_string());
        self.answer(now, server, invite, answer.status, &answer.phrase, &answer.headers());
        self.record_refusal(now, facts.record.clone(), refusal);
        self.tell(Event::Judged(Judged {
            decision,
            class: refusal.class(),
            reason: Some(refusal.reason()),
            person: facts.record.person.clone(),
            site: self.setup.policy.site(facts.site).name.clone(),
            raw: facts.record.raw.clone(),
            status: answer.status,
        }));
    }

    /// The 403 of a call that rang already when its right or its money went.
    pub(super) fn refuse_late(&mut self, now: Now, key: CallKey, refusal: &Refusal) {
        let Some(call) = self.calls.at(key) else { return };
        let language = self.setup.policy.site(call.permit.site()).language;
        let answer = RefusalText::of(refusal, &refusal.sentence(language), &call.decision.to_string());
        let (server, Some(invite)) = (call.server, call.invite.clone()) else { return };
        self.answer(now, server, &invite, answer.status, &answer.phrase, &answer.headers());
    }

    /// Notes an attempt that neither the rules nor money stop, but the state of the house (R100).
    pub(super) fn turn_away(&mut self, now: Now, facts: Facts, code: &'static str, status: u16) {
        self.tell(Event::Rejected { code, status });
        let mut record = facts.record;
        record.status = Some(status);
        record.end = Some(now.utc);
        record.end_cause = Some(EndCause::Refused);
        self.outputs.push_back(Output::Ledger(Command::Record(record)));
    }

    fn record_refusal(&mut self, now: Now, mut record: Box<CallRecord>, refusal: &Refusal) {
        let destination = refusal.destination();
        record.canonical = destination
            .and_then(|destination| canonical_text(&self.setup.policy, destination, Some(&record.raw)));
        record.class = refusal.class().map(|class| class.code().into());
        record.country = refusal.country().map(|country| country.shared_code());
        record.reason = Some(refusal.reason().code().into());
        record.rule = refusal.rule().map(Into::into);
        record.status = Some(refusal.reason().status());
        record.end = Some(now.utc);
        record.end_cause = Some(EndCause::Refused);
        self.outputs.push_back(Output::Ledger(Command::Record(record)));
    }

    /// Turns a request away before any judgement (§16.3).
    pub(super) fn reject(&mut self, now: Now, server: ServerId, request: &Message, rejection: &Rejection) {
        self.tell(Event::Rejected { code: rejection.code(), status: rejection.status() });
        let headers: &[(&str, &str)] = match rejection {
            Rejection::UnknownExtension(tags) => &[("Unsupported", tags)],
            Rejection::UnsupportedScheme
            | Rejection::MalformedUri
            | Rejection::TooManyHops
            | Rejection::Loop => &[],
        };
        self.answer(now, server, request, rejection.status(), rejection.phrase(), headers);
    }

    /// What cannot be used gets the answer that may still be given, if any.
    pub(super) fn receive_malformed(&mut self, flow: Flow, malformed: &Malformed) {
        self.tell(Event::Malformed { label: malformed.fault.label() });
        if let Some(answer) = &malformed.answer {
            let tag = self.random.token();
            self.send(answer.flow(flow), reply_to_malformed(answer, &tag));
        }
    }

    /// No transaction is left for a new request, or no time: 503 without one, so that the sender tries elsewhere (R92, §16.11).
    pub(super) fn no_room(&mut self, flow: Flow, request: &Message) {
        self.tell(Event::Rejected { code: "overload", status: 503 });
        let tag = self.random.token();
        let bytes = reply(request, 503, "Too Many Transactions", &tag, &[("Retry-After", "5")]);
        self.send(flow.for_reply(&request.top_via()), bytes);
    }

    /// The gate takes no new calls for now (R92).
    pub(super) fn answer_unavailable(&mut self, now: Now, server: ServerId, invite: &Message) {
        let phrase = if self.closes { "Going Down" } else { "Too Many Calls" };
        self.answer(now, server, invite, 503, phrase, &[("Retry-After", "5")]);
    }

    /// Answers with the phrase of the status and these headers.
    pub(super) fn answer_with(
        &mut self,
        now: Now,
        server: ServerId,
        request: &Message,
        status: u16,
        headers: &[(&str, &str)],
    ) {
        self.answer(now, server, request, status, reason_phrase(status), headers);
    }

    /// Answers with the phrase of the status and no more.
    pub(super) fn answer_plainly(&mut self, now: Now, server: ServerId, request: &Message, status: u16) {
        self.answer(now, server, request, status, reason_phrase(status), &[]);
    }

    /// A response of our own, with a To-tag of its own where one is due (§8.2.6.2).
    pub(super) fn answer(
        &mut self,
        now: Now,
        server: ServerId,
        request: &Message,
        status: u16,
        phrase: &str,
        headers: &[(&str, &str)],
    ) {
        let tag = if status > 100 { self.random.token() } else { String::new() };
        let reply = Reply {
            request,
            status,
            reason: phrase,
            to_tag: &tag,
            extra: headers,
            record_route: false,
            body: None,
        };
        let bytes = reply.print(self.papers.of_answer(request.method()));
        // Only calls and re-INVITEs have had a 100, after which the caller says nothing more until the final answer comes. Anybody
        // else asks again, so no answer need be repeated to an address that may be forged.
        if status >= 300 && self.transactions.server(server).is_none() {
            self.transactions.answer_once(server);
        }
        self.respond(now, server, status, bytes);
    }
}

/// One refusal in the words of SIP (R50): reason phrase, Reason (RFC 3326), Warning (§20.43) and the id of the verdict.
pub(super) struct RefusalText {
    pub status: u16,
    pub phrase: String,
    reason: String,
    warning: String,
    decision: String,
}

impl RefusalText {
    pub fn of(refusal: &Refusal, sentence: &str, decision: &str) -> RefusalText {
        let status = refusal.reason().status();
        // A sentence comes from our own tables, but a name in it may hold anything.
        let phrase: String = sentence.chars().filter(|letter| !letter.is_control()).collect();
        let quoted = phrase.replace('\\', "\\\\").replace('"', "\\\"");
        RefusalText {
            status,
            reason: format!("SIP;cause={status};text=\"{quoted}\""),
            warning: format!("399 tollgate \"{quoted}\""),
            decision: decision.to_owned(),
            phrase,
        }
    }

    pub fn headers(&self) -> [(&str, &str); 3] {
        [("Reason", &self.reason), ("Warning", &self.warning), ("X-Tollgate-Decision", &self.decision)]
    }
}
