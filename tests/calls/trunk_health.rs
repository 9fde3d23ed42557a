//! Trunk addresses that fail again and again rest, and are tried again: RFC 3261 §21.5.4, §16.9 and OPTIONS (§11). Nothing is
//! charged on the way.

use std::time::Duration;

use tollgate::gate::Event;

use crate::world::{Company, World, plays};

/// A call that main refuses and backup declines, so many milliseconds after the last line of the table.
fn refused(at: u64, call: u32, says: &str) -> String {
    let [start, sent, main, backup] = [at, at + 4, at + 8, at + 12];
    format!(
        "
        {start} alice  > INVITE 03023125500 call={call}
        {start} alice  < 100
        {start} ledger < reserve 0.60
        {sent}  main   < INVITE
        {main}  main   > {says}
        {main}  main   < ACK
        {main}  backup < INVITE
        {backup} backup > 486
        {backup} backup < ACK
        {backup} alice  < 486
        {backup} ledger < release declined
        "
    )
}

/// A call that goes to this trunk first and is declined there.
fn declined(at: u64, call: u32, trunk: &str) -> String {
    let [start, sent, answered] = [at, at + 4, at + 8];
    format!(
        "
        {start} alice  > INVITE 03023125500 call={call}
        {start} alice  < 100
        {start} ledger < reserve 0.60
        {sent}  {trunk} < INVITE
        {answered} {trunk} > 486
        {answered} {trunk} < ACK
        {answered} alice  < 486
        {answered} ledger < release declined
        "
    )
}

fn turns(world: &World) -> Vec<String> {
    let told = |event: &Event| match event {
        Event::TrunkRests { trunk, span, .. } => Some(format!("{trunk} rests {} s", span.as_secs())),
        Event::TrunkBack { trunk, .. } => Some(format!("{trunk} is back")),
        _ => None,
    };
    world.events.iter().filter_map(told).collect()
}

#[test]
fn three_failures_in_a_row_and_the_address_rests_until_one_call_tries_it() {
    let mut table: String = (0..3).map(|call| refused(u64::from(call) * 100, call, "503")).collect();
    // Nobody waits for main any more.
    table += &declined(300, 3, "backup");
    table += &declined(30_000, 4, "backup");
    // Its rest is over: one call tries it, and it works.
    table += &declined(30_300, 5, "main");
    table += &declined(30_400, 6, "main");
    let world = plays(&table);
    assert_eq!(turns(&world), ["main rests 30 s", "main is back"]);
    assert!(world.gate.is_trunk_up("main"));
}

#[test]
fn while_one_call_tries_a_rested_address_the_others_stay_away() {
    let mut table: String = (0..3).map(|call| refused(u64::from(call) * 100, call, "503")).collect();
    table += "
        31s    alice  > INVITE 03023125500 call=4
        31s    alice  < 100
        31s    ledger < reserve 0.60
        31.004s main  < INVITE
    ";
    table += &declined(31_100, 5, "backup");
    // It fails again, and rests again at once.
    table += "
        32s    main   > 503
        32s    main   < ACK
        32s    backup < INVITE
        32.5s  backup > 486 call=4
        32.5s  backup < ACK
        32.5s  alice  < 486
        32.5s  ledger < release declined
    ";
    table += &declined(33_000, 6, "backup");
    table += &declined(62_100, 7, "main");
    plays(&table);
}

#[test]
fn an_answer_in_between_begins_the_count_anew() {
    let mut table = refused(0, 0, "503") + &refused(100, 1, "503");
    table += &declined(200, 2, "main");
    table += &(refused(300, 3, "503") + &refused(400, 4, "503"));
    table += &declined(500, 5, "main");
    assert_eq!(turns(&plays(&table)), [""; 0]);
}

#[test]
fn a_fault_about_one_call_is_no_failure_of_the_trunk() {
    let mut table: String = (0..4).map(|call| refused(u64::from(call) * 100, call, "500")).collect();
    table += &declined(500, 5, "main");
    assert_eq!(turns(&plays(&table)), [""; 0]);
}

