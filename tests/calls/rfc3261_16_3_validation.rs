//! Requests that are turned away before any judgement: RFC 3261 §16.3, §16.4, §19.1.1, CALLS R13.

use crate::world::plays;

#[test]
fn a_request_without_hops_left_gets_483() {
    plays(
        "
           0 alice  > INVITE 202 hops=0
           0 alice  < 483
        ",
    );
}

#[test]
fn the_last_hop_is_used() {
    plays(
        "
           0 alice  > INVITE 202 hops=1
           0 alice  < 100
           0 bob    < INVITE hops=0
           4 bob    > 486
           4 bob    < ACK
           4 alice  < 486
           4 ledger < record declined
        ",
    );
}

#[test]
fn what_the_proxy_must_know_and_does_not_is_named() {
    plays(
        "
           0 alice  > INVITE 202 Proxy-Require='precondition, path, tollway'
           0 alice  < 420 Unsupported='precondition, tollway'
        ",
    );
}

#[test]
fn a_scheme_that_nobody_calls_gets_416() {
    plays(
        "
           0 alice  > INVITE mailto:bob@house.example
           0 alice  < 416
        ",
    );
}

#[test]
fn a_tel_uri_is_a_number_like_any_other() {
    plays(
        "
           0 alice  > INVITE tel:+49-30-2312-5500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE uri=sip:+493023125500@10.1.0.1:5060
           8 main   > 486
           8 main   < ACK
           8 alice  < 486
           8 ledger < release declined
        ",
    );
}

#[test]
fn an_address_that_leads_elsewhere_is_refused() {
    for uri in [
        "sip:03023125500@house.example;maddr=203.0.113.66",
        "sip:03023125500@203.0.113.66",
        "sip:03023125500@10.1.0.1:5060",
        "sip:03023125500@house.example.evil",
    ] {
        plays(&format!(
            "
               0 alice  > INVITE {uri}
               0 alice  < 403 reason='Address not acceptable'
               0 ledger < record suspect_address
            "
        ));
    }
}

#[test]
fn headers_in_the_request_uri_are_bad_grammar() {
    plays(
        "
           0 alice  > INVITE 'sip:03023125500@house.example?Replaces=x'
           0 alice  < 400
        ",
    );
}

#[test]
fn a_preloaded_route_leads_nowhere_but_here() {
    plays(
        "
           0 alice  > INVITE 03023125500 Route='<sip:10.9.0.1:5060;lr>, <sip:203.0.113.66;lr>'
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE uri=sip:+493023125500@10.1.0.1:5060 no=Route
           8 main   > 486
           8 main   < ACK
           8 alice  < 486
           8 ledger < release declined
        ",
    );
}

#[test]
fn an_invite_that_comes_back_as_it_left_is_a_loop() {
    plays(
        "
           0 alice  > INVITE +493023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > returns uri=sip:+493023125500@house.example hops=60
           8 main   < 482
          12 main   > 482
          12 main   < ACK
          12 alice  < 482
          12 ledger < release failed
        ",
    );
}

#[test]
fn an_invite_that_comes_back_for_somebody_else_is_a_spiral_and_passes() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
        # Forwarded out there to one of ours: a call from outside, judged as such.
           8 main   > returns uri=sip:+49302312202@house.example hops=60
           8 main   < 100
           8 bob    < INVITE vias=4 hops=59 uri=sip:bob@10.0.0.2:5060 no=P-Asserted-Identity
          12 bob    > 486
          12 bob    < ACK
          12 main   < 486
          12 ledger < record declined
          16 main   > 486
          16 main   < ACK
          16 alice  < 486
          16 ledger < release declined
        ",
    );
}
