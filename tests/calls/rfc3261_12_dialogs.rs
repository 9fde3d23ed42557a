//! Requests inside a call: RFC 3261 §12.2, RFC 3262, RFC 3311; CALLS R12 and R16.

use crate::world::{World, plays};

/// Alice talks with bob since 20 ms.
const TALK: &str = "
       0 alice  > INVITE 202
       0 alice  < 100
       0 bob    < INVITE
       8 bob    > 200
       8 alice  < 200
      20 alice  > ACK
      20 bob    < ACK
";

/// And hangs up at 60 s.
const END: &str = "
     60s alice  > BYE
     60s bob    < BYE
     60s ledger < record caller_hung_up
     60s bob    > 200
     60s alice  < 200 BYE
";

fn during_a_talk(table: &str) -> World {
    plays(&format!("{TALK}\n{table}\n{END}"))
}

#[test]
fn an_early_dialog_takes_prack_and_update_from_both_ends() {
    plays(
        "
           0 alice  > INVITE 03023125500 Supported=100rel
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE Supported=100rel
           8 main   > 183 Require=100rel RSeq=7
           8 alice  < 183 Require=100rel RSeq=7
          12 alice  > PRACK RAck='7 1 INVITE'
          12 main   < PRACK RAck='7 1 INVITE' uri=sip:+4915155500001@10.1.0.1:5060 no=Route hops=69 vias=2
          16 main   > 200
          16 alice  < 200 PRACK
          20 alice  > UPDATE
          20 main   < UPDATE
          24 main   > 200
          24 alice  < 200 UPDATE
          28 main   > UPDATE
          28 alice  < UPDATE uri=sip:alice@10.0.0.1:5060 no=Route
          32 alice  > 200
          32 main   < 200 UPDATE
          40 main   > 200 to=INVITE
          40 alice  < 200
          44 alice  > ACK
          44 main   < ACK
          1s main   > BYE
          1s alice  < BYE
          1s ledger < settle 0.01 callee_hung_up
          1s alice  > 200
          1s main   < 200 BYE
        ",
    );
}

#[test]
fn dtmf_and_messages_pass_with_their_bodies() {
    during_a_talk(
        "
          1s bob    > INFO Content-Type=application/dtmf-relay
          1s alice  < INFO Content-Type=application/dtmf-relay
       1.004s alice > 200
       1.004s bob   < 200 INFO
          2s alice  > MESSAGE
          2s bob    < MESSAGE
       2.004s bob   > 200
       2.004s alice < 200 MESSAGE
        ",
    );
}

#[test]
fn a_request_that_nobody_answers_is_not_answered_with_408() {
    // RFC 4320 §4.2.
    during_a_talk(
        "
          1s alice  > INFO
          1s bob    < INFO
        ",
    );
}

#[test]
fn forged_tags_get_481_and_go_nowhere() {
    during_a_talk(
        "
          1s alice  > BYE totag=forged
          1s alice  < 481 BYE
          2s alice  > re-INVITE totag=forged
          2s alice  < 481
          3s alice  > ACK totag=forged
          4s alice  > INFO totag=forged Route='<sip:10.9.0.1:5060;lr>, <sip:10.1.0.1;lr>' uri=sip:+33123456789@10.1.0.1
          4s alice  < 481 INFO
        ",
    );
}

#[test]
fn true_tags_from_a_third_address_get_481() {
    during_a_talk(
        "
          1s mallory > BYE of=alice
          1s mallory < 481 BYE
          2s mallory > re-INVITE of=alice
          2s mallory < 481
          3s lobby  > BYE of=bob
          3s lobby  < 481 BYE
          4s mallory > ACK of=alice
        ",
    );
}

#[test]
fn an_ack_of_nothing_is_dropped() {
    let world = plays(
        "
           0 mallory > INVITE 202
           0 mallory < 407
          10 mallory > OPTIONS sip:house.example
          10 mallory < 200 OPTIONS Allow~INVITE
        ",
    );
    assert_eq!(world.count("bob", "ACK"), 0);
}

#[test]
fn neither_request_uri_nor_route_of_a_known_dialog_leads_elsewhere() {
    during_a_talk(
        "
          1s alice  > INFO uri=sip:+33123456789@10.1.0.1 Route='<sip:10.9.0.1:5060;lr>, <sip:203.0.113.66;lr>'
          1s bob    < INFO uri=sip:bob@10.0.0.2:5060 no=Route
       1.004s bob   > 200
       1.004s alice < 200 INFO
          2s alice  > INFO Route=<sip:203.0.113.66;lr>
          2s bob    < INFO uri=sip:bob@10.0.0.2:5060 no=Route
       2.004s bob   > 200
       2.004s alice < 200 INFO
        ",
    );
}

#[test]
fn an_end_that_gives_no_contact_can_still_be_reached() {
    plays(
        "
           0 alice  > INVITE 03023125500 no=Contact
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 200 no=Contact
           8 alice  < 200
          12 alice  > ACK uri=sip:+4915155500001@10.1.0.1
          12 main   < ACK uri=sip:10.1.0.1:5060
          1s main   > BYE uri=sip:alice@10.0.0.1
          1s alice  < BYE uri=sip:10.0.0.1:5060
          1s ledger < settle 0.01 callee_hung_up
          1s alice  > 200
          1s main   < 200 BYE
        ",
    );
}

#[test]
fn a_caller_of_the_old_days_has_no_tag_and_talks_all_the_same() {
    plays(
        "
           0 alice  > INVITE 202 From=<sip:alice@house.example>
           0 alice  < 100
           0 bob    < INVITE from=<sip:alice@house.example>
           8 bob    > 200
           8 alice  < 200
          20 alice  > ACK From=<sip:alice@house.example>
          20 bob    < ACK
          1s bob    > INFO To=<sip:alice@house.example>
          1s alice  < INFO
       1.004s alice > 200
       1.004s bob   < 200 INFO
          2s bob    > BYE To=<sip:alice@house.example>
          2s alice  < BYE
          2s ledger < record callee_hung_up
          2s alice  > 200
          2s bob    < 200 BYE
        ",
    );
}

#[test]
fn a_phone_over_tcp_talks_with_one_over_udp() {
    plays(
        "
           0 tina   > INVITE 202
           0 tina   < 100
           0 bob    < INVITE via=10.9.0.1:5060 rr~<sip:10.9.0.1:5060;lr;tg=
           8 bob    > 200
        # §16.7 item 8: each side gets the Record-Route of the socket that faces it.
           8 tina   < 200 rr~<sip:10.9.0.1:5060;transport=tcp;lr;tg=
          20 tina   > ACK
          20 bob    < ACK
          1s bob    > BYE
          1s tina   < BYE via=10.9.0.1:5060
          1s ledger < record callee_hung_up
          1s tina   > 200
          1s bob    < 200 BYE
        ",
    );
}
