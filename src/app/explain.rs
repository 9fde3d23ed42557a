//! `tollgate explain`: would this person get through to this number at this hour, and why (R52). Asks the policy, places no call.

use std::fmt::Write;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;

use super::check;
use super::clock::Clock;
use super::paint::Paint;
use crate::base::PersonId;
use crate::base::number::Dialled;
use crate::config::{self, Loaded};
use crate::policy::{
    Attempt, By, Caller, Check, Decision, Destination, Explanation, Permit, Remedy, Step, Target, explain,
};

/// What is asked.
pub(super) struct Question<'a> {
    /// Key, extension or SIP user.
    pub person: &'a str,
    /// As dialled on this person's phone.
    pub number: &'a str,
    /// `2026-01-31 18:30` in the person's zone, or RFC 3339; now if absent.
    pub at: Option<&'a str>,
    pub by: By,
}

/// Status 0 if the call would be permitted, else 1.
pub(super) fn run(path: &Path, question: &Question<'_>, json: bool) -> ExitCode {
    let loaded = match config::load(path) {
        Ok(loaded) => loaded,
        Err(problems) => {
            check::complain(&problems);
            return ExitCode::FAILURE;
        }
    };
    let Some(person) = find(&loaded, question.person) else {
        eprintln!("tollgate: {:?} is nobody's key, SIP user or extension in people.csv", question.person);
        return ExitCode::FAILURE;
    };
    let zone = loaded.policy.person(person).zone;
    let Some(at) = moment(question.at, zone) else {
        eprintln!("tollgate: --at is written as 2026-01-31 18:30 (in {zone}) or 2026-01-31T18:30:00+01:00");
        return ExitCode::FAILURE;
    };
    let attempt = Attempt {
        caller: Caller::Person(person),
        site: loaded.policy.person(person).site,
        target: Target::Dialled(Dialled::sip(question.number)),
        by: question.by,
        other_party_outside: false,
        caller_number: None,
        at,
    };
    let explanation = explain(&loaded.policy, &attempt);
    match json {
        true => println!("{}", as_json(&loaded, &attempt, &explanation)),
        false => print!("{}", page(&loaded, &attempt, &explanation, zone, Paint::for_stream(&io::stdout()))),
    }
    if explanation.decision.permit().is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn find(loaded: &Loaded, name: &str) -> Option<PersonId> {
    let policy = &loaded.policy;
    let by_extension = || policy.sites().find_map(|(site, _)| policy.person_by_extension(site, name));
    policy.person_by_key(name).or_else(|| policy.person_by_sip_user(name)).or_else(by_extension)
}

fn moment(text: Option<&str>, zone: Tz) -> Option<DateTime<Utc>> {
    let Some(text) = text else { return Some(Clock::start().now().utc) };
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc());
    }
    let forms = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S"];
    let local = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    zone.from_local_datetime(&local).earliest().map(|local| local.to_utc())
}

fn page(loaded: &Loaded, attempt: &Attempt<'_>, explanation: &Explanation, zone: Tz, paint: Paint) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail, here and below.
    let local = attempt.at.with_timezone(&zone);
    let _ = writeln!(page, "{}\n", paint.bold(&format!("{} ({zone})", local.format("%A %Y-%m-%d %H:%M"))));
    for step in &explanation.steps {
        let mark = if step.stopped.is_some() { paint.bad("stops") } else { paint.good("   ok") };
        let rule = if step.rule.is_empty() { String::new() } else { format!("  [{}]", step.rule) };
        let _ = writeln!(page, "  {mark}  {:<10}{}{rule}", check_word(step.check), step.finding);
    }
    let _ = writeln!(page);
    match &explanation.decision {
        Decision::Permitted(permit) => {
            let _ = writeln!(page, "{}  by {}", paint.good("permitted"), permit.origin());
            let _ = writeln!(page, "  {:<10}{}", "class", permit.class());
            let _ = writeln!(page, "  {:<10}{}", "price", price(loaded, attempt, permit));
        }
        Decision::Refused(refusal) => {
            let language = loaded.policy.site(attempt.site).language;
            let (status, reason) = (refusal.reason().status(), refusal.reason());
            let sentence = refusal.sentence(language);
            let _ = writeln!(page, "{}  {status} {reason}: {sentence}", paint.bad("refused"));
        }
    }
    for remedy in &explanation.remedies {
        let words = match remedy {
            Remedy::Wait(until) => format!("the same call from {}", until.format("%A %Y-%m-%d %H:%M")),
            Remedy::Role(role) => format!("the role {role}"),
        };
        let _ = writeln!(page, "  would go   with {words}");
    }
    page
}

fn price(loaded: &Loaded, attempt: &Attempt<'_>, permit: &Permit) -> String {
    let number = match permit.destination() {
        Destination::Number(number) => number,
        Destination::Emergency(_) | Destination::Internal(_) | Destination::Feature(_) => {
            return "free".into();
        }
        Destination::NoSuchExtension(_) | Destination::Unknown(_) => return "none".into(),
    };
    let currency = &loaded.settings.money.currency;
    match loaded.tariff.price(&number, attempt.at) {
        None => "none in the tariff: the gate would refuse for that".into(),
        Some(price) => {
            let (first, next) = (price.first_increment, price.next_increment);
            format!(
                "{} {currency} a minute, {} to connect, sold by {first}/{next} s",
                price.per_minute, price.connect
            )
        }
    }
}

fn check_word(check: Check) -> &'static str {
    match check {
        Check::Number => "number",
        Check::Emergency => "emergency",
        Check::Lock => "lock",
        Check::Guard => "guard",
        Check::Permit => "permit",
        Check::Verdict => "verdict",
    }
}

fn as_json(loaded: &Loaded, attempt: &Attempt<'_>, explanation: &Explanation) -> serde_json::Value {
    let step = |step: &Step| {
        serde_json::json!({
            "check": check_word(step.check),
            "stopped": step.stopped.map(|reason| reason.code()),
            "rule": step.rule,
            "finding": step.finding,
        })
    };
    let remedy = |remedy: &Remedy| match remedy {
        Remedy::Wait(until) => serde_json::json!({ "wait": until.to_rfc3339() }),
        Remedy::Role(role) => serde_json::json!({ "role": &**role }),
    };
    let verdict = match &explanation.decision {
        Decision::Permitted(permit) => serde_json::json!({
            "verdict": "permitted",
            "class": permit.class().code(),
            "origin": permit.origin().to_string(),
            "price": price(loaded, attempt, permit),
        }),
        Decision::Refused(refusal) => serde_json::json!({
            "verdict": "refused",
            "reason": refusal.reason().code(),
            "status": refusal.reason().status(),
            "sentence": refusal.sentence(loaded.policy.site(attempt.site).language),
        }),
    };
    serde_json::json!({
        "at": attempt.at.to_rfc3339(),
        "policy_version": loaded.policy.version(),
        "steps": explanation.steps.iter().map(step).collect::<Vec<_>>(),
        "decision": verdict,
        "remedies": explanation.remedies.iter().map(remedy).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_read_in_the_zone_of_the_person() {
        let berlin = chrono_tz::Europe::Berlin;
        let expected = Utc.with_ymd_and_hms(2026, 1, 31, 17, 30, 0).single();
        for text in
            ["2026-01-31 18:30", "2026-01-31T18:30", "2026-01-31T18:30:00+01:00", "2026-01-31T17:30:00Z"]
        {
            assert_eq!(moment(Some(text), berlin), expected, "{text}");
        }
        assert_eq!(moment(Some("tomorrow"), berlin), None);
    }
}
