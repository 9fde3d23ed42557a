//! Registering at a trunk: RFC 3261 §10.2, and the calls that come of it.

use std::sync::Arc;

use tollgate::gate::Event;
use tollgate::sip::digest::{Account, Held};

use crate::world::{Company, World};

/// The company registers at its first trunk for two minutes.
fn company() -> Company {
    Company::new().with(|company| {
        let secret = Held::Password("s3cret".into());
        let trunk = &mut company.trunks[0];
        trunk.account = Some(Arc::new(Account { user: "company-4711".into(), realm: None, secret }));
        trunk.register = Some(120);
    })
}

const ASKS: &str = "'WWW-Authenticate=Digest realm=\"carrier\", nonce=\"n1\", qop=\"auth\"'";

/// The gate has asked before the tables begin; main answers now.
fn registered(company: &Company) -> World {
    let mut world = World::new(company);
    world.begins(&format!(
        "
           0 main   > 401 to=REGISTER {ASKS}
           0 main   < REGISTER uri=sip:10.1.0.1:5060 cseq='2 REGISTER' Expires=120 to=<sip:company-4711@10.1.0.1:5060> Contact=<sip:company-4711@10.9.0.1:5060> Authorization~n1
          10 main   > 200 to=REGISTER Contact=<sip:company-4711@10.9.0.1:5060>;expires=100
        "
    ));
    world
}

fn tells(world: &World) -> Vec<String> {
    let told = world.events.iter().filter_map(|event| match event {
        Event::RegisteredAt { seconds, .. } => Some(format!("registered for {seconds}")),
        Event::NotRegisteredAt { status, .. } => Some(format!("failed with {status}")),
        _ => None,
    });
    told.collect()
}

#[test]
fn a_registration_is_refreshed_before_it_ends() {
    let mut world = registered(&company());
    assert!(world.gate.is_registered_where_wanted("main"));
    // 40 s before the end of 100.
    world.begins(
        "
      60.01s main   < REGISTER cseq='3 REGISTER' no=Authorization Expires=120
      60.02s main   > 200 to=REGISTER Expires=120
     140.02s main   < REGISTER cseq='4 REGISTER'
     140.03s main   > 200 to=REGISTER Expires=120
        ",
    );
    assert_eq!(tells(&world), ["registered for 100"], "a refresh is no news");
}

#[test]
fn too_brief_a_time_is_raised() {
    let mut world = World::new(&company());
    world.begins(
        "
           0 main   > 423 to=REGISTER Min-Expires=600
           0 main   < REGISTER Expires=600 cseq='2 REGISTER'
          10 main   > 200 to=REGISTER Expires=600
     540.01s main   < REGISTER Expires=600
        ",
    );
    assert_eq!(tells(&world), ["registered for 600"]);
}

#[test]
fn a_wrong_password_is_not_tried_twice_and_the_pauses_grow() {
    let mut world = World::new(&company());
    world.begins(&format!(
        "
           0 main   > 401 to=REGISTER {ASKS}
           0 main   < REGISTER
          10 main   > 401 to=REGISTER {ASKS}
        "
    ));
    assert_eq!(tells(&world), ["failed with 401"]);
    assert!(!world.gate.is_registered_where_wanted("main"));
    let mut pauses = Vec::new();
    for _ in 0..9 {
        pauses.push(world.runs_until_heard("main", "REGISTER").as_secs());
        world.act("main", "403 to=REGISTER");
    }
    let expected = [15, 30, 60, 120, 240, 480, 900, 900, 900];
    for (pause, least) in pauses.iter().zip(expected) {
        assert!((least..=2 * least).contains(pause), "{pauses:?}");
    }
}

#[test]
fn a_registration_that_ends_is_told_and_taken_up_again() {
    let mut world = registered(&company());
    world.begins(
        "
      60.01s main   < REGISTER
      60.02s main   > 503 to=REGISTER
        ",
    );
    assert!(world.gate.is_registered_where_wanted("main"), "the old one still holds");
    world.runs_until("100.1s");
    assert!(!world.gate.is_registered_where_wanted("main"));
    assert_eq!(tells(&world), ["registered for 100", "failed with 503"]);
}

#[test]
fn a_call_to_our_contact_rings_whom_the_to_names() {
    registered(&company()).begins(
        "
          1s main   > INVITE sip:company-4711@10.9.0.1:5060 To=<sip:+49302312202@carrier.example>
          1s main   < 100
          1s bob    < INVITE
          1s bob    > 486
          1s bob    < ACK
          1s main   < 486
          1s ledger < record declined
        # What is no number of ours leads nowhere, as ever.
          2s main   > INVITE sip:company-4711@10.9.0.1:5060 call=2 To=<sip:+33123456789@carrier.example>
          2s main   < 403 reason~utside
          2s ledger < record outside_to_outside
        ",
    );
}

#[test]
fn a_call_to_our_contact_rings_whom_the_settings_name() {
    let company = company().with(|company| company.trunks[0].incoming = Some("202".into()));
    registered(&company).begins(
        "
          1s main   > INVITE sip:company-4711@10.9.0.1:5060 To=<sip:company-4711@carrier.example>
          1s main   < 100
          1s bob    < INVITE
          1s bob    > 486
          1s bob    < ACK
          1s main   < 486
          1s ledger < record declined
        # Nobody else has that contact.
          2s backup > INVITE sip:company-4711@10.9.0.1:5060 call=2
          2s backup < 403
          2s ledger < record unknown_number
        ",
    );
}
