//! Trunks one after another: RFC 3261 §16.6, §16.7, §16.9, §21.5.4 and issue "the main job", build 1.

use crate::world::{Company, World, plays};

#[test]
fn a_trunk_that_fails_is_followed_by_the_next() {
    for status in ["503", "500", "502", "408"] {
        plays(&format!(
            "
               0 alice  > INVITE 03023125500
               0 alice  < 100
               0 ledger < reserve 0.60
               4 main   < INVITE uri=sip:+493023125500@10.1.0.1:5060
               8 main   > {status}
               8 main   < ACK
               8 backup < INVITE uri=sip:+493023125500@10.1.0.2:5060 hops=69 vias=2
              12 backup > 200
              12 alice  < 200
              16 alice  > ACK
              16 backup < ACK
              1s backup > BYE
              1s alice  < BYE
              1s ledger < settle 0.01 callee_hung_up
              1s alice  > 200
              1s backup < 200 BYE
            "
        ));
    }
}

#[test]
fn a_number_that_is_busy_or_unknown_is_so_on_every_trunk() {
    for (status, cause) in [("486", "declined"), ("404", "failed"), ("480", "no_answer"), ("603", "declined")]
    {
        plays(&format!(
            "
               0 alice  > INVITE 03023125500
               0 alice  < 100
               0 ledger < reserve 0.60
               4 main   < INVITE
               8 main   > {status}
               8 main   < ACK
               8 alice  < {status}
               8 ledger < release {cause}
            "
        ));
    }
}

#[test]
fn a_silent_trunk_is_left_after_its_patience_and_told_when_it_wakes() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
        4004 backup < INVITE
        4008 backup > 180
        4008 alice  < 180
        # Too late.
          5s main   > 180
          5s main   < CANCEL
          5s main   > 487
          5s main   < ACK
          6s backup > 486
          6s backup < ACK
          6s alice  < 486
          6s ledger < release declined
        ",
    );
}

#[test]
fn a_silent_trunk_that_answers_beside_the_next_is_paid_as_well() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
        4004 backup < INVITE
          5s backup > 200
          5s alice  < 200
          5s alice  > ACK with=backup-
          5s backup < ACK
          6s main   > 200
          6s alice  < 200 to~;tag=main-
          6s alice  > ACK with=main-
          6s main   < ACK
        # She keeps the first: three seconds on one trunk, thirty on the other, each to be paid (R67).
          9s alice  > BYE with=main-
          9s main   < BYE
          9s main   > 200
          9s alice  < 200 BYE
         35s alice  > BYE with=backup-
         35s backup < BYE
         35s ledger < settle 0.33 caller_hung_up
         35s backup > 200
         35s alice  < 200 BYE
        ",
    );
}

#[test]
fn a_trunk_that_says_trying_is_not_silent() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 100
         20s main   > 180
         20s alice  < 180
         21s main   > 486
         21s main   < ACK
         21s alice  < 486
         21s ledger < release declined
        ",
    );
}

#[test]
fn a_transport_that_fails_is_a_trunk_that_fails() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           6 wire   > breaks main
           6 backup < INVITE
           8 wire   > breaks backup
        # §16.9 makes it 503, and a 503 goes back as 500.
           8 alice  < 500
           8 ledger < release failed
        ",
    );
}

#[test]
fn when_every_trunk_refuses_the_caller_gets_500() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 503
           8 main   < ACK
           8 backup < INVITE
          12 backup > 503
          12 backup < ACK
          12 alice  < 500
          12 ledger < release failed
        ",
    );
}

#[test]
fn when_every_trunk_is_silent_the_caller_gets_408() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
        4004 backup < INVITE
        8004 alice  < 408
        8004 ledger < release no_answer
        ",
    );
}

#[test]
fn an_answer_of_the_trunk_that_was_given_up_still_goes_back() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
        4004 backup < INVITE
        4008 backup > 180
        4008 alice  < 180
          5s main   > 200
          5s alice  < 200
          5s backup < CANCEL
          5s backup > 487 to=INVITE
          5s backup < ACK
        5004 alice  > ACK with=main
        5004 main   < ACK
          6s alice  > BYE with=main
          6s main   < BYE
          6s ledger < settle 0.01 caller_hung_up
          6s main   > 200
          6s alice  < 200 BYE
        ",
    );
}

#[test]
fn a_caller_who_gives_up_ends_the_failover() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 100
          12 alice  > CANCEL
          12 alice  < 200 CANCEL
          12 main   < CANCEL
          16 main   > 503 to=INVITE
          16 main   < ACK
          16 alice  < 487
          16 ledger < release cancelled
        ",
    );
}

#[test]
fn a_permit_that_names_a_trunk_uses_no_other() {
    let company = Company::new().with(|company| {
        for permit in &mut company.document.roles[0].permits {
            permit.trunks = vec!["backup".into()];
        }
    });
    World::new(&company).plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 backup < INVITE
           8 backup > 503
           8 backup < ACK
           8 alice  < 500
           8 ledger < release failed
        ",
    );
}

#[test]
fn a_failover_after_ringing_rings_again() {
    plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 183
           8 alice  < 183 to~;tag=main-
          1s main   > 503
          1s main   < ACK
          1s backup < INVITE
          2s backup > 180
          2s alice  < 180 to~;tag=backup-
          3s backup > 200
          3s alice  < 200 to~;tag=backup-
          4s alice  > ACK
          4s backup < ACK
          5s alice  > BYE
          5s backup < BYE
          5s ledger < settle 0.02 caller_hung_up
          5s backup > 200
          5s alice  < 200 BYE
        ",
    );
}
