//! Calls over a restart (R91): written down when they are answered, taken up again by the next run; still routed, still ended in time,
//! still charged once.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use smallvec::SmallVec;

use super::call::{Call, CallKey, Funds};
use super::in_dialog::Place;
use super::life::Life;
use super::meter::{Meter, Terms};
use super::money::budgets;
use super::parting::Parting;
use super::review::Review;
use super::setup::Snapshot;
use super::sips::is_sips;
use super::warning::takes_messages;
use super::{Event, Gate, Output, budget};
use crate::base::{JsonObject, Money, Now, ReservationId, Seldom};
use crate::dialog::{Dialog, DialogKey, End, SavedDialog};
use crate::ledger::{CallRecord, Command, EndCause, Entry, Price, Remember, Reservation, Slice, UNLIMITED};
use crate::policy::{Permit, SavedPermit};
use crate::proxy::{OwnRoute, Returning, forward_response, record_route};
use crate::sip::{Flow, Framing, Message, Method};
use crate::transaction::ServerId;

/// What the ledger keeps beside the row of a call, unread: whatever the next run needs and the row does not tell.
#[derive(Deserialize)]
struct SavedCall {
    permit: SavedPermit,
    price: Option<Price>,
    budget_trunk: Option<Arc<str>>,
    speaker: Option<Arc<str>>,
    /// The session interval (RFC 4028).
    session: Option<Duration>,
    dialogs: Vec<SavedDialog>,
}

impl Gate {
    /// The call as the next run takes it up, its answer on the way: `response` is not passed on yet. `None` if it cannot be written.
    pub(super) fn saved_at_answer(&self, now: Now, key: CallKey, response: &Message) -> Option<Box<str>> {
        let call = self.calls.at(key)?;
        let dialog = call.dialogs.iter().find(|dialog| Some(dialog.callee_tag()) == response.to_tag())?;
        let mut life = Life::default();
        life.agree(now.moment, response);
        dialog.is_text().then(|| self.saved(now, call, life, std::iter::once(dialog)))
    }

    /// Something has changed that the next run must know: another leg was answered or is over, a side has moved.
    pub(super) fn remember(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at(key).filter(|call| call.is_answered() && call.over.is_none()) else {
            return;
        };
        let dialogs = call.dialogs.iter().filter(|dialog| dialog.is_answered() && dialog.is_text());
        let state = self.saved(now, call, call.life, dialogs);
        let remember = Remember { decision: call.decision, at: now.utc, state };
        self.outputs.push_back(Output::Ledger(Command::Remember(remember)));
    }

    /// A call that costs nothing has its row from the first moment, as others have by what is reserved for them (R100). Of one that
    /// only rings a later run needs to know no more than that there is an end to write.
    pub(super) fn record_free(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at(key).filter(|call| call.is_free()) else { return };
        let remember = Remember { decision: call.decision, at: now.utc, state: Box::default() };
        self.outputs.push_back(Output::Ledger(Command::Record(call.boxed_record())));
        self.outputs.push_back(Output::Ledger(Command::Remember(remember)));
    }

    /// A call that costs nothing waits for nobody: its row is written behind.
    pub(super) fn remember_free(&mut self, now: Now, key: CallKey) {
        let Some(call) = self.calls.at(key).filter(|call| call.is_free()) else { return };
        self.outputs.push_back(Output::Ledger(Command::Record(call.boxed_record())));
        self.remember(now, key);
    }

