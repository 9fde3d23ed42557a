//! CANCEL through the gate: RFC 3261 §9 and §16.10, CALLS R16 and R67.

use crate::world::{Company, World, plays};

#[test]
fn before_the_ledger_has_answered() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           2 alice  > CANCEL
           2 alice  < 200 CANCEL
           2 alice  < 487
        # The money comes all the same, and goes back at once; nothing leaves.
           4 ledger < release cancelled
        ",
    );
}

#[test]
fn before_the_ledger_has_refused() {
    let company = Company::new().daily("alice", "0.05");
    World::new(&company).plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           2 alice  > CANCEL
           2 alice  < 200 CANCEL
           2 alice  < 487
           4 ledger < record cancelled
        ",
    );
}

#[test]
fn while_the_ledger_is_down() {
    plays(
        "
           0 ledger > down
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           2 alice  > CANCEL
           2 alice  < 200 CANCEL
           2 alice  < 487
           4 ledger < record cancelled
         100 ledger > up
        ",
    );
}

#[test]
fn before_the_first_provisional_response_it_waits_for_one() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 alice  > CANCEL
           8 alice  < 200 CANCEL
         100 main   > 100
         100 main   < CANCEL vias=1 hops=70
         104 main   > 487
         104 main   < ACK
         104 alice  < 487
         104 ledger < release cancelled
        ",
    );
}

#[test]
fn while_it_rings() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 180
           8 alice  < 180
         100 alice  > CANCEL
         100 alice  < 200 CANCEL
         100 main   < CANCEL uri=sip:+493023125500@10.1.0.1:5060 vias=1
        # A late ringing is nobody's business any more.
         102 main   > 183
         104 main   > 487
         104 main   < ACK
         104 alice  < 487
         104 ledger < release cancelled
        ",
    );
}

#[test]
fn crossing_the_answer() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 180
           8 alice  < 180
         100 alice  > CANCEL
         100 alice  < 200 CANCEL
         100 main   < CANCEL
        # The callee was quicker: the answer stands, and the caller hangs up (§15).
         102 main   > 200 to=INVITE
         102 alice  < 200
         110 alice  > ACK
         110 main   < ACK
         112 alice  > BYE
         112 main   < BYE
         112 ledger < settle 0.01 caller_hung_up
         114 main   > 200
         114 alice  < 200 BYE
        ",
    );
}

#[test]
fn after_the_answer_it_changes_nothing() {
    plays(
        "
           0 alice  > INVITE 202
           0 alice  < 100
           0 bob    < INVITE
           8 bob    > 200
           8 alice  < 200
          10 alice  > CANCEL
          10 alice  < 200 CANCEL
          12 alice  > ACK
          12 bob    < ACK
          1s bob    > BYE
          1s alice  < BYE
          1s ledger < record callee_hung_up
          1s alice  > 200
          1s bob    < 200 BYE
        ",
    );
}

#[test]
fn after_a_refusal_it_is_content() {
    plays(
        "
           0 alice  > INVITE 0033123456789
           0 alice  < 403
           0 ledger < record not_permitted
           2 alice  > CANCEL
           2 alice  < 200 CANCEL
        ",
    );
}

#[test]
fn of_a_call_that_never_was_it_gets_481() {
    plays(
        "
           0 alice  > INVITE 202
           0 alice  < 100
           0 bob    < INVITE
           4 bob    > 486
           4 bob    < ACK
           4 alice  < 486
           4 ledger < record declined
        70s alice  > CANCEL
        70s alice  < 481 CANCEL
        ",
    );
}

#[test]
fn to_a_callee_that_never_ends_its_invite_the_caller_is_freed_after_64_t1() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 180
           8 alice  < 180
         100 alice  > CANCEL
         100 alice  < 200 CANCEL
         100 main   < CANCEL
       32.1s alice  < 487
       32.1s ledger < release cancelled
        ",
    );
}

/// R12, R64: the dialog of a call that was given up leads nowhere, though its permit and its money once held.
#[test]
fn nobody_speaks_on_in_a_call_that_was_given_up() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
         100 main   > 180
         100 alice  < 180
          1s alice  > CANCEL
          1s alice  < 200 CANCEL
          1s main   < CANCEL
        1.1s main   > 487 to=INVITE
        1.1s main   < ACK
        1.1s alice  < 487
        1.1s ledger < release cancelled
         20s alice  > re-INVITE
         20s alice  < 481
         40s alice  > INFO
         40s alice  < 481 INFO
        ",
    );
}
