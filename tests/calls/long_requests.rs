//! INVITEs that are too long for UDP: RFC 3261 §18.1.1.

use tollgate::gate::Event;

use crate::world::{Company, plays, plays_in};

/// Longer than a datagram should be.
fn long() -> String {
    format!("Subject={}", "x".repeat(1_100))
}

#[test]
fn a_long_invite_goes_over_tcp() {
    plays(&format!(
        "
           0 alice  > INVITE 03023125500 {}
           0 alice  < 100
           0 ledger < reserve 0.60
           4 stream < INVITE uri=sip:+493023125500@10.1.0.1:5060 Via~SIP/2.0/TCP Record-Route~transport=tcp
           8 stream > 200
           8 alice  < 200
          12 alice  > ACK
          12 stream < ACK
          1.008s stream > BYE
          1.008s alice  < BYE
          1.008s ledger < settle 0.01 callee_hung_up
          1.008s alice  > 200
          1.008s stream < 200 BYE
        ",
        long()
    ));
}

#[test]
fn where_tcp_is_refused_a_long_invite_goes_by_udp_after_all() {
    let long = long();
    let world = plays(&format!(
        "
           0 alice  > INVITE 03023125500 {long} call=1
           0 alice  < 100
           0 ledger < reserve 0.60
           4 stream < INVITE
           6 wire   > breaks stream
           6 main   < INVITE Via~SIP/2.0/UDP
           8 main   > 200
           8 alice  < 200
          12 alice  > ACK
          12 main   < ACK
          1.008s main   > BYE
          1.008s alice  < BYE
          1.008s ledger < settle 0.01 callee_hung_up
          1.008s alice  > 200
          1.008s main   < 200 BYE
        # It is not tried again for an hour.
          2s    alice  > INVITE 03023125500 {long} call=2
          2s    alice  < 100
          2s    ledger < reserve 0.60
          2.004s main  < INVITE
          2.008s main  > 486
          2.008s main  < ACK
          2.008s alice < 486
          2.008s ledger < release declined
        "
    ));
    let has_failed = |event: &Event| matches!(event, Event::TrunkFailed { .. } | Event::TrunkRests { .. });
    assert!(!world.events.iter().any(has_failed), "the trunk itself has not failed");
}

#[test]
fn a_trunk_that_wants_no_tcp_gets_none() {
    let company = Company::new().with(|company| company.trunks[0].care.long_by_tcp = false);
    plays_in(
        company,
        &format!(
            "
               0 alice  > INVITE 03023125500 {}
               0 alice  < 100
               0 ledger < reserve 0.60
               4 main   < INVITE
               8 main   > 486
               8 main   < ACK
               8 alice  < 486
               8 ledger < release declined
            ",
            long()
        ),
    );
}
