//! What a town will live through, drawn from its seed before it begins: who calls whom when, and what goes wrong. Each item stands for
//! itself, so that a failing life can be cut down to the few that matter.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tollgate::base::Random;
use tollgate::policy::PeriodKind;
use tollgate::policy::document::{BudgetHolder, BudgetRule, Limit, Quantity};

use super::agenda::{Attack, Trouble};
use super::temper::pick;
use super::vault::Mood;
use super::world::company::Company;

/// How many calls begin in a second of the town's life, on average.
const CALLS_PER_SECOND: u64 = 2;

pub const CALLERS: [&str; 9] = ["alice", "bob", "carol", "carol", "frank", "tina", "dave", "erin", "main"];
const TARGETS: [&str; 14] = [
    "03023125500",
    "03023125501",
    "017012345678",
    "017012345678",
    "0402312555",
    "0800123456",
    "0033123456789",
    "202",
    "203",
    "206",
    "299",
    "112",
    "sip:%2B493023125500@house.example;user=phone",
    "nonsense",
];
const INSIDE: [&str; 4] = ["+49302312202", "+49302312203", "+49302312206", "+49302312299"];
/// Nobody here calls herself: one phone is not two.
const OWN: [(&str, &str); 3] = [("bob", "202"), ("carol", "203"), ("tina", "206")];

/// When lives begin, in UTC: an ordinary Monday; shortly before a midnight in Berlin, a change to summer time, one back, the end of a
/// month, and the end of a leap day.
const BEGINNINGS: [&str; 6] = [
    "2026-03-02T09:00:00Z",
    "2026-03-03T22:57:00Z",
    "2026-03-29T00:57:00Z",
    "2026-10-25T00:57:00Z",
    "2026-10-31T22:57:00Z",
    "2028-02-29T22:57:00Z",
];

