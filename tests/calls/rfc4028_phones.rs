//! Session timers as two phones agree on them, seen from between: RFC 4028 §6 to §9, of which a proxy need do nothing (§8).

use crate::world::plays;

#[test]
fn what_two_phones_say_of_their_session_timer_passes() {
    plays(
        "
           0 alice  > INVITE 202 Session-Expires=90 Supported=timer
           0 alice  < 100
           0 bob    < INVITE Session-Expires=90 Supported=timer
           4 bob    > 422 Min-SE=180
           4 bob    < ACK
           4 alice  < 422 Min-SE=180
           4 ledger < record failed
          1s alice  > INVITE 202 call=2 Session-Expires=180 Min-SE=180 Supported=timer
          1s alice  < 100
          1s bob    < INVITE Session-Expires=180 Min-SE=180
       1.004s bob   > 200 call=2 Session-Expires='180;refresher=uac' Require=timer
       1.004s alice < 200 Session-Expires=180;refresher=uac Require=timer
       1.008s alice > ACK call=2
       1.008s bob   < ACK
         91s alice  > UPDATE call=2 Session-Expires='180;refresher=uac' Supported=timer
         91s bob    < UPDATE Session-Expires=180;refresher=uac
     91.004s bob    > 200 Session-Expires='180;refresher=uac' Require=timer
     91.004s alice  < 200 UPDATE Session-Expires=180;refresher=uac
         99s bob    > BYE call=2
         99s alice  < BYE
         99s ledger < record callee_hung_up
     99.004s alice  > 200
     99.004s bob    < 200 BYE
        ",
    );
}
