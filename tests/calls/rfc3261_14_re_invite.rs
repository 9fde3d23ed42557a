//! Changing a call while it lasts: RFC 3261 §14, §12.2.1.2, §9.1; CALLS R15.

use crate::world::{World, plays};

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

fn during_a_talk(table: &str) -> World {
    plays(&format!("{TALK}\n{table}\n{END}"))
}

#[test]
fn a_re_invite_passes_from_either_end_and_moves_the_target() {
    during_a_talk(
        "
          1s alice  > re-INVITE Contact=<sip:alice2@10.0.0.1:5060>
          1s alice  < 100
          1s bob    < INVITE body~'new offer' Contact=<sip:alice2@10.0.0.1:5060> cseq='2 INVITE' uri=sip:bob@10.0.0.2:5060 no=Route
       1.004s bob   > 200 Contact=<sip:bob2@10.0.0.2:5060>
       1.004s alice < 200
       1.008s alice > ACK
       1.008s bob   < ACK uri=sip:bob2@10.0.0.2:5060
          2s bob    > INFO
          2s alice  < INFO uri=sip:alice2@10.0.0.1:5060
       2.004s alice > 200
       2.004s bob   < 200 INFO
        ",
    );
}

#[test]
fn a_re_invite_that_is_refused_moves_nothing() {
    during_a_talk(
        "
          1s bob    > re-INVITE Contact=<sip:elsewhere@10.0.0.2:5060>
          1s bob    < 100
          1s alice  < INVITE cseq='1 INVITE' uri=sip:alice@10.0.0.1:5060
       1.004s alice > 488
       1.004s alice < ACK
       1.004s bob   < 488
          2s alice  > INFO
          2s bob    < INFO uri=sip:bob@10.0.0.2:5060
       2.004s bob   > 200
       2.004s alice < 200 INFO
        ",
    );
}

#[test]
fn the_trying_of_a_re_invite_is_not_passed_on() {
    during_a_talk(
        "
          1s bob    > re-INVITE
          1s bob    < 100
          1s alice  < INVITE
       1.004s alice > 100
       1.008s alice > 180
       1.008s bob   < 180
       1.012s alice > 200 to=INVITE
       1.012s bob   < 200
       1.016s bob   > ACK
       1.016s alice < ACK
        ",
    );
}

#[test]
fn a_re_invite_may_be_cancelled() {
    during_a_talk(
        "
          1s alice  > re-INVITE
          1s alice  < 100
          1s bob    < INVITE
       1.004s bob   > 180
       1.004s alice < 180
       1.008s alice > CANCEL
       1.008s alice < 200 CANCEL
       1.008s bob   < CANCEL vias=1
       1.012s bob   > 487
       1.012s bob   < ACK
       1.012s alice < 487
        ",
    );
}

#[test]
fn the_cancel_of_a_re_invite_waits_for_the_first_provisional_response() {
    during_a_talk(
        "
          1s alice  > re-INVITE
          1s alice  < 100
          1s bob    < INVITE
       1.008s alice > CANCEL
       1.008s alice < 200 CANCEL
        # §9.1.
       1.012s bob   > 100
       1.012s bob   < CANCEL
       1.016s bob   > 487
       1.016s bob   < ACK
       1.016s alice < 487
        ",
    );
}

#[test]
fn a_re_invite_that_nobody_answers_is_given_up() {
    during_a_talk(
        "
          1s alice  > re-INVITE
          1s alice  < 100
          1s bob    < INVITE
         33s alice  < 408
        ",
    );
}

#[test]
fn a_re_invite_that_never_ends_is_forgotten_with_its_call() {
    during_a_talk(
        "
          1s alice  > re-INVITE
          1s alice  < 100
          1s bob    < INVITE
       1.004s bob   > 180
       1.004s alice < 180
        # 64*T1 after its call.
         92s bob    < CANCEL
         92s alice  < 408
        ",
    );
}
