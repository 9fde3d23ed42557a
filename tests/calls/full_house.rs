//! More calls than the house takes: CALLS R92.

use std::time::Duration;

use chrono::DateTime;
use tollgate::base::{Moment, Now};

use crate::world::{Company, World, plays_in};

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

#[test]
fn calls_that_begin_beyond_the_houses_limit_get_503_and_the_others_go_on() {
    let company = Company::new().with(|company| company.limits.calls_max = 1);
    plays_in(
        company,
        &format!(
            "{TALK}
              1s carol  > INVITE 201
              1s carol  < 503 Retry-After=5
              1s ledger < record refused
        {END}
        # An ended call is remembered, but does not count.
             61s carol  > INVITE 201
             61s carol  < 100
             61s alice  < INVITE
             62s alice  > 486
             62s alice  < ACK
             62s carol  < 486
             62s ledger < record declined
            "
        ),
    );
}

#[test]
fn when_more_comes_than_can_be_read_new_calls_get_503_and_calls_in_progress_and_for_help_go_on() {
    let company = Company::new();
    let longest = company.limits.behind_longest;
    let mut world = World::new(&company);
    world.begins(TALK);
    let now = Now::new(Moment::from_micros(1), DateTime::UNIX_EPOCH);
    // Looks as near to one another as those of a gate at work.
    (0..10).for_each(|tenth| world.gate.look_at_wire(now.after(longest * tenth / 10), true));
    world.gate.look_at_wire(now.after(longest - Duration::from_millis(1)), true);
    world.begins(
        "
          1s carol  > INVITE 204
          1s carol  < 100
          1s dave   < INVITE
          1s dave   > 486
          1s dave   < ACK
          1s carol  < 486
          1s ledger < record declined
        ",
    );
    world.gate.look_at_wire(now.after(longest), true);
    // No transaction, no record, nothing but the answer.
    world.begins(
        "
          5s carol  > INVITE 204
          5s carol  < 503 Retry-After=5
          6s lobby  > INVITE 112
          6s lobby  < 100
          6s main   < INVITE
          7s main   > 200
          7s lobby  < 200
          7s lobby  > ACK
          7s main   < ACK
          9s lobby  > BYE
          9s main   < BYE
          9s ledger < record caller_hung_up
          9s main   > 200
          9s lobby  < 200 BYE
        ",
    );
    world.begins(END);
    world.gate.look_at_wire(now.after(longest * 2), false);
    world.begins(
        "
         61s carol  > INVITE 204
         61s carol  < 100
         61s dave   < INVITE
        ",
    );
}
