//! Calls that take the place of another (R24): attended transfers and pickup, at the phone that holds the dialog. RFC 3891, RFC 5589.

use crate::world::{Company, plays, plays_in};

/// Carol asks Dave first, then connects Bob with him: Bob's INVITE takes Carol's place at Dave's very phone (RFC 5589 §7).
#[test]
fn an_attended_transfer_replaces_the_transferors_call() {
    let world = plays(
        "
           0 carol  > INVITE 202
           0 carol  < 100
           0 bob    < INVITE
           8 bob    > 200
           8 carol  < 200
          20 carol  > ACK call=1
          20 bob    < ACK
         500 carol  > INVITE 204 call=2
         500 carol  < 100
         500 dave   < INVITE
         508 dave   > 200
         508 carol  < 200
         520 carol  > ACK call=2
         520 dave   < ACK
          1s carol  > REFER call=1 Refer-To='<sip:dave@10.0.0.4:5060?Replaces=2%40carol%3Bto-tag%3Ddave-5%3Bfrom-tag%3Dcarol-8>'
          1s bob    < REFER Refer-To='<sip:204@10.9.0.1:5060?Replaces=2%40carol%3Bto-tag%3Ddave-5%3Bfrom-tag%3Dcarol-8>'
       1.004s bob   > 202
       1.004s carol < 202 REFER
          2s bob    > INVITE 204 call=t Replaces='2@carol;to-tag=dave-5;from-tag=carol-8'
          2s bob    < 100
          2s dave   < INVITE Replaces~2@carol
       2.008s dave  > 200
       2.008s bob   < 200
       2.012s bob   > ACK call=t
       2.012s dave  < ACK
       2.016s dave  > BYE call=2
       2.016s carol < BYE
       2.016s ledger < record callee_hung_up
       2.020s carol > 200
       2.020s dave  < 200 BYE
          3s carol  > BYE call=1
          3s bob    < BYE
          3s ledger < record caller_hung_up
       3.004s bob   > 200
       3.004s carol < 200 BYE
          9s dave   > BYE call=t
          9s bob    < BYE
          9s ledger < record callee_hung_up
       9.004s bob   > 200
       9.004s dave  < 200 BYE
        ",
    );
    let third = world.records.last().expect("three calls");
    assert_eq!(third.person.as_deref(), Some("carol"), "whoever transfers pays");
    assert_eq!(third.canonical.as_deref(), Some("204"));
}

/// R24: Tina takes the call that rings at Bob's, because both are in one pickup group; Frank is not.
#[test]
fn a_colleague_of_the_pickup_group_takes_a_ringing_call() {
    let grouped = || {
        Company::new().with(|company| {
            for who in ["bob", "tina"] {
                company.person(who).pickup_group = Some("counter".into());
            }
        })
    };
    let ringing = "
           0 alice  > INVITE 202
           0 alice  < 100
           0 bob    < INVITE
           8 bob    > 180
           8 alice  < 180
    ";
    let given_up = "
          9s alice  > CANCEL call=1
          9s alice  < 200 CANCEL
          9s bob    < CANCEL
       9.004s bob   > 487
       9.004s bob   < ACK
       9.004s alice < 487
       9.004s ledger < record cancelled
    ";
    plays_in(
        grouped(),
        &format!(
            "{ringing}
              1s tina   > INVITE sip:alice@10.0.0.1:5060 call=p Replaces='1@alice;to-tag=alice-5;from-tag=bob-5;early-only'
              1s tina   < 100
              1s alice  < INVITE Replaces~early-only uri=sip:alice@10.0.0.1:5060
           1.008s alice > 486 call=p
           1.008s alice < ACK
           1.008s tina  < 486
           1.008s ledger < record declined
            {given_up}"
        ),
    );
    plays_in(
        grouped(),
        &format!(
            "{ringing}
              1s frank  > INVITE +49302312201 call=p Replaces='1@alice;to-tag=alice-5;from-tag=bob-5;early-only'
              1s frank  < 481
              1s ledger < record refused
              2s tina   > INVITE 202 call=q Replaces='1@alice;to-tag=bob-5;from-tag=alice-5'
              2s tina   < 481
              2s ledger < record refused
            {given_up}"
        ),
    );
}

/// R24: Carol is in no call of Alice's and Dave's, so she sends nobody into it, nor does she see whether there is one.
#[test]
fn a_transfer_into_the_call_of_others_is_refused() {
    for replaces in
        ["1%40alice%3Bto-tag%3Ddave-5%3Bfrom-tag%3Dalice-5", "unheard%40of%3Bto-tag%3D1%3Bfrom-tag%3D2"]
    {
        plays(&format!(
            "
               0 alice  > INVITE 204
               0 alice  < 100
               0 dave   < INVITE
               8 dave   > 200
               8 alice  < 200
              20 alice  > ACK
              20 dave   < ACK
             100 carol  > INVITE 202
             100 carol  < 100
             100 bob    < INVITE
             108 bob    > 200
             108 carol  < 200
             120 carol  > ACK
             120 bob    < ACK
              1s carol  > REFER Refer-To='<sip:204@house.example?Replaces={replaces}>'
              1s carol  < 403 REFER reason='Transfer not permitted'
              2s carol  > BYE
              2s bob    < BYE
              2s ledger < record caller_hung_up
           2.004s bob   > 200
           2.004s carol < 200 BYE
              3s alice  > BYE
              3s dave   < BYE
              3s ledger < record caller_hung_up
           3.004s dave  > 200
           3.004s alice < 200 BYE
            "
        ));
    }
}
