//! Phones that register at a telephone system behind the gate: RFC 3327, RFC 3261 §10; CALLS R13, R20, R21, R25.

use std::sync::Arc;

use tollgate::base::SiteId;
use tollgate::gate::Pbx;
use tollgate::sip::{Flow, ListenerId};

use crate::world::{Company, World};

/// The company whose people in Hamburg, such as frank, have their phones at the telephone system.
fn company() -> Company {
    Company::new().with(|company| {
        let address = "10.2.0.1:5060";
        let flow = Flow::udp(ListenerId(0), address.parse().unwrap());
        company.document.sites[1].emergency_unauthenticated = true;
        company.homes.insert(SiteId(1), Arc::new(Pbx { name: "pbx".into(), flow, host: address.into() }));
    })
}

/// Frank's phone registers, and the telephone system keeps it for that long.
const REGISTERS: &str = "
       0 frank  > REGISTER auth=none
       0 pbx    < REGISTER uri=sip:house.example vias=2 hops=69 Path~@10.9.0.1:5060;lr> no=Authorization
       8 pbx    > 401 to=REGISTER 'WWW-Authenticate=Digest realm=\"pbx\", nonce=\"p1\", qop=\"auth\"'
       8 frank  < 401 REGISTER WWW-Authenticate~p1
      16 frank  > REGISTER auth=md5
      16 pbx    < REGISTER Authorization~p1
      20 pbx    > 200 to=REGISTER Contact=<sip:frank@10.3.0.1:5060>;expires=60 Path=<sip:1@10.9.0.1> Service-Route=<sip:pbx;lr>
      20 frank  < 200 REGISTER no=Path no=Service-Route Contact~expires=60
";

fn registered() -> World {
    let mut world = World::new(&company());
    world.begins(REGISTERS);
    world
}

#[test]
fn a_phone_that_the_telephone_system_has_taken_calls_without_a_digest() {
    registered().plays(
        "
        # Her registration there says who calls, and is judged here as hers.
          1s frank  > INVITE 01701234567 auth=none
          1s frank  < 100
          1s ledger < reserve 0.35
       1.004s main  < INVITE pai~+49302312301
       1.008s main  > 486
       1.008s main  < ACK
       1.008s frank < 486
       1.008s ledger < release declined
          2s frank  > INVITE 0033123456789 call=2 auth=none
          2s frank  < 403 reason~permitted
          2s ledger < record not_permitted
        # Whose registration ends is nobody; five seconds more are hers.
         66s frank  > INVITE 01701234567 call=3 auth=none
         66s frank  < 403 reason~recognised
         66s ledger < record unknown_caller
        ",
    );
}

#[test]
fn a_phone_whose_registration_was_not_taken_is_nobody() {
    let mut world = World::new(&company());
    world.plays(
        "
           0 frank  > REGISTER auth=none
           0 pbx    < REGISTER
           8 pbx    > 403 to=REGISTER
           8 frank  < 403 REGISTER
          1s frank  > INVITE 01701234567 auth=none
          1s frank  < 403 reason~recognised
          1s ledger < record unknown_caller
        # R41: help comes all the same.
          2s frank  > INVITE 112 call=2 auth=none
          2s frank  < 100
          2s main   < INVITE
          2s main   > 486 to=INVITE
          2s main   < ACK
          2s backup < INVITE
          2s backup > 486
          2s backup < ACK
          2s frank  < 503
          2s ledger < record failed
        ",
    );
}

#[test]
fn whoever_signs_off_is_nobody_again() {
    registered().plays(
        "
          1s frank  > REGISTER auth=md5 Expires=0
          1s pbx    < REGISTER
       1.01s pbx    > 200 to=REGISTER
       1.01s frank  < 200 REGISTER
          2s frank  > INVITE 01701234567 auth=none
          2s frank  < 403
          2s ledger < record unknown_caller
        ",
    );
}

#[test]
fn another_phone_of_that_network_is_not_frank() {
    registered().plays(
        "
          1s lobby  > INVITE 01701234567 from=frank
          1s lobby  < 407
        ",
    );
}

#[test]
fn a_call_for_somebody_behind_the_telephone_system_goes_there_by_extension() {
    registered().plays(
        "
          1s main   > INVITE +49302312301
          1s main   < 100
          1s pbx    < INVITE uri=sip:301@10.2.0.1:5060
          1s pbx    > 486
          1s pbx    < ACK
          1s main   < 486
          1s ledger < record declined
        # From site to site as well.
          2s alice  > INVITE 301
          2s alice  < 100
          2s pbx    < INVITE uri=sip:301@10.2.0.1:5060
          2s pbx    > 486
          2s pbx    < ACK
          2s alice  < 486
          2s ledger < record declined
        ",
    );
}

