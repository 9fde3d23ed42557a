//! Who is still there: the ends of a call that was taken up are asked, once, by OPTIONS inside the call (RFC 3261 §11.2). Whoever hung up
//! while no gate was there said so to nobody; 481 tells it now (§12.2.1.2), and the call is charged to when it was last known to go on.

use std::time::Duration;

use chrono::{DateTime, Utc};
use smallvec::SmallVec;

use super::call::{Call, CallKey};
use super::{Gate, Sent};
use crate::base::{Moment, Now};
use crate::dialog::{End, options};
use crate::ledger::EndCause;
use crate::proxy::via;
use crate::sip::{Message, Method};
use crate::transaction::ServerId;

/// When the first is asked: a phone whose connection went with the earlier run comes back meanwhile, and a BYE that found no gate is
/// repeated.
const FIRST_AFTER: Duration = Duration::from_secs(2);

/// Over how long the others follow, and no closer than this: ten thousand calls must not come as one flood.
const SPREAD: Duration = Duration::from_secs(4);
const APART: Duration = Duration::from_millis(1);

/// What is asked of one call that was taken up.
pub struct Enquiry {
    /// When; `None`: it was.
    at: Option<Moment>,
    /// When the call was taken up.
    began: Moment,
    /// The last moment before at which it is known to have gone on.
    known: Moment,
    /// Who has not answered.
    silent: SmallVec<[Asking; 2]>,
}

impl Enquiry {
    pub fn due(&self) -> Option<Moment> {
        self.at
    }
}

/// An OPTIONS of ours inside a call, and whom it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asking {
    call: CallKey,
    dialog: usize,
    end: End,
}

impl Gate {
    /// Asks the ends of every call that was taken up, within some seconds. `seen` is when the earlier run is last known to have lived:
    /// what hung up before that, it has heard. Nothing of the gate ends an emergency call (R41), so nobody asks there.
    pub fn ask_who_is_there(&mut self, now: Now, seen: Option<DateTime<Utc>>) {
        let is_asked =
            |call: &Call| call.server == ServerId::NONE && call.over.is_none() && !call.permit.emergency();
        let keys: Vec<CallKey> =
            self.calls.iter().filter(|(_, call)| is_asked(call)).map(|(key, _)| key).collect();
        let count = u32::try_from(keys.len().max(1)).unwrap_or(u32::MAX);
        let spread = SPREAD.max(APART * count);
        let seen = seen.map(|seen| now.moment_at(seen.min(now.utc)));
        for (index, key) in (0..count).zip(keys) {
            let Some(call) = self.calls.at_mut(key) else { continue };
            let answered = call.meter.as_ref().map_or(now.moment, |meter| meter.answered());
            let enquiry = Enquiry {
                at: Some(now.moment + FIRST_AFTER + spread * index / count),
                began: now.moment,
                known: seen.map_or(answered, |seen| seen.max(answered)),
                silent: SmallVec::new(),
            };
            call.enquiry = Some(Box::new(enquiry));
            self.set_alarm(key);
        }
    }

    pub(super) fn attend_enquiry(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at_mut(key).filter(|call| call.over.is_none()) else { return };
        let Some(enquiry) = call.enquiry.as_mut().filter(|asked| asked.at.is_some_and(|at| at <= now.moment))
        else {
            return;
        };
        enquiry.at = None;
        for dialog in call.legs_in_talk() {
            for end in [End::Caller, End::Callee] {
                self.ask_end(now, Asking { call: key, dialog, end });
            }
        }
        // Both have counted on.
        self.remember(now, key);
    }

    fn ask_end(&mut self, now: Now, asking: Asking) {
        self.find_way(now, asking.call, asking.dialog, asking.end);
        let dialog = self.calls.at_mut(asking.call).and_then(|call| call.dialogs.get_mut(asking.dialog));
        let Some(dialog) = dialog else { return };
        let Some(interface) = self.setup.interfaces.at(dialog.side(asking.end).hop().listener) else {
            return;
        };
        let branch = self.transactions.new_branch(0);
        let (flow, bytes) = options(dialog, asking.end, &via(interface, &branch));
        self.transactions.request(now.moment, flow, Method::Options, &branch, bytes, Sent::Asking(asking));
    }

    /// 481 says that there is no such call there any more; every other answer, that somebody is there.
    pub(super) fn enquiry_response(&mut self, now: Now, asking: Asking, response: &Message) {
        if response.status() == 481 {
            self.found_gone(now, asking);
        }
    }

    /// Nobody answered. One end may be out of reach for a while; where neither answers, nobody talks. A way that is gone (503) says
    /// nothing of who is at its end.
    pub(super) fn asked_end_in_vain(&mut self, now: Now, asking: Asking, status: u16) {
        if status != 408 {
            return;
        }
        let enquiry = self.calls.at_mut(asking.call).and_then(|call| call.enquiry.as_mut());
        let Some(enquiry) = enquiry else { return };
        let other = Asking { end: asking.end.other(), ..asking };
        if enquiry.silent.contains(&other) {
            self.found_gone(now, asking);
        } else {
            enquiry.silent.push(asking);
        }
    }

    fn found_gone(&mut self, now: Now, asking: Asking) {
        let Some(call) = self.calls.at_mut(asking.call).filter(|call| call.over.is_none()) else { return };
        let Some(enquiry) = &call.enquiry else { return };
        let heard = call.life.heard().filter(|heard| *heard > enquiry.began);
        let ended = heard.unwrap_or(enquiry.known);
        let legs = call.legs_in_talk();
        if !legs.contains(&asking.dialog) {
            return;
        }
        call.record.estimated = true;
        if legs.len() == 1 {
            call.life.ended = Some(ended);
            return self.cut(now, asking.call, EndCause::Dead);
        }
        // Another leg of a forked call goes on (R67).
        self.send_bye(now, asking.call, asking.dialog, asking.end.other(), EndCause::Dead);
        if let Some(dialog) =
            self.calls.at_mut(asking.call).and_then(|call| call.dialogs.get_mut(asking.dialog))
        {
            dialog.end(ended, None);
        }
        self.remember(now, asking.call);
    }
}
