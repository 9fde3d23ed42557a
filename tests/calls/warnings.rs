//! Warnings before a call is ended, and what else is told: CALLS R41 and R101.

use std::time::Duration;

use tollgate::gate::{Ending, Event};
use tollgate::ledger::EndCause;
use tollgate::policy::document::{BudgetHolder, BudgetRule, Limit, Quantity};

use crate::world::{Company, World, plays_in};

/// Alice calls a Berlin number at 0.60 a minute, sold by the second; it answers at 16 ms.
const LOCAL: &str = "
       0 alice  > INVITE 03023125500 Allow='INVITE, ACK, BYE, MESSAGE'
       0 alice  < 100
       0 ledger < reserve 0.60
       4 main   < INVITE
      16 main   > 200
      16 alice  < 200
      20 alice  > ACK
      20 main   < ACK
";

/// Money for 150 s; the end is at 149 s.
const TO_THE_END: &str = "
     50.016s ledger < extend 1.20
    110.016s ledger < extend 1.80
    110.020s ledger < extend 1.50
    140.016s ledger < extend 2.10
    149.016s alice  < BYE
    149.016s main   < BYE
    149.016s ledger < settle 1.49 cut_money
      149.1s alice  > 200
      149.1s main   > 200
";

fn endings(world: &World) -> Vec<&Ending> {
    let mut endings = Vec::new();
    for event in &world.events {
        if let Event::Ending(ending) = event {
            endings.push(ending);
        }
    }
    endings
}

fn telling_phones(company: Company) -> Company {
    company.with(|company| company.limits.warn_phones = true)
}

#[test]
fn a_minute_before_the_money_ends_somebody_is_told_once() {
    let world = plays_in(Company::new().daily("alice", "1.50"), &format!("{LOCAL}{TO_THE_END}"));
    match endings(&world)[..] {
        [Ending { person, cause: EndCause::CutMoney, left, told_phone: false, .. }] => {
            assert_eq!((person.as_deref(), *left), (Some("alice"), Duration::from_secs(60)));
        }
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn the_phone_is_told_where_it_takes_a_message_and_the_settings_say_so() {
    let world = plays_in(
        telling_phones(Company::new().daily("alice", "1.50")),
        &format!(
            "{LOCAL}
     89.016s alice  < MESSAGE uri=sip:alice@10.0.0.1:5060 From~Tollgate body~'ends in 60 seconds' to~alice@house.example
       89.1s alice  > 200 to=MESSAGE
            {TO_THE_END}"
        ),
    );
    assert!(endings(&world)[0].told_phone);
}

#[test]
fn a_phone_that_says_nothing_of_messages_gets_none() {
    let company = telling_phones(Company::new().daily("alice", "1.50"));
    let call = LOCAL.replace("Allow='INVITE, ACK, BYE, MESSAGE'", "");
    let world = plays_in(company, &format!("{call}{TO_THE_END}"));
    assert!(!endings(&world)[0].told_phone);
}

#[test]
fn the_end_of_the_longest_call_is_told_too() {
    let company = Company::new().with(|company| company.document.roles[0].permits[0].longest_s = Some(90));
    let world = plays_in(
        company,
        &format!(
            "{LOCAL}
     50.016s ledger < extend 0.90
     90.016s alice  < BYE
     90.016s main   < BYE
     90.016s ledger < settle 0.90 cut_time
       90.1s alice  > 200
       90.1s main   > 200
            "
        ),
    );
    let [ending] = endings(&world)[..] else { panic!("one warning") };
    assert_eq!((ending.cause, ending.left), (EndCause::CutTime, Duration::from_secs(60)));
}

#[test]
fn a_call_that_is_hung_up_in_time_warns_nobody() {
    let world = plays_in(
        Company::new().daily("alice", "1.50"),
        &format!(
            "{LOCAL}
     50.016s ledger < extend 1.20
         60s alice  > BYE
         60s main   < BYE
         60s ledger < settle 0.60 caller_hung_up
         60s main   > 200
         60s alice  < 200 BYE
            "
        ),
    );
    assert_eq!(endings(&world), Vec::<&Ending>::new());
}

#[test]
fn soft_limits_of_calls_at_once_tell_and_refuse_nobody() {
    let company = Company::new().with(|company| {
        let limit = Limit { quantity: Quantity::Calls { count: 1 }, soft: true };
        company.document.budgets.push(BudgetRule { holder: BudgetHolder::Company, limit });
    });
    let mut world = World::new(&company);
    let crowded =
        |world: &World| world.events.iter().filter(|event| matches!(event, Event::Crowded(_))).count();
    world.act("alice", "INVITE 03023125500");
    world.runs_until("100");
    assert_eq!(crowded(&world), 0);
    world.act("bob", "INVITE 03023125500");
    world.runs_until("200");
    assert_eq!(crowded(&world), 1);
    assert_eq!(world.count("main", "INVITE"), 2, "nobody is refused");
}

#[test]
fn a_call_under_a_hard_and_a_soft_limit_of_one_holder_counts_once() {
    let company = Company::new().with(|company| {
        for (count, soft) in [(2, false), (1, true)] {
            let limit = Limit { quantity: Quantity::Calls { count }, soft };
            company.document.budgets.push(BudgetRule { holder: BudgetHolder::Company, limit });
        }
    });
    let mut world = World::new(&company);
    let crowded =
        |world: &World| world.events.iter().filter(|event| matches!(event, Event::Crowded(_))).count();
    world.act("alice", "INVITE 03023125500");
    world.runs_until("100");
    assert_eq!(crowded(&world), 0, "one call is not more than one");
    world.act("bob", "INVITE 03023125500");
    world.runs_until("200");
    assert_eq!((crowded(&world), world.count("main", "INVITE")), (1, 2), "the second still has room");
    world.act("carol", "INVITE 03023125500");
    world.runs_until("300");
    assert_eq!(world.count("main", "INVITE"), 2, "the third has none");
}
