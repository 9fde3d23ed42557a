//! Whether an amount fits into its budgets: R65 before a step is made, and what is left beyond it.

use crate::base::Money;

use super::{Amount, Book, BudgetLine, Exhausted, Strictness};

/// How an amount fits into its budgets.
pub(super) struct Fit {
    /// A soft limit is exceeded.
    pub warned: bool,
    /// What every hard one allows beyond.
    pub left: Amount,
}

impl Default for Fit {
    fn default() -> Fit {
        Fit { warned: false, left: Amount::new(Money::MAX, u64::MAX) }
    }
}

impl Fit {
    fn look(&mut self, line: &BudgetLine, wanted: Amount) {
        if line.strictness() == Strictness::Hard {
            self.left = self.left.min(line.limit().left(wanted).as_bound());
        }
    }
}

impl Book {
    /// Whether every hard line that would be strained has room for what `after` makes of what is used; then, whether a soft
    /// one is exceeded. A lowered limit may already be overdrawn: that refuses only those who want more of the same.
    pub(super) fn fit(
        &self,
        lines: &[BudgetLine],
        after: impl Fn(&BudgetLine, Amount) -> Amount,
    ) -> Result<Fit, Exhausted> {
        let mut fit = Fit::default();
        for (index, line) in lines.iter().enumerate() {
            let used = self.used(line);
            let wanted = after(line, used);
            fit.look(line, wanted);
            if line.limit().covers(wanted) || !line.limit().is_strained(used, wanted) {
                continue;
            }
            match line.strictness() {
                Strictness::Soft => fit.warned = true,
                Strictness::Hard => {
                    let left = line.limit().left(used);
                    let (account, period, limit) = (line.account.clone(), line.period(), line.limit());
                    return Err(Exhausted { index, account, period, limit, left });
                }
            }
        }
        Ok(fit)
    }

    /// Whether every hard line has room for all of `held` beside what `others` have used there, whatever it was before; then,
    /// whether a soft one is exceeded.
    pub(super) fn fit_whole(
        &self,
        lines: &[BudgetLine],
        held: Amount,
        others: impl Fn(&BudgetLine, Amount) -> Amount,
    ) -> Result<Fit, Exhausted> {
        let mut fit = Fit::default();
        for (index, line) in lines.iter().enumerate() {
            let others = others(line, self.used(line));
            fit.look(line, others + held);
            match (line.limit().covers(others + held), line.strictness()) {
                (true, _) => {}
                (false, Strictness::Soft) => fit.warned = true,
                (false, Strictness::Hard) => {
                    let left = line.limit().left(others);
                    let (account, period, limit) = (line.account.clone(), line.period(), line.limit());
                    return Err(Exhausted { index, account, period, limit, left });
                }
            }
        }
        Ok(fit)
    }

    /// What every hard line still allows beyond all that is used.
    pub(super) fn room(&self, lines: &[BudgetLine]) -> Amount {
        let hard = lines.iter().filter(|line| line.strictness() == Strictness::Hard);
        hard.map(|line| line.limit().left(self.used(line)).as_bound())
            .fold(Amount::new(Money::MAX, u64::MAX), Amount::min)
    }
}
