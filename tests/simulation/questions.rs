//! Each INVITE that comes, and the one final answer that it gets (RFC 3261 §16.7).

use std::time::Duration;

use tollgate::base::Moment;

use super::model::{Model, Rule, is_call_for_help};
use super::world::compose::branch_of;
use super::world::text::Text;

/// How long a refused INVITE is known for its repeats at least: T4 after its ACK (RFC 3261 §17.2.1).
const REMEMBERED: Duration = Duration::from_secs(5);

/// An INVITE that came, by its branch.
#[derive(Default)]
pub(super) struct Question {
    /// The process that it came to died before it answered.
    pub is_orphan: bool,
    pub refused: Option<u16>,
    pub accepted: bool,
    /// By a process that is dead.
    pub was_answered: bool,
    /// It came from a source that has guessed too many passwords (R25).
    pub is_locked_out: bool,
    /// It had a provisional answer: from then on the asker is silent, and a refusal is repeated until it is heard (§17.2.1).
    pub is_tried: bool,
    /// When the first final answer left.
    pub at: Moment,
}

impl Question {
    pub fn is_answered(&self) -> bool {
        self.refused.is_some() || self.accepted
    }

    /// Whoever asked is still there and has a right to an answer. A 2xx is repeated by whoever gave it, not by the gate; a refusal of who
    /// was not tried only when the INVITE is repeated, so the last one may be lost.
    pub fn is_owed(&self) -> bool {
        let is_told_once = self.refused.is_some() && !self.is_tried;
        !self.is_locked_out && !self.is_orphan && !self.accepted && !self.was_answered && !is_told_once
    }
}

impl Model {
    /// A request comes to the gate from one who may send it.
    pub fn comes(&mut self, now: Moment, text: &Text) {
        self.hearing = (text.method() == "INVITE").then(|| (branch_of(text), is_call_for_help(text)));
        match text.method().as_str() {
            "INVITE" => {
                let question = self.questions.entry(branch_of(text)).or_default();
                // What the network has held up for so long finds no transaction, and is asked who it is once more.
                if question.refused.is_some() && question.at + REMEMBERED < now {
                    *question = Question { is_orphan: question.is_orphan, ..Question::default() };
                }
            }
            "BYE" => drop(self.hung_up.insert(text.header("Call-ID").unwrap_or_default())),
            "CANCEL" => drop(self.cancelled.insert(text.header("Call-ID").unwrap_or_default())),
            _ => {}
        }
    }

    /// The request that came last is met with silence, since its source is locked: never a call for help (R25, R41).
    pub(super) fn is_locked_out(&mut self) -> Rule {
        let Some((branch, is_for_help)) = self.hearing.take() else { return Ok(()) };
        self.questions.entry(branch).or_default().is_locked_out = true;
        if is_for_help { Err("silence to a call for help".to_owned()) } else { Ok(()) }
    }

    /// Whoever asked this is not there any more to hear the answer.
    pub fn asker_is_gone(&mut self, branch: &str) {
        self.questions.entry(branch.to_owned()).or_default().is_orphan = true;
    }

    /// A provisional answer to an INVITE leaves.
    pub(super) fn question_tried(&mut self, text: &Text) {
        self.questions.entry(branch_of(text)).or_default().is_tried = true;
    }

    /// A final answer to an INVITE leaves: several 2xx of forks (§13.2.2.4), or one refusal, never both. Whether it is accepted.
    pub(super) fn question_answered(&mut self, now: Moment, text: &Text) -> Result<bool, String> {
        let status = text.status();
        let question = self.questions.entry(branch_of(text)).or_default();
        if question.refused.is_none() && !question.accepted {
            question.at = now;
        }
        match (status, question.refused) {
            (200..=299, Some(refused)) => return Err(format!("{status} after {refused}")),
            (300.., Some(refused)) if refused != status => return Err(format!("{status} after {refused}")),
            (300.., _) if question.accepted => return Err(format!("{status} after a 2xx")),
            (200..=299, None) => question.accepted = true,
            _ => question.refused = Some(status),
        }
        Ok(question.accepted)
    }
}
