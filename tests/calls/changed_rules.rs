//! Rules that change while people talk: CALLS R76. Within a second money is counted anew, and rights are judged anew by the option
//! of their role.

use std::time::Duration;

use tollgate::policy::PeriodKind;
use tollgate::policy::document::{BudgetHolder, BudgetRule, Ending, Limit, Quantity};

use crate::world::{Company, World};

/// Alice calls a Berlin number at 0.60 a minute, sold by the second; it answers at 16 ms.
const LOCAL: &str = "
       0 alice  > INVITE 03023125500
       0 alice  < 100
       0 ledger < reserve 0.60
       4 main   < INVITE
      16 main   > 200
      16 alice  < 200
      20 alice  > ACK
      20 main   < ACK
";

/// Alice hangs up a minute after zero, and 0.60 are settled.
const HANGS_UP: &str = "
         60s alice  > BYE
         60s main   < BYE
         60s ledger < settle 0.60 caller_hung_up
         60s main   > 200
         60s alice  < 200 BYE
";

/// A call under the one set of rules, twenty seconds old, and then under the other.
fn talking(before: Company, after: Company) -> World {
    let mut world = World::new(&before);
    world.begins(LOCAL);
    world.runs_until("20s");
    world.replace_setup(&after);
    world
}

/// Alice's role is gone, and the staff's calls end so.
fn without_role(ending: Ending) -> Company {
    Company::new().with(|company| {
        company.document.roles[0].on_change = ending;
        company.person("alice").roles.clear();
    })
}

#[test]
fn a_budget_that_is_lowered_below_what_was_talked_ends_the_call_at_once() {
    let mut world = talking(Company::new().daily("alice", "10"), Company::new().daily("alice", "0.10"));
    world.plays(
        "
         20s    ledger < revise 0.60
         20.004s alice < BYE Reason~cause=402
         20.004s main  < BYE Reason~cause=402
         20.004s ledger < settle 0.20 cut_money
         20.1s  alice  > 200
         20.1s  main   > 200
        ",
    );
}

#[test]
fn a_budget_that_is_lowered_leaves_the_call_what_it_still_buys() {
    let mut world = talking(Company::new().daily("alice", "10"), Company::new().daily("alice", "0.40"));
    world.plays(
        "
         20s     ledger < revise 0.60
         20.004s ledger < revise 0.40
         30.016s ledger < extend 1.00
         39.016s alice  < BYE
         39.016s main   < BYE
         39.016s ledger < settle 0.39 cut_money
         39.1s   alice  > 200
         39.1s   main   > 200
        ",
    );
}

#[test]
fn a_new_budget_of_the_company_counts_for_calls_in_progress() {
    let amount = tollgate::base::Money::parse("0.30").expect("an amount");
    let after = Company::new().daily("alice", "10").with(|company| {
        let quantity = Quantity::Money { period: PeriodKind::Month, amount };
        let limit = Limit { quantity, soft: false };
        company.document.budgets.push(BudgetRule { holder: BudgetHolder::Company, limit });
    });
    talking(Company::new().daily("alice", "10"), after).plays(
        "
         20s     ledger < revise 0.60
         20.004s ledger < revise 0.30
         20.016s ledger < extend 0.90
         29.016s alice  < BYE
         29.016s main   < BYE
         29.016s ledger < settle 0.29 cut_money
         29.1s   alice  > 200
         29.1s   main   > 200
        ",
    );
}

#[test]
fn minutes_are_counted_anew_as_money_is() {
    let minute = |count| Quantity::Minutes { period: PeriodKind::Day, count };
    let before = Company::new().limited("alice", minute(100));
    talking(before, Company::new().limited("alice", minute(0))).plays(
        "
         20s     ledger < revise 0.60
         20.004s alice  < BYE
         20.004s main   < BYE
         20.004s ledger < settle 0.20 cut_money
         20.1s   alice  > 200
         20.1s   main   > 200
        ",
    );
}

