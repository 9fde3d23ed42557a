//! New settings while calls are under way: they keep their permits and prices, and nobody is mistaken for somebody else (R7, R76).

use crate::world::{Company, World};

/// The house after everybody but carol, bob and frank has left, and berlin is gone from the list of sites.
fn smaller() -> Company {
    Company::new().with(|company| {
        company.rows.people.retain(|person| matches!(person.key.as_str(), "carol" | "bob"));
        company.document.sites.truncate(1);
    })
}

#[test]
fn a_call_lives_through_the_departure_of_its_caller() {
    let mut world = World::new(&Company::new());
    world.begins(
        "
           0 tina   > INVITE 03023125500
           0 tina   < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 200
           8 tina   < 200
          12 tina   > ACK
          12 main   < ACK
        ",
    );
    world.replace_setup(&smaller());
    world.plays(
        "
     50.008s ledger < extend 1.20
         60s tina   > BYE
         60s main   < BYE
         60s ledger < settle 0.60 caller_hung_up
         60s main   > 200
         60s tina   < 200 BYE
        ",
    );
}

#[test]
fn an_emergency_call_goes_on_to_the_next_trunk_of_its_site() {
    let mut world = World::new(&Company::new());
    world.begins(
        "
           0 frank  > INVITE 112
           0 frank  < 100
           0 main   < INVITE
        ",
    );
    world.replace_setup(&smaller());
    world.plays(
        "
           4 main   > 503
           4 main   < ACK
           4 backup < INVITE
           8 backup > 503
           8 backup < ACK
           8 frank  < 503
           8 ledger < record failed
        ",
    );
}

#[test]
fn a_refusal_by_money_speaks_the_language_of_the_site_that_is_gone() {
    let mut world = World::new(&Company::new().daily("frank", "0"));
    world.begins(
        "
           0 frank  > INVITE 03023125500
           0 frank  < 100
           0 ledger < reserve 0.60
        ",
    );
    world.replace_setup(&smaller());
    world.plays(
        "
           4 frank  < 403
           4 ledger < record daily_spend
        ",
    );
}

#[test]
fn a_transfer_by_somebody_who_has_left_is_refused() {
    let mut world = World::new(&Company::new());
    world.begins(
        "
           0 carol  > INVITE 206
           0 carol  < 100
           0 tina   < INVITE
           8 tina   > 200
           8 carol  < 200
          12 carol  > ACK
          12 tina   < ACK
        ",
    );
    world.replace_setup(&smaller());
    world.plays(
        "
          1s tina   > REFER Refer-To=<sip:03023125500@house.example>
          1s tina   < 403 REFER
        # Carol is still carol, though she stands elsewhere in the list.
          2s carol  > REFER Refer-To=<sip:03023125500@house.example>
          2s tina   < REFER
          3s tina   > 202
          3s carol  < 202 REFER
         60s carol  > BYE
         60s tina   < BYE
         60s ledger < record caller_hung_up
         60s tina   > 200
         60s carol  < 200 BYE
        ",
    );
}
