//! Which budgets have come to a level worth a notice: 50, 80 and 100 % of a hard one, the whole of a soft one (R101). Told once for each
//! budget, limit and period; a restart forgets that, so whoever keeps notices looks at their keys.

use std::collections::HashMap;

use chrono::{Days, NaiveDate};

use super::{
    Account, AccountPeriod, Amount, Balance, Book, BudgetLine, Exhausted, Limit, PeriodKey, Strictness,
};

/// In percent, rising.
pub const LEVELS: [u8; 3] = [50, 80, 100];

/// A period is over everywhere on Earth two days after its last local day: zones lie within 14 hours of UTC.
const DAYS_TO_SURE_END: Days = Days::new(2);

/// A budget that has come to a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub account: Account,
    pub period: PeriodKey,
    pub limit: Limit,
    pub strictness: Strictness,
    /// Percent.
    pub level: u8,
    /// At the time: what is settled, and what is set aside for calls in progress.
    pub balance: Balance,
}

/// What has been told so far.
#[derive(Clone, Debug, Default)]
pub struct Thresholds {
    told: HashMap<(AccountPeriod, Limit, Strictness), u8, ahash::RandomState>,
    swept: NaiveDate,
}

impl Thresholds {
    /// The levels that these budgets have come to and that were not told yet, the lower first.
    pub fn look(&mut self, book: &Book, lines: &[BudgetLine], marks: &mut Vec<Mark>) {
        for line in lines {
            // Most budgets are far from any level, most of the time: one look-up and a multiplication.
            let balance = book.balance(&line.place());
            let levels = levels(line.strictness());
            if is_at(line.limit(), balance.used(), levels[0]) {
                let reached =
                    levels.iter().copied().filter(|level| is_at(line.limit(), balance.used(), *level));
                self.tell(line, balance, reached, marks);
            }
        }
    }

    /// A call got no more of this budget, though what is left of it may be more than nothing: it is at its end.
    pub fn exhausted(&mut self, book: &Book, exhausted: &Exhausted, marks: &mut Vec<Mark>) {
        let Exhausted { account, period, limit, .. } = exhausted;
        let line = BudgetLine::hard(account.clone(), *period, *limit);
        let balance = book.balance(&line.place());
        self.tell(&line, balance, LEVELS.into_iter(), marks);
    }

    /// Drops what was told about periods that are over everywhere on Earth by `today` (UTC).
    pub fn forget_ended(&mut self, today: NaiveDate) {
        if today > self.swept {
            self.swept = today;
            self.told.retain(|(place, _, _), _| place.period.end_date() + DAYS_TO_SURE_END > today);
        }
    }

    fn tell(
        &mut self,
        line: &BudgetLine,
        balance: Balance,
        reached: impl Iterator<Item = u8>,
        marks: &mut Vec<Mark>,
    ) {
        let told = self.told.entry((line.place(), line.limit(), line.strictness())).or_default();
        for level in reached.filter(|level| level > told).collect::<smallvec::SmallVec<[u8; 3]>>() {
            *told = level;
            let (account, period) = (line.account.clone(), line.period());
            let (limit, strictness) = (line.limit(), line.strictness());
            marks.push(Mark { account, period, limit, strictness, level, balance });
        }
    }
}

fn levels(strictness: Strictness) -> &'static [u8] {
    match strictness {
        Strictness::Hard => &LEVELS,
        Strictness::Soft => &LEVELS[2..],
    }
}

/// Whether `used` is so much of the limit, in percent, or more. A limit of nothing is never come to: it is where it always was.
fn is_at(limit: Limit, used: Amount, level: u8) -> bool {
    let (used, limit) = match limit {
        Limit::Money(limit) => (i128::from(used.money.as_micros()), i128::from(limit.as_micros())),
        Limit::Seconds(limit) => (i128::from(used.seconds), i128::from(limit)),
    };
    limit > 0 && used * 100 >= limit * i128::from(level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Money;
    use crate::ledger::PeriodKind;

    fn day(limit: i64) -> BudgetLine {
        let period = PeriodKey { kind: PeriodKind::Day, start: NaiveDate::default() };
        BudgetLine::hard(Account::Company, period, Limit::Money(Money::from_micros(limit)))
    }

    fn spent(line: &BudgetLine, micros: i64) -> Book {
        let mut book = Book::default();
        let settled = Amount::of_money(Money::from_micros(micros));
        book.restore_balance(line.place(), Balance { settled, reserved: Amount::ZERO });
        book
    }

    fn told(thresholds: &mut Thresholds, line: &BudgetLine, micros: i64) -> Vec<u8> {
        let mut marks = Vec::new();
        thresholds.look(&spent(line, micros), std::slice::from_ref(line), &mut marks);
        marks.iter().map(|mark| mark.level).collect()
    }

    #[test]
    fn each_level_is_told_once_to_the_millionth() {
        let (mut thresholds, line) = (Thresholds::default(), day(1_000));
        let none: Vec<u8> = Vec::new();
        assert_eq!(told(&mut thresholds, &line, 499), none);
        assert_eq!(told(&mut thresholds, &line, 500), [50]);
        assert_eq!(told(&mut thresholds, &line, 799), none);
        assert_eq!(told(&mut thresholds, &line, 1_000), [80, 100]);
        // Money that was set aside and given back does not make it news again.
        assert_eq!(told(&mut thresholds, &line, 10), none);
        assert_eq!(told(&mut thresholds, &line, 1_000), none);
    }

    #[test]
    fn another_limit_or_period_is_another_budget() {
        let (mut thresholds, line) = (Thresholds::default(), day(1_000));
        assert_eq!(told(&mut thresholds, &line, 600), [50]);
        assert_eq!(told(&mut thresholds, &day(700), 600), [50, 80]);
        let period = PeriodKey { start: line.period().end_date(), ..line.period() };
        let tomorrow = BudgetLine::hard(line.account.clone(), period, line.limit());
        assert_eq!(told(&mut thresholds, &tomorrow, 600), [50]);
    }

    #[test]
    fn a_soft_limit_is_told_when_it_is_reached() {
        let mut thresholds = Thresholds::default();
        let hard = day(1_000);
        let soft = BudgetLine::soft(hard.account.clone(), hard.period(), hard.limit());
        assert_eq!(told(&mut thresholds, &soft, 900), Vec::<u8>::new());
        assert_eq!(told(&mut thresholds, &soft, 1_100), [100]);
    }

    #[test]
    fn a_budget_with_a_rest_that_buys_nothing_is_at_its_end() {
        let (mut thresholds, line) = (Thresholds::default(), day(1_000));
        let book = spent(&line, 600);
        let left = Limit::Money(Money::from_micros(400));
        let (account, period, limit) = (line.account.clone(), line.period(), line.limit());
        let exhausted = Exhausted { index: 0, account, period, limit, left };
        let mut marks = Vec::new();
        for _ in 0..2 {
            thresholds.exhausted(&book, &exhausted, &mut marks);
        }
        assert_eq!(marks.iter().map(|mark| mark.level).collect::<Vec<_>>(), LEVELS);
    }

    #[test]
    fn a_budget_of_nothing_comes_to_no_level() {
        let mut thresholds = Thresholds::default();
        assert_eq!(told(&mut thresholds, &day(0), 0), Vec::<u8>::new());
    }
}
