//! What a phone remembers of the challenges it met, so that its next call can prove itself at once (RFC 7616 §3.6, RFC 3261 §22.3).

use std::cell::RefCell;

use super::outgoing::Outgoing;
use crate::sip::digest::{Asked, Challenge, Ha1, Secret};

/// The last proxy's challenges and how often they were answered.
#[derive(Default)]
pub struct Purse(RefCell<Option<Kept>>);

#[derive(Clone)]
struct Kept {
    asked: Vec<String>,
    count: u32,
}

impl Purse {
    /// Answers the first of the challenges that can be answered; with `keep`, remembers them for the next request.
    pub fn answer(
        &self,
        asked: Vec<String>,
        keep: bool,
        user: &str,
        ha1: &Ha1,
        request: &Outgoing,
        cnonce: &str,
    ) -> Option<String> {
        let kept = Kept { asked, count: 1 };
        let value = kept.answer(user, ha1, request, cnonce)?;
        if keep {
            *self.0.borrow_mut() = Some(kept);
        }
        Some(value)
    }

    /// Answers again what was answered before, counting on (RFC 7616 §3.4, nc).
    pub fn answer_again(&self, user: &str, ha1: &Ha1, request: &Outgoing, cnonce: &str) -> Option<String> {
        let mut kept = self.0.borrow_mut();
        let kept = kept.as_mut()?;
        kept.count += 1;
        kept.answer(user, ha1, request, cnonce)
    }
}

impl Kept {
    fn answer(&self, user: &str, ha1: &Ha1, request: &Outgoing, cnonce: &str) -> Option<String> {
        let asked = Asked { method: request.method.as_str(), uri: &request.uri, body: b"" };
        let challenges = self.asked.iter().filter_map(|asked| Challenge::parse(asked));
        // In the order of the asker's preference (RFC 8760 §2.4), as far as we hold the hash for it.
        let answer =
            |challenge: Challenge<'_>| challenge.answer(user, Secret::Ha1(ha1), asked, cnonce, self.count);
        challenges.filter_map(answer).next()
    }
}
