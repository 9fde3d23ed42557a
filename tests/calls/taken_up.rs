//! kill -9 and a new start with the database (CALLS R91): calls in progress are taken up, end when they must and are charged once.

use tollgate::base::Money;
use tollgate::policy::document::Quantity;

use crate::restarts::{EMERGENCY, FREE};
use crate::world::{Company, World};

/// Alice talks with somebody through the main trunk; 1 s costs 0.01.
pub const PAID: &str = "
       0 alice  > INVITE 03023125500
       0 alice  < 100
       0 ledger < reserve 0.60
       4 main   < INVITE
      16 main   > 200
      16 alice  < 200
      20 alice  > ACK
      20 main   < ACK
";

fn killed(company: Company, begin: &str, until: &str, rest: &str) -> World {
    let mut world = World::new(&company);
    world.begins(begin);
    world.is_killed_until(&company, until);
    world.plays(rest);
    world
}

#[test]
fn money_for_ninety_seconds_lasts_ninety_over_a_restart_at_second_45() {
    let company = Company::new().daily("alice", "0.90");
    let mut world = World::new(&company);
    world.begins(PAID);
    world.runs_until("45s");
    world.is_killed_until(&company, "46s");
    world.plays(
        "
     50.016s ledger < extend 1.20
     50.020s ledger < extend 0.90
     80.016s ledger < extend 1.50
     # Both dialogs count on, with a gap for what the kill has made forgotten.
     89.016s alice  < BYE cseq='1001 BYE' Reason~'Budget spent'
     89.016s main   < BYE cseq='1002 BYE' Reason~'Budget spent'
     89.016s ledger < settle 0.89 cut_money
       89.1s alice  > 200
       89.1s main   > 200
        ",
    );
}

#[test]
fn a_call_whose_money_ran_out_meanwhile_ends_at_the_start() {
    killed(
        Company::new().daily("alice", "0.90"),
        PAID,
        "100s",
        "
        100s     ledger < extend 1.20
        100.004s ledger < extend 0.90
        100.008s ledger < extend 1.50
        101s     alice  < BYE Reason~'Budget spent'
        101s     main   < BYE
        101s     ledger < settle 1.01 cut_money
        101.1s   alice  > 200
        101.1s   main   > 200
        ",
    );
}

#[test]
fn a_slice_that_ended_meanwhile_is_renewed_if_there_is_money() {
    let world = killed(
        Company::new(),
        PAID,
        "100s",
        "
        100s     ledger < extend 1.20
    110.016s     ledger < extend 1.80
        115s     alice  > BYE
        115s     main   < BYE
        115s     ledger < settle 1.15 caller_hung_up
        115.1s   main   > 200
        115.1s   alice  < 200 BYE
        ",
    );
    assert_eq!(world.records[0].written_off, Money::ZERO);
}

#[test]
fn what_either_side_says_after_a_restart_is_routed_and_charged() {
    killed(
        Company::new(),
        PAID,
        "5s",
        "
         10s main   > re-INVITE
         10s main   < 100
         10s alice  < INVITE uri=sip:alice@10.0.0.1:5060 no=Route
       10.1s alice  > 200
       10.1s main   < 200
       10.2s main   > ACK
       10.2s alice  < ACK
         15s alice  > INFO
         15s main   < INFO
       15.1s main   > 200
       15.1s alice  < 200 INFO
        # A third party is in no call, marks or not.
         16s mallory > BYE of=alice
         16s mallory < 481 BYE
         20s main   > BYE
         20s alice  < BYE
         20s ledger < settle 0.20 callee_hung_up
       20.1s alice  > 200
       20.1s main   < 200 BYE
        ",
    );
}

#[test]
fn a_second_restart_changes_nothing() {
    let company = Company::new();
    let mut world = World::new(&company);
    world.begins(PAID);
    world.is_killed_until(&company, "5s");
    world.is_killed_until(&company, "6s");
    world.begins(
        "
         10s alice  > re-INVITE
         10s alice  < 100
         10s main   < INVITE
       10.1s main   > 200 Contact='<sip:elsewhere@10.1.0.1:5060>'
       10.1s alice  < 200
       10.2s alice  > ACK
       10.2s main   < ACK uri=sip:elsewhere@10.1.0.1:5060
        ",
    );
    // The target was written down when it changed.
    world.is_killed_until(&company, "12s");
    world.plays(
        "
         20s alice  > BYE
         20s main   < BYE uri=sip:elsewhere@10.1.0.1:5060
         20s ledger < settle 0.20 caller_hung_up
       20.1s main   > 200
       20.1s alice  < 200 BYE
        ",
    );
}

#[test]
fn a_call_that_rang_at_the_kill_is_freed() {
    killed(
        Company::new(),
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
          16 main   > 180
          16 alice  < 180
        ",
        "5s",
        "
          5s ledger < expire lost
        # Nobody waits for its answer: whoever gave it is sent home.
          6s main   > 200
          6s main   < ACK cseq='1 ACK'
          6s main   < BYE cseq='1001 BYE' Reason~'gate was stopped'
        6.1s main   > 200 to=BYE
        ",
    );
}