#[test]
fn a_budget_that_is_raised_saves_a_call_whose_money_was_at_its_end() {
    let mut world = World::new(&Company::new().daily("alice", "0.90"));
    world.begins(&format!(
        "{LOCAL}
     50.016s ledger < extend 1.20
     50.020s ledger < extend 0.90
     80.016s ledger < extend 1.50
        "
    ));
    world.runs_until("85s");
    world.replace_setup(&Company::new().daily("alice", "10"));
    world.plays(
        "
         85s     ledger < revise 0.90
         85.004s ledger < extend 1.50
         95s alice  > BYE
         95s main   < BYE
         95s ledger < settle 0.95 caller_hung_up
         95s main   > 200
         95s alice  < 200 BYE
        ",
    );
}

#[test]
fn what_has_not_changed_is_not_asked_about() {
    let company = || Company::new().daily("alice", "10");
    talking(company(), company()).plays(&format!("50.016s ledger < extend 1.20 {HANGS_UP}"));
}

#[test]
fn a_ledger_that_is_down_is_asked_again_about_the_change() {
    let mut world = World::new(&Company::new().daily("alice", "10"));
    world.begins(LOCAL);
    world.runs_until("20s");
    world.act("ledger", "down");
    world.replace_setup(&Company::new().daily("alice", "0.10"));
    world.plays(
        "
         20s     ledger < revise 0.60
         20.5s   ledger > up
         21.004s ledger < revise 0.60
         21.008s alice  < BYE
         21.008s main   < BYE
         21.008s ledger < settle 0.21 cut_money
         21.1s   alice  > 200
         21.1s   main   > 200
        ",
    );
}

#[test]
fn whose_role_says_finish_talks_to_the_end() {
    let mut world = talking(Company::new(), without_role(Ending::Finish));
    world.plays(&format!("50.016s ledger < extend 1.20 {HANGS_UP}"));
    // The next call is judged by the new rules.
    world.plays(
        "
        100s alice  > INVITE 03023125500 call=2
        100s alice  < 403
        100s ledger < record incoming_only
        ",
    );
}

#[test]
fn whose_role_says_cut_is_cut_off_within_the_second() {
    talking(Company::new(), without_role(Ending::Cut)).plays(
        "
         20s   alice  < BYE Reason~cause=403
         20s   main   < BYE Reason~cause=403
         20s   ledger < settle 0.20 cut_rights
         20.1s alice  > 200
         20.1s main   > 200
        ",
    );
}

#[test]
fn whose_role_gives_time_is_cut_off_when_it_is_over() {
    talking(Company::new(), without_role(Ending::After(Duration::from_secs(15)))).plays(
        "
         35s   alice  < BYE Reason~cause=403
         35s   main   < BYE Reason~cause=403
         35s   ledger < settle 0.35 cut_rights
         35.1s alice  > 200
         35.1s main   > 200
        ",
    );
}

#[test]
fn a_right_that_comes_back_in_time_saves_the_call() {
    let mut world = talking(Company::new(), without_role(Ending::After(Duration::from_secs(15))));
    world.runs_until("30s");
    world.replace_setup(&Company::new());
    world.plays(&format!("50.016s ledger < extend 1.20 {HANGS_UP}"));
}

#[test]
fn a_second_change_gives_no_second_span() {
    let ending = Ending::After(Duration::from_secs(15));
    let mut world = talking(Company::new(), without_role(ending));
    world.runs_until("30s");
    world.replace_setup(&without_role(ending));
    world.plays(
        "
         35s   alice  < BYE
         35s   main   < BYE
         35s   ledger < settle 0.35 cut_rights
         35.1s alice  > 200
         35.1s main   > 200
        ",
    );
}

#[test]
fn a_lock_cuts_whatever_the_role_says() {
    talking(Company::new(), Company::new().with(|company| company.person("alice").locked = true)).plays(
        "
         20s   alice  < BYE Reason~cause=403
         20s   main   < BYE
         20s   ledger < settle 0.20 cut_rights
         20.1s alice  > 200
         20.1s main   > 200
        ",
    );
}