pub enum Item {
    Act { who: &'static str, act: String },
    Trouble { who: &'static str, trouble: Trouble },
}

pub struct Plan {
    pub beginning: DateTime<Utc>,
    pub company: Company,
    pub items: Vec<(Duration, Item)>,
    /// In which calls begin.
    pub rush: Duration,
    /// Planned faults by kind.
    pub faults: BTreeMap<&'static str, u64>,
}

impl Plan {
    pub fn of_seed(seed: u64, calls: u64) -> Plan {
        let mut random = Random::from_number(seed);
        let beginning = pick(&mut random, &BEGINNINGS).parse().expect("an instant");
        let rush = Duration::from_secs((calls / CALLS_PER_SECOND).max(30));
        let company = company(&mut random);
        let mut plan = Plan { beginning, company, items: Vec::new(), rush, faults: BTreeMap::new() };
        plan.draw_calls(calls, &mut random);
        plan.draw_registrations(&mut random);
        // As many of each trouble as fit a life of that length.
        for _ in 0..=rush.as_secs() / 100 {
            plan.draw_troubles(&mut random);
        }
        plan
    }

    fn draw_calls(&mut self, calls: u64, random: &mut Random) {
        let mut call = 0;
        while call < calls {
            let begins = self.some_time(random);
            // Now and then many at once.
            let burst = if random.one_in(60) { random.below(40) + 2 } else { 1 };
            let who = pick(random, &CALLERS);
            for _ in 0..burst.min(calls - call) {
                let target = match who {
                    "main" => pick(random, &INSIDE),
                    _ => pick(random, &TARGETS),
                };
                let target = if OWN.contains(&(who, target)) { "0402312555" } else { target };
                let at = begins + Duration::from_micros(random.below(200_000));
                let id = format!("{call}@{who}");
                self.items.push((at, Item::Act { who, act: format!("INVITE {target} id={id}") }));
                if random.one_in(6) {
                    let later = at + Duration::from_millis(random.below(9_000));
                    self.items.push((later, Item::Act { who, act: format!("CANCEL id={id}") }));
                }
                call += 1;
            }
        }
    }

    fn draw_registrations(&mut self, random: &mut Random) {
        for who in ["alice", "bob", "bob2", "carol", "frank", "tina", "dave"] {
            let mut at = Duration::from_millis(random.below(30_000));
            while at < self.rush {
                self.items.push((at, Item::Act { who, act: "REGISTER".into() }));
                at += Duration::from_millis(20_000 + random.below(60_000));
            }
        }
    }

    fn draw_troubles(&mut self, random: &mut Random) {
        let moods =
            [Mood::Failing, Mood::Shut, Mood::Silent, Mood::Open { millis: 200 + random.below(5_000) }];
        let mood = moods[random.below(4) as usize];
        let (kind, at) = (kind_of(mood), self.some_time(random));
        let length = Duration::from_millis(random.below(12_000));
        self.trouble(kind, at, "", Trouble::Store(mood));
        self.trouble("", at + length, "", Trouble::Store(Mood::Open { millis: 1 + random.below(30) }));

        let phone =
            |random: &mut Random| pick(random, &["alice", "bob", "bob2", "carol", "frank", "tina", "dave"]);
        let anybody =
            |random: &mut Random| pick(random, &["alice", "bob", "carol", "frank", "tina", "main", "backup"]);
        let who = anybody(random);
        self.draw("wire breaks", who, Trouble::WireBreaks, random);
        let (who, millis) = (anybody(random), 500 + random.below(20_000));
        self.draw("nothing passes for a while", who, Trouble::Storm { millis }, random);
        let who = phone(random);
        self.draw("phone moves to another port or connection", who, Trouble::Moves, random);
        let (who, millis) = (phone(random), 1_000 + random.below(30_000));
        self.draw("phone loses its power", who, Trouble::PowerFails { millis }, random);
        if random.one_in(2) {
            let millis = 50 + random.below(10_000);
            self.draw("gate killed and started again", "", Trouble::Killed { millis }, random);
        }
        if random.one_in(2) {
            let seconds: [i64; 8] = [-90_000, -3_600, -61, -2, 1, 59, 3_600, 90_000];
            let step = TimeDelta::seconds(seconds[random.below(8) as usize]);
            self.draw("wall clock set", "", Trouble::ClockSteps(step), random);
        }
        self.draw_new_settings(random);
        let attacks = [Attack::Replays, Attack::Garbles, Attack::Forges, Attack::Floods, Attack::Guesses];
        for attack in [attacks[random.below(5) as usize], attacks[random.below(5) as usize]] {
            self.draw(name_of(attack), "mallory", Trouble::Attack(attack), random);
        }
    }

    /// Somebody leaves, or limits fall, while calls go on; later all is as at the beginning.
    fn draw_new_settings(&mut self, random: &mut Random) {
        let at = self.some_time(random);
        let changed = company(random).with(|company| {
            if random.one_in(3) {
                let gone = pick(random, &["bob", "frank", "tina", "dave"]);
                company.rows.people.retain(|person| person.key != gone);
            }
            if random.one_in(3) {
                company.limits.calls_max = 3;
            }
        });
        self.trouble(
            "settings and budgets changed under live calls",
            at,
            "",
            Trouble::NewSettings(Rc::new(changed)),
        );
        let back = Trouble::NewSettings(Rc::new(self.company.clone()));
        self.trouble("", at + Duration::from_millis(random.below(15_000)), "", back);
    }

    fn draw(&mut self, kind: &'static str, who: &'static str, trouble: Trouble, random: &mut Random) {
        let at = self.some_time(random);
        self.trouble(kind, at, who, trouble);
    }

    fn trouble(&mut self, kind: &'static str, at: Duration, who: &'static str, trouble: Trouble) {
        if !kind.is_empty() {
            *self.faults.entry(kind).or_default() += 1;
        }
        self.items.push((at, Item::Trouble { who, trouble }));
    }

    fn some_time(&self, random: &mut Random) -> Duration {
        Duration::from_micros(random.below(self.rush.as_micros() as u64))
    }
}

/// The company of the timelines; some have much to spend and some have not.
fn company(random: &mut Random) -> Company {
    let mut company = Company::new();
    for who in ["alice", "bob", "frank", "tina", "carol"] {
        match random.below(6) {
            0 | 1 => company = company.daily(who, pick(random, &["0.50", "1.70", "3", "40"])),
            2 => company = company.limited(who, Quantity::Minutes { period: PeriodKind::Day, count: 3 }),
            3 => company = company.limited(who, Quantity::Calls { count: 2 }),
            _ => {}
        }
    }
    let mut budget = |holder, quantity| {
        company.document.budgets.push(BudgetRule { holder, limit: Limit { quantity, soft: false } })
    };
    let money = |period, amount: &str| Quantity::Money {
        period,
        amount: tollgate::base::Money::parse(amount).expect("an amount"),
    };
    if random.one_in(3) {
        budget(BudgetHolder::Company, money(PeriodKind::Week, pick(random, &["8", "60", "500"])));
    }
    if random.one_in(3) {
        budget(BudgetHolder::Trunk("main".into()), money(PeriodKind::Month, pick(random, &["2", "30"])));
    }
    if random.one_in(4) {
        budget(BudgetHolder::Trunk("main".into()), Quantity::Calls { count: 4 });
    }
    company
}

fn kind_of(mood: Mood) -> &'static str {
    match mood {
        Mood::Open { .. } => "store slow",
        Mood::Failing => "store failing, at times after it has written",
        Mood::Shut => "store read-only",
        Mood::Silent => "store silent",
    }
}

fn name_of(attack: Attack) -> &'static str {
    match attack {
        Attack::Replays => "attack: messages of others replayed",
        Attack::Garbles => "attack: messages of others with changed bytes",
        Attack::Forges => "attack: requests forged inside calls of others",
        Attack::Floods => "attack: flood from one source",
        Attack::Guesses => "attack: passwords guessed",
    }
}