#[test]
fn an_answer_without_our_mark_is_nobodys() {
    killed(
        Company::new(),
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
          16 main   > 180
          16 alice  < 180
        ",
        "5s",
        "
          5s ledger < expire lost
          6s main   > 200 no=Record-Route
        ",
    );
}

#[test]
fn an_answer_that_the_kill_kept_from_the_caller_reaches_her_when_it_is_repeated() {
    let company = Company::new();
    let mut world = World::new(&company);
    world.begins(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
          16 main   > 200 keep=yes
          16 alice  < 200
        ",
    );
    world.is_killed_until(&company, "1s");
    world.plays(
        "
          2s main   > 200 keep=yes to=INVITE
          2s alice  < again 200
        2.1s alice  > ACK
        2.1s main   < ACK
         10s alice  > BYE
         10s main   < BYE
         10s ledger < settle 0.10 caller_hung_up
       10.1s main   > 200 to=BYE
       10.1s alice  < 200 BYE
        ",
    );
}

/// To the new process her INVITE is a stranger's; it was answered all the same, and has one final answer (RFC 3261 §16.7).
#[test]
fn an_invite_repeated_to_the_next_run_is_no_second_call() {
    let company = Company::new();
    let mut world = World::new(&company);
    world.begins(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
          16 main   > 200 keep=yes
          16 alice  < 200
        ",
    );
    world.is_killed_until(&company, "1s");
    world.plays(
        "
        1.5s alice  > again
          2s main   > 200 keep=yes to=INVITE
          2s alice  < again 200
        2.1s alice  > ACK
        2.1s main   < ACK
         10s alice  > BYE
         10s main   < BYE
         10s ledger < settle 0.10 caller_hung_up
       10.1s main   > 200 to=BYE
       10.1s alice  < 200 BYE
        ",
    );
}

#[test]
fn a_free_call_is_taken_up_and_recorded() {
    let world = killed(
        Company::new(),
        FREE,
        "5s",
        "
         10s alice  > BYE
         10s bob    < BYE
         10s ledger < record caller_hung_up
       10.1s bob    > 200
       10.1s alice  < 200 BYE
        ",
    );
    let record = world.records.last().expect("the call's row");
    assert_eq!(record.billed_seconds, 10, "as if nothing had happened");
}

#[test]
fn an_emergency_call_is_taken_up_and_never_cut() {
    killed(
        Company::new(),
        EMERGENCY,
        "5s",
        "
      20000s lobby  > BYE
      20000s main   < BYE
      20000s ledger < record caller_hung_up
    20000.1s main   > 200
    20000.1s lobby  < 200 BYE
        ",
    );
}

#[test]
fn a_permits_longest_call_ends_it_over_a_restart() {
    let company = Company::new().with(|company| company.document.roles[0].permits[0].longest_s = Some(30));
    killed(
        company,
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.30
           4 main   < INVITE
          16 main   > 200
          16 alice  < 200
          20 alice  > ACK
          20 main   < ACK
        ",
        "20s",
        "
     30.016s alice  < BYE Reason~cause=408
     30.016s main   < BYE
     30.016s ledger < settle 0.30 cut_time
       30.1s alice  > 200
       30.1s main   > 200
        ",
    );
}

#[test]
fn concurrency_counts_calls_of_the_earlier_run() {
    let company = Company::new().limited("alice", Quantity::Calls { count: 1 });
    killed(
        company,
        PAID,
        "5s",
        "
          6s alice  > REGISTER
          6s alice  < 401 REGISTER
        6.1s alice  > REGISTER
        6.1s alice  < 200 REGISTER
          7s alice  > INVITE 03023125501
          7s alice  < 403
          7s ledger < record concurrent_calls
         20s alice  > BYE call=1
         20s main   < BYE
         20s ledger < settle 0.20 caller_hung_up
       20.1s main   > 200
       20.1s alice  < 200 BYE
        ",
    );
}

#[test]
fn rights_that_were_taken_away_meanwhile_are_felt() {
    let company = Company::new();
    let mut world = World::new(&company);
    world.begins(PAID);
    let locked = Company::new().with(|company| company.person("alice").locked = true);
    world.is_killed_until(&locked, "10s");
    world.plays(
        "
         10s alice  < BYE Reason~'Rights changed'
         10s main   < BYE
         10s ledger < settle 0.10 cut_rights
       10.1s alice  > 200
       10.1s main   > 200
        ",
    );
}

#[test]
fn whoever_has_left_the_house_meanwhile_is_charged_and_talks_no_more() {
    let company = Company::new();
    let mut world = World::new(&company);
    world.begins(PAID);
    let without = Company::new().with(|company| company.rows.people.retain(|person| person.key != "alice"));
    world.is_killed_until(&without, "10s");
    world.plays(
        "
        # Nobody would pay for another second, and nobody would end it either, were it left alone.
         10s alice  < BYE Reason~'Rights changed'
         10s main   < BYE
         10s ledger < settle 0.10 cut_rights
       10.1s alice  > 200
       10.1s main   > 200
        ",
    );
}