#[test]
fn the_telephone_system_reaches_the_phone_by_its_path() {
    registered().plays(
        "
          1s pbx    > INVITE sip:frank@10.3.0.1:5060 Route=path from=+4917012345678
          1s pbx    < 100
          1s frank  < INVITE uri=sip:frank@10.3.0.1:5060 no=Route
       1.01s frank  > 200
       1.01s pbx    < 200
       1.02s pbx    > ACK
       1.02s frank  < ACK
          3s frank  > BYE
          3s pbx    < BYE
          3s ledger < record callee_hung_up
       3.01s pbx    > 200
       3.01s frank  < 200 BYE
        # A mark that leads nowhere (RFC 5626 §5.3.1).
          4s pbx    > INVITE sip:frank@10.3.0.1:5060 call=2 Route=<sip:0123456789abcdef@10.9.0.1:5060;lr>
          4s pbx    < 430
        ",
    );
}

#[test]
fn nobody_else_reaches_a_phone_by_its_path() {
    let mut world = registered();
    world.plays(
        "
          1s mallory > INVITE sip:frank@10.3.0.1:5060 Route=<sip:0123456789abcdef@10.9.0.1:5060;lr>
          1s mallory < 407
        ",
    );
}

#[test]
fn guesses_of_the_telephone_systems_passwords_lock_their_source() {
    let mut company = company();
    company.limits.failures_before_lock = 2;
    let mut world = World::new(&company);
    world.plays(
        "
           0 frank  > REGISTER auth=none
           0 pbx    < REGISTER
           8 pbx    > 401 to=REGISTER 'WWW-Authenticate=Digest realm=\"pbx\", nonce=\"p1\", qop=\"auth\"'
           8 frank  < 401 REGISTER
          16 frank  > REGISTER auth=md5
          16 pbx    < REGISTER
          20 pbx    > 401 to=REGISTER 'WWW-Authenticate=Digest realm=\"pbx\", nonce=\"p2\", qop=\"auth\"'
          20 frank  < 401 REGISTER
          24 frank  > REGISTER auth=md5
          24 pbx    < REGISTER
          28 pbx    > 403 to=REGISTER
          28 frank  < 403 REGISTER
          32 frank  > REGISTER auth=md5
          32 frank  < 403 REGISTER reason~Wrong
        ",
    );
}

#[test]
fn who_guesses_there_on_and_on_hears_nothing_in_the_end() {
    let mut company = company();
    company.limits.failures_before_lock = 1;
    let mut world = World::new(&company);
    let begin = "
           0 frank  > REGISTER auth=none
           0 pbx    < REGISTER
           8 pbx    > 401 to=REGISTER 'WWW-Authenticate=Digest realm=\"pbx\", nonce=\"p1\", qop=\"auth\"'
           8 frank  < 401 REGISTER
          16 frank  > REGISTER auth=md5
          16 pbx    < REGISTER
          20 pbx    > 403 to=REGISTER
          20 frank  < 403 REGISTER
    ";
    let knock = |at: u32| format!("{at} frank > REGISTER auth=md5\n");
    let told: String =
        (1..=20).map(|at| knock(at * 100) + &format!("{} frank < 403 REGISTER\n", at * 100)).collect();
    let silent: String = (21..=25).map(|at| knock(at * 100)).collect();
    world.plays(&[begin.to_owned(), told, silent].concat());
}

#[test]
fn wrong_passwords_that_a_trunk_passes_on_do_not_lock_the_trunk() {
    let mut company = company();
    company.limits.failures_before_lock = 1;
    let knock = |at: u32| {
        format!(
            "
            {at}s main > REGISTER who=frank Authorization='Digest username=\"frank\", realm=\"pbx\", nonce=\"p\"'
            {at}s pbx  < REGISTER
            {at}s pbx  > 403 to=REGISTER
            {at}s main < 403 REGISTER no=Warning
            "
        )
    };
    World::new(&company).plays(&[knock(1), knock(2), knock(3)].concat());
}

#[test]
fn a_restart_forgets_no_registration_at_the_telephone_system() {
    let mut world = registered();
    world.restarts(&company());
    world.plays(
        "
          1s frank  > INVITE 01701234567 auth=none
          1s frank  < 100
          1s ledger < reserve 0.35
       1.004s main  < INVITE pai~+49302312301
       1.008s main  > 486
       1.008s main  < ACK
       1.008s frank < 486
       1.008s ledger < release declined
        # The Path that the telephone system keeps leads on to the phone.
          2s pbx    > INVITE sip:frank@10.3.0.1:5060 Route=path from=+4917012345678
          2s pbx    < 100
          2s frank  < INVITE
       2.01s frank  > 486
       2.01s frank  < ACK
       2.01s pbx    < 486
       2.01s ledger < record declined
        ",
    );
}
