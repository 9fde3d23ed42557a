//! Hanging up: RFC 3261 §15, CALLS R16 and R62.

use crate::world::plays;

/// Alice talks with bob since 20 ms.
const TALK: &str = "
       0 alice  > INVITE 202
       0 alice  < 100
       0 bob    < INVITE
       8 bob    > 200
       8 alice  < 200
      20 alice  > ACK
      20 bob    < ACK
";

/// And hangs up at 60 s.
const END: &str = "
     60s alice  > BYE
     60s bob    < BYE
     60s ledger < record caller_hung_up
     60s bob    > 200
     60s alice  < 200 BYE
";

#[test]
fn a_caller_who_hangs_up_early_with_bye_ends_the_call() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 180
           8 alice  < 180
        # §15 lets the caller do so in an early dialog.
          12 alice  > BYE
          12 main   < BYE
          16 main   > 200 to=BYE
          16 alice  < 200 BYE
          20 main   > 487 to=INVITE
          20 main   < ACK
          20 alice  < 487
          20 ledger < release cancelled
        ",
    );
}

#[test]
fn an_early_bye_that_crosses_the_answer_ends_the_call_all_the_same() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 180
           8 alice  < 180
          12 alice  > BYE
          12 main   < BYE
        # It had answered before the BYE came: the caller gets the answer, and nobody pays for more than that moment.
          14 main   > 200 to=INVITE
          14 alice  < 200
          14 ledger < settle 0.01 caller_hung_up
          16 main   > 200 to=BYE
          16 alice  < 200 BYE
          18 alice  > ACK
          18 main   < ACK
        ",
    );
}

#[test]
fn byes_that_cross_are_both_answered() {
    plays(&format!(
        "{TALK}
         60s alice  > BYE
         60s bob    < BYE
         60s ledger < record caller_hung_up
     60.002s bob    > BYE
     60.002s bob    < 200 BYE
     60.004s bob    > 200 to=BYE
     60.004s alice  < 200 BYE
        "
    ));
}

#[test]
fn a_bye_that_is_asked_for_credentials_comes_again_and_arrives() {
    plays(&format!(
        "{TALK}
         60s alice  > BYE
         60s bob    < BYE
         60s ledger < record caller_hung_up
     60.004s bob    > 401 WWW-Authenticate='Digest realm=\"bob\", nonce=\"1\"'
     60.004s alice  < 401 BYE
     60.008s alice  > BYE Authorization='Digest username=\"alice\"'
     60.008s bob    < BYE Authorization~alice cseq='3 BYE'
     60.012s bob    > 200
     60.012s alice  < 200 BYE
        "
    ));
}

#[test]
fn a_bye_that_the_other_end_does_not_obey_is_followed_by_our_own() {
    plays(&format!(
        "{TALK}
         60s alice  > BYE Require=nonsense
         60s bob    < BYE Require=nonsense
         60s ledger < record caller_hung_up
     60.004s bob    > 420
     60.004s bob    < BYE no=Require cseq='3 BYE'
     60.004s alice  < 420 BYE
     60.008s bob    > 200
        "
    ));
}

#[test]
fn a_bye_that_counts_backwards_is_refused_before_it_can_end_the_price_alone() {
    plays(&format!(
        "{TALK}
         30s alice  > BYE CSeq='1 BYE'
         30s alice  < 500 BYE
        {END}"
    ));
}

#[test]
fn a_bye_that_nobody_answers_ends_the_call_at_once() {
    plays(&format!(
        "{TALK}
         60s alice  > BYE
         60s bob    < BYE
         60s ledger < record caller_hung_up
         # Timer F: one of our own follows, in case it was that BYE which could not be heard.
         92s bob    < BYE cseq='3 BYE' Reason~cause=200
        "
    ));
}

#[test]
fn what_comes_after_the_end_is_too_late() {
    plays(&format!(
        "{TALK}
        {END}
         61s bob    > INFO
         61s bob    < 481 INFO
         62s bob    > re-INVITE
         62s bob    < 481
         63s bob    > BYE
         63s bob    < 200 BYE
        "
    ));
}
