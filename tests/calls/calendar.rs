//! Calls over midnights, month ends, changes of clocks and of tariff, computed by hand (R63, R80, R81).

use std::time::Duration;

use chrono::{DateTime, Utc};
use tollgate::base::Money;
use tollgate::ledger::Account;
use tollgate::policy::PeriodKind;
use tollgate::policy::document::Quantity;

use crate::world::{Company, World};

/// From the INVITE to its answer: what the ledger takes for the reservation. The trunk answers at once.
const SET_UP: Duration = Duration::from_millis(4);

struct Case<'a> {
    number: &'a str,
    zone: &'a str,
    budget: Quantity,
    in_seconds: bool,
    answered: DateTime<Utc>,
    talk: Duration,
    charged: Vec<&'a str>,
}

impl Case<'_> {
    fn read(row: &str) -> Case<'_> {
        let (facts, _arithmetic) = row.split_once("--").expect("each row shows how it was computed");
        let cells: Vec<&str> = facts.split('|').map(str::trim).collect();
        let [number, zone, budget, answered, talk, charged] = cells[..] else { panic!("six cells: {row}") };
        let (period, unit) = budget.split_once(' ').expect("a period and money or minutes");
        let period = match period {
            "day" => PeriodKind::Day,
            "week" => PeriodKind::Week,
            "month" => PeriodKind::Month,
            other => panic!("not a period: {other}"),
        };
        let in_seconds = unit == "minutes";
        // More than any row needs: what is looked at is where it is charged.
        let budget = match in_seconds {
            true => Quantity::Minutes { period, count: 1_000 },
            false => Quantity::Money { period, amount: Money::parse("1000").expect("an amount") },
        };
        Case {
            number,
            zone,
            budget,
            in_seconds,
            answered: answered.parse().expect("an instant"),
            talk: Duration::from_secs(talk.parse().expect("seconds")),
            charged: charged.split_whitespace().collect(),
        }
    }

    /// The periods' sums, in order, once the call has been played.
    fn play(&self) -> Vec<String> {
        let company = Company::new().limited("alice", self.budget).with(|company| {
            company.person("alice").zone = Some(self.zone.into());
        });
        let mut world = World::beginning(&company, self.answered - SET_UP);
        let (number, end) = (self.number, SET_UP + self.talk);
        world.act("alice", &format!("INVITE {number}"));
        world.runs_until("4");
        world.act("main", "200");
        world.act("alice", "ACK");
        world.runs_until(&end.as_millis().to_string());
        world.act("alice", "BYE");
        world.act("main", "200");
        world.rest();
        world.end();
        let sums = world.settled(&Account::Person("alice".into()));
        let shown = |sum: &tollgate::ledger::Amount| match self.in_seconds {
            true => format!("{}s", sum.seconds),
            false => sum.money.to_string(),
        };
        // A period in which nothing was talked may be known all the same: what was covered lay there for a while.
        sums.iter().filter(|sum| !sum.is_zero()).map(shown).collect()
    }
}

#[test]
fn every_call_is_charged_where_its_increments_begin() {
    let rows = include_str!("calendar_cases.txt").lines().filter(|line| !line.starts_with("//"));
    let mut wrong = Vec::new();
    for row in rows {
        let case = Case::read(row);
        let found = case.play();
        let exact = |text: &String| Money::parse(text).map_or(text.clone(), |money| money.to_string());
        let wanted: Vec<String> = case.charged.iter().map(|text| exact(&(*text).to_owned())).collect();
        if found != wanted {
            wrong.push(format!("{row}\n  charged: {}", found.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
