//! RFC 3261 §17.2.3, a request finds its transaction: retransmissions, ACK and CANCEL, senders of RFC 2543 too.

use tollgate::sip::Transport::{Tcp, Udp};

use crate::transaction_world::plays;

#[test]
fn another_branch_is_another_transaction_even_of_the_same_call() {
    // A request that forked on its way here arrives twice; whether that is a 482 (§8.2.2.2) is the user's matter.
    plays(
        Udp,
        "
          0 > peer sends INVITE as one branch=z9hG4bKone
          0   new one
          4 > peer sends INVITE as two branch=z9hG4bKtwo
          4   new two
        500 > peer repeats one
        500   absorbed
        500 > peer repeats two
        500   absorbed
        ",
    );
}

#[test]
fn one_branch_for_two_calls_is_two_transactions() {
    // Not allowed (§8.1.1.7), and done: a sender with a constant branch must not have its second call swallowed.
    plays(
        Udp,
        "
        0 > peer sends INVITE as one branch=z9hG4bKconstant call=1
        0   new one
        0 > peer sends INVITE as two branch=z9hG4bKconstant call=2
        0   new two
        0 > peer sends INVITE as three branch=z9hG4bKconstant call=2 cseq=2
        0   new three
        0 > peer sends INVITE as four branch=z9hG4bKconstant call=2 cseq=2 from=another
        0   new four
        0 > peer repeats one
        0   absorbed
        ",
    );
}

#[test]
fn the_same_branch_of_another_sender_is_another_transaction() {
    plays(
        Udp,
        "
        0 > peer sends INVITE as one via=192.0.2.1:5060
        0   new one
        0 > peer sends INVITE as two via=192.0.2.1:5070
        0   new two
        0 > peer sends INVITE as three via=192.0.2.2:5060
        0   new three
        0 > peer sends INVITE as four via=pc33.example.com
        0   new four
        ",
    );
}

#[test]
fn the_method_is_part_of_the_key() {
    plays(
        Udp,
        "
        0 > peer sends INFO
        0   new INFO
        0 > peer sends OPTIONS
        0   new OPTIONS
        0 > peer sends FOO
        0   new FOO
        0 > peer sends BAR
        0   new BAR
        0 > peer repeats FOO
        0   absorbed
        ",
    );
}

#[test]
fn an_ack_with_a_forged_or_foreign_branch_ends_no_transaction() {
    plays(
        Udp,
        "
            0 > peer sends INVITE
            0   new INVITE
            0 > user answers INVITE 486
            0   out 486
          100 > peer acks INVITE branch=z9hG4bKforged
          100   ack to the dialog
          200 > peer acks INVITE via=203.0.113.66:5060
          200   ack to the dialog
          300 > peer acks INVITE call=2
          300   ack to the dialog
          400 > peer acks INVITE cseq=2
          400   ack to the dialog
          500   again 486
          600 > peer acks INVITE
          600   absorbed
         5600   INVITE gone
        ",
    );
}

#[test]
fn section_9_2_a_cancel_is_a_transaction_of_its_own_and_finds_its_invite() {
    plays(
        Udp,
        "
            0 > peer sends INVITE
            0   new INVITE
            0 > user answers INVITE 180
            0   out 180
         1000 > peer cancels INVITE
         1000   cancel of INVITE
         1000 > user answers CANCEL-INVITE 200
         1000   out 200
         1000 > user answers INVITE 487
         1000   out 487
         1100 > peer acks INVITE
         1100   absorbed
         1500 > peer repeats CANCEL-INVITE
         1500   again 200
         1500   absorbed
         6100   INVITE gone
        33000   CANCEL-INVITE gone
        ",
    );
}

#[test]
fn section_9_2_a_cancel_that_matches_nothing_says_so() {
    plays(
        Udp,
        "
            0 > peer sends INVITE
            0   new INVITE
          100 > peer cancels INVITE branch=z9hG4bKanother
          100   cancel of nothing
          100 > user answers CANCEL-INVITE 481
          100   out 481
        32100   CANCEL-INVITE gone
        ",
    );
}

#[test]
fn a_sender_of_rfc_2543_is_matched_by_its_call_and_not_by_a_branch() {
    for branch in ["none", "1"] {
        let table = "
            0 > peer sends INVITE branch=OLD
            0   new INVITE
            0 > user answers INVITE 180
            0   out 180
          500 > peer repeats INVITE
          500   again 180
          500   absorbed
          600 > peer sends INVITE as second branch=OLD call=2
          600   new second
          600 > peer sends INVITE as third branch=OLD uri=sip:carol@example.com
          600   new third
          600 > peer sends INVITE as fourth branch=OLD cseq=2
          600   new fourth
         1000 > user answers INVITE 486
         1000   out 486
         1100 > peer acks INVITE
         1100   absorbed
         1200 > peer cancels second
         1200   cancel of second
         6100   INVITE gone
        ";
        plays(Udp, &table.replace("OLD", branch));
    }
}

#[test]
fn section_18_2_2_answers_go_to_the_port_of_the_via_unless_rport_says_where_they_came_from() {
    plays(
        Udp,
        "
            0 > peer sends BYE as named branch=z9hG4bKa via=192.0.2.1:5070
            0   new named
            0 > user answers named 200
            0   out 200 to 192.0.2.1:5070
            0 > peer sends BYE as rport branch=z9hG4bKb;rport via=10.0.0.1:5070
            0   new rport
            0 > user answers rport 200
            0   out 200
            0 > peer sends BYE as lying branch=z9hG4bKc;received=203.0.113.66;maddr=203.0.113.66 via=203.0.113.66
            0   new lying
            0 > user answers lying 200
            0   out 200
          500 > peer repeats named
          500   again 200 to 192.0.2.1:5070
          500   absorbed
        32000   named gone
        32000   rport gone
        32000   lying gone
        ",
    );
    plays(
        Tcp,
        "
        0 > peer sends BYE via=192.0.2.1:5070
        0   new BYE
        0 > user answers BYE 200
        0   out 200
        0   BYE gone
        ",
    );
}
