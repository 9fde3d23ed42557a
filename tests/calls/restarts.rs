//! kill -9 and a new start (CALLS R12, R16, R91): calls of the earlier run go on, and end when they must.

use crate::world::{Company, World};

/// Alice talks with bob, which costs nothing.
const FREE: &str = "
       0 alice  > INVITE 202
       0 alice  < 100
       0 bob    < INVITE
       8 bob    > 200
       8 alice  < 200
      20 alice  > ACK
      20 bob    < ACK
";

/// Somebody without rights talks with the emergency services.
const EMERGENCY: &str = "
       0 lobby  > INVITE 112
       0 lobby  < 100
       0 main   < INVITE
       8 main   > 200
       8 lobby  < 200
      20 lobby  > ACK
      20 main   < ACK
";

fn without_memory(begin: &str, rest: &str) -> World {
    let company = Company::new();
    let mut world = World::new(&company);
    world.begins(begin);
    world.loses_its_memory(&company);
    world.plays(rest);
    world
}

#[test]
fn a_free_call_goes_on_though_nothing_is_remembered() {
    without_memory(
        FREE,
        "
          1s alice  > INFO
          1s bob    < INFO vias=2 hops=69 no=Route
        1.1s bob    > 200
        1.1s alice  < 200 INFO vias=1
          2s bob    > re-INVITE
          2s bob    < 100
          2s alice  < INVITE uri=sip:alice@10.0.0.1:5060 vias=2
        2.1s alice  > 180
        2.1s bob    < 180
        2.2s alice  > 200
        2.2s bob    < 200
        2.3s bob    > ACK
        2.3s alice  < ACK
          3s bob    > BYE
          3s alice  < BYE
        3.1s alice  > 200
        3.1s bob    < 200 BYE
        ",
    );
}

#[test]
fn an_emergency_call_goes_on_though_nothing_is_remembered() {
    without_memory(
        EMERGENCY,
        "
          1s main   > re-INVITE
          1s main   < 100
          1s lobby  < INVITE
        1.1s lobby  > 200
        1.1s main   < 200
        1.2s main   > ACK
        1.2s lobby  < ACK
        # Long after the longest call.
      20000s lobby > BYE
      20000s main  < BYE
    20000.1s main  > 200
    20000.1s lobby < 200 BYE
        ",
    );
}

#[test]
fn a_mark_leads_to_the_other_side_whatever_else_is_written() {
    without_memory(
        FREE,
        "
        # The next Route is passed on, but not followed.
          1s alice  > INFO +Route='<sip:10.1.0.1:5060;lr>'
          1s bob    < INFO Route~10.1.0.1
        1.1s bob    > 200
        1.1s alice  < 200 INFO
        # A callee that does not know the dialog may take an INVITE for a new call.
          2s alice  > re-INVITE uri=sip:+33123456789@10.0.0.2:5060
          2s alice  < 481
          3s alice  > REFER Refer-To='<sip:+33123456789@house.example>'
          3s alice  < 481 REFER
          4s alice  > BYE uri=sip:+33123456789@10.1.0.1
          4s bob    < BYE
        4.1s bob    > 200
        4.1s alice  < 200 BYE
        ",
    );
}

#[test]
fn a_mark_is_worth_nothing_elsewhere() {
    without_memory(
        FREE,
        "
        # In the hand of somebody else.
          1s mallory > BYE of=alice
          1s mallory < 481 BYE
        1.1s lobby  > BYE of=bob
        1.1s lobby  < 481 BYE
        # With other tags.
          2s alice  > BYE totag=forged
          2s bob    < BYE
        2.1s bob    > 481
        2.1s alice  < 481 BYE
          3s alice  > BYE Call-ID=another
          3s alice  < 481 BYE
          4s bob    > BYE totag=forged
          4s bob    < 481 BYE
          5s alice  > ACK Call-ID=another
        # Without it, or behind something else.
          6s alice  > BYE Route='<sip:10.9.0.1:5060;lr>'
          6s alice  < 481 BYE
        ",
    );
}

#[test]
fn a_re_invite_without_memory_is_cancelled_and_given_up() {
    without_memory(
        FREE,
        "
          1s alice  > re-INVITE
          1s alice  < 100
          1s bob    < INVITE
        1.1s bob    > 180
        1.1s alice  < 180
        1.5s alice  > CANCEL
        1.5s alice  < 200 CANCEL
        1.5s bob    < CANCEL
        1.6s bob    > 487 to=INVITE
        1.6s bob    < ACK
        1.6s alice  < 487
        # Timer C.
         10s alice  > re-INVITE
         10s alice  < 100
         10s bob    < INVITE
       10.1s bob    > 180
       10.1s alice  < 180
        195s alice  < 408
        195s bob    < CANCEL
        ",
    );
}

#[test]
fn a_mark_of_this_run_is_worth_nothing_once_its_call_is_over() {
    let mut world = World::new(&Company::new());
    world.plays(&format!(
        "{FREE}
          1s alice  > BYE
          1s bob    < BYE
          1s ledger < record caller_hung_up
        1.1s bob    > 200
        1.1s alice  < 200 BYE
         60s alice  > re-INVITE
         60s alice  < 481
         61s bob    > INFO
         61s bob    < 481 INFO
        "
    ));
}

#[test]
fn a_free_call_of_an_earlier_run_ends_with_the_longest_call() {
    let company = Company::new();
    let mut world = World::new(&company);
    world.begins(FREE);
    world.loses_its_memory(&company);
    let over = company.limits.longest_call.as_secs() + company.limits.timer_c.as_secs() + 1;
    world.plays(&format!(
        "
      {over}s alice > BYE
      {over}s alice < 481 BYE
        "
    ));
}
