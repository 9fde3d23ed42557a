//! REFER, Replaces and Join: CALLS R23 and R24, RFC 3515, RFC 3891.

use crate::world::plays;

/// `caller` talks with bob.
fn talk(caller: &str) -> String {
    format!(
        "
           0 {caller} > INVITE 202
           0 {caller} < 100
           0 bob    < INVITE
           8 bob    > 200
           8 {caller} < 200
          20 {caller} > ACK
          20 bob    < ACK
        "
    )
}

fn end(caller: &str) -> String {
    format!(
        "
         60s {caller} > BYE
         60s bob    < BYE
         60s ledger < record caller_hung_up
         60s bob    > 200
         60s {caller} < 200 BYE
        "
    )
}

#[test]
fn a_transfer_is_judged_with_the_rights_of_who_transfers() {
    // Alice may dial the number, but may not transfer; carol may.
    plays(&format!(
        "{}
          1s alice  > REFER Refer-To=<sip:03023125500@house.example>
          1s alice  < 403 REFER reason='Transfer not permitted'
        {}",
        talk("alice"),
        end("alice")
    ));
    plays(&format!(
        "{}
          1s carol  > REFER Refer-To=<sip:03023125500@house.example>
          1s bob    < REFER Refer-To=<sip:+493023125500@10.9.0.1:5060> Referred-By~<sip:carol@house.example>;ticket=
       1.004s bob   > 202
       1.004s carol < 202 REFER
       1.008s bob   > NOTIFY Event=refer Subscription-State=terminated
       1.008s carol < NOTIFY Event=refer
       1.012s carol > 200
       1.012s bob   < 200 NOTIFY
        {}",
        talk("carol"),
        end("carol")
    ));
}

#[test]
fn a_transfer_to_an_address_with_hidden_parts_is_refused() {
    for target in [
        "<sip:03023125500@house.example;maddr=203.0.113.66>",
        "<sip:03023125500@house.example;method=BYE>",
        "<sip:03023125500@house.example?Route=%3Csip:203.0.113.66%3E>",
        "<sip:0033123@203.0.113.66>",
        "nothing",
    ] {
        plays(&format!(
            "{}
              1s carol  > REFER Refer-To='{target}'
              1s carol  < 403 REFER
            {}",
            talk("carol"),
            end("carol")
        ));
    }
}

#[test]
fn a_transfer_from_the_callee_is_judged_with_the_callees_rights() {
    plays(&format!(
        "{}
          1s bob    > REFER Refer-To=<sip:03023125500@house.example>
          1s bob    < 403 REFER reason='Transfer not permitted'
        {}",
        talk("carol"),
        end("carol")
    ));
}

#[test]
fn a_transfer_from_a_trunk_is_refused() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 200
           8 alice  < 200
          12 alice  > ACK
          12 main   < ACK
         100 main   > REFER Refer-To=<sip:+33123456789@house.example>
         100 main   < 403 REFER reason='Outside to outside is not allowed'
          1s alice  > BYE
          1s main   < BYE
          1s ledger < settle 0.01 caller_hung_up
          1s main   > 200
          1s alice  < 200 BYE
        ",
    );
}

#[test]
fn a_transfer_outside_any_call_is_refused() {
    plays(
        "
           0 carol  > REFER sip:202@house.example Refer-To=<sip:03023125500@house.example>
           0 carol  < 403 REFER
        ",
    );
}

#[test]
fn a_call_that_replaces_a_strangers_is_refused() {
    plays(&format!(
        "{}
          1s dave   > INVITE 202 Replaces='1@alice;to-tag=bob-4;from-tag=alice-5'
          1s dave   < 403
          1s ledger < record incoming_only
          2s carol  > INVITE 202 Replaces='1@alice;to-tag=bob-5;from-tag=alice-5'
          2s carol  < 481
          2s ledger < record refused
          3s carol  > INVITE 202 Replaces='unheard@of;to-tag=1;from-tag=2' call=2
          3s carol  < 481
          3s ledger < record refused
        {}",
        talk("alice"),
        end("alice")
    ));
}

#[test]
fn a_call_that_replaces_ones_own_passes() {
    for header in ["Replaces", "Join"] {
        plays(&format!(
            "{}
              1s alice  > INVITE 202 call=2 {header}='1@alice;to-tag=bob-5;from-tag=alice-5'
              1s alice  < 100
              1s bob    < INVITE {header}~1@alice
              2s bob    > 486
              2s bob    < ACK
              2s alice  < 486
              2s ledger < record declined
             60s alice  > BYE call=1
             60s bob    < BYE
             60s ledger < record caller_hung_up
             60s bob    > 200
             60s alice  < 200 BYE
            ",
            talk("alice")
        ));
    }
}

#[test]
fn the_callee_may_take_the_call_over_to_another_phone() {
    plays(&format!(
        "{}
           30 bob2   > INVITE 201 auth=none
           30 bob2   < 407
          1s bob2   > INVITE 201 call=2 Replaces='1@alice;to-tag=alice-5;from-tag=bob-5'
          1s bob2   < 100
          1s alice  < INVITE Replaces~1@alice
          2s alice  > 486
          2s alice  < ACK
          2s bob2   < 486
          2s ledger < record declined
         60s alice  > BYE call=1
         60s bob    < BYE
         60s ledger < record caller_hung_up
         60s bob    > 200
         60s alice  < 200 BYE
        ",
        talk("alice")
    ));
}
