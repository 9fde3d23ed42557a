//! The answer of a call that costs waits until it is written (R91): who hears what meanwhile, and what happens if it never is.

use std::time::Duration;

use crate::world::{Company, World, plays};

/// A world whose ledger needs 30 ms for a commit.
fn slow() -> World {
    World::new(&Company::new()).slow_commit(Duration::from_millis(30))
}

/// A call that rings; 4 ms are the ledger's decision.
const RINGING: &str = "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
          12 main   > 180
          12 alice  < 180
";

#[test]
fn the_answer_leaves_when_it_is_written_and_the_price_runs_from_then() {
    slow().plays(&format!(
        "{RINGING}
          16 main   > 200
        # Repeated meanwhile, it is one answer.
          40 main   > again
          46 alice  < 200 rr~;lr;tg= body~answer
          50 alice  > ACK
          50 main   < ACK
        10.041s alice  > BYE
        10.041s main   < BYE
        # 9.995 s since it left; from the answer itself it would be eleven begun.
        10.041s ledger < settle 0.10 caller_hung_up
        10.1s main   > 200
        10.1s alice  < 200 BYE
        ",
    ));
}

#[test]
fn a_free_call_and_an_emergency_wait_for_nothing() {
    slow().plays(
        "
           0 ledger > silent
           0 alice  > INVITE 202
           0 alice  < 100
           0 bob    < INVITE
           8 bob    > 200
           8 alice  < 200
          12 alice  > ACK
          12 bob    < ACK
          1s alice  > BYE
          1s bob    < BYE
          1s ledger < record caller_hung_up
          1s bob    > 200
          1s alice  < 200 BYE
          2s carol  > INVITE 112 call=help
          2s carol  < 100
          2s main   < INVITE
          2s main   > 200
          2s carol  < 200
          2s carol  > ACK
          2s main   < ACK
          3s carol  > BYE
          3s main   < BYE
          3s ledger < record caller_hung_up
          3s main   > 200
          3s carol  < 200 BYE
          4s ledger > up
        ",
    );
}

#[test]
fn a_cancel_that_crosses_the_answer_wins_and_the_callee_is_sent_home() {
    slow().plays(&format!(
        "{RINGING}
          16 main   > 200
          20 alice  > CANCEL
          20 alice  < 200 CANCEL
          20 alice  < 487
          20 main   < ACK uri=sip:+4915155500001@10.1.0.1:5060
          20 main   < BYE uri=sip:+4915155500001@10.1.0.1:5060
          20 ledger < release cancelled
        # Written after all, it is nobody's answer any more.
          50 main   > 200
        "
    ));
}

#[test]
fn while_the_ledger_is_down_no_call_that_costs_connects() {
    let world = plays(&format!(
        "{RINGING}
         100 ledger > down
         104 main   > 200
         104 main   < ACK
         104 main   < BYE
         104 alice  < 403 X-Tollgate-Decision~0
         104 ledger < release ledger_unavailable
         108 main   > 200
          5s ledger > up
        "
    ));
    assert_eq!(world.records.len(), 1);
    assert_eq!((world.records[0].cost.is_zero(), world.records[0].status), (true, Some(403)));
}

#[test]
fn a_disk_that_hangs_does_not_keep_the_callee_on_the_line_for_ever() {
    plays(&format!(
        "{RINGING}
         100 ledger > silent
         104 main   > 200
        5104 main   < ACK
        5104 main   < BYE
        5104 alice  < 403
        5104 ledger < release ledger_unavailable
        5108 main   > 200
        # What it writes at last is the answer and its end.
         60s ledger > up
        "
    ));
}

#[test]
fn a_callee_who_hangs_up_at_once_pays_the_first_increment() {
    slow().plays(&format!(
        "{RINGING}
          16 main   > 200
          20 main   > BYE
          20 alice  < BYE
          22 alice  > 200
          22 main   < 200 BYE
          46 alice  < 200
          46 ledger < settle 0.01 callee_hung_up
          50 alice  > ACK
          50 main   < ACK
        ",
    ));
}

#[test]
fn two_trunks_that_answer_together_leave_together_and_are_both_paid() {
    slow().plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
        4004 backup < INVITE
          5s backup > 200
        5010 main   > 200
        5030 alice  < 200 to~;tag=backup-
        5030 alice  < 200 to~;tag=main-
        5040 alice  > ACK with=backup-
        5040 backup < ACK
        5040 alice  > ACK with=main-
        5040 main   < ACK
        7030 alice  > BYE with=main-
        7030 main   < BYE
        7030 main   > 200
        7030 alice  < 200 BYE
        8030 alice  > BYE with=backup-
        8030 backup < BYE
        8030 ledger < settle 0.05 caller_hung_up
        8030 backup > 200
        8060 alice  < 200 BYE
        ",
    );
}

#[test]
fn a_gate_that_stops_sends_home_whoever_has_just_answered() {
    let mut world = slow();
    world.begins(&format!(
        "{RINGING}
          16 main   > 200
        "
    ));
    world.stops();
    world.plays(
        "
          16 alice  < 408
          16 main   < ACK
          16 main   < BYE
          16 ledger < release no_answer
          20 main   > 200
        ",
    );
}

/// Alice talks for ten seconds; what her ledger does then, the table says.
fn hangs_up(mut world: World, rest: &str) {
    world.plays(&format!(
        "{RINGING}
          16 main   > 200
          16 alice  < 200
          20 alice  > ACK
          20 main   < ACK
        {rest}"
    ));
}

#[test]
fn the_answer_to_a_bye_waits_until_the_end_is_written() {
    // A kill in between leaves a caller who repeats her BYE, not a call that nobody ends.
    hangs_up(
        World::new(&Company::new()).slow_ledger(Duration::from_millis(4)),
        "
         10s ledger > silent
         10s alice  > BYE
         10s main   < BYE
         10s ledger < settle 0.10 caller_hung_up
       10.1s main   > 200
       10.4s ledger > up
       10.4s alice  < 200 BYE
        ",
    );
}

#[test]
fn a_disk_that_hangs_holds_up_nobody_who_hangs_up() {
    hangs_up(
        World::new(&Company::new()),
        "
         10s ledger > silent
         10s alice  > BYE
         10s main   < BYE
         10s ledger < settle 0.10 caller_hung_up
       10.1s main   > 200
         11s alice  < 200 BYE
         20s ledger > up
        ",
    );
}
