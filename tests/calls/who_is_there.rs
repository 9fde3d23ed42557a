//! After a restart both ends of a call that was taken up are asked whether they are still there (RFC 3261 §11.2, §12.2.1.2; CALLS R74, R91).

use crate::restarts::EMERGENCY;
use crate::taken_up::PAID;
use crate::world::{Company, World};

/// Killed at 55 s, five seconds after the last thing that was written; there again at 70 s.
fn asked(rest: &str) -> World {
    let company = Company::new();
    let mut world = World::new(&company);
    world.begins(PAID);
    world.begins("50.016s ledger < extend 1.20");
    world.runs_until("55s");
    world.is_killed_and_asks_until(&company, "70s");
    world.plays(rest);
    world
}

#[test]
fn who_hung_up_while_no_gate_was_there_pays_to_when_it_last_was() {
    let world = asked(
        "
         72s alice  < OPTIONS cseq='1001 OPTIONS' uri=sip:alice@10.0.0.1:5060
         72s main   < OPTIONS cseq='1002 OPTIONS'
       72.1s main   > 200
       72.1s alice  > 481
       72.1s alice  < BYE Reason~'No sign of life'
       72.1s main   < BYE cseq='1003 BYE' Reason~'No sign of life'
       72.1s ledger < settle 0.50 dead
       72.2s main   > 200
       72.2s alice  > 481
        ",
    );
    assert!(world.records[0].estimated);
}

#[test]
fn whoever_is_still_there_goes_on_and_counts_from_what_was_asked() {
    asked(
        "
         72s alice  < OPTIONS
         72s main   < OPTIONS cseq='1002 OPTIONS'
       72.1s main   > 200
       # Any other refusal comes from somebody.
       72.1s alice  > 405
         80s main   > re-INVITE
         80s main   < 100
         80s alice  < INVITE cseq='1002 INVITE'
       80.1s alice  > 200
       80.1s main   < 200
       80.2s main   > ACK
       80.2s alice  < ACK cseq='1002 ACK'
        100s alice  > BYE
        100s main   < BYE cseq='1003 BYE'
        100s ledger < settle 1.00 caller_hung_up
      100.1s main   > 200
      100.1s alice  < 200 BYE
        ",
    );
}

#[test]
fn an_emergency_call_is_asked_nothing() {
    let company = Company::new();
    let mut world = World::new(&company);
    world.begins(EMERGENCY);
    world.is_killed_and_asks_until(&company, "5s");
    world.plays(
        "
      20000s lobby  > BYE
      20000s main   < BYE
      20000s ledger < record caller_hung_up
    20000.1s main   > 200
    20000.1s lobby  < 200 BYE
        ",
    );
}
