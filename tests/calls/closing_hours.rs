//! Permitted hours that end while people talk: CALLS R66 and R82.

use std::time::Duration;

use tollgate::policy::document::Ending;

use crate::world::{Company, World};

/// Alice calls a Berlin number at 0.60 a minute, sold by the second; it answers at 16 ms.
const LOCAL: &str = "
       0 alice  > INVITE 03023125500
       0 alice  < 100
       0 ledger < reserve 0.60
       4 main   < INVITE
      16 main   > 200
      16 alice  < 200
      20 alice  > ACK
      20 main   < ACK
";

/// Zero is 10:00, and the staff may call until a minute later.
fn closing_at_a_minute_past_ten(at_close: Ending) -> Company {
    Company::new().with(|company| {
        for permit in &mut company.document.roles[0].permits {
            permit.hours = Some("Mo-Fr 08:00-09:00,09:00-10:01".into());
            permit.at_close = at_close;
        }
    })
}

#[test]
fn the_end_of_the_permitted_hours_lets_calls_finish() {
    let mut world = World::new(&closing_at_a_minute_past_ten(Ending::Finish));
    world.plays(&format!(
        "{LOCAL}
     50.016s ledger < extend 1.20
         70s alice  > BYE
         70s main   < BYE
         70s ledger < settle 0.70 caller_hung_up
         70s main   > 200
         70s alice  < 200 BYE
        "
    ));
}

#[test]
fn the_end_of_the_permitted_hours_cuts_where_the_permit_says_so() {
    let mut world = World::new(&closing_at_a_minute_past_ten(Ending::Cut));
    // No more is reserved than the hours allow, up to the second that begins.
    world.plays(&format!(
        "{LOCAL}
         60s alice  < BYE Reason~cause=408
         60s main   < BYE
         60s ledger < settle 0.60 cut_time
       60.1s alice  > 200
       60.1s main   > 200
        "
    ));
    let mut world = World::new(&closing_at_a_minute_past_ten(Ending::After(Duration::from_secs(30))));
    world.plays(&format!(
        "{LOCAL}
     50.016s ledger < extend 0.90
         90s alice  < BYE Reason~cause=408
         90s main   < BYE
         90s ledger < settle 0.90 cut_time
       90.1s alice  > 200
       90.1s main   > 200
        "
    ));
}

#[test]
fn nobody_is_connected_for_the_last_seconds_of_the_hours() {
    let mut world = World::new(&closing_at_a_minute_past_ten(Ending::Cut));
    world.plays(
        "
         51s alice  > INVITE 03023125500
         51s alice  < 403 Reason~cause=403
         51s ledger < record outside_hours
        ",
    );
    let mut world = World::new(&closing_at_a_minute_past_ten(Ending::Cut));
    world.plays(
        "
         40s alice  > INVITE 03023125500
         40s alice  < 100
         40s ledger < reserve 0.60
     40.004s main   < INVITE
         41s main   > 180
         41s alice  < 180
         50s main   < CANCEL
       50.1s main   > 487 to=INVITE
       50.1s main   < ACK
       50.1s alice  < 403
       50.1s ledger < release cut_rights
        ",
    );
}
