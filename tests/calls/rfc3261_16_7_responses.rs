//! Forking and the choice of the response that goes back: RFC 3261 §16.7, §13.2.2.4, CALLS R67.

use crate::world::Company;
use crate::world::World;

/// Bob has two phones.
fn two_phones() -> World {
    let mut world = World::new(&Company::new());
    world.begins(
        "
           0 bob2   > REGISTER
           0 bob2   < 401 REGISTER
           0 bob2   > REGISTER
           0 bob2   < 200 REGISTER
        ",
    );
    world
}

#[test]
fn one_phone_answers_and_the_other_stops_ringing() {
    two_phones().plays(
        "
           4 alice  > INVITE 202
           4 alice  < 100
           4 bob2   < INVITE uri=sip:bob@10.0.0.22:5060
           4 bob    < INVITE uri=sip:bob@10.0.0.2:5060
           8 bob    > 180
           8 alice  < 180
          12 bob2   > 180
          12 alice  < 180
          16 bob    > 200
          16 alice  < 200
          16 bob2   < CANCEL
          20 bob2   > 487
          20 bob2   < ACK
          24 alice  > ACK with=bob-
          24 bob    < ACK
          1s bob    > BYE
          1s alice  < BYE
          1s ledger < record callee_hung_up
          1s alice  > 200
          1s bob    < 200 BYE
        ",
    );
}

#[test]
fn a_silent_phone_is_cancelled_when_it_speaks_at_last() {
    two_phones().plays(
        "
           4 alice  > INVITE 202
           4 alice  < 100
           4 bob2   < INVITE
           4 bob    < INVITE
          16 bob    > 200
          16 alice  < 200
          20 bob2   > 180
          20 bob2   < CANCEL
          24 bob2   > 487
          24 bob2   < ACK
          28 alice  > ACK
          28 bob    < ACK
          1s bob    > BYE
          1s alice  < BYE
          1s ledger < record callee_hung_up
          1s alice  > 200
          1s bob    < 200 BYE
        ",
    );
}

#[test]
fn both_answer_and_the_caller_knows_both_dialogs() {
    two_phones().plays(
        "
           4 alice  > INVITE 202
           4 alice  < 100
           4 bob2   < INVITE
           4 bob    < INVITE
           8 bob    > 180
           8 alice  < 180
           8 bob2   > 180
           8 alice  < 180
          16 bob    > 200
          16 alice  < 200
          16 bob2   < CANCEL
        # It had answered before the CANCEL came.
          17 bob2   > 200 to=INVITE
          17 alice  < 200 to~;tag=bob2-
          20 alice  > ACK with=bob-
          20 bob    < ACK
          20 alice  > ACK with=bob2-
          20 bob2   < ACK
          24 alice  > BYE with=bob2-
          24 bob2   < BYE
          28 bob2   > 200
          28 alice  < 200 BYE
        # The call lives on with the first.
          1s bob    > BYE
          1s alice  < BYE
          1s ledger < record callee_hung_up
          1s alice  > 200
          1s bob    < 200 BYE
        ",
    );
}

#[test]
fn a_decline_for_all_ends_the_search() {
    two_phones().plays(
        "
           4 alice  > INVITE 202
           4 alice  < 100
           4 bob2   < INVITE
           4 bob    < INVITE
           8 bob2   > 180
           8 alice  < 180
          12 bob    > 603
          12 bob    < ACK
          12 bob2   < CANCEL
          16 bob2   > 487
          16 bob2   < ACK
          16 alice  < 603
          16 ledger < record declined
        ",
    );
}

#[test]
fn the_best_of_two_refusals_goes_back_when_both_have_come() {
    two_phones().plays(
        "
           4 alice  > INVITE 202
           4 alice  < 100
           4 bob2   < INVITE
           4 bob    < INVITE
          12 bob    > 503
          12 bob    < ACK
          16 bob2   > 486
          16 bob2   < ACK
          16 alice  < 486 to~;tag=bob2-
          16 ledger < record declined
        ",
    );
}

#[test]
fn a_503_becomes_a_500() {
    two_phones().plays(
        "
           4 alice  > INVITE 202
           4 alice  < 100
           4 bob2   < INVITE
           4 bob    < INVITE
          12 bob    > 503
          12 bob    < ACK
          16 bob2   > 503
          16 bob2   < ACK
          16 alice  < 500
          16 ledger < record failed
        ",
    );
}

#[test]
fn an_answer_repeated_for_want_of_an_ack_is_passed_on_each_time() {
    World::new(&Company::new()).plays(
        "
           0 alice  > INVITE 202
           0 alice  < 100
           0 bob    < INVITE
           8 bob    > 200
           8 alice  < 200
         508 bob    > again
         508 alice  < again 200
        1508 bob    > again
        1508 alice  < again 200
        1600 alice  > ACK
        1600 bob    < ACK
        # The ACK was lost behind the gate.
        3508 bob    > again
        3508 alice  < again 200
        3600 alice  > ACK
        3600 bob    < ACK
          4s bob    > BYE
          4s alice  < BYE
          4s ledger < record callee_hung_up
          4s alice  > 200
          4s bob    < 200 BYE
        ",
    );
}

#[test]
fn two_forks_below_one_trunk_are_two_dialogs() {
    World::new(&Company::new()).plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 183 tag=fork1
           8 alice  < 183 to~fork1
          12 main   > 183 tag=fork2
          12 alice  < 183 to~fork2
          16 main   > 200 tag=fork2
          16 alice  < 200
          20 alice  > ACK with=fork2
          20 main   < ACK
          1s alice  > BYE with=fork2
          1s main   < BYE to~fork2
          1s ledger < settle 0.01 caller_hung_up
          1s main   > 200
          1s alice  < 200 BYE
        ",
    );
}

/// Bob's second phone begins to ring when the first has answered and the call is over, and never says more: the call is remembered
/// until that branch has ended, and the gate, whose alarm once rang for it without an end, goes on.
#[test]
fn a_branch_that_rings_on_when_its_call_is_over_does_not_hold_up_the_gate() {
    two_phones().plays(
        "
            0 alice  > INVITE 202
            0 alice  < 100
            0 bob    < INVITE
            0 bob2   < INVITE
           20 bob    > 200
           20 alice  < 200
           30 alice  > ACK
           30 bob    < ACK
           1s alice  > BYE
           1s bob    < BYE
           1s ledger < record caller_hung_up
         1.01s bob   > 200
         1.01s alice < 200 BYE
          15s bob2   > 180
          15s bob2   < CANCEL
          60s alice  > OPTIONS sip:house.example
          60s alice  < 200 OPTIONS
        ",
    );
}
