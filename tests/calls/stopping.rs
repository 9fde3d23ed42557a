//! The gate goes down: every call is ended and paid for (CALLS R70, R91).

use crate::restarts::EMERGENCY;
use crate::world::{Company, World};

#[test]
fn every_call_is_ended_in_its_own_way() {
    let mut world = World::new(&Company::new());
    world.begins(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 200
           8 alice  < 200
          12 alice  > ACK
          12 main   < ACK
        # Bob's rings.
          20 carol  > INVITE 202
          20 carol  < 100
          20 bob    < INVITE
          24 bob    > 180
          24 carol  < 180
        # Tina's waits for its money.
          30 tina   > INVITE 03023125501
          30 tina   < 100
          30 ledger < reserve 0.60
        ",
    );
    world.stops();
    world.plays(
        "
          30 alice  < BYE Reason~'gate was stopped'
          30 main   < BYE
          30 ledger < settle 0.01 lost
          30 bob    < CANCEL
          30 tina   < 408
          34 ledger < release no_answer
          40 alice  > 200
          40 main   > 200
          40 bob    > 487
          40 bob    < ACK
          40 carol  < 408
          40 ledger < record no_answer
        ",
    );
}

#[test]
fn whoever_is_helped_is_not_ended() {
    let mut world = World::new(&Company::new());
    world.begins(EMERGENCY);
    world.stops();
    // The gate of the world goes on; a real one leaves the call to the next.
    world.plays(
        "
         10s lobby  > BYE
         10s main   < BYE
         10s ledger < record caller_hung_up
       10.1s main   > 200
       10.1s lobby  < 200 BYE
        ",
    );
}
