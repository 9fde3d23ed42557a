//! A verdict on paper: every check in order, what money says, and what would let the call through (R52).

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::grid::{Grid, Tone};
use super::paint::Paint;
use super::snapshot::limits;
use super::spending::{self, Ledger, Spending};
use crate::config::{self, Loaded};
use crate::gate::{Bound, Intended, Means, foresee};
use crate::policy::{
    Attempt, BudgetLimit, Check, ConcurrencyLimit, Decision, Explanation, Holder, Language, Permit, Refusal,
    Remedy, Step, TrunkChoice, explain,
};
use crate::store::StoreError;

/// What the rules and the ledger say to one attempt.
pub(super) struct Explained<'a> {
    loaded: &'a Loaded,
    attempt: Attempt<'a>,
    pub explanation: Explanation,
    spendings: Vec<Spending>,
    /// What the ledger says to a call that the rules permit.
    money: Option<Result<Means, Box<Refusal>>>,
    /// Whose budget would pay, beside the caller's.
    trunk: Option<String>,
    has_ledger: bool,
}

impl<'a> Explained<'a> {
    /// # Errors
    /// The ledger cannot be read.
    pub fn of(
        loaded: &'a Loaded,
        attempt: &Attempt<'a>,
        ledger: &mut Ledger<'_>,
    ) -> Result<Explained<'a>, StoreError> {
        let explanation = explain(&loaded.policy, attempt);
        let permit = explanation.decision.permit();
        let trunks: Vec<&str> = permit.map(|permit| ways(loaded, permit)).unwrap_or_default();
        let of_trunk =
            |name: &&str| loaded.policy.trunk_limits(name).map_or(&[][..], |limits| &limits.budgets);
        let of_trunks: Vec<&[BudgetLimit]> = trunks.iter().map(of_trunk).collect();
        ledger.bring(of_trunks.iter().copied().flatten(), attempt.at)?;
        let mut budgets: Vec<BudgetLimit> = permit.map_or(&[][..], Permit::budgets).to_vec();
        ledger.bring(&budgets, attempt.at)?;
        let money = permit.map(|permit| {
            let limits = limits(&loaded.settings);
            let call = Intended { permit, trunks: &of_trunks, limits: &limits, at: attempt.at };
            foresee(&mut ledger.book, &loaded.tariff, &call)
        });
        let trunk = money.as_ref().and_then(|money| money.as_ref().ok()).and_then(|means| means.trunk);
        budgets.extend(trunk.map_or(&[][..], |at| of_trunks[at]).iter().cloned());
        let spendings = Spending::of(&budgets, ledger, attempt.at)?;
        let trunk = trunk.map(|at| trunks[at].to_owned());
        let has_ledger = ledger.exists();
        Ok(Explained { loaded, attempt: *attempt, explanation, spendings, money, trunk, has_ledger })
    }

    /// By the rules, or by money; `None` if the call would go through.
    pub fn refusal(&self) -> Option<&Refusal> {
        let by_money = match &self.money {
            Some(Err(refusal)) => Some(&**refusal),
            Some(Ok(_)) | None => None,
        };
        self.explanation.decision.refusal().or(by_money)
    }

    pub fn page(&self, paint: Paint) -> String {
        let mut page = self.steps(paint);
        page.push('\n');
        // Writing to a String cannot fail, here and below.
        match self.refusal() {
            Some(refusal) => {
                let (status, reason) = (refusal.reason().status(), refusal.reason());
                let sentence = refusal.sentence(Language::En);
                let _ = writeln!(page, "{}  {status} {reason}: {sentence}", paint.bad("refused"));
                let shown = self.shown(refusal);
                if shown != sentence {
                    let _ = writeln!(page, "         the phone shows: {shown}");
                }
            }
            None => {
                let origin = self.explanation.decision.permit().map(|permit| permit.origin().to_string());
                let _ = writeln!(page, "{}  by {}", paint.good("permitted"), origin.unwrap_or_default());
            }
        }
        page.push_str(&self.facts(paint));
        page.push_str(&self.budgets(paint));
        page.push_str(&self.ways_through(paint));
        page
    }

    fn steps(&self, paint: Paint) -> String {
        let mut grid = Grid::new(&[">", "", "", ""], paint);
        // The last step repeats the verdict, which stands below for itself.
        for step in self.explanation.steps.iter().filter(|step| step.check != Check::Verdict) {
            let (mark, tone) = match step.stopped {
                Some(_) => ("stops", Tone::Bad),
                None => ("ok", Tone::Good),
            };
            grid.toned_row(tone, 0, [mark, check_word(step.check), &in_words(step), &step.rule]);
        }
        if let Some(Err(refusal)) = &self.money {
            let words = format!("{}: {}", refusal.reason(), refusal.sentence(Language::En));
            grid.toned_row(Tone::Bad, 0, ["stops", "money", &words, ""]);
        } else if let Some(Ok(_)) = &self.money {
            grid.toned_row(Tone::Good, 0, ["ok", "money", "every budget has room", ""]);
        }
        grid.text()
    }

    fn facts(&self, paint: Paint) -> String {
        let mut grid = Grid::new(&["", ""], paint);
        if let Decision::Permitted(permit) = &self.explanation.decision {
            let country = permit.country().map(|country| format!(", {country}")).unwrap_or_default();
            grid.row(["class".to_owned(), format!("{}{country}", permit.class())]);
            for limit in permit.concurrency() {
                grid.row(["at once".to_owned(), at_once(limit)]);
            }
        }
        if let Some(Ok(means)) = &self.money {
            grid.row(["price".to_owned(), self.price(means)]);
            if means.price.is_some() {
                let (cost, seconds) = (means.first.cost, means.first.seconds);
                let currency = &self.loaded.settings.money.currency;
                grid.row([
                    "reserves".to_owned(),
                    format!("{cost} {currency} before it rings, for {seconds} s"),
                ]);
            }
            if let Some(trunk) = &self.trunk {
                grid.row(["first trunk".to_owned(), trunk.clone()]);
            }
            let longest = match means.bound {
                Bound::Nothing => "as long as it takes".to_owned(),
                Bound::Permit | Bound::House | Bound::Hours | Bound::Budget(_) => {
                    format!("at most {}, {}", lasting(means.longest), self.bound(means))
                }
            };
            grid.row(["lasts".to_owned(), longest]);
        }
        grid.text()
    }

    fn price(&self, means: &Means) -> String {
        let Some(price) = &means.price else { return "free".into() };
        let currency = &self.loaded.settings.money.currency;
        let (first, next) = (price.first_increment, price.next_increment);
        let (per_minute, connect) = (price.per_minute, price.connect);
        let (prefix, from) = (&price.prefix, price.valid_from);
        format!(
            "{per_minute} {currency} a minute, {connect} to connect, sold by {first}/{next} s (prefix {prefix}, since {from})"
        )
    }

    fn bound(&self, means: &Means) -> String {
        match &means.bound {
            Bound::Nothing => "as nobody ends an emergency call".into(),
            Bound::Permit => "as the permit says".into(),
            Bound::House => "as the settings say for every call".into(),
            Bound::Hours => "when the permitted hours end".into(),
            Bound::Budget(line) => {
                let limit = spending::with_unit(line.limit(), &self.loaded.settings.money.currency);
                format!("then {} has spent its {limit} a {}", line.account, line.period().kind.as_str())
            }
        }
    }

    fn budgets(&self, paint: Paint) -> String {
        if self.spendings.is_empty() {
            return String::new();
        }
        let table = spending::table(&self.spendings, &self.loaded.settings.money.currency, paint);
        let note = "  There is no ledger yet; it is as if nothing were spent.\n";
        format!("\n{table}{}", if self.has_ledger { "" } else { note })
    }

    fn ways_through(&self, paint: Paint) -> String {
        let mut grid = Grid::new(&["", ""], paint);
        let reset = self.money.as_ref().and_then(|money| money.as_ref().err()).and_then(|no| no.ends());
        if let Some(end) = reset {
            let words = format!("from {}, when the budget begins anew", end.format("%A %Y-%m-%d %H:%M"));
            grid.toned_row(Tone::Good, 0, ["would go".to_owned(), words]);
        }
        for remedy in &self.explanation.remedies {
            let words = match remedy {
                Remedy::Wait(until) => format!("from {}", until.format("%A %Y-%m-%d %H:%M")),
                Remedy::Role(role) => format!("with the role {role}"),
            };
            grid.toned_row(Tone::Good, 0, ["would go".to_owned(), words]);
        }
        if grid.is_empty() { String::new() } else { format!("\n{}", grid.text()) }
    }

    /// In the language of the site.
    fn shown(&self, refusal: &Refusal) -> String {
        refusal.sentence(self.loaded.policy.site(self.attempt.site).language)
    }

    pub fn as_json(&self) -> Value {
        let steps: Vec<Value> = self.explanation.steps.iter().map(step_as_json).collect();
        let mut remedies: Vec<Value> = self.explanation.remedies.iter().map(remedy_as_json).collect();
        if let Some(Err(refusal)) = &self.money {
            remedies.extend(refusal.ends().map(|end| json!({ "wait": end.to_rfc3339() })));
        }
        let decision = match (self.refusal(), self.explanation.decision.permit()) {
            (Some(refusal), _) => json!({
                "verdict": "refused",
                "reason": refusal.reason().code(),
                "status": refusal.reason().status(),
                "class": refusal.class().map(|class| class.code()),
                "rule": refusal.rule(),
                "sentence": refusal.sentence(Language::En),
                "shown": self.shown(refusal),
            }),
            (None, permit) => json!({
                "verdict": "permitted",
                "class": permit.map(|permit| permit.class().code()),
                "origin": permit.map(|permit| permit.origin().to_string()),
            }),
        };
        json!({
            "at": self.attempt.at.to_rfc3339(),
            "policy_version": self.loaded.policy.version(),
            "steps": steps,
            "decision": decision,
            "money": self.money.as_ref().and_then(|money| money.as_ref().ok()).map(|means| self.means_as_json(means)),
            "budgets": self.spendings.iter().map(Spending::as_json).collect::<Vec<_>>(),
            "remedies": remedies,
        })
    }

    fn means_as_json(&self, means: &Means) -> Value {
        let price = means.price.as_ref().map(|price| {
            json!({
                "prefix": price.prefix,
                "valid_from": price.valid_from.to_string(),
                "per_minute": price.per_minute.to_string(),
                "connect": price.connect.to_string(),
                "first_increment_s": price.first_increment,
                "next_increment_s": price.next_increment,
            })
        });
        let bound = match &means.bound {
            Bound::Nothing => "nothing".to_owned(),
            Bound::Permit => "permit".to_owned(),
            Bound::House => "settings".to_owned(),
            Bound::Hours => "hours".to_owned(),
            Bound::Budget(line) => format!("{}, {}", line.account, line.period().kind.as_str()),
        };
        json!({
            "currency": self.loaded.settings.money.currency,
            "price": price,
            "reserved": means.first.cost.to_string(),
            "reserved_s": means.first.seconds,
            "trunk": self.trunk,
            "longest_s": (means.bound != Bound::Nothing).then_some(means.longest.as_secs()),
            "bound": bound,
        })
    }
}

