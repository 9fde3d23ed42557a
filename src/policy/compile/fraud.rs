//! The limits beyond which somebody looks like a thief of calls.

use super::Draft;
use super::roles::hours;
use crate::base::Money;
use crate::policy::document::FraudRule;
use crate::policy::fraud::FraudLimits;
use crate::policy::snapshot::ClassSet;

pub(super) fn compile(rule: &FraudRule, draft: &mut Draft) -> FraudLimits {
    let limit = |count: u32| (count > 0).then_some(count);
    let text = rule.working_hours.trim();
    let working_hours =
        if text.is_empty() { None } else { hours(text, "fraud.working_hours".to_owned(), draft) };
    FraudLimits {
        classes: ClassSet::of(&rule.classes),
        window: rule.window,
        attempts: limit(rule.attempts),
        numbers: limit(rule.numbers),
        short_calls: limit(rule.short_calls),
        calls_at_once: limit(rule.calls_at_once),
        spellings: limit(rule.spellings),
        neighbours: limit(rule.neighbours),
        short: rule.short,
        expensive: (rule.expensive > Money::ZERO).then_some(rule.expensive),
        working_hours,
        lock: rule.lock,
    }
}
