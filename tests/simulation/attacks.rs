//! What a stranger does to the town: he has seen messages of others, and sends what he likes from an address of his own.

use std::time::Duration;

use bytes::Bytes;

use super::agenda::{Attack, What};
use super::town::Town;
use super::world::text::Text;

/// Messages of one flood, and passwords of one series of guesses.
const FLOOD: u64 = 300;
const GUESSES: u64 = 30;

impl Town {
    pub(super) fn attack(&mut self, stranger: usize, attack: Attack) {
        self.log(|| format!("attack: {attack:?}"));
        match attack {
            Attack::Replays => self.overhear(10).into_iter().for_each(|bytes| self.throw(stranger, bytes)),
            Attack::Garbles => {
                for bytes in self.overhear(30) {
                    let garbled = self.garble(bytes);
                    self.throw(stranger, garbled);
                }
            }
            Attack::Forges => {
                for bytes in self.overhear(15) {
                    let forged = self.forge(stranger, &bytes);
                    self.throw(stranger, forged);
                }
            }
            Attack::Floods => {
                for count in 0..FLOOD {
                    let act = format!("INVITE 03023125500 id=flood{count}-{}", self.now.moment.as_micros());
                    self.let_do(stranger, &act);
                }
            }
            Attack::Guesses => {
                for _ in 0..GUESSES {
                    self.let_do(stranger, "REGISTER who=carol auth=wrong");
                }
            }
        }
    }

    fn let_do(&mut self, stranger: usize, act: &str) {
        let after = Duration::from_micros(self.random.below(400_000));
        self.plan(after, What::Act { actor: stranger, act: act.to_owned() });
    }

    fn throw(&mut self, stranger: usize, bytes: Bytes) {
        let flow = self.actors[stranger].endpoint.flow;
        let after = Duration::from_micros(self.random.below(3_000_000));
        self.plan(after, What::ToGate { actor: stranger, flow, bytes });
    }

    /// Some of the messages that came to the gate lately.
    fn overhear(&mut self, count: u64) -> Vec<Bytes> {
        let known = self.overheard.len() as u64;
        let requests = |bytes: &Bytes| !bytes.starts_with(b"SIP/2.0");
        let picks: Vec<usize> = (0..count).map(|_| self.random.below(known) as usize).collect();
        picks.into_iter().filter_map(|at| self.overheard.get(at).cloned()).filter(requests).collect()
    }

    fn garble(&mut self, bytes: Bytes) -> Bytes {
        let mut garbled = bytes.to_vec();
        for _ in 0..=self.random.below(4) {
            let at = self.random.below(garbled.len() as u64) as usize;
            match self.random.below(4) {
                0 => garbled[at] = self.random.below(256) as u8,
                1 => garbled.truncate(at.max(1)),
                2 => garbled.insert(at, b"\r\n\t ;,<>@\"%:\0"[self.random.below(13) as usize]),
                _ => drop(garbled.remove(at)),
            }
            if garbled.is_empty() {
                return bytes;
            }
        }
        garbled.into()
    }

    /// A request inside somebody's call, with all its words right but for the one who sends it.
    fn forge(&mut self, stranger: usize, bytes: &Bytes) -> Bytes {
        let mut text = Text::read(bytes);
        let method = super::temper::pick(
            &mut self.random,
            &["BYE", "CANCEL", "INVITE", "REFER", "UPDATE", "INFO", "ACK", "MESSAGE"],
        );
        text.start = format!("{method} {} SIP/2.0", text.uri());
        text.set(
            "CSeq",
            format!("{} {method}", text.cseq() + u32::from(method != "CANCEL" && method != "ACK")),
        );
        if method != "CANCEL" {
            let via = format!(
                "SIP/2.0/UDP {};branch=z9hG4bKforged{}",
                self.actors[stranger].endpoint.flow.remote,
                self.random.u64()
            );
            text.set("Via", via);
        }
        if method == "REFER" {
            text.set("Refer-To", "<sip:0033123456789@house.example>");
        }
        text.to_bytes()
    }
}
