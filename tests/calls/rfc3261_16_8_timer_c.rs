//! Timer C: RFC 3261 §16.6 item 11, §16.7 item 2, §16.8.

use crate::world::plays;

#[test]
fn a_call_that_rings_for_ever_is_given_up() {
    plays(
        "
           0 alice  > INVITE 202
           0 alice  < 100
           0 bob    < INVITE
           4 bob    > 180
           4 alice  < 180
     185.004s alice  < 408
     185.004s bob    < CANCEL
     185.004s ledger < record no_answer
     185.1s bob    > 487
     185.1s bob    < ACK
        ",
    );
}

#[test]
fn each_ringing_gives_more_time() {
    plays(
        "
           0 alice  > INVITE 202
           0 alice  < 100
           0 bob    < INVITE
           4 bob    > 180
           4 alice  < 180
        150s bob    > 183
        150s alice  < 183
        300s bob    > 200
        300s alice  < 200
        301s alice  > ACK
        301s bob    < ACK
        302s alice  > BYE
        302s bob    < BYE
        302s ledger < record caller_hung_up
        302s bob    > 200
        302s alice  < 200 BYE
        ",
    );
}

#[test]
fn a_trunk_that_only_tries_is_left_for_the_next() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 100
     185.004s main   < CANCEL
     185.004s backup < INVITE
     185.1s main   > 487 to=INVITE
     185.1s main   < ACK
     186s   backup > 486
     186s   backup < ACK
     186s   alice  < 486
     186s   ledger < release declined
        ",
    );
}

#[test]
fn a_phone_that_says_nothing_at_all_is_given_up_after_64_t1() {
    plays(
        "
           0 alice  > INVITE 202
           0 alice  < 100
           0 bob    < INVITE
         32s alice  < 408
         32s ledger < record no_answer
        ",
    );
}
