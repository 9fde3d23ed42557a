//! Money before a call: CALLS R64 to R68, R90.

use tollgate::gate::Event;
use tollgate::policy::document::Quantity;

use crate::world::{Company, World, plays, plays_in};

#[test]
fn a_spent_daily_limit_says_when_it_begins_anew() {
    plays_in(
        Company::new().daily("alice", "0"),
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 alice  < 403 reason='Daily limit reached, resets 00:00' Reason~'Daily limit reached' X-Tollgate-Decision~0
           4 ledger < record daily_spend
        ",
    );
}

#[test]
fn less_than_ten_seconds_are_no_call() {
    plays_in(
        Company::new().daily("alice", "0.09"),
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 alice  < 403
           4 ledger < record too_little_left
        ",
    );
}

#[test]
fn less_than_the_first_increment_is_no_call_either() {
    plays_in(
        Company::new().daily("alice", "0.11"),
        "
           0 alice  > INVITE 0402312555
           0 alice  < 100
           0 ledger < reserve 0.12
           4 alice  < 403
           4 ledger < record daily_spend
        ",
    );
}

#[test]
fn what_is_left_buys_a_shorter_call() {
    plays_in(
        Company::new().daily("alice", "0.20"),
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 ledger < reserve 0.20
           8 main   < INVITE
          16 main   > 200
          16 alice  < 200
          20 alice  > ACK
          20 main   < ACK
        # The next slice is asked for in the middle of so short a one.
     10.016s ledger < extend 0.80
     19.016s alice  < BYE
     19.016s main   < BYE
     19.016s ledger < settle 0.19 cut_money
       19.1s alice  > 200
       19.1s main   > 200
        ",
    );
}

#[test]
fn of_two_hundred_calls_at_once_on_money_for_three_exactly_three_leave() {
    let mut world = World::new(&Company::new().daily("alice", "1.80"));
    for call in 0..200 {
        world.act("alice", &format!("INVITE 0302312{:04} call={call}", 5000 + call));
    }
    world.runs_until("1s");
    assert_eq!((world.count("main", "INVITE"), world.count("alice", "403")), (3, 197));
    for _ in 0..3 {
        world.act("main", "486");
    }
    world.rest();
    world.end();
    // What was released is there again.
    world.act("alice", "INVITE 03023125500 call=again");
    world.runs_until("200s");
    assert_eq!(world.count("main", "INVITE"), 4);
    world.act("main", "486");
    world.rest();
    world.end();
}

#[test]
fn without_the_ledger_calls_that_cost_are_refused_and_the_others_go_on() {
    plays(
        "
           0 ledger > down
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 alice  < 403 reason='Cannot check costs, try again'
           4 ledger < record ledger_unavailable
          10 alice  > INVITE 202 call=internal
          10 alice  < 100
          10 bob    < INVITE
          12 bob    > 486
          12 bob    < ACK
          12 alice  < 486
          12 ledger < record declined
          20 alice  > INVITE 0800123456 call=free
          20 alice  < 100
          20 main   < INVITE uri=sip:+49800123456@10.1.0.1:5060
          22 main   > 486
          22 main   < ACK
          22 alice  < 486
          22 ledger < record declined
          30 alice  > INVITE 112 call=help
          30 alice  < 100
          30 main   < INVITE uri=sip:112@10.1.0.1:5060
          32 main   > 200
          32 alice  < 200
          34 alice  > ACK
          34 main   < ACK
          1s alice  > BYE
          1s main   < BYE
          1s ledger < record caller_hung_up
          1s main   > 200
          1s alice  < 200 BYE
          2s ledger > up
        ",
    );
}

#[test]
fn a_ledger_that_says_nothing_does_not_keep_the_caller_waiting_for_ever() {
    plays(
        "
           0 ledger > silent
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
          5s alice  < 403
          5s ledger < record ledger_unavailable
        # The money that it gives at last goes back at once.
         60s ledger > up
         60s ledger < release
        ",
    );
}

#[test]
fn a_number_without_a_price_is_not_called() {
    plays(
        "
           0 carol  > INVITE 00441234567890
           0 carol  < 403 reason='No price for this number'
           0 ledger < record no_tariff
        ",
    );
}

#[test]
fn calls_at_once_are_counted_by_those_that_live() {
    plays_in(
        Company::new().limited("alice", Quantity::Calls { count: 1 }),
        "
           0 alice  > INVITE 03023125500 call=1
           0 alice  < 100
           0 ledger < reserve 0.60
        # Also while it waits for its money, and while it rings.
           2 alice  > INVITE 202 call=2
           2 alice  < 403 reason='Too many calls at once'
           2 ledger < record concurrent_calls
           4 main   < INVITE
           8 main   > 180
           8 alice  < 180
          12 alice  > INVITE 202 call=3
          12 alice  < 403
          12 ledger < record concurrent_calls
          16 main   > 486
          16 main   < ACK
          16 alice  < 486
          16 ledger < release declined
          20 alice  > INVITE 202 call=4
          20 alice  < 100
          20 bob    < INVITE
          24 bob    > 486
          24 bob    < ACK
          24 alice  < 486
          24 ledger < record declined
        ",
    );
}

#[test]
fn a_call_that_money_refused_does_not_count_among_the_living() {
    let company = Company::new().daily("alice", "0").limited("alice", Quantity::Calls { count: 1 });
    plays_in(
        company,
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 alice  < 403
           4 ledger < record daily_spend
           8 alice  > INVITE 202 call=2
           8 alice  < 100
           8 bob    < INVITE
          12 bob    > 486
          12 bob    < ACK
          12 alice  < 486
          12 ledger < record declined
        ",
    );
}

#[test]
fn a_refusal_by_money_is_one_verdict_not_two() {
    let world = plays_in(
        Company::new().daily("alice", "0"),
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 alice  < 403
           4 ledger < record daily_spend
        ",
    );
    assert_eq!(world.events.iter().filter(|event| matches!(event, Event::Judged(_))).count(), 1);
}
