//! RFC 3261 §17.1.1, the INVITE client transaction, with the Accepted state of RFC 6026 §8.4 and the CANCEL of §9.1.

use tollgate::sip::Transport::{Tcp, Udp};

use crate::transaction_world::plays;

#[test]
fn a_silent_peer_gets_seven_invites_and_times_out_after_64_t1() {
    plays(
        Udp,
        "
            0 > user sends INVITE
            0   out INVITE
          500   again INVITE
         1500   again INVITE
         3500   again INVITE
         7500   again INVITE
        15500   again INVITE
        31500   again INVITE
        32000   INVITE timed out
        ",
    );
}

#[test]
fn over_tcp_the_invite_goes_once() {
    plays(
        Tcp,
        "
            0 > user sends INVITE
            0   out INVITE
        32000   INVITE timed out
        ",
    );
}

#[test]
fn a_provisional_response_ends_timers_a_and_b_and_ringing_may_last() {
    plays(
        Udp,
        "
             0 > user sends INVITE
             0   out INVITE
           500   again INVITE
           600 > peer answers INVITE 100
           600   user hears 100 to INVITE
          2000 > peer answers INVITE 180
          2000   user hears 180 to INVITE
        100000 > peer answers INVITE 180
        100000   user hears 180 to INVITE
        120000 > peer answers INVITE 200
        120000   user hears 200 to INVITE
        152000   INVITE gone
        ",
    );
}

#[test]
fn timer_d_a_refusal_is_acknowledged_each_time_and_told_once() {
    plays(
        Udp,
        "
            0 > user sends INVITE
            0   out INVITE
          100 > peer answers INVITE 486
          100   out ACK
          100   user hears 486 to INVITE
          600 > peer answers INVITE 486
          600   again ACK
          600   absorbed
        32000 > peer answers INVITE 486
        32000   again ACK
        32000   absorbed
        32100   INVITE gone
        32200 > peer answers INVITE 486
        32200   stray
        ",
    );
}

#[test]
fn timer_d_is_zero_over_tcp() {
    plays(
        Tcp,
        "
          0 > user sends INVITE
          0   out INVITE
        100 > peer answers INVITE 486
        100   out ACK
        100   user hears 486 to INVITE
        100   INVITE gone
        104 > peer answers INVITE 486
        104   stray
        ",
    );
}

#[test]
fn after_a_refusal_everything_but_a_refusal_is_dropped() {
    plays(
        Udp,
        "
            0 > user sends INVITE
            0   out INVITE
          100 > peer answers INVITE 603
          100   out ACK
          100   user hears 603 to INVITE
          200 > peer answers INVITE 180
          200   absorbed
          300 > peer answers INVITE 200
          300   absorbed
          400 > peer answers INVITE 486
          400   again ACK
          400   absorbed
        32100   INVITE gone
        ",
    );
}

#[test]
fn rfc_6026_timer_m_every_2xx_of_an_accepted_invite_is_told() {
    for transport in [Udp, Tcp] {
        plays(
            transport,
            "
                0 > user sends INVITE
                0   out INVITE
              100 > peer answers INVITE 200
              100   user hears 200 to INVITE
              600 > peer answers INVITE 200
              600   user hears 200 to INVITE
              700 > peer answers INVITE 180
              700   absorbed
              800 > peer answers INVITE 486
              800   absorbed
            32000 > peer answers INVITE 200
            32000   user hears 200 to INVITE
            32100   INVITE gone
            32104 > peer answers INVITE 200
            32104   stray
            ",
        );
    }
}

#[test]
fn section_9_1_a_cancelled_invite_ends_with_its_487() {
    plays(
        Udp,
        "
            0 > user sends INVITE
            0   out INVITE
          100 > peer answers INVITE 180
          100   user hears 180 to INVITE
         1000 > user cancels INVITE
         1000   out CANCEL
         1100 > peer answers CANCEL 200
         1100   user hears 200 to CANCEL
         1100 > peer answers INVITE 487
         1100   out ACK
         1100   user hears 487 to INVITE
         1200 > user cancels INVITE
         1200   nothing to cancel
         6100   CANCEL gone
        33100   INVITE gone
        ",
    );
}

#[test]
fn section_9_1_a_cancelled_invite_does_not_wait_longer_than_64_t1() {
    plays(
        Udp,
        "
            0 > user sends INVITE
            0   out INVITE
          100 > peer answers INVITE 180
          100   user hears 180 to INVITE
        60000 > user cancels INVITE
        60000   out CANCEL
        60100 > peer answers CANCEL 200
        60100   user hears 200 to CANCEL
        65100   CANCEL gone
        92000   INVITE timed out
        ",
    );
}

#[test]
fn section_9_1_the_answer_to_a_cancel_is_found_when_its_invite_is_gone() {
    plays(
        Tcp,
        "
           0 > user sends INVITE
           0   out INVITE
         100 > peer answers INVITE 180
         100   user hears 180 to INVITE
        1000 > user cancels INVITE
        1000   out CANCEL
        1100 > peer answers INVITE 487
        1100   out ACK
        1100   user hears 487 to INVITE
        1100   INVITE gone
        1200 > peer answers INVITE 487
        1200   stray
        1300 > peer answers CANCEL 200
        1300   user hears 200 to CANCEL
        1300   CANCEL gone
        1400 > peer answers CANCEL 200
        1400   stray
        ",
    );
}

#[test]
fn a_call_answered_while_its_cancel_was_on_the_way_is_told() {
    plays(
        Udp,
        "
            0 > user sends INVITE
            0   out INVITE
          100 > peer answers INVITE 180
          100   user hears 180 to INVITE
         1000 > user cancels INVITE
         1000   out CANCEL
         1020 > peer answers INVITE 200
         1020   user hears 200 to INVITE
         1100 > peer answers CANCEL 200
         1100   user hears 200 to CANCEL
         6100   CANCEL gone
        33020   INVITE gone
        ",
    );
}

#[test]
fn what_the_user_forgets_is_silent() {
    plays(
        Udp,
        "
          0 > user sends INVITE
          0   out INVITE
        100 > user forgets INVITE
        200 > peer answers INVITE 200
        200   stray
        ",
    );
}
