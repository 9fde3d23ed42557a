//! Budgets and calls at once of a trunk: CALLS R3, R64 and R68.

use tollgate::base::Money;
use tollgate::policy::PeriodKind;
use tollgate::policy::document::{BudgetHolder, BudgetRule, Limit, Quantity};

use crate::world::{Company, World};

fn with_daily(trunk: &str, amount: &str) -> Company {
    let amount = Money::parse(amount).expect("an amount");
    with_limit(trunk, Quantity::Money { period: PeriodKind::Day, amount })
}

fn with_limit(trunk: &str, quantity: Quantity) -> Company {
    Company::new().with(|company| {
        let limit = Limit { quantity, soft: false };
        company.document.budgets.push(BudgetRule { holder: BudgetHolder::Trunk(trunk.into()), limit });
    })
}

#[test]
fn a_trunk_whose_money_is_spent_leaves_its_calls_to_the_next() {
    World::new(&with_daily("main", "0")).plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 ledger < reserve 0.60
           8 backup < INVITE
          12 backup > 486
          12 backup < ACK
          12 alice  < 486
          12 ledger < release declined
        ",
    );
}

#[test]
fn where_every_trunks_money_is_spent_the_call_is_refused() {
    let company = with_daily("main", "0").with(|company| {
        company.trunks.truncate(1);
    });
    World::new(&company).plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 alice  < 403 reason='Daily limit reached, resets 00:00'
           4 ledger < record daily_spend
        ",
    );
}

#[test]
fn failover_reserves_on_the_next_trunk_before_anything_leaves() {
    World::new(&with_daily("backup", "1")).plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 503
           8 main   < ACK
           8 ledger < extend 0.60
          12 backup < INVITE
          16 backup > 486
          16 backup < ACK
          16 alice  < 486
          16 ledger < release declined
        ",
    );
}

#[test]
fn failover_to_a_trunk_whose_money_is_spent_ends_the_search() {
    World::new(&with_daily("backup", "0.30")).plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 503
           8 main   < ACK
           8 ledger < extend 0.60
          12 alice  < 500
          12 ledger < release failed
        ",
    );
}

#[test]
fn a_second_address_of_a_spent_trunk_is_as_spent_as_the_first() {
    let company = with_daily("backup", "0").with(|company| {
        let mut second = company.trunks[1].clone();
        second.flow.remote = "10.1.0.3:5060".parse().unwrap();
        company.trunks.push(second);
    });
    World::new(&company).plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 503
           8 main   < ACK
           8 ledger < extend 0.60
          12 ledger < extend 0.60
          16 alice  < 500
          16 ledger < release failed
        ",
    );
}

#[test]
fn a_caller_may_give_up_while_the_ledger_thinks_about_the_next_trunk() {
    World::new(&with_daily("backup", "1")).plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 503
           8 main   < ACK
           8 ledger < extend 0.60
          10 alice  > CANCEL
          10 alice  < 200 CANCEL
          10 alice  < 487
          10 ledger < release cancelled
        ",
    );
}

#[test]
fn a_ledger_that_says_nothing_about_the_next_trunk_ends_the_search() {
    World::new(&with_daily("backup", "1")).plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           6 ledger > silent
           8 main   > 503
           8 main   < ACK
           8 ledger < extend 0.60
        5008 alice  < 500
        5008 ledger < release failed
         10s ledger > up
        ",
    );
}

#[test]
fn a_trunk_with_all_its_lines_taken_is_passed_over() {
    let company = Company::new().with(|company| company.trunks[0].calls_max = Some(1));
    World::new(&company).plays(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 180
           8 alice  < 180
          12 bob    > INVITE 03023125501
          12 bob    < 100
          12 ledger < reserve 0.60
          16 backup < INVITE
          20 backup > 486
          20 backup < ACK
          20 bob    < 486
          20 ledger < release declined
          24 main   > 486
          24 main   < ACK
          24 alice  < 486
          24 ledger < release declined
          28 bob    > INVITE 03023125501 call=2
          28 bob    < 100
          28 ledger < reserve 0.60
          32 main   < INVITE
          36 main   > 486
          36 main   < ACK
          36 bob    < 486
          36 ledger < release declined
        ",
    );
}

#[test]
fn an_emergency_call_finds_a_line_on_a_full_trunk() {
    let company = with_limit("main", Quantity::Calls { count: 0 }).with(|company| {
        company.trunks[0].calls_max = Some(0);
    });
    World::new(&company).plays(
        "
           0 dave   > INVITE 112
           0 dave   < 100
           0 main   < INVITE
           4 main   > 200
           4 dave   < 200
           8 dave   > ACK
           8 main   < ACK
          1s dave   > BYE
          1s main   < BYE
          1s ledger < record caller_hung_up
          1s main   > 200
          1s dave   < 200 BYE
        ",
    );
}
