//! The gate of the world is killed, and a new one takes its place.

use tollgate::app::LeftOver;
use tollgate::base::{Moment, Random};
use tollgate::gate::Gate;
use tollgate::transaction::Timing;

use super::company::Company;
use super::endpoint::Endpoint;
use super::{MARK_KEY, OPENING, World, script};

impl World {
    /// The gate is killed, and starts anew without its database: all that it knows is the key of its marks.
    pub fn loses_its_memory(&mut self, company: &Company) {
        self.note("gate", "is killed");
        self.runs += 1;
        self.watch.forget_unrecorded();
        self.gate = Gate::new(company.snapshot(), Timing::RFC, Random::from_number(self.runs));
        self.gate.follow_earlier_run(MARK_KEY, self.now);
    }

    /// As `is_killed_until`; the new gate asks who is still in the calls that it has taken up.
    pub fn is_killed_and_asks_until(&mut self, company: &Company, at: &str) {
        let seen = LeftOver::read(&self.desk.store).expect("memory does not fail").seen();
        self.is_killed_until(company, at);
        self.gate.ask_who_is_there(self.now, seen);
        self.carry_out();
    }

    /// kill -9 now; a new gate is there at that time of the tables, with its database.
    pub fn is_killed_until(&mut self, company: &Company, at: &str) {
        self.note("gate", "is killed");
        self.runs += 1;
        self.desk.lose_what_waits();
        self.watch.allow_overruns();
        self.endpoints.iter_mut().for_each(Endpoint::give_up);
        let start = Moment::START + OPENING + script::time(at);
        self.now = self.now.after(start.since(self.now.moment));
        self.note("gate", "starts again");
        self.gate = Gate::new(company.snapshot(), Timing::RFC, Random::from_number(self.runs));
        self.gate.follow_earlier_run(MARK_KEY, self.now);
        let left = LeftOver::read(&self.desk.store).expect("memory does not fail");
        for command in left.hand_to(&mut self.gate, self.now) {
            self.ask_ledger(command);
        }
        self.carry_out();
    }
}