/// The trunks that the call may take, in the order in which they are tried; those of one priority take turns.
fn ways<'l>(loaded: &'l Loaded, permit: &'l Permit) -> Vec<&'l str> {
    if !permit.priced() {
        return Vec::new();
    }
    match permit.trunks() {
        TrunkChoice::Named(names) => names.iter().map(|name| &**name).collect(),
        TrunkChoice::Any => {
            let mut trunks: Vec<&config::Trunk> = loaded.settings.trunks.iter().collect();
            trunks.sort_by_key(|trunk| trunk.priority);
            trunks.into_iter().map(|trunk| trunk.name.as_str()).collect()
        }
    }
}

/// A bare code gets its sentence.
fn in_words(step: &Step) -> String {
    match step.stopped.filter(|reason| step.finding.starts_with(reason.code())) {
        Some(reason) => {
            let rest = step.finding.strip_prefix(reason.code()).unwrap_or_default();
            format!("{reason}: {}{rest}", Refusal::of(reason).sentence(Language::En))
        }
        None => step.finding.clone(),
    }
}

fn step_as_json(step: &Step) -> Value {
    json!({
        "check": check_word(step.check),
        "stopped": step.stopped.map(|reason| reason.code()),
        "rule": step.rule,
        "finding": step.finding,
    })
}