#[test]
fn a_shorter_longest_call_is_felt_too() {
    let after = Company::new().with(|company| company.document.roles[0].permits[0].longest_s = Some(25));
    talking(Company::new(), after).plays(
        "
         25.016s alice  < BYE Reason~cause=408
         25.016s main   < BYE
         25.016s ledger < settle 0.25 cut_time
         25.1s   alice  > 200
         25.1s   main   > 200
        ",
    );
}

#[test]
fn whoever_rings_without_right_is_refused_and_the_other_side_stops_ringing() {
    let mut world = World::new(&Company::new());
    world.begins(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
          16 main   > 180
          16 alice  < 180
        ",
    );
    world.runs_until("5s");
    world.replace_setup(&without_role(Ending::Cut));
    world.plays(
        "
          5s main   < CANCEL
        5.1s main   > 487 to=INVITE
        5.1s main   < ACK
        5.1s alice  < 403 X-Tollgate-Decision~0 Reason~cause=403
        5.1s ledger < release cut_rights
        ",
    );
}

#[test]
fn whoever_rings_without_money_is_refused() {
    let mut world = World::new(&Company::new().daily("alice", "10"));
    world.begins(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
          16 main   > 180
          16 alice  < 180
        ",
    );
    world.runs_until("5s");
    world.replace_setup(&Company::new().daily("alice", "0.05"));
    world.plays(
        "
          5s     ledger < revise 0.60
          5.004s main   < CANCEL
          5.1s   main   > 487 to=INVITE
          5.1s   main   < ACK
          5.1s   alice  < 403
          5.1s   ledger < release cut_rights
        ",
    );
}

#[test]
fn an_answer_that_crosses_the_refusal_is_cut_off() {
    let mut world = World::new(&Company::new());
    world.begins(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
          16 main   > 180
          16 alice  < 180
        ",
    );
    world.runs_until("5s");
    world.replace_setup(&without_role(Ending::Cut));
    world.plays(
        "
          5s   main   < CANCEL
        5.1s   main   > 200 to=INVITE
        5.1s   alice  < 200
        5.1s   alice  < BYE
        5.1s   main   < BYE
        5.1s   ledger < settle 0.01 cut_rights
        5.11s  alice  > ACK
        5.11s  main   < ACK
        5.2s   alice  > 200 to=BYE
        5.2s   main   > 200 to=BYE
        ",
    );
}

#[test]
fn an_emergency_call_feels_nothing() {
    let mut world = World::new(&Company::new());
    world.begins(
        "
           0 alice  > INVITE 112
           0 alice  < 100
           0 main   < INVITE
           8 main   > 200
           8 alice  < 200
          12 alice  > ACK
          12 main   < ACK
        ",
    );
    world.replace_setup(&without_role(Ending::Cut).with(|company| company.person("alice").locked = true));
    world.plays(
        "
        600s alice  > BYE
        600s main   < BYE
        600s ledger < record caller_hung_up
        600s main   > 200
        600s alice  < 200 BYE
        ",
    );
}

#[test]
fn many_calls_are_looked_at_one_after_the_other_within_half_a_second() {
    let count = 50;
    let mut world = World::new(&Company::new().daily("alice", "100"));
    for call in 1..=count {
        world.act("alice", &format!("INVITE 03023125500 call={call}"));
    }
    world.runs_until("100");
    for call in 1..=count {
        world.act("main", &format!("200 call={call}"));
        world.act("alice", &format!("ACK call={call}"));
    }
    world.runs_until("10s");
    world.replace_setup(&Company::new().daily("alice", "90"));
    assert!(world.count("ledger", "revise 0.60") <= 1, "the reload itself asks about hardly any");
    world.runs_until("10.25s");
    let at_half_time = world.count("ledger", "revise 0.60");
    assert!((20..=30).contains(&at_half_time), "{at_half_time} of {count} at half time");
    world.runs_until("10.5s");
    assert_eq!(world.count("ledger", "revise 0.60"), count);
}
