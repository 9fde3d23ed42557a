//! Reads one limit, as in `{ period = "day", money = "50.00" }` or `{ calls = 2 }`, and whose budget it is.

use super::fields::Fields;
use super::values::Choice;
use crate::base::Money;
use crate::policy::PeriodKind;
use crate::policy::document::{BudgetHolder, Limit, Quantity};

const ONE_OF_THREE: &str = "one of money, minutes (both with a period) or calls";

/// `None` after a problem with the limit.
pub(super) fn read_limit(limit: &Fields<'_>) -> Option<Limit> {
    let soft = limit.or("soft", false);
    let period: Option<PeriodKind> = limit.optional("period");
    let money: Option<Money> = limit.optional("money");
    let minutes: Option<u32> = limit.optional("minutes");
    let calls: Option<u32> = limit.optional("calls");
    let quantity = match (money, minutes, calls) {
        (Some(amount), None, None) => Quantity::Money { period: needed(limit, period)?, amount },
        (None, Some(count), None) => Quantity::Minutes { period: needed(limit, period)?, count },
        (None, None, Some(count)) => {
            if period.is_some() {
                limit.blame("period", "has no meaning for calls at once", "no period");
            }
            Quantity::Calls { count }
        }
        (None, None, None) => {
            limit.missing("money", ONE_OF_THREE);
            return None;
        }
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
            limit.blame("money", "is one limit too many here", ONE_OF_THREE);
            return None;
        }
    };
    Some(Limit { quantity, soft })
}

fn needed(limit: &Fields<'_>, period: Option<PeriodKind>) -> Option<PeriodKind> {
    if period.is_none() {
        limit.missing("period", "day, week or month");
    }
    period
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum HolderWord {
    Person,
    Department,
    Trunk,
    Company,
}

/// `None` after a problem with the holder.
pub(super) fn read_holder(budget: &Fields<'_>) -> Option<BudgetHolder> {
    let word: HolderWord = budget.required("holder");
    let name: Option<String> = budget.optional("name");
    if !budget.is_sound("holder") {
        return None;
    }
    if word == HolderWord::Company {
        if name.is_some() {
            budget.blame("name", "has no meaning: there is one company", "no name");
        }
        return Some(BudgetHolder::Company);
    }
    let Some(name) = name else {
        budget.missing("name", &format!("the name of the {}", word.word()));
        return None;
    };
    Some(match word {
        HolderWord::Person => BudgetHolder::Person(name),
        HolderWord::Department => BudgetHolder::Department(name),
        HolderWord::Trunk => BudgetHolder::Trunk(name),
        HolderWord::Company => BudgetHolder::Company,
    })
}

impl Choice for HolderWord {
    const NOUN: &'static str = "a holder of budgets";

    fn all() -> impl Iterator<Item = HolderWord> + Clone {
        [HolderWord::Company, HolderWord::Department, HolderWord::Trunk, HolderWord::Person].into_iter()
    }

    fn word(self) -> &'static str {
        match self {
            HolderWord::Person => "person",
            HolderWord::Department => "department",
            HolderWord::Trunk => "trunk",
            HolderWord::Company => "company",
        }
    }
}

impl Choice for PeriodKind {
    const NOUN: &'static str = "a period";

    fn all() -> impl Iterator<Item = PeriodKind> + Clone {
        [PeriodKind::Day, PeriodKind::Week, PeriodKind::Month].into_iter()
    }

    fn word(self) -> &'static str {
        match self {
            PeriodKind::Day => "day",
            PeriodKind::Week => "week",
            PeriodKind::Month => "month",
        }
    }
}
