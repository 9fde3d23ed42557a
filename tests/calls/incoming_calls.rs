//! Calls from the telephone network: CALLS R20 and R23, RFC 3261 §16.5, §21.4.18.

use crate::world::{Company, World, plays};

#[test]
fn a_call_to_a_persons_number_rings_her_phone() {
    plays(
        "
           0 main   > INVITE +49302312202 from=+4917012345678 P-Asserted-Identity=<sip:+4917012345678@trunk.example>
           0 main   < 100
           0 bob    < INVITE uri=sip:bob@10.0.0.2:5060 from~+4917012345678 hops=69
           8 bob    > 200
           8 main   < 200
          12 main   > ACK
          12 bob    < ACK
          1s main   > BYE
          1s bob    < BYE
          1s ledger < record caller_hung_up
          1s bob    > 200
          1s main   < 200 BYE
        ",
    );
}

#[test]
fn a_call_through_us_and_out_again_is_refused() {
    for number in ["+33123456789", "03023125500", "+49800123456"] {
        plays(&format!(
            "
               0 main   > INVITE {number}
               0 main   < 403 reason='Outside to outside is not allowed'
               0 ledger < record outside_to_outside
            "
        ));
    }
}

#[test]
fn an_emergency_call_from_a_trunk_is_not_ours_to_make() {
    plays(
        "
           0 main   > INVITE 112
           0 main   < 403 reason='Outside to outside is not allowed'
           0 ledger < record outside_to_outside
        ",
    );
}

#[test]
fn a_person_without_a_phone_cannot_be_reached() {
    plays(
        "
           0 bob    > REGISTER Expires=0
           0 bob    < 200 REGISTER no=Contact
          10 main   > INVITE +49302312202
          10 main   < 100
          10 main   < 480
          10 ledger < record no_answer
        ",
    );
}

#[test]
fn a_stranger_from_the_internet_is_asked_who_she_is() {
    plays(
        "
           0 mallory > INVITE 202
           0 mallory < 407
           8 mallory > INVITE 112
           8 mallory < 407
          16 mallory > REGISTER
          16 mallory < 401 REGISTER
        ",
    );
}

#[test]
fn preferred_phones_ring_before_the_others() {
    let mut world = World::new(&Company::new());
    world.begins(
        "
           0 bob2   > REGISTER Contact=<sip:bob@10.0.0.22:5060>;q=0.5
           0 bob2   < 401 REGISTER
           0 bob2   > REGISTER Contact=<sip:bob@10.0.0.22:5060>;q=0.5
           0 bob2   < 200 REGISTER
        ",
    );
    world.plays(
        "
           4 main   > INVITE +49302312202
           4 main   < 100
           4 bob    < INVITE
           8 bob    > 480
           8 bob    < ACK
           8 bob2   < INVITE
          12 bob2   > 486
          12 bob2   < ACK
          12 main   < 480
          12 ledger < record no_answer
        ",
    );
}
