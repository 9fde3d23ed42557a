//! A dialog as it is written down, to be taken up again by another run of the gate (R91). Times are UTC, since a moment means nothing
//! to another process; connections are gone with the one that had them.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::side::{ROUTES_MAX, Side};
use super::{Dialog, End, State};
use crate::base::Now;
use crate::sip::{Message, NewRequest, SavedFlow};

/// How far the numbers of the gate's own requests jump after a restart: what was counted since the dialog was last written down is
/// lost, and a number that does not rise is refused (RFC 3261 §12.2.2). Numbers need only rise (§12.2.1.1); a call that sends more
/// requests than this within its life is a loop.
const CSEQ_GAP: u32 = 1_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedDialog {
    call_id: String,
    caller: SavedSide,
    callee: SavedSide,
    answered: DateTime<Utc>,
    /// When it ended, and by whom: another leg of its call goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<SavedEnd>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SavedEnd {
    at: DateTime<Utc>,
    /// `None`: the gate.
    by_caller: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SavedSide {
    tag: String,
    flow: SavedFlow,
    target: Box<str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    routes: Vec<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cseq: Option<u32>,
    #[serde(default)]
    ahead: u32,
    #[serde(default)]
    invite: (u32, u32),
    address: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alias: Option<Box<str>>,
}

impl Dialog {
    /// What another run needs of it. `None` of one that was never answered, or whose words are no text, against their grammar
    /// (RFC 3261 §25.1 `callid`, `token`).
    pub fn saved(&self, now: Now) -> Option<SavedDialog> {
        let (since, until) = self.talk?;
        let by_caller = self.ended_by().map(|end| end == End::Caller);
        Some(SavedDialog {
            call_id: String::from_utf8(self.call_id.to_vec()).ok()?,
            caller: self.caller.saved()?,
            callee: self.callee.saved()?,
            answered: now.utc_at(since),
            ended: until.map(|until| SavedEnd { at: now.utc_at(until), by_caller }),
        })
    }

    /// The same of a dialog whose first 2xx is `response`, which counts from `now` on but is not passed on yet. `mark` as in
    /// `confirm`.
    pub fn saved_as_answered(&self, now: Now, response: &Message, mark: &str) -> Option<SavedDialog> {
        let mut callee = Side::of_callee(response, self.callee.flow, mark)?;
        (callee.last_cseq, callee.ahead, callee.invite) =
            (self.callee.last_cseq, self.callee.ahead, self.callee.invite);
        Some(SavedDialog {
            call_id: String::from_utf8(self.call_id.to_vec()).ok()?,
            caller: self.caller.saved()?,
            callee: callee.into_saved()?,
            answered: now.utc,
            ended: None,
        })
    }

    /// The INVITE that made it, as far as anything in this call still asks for it.
    pub fn invite(&self) -> Bytes {
        let request = NewRequest {
            method: "INVITE",
            uri: &self.callee.target,
            // It is never sent.
            via: "SIP/2.0/UDP gate.invalid;branch=z9hG4bKearlier",
            routes: &[],
            from: &self.caller.address,
            to: &self.callee.address,
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
                None => State::Confirmed { since },
            },
            talk: Some((since, until)),
        }
    }
}

impl Side {
    fn saved(&self) -> Option<SavedSide> {
        Some(SavedSide {
            tag: String::from_utf8(self.tag.to_vec()).ok()?,
            flow: self.flow.into(),
            target: self.target.clone(),
            routes: self.routes.to_vec(),
            cseq: self.last_cseq,
            ahead: self.ahead,
            invite: self.invite,
            address: self.address.clone(),
            alias: self.alias.clone(),
        })
    }

    /// As `saved`, of a side that nobody needs any more.
    fn into_saved(self) -> Option<SavedSide> {
        Some(SavedSide {
            tag: String::from_utf8(self.tag.into_vec()).ok()?,
            flow: self.flow.into(),
            target: self.target,
            routes: self.routes.into_vec(),
            cseq: self.last_cseq,
            ahead: self.ahead,
            invite: self.invite,
            address: self.address,
            alias: self.alias,
        })
    }

    fn restored(saved: SavedSide) -> Side {
        Side {
            tag: saved.tag.into_bytes().into(),
            flow: saved.flow.into(),
            target: saved.target,
            routes: saved.routes.into_iter().take(ROUTES_MAX).collect(),
            last_cseq: saved.cseq,
            ahead: saved.ahead,
            invite: saved.invite,
            gap: CSEQ_GAP,
            address: saved.address,
            alias: saved.alias,
        }
    }
}
