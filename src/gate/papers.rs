//! What leaves is written on one of two piles of paper, by how long it is kept.

use crate::sip::{Method, Paper};

/// The paper of one gate.
#[derive(Debug, Default)]
pub(super) struct Papers {
    /// What is kept until somebody answers, if at all.
    pub passing: Paper,
    /// Answers that are kept for whoever repeats the request: 32 seconds (RFC 3261 §17.2.2).
    pub kept: Paper,
}

impl Papers {
    /// For an answer to a request of this method.
    pub fn of_answer(&mut self, method: Method) -> &mut Paper {
        if method == Method::Invite { &mut self.passing } else { &mut self.kept }
    }
}
