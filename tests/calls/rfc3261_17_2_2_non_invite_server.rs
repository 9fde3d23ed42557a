//! RFC 3261 §17.2.2, the non-INVITE server transaction.

use tollgate::sip::Transport::{Tcp, Udp};
use tollgate::transaction::Limits;

use crate::transaction_world::{plays, plays_with_limits};

#[test]
fn timer_j_repeats_get_the_same_answer_for_64_t1() {
    plays(
        Udp,
        "
            0 > peer sends BYE
            0   new BYE
          500 > peer repeats BYE
          500   absorbed
          600 > user answers BYE 200
          600   out 200
         1500 > peer repeats BYE
         1500   again 200
         1500   absorbed
         1600 > user answers BYE 500
         1600   too late
        32500 > peer repeats BYE
        32500   again 200
        32500   absorbed
        32600   BYE gone
        32700 > peer repeats BYE
        32700   new BYE
        ",
    );
}

#[test]
fn timer_j_is_zero_over_tcp() {
    plays(
        Tcp,
        "
          0 > peer sends BYE
          0   new BYE
        100 > user answers BYE 200
        100   out 200
        100   BYE gone
        ",
    );
}

#[test]
fn a_provisional_response_answers_repeats_until_the_final_one() {
    plays(
        Udp,
        "
            0 > peer sends OPTIONS
            0   new OPTIONS
          100 > user answers OPTIONS 100
          100   out 100
          500 > peer repeats OPTIONS
          500   again 100
          500   absorbed
         1000 > user answers OPTIONS 200
         1000   out 200
         1500 > peer repeats OPTIONS
         1500   again 200
         1500   absorbed
        33000   OPTIONS gone
        ",
    );
}

#[test]
fn a_flood_of_new_requests_leaves_room_for_those_within_calls() {
    plays_with_limits(
        Limits { servers: 8, clients: 8 },
        "
        0 > peer sends OPTIONS as a branch=z9hG4bKa
        0   new a
        0 > peer sends OPTIONS as b branch=z9hG4bKb
        0   new b
        0 > peer sends OPTIONS as c branch=z9hG4bKc
        0   new c
        0 > peer sends OPTIONS as d branch=z9hG4bKd
        0   new d
        0 > peer sends OPTIONS as e branch=z9hG4bKe
        0   new e
        0 > peer sends OPTIONS as f branch=z9hG4bKf
        0   new f
        0 > peer sends INVITE as g branch=z9hG4bKg
        0   new g
        0 > peer sends INVITE as h branch=z9hG4bKh
        0   no room
        0 > peer repeats g
        0   absorbed
        0 > peer cancels g
        0   cancel of g
        0 > peer sends BYE as i branch=z9hG4bKi to=callee
        0   no room
        ",
    );
}
