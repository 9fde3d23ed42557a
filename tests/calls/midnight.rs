//! Calls over midnight: CALLS R80 and R81. Zero of the tables is 10:00 in Berlin, so the day ends at 50,400 s.

use crate::world::{Company, World};

/// Alice has registered anew shortly before midnight and calls ten seconds before it.
fn late_call(company: &Company) -> World {
    let mut world = World::new(company);
    world.begins(
        "
     50380s alice  > REGISTER
     50380s alice  < 401 REGISTER
     50380s alice  > REGISTER
     50380s alice  < 200 REGISTER
     50390s alice  > INVITE 03023125500
     50390s alice  < 100
     50390s ledger < reserve 0.60
 50390.004s main   < INVITE
 50390.016s main   > 200
 50390.016s alice  < 200
 50390.020s alice  > ACK
 50390.020s main   < ACK
        ",
    );
    world
}

#[test]
fn the_old_day_pays_what_began_in_it_and_the_new_one_the_rest() {
    let mut world = late_call(&Company::new().daily("alice", "1"));
    world.plays(
        "
     50400s ledger < extend 0.60
 50440.016s ledger < extend 1.20
        # The new day has 1.00, of which 0.50 are set aside.
 50440.020s ledger < extend 1.10
     50450s alice  > BYE
     50450s main   < BYE
     50450s ledger < settle 0.60 caller_hung_up
     50450s main   > 200
     50450s alice  < 200 BYE
        ",
    );
    assert_eq!(world.spent("alice"), ["0.10", "0.50"]);
}

#[test]
fn a_day_that_was_spent_begins_anew_at_midnight() {
    // Money for twenty seconds a day.
    let mut world = World::new(&Company::new().daily("alice", "0.20"));
    world.plays(
        "
     50380s alice  > REGISTER
     50380s alice  < 401 REGISTER
     50380s alice  > REGISTER
     50380s alice  < 200 REGISTER
     50390s alice  > INVITE 03023125500
     50390s alice  < 100
     50390s ledger < reserve 0.60
 50390.004s ledger < reserve 0.20
 50390.008s main   < INVITE
 50390.016s main   > 200
 50390.016s alice  < 200
 50390.020s alice  > ACK
 50390.020s main   < ACK
        # Half of a slice before its end more is asked for; midnight gives 0.20 again.
     50400s ledger < extend 0.20
 50400.016s ledger < extend 0.80
 50400.020s ledger < extend 0.30
 50410.016s ledger < extend 0.90
 50419.016s alice  < BYE
 50419.016s main   < BYE
 50419.016s ledger < settle 0.29 cut_money
     50420s alice  > 200
     50420s main   > 200
        ",
    );
    assert_eq!(world.spent("alice"), ["0.10", "0.19"]);
}

#[test]
fn a_store_that_is_down_at_midnight_is_asked_again() {
    let mut world = late_call(&Company::new().daily("alice", "1"));
    world.plays(
        "
     50395s ledger > down
     50400s ledger < extend 0.60
     50400.5s ledger > up
 50401.004s ledger < extend 1.20
        # Too much for the new day; what is covered already is not.
 50401.008s ledger < extend 0.60
 50440.016s ledger < extend 1.20
 50440.020s ledger < extend 1.10
     50450s alice  > BYE
     50450s main   < BYE
     50450s ledger < settle 0.60 caller_hung_up
     50450s main   > 200
     50450s alice  < 200 BYE
        ",
    );
    assert_eq!(world.spent("alice"), ["0.10", "0.50"]);
}
