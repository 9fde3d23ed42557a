//! Commands drawn by lot, also out of order and repeated: the book and the store agree after every step, through restarts,
//! and no limit is ever exceeded (R65).

use tollgate::base::{Money, Random};
use tollgate::ledger::{AccountPeriod, Amount, Balance, BudgetLine, Command, Limit, Reply, Strictness};

use super::words::*;

/// The budgets of this small company; limits do not change, so every balance can be held against them at every instant.
pub fn company() -> Vec<BudgetLine> {
    let minutes = Limit::Seconds(900);
    vec![
        alice("7.50"),
        BudgetLine::hard(person("alice"), day("2026-11-23"), minutes),
        BudgetLine::hard(person("bob"), day("2026-11-23"), paid("4")),
        BudgetLine::hard(person("alice"), day("2026-11-24"), paid("7.50")),
        BudgetLine::hard(person("bob"), day("2026-11-24"), paid("4")),
        sales("12.25"),
        BudgetLine::soft(department("sales"), month("2026-11-01"), paid("2")),
    ]
}

/// Every budget of some of the company's accounts: whoever is charged there is held to all its limits.
fn any_budgets(random: &mut Random) -> Vec<BudgetLine> {
    let all = company();
    let chosen: Vec<_> = all.iter().map(BudgetLine::place).filter(|_| random.one_in(3)).collect();
    all.into_iter().filter(|line| chosen.contains(&line.place())).collect()
}

fn any_amount(random: &mut Random) -> Amount {
    let micros = match random.below(8) {
        0 => 0,
        1 => 5_000_000,
        _ => random.below(1_500_000),
    };
    Amount::new(Money::from_micros(micros as i64), random.below(120))
}

fn text(amount: Amount) -> String {
    format!("{} {}", amount.money, amount.seconds)
}

/// One command about one of a few calls, so that most ids have a past.
pub fn any_command(random: &mut Random) -> Command {
    let call = 1 + random.below(40);
    let wanted = text(any_amount(random));
    match random.below(10) {
        0..=3 => reserve(call, &wanted, &any_budgets(random)),
        4 | 5 => {
            let charged = if random.one_in(3) { any_amount(random) } else { Amount::ZERO };
            extend(call, &text(charged), &wanted, &any_budgets(random))
        }
        6 | 7 => settle(call, &wanted),
        8 if random.one_in(2) => expire(call),
        8 => release(call),
        _ if random.one_in(2) => answer(call),
        _ => Command::Record(opening(call + 1_000)),
    }
}

/// Settled and reserved together never exceed a hard limit.
pub fn assert_within_limits(balances: &[(AccountPeriod, Balance)]) {
    for line in company().iter().filter(|line| line.strictness() == Strictness::Hard) {
        let place = AccountPeriod { account: line.account.clone(), period: line.period() };
        for (_, balance) in balances.iter().filter(|(other, _)| *other == place) {
            assert!(
                line.limit().covers(balance.used()),
                "{} {}: {}",
                line.account,
                line.period(),
                balance.used()
            );
        }
    }
}

/// What the replies promised, added up by themselves: what all calls were charged.
fn charged(replies: &[Reply]) -> Money {
    let first_time = |reply: &Reply| match reply {
        Reply::Settled { charged, duplicate: false, .. }
        | Reply::Released { charged, duplicate: false, .. } => charged.money,
        _ => Money::ZERO,
    };
    replies.iter().map(first_time).sum()
}

#[test]
fn book_and_store_agree_after_every_step() {
    for seed in 0..12 {
        let mut random = Random::from_number(seed);
        let (mut book, mut store) = (Subject::memory(), Subject::sqlite());
        let mut promised = Money::ZERO;
        for step in 0..100 {
            let count = if random.one_in(4) { 1 + random.below(12) } else { 1 };
            let batch: Vec<Command> = (0..count).map(|_| any_command(&mut random)).collect();
            let replies = store.batch(&batch);
            assert_eq!(replies, book.batch(&batch), "seed {seed}, step {step}");
            promised += charged(&replies);
            let balances = store.balances();
            assert_eq!(balances, book.balances(), "seed {seed}, step {step}");
            assert_within_limits(&balances);
            if random.one_in(15) {
                store.restart();
            }
        }
        assert_eq!(store.differences(), [], "seed {seed}");
        let records = store.records(&Default::default());
        assert_eq!(records, book.records(&Default::default()), "seed {seed}");
        let recorded: Money = records.iter().map(|record| record.cost).sum();
        assert_eq!(recorded, promised, "seed {seed}");
    }
}
