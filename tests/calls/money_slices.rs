//! Money during a call: CALLS R61 to R66 and R70 to R73.

use tollgate::policy::PeriodKind;
use tollgate::policy::document::Quantity;

use crate::world::{Company, World, plays, plays_in};

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

/// The renewals of somebody who has 0.90: for 120 s no, for 90 s yes, for more no.
const NINETY_SECONDS: &str = "
 50.016s ledger < extend 1.20
 50.020s ledger < extend 0.90
 80.016s ledger < extend 1.50
";

/// R72: a second before the money ends, both sides at once.
const CUT: &str = "
 89.016s alice  < BYE uri=sip:alice@10.0.0.1:5060 Reason~cause=402 vias=1 to~;tag=alice- from~;tag=main-
 89.016s main   < BYE uri=sip:+4915155500001@10.1.0.1:5060 Reason~cause=402 vias=1
 89.016s ledger < settle 0.89 cut_money
";

fn with_money_for_ninety_seconds(table: &str) -> World {
    plays_in(Company::new().daily("alice", "0.90"), &format!("{LOCAL}{table}"))
}

#[test]
fn slices_are_renewed_before_they_run_out_and_the_whole_is_settled() {
    plays(&format!(
        "{LOCAL}
         50.016s ledger < extend 1.20
        110.016s ledger < extend 1.80
        170.016s ledger < extend 2.40
        170.5s  main   > BYE
        170.5s  alice  < BYE
        170.5s  ledger < settle 1.71 callee_hung_up
        170.6s  alice  > 200
        170.6s  main   < 200 BYE
        "
    ));
}

#[test]
fn connect_fee_and_increments_are_those_of_the_tariff() {
    plays(
        "
           0 alice  > INVITE 017012345678
           0 alice  < 100
        # 0.05 and 60 s at 0.30 a minute.
           0 ledger < reserve 0.35
           4 main   < INVITE uri=sip:+4917012345678@10.1.0.1:5060
          16 main   > 200
          16 alice  < 200
          20 alice  > ACK
          20 main   < ACK
     50.016s ledger < extend 0.65
        # 30/6: 66.984 s are 72 s.
         67s alice  > BYE
         67s main   < BYE
         67s ledger < settle 0.41 caller_hung_up
         67s main   > 200
         67s alice  < 200 BYE
        ",
    );
    plays(
        "
           0 alice  > INVITE 0402312555
           0 alice  < 100
           0 ledger < reserve 0.12
           4 main   < INVITE uri=sip:+49402312555@10.1.0.1:5060
          16 main   > 200
          16 alice  < 200
          20 alice  > ACK
          20 main   < ACK
     50.016s ledger < extend 0.24
        # 60/60: a second minute has begun.
     60.020s alice  > BYE
     60.020s main   < BYE
     60.020s ledger < settle 0.24 caller_hung_up
         61s main   > 200
         61s alice  < 200 BYE
        ",
    );
}

#[test]
fn an_answered_call_lasts_a_second_at_least() {
    plays(&format!(
        "{LOCAL}
          20 alice  > BYE
          20 main   < BYE
          20 ledger < settle 0.01 caller_hung_up
          24 main   > 200
          24 alice  < 200 BYE
        "
    ));
}

#[test]
fn money_for_ninety_seconds_ends_the_call_on_both_sides() {
    with_money_for_ninety_seconds(&format!(
        "{NINETY_SECONDS}{CUT}
         89.1s alice  > 200
         89.1s main   > 200
        "
    ));
}

#[test]
fn no_re_invite_moves_the_end() {
    let re_invites: String = (1..=8)
        .map(|at| {
            let at = at * 10;
            format!(
                "
                {at}s    alice > re-INVITE Session-Expires=90
                {at}s    alice < 100
                {at}s    main  < INVITE
                {at}.1s  main  > 200
                {at}.1s  alice < 200
                {at}.2s  alice > ACK
                {at}.2s  main  < ACK
                "
            )
        })
        .collect();
    with_money_for_ninety_seconds(&format!(
        "{re_invites}{NINETY_SECONDS}{CUT}
         89.1s alice  > 200
         89.1s main   > 200
        "
    ));
}

#[test]
fn a_side_that_refuses_the_bye_for_its_number_is_counted_up_to_once() {
    with_money_for_ninety_seconds(&format!(
        "{NINETY_SECONDS}{CUT}
         89.1s alice  > 500
         89.1s alice  < BYE cseq='1002 BYE' Reason~cause=402
         89.1s main   > 200
         89.2s alice  > 500
        # It talks on to nobody.
         90s   alice  > re-INVITE
         90s   alice  < 481
        "
    ));
}