#[test]
fn rfc_3261_section_21_5_4_retry_after_is_waited_for() {
    let mut table = refused(0, 0, "503 Retry-After=\"20 (maintenance);duration=60\"");
    table += &declined(19_900, 1, "backup");
    table += &declined(20_100, 2, "main");
    assert_eq!(turns(&plays(&table)), ["main rests 20 s", "main is back"]);
}

#[test]
fn no_retry_after_is_waited_for_longer_than_ten_minutes() {
    let mut table = refused(0, 0, "503 Retry-After=86400");
    table += &declined(599_000, 1, "backup");
    table += &declined(601_000, 2, "main");
    // The PBX has no nonce that grows old.
    plays(&table.replace("alice ", "pbx "));
}

#[test]
fn a_trunk_that_rests_is_tried_last_when_the_others_take_no_call() {
    let table = refused(0, 0, "503 Retry-After=60")
        + "
        100 alice  > INVITE 03023125500 call=1
        100 alice  < 100
        100 ledger < reserve 0.60
        104 backup < INVITE
        108 backup > 503
        108 backup < ACK
        108 main   < INVITE
        112 main   > 200
        112 alice  < 200
        116 alice  > ACK
        116 main   < ACK
        1.112s alice > BYE
        1.112s main  < BYE
        1.112s ledger < settle 0.01 caller_hung_up
        1.112s main  > 200
        1.112s alice < 200 BYE
    ";
    let world = plays(&table);
    assert_eq!(turns(&world), ["main rests 60 s", "main is back"]);
}

#[test]
fn an_emergency_call_tries_what_rests_too_and_last() {
    let table = refused(0, 0, "503 Retry-After=60")
        + "
        100 alice  > INVITE 112 call=1
        100 alice  < 100
        100 backup < INVITE
        104 backup > 486
        104 backup < ACK
        104 main   < INVITE
        108 main   > 200
        108 alice  < 200
        112 alice  > ACK
        112 main   < ACK
        5s  alice  > BYE
        5s  main   < BYE
        5s  main   > 200
        5s  alice  < 200 BYE
        5s  ledger < record caller_hung_up
    ";
    plays(&table);
}

#[test]
fn a_trunk_that_dies_is_left_at_once_and_rests_after_three_calls() {
    let mut table = String::new();
    for call in 0..3 {
        let at = call * 100;
        let [sent, dead, rings] = [at + 4, at + 6, at + 10];
        table += &format!(
            "
            {at} alice  > INVITE 03023125500 call={call}
            {at} alice  < 100
            {at} ledger < reserve 0.60
            {sent} main   < INVITE
            {dead} wire   > breaks main
            {dead} backup < INVITE
            {rings} backup > 486
            {rings} backup < ACK
            {rings} alice  < 486
            {rings} ledger < release declined
            "
        );
    }
    table += &declined(300, 3, "backup");
    assert_eq!(turns(&plays(&table)), ["main rests 30 s"]);
}

#[test]
fn a_trunk_that_hangs_costs_three_callers_four_seconds_and_the_fourth_nothing() {
    let mut table = String::new();
    for call in 0..3 {
        let at = call * 10_000;
        let [sent, silent, rings] = [at + 4, at + 4_004, at + 4_010];
        table += &format!(
            "
            {at} alice  > INVITE 03023125500 call={call}
            {at} alice  < 100
            {at} ledger < reserve 0.60
            {sent} main   < INVITE
            {silent} backup < INVITE
            {rings} backup > 486
            {rings} backup < ACK
            {rings} alice  < 486
            {rings} ledger < release declined
            "
        );
    }
    table += &declined(25_000, 3, "backup");
    assert_eq!(turns(&plays(&table)), ["main rests 30 s"]);
}

#[test]
fn a_callee_who_does_not_answer_is_no_fault_of_the_trunk() {
    let mut table = String::new();
    for call in 0..3 {
        let at = call * 1_000;
        let [sent, rings, over, next] = [at + 4, at + 8, at + 500, at + 504];
        table += &format!(
            "
            {at} alice  > INVITE 03023125500 call={call}
            {at} alice  < 100
            {at} ledger < reserve 0.60
            {sent} main   < INVITE
            {rings} main  > 180
            {rings} alice < 180
            {over} main   > 408
            {over} main   < ACK
            {over} backup < INVITE
            {next} backup > 486
            {next} backup < ACK
            {next} alice  < 486
            {next} ledger < release declined
            "
        );
    }
    table += &declined(4_000, 3, "main");
    assert_eq!(turns(&plays(&table)), [""; 0]);
}