    /// Written as a `SavedCall` is read.
    fn saved<'a>(
        &self,
        now: Now,
        call: &Call,
        life: Life,
        dialogs: impl Iterator<Item = &'a Dialog>,
    ) -> Box<str> {
        let price = match &call.funds {
            Funds::Held { price } => price.as_deref(),
            Funds::Asked { .. } | Funds::Resolved => None,
        };
        JsonObject::with(|json| {
            json.object("permit", |json| call.permit.write(&self.setup.policy, json));
            json.value("price", &price);
            json.some_text("budget_trunk", call.budget_trunk.as_deref());
            json.some_text("speaker", call.speaker.as_deref());
            json.value("session", &life.interval());
            json.objects("dialogs", dialogs, |dialog, json| dialog.write(now, json));
        })
    }

    /// Takes up an answered call of an earlier run: `money` is its open reservation, `state` what was written down. What became due
    /// meanwhile is done at the next `advance`. False if it cannot be taken up; then nothing was done.
    pub fn take_up(
        &mut self,
        now: Now,
        record: &CallRecord,
        money: Option<(ReservationId, &Entry)>,
        state: &str,
    ) -> bool {
        let Ok(saved) = serde_json::from_str::<SavedCall>(state) else { return false };
        let Some(call) = self.restored(now, record, money, saved) else { return false };
        self.put_back(now, call);
        true
    }

    /// Whether this run has judged it, unless the wall clock was set back before.
    pub fn is_of_this_run(&self, record: &CallRecord) -> bool {
        self.marks.is_of_this_run(record.decision)
    }

    fn restored(
        &mut self,
        now: Now,
        record: &CallRecord,
        money: Option<(ReservationId, &Entry)>,
        saved: SavedCall,
    ) -> Option<Call> {
        let setup = Arc::clone(&self.setup);
        let answer = record.answer.filter(|_| record.end.is_none())?;
        let permit = Permit::taken_up(saved.permit, &setup.policy, record.person.as_deref(), record.start)?;
        let price = saved.price.filter(Price::is_sound).map(Arc::new);
        // Money without a price, or a price without money, is not what was written.
        (money.is_some() == price.is_some()).then_some(())?;
        let dialogs: SmallVec<[Dialog; 1]> =
            saved.dialogs.into_iter().map(|dialog| Dialog::restored(dialog, now)).collect();
        let invite = Message::parse(dialogs.first()?.invite(), Framing::Stream).ok()?;
        let caller = dialogs.first()?.side(End::Caller).flow();
        let (proof, covered) = self.set_aside(now, money);
        let mut call = Call {
            decision: record.decision,
            server: ServerId::NONE,
            is_counted: false,
            sips: is_sips(&invite),
            takes_messages: takes_messages(&invite),
            invite: Some(Box::new(invite)),
            caller: caller.into(),
            membership: SmallVec::new(),
            permit,
            reservation: proof.id(),
            funds: Funds::Held { price: price.clone() },
            search: Seldom::default(),
            meter: None,
            dialogs,
            re_invites: Seldom::default(),
            record: record.clone(),
            lines: money.map(|(_, entry)| Arc::clone(&entry.lines)),
            period_end: None,
            budget_trunk: saved.budget_trunk,
            over: None,
            given_up: None,
            // Whether its ACK came nobody knows; a callee that misses it hangs up (R67).
            ack_until: None,
            forget_at: None,
            review: first_review(&setup, now, record, money.is_some()),
            life: Life::of_earlier_run(now.moment, saved.session),
            enquiry: None,
            parting: Parting::default(),
            alarm: None,
            speaker: saved.speaker,
        };
        // The periods are those in which its money was last set aside.
        let counted =
            money.map(|(_, entry)| Now::new(now.moment_at(entry.changed.utc()), entry.changed.utc()));
        let terms = Terms {
            price,
            covered,
            // A clock that was set back must not lengthen the call.
            longest: call.longest(answer),
            // What is left the next renewal tells.
            left: None,
            period_end: counted.and_then(|counted| budget::first_end(&budgets(&setup, &call), counted)),
        };
        let answered = now.moment_at(answer.min(now.utc));
        let charged = money.map(|(_, entry)| entry.settled).unwrap_or_default();
        call.meter = Some(Meter::start(answered, terms, &setup.limits).taken_up(now.moment, charged));
        Some(call)
    }

    /// What the ledger has set aside for a call that is taken up; nothing for one that is free.
    fn set_aside(&mut self, now: Now, money: Option<(ReservationId, &Entry)>) -> (Reservation, Slice) {
        match money {
            Some((id, entry)) => (entry.reservation(id), covered(entry)),
            None => {
                let id = self.ids.reservation(now.utc);
                (Reservation::free(id), Slice { seconds: 0, cost: Money::ZERO })
            }
        }
    }

    /// From now on it is a call like any other.
    fn put_back(&mut self, now: Now, call: Call) {
        let (decision, reservation, trunk) = (call.decision, call.reservation, call.record.trunk.clone());
        let money = call.meter.as_ref().map_or(Money::ZERO, |meter| meter.covered().cost);
        let words = call.dialogs.iter().map(|dialog| {
            let caller = dialog.side(End::Caller).tag();
            self.keys.of(dialog.call_id(), caller, dialog.callee_tag())
        });
        let words: SmallVec<[_; 1]> = words.collect();
        let key = self.calls.insert(call);
        for words in words.into_iter().chain(self.words_before(key)) {
            self.dialogs.add(words, key);
        }
        self.reservations.insert(reservation, key);
        self.count_live(key);
        if let Some(trunk) = trunk {
            self.count_on_trunk(key, &trunk);
        }
        self.ids.go_on_after(decision.as_u64().max(reservation.as_u64()));
        self.tell(Event::Reserved { money });
        self.tell(Event::TakenUp { decision });
        self.set_alarm(key);
        let over = self.calls.at(key).is_some_and(|call| call.dialogs.iter().all(Dialog::is_ended));
        if over {
            self.end_call(now, key, EndCause::Lost);
        }
    }

    /// Under these words the INVITE of a call that was taken up comes again, before its caller knows the callee's tag.
    pub(super) fn words_before(&self, key: CallKey) -> Option<DialogKey> {
        let call = self.calls.at(key).filter(|call| call.server == ServerId::NONE)?;
        let dialog = call.dialogs.first()?;
        Some(self.keys.of(dialog.call_id(), dialog.side(End::Caller).tag(), b""))
    }

    /// The repeat of an INVITE that the earlier run has answered, by a caller who has not heard it: its callee repeats the 2xx, and that
    /// is the one final answer (RFC 3261 §16.7).
    pub(super) fn was_answered_before(&self, flow: Flow, invite: &Message) -> bool {
        self.dialogs.calls(&self.keys.of_message(invite)).into_iter().any(|key| {
            let call = self.calls.at(key).filter(|call| call.server == ServerId::NONE);
            call.and_then(|call| call.dialogs.first()).is_some_and(|dialog| {
                let caller = dialog.side(End::Caller);
                dialog.call_id() == invite.call_id()
                    && Some(caller.tag()) == invite.from_tag()
                    && caller.speaks_from(flow)
                    && invite.cseq() <= caller.latest_invite()
            })
        })
    }

    /// The 2xx of a call that was answered as the earlier run died: its callee repeats it, since no ACK has come. It goes to the caller
    /// (RFC 3261 §16.11), who may not have heard it yet. False if it belongs to no such call.
    pub(super) fn pass_late_answer(&mut self, flow: Flow, response: &Message) -> bool {
        if response.method() != Method::Invite || !(200..300).contains(&response.status()) {
            return false;
        }
        let Some(place) = self.find_dialog_of_answer(flow, response) else { return false };
        let Some(call) = self.calls.at(place.call) else { return false };
        let Some(invite) = call.invite.as_deref() else { return false };
        let Some(dialog) = call.dialogs.get(usize::from(place.dialog)) else { return false };
        let caller = dialog.side(End::Caller);
        let Some(interface) = self.setup.interfaces.at(caller.flow().listener) else { return false };
        let decision = call.decision.text();
        let route = record_route(interface, call.sips, &self.marks.for_caller(call, invite, response));
        let returning = Returning {
            own_route: Some(OwnRoute { decision: &decision, route: &route }),
            from: caller.alias().map(|_| caller.address()),
            to: None,
            cseq: invite.cseq(),
        };
        let bytes = forward_response(response, &returning, &mut self.papers.passing);
        self.send(caller.flow(), bytes);
        true
    }

    /// Only of calls that were taken up: the answers of this run's own have transactions.
    fn find_dialog_of_answer(&self, flow: Flow, response: &Message) -> Option<Place> {
        let keys = self.dialogs.calls(&self.keys.of_message(response));
        keys.into_iter().find_map(|key| self.place_of_answer(key, flow, response))
    }

    fn place_of_answer(&self, key: CallKey, flow: Flow, response: &Message) -> Option<Place> {
        let call = self.calls.at(key).filter(|call| call.server == ServerId::NONE && call.over.is_none())?;
        let tag = response.to_tag()?;
        let dialog = call.dialogs.iter().position(|dialog| dialog.callee_tag() == tag)?;
        let side = call.dialogs.get(dialog)?.side(End::Callee);
        let speaks =
            side.speaks_from(flow) || self.setup.is_same_peer(side.flow().remote.ip(), flow.remote.ip());
        speaks.then_some(Place { call: key, dialog: dialog as u8, writer: End::Callee })
    }

    /// A side whose connection is gone is reached where its phone has registered since; else its address is dialled anew.
    pub(super) fn find_way(&mut self, now: Now, key: CallKey, dialog: usize, end: End) {
        let Some(call) = self.calls.at_mut(key) else { return };
        let person = match end {
            End::Caller => call.speaker.clone(),
            End::Callee => {
                let person = call.permit.destination().person();
                person.map(|person| self.setup.policy.person(person).key.clone())
            }
        };
        let Some(side) = call.dialogs.get_mut(dialog).map(|dialog| dialog.side_mut(end)) else { return };
        let Some(person) = person.filter(|_| side.is_cut_off()) else { return };
        let there = side.flow();
        let same = |flow: &Flow| flow.transport == there.transport && flow.remote.ip() == there.remote.ip();
        let bindings = self.registrar.bindings(&*person, now.moment);
        if let Some(flow) = bindings.map(|binding| binding.flow).find(same) {
            side.move_to(flow);
        }
    }
}

/// The rules may have changed meanwhile. Where whoever pays has left, nobody would pay for it any further.
fn first_review(setup: &Snapshot, now: Now, record: &CallRecord, costs: bool) -> Seldom<Review> {
    let has_left = record.person.as_deref().is_some_and(|key| setup.policy.person_by_key(key).is_none());
    let mut review = Review::of_earlier_run(now.moment);
    review.until = Some(now.moment).filter(|_| has_left && costs);
    review
}

/// What the ledger has set aside for the call in all.
fn covered(entry: &Entry) -> Slice {
    let covered = entry.covered();
    // Stores keep 63 bits.
    let seconds = if covered.seconds >= i64::MAX as u64 { UNLIMITED } else { covered.seconds };
    Slice { seconds, cost: covered.money }
}
