//! RFC 3261 §17.1.2, the non-INVITE client transaction.

use tollgate::sip::Transport::{Tcp, Udp};

use crate::transaction_world::plays;

#[test]
fn a_silent_peer_gets_eleven_byes_never_more_than_t2_apart() {
    plays(
        Udp,
        "
            0 > user sends BYE
            0   out BYE
          500   again BYE
         1500   again BYE
         3500   again BYE
         7500   again BYE
        11500   again BYE
        15500   again BYE
        19500   again BYE
        23500   again BYE
        27500   again BYE
        31500   again BYE
        32000   BYE timed out
        ",
    );
}

#[test]
fn over_tcp_the_bye_goes_once() {
    plays(
        Tcp,
        "
            0 > user sends BYE
            0   out BYE
        32000   BYE timed out
        ",
    );
}

#[test]
fn after_a_provisional_response_the_request_still_goes_every_t2_and_timer_f_still_runs() {
    plays(
        Udp,
        "
            0 > user sends OPTIONS
            0   out OPTIONS
          500   again OPTIONS
          600 > peer answers OPTIONS 100
          600   user hears 100 to OPTIONS
         1500   again OPTIONS
         5500   again OPTIONS
         9500   again OPTIONS
        13500   again OPTIONS
        17500   again OPTIONS
        21500   again OPTIONS
        25500   again OPTIONS
        29500   again OPTIONS
        32000   OPTIONS timed out
        ",
    );
}

#[test]
fn timer_k_repeats_of_the_final_response_are_absorbed_for_t4() {
    plays(
        Udp,
        "
           0 > user sends BYE
           0   out BYE
         100 > peer answers BYE 200
         100   user hears 200 to BYE
         600 > peer answers BYE 200
         600   absorbed
         700 > peer answers BYE 100
         700   absorbed
        5100   BYE gone
        5104 > peer answers BYE 200
        5104   stray
        ",
    );
}

#[test]
fn timer_k_is_zero_over_tcp() {
    plays(
        Tcp,
        "
          0 > user sends BYE
          0   out BYE
        100 > peer answers BYE 481
        100   user hears 481 to BYE
        100   BYE gone
        ",
    );
}

#[test]
fn a_refusal_of_a_bye_is_not_acknowledged() {
    plays(
        Udp,
        "
           0 > user sends BYE
           0   out BYE
         100 > peer answers BYE 503
         100   user hears 503 to BYE
        5100   BYE gone
        ",
    );
}
