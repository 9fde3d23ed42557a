//! RFC 3261 §17.1.4 and the transport errors of figures 5 and 6.

use tollgate::sip::Transport::{Tcp, Udp};

use crate::transaction_world::plays;

#[test]
fn requests_without_an_answer_fail_at_once() {
    for transport in [Udp, Tcp] {
        plays(
            transport,
            "
              0 > user sends INVITE
              0   out INVITE
              0 > user sends BYE
              0   out BYE
            100 > wire breaks
            100   INVITE not carried
            100   BYE not carried
            200 > peer answers INVITE 200
            200   stray
            ",
        );
    }
}

#[test]
fn a_ringing_call_survives_its_connection() {
    plays(
        Tcp,
        "
            0 > user sends INVITE
            0   out INVITE
          100 > peer answers INVITE 180
          100   user hears 180 to INVITE
         1000 > wire breaks
         2000 > peer answers INVITE 200
         2000   user hears 200 to INVITE
        34000   INVITE gone
        ",
    );
}

#[test]
fn a_non_invite_request_fails_in_proceeding_too() {
    plays(
        Tcp,
        "
           0 > user sends OPTIONS
           0   out OPTIONS
         100 > peer answers OPTIONS 100
         100   user hears 100 to OPTIONS
        1000 > wire breaks
        1000   OPTIONS not carried
        ",
    );
}

#[test]
fn what_has_its_final_response_does_not_fail() {
    plays(
        Udp,
        "
            0 > user sends INVITE as accepted
            0   out INVITE
            0 > user sends INVITE as refused
            0   out INVITE
            0 > user sends BYE
            0   out BYE
          100 > peer answers accepted 200
          100   user hears 200 to accepted
          100 > peer answers refused 486
          100   out ACK
          100   user hears 486 to refused
          100 > peer answers BYE 200
          100   user hears 200 to BYE
          200 > wire breaks
          200   refused gone
         5100   BYE gone
        32100   accepted gone
        ",
    );
}
