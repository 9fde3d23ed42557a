//! Identity: CALLS R20 to R22, RFC 3325, RFC 5806, RFC 7044.

use crate::world::plays;

const REFUSED_BY_MAIN: &str = "
           8 main   > 486
           8 main   < ACK
           8 ledger < release declined
";

#[test]
fn claims_of_an_untrusted_caller_are_removed_and_ours_is_made() {
    plays(&format!(
        "
           0 alice  > INVITE 03023125500 P-Asserted-Identity=<sip:boss@house.example> P-Preferred-Identity=<sip:boss@house.example> Remote-Party-ID=<sip:boss@house.example> Diversion=<sip:202@house.example> History-Info=<sip:202@house.example>;index=1
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE pai=<sip:+49302312201@house.example> no=P-Preferred-Identity no=Remote-Party-ID no=Diversion no=History-Info from~<sip:alice@house.example>
           8 alice  < 486
        {REFUSED_BY_MAIN}"
    ));
}

#[test]
fn another_persons_from_is_refused() {
    for from in ["bob", "202", "+49302312202", "anonymous1", "+4930999"] {
        plays(&format!(
            "
               0 alice  > INVITE 202 from={from}
               0 alice  < 403 reason='Caller number is not yours'
               0 ledger < record identity_mismatch
            "
        ));
    }
}

#[test]
fn ones_own_names_are_all_ones_own() {
    for from in ["alice", "201", "+49302312201", "030-2312-201", "0302312201"] {
        plays(&format!(
            "
               0 alice  > INVITE 202 from={from}
               0 alice  < 100
               0 bob    < INVITE from~<sip:{from}@house.example>
               4 bob    > 486
               4 bob    < ACK
               4 alice  < 486
               4 ledger < record declined
            "
        ));
    }
}

#[test]
fn where_the_site_says_so_a_wrong_from_is_rewritten_and_its_owner_never_knows() {
    plays(
        "
           0 frank  > INVITE 03023125500 from=chancellor
           0 frank  < 100 from~<sip:chancellor@house.example>;tag=frank-
           0 ledger < reserve 0.60
           4 main   < INVITE from~<sip:frank@house.example>;tag=frank- pai=<sip:+49302312301@house.example>
           8 main   > 180
           8 frank  < 180 from~<sip:chancellor@house.example>;tag=frank-
          12 main   > 200
          12 frank  < 200 from~<sip:chancellor@house.example>;tag=frank-
        # Inside the call too, and the other way round.
          16 frank  > ACK
          16 main   < ACK from~<sip:frank@house.example>;tag=frank-
          1s main   > INFO
          1s frank  < INFO to~<sip:chancellor@house.example>;tag=frank-
       1.004s frank > 200
       1.004s main  < 200 INFO to~<sip:frank@house.example>;tag=frank-
          2s frank  > BYE
          2s main   < BYE from~<sip:frank@house.example>;tag=frank-
          2s ledger < settle 0.02 caller_hung_up
          2s main   > 200
          2s frank  < 200 BYE from~<sip:chancellor@house.example>;tag=frank-
        ",
    );
}

#[test]
fn a_trusted_pbx_says_who_calls_by_assertion_before_from() {
    plays(&format!(
        "
           0 pbx    > INVITE 03023125500 from=dave P-Asserted-Identity=<sip:carol@house.example>
           0 pbx    < 100
           0 ledger < reserve 0.60
           4 main   < INVITE pai=<sip:+49302312203@house.example>
           8 pbx    < 486
        {REFUSED_BY_MAIN}"
    ));
    plays(
        "
           0 pbx    > INVITE 03023125500 from=dave
           0 pbx    < 403
           0 ledger < record incoming_only
        ",
    );
}

#[test]
fn a_caller_whom_the_pbx_does_not_name_is_nobody() {
    plays(
        "
           0 pbx    > INVITE 03023125500 from=anonymous
           0 pbx    < 403 reason='Caller not recognised'
           0 ledger < record unknown_caller
        ",
    );
}

#[test]
fn a_forwarded_call_is_judged_as_the_forwarders() {
    // Alice may dial but not forward; carol may do both, and pays.
    plays(
        "
           0 pbx    > INVITE 03023125500 from=+4917012345678 Diversion=<sip:alice@house.example>;reason=unconditional
           0 pbx    < 403
           0 ledger < record outside_to_outside
        ",
    );
    plays(
        "
           0 pbx    > INVITE 03023125500 from=bob Diversion=<sip:alice@house.example>;reason=unconditional
           0 pbx    < 403 reason='Forwarding not permitted'
           0 ledger < record not_by_forward
        ",
    );
    let world = plays(&format!(
        "
           0 pbx    > INVITE 03023125500 from=+4917012345678 Diversion=<sip:203@house.example>;reason=no-answer
           0 pbx    < 100
           0 ledger < reserve 0.60
           4 main   < INVITE pai=<sip:+49302312203@house.example> no=Diversion from~+4917012345678
           8 pbx    < 486
        {REFUSED_BY_MAIN}"
    ));
    assert_eq!(world.records[0].person.as_deref(), Some("carol"));
}

#[test]
fn a_forwarded_call_whose_forwarder_is_nobody_is_refused() {
    plays(
        "
           0 pbx    > INVITE 03023125500 from=alice Diversion=<sip:+33123456789@house.example>
           0 pbx    < 403
           0 ledger < record no_forwarder
        ",
    );
}

#[test]
fn a_diversion_that_nobody_trusts_makes_no_forwarder() {
    plays(&format!(
        "
           0 alice  > INVITE 03023125500 Diversion=<sip:+33123456789@house.example>
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE no=Diversion
           8 alice  < 486
        {REFUSED_BY_MAIN}"
    ));
}

#[test]
fn portability_parameters_never_leave() {
    plays(&format!(
        "
           0 alice  > INVITE 'tel:+493023125500;rn=+33123;npdi;cic=+33'
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE uri=sip:+493023125500@10.1.0.1:5060
           8 alice  < 486
        {REFUSED_BY_MAIN}"
    ));
}
