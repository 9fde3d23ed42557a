//! RFC 3261 §17.2.1 through the whole gate: a repeated INVITE is absorbed and reserves nothing twice (R67).

use crate::world::plays;

#[test]
fn an_invite_repeated_while_the_ledger_thinks_gets_its_100_again() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           2 alice  > again
           2 alice  < again 100
           4 main   < INVITE
           8 main   > 486
           8 alice  < 486
           8 ledger < release declined
           8 main   < ACK
        ",
    );
}

#[test]
fn an_invite_repeated_while_it_rings_gets_the_ringing_again() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 180
           8 alice  < 180
         500 alice  > again
         500 alice  < again 180
         600 main   > 486
         600 alice  < 486
         600 ledger < release declined
         600 main   < ACK
        ",
    );
}

#[test]
fn an_invite_repeated_after_the_answer_is_absorbed_without_a_word() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 200
           8 alice  < 200
         500 alice  > again
         508 main   > again
         508 alice  < again 200
         520 alice  > ACK
         520 main   < ACK
          2s alice  > BYE
          2s main   < BYE
          2s ledger < settle 0.02 caller_hung_up
          2s main   > 200
          2s alice  < 200 BYE
        ",
    );
}

#[test]
fn a_refused_invite_repeated_gets_the_same_refusal() {
    plays(
        "
           0 alice  > INVITE 0033123456789
           0 alice  < 403
           0 ledger < record not_permitted
        ",
    );
}
