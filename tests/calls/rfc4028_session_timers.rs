//! Session timers: they tell that a call lives, and no more (CALLS R73, R74).

use tollgate::base::Money;
use tollgate::ledger::EndCause;

use crate::world::{World, plays};

/// Alice calls a Berlin number at 0.60 a minute, sold by the second; both ends agree on a session of two minutes.
fn session(answer: &str) -> String {
    format!(
        "
           0 alice  > INVITE 03023125500 Supported=timer Session-Expires=120
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE Session-Expires=120 Supported=timer
          16 main   > 200 {answer}
          16 alice  < 200
          20 alice  > ACK
          20 main   < ACK
        "
    )
}

const AGREED: &str = "Session-Expires=120;refresher=uac";

/// How the call ends by itself, three minutes later.
const HUNG_UP: &str = "
     50.016s ledger < extend 1.20
    110.016s ledger < extend 1.80
    170.016s ledger < extend 2.40
    200s alice  > BYE
    200s main   < BYE
    200s ledger < settle 2.00 caller_hung_up
    200s main   > 200
    200s alice  < 200 BYE
";

fn dies(table: &str, talked: u64, cost: &str) {
    let world = plays(table);
    let record = world.records.last().expect("the call's record");
    assert_eq!(record.end_cause, Some(EndCause::Dead));
    assert!(record.estimated, "nobody said when it ended");
    assert_eq!((record.billed_seconds, record.cost), (talked, Money::parse(cost).expect("an amount")));
    let end = record.end.expect("an end") - record.answer.expect("an answer");
    assert_eq!(end.num_seconds().unsigned_abs(), talked - 1, "the end is the last sign of life");
}

#[test]
fn a_call_whose_session_expires_is_settled_to_its_last_sign_of_life() {
    // The ACK was the last that was heard; 120 s of session and 32 s of patience later both ends are told.
    dies(
        &format!(
            "{}
     50.016s ledger < extend 1.20
    110.016s ledger < extend 1.80
    152.020s alice  < BYE Reason~cause=408
    152.020s main   < BYE Reason~cause=408
    152.020s ledger < settle 0.01 dead
            ",
            session(AGREED)
        ),
        1,
        "0.01",
    );
}

#[test]
fn every_message_inside_the_call_is_a_sign_of_life() {
    dies(
        &format!(
            "{}
         40s main   > INFO
         40s alice  < INFO
         41s alice  > 200
         41s main   < 200 INFO
     50.016s ledger < extend 1.20
    110.016s ledger < extend 1.80
    170.016s ledger < extend 2.40
        193s alice  < BYE Reason~cause=408
        193s main   < BYE
        193s ledger < settle 0.41 dead
        193.1s main > 200
            ",
            session(AGREED)
        ),
        41,
        "0.41",
    );
}

#[test]
fn a_refresh_begins_the_session_anew() {
    plays(&format!(
        "{}
         60s alice  > UPDATE Session-Expires=120
         60s main   < UPDATE
       60.1s main   > 200 {AGREED}
       60.1s alice  < 200 UPDATE
        {HUNG_UP}
        ",
        session(AGREED)
    ));
}

#[test]
fn a_refresh_without_a_session_ends_the_promise() {
    plays(&format!(
        "{}
          1s alice  > re-INVITE
          1s alice  < 100
          1s main   < INVITE
        1.1s main   > 200
        1.1s alice  < 200
        1.2s alice  > ACK
        1.2s main   < ACK
        {HUNG_UP}
        ",
        session(AGREED)
    ));
}

#[test]
fn where_nobody_promised_anything_silence_means_nothing() {
    plays(&format!("{}{HUNG_UP}", session("")));
}

#[test]
fn a_session_that_is_too_short_for_the_other_end_passes_through_both_ways() {
    plays(
        "
           0 alice  > INVITE 03023125500 Supported=timer Session-Expires=90
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE Session-Expires=90
          16 main   > 422 Min-SE=600
          16 main   < ACK
          16 alice  < 422 Min-SE=600
          16 ledger < release failed
        ",
    );
}

#[test]
fn a_session_timer_moves_no_limit_of_an_emergency_call() {
    let mut world = World::new(&crate::world::Company::new());
    world.plays(
        "
           0 alice  > INVITE 112 Session-Expires=90
           0 alice  < 100
           0 main   < INVITE
           8 main   > 200 Session-Expires=90;refresher=uac
           8 alice  < 200
          12 alice  > ACK
          12 main   < ACK
        900s alice  > BYE
        900s main   < BYE
        900s ledger < record caller_hung_up
        900s main   > 200
        900s alice  < 200 BYE
        ",
    );
}