/// Main is asked every ten seconds.
fn asked() -> Company {
    Company::new().with(|company| company.trunks[0].care.options = Some(Duration::from_secs(10)))
}

#[test]
fn rfc_3261_section_11_a_trunk_is_asked_whether_it_is_there() {
    // The first OPTIONS left ten seconds before the table begins. Each has four seconds for its answer, the next follows after one.
    let mut world = World::new(&asked());
    world.runs_until("3.9s");
    assert_eq!(turns(&world), [""; 0]);
    world.runs_until("4s");
    assert_eq!(turns(&world), ["main rests 30 s"], "three OPTIONS without an answer");
    world.begins(
        "
        14s     main < OPTIONS uri=sip:10.1.0.1:5060 hops=70 no=Route From~<sip:house.example>
        14.004s main > 405
        ",
    );
    assert_eq!(turns(&world), ["main rests 30 s", "main is back"], "any answer but 408 and 503 will do");
    world.begins(&declined(15_000, 1, "main"));
    world.begins(
        "
        24.004s main < OPTIONS
        24.008s main > 503 Retry-After=15
        ",
    );
    assert!(!world.gate.is_trunk_up("main") && world.gate.is_trunk_up("backup"));
    world.begins(&declined(25_000, 2, "backup"));
    // It is asked again when it wants to be, and has recovered: no call is risked on it before.
    world.begins(
        "
        39.008s main < OPTIONS
        39.012s main > 200
        ",
    );
    assert!(world.gate.is_trunk_up("main"));
    world.begins(&declined(40_000, 3, "main"));
}

#[test]
fn a_name_that_moves_takes_the_calls_in_set_up_with_it() {
    let server = tollgate::sip::ServerName { host: "carrier.example".into(), port: None, transport: None };
    let hop = |address: &str| tollgate::sip::Hop {
        priority: 0,
        host: 0,
        weight: 0,
        transport: tollgate::sip::Transport::Udp,
        remote: address.parse().expect("an address"),
    };
    // The company's only trunk has a name.
    let company = Company::new().with(|company| {
        company.trunks.truncate(1);
        company.document.trunks.truncate(1);
        company.document.sites.iter_mut().for_each(|site| site.emergency_trunks.clear());
        company.trunks[0].host = "carrier.example".into();
        let named = tollgate::proxy::Named { server: server.clone().into(), hop: None };
        company.trunks[0].named = Some(named);
    });
    let mut world = World::new(&company);
    let moves = |world: &mut World, address: &str| {
        let hops = vec![hop(address)];
        world.tell(tollgate::gate::Input::Located { server: server.clone(), hops });
    };
    // Before DNS has answered there is no way out.
    world.begins(
        "
           0 alice  > INVITE 03023125500 call=0
           0 alice  < 100
           0 ledger < reserve 0.60
           4 alice  < 500
           4 ledger < release failed
        ",
    );
    moves(&mut world, "10.1.0.1:5060");
    world.begins(
        "
        1s    alice  > INVITE 03023125500 call=1
        1s    alice  < 100
        1s    ledger < reserve 0.60
        1.004s main  < INVITE uri=sip:+493023125500@carrier.example
        ",
    );
    // Main says nothing; while the caller waits the name comes to lead to where backup is.
    world.runs_until("2s");
    moves(&mut world, "10.1.0.2:5060");
    world.plays(
        "
        5.004s backup < INVITE uri=sip:+493023125500@carrier.example
        6s    backup > 200
        6s    alice  < 200
        6s    alice  > ACK
        6s    backup < ACK
        16s   backup > BYE
        16s   alice  < BYE
        16s   ledger < settle 0.10 callee_hung_up
        16s   alice  > 200
        16s   backup < 200 BYE
        ",
    );
}
