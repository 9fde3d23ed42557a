//! RFC 3261 §17.2.1, the INVITE server transaction, with the Accepted state of RFC 6026 §8.7.

use tollgate::sip::Transport::{Tcp, Udp};

use crate::transaction_world::plays;

#[test]
fn timers_g_and_h_a_refusal_goes_ever_slower_until_the_ack_is_given_up() {
    plays(
        Udp,
        "
            0 > peer sends INVITE
            0   new INVITE
           20 > user answers INVITE 403
           20   out 403
          520   again 403
         1520   again 403
         3520   again 403
         7520   again 403
        11520   again 403
        15520   again 403
        19520   again 403
        23520   again 403
        27520   again 403
        31520   again 403
        32020   INVITE not acknowledged
        ",
    );
}

#[test]
fn over_tcp_a_refusal_goes_once_and_timer_h_still_runs() {
    plays(
        Tcp,
        "
            0 > peer sends INVITE
            0   new INVITE
           20 > user answers INVITE 403
           20   out 403
        32020   INVITE not acknowledged
        ",
    );
}

#[test]
fn timer_i_the_ack_ends_it_and_repeats_of_the_ack_are_absorbed() {
    plays(
        Udp,
        "
            0 > peer sends INVITE
            0   new INVITE
           20 > user answers INVITE 403
           20   out 403
          520   again 403
          600 > peer acks INVITE
          600   absorbed
          700 > peer acks INVITE
          700   absorbed
          800 > peer repeats INVITE
          800   absorbed
         5600   INVITE gone
         5700 > peer acks INVITE
         5700   ack to the dialog
        ",
    );
}

#[test]
fn timer_i_is_zero_over_tcp() {
    plays(
        Tcp,
        "
          0 > peer sends INVITE
          0   new INVITE
         20 > user answers INVITE 403
         20   out 403
        100 > peer acks INVITE
        100   absorbed
        100   INVITE gone
        ",
    );
}

#[test]
fn a_repeated_invite_gets_the_last_provisional_response() {
    plays(
        Udp,
        "
            0 > peer sends INVITE
            0   new INVITE
            0 > user answers INVITE 100
            0   out 100
          500 > peer repeats INVITE
          500   again 100
          500   absorbed
          900 > user answers INVITE 180
          900   out 180
         1500 > peer repeats INVITE
         1500   again 180
         1500   absorbed
         2000 > user answers INVITE 486
         2000   out 486
         2100 > peer repeats INVITE
         2100   again 486
         2100   absorbed
         2200 > peer acks INVITE
         2200   absorbed
         7200   INVITE gone
        ",
    );
}

#[test]
fn before_any_response_a_repeat_is_absorbed_in_silence_and_an_ack_means_nothing() {
    plays(
        Udp,
        "
           0 > peer sends INVITE
           0   new INVITE
         500 > peer repeats INVITE
         500   absorbed
         600 > peer acks INVITE
         600   absorbed
         700 > user answers INVITE 180
         700   out 180
         720 > peer acks INVITE
         720   absorbed
         800 > peer repeats INVITE
         800   again 180
         800   absorbed
        ",
    );
}

#[test]
fn rfc_6026_timer_l_an_accepted_invite_absorbs_its_repeats_and_passes_every_2xx_and_ack() {
    for transport in [Udp, Tcp] {
        plays(
            transport,
            "
                0 > peer sends INVITE
                0   new INVITE
              100 > user answers INVITE 180
              100   out 180
             1000 > user answers INVITE 200
             1000   out 200
             1100 > peer repeats INVITE
             1100   absorbed
             1500 > user answers INVITE 200
             1500   out 200
             1600 > user answers INVITE 180
             1600   too late
             1600 > user answers INVITE 486
             1600   too late
             1700 > peer acks INVITE
             1700   ack to the dialog
             1800 > peer acks INVITE branch=z9hG4bKanother
             1800   ack to the dialog
            33000   INVITE gone
            33004 > user answers INVITE 200
            33004   too late
            ",
        );
    }
}

#[test]
fn one_refusal_is_enough() {
    plays(
        Udp,
        "
           0 > peer sends INVITE
           0   new INVITE
          20 > user answers INVITE 486
          20   out 486
          40 > user answers INVITE 200
          40   too late
          60 > user answers INVITE 180
          60   too late
          80 > peer acks INVITE
          80   absorbed
         100 > user answers INVITE 200
         100   too late
        5080   INVITE gone
        ",
    );
}
