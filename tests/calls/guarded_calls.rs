//! Calls that are ended though nobody hangs up: sound before the answer (R75), an answer without its ACK (R67, RFC 3261 §13.3.1.4).

use crate::world::plays;

#[test]
fn free_talk_before_the_answer_ends_after_a_minute() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
          1s main   > 183 body='v=0 music'
          1s alice  < 183 body~music
         61s main   < CANCEL
         61s main   > 487
         61s main   < ACK
         61s alice  < 408
         61s ledger < release no_answer
        ",
    );
}

#[test]
fn plain_ringing_is_no_talk() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
          1s main   > 180
          1s alice  < 180
        120s main   > 486
        120s main   < ACK
        120s alice  < 486
        120s ledger < release declined
        ",
    );
}

#[test]
fn an_answer_that_nobody_acknowledges_is_ended_and_paid() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
          1s main   > 200
          1s alice  < 200
         33s main   < BYE
         33s alice  < BYE
         33s ledger < settle 0.32 dead
         33s main   > 200
         33s alice  > 200
        ",
    );
}

#[test]
fn an_answer_to_a_call_that_was_given_up_is_acknowledged_and_ended() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
        4004 backup < INVITE
        8004 alice  < 408
        8004 ledger < release no_answer
        # The first trunk wakes when nobody waits any more.
          9s main   > 200
          9s main   < ACK uri=sip:+4915155500001@10.1.0.1:5060
          9s main   < BYE
        9.1s main   > 200
        ",
    );
}

#[test]
fn the_body_of_a_ringing_colleague_costs_nothing() {
    plays(
        "
           0 alice  > INVITE 202
           0 alice  < 100
           0 bob    < INVITE
          1s bob    > 183 body='v=0 music'
          1s alice  < 183
        100s bob    > 486
        100s bob    < ACK
        100s alice  < 486
        100s ledger < record declined
        ",
    );
}
