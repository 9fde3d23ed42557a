//! What goes wrong in a town: wires, power, clocks, settings.

use std::time::Duration;

use tollgate::gate::Input;

use super::agenda::{Trouble, What};
use super::town::Town;
use super::world::compose::branch_of;

impl Town {
    pub(super) fn trouble(&mut self, actor: usize, trouble: Trouble) {
        let (now, flow) = (self.now.moment, self.actors[actor].endpoint.flow);
        let name = self.actors[actor].endpoint.name;
        match trouble {
            Trouble::Store(mood) => {
                self.log(|| format!("store {mood:?}"));
                self.vault.turn(now, mood);
            }
            Trouble::WireBreaks => {
                self.log(|| format!("the wire to {name} breaks"));
                self.input(Input::TransportFailed { flow });
            }
            Trouble::Moves => self.move_on(actor),
            // A stream loses nothing; it breaks.
            Trouble::Storm { .. } if self.actors[actor].is_reliable() => self.move_on(actor),
            Trouble::Storm { millis } => {
                self.log(|| format!("nothing passes to or from {name} for {millis} ms"));
                self.storms[actor] = now + Duration::from_millis(millis);
            }
            Trouble::PowerFails { millis } => {
                self.log(|| format!("{name} loses its power for {millis} ms"));
                self.actors[actor].go_dark();
                self.plan(
                    Duration::from_millis(millis),
                    What::Trouble { actor, trouble: Trouble::PowerReturns },
                );
            }
            Trouble::PowerReturns => {
                self.actors[actor].is_dark = false;
                self.move_on(actor);
                for after in [100, 700] {
                    self.plan(Duration::from_millis(after), What::Act { actor, act: "REGISTER".to_owned() });
                }
            }
            Trouble::NewSettings(company) => {
                self.log(|| "new settings".to_owned());
                if let Some(gate) = &mut self.gate {
                    self.vault.close_page(now);
                    gate.replace_setup(self.now, company.snapshot());
                }
                self.company = company;
                self.carry_out();
            }
            Trouble::ClockSteps(step) => {
                self.log(|| format!("the wall clock is set by {step}"));
                self.now.utc += step;
                self.model.clock_was_set = true;
            }
            Trouble::Killed { millis } => self.kill(millis),
            Trouble::Started => self.start(),
            Trouble::AllHangUp => {
                for actor in 0..self.actors.len() {
                    // What a stranger has made up is no call of his.
                    let is_stranger = self.actors[actor].endpoint.name == "mallory";
                    for act in self.actors[actor].last_words().into_iter().filter(|_| !is_stranger) {
                        self.plan(Duration::ZERO, What::Act { actor, act });
                    }
                }
            }
            Trouble::Attack(attack) => self.attack(actor, attack),
        }
    }

    fn move_on(&mut self, actor: usize) {
        let flow = self.actors[actor].endpoint.flow;
        for invite in self.actors[actor].endpoint.unanswered() {
            self.model.asker_is_gone(&branch_of(invite));
        }
        self.actors[actor].endpoint.move_on();
        let remote = self.actors[actor].endpoint.flow.remote;
        self.log(|| format!("{} moves to {remote}", flow.remote));
        if flow.transport.is_reliable() {
            self.input(Input::ConnectionClosed { flow });
        }
    }
}
