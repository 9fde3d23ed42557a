//! What became of a registration and of a call, as the phone saw it.

use std::time::Duration;

use crate::sip::{Message, Name, ROUTE_MARK, decision_of_mark};

/// The answer to a registration; status 0 if nobody answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registered {
    pub status: u16,
    pub phrase: String,
}

impl Registered {
    pub(super) fn of(answer: &Message) -> Registered {
        Registered { status: answer.status(), phrase: answer.reason().into_owned() }
    }

    pub fn is_accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// How a call ended for the phone that made it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ended {
    #[default]
    NeverAnswered,
    /// We hung up, and the other side knows.
    ByUs,
    /// A BYE came; its Reason header says why, if it has one (RFC 3326).
    ByThem { reason: Option<String> },
    /// We hung up, and nobody answered to that.
    Lost,
}

/// One call as the phone that made it saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The final answer; 0 if there was none.
    pub status: u16,
    /// What the display shows.
    pub phrase: String,
    /// The id of the verdict, from the refusal (R50) or from the gate's route.
    pub decision: Option<String>,
    pub rang: bool,
    /// What came of something done during the talk: `held`, or the answer to a transfer.
    pub aside: Option<String>,
    pub talked: Duration,
    pub ended: Ended,
}

impl Outcome {
    pub fn is_answered(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Why the other side, or the gate between, ended the call, in its own words (RFC 3326).
    pub fn reason(&self) -> Option<&str> {
        match &self.ended {
            Ended::ByThem { reason: Some(reason) } => {
                let (_, text) = reason.split_once("text=\"")?;
                Some(text.split_once('"').map_or(text, |(text, _)| text))
            }
            Ended::ByThem { reason: None } | Ended::NeverAnswered | Ended::ByUs | Ended::Lost => None,
        }
    }

    /// Takes note of whatever an answer to the INVITE tells.
    pub(super) fn note(&mut self, answer: &Message) {
        self.rang |= matches!(answer.status(), 180 | 183);
        if answer.status() >= 200 {
            self.status = answer.status();
            self.phrase = answer.reason().into_owned();
        }
        let stated = answer.header_named("X-Tollgate-Decision").map(|id| id.into_owned());
        self.decision = stated.or_else(|| mark_of(answer)).or(self.decision.take());
    }
}

/// The gate's Record-Route carries the id of the verdict.
fn mark_of(answer: &Message) -> Option<String> {
    answer.values(Name::RecordRoute).find_map(|route| {
        let uri = route.address()?.parsed_uri().ok()?;
        uri.param(ROUTE_MARK).flatten().and_then(decision_of_mark).map(str::to_owned)
    })
}
