//! A dialog as it is written down, to be taken up again by another run of the gate (R91). Times are UTC, since a moment means nothing
//! to another process; connections are gone with the one that had them.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::side::{Beside, ROUTES_MAX, Side};
use super::words::Words;
use super::{Dialog, End, State};
use crate::base::{JsonObject, Now};
use crate::sip::{Flow, NewRequest, SavedFlow};

/// How far the numbers of the gate's own requests jump after a restart: what was counted since the dialog was last written down is
/// lost, and a number that does not rise is refused (RFC 3261 §12.2.2). Numbers need only rise (§12.2.1.1); a call that sends more
/// requests than this within its life is a loop.
const CSEQ_GAP: u32 = 1_000;

#[derive(Debug, Deserialize)]
pub struct SavedDialog {
    call_id: String,
    caller: SavedSide,
    callee: SavedSide,
    #[serde(with = "chrono::serde::ts_microseconds")]
    answered: DateTime<Utc>,
    /// When it ended, and by whom: another leg of its call goes on.
    ended: Option<SavedEnd>,
}

#[derive(Debug, Deserialize)]
struct SavedEnd {
    #[serde(with = "chrono::serde::ts_microseconds")]
    at: DateTime<Utc>,
    /// `None`: the gate.
    by_caller: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct SavedSide {
    tag: String,
    flow: SavedFlow,
    target: Box<str>,
    routes: Vec<Box<str>>,
    cseq: Option<u32>,
    ahead: u32,
    invite: (u32, u32),
    address: Box<str>,
    alias: Option<Box<str>>,
}

impl Dialog {
    /// Writes what another run needs of it, as a `SavedDialog` is read. One that nobody has answered yet counts from now on.
    pub fn write(&self, now: Now, json: &mut JsonObject<'_>) {
        let (since, until) = self.talk.unwrap_or((now.moment, None));
        json.text("call_id", text(&self.call_id));
        json.object("caller", |json| self.caller.write(json));
        json.object("callee", |json| self.callee.write(json));
        json.number("answered", now.utc_at(since).timestamp_micros());
        if let Some(until) = until {
            json.object("ended", |json| {
                json.number("at", now.utc_at(until).timestamp_micros());
                if let Some(end) = self.ended_by() {
                    json.flag("by_caller", end == End::Caller);
                }
            });
        }
    }

    /// Whether its words are text, as their grammar wants it (RFC 3261 §25.1 `callid`, `token`).
    pub fn is_text(&self) -> bool {
        [self.call_id(), self.caller.tag(), self.callee.tag()]
            .into_iter()
            .all(|word| std::str::from_utf8(word).is_ok())
    }

    /// The INVITE that made it, as far as anything in this call still asks for it.
    pub fn invite(&self) -> Bytes {
        let request = NewRequest {
            method: "INVITE",
            uri: self.callee.target(),
            // It is never sent.
            via: "SIP/2.0/UDP gate.invalid;branch=z9hG4bKearlier",
            routes: &[],
            from: self.caller.address(),
            to: self.callee.address(),
            call_id: &String::from_utf8_lossy(&self.call_id),
            cseq: self.caller.invite.0,
            extra: &[],
            body: None,
        };
        request.to_bytes()
    }

    /// The dialog as it was, its numbers a gap further on.
    pub fn restored(saved: SavedDialog, now: Now) -> Dialog {
        let since = now.moment_at(saved.answered);
        let until = saved.ended.as_ref().map(|end| now.moment_at(end.at));
        let by = |end: SavedEnd| end.by_caller.map(|caller| if caller { End::Caller } else { End::Callee });
        Dialog {
            call_id: saved.call_id.into_bytes().into(),
            caller: Side::restored(saved.caller),
            callee: Side::restored(saved.callee),
            state: match saved.ended {
                Some(end) => State::Ended { by: by(end) },
                None => State::Confirmed,
            },
            talk: Some((since, until)),
        }
    }
}

impl Side {
    fn write(&self, json: &mut JsonObject<'_>) {
        json.text("tag", text(self.tag()));
        json.object("flow", |json| self.flow().write(json));
        json.text("target", self.target());
        json.texts("routes", self.routes().iter().map(|route| &**route));
        if let Some(cseq) = self.last_cseq {
            json.number("cseq", cseq);
        }
        json.number("ahead", self.ahead);
        json.value("invite", &self.invite);
        json.text("address", self.address());
        json.some_text("alias", self.alias());
    }

    fn restored(saved: SavedSide) -> Side {
        Side {
            words: Words::new(saved.tag.as_bytes(), &saved.address, &saved.target),
            flow: Flow::from(saved.flow).into(),
            last_cseq: saved.cseq,
            ahead: saved.ahead,
            invite: saved.invite,
            gap: CSEQ_GAP,
            beside: Beside {
                routes: saved.routes.into_iter().take(ROUTES_MAX).collect(),
                alias: saved.alias,
            }
            .kept(),
        }
    }
}

/// Words that `is_text` has looked at.
fn text(word: &[u8]) -> &str {
    std::str::from_utf8(word).unwrap_or_default()
}
