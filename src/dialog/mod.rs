//! Dialogs as the gate in the middle sees them (RFC 3261 §12): who the two ends are, where each is reached, how far each
//! has counted. Enough to recognise every later request (R12), to route it without trusting it, and to end the call (R70).

mod key;
mod saved;
mod side;
mod teardown;
mod words;

pub use key::{DialogKey, DialogKeys};
pub use saved::SavedDialog;
pub use side::{End, Side};
pub use teardown::{Teardown, ack, bye, options};

use std::time::Duration;

use crate::base::Moment;
use crate::sip::{Flow, Message, Method};

/// How far the dialog has come (RFC 3261 §12, RFC 5057).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A provisional response carried a To-tag.
    Early,
    /// A 2xx was passed upstream.
    Confirmed,
    /// BYE was seen from this end, or sent by us.
    Ended { by: Option<End> },
}

/// One dialog of a call; a forked call has several.
#[derive(Debug)]
pub struct Dialog {
    call_id: Box<[u8]>,
    caller: Side,
    callee: Side,
    state: State,
    /// From its answer, when the price begins to run (R62), to its end: what a forked call pays for each of its legs (R67).
    talk: Option<(Moment, Option<Moment>)>,
}

impl Dialog {
    /// From the INVITE as the caller sent it and the first response of the callee that carries a To-tag. `mark` is what
    /// our Record-Route carries. `None` if either lacks its tag.
    pub fn open(
        invite: &Message,
        caller: Flow,
        response: &Message,
        callee: Flow,
        mark: &str,
    ) -> Option<Dialog> {
        let mut caller = Side::of_caller(invite, caller)?;
        caller.learn_ahead(response.cseq());
        Some(Dialog {
            call_id: invite.call_id().into(),
            caller,
            callee: Side::of_callee(response, callee, mark)?,
            state: State::Early,
            talk: None,
        })
    }

    pub fn state(&self) -> State {
        self.state
    }

    pub fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended { .. })
    }

    /// Who has hung up; `None` while nobody has, or if it was us.
    pub fn ended_by(&self) -> Option<End> {
        match self.state {
            State::Ended { by } => by,
            State::Early | State::Confirmed => None,
        }
    }

    /// True if no price runs on it: it was never answered, or it is over.
    pub fn is_ended_or_early(&self) -> bool {
        !matches!(self.state, State::Confirmed)
    }

    /// Somebody has answered, and may have hung up since.
    pub fn is_answered(&self) -> bool {
        self.talk.is_some()
    }

    pub fn call_id(&self) -> &[u8] {
        &self.call_id
    }

    pub fn callee_tag(&self) -> &[u8] {
        self.callee.tag()
    }

    pub fn side(&self, end: End) -> &Side {
        match end {
            End::Caller => &self.caller,
            End::Callee => &self.callee,
        }
    }

    pub fn side_mut(&mut self, end: End) -> &mut Side {
        match end {
            End::Caller => &mut self.caller,
            End::Callee => &mut self.callee,
        }
    }

    /// The 2xx came: the callee's Contact and route set now hold (§13.2.2.4), and the clock of the call starts.
    /// A retransmitted 2xx changes nothing, and is answered by false.
    pub fn confirm(&mut self, now: Moment, response: &Message, mark: &str) -> bool {
        let is_news = self.state == State::Early;
        if is_news {
            self.hear_answer(response, mark);
            self.state = State::Confirmed;
            self.talk = Some((now, None));
        }
        is_news
    }

    /// As `confirm`, of a 2xx that is not passed on yet: whatever is sent to the callee from now on goes where it says.
    pub fn hear_answer(&mut self, response: &Message, mark: &str) {
        if self.state == State::Early {
            self.callee.learn_routes(response, mark);
            self.callee.refresh_target(response);
        }
    }

    /// `by` whoever said BYE, `None` for us; the first one stands.
    pub fn end(&mut self, now: Moment, by: Option<End>) {
        if !self.is_ended() {
            self.state = State::Ended { by };
            self.talk = self.talk.map(|(since, _)| (since, Some(now)));
        }
    }

    /// How long its ends have talked, until its end or else until `now`; `None` if it was never answered.
    pub fn talked(&self, now: Moment) -> Option<Duration> {
        self.talk.map(|(since, until)| until.unwrap_or(now).since(since))
    }

    /// Which end wrote this request, judged by Call-ID and both tags (R12). `None`: it is not of this dialog.
    pub fn writer_of(&self, request: &Message) -> Option<End> {
        if request.call_id() != &*self.call_id {
            return None;
        }
        let (from, to) = (request.from_tag().unwrap_or_default(), request.to_tag().unwrap_or_default());
        if from == self.caller.tag() && to == self.callee.tag() {
            Some(End::Caller)
        } else if from == self.callee.tag() && to == self.caller.tag() {
            Some(End::Callee)
        } else {
            None
        }
    }

    /// Takes note of a request that `writer` sent: how far it has counted. Answers false for a CSeq that does not rise (§12.2.2);
    /// ACK repeats the number of its INVITE and CANCEL that of its target, so neither counts.
    pub fn count(&mut self, writer: End, request: &Message) -> bool {
        match request.method() {
            Method::Ack | Method::Cancel => true,
            _ => self.side_mut(writer).count(request.cseq()),
        }
    }
}