fn remedy_as_json(remedy: &Remedy) -> Value {
    match remedy {
        Remedy::Wait(until) => json!({ "wait": until.to_rfc3339() }),
        Remedy::Role(role) => json!({ "role": &**role }),
    }
}

pub(super) fn at_once(limit: &ConcurrencyLimit) -> String {
    let soft = if limit.soft { ", notice only" } else { "" };
    let count = limit.count;
    format!("{count} for {}, from {}{soft}", holder(&limit.holder), limit.origin)
}

fn holder(holder: &Holder) -> String {
    match holder {
        Holder::Person(name) => format!("person {name}"),
        Holder::Department(name) => format!("department {name}"),
        Holder::Trunk(name) => format!("trunk {name}"),
        Holder::Company => "the company".into(),
    }
}

pub(super) fn check_word(check: Check) -> &'static str {
    match check {
        Check::Number => "number",
        Check::Emergency => "emergency",
        Check::Lock => "lock",
        Check::Guard => "guard",
        Check::Permit => "permit",
        Check::Verdict => "verdict",
    }
}

/// `1 h 5 min`, `59 s`: nothing that is zero, but for nothing at all.
pub(super) fn lasting(span: Duration) -> String {
    let seconds = span.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let words: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}")).collect();
    if words.is_empty() { "0 s".into() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_as_people_say_them() {
        for (seconds, words) in [(0, "0 s"), (59, "59 s"), (90, "1 min 30 s"), (3900, "1 h 5 min")] {
            assert_eq!(lasting(Duration::from_secs(seconds)), words);
        }
    }
}
