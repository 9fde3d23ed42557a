//! The network of a town: over UDP it loses, doubles, reorders, tears and holds up; over TCP it takes its time and breaks.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tollgate::base::Random;
use tollgate::gate::Input;
use tollgate::sip::Flow;

use super::actor::Actor;
use super::agenda::What;
use super::town::Town;
use super::world::compose::branch_of;
use super::world::text::Text;

/// In a hundred: messages lost, followed by a piece of themselves, doubled, and held up for seconds.
const LOST: u64 = 6;
const PIECE: u64 = 1;
const DOUBLED: u64 = 4;
const LATE: u64 = 1;
impl Town {
    pub(super) fn send_from_gate(&mut self, flow: Flow, bytes: &Bytes) {
        let text = Text::read(bytes);
        let found = self.actors.iter().position(|actor| actor.endpoint.flow == flow);
        // What goes to a stranger's host, at whatever port his copy of a Via names, answers nobody of the house.
        let is_stranger = |actor: &Actor| {
            actor.endpoint.name == "mallory" && actor.endpoint.flow.remote.ip() == flow.remote.ip()
        };
        if !self.is_rubbish && !self.actors.iter().any(is_stranger) {
            self.hold(|town| town.model.leaves(town.now.moment, &text));
        }
        let Some(actor) = found else {
            // Nobody is there any more; over a connection that shows at once.
            self.log(|| format!("{} is gone: {} {}", flow.remote, text.title(), branch_of(&text)));
            if flow.transport.is_reliable() {
                self.agenda.plan(self.now.moment, What::Input(Box::new(Input::TransportFailed { flow })));
            }
            return;
        };
        let text = Rc::new(text);
        let delays = self.delays(actor, &text);
        for delay in delays {
            self.plan(delay, What::ToActor { actor, text: Rc::clone(&text) });
        }
    }

    pub(super) fn send_to_gate(&mut self, actor: usize, bytes: Bytes) {
        let (text, flow) = (Text::read(&bytes), self.actors[actor].endpoint.flow);
        for delay in self.delays(actor, &text) {
            self.plan(delay, What::ToGate { actor, flow, bytes: bytes.clone() });
        }
        let chance = chance_of(&mut self.chances, self.seed, &text);
        if !flow.transport.is_reliable() && chance.below(100) < PIECE {
            // The rest of something: it means nothing, and must do nothing.
            let rest = bytes.slice(1 + chance.below(bytes.len() as u64 - 1) as usize..);
            self.plan(Duration::from_millis(1), What::ToGate { actor, flow, bytes: rest });
        }
    }

    /// The network: over UDP it loses, doubles, reorders and holds up; over TCP it only takes its time.
    fn delays(&mut self, actor: usize, text: &Text) -> Vec<Duration> {
        if self.is_calm || self.actors[actor].is_reliable() {
            return vec![Duration::from_millis(5)];
        }
        let chance = chance_of(&mut self.chances, self.seed, text);
        let fate = chance.below(100);
        let mut usual = || Duration::from_micros(500 + chance.below(60_000));
        let (kind, delays) = if fate < LOST {
            ("message lost", Vec::new())
        } else if fate < LOST + DOUBLED {
            ("message doubled", vec![usual(), usual()])
        } else if fate < LOST + DOUBLED + LATE {
            ("message held up for seconds", vec![usual() * 100])
        } else {
            ("", vec![usual()])
        };
        if !kind.is_empty() {
            self.log(|| {
                format!(
                    "{kind}: {} {} {}",
                    text.title(),
                    text.header_str("Call-ID").unwrap_or_default(),
                    branch_of(text)
                )
            });
            *self.sums.faults.entry(kind).or_default() += 1;
        }
        delays
    }
}

/// The chance of the call that a message belongs to.
pub(super) fn chance_of<'c>(
    chances: &'c mut BTreeMap<String, Random>,
    seed: u64,
    text: &Text,
) -> &'c mut Random {
    let call_id = text.header_str("Call-ID").unwrap_or_default();
    if !chances.contains_key(call_id) {
        // FNV-1a: any spread will do, as long as it is the same everywhere.
        let hash = call_id.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        });
        chances.insert(call_id.to_owned(), Random::from_number(seed.rotate_left(32) ^ hash));
    }
    chances.get_mut(call_id).expect("it was put there")
}
