//! Digest through the gate: RFC 3261 §22, RFC 7616, RFC 8760, CALLS R25.

use tollgate::gate::Event;

use crate::world::{Company, World, plays};

#[test]
fn an_invite_without_credentials_is_asked_for_them_and_may_come_again() {
    for hash in ["sha256", "md5"] {
        plays(&format!(
            "
               0 alice  > INVITE 202 auth=none
               0 alice  < 407 Proxy-Authenticate~SHA-256 Proxy-Authenticate~MD5 no=Record-Route to~;tag=
               8 alice  > INVITE 202 auth={hash}
               8 alice  < 100
               8 bob    < INVITE no=Proxy-Authorization cseq='2 INVITE'
              12 bob    > 486
              12 alice  < 486
              12 bob    < ACK
              12 ledger < record declined
            "
        ));
    }
}

#[test]
fn a_nonce_that_is_too_old_is_replaced_without_an_alarm() {
    let world = plays(
        "
        # The nonce of the registration is five minutes old.
        295s alice  > INVITE 202
        295s alice  < 407 Proxy-Authenticate~stale=true
        296s alice  > INVITE 202
        296s alice  < 100
        296s bob    < INVITE
        297s bob    > 486
        297s alice  < 486
        297s bob    < ACK
        297s ledger < record declined
        ",
    );
    assert!(!world.events.contains(&Event::AuthenticationFailed), "an old nonce is no wrong password");
}

#[test]
fn credentials_that_were_overheard_serve_nobody_again() {
    plays(
        "
           0 alice  > INVITE 202
           0 alice  < 100
           0 bob    < INVITE
           4 bob    > 486
           4 alice  < 486
           4 bob    < ACK
           4 ledger < record declined
         100 alice  > INVITE 202 call=2 auth=replay
         100 alice  < 407 Proxy-Authenticate~stale=true
        ",
    );
}

#[test]
fn a_wrong_password_and_an_unknown_user_are_answered_alike() {
    for mode in ["wrong", "ghost"] {
        let world = plays(&format!(
            "
               0 alice  > INVITE 202 auth={mode}
               0 alice  < 407 Proxy-Authenticate~SHA-256
            "
        ));
        assert!(world.events.contains(&Event::AuthenticationFailed));
    }
}

#[test]
fn who_guesses_too_often_is_locked_out() {
    let company = Company::new().with(|company| company.limits.failures_before_lock = 2);
    World::new(&company).plays(
        "
           0 alice  > INVITE 202 auth=wrong
           0 alice  < 407
          10 alice  > INVITE 202 auth=wrong
          10 alice  < 407
          20 alice  > INVITE 202
          20 alice  < 403
          20 ledger < record unknown_caller
        # R25: never the emergency calls.
          30 alice  > INVITE 112 call=2
          30 alice  < 100
          30 main   < INVITE
          34 main   > 486
          34 main   < ACK
          34 backup < INVITE
          38 backup > 486
          38 backup < ACK
          38 alice  < 503
          38 ledger < record failed
        ",
    );
}

#[test]
fn a_scanner_hears_nothing_and_can_still_call_for_help() {
    let company = Company::new().with(|company| company.limits.scanners = vec!["friendly-".into()]);
    let mut world = World::new(&company);
    world.plays(
        "
           0 lobby  > REGISTER User-Agent=friendly-scanner
        # Locked, whatever it calls itself from now on.
          10 lobby  > REGISTER
          20 lobby  > REGISTER
          30 lobby  > INVITE 112 call=2
          30 lobby  < 100
          30 main   < INVITE
          34 main   > 486
          34 main   < ACK
          34 backup < INVITE
          38 backup > 486
          38 backup < ACK
          38 lobby  < 503
          38 ledger < record failed
        ",
    );
    let locks = world.events.iter().filter(|event| matches!(event, Event::SourceLocked { .. }));
    assert_eq!(locks.count(), 1);
}

#[test]
fn who_asks_and_never_proves_anything_is_locked_but_not_where_somebody_did() {
    let company = Company::new().with(|company| company.limits.unproven_before_lock = 3);
    World::new(&company).plays(
        "
           0 lobby  > INVITE 202 call=1
           0 lobby  < 407
          10 lobby  > INVITE 202 call=2
          10 lobby  < 407
          20 lobby  > INVITE 202 call=3
          20 lobby  < 407
          30 lobby  > INVITE 202 call=4
          30 lobby  < 403
          30 ledger < record unknown_caller
        # Alice's phone has registered: what is sent in its name does not lock it.
          40 alice  > INVITE 202 auth=none call=1
          40 alice  < 407
          50 alice  > INVITE 202 auth=none call=2
          50 alice  < 407
          60 alice  > INVITE 202 auth=none call=3
          60 alice  < 407
          70 alice  > INVITE 202 auth=none call=4
          70 alice  < 407
        ",
    );
}

#[test]
fn wrong_credentials_that_a_pbx_passes_on_do_not_lock_the_pbx() {
    let company = Company::new().with(|company| company.limits.failures_before_lock = 1);
    World::new(&company).plays(
        "
           0 pbx    > INVITE 202 from=alice Proxy-Authorization='Digest username=\"alice\", realm=\"house.example\", nonce=\"0\", uri=\"sip:202@house.example\", response=\"00000000000000000000000000000000\"'
           0 pbx    < 100
           0 bob    < INVITE
           4 bob    > 486
           4 pbx    < 486
           4 bob    < ACK
           4 ledger < record declined
         100 pbx    > INVITE 202 from=alice call=2
         100 pbx    < 100
         100 bob    < INVITE
         104 bob    > 486
         104 pbx    < 486
         104 bob    < ACK
         104 ledger < record declined
        ",
    );
}