#[test]
fn a_side_that_never_answers_the_bye_changes_nothing() {
    with_money_for_ninety_seconds(&format!(
        "{NINETY_SECONDS}{CUT}
         89.1s alice  > 200
        "
    ));
}

#[test]
fn a_bye_that_crosses_ours_is_answered() {
    with_money_for_ninety_seconds(&format!(
        "{NINETY_SECONDS}{CUT}
         89.02s alice > BYE
         89.02s alice < 200 BYE
         89.1s  alice > 200
         89.1s  main  > 200
        "
    ));
}

#[test]
fn the_byes_count_on_from_the_last_requests_of_either_side() {
    with_money_for_ninety_seconds(&format!(
        "
           1s alice  > INFO
           1s main   < INFO cseq='2 INFO'
         1.1s main   > 200
         1.1s alice  < 200 INFO
           2s main   > UPDATE
           2s alice  < UPDATE cseq='1 UPDATE'
         2.1s alice  > 200
         2.1s main   < 200 UPDATE
        {NINETY_SECONDS}
         89.016s alice  < BYE cseq='2 BYE'
         89.016s main   < BYE cseq='3 BYE'
         89.016s ledger < settle 0.89 cut_money
         89.1s alice  > 200
         89.1s main   > 200
        "
    ));
}

#[test]
fn talk_time_ends_a_call_as_money_does() {
    let minutes = Quantity::Minutes { period: PeriodKind::Day, count: 1 };
    plays_in(
        Company::new().limited("alice", minutes),
        &format!(
            "{LOCAL}
         50.016s ledger < extend 1.20
         59.016s alice  < BYE
         59.016s main   < BYE
         59.016s ledger < settle 0.59 cut_money
         59.1s   alice  > 200
         59.1s   main   > 200
            "
        ),
    );
}

#[test]
fn the_permits_longest_call_ends_it_to_the_second() {
    let company = Company::new().with(|company| company.document.roles[0].permits[0].longest_s = Some(30));
    plays_in(
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
     30.016s alice  < BYE Reason~cause=408
     30.016s main   < BYE
     30.016s ledger < settle 0.30 cut_time
       30.1s alice  > 200
       30.1s main   > 200
        ",
    );
}

#[test]
fn while_the_store_is_down_a_call_lives_to_the_end_of_its_paid_slice() {
    plays(&format!(
        "{LOCAL}
             40s ledger > down
         50.016s ledger < extend 1.20
         51.020s ledger < extend 1.20
         52.024s ledger < extend 1.20
         53.028s ledger < extend 1.20
         54.032s ledger < extend 1.20
         55.036s ledger < extend 1.20
         56.040s ledger < extend 1.20
         57.044s ledger < extend 1.20
         58.048s ledger < extend 1.20
         59.016s alice  < BYE
         59.016s main   < BYE
         59.016s ledger < settle 0.59 cut_money
           59.1s alice  > 200
           59.1s main   > 200
             70s ledger > up
        "
    ));
}

#[test]
fn a_store_that_comes_back_in_time_saves_the_call() {
    plays(&format!(
        "{LOCAL}
             40s ledger > down
         50.016s ledger < extend 1.20
         51.5s   ledger > up
         51.020s ledger < extend 1.20
         52.024s ledger < extend 1.20
             70s alice  > BYE
             70s main   < BYE
             70s ledger < settle 0.70 caller_hung_up
             70s main   > 200
             70s alice  < 200 BYE
        "
    ));
}

#[test]
fn a_store_that_says_nothing_ends_the_call_with_its_slice_and_nothing_is_lost() {
    let world = plays(&format!(
        "{LOCAL}
             40s ledger > silent
         50.016s ledger < extend 1.20
         59.016s alice  < BYE
         59.016s main   < BYE
         59.016s ledger < settle 0.59 cut_money
           59.1s alice  > 200
           59.1s main   > 200
            120s ledger > up
        "
    ));
    assert_eq!(world.records.len(), 1);
}

#[test]
fn a_renewal_that_comes_after_the_end_changes_nothing() {
    let mut world = World::new(&Company::new()).slow_ledger(std::time::Duration::from_millis(400));
    world.plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
         400 main   < INVITE
         416 main   > 200
         416 alice  < 200
         420 alice  > ACK
         420 main   < ACK
     50.416s ledger < extend 1.20
     50.5s   alice  > BYE
     50.5s   main   < BYE
     50.5s   ledger < settle 0.51 caller_hung_up
     50.6s   main   > 200
     50.9s   alice  < 200 BYE
        ",
    );
    assert_eq!(world.money_reserved(), "0.00", "the sums of the events must come out even");
}
