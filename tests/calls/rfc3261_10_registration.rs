//! Registrations through the gate: RFC 3261 §10, RFC 5626 §4.3, CALLS R25. The location service itself has its own tests.

use crate::world::plays;

#[test]
fn a_phone_registers_with_digest_and_is_then_reached_there() {
    plays(
        "
           0 bob    > REGISTER Contact=<sip:bob@10.0.0.2:5090> Expires=600
           0 bob    < 200 REGISTER Contact~<sip:bob@10.0.0.2:5090>;expires=600
           8 alice  > INVITE 202
           8 alice  < 100
        # Both contacts are bound to the flow that they came over.
           8 bob    < INVITE uri=sip:bob@10.0.0.2:5090
           8 bob    < INVITE uri=sip:bob@10.0.0.2:5060
          12 bob    > 603
          12 bob    < ACK
          16 bob    > 603
          16 bob    < ACK
          16 alice  < 603
          16 ledger < record declined
        ",
    );
}

#[test]
fn nobody_registers_for_another() {
    plays(
        "
           0 alice  > REGISTER who=bob
           0 alice  < 403 REGISTER
           8 carol  > INVITE 202
           8 carol  < 100
           8 bob    < INVITE
          12 bob    > 486
          12 bob    < ACK
          12 carol  < 486
          12 ledger < record declined
        ",
    );
}

#[test]
fn a_registration_without_or_with_wrong_credentials_is_asked_for_them() {
    plays(
        "
           0 bob    > REGISTER auth=none
           0 bob    < 401 REGISTER WWW-Authenticate~SHA-256
           8 bob    > REGISTER auth=wrong
           8 bob    < 401 REGISTER
          16 bob    > REGISTER
          16 bob    < 200 REGISTER
        ",
    );
}

#[test]
fn a_phone_that_unregisters_is_gone() {
    plays(
        "
           0 bob    > REGISTER Expires=0
           0 bob    < 200 REGISTER no=Contact
           8 alice  > INVITE 202
           8 alice  < 100
           8 alice  < 480
           8 ledger < record no_answer
        ",
    );
}

#[test]
fn a_connection_that_closes_takes_its_phone_with_it() {
    plays(
        "
           0 alice  > INVITE 206
           0 alice  < 100
           0 tina   < INVITE uri=sip:tina@10.0.0.6:40006;transport=tcp
           8 tina   > 486
           8 tina   < ACK
           8 alice  < 486
           8 ledger < record declined
          10 wire   > closes tina
          12 alice  > INVITE 206 call=2
          12 alice  < 100
          12 alice  < 480
          12 ledger < record no_answer
        ",
    );
}

#[test]
fn a_registration_that_was_not_refreshed_expires() {
    plays(
        "
           0 bob    > REGISTER Expires=60 Contact=<sip:bob@10.0.0.2:5060>
           0 bob    < 200 REGISTER
        61s alice  > INVITE 202
        61s alice  < 100
        61s alice  < 480
        61s ledger < record no_answer
        ",
    );
}
