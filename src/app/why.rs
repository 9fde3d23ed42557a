//! `tollgate why`: what became of one call, and why: its stored record, and the same facts put to the rules once more (R52).

use std::fmt::Write;
use std::io;
use std::path::Path;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::ask::{self, AskError};
use super::explanation::{Explained, lasting};
use super::grid::{Grid, Tone};
use super::paint::Paint;
use super::spending::Ledger;
use crate::base::number::{Dialled, Scheme};
use crate::base::{DecisionId, PersonId, SiteId};
use crate::config::Loaded;
use crate::ledger::CallRecord;
use crate::policy::{Attempt, By, Caller, Decision, Language, Policy, Reason, Refusal, Target, explain};
use crate::store::Reports;

/// False if no call has this id.
pub(super) fn run(path: &Path, id: &str, json: bool) -> Result<bool, AskError> {
    let decision: DecisionId =
        id.trim().to_uppercase().parse().map_err(|fault| AskError::Id(id.to_owned(), fault))?;
    let loaded = ask::load(path)?;
    let ledger = ask::open(&loaded.settings.store.path)?;
    let Some(record) = ledger.record(decision)? else {
        eprintln!("tollgate: no call has the id {decision} in {}", loaded.settings.store.path.display());
        return Ok(false);
    };
    let again = Again::of(&loaded.policy, &record);
    let explained = match &again {
        Ok(again) => Some(Explained::of(&loaded, &again.attempt(&record), &mut Ledger::of(Some(&ledger)))?),
        Err(_) => None,
    };
    if json {
        println!("{}", as_json(&loaded, &record, &again, explained.as_ref()));
    } else {
        let paint = Paint::for_stream(&io::stdout());
        print!("{}", facts(&loaded, &record, paint));
        print!("{}", what_now(&loaded, &record, &again, explained.as_ref(), paint));
    }
    Ok(true)
}

/// The facts of a stored call in the words of the policy in force.
struct Again {
    caller: Caller,
    site: SiteId,
    /// Not stored; the way whose verdict is the stored one.
    by: By,
}

/// Why the facts cannot be put to this policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Gone {
    #[error("the caller is no longer in people.csv")]
    Person,
    #[error("the site is no longer in the settings")]
    Site,
}

impl Again {
    fn of(policy: &Policy, record: &CallRecord) -> Result<Again, Gone> {
        let site = record.site.as_deref().and_then(|name| policy.site_by_name(name)).ok_or(Gone::Site)?;
        let caller = match record.person.as_deref() {
            Some(key) => Caller::Person(policy.person_by_key(key).ok_or(Gone::Person)?),
            None if reason(record) == Some(Reason::UnknownCaller) => Caller::Unknown,
            None => Caller::Outside,
        };
        let mut again = Again { caller, site, by: By::Dial };
        let ways = [By::Dial, By::Forward, By::Transfer];
        let as_stored = |by: &By| {
            again.by = *by;
            agrees(&explain(policy, &again.attempt(record)).decision, record)
        };
        again.by = ways.into_iter().find(as_stored).unwrap_or(By::Dial);
        Ok(again)
    }

    fn attempt<'a>(&self, record: &'a CallRecord) -> Attempt<'a> {
        let scheme = if record.raw.starts_with("service:") { Scheme::Urn } else { Scheme::Sip };
        Attempt {
            caller: self.caller,
            site: self.site,
            target: Target::Dialled(Dialled { scheme, ..Dialled::sip(&record.raw) }),
            by: self.by,
            other_party_outside: false,
            caller_number: None,
            at: record.start,
        }
    }
}

/// Which part of the gate gave a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Who calls, and what kind of address: before the rules.
    Identity,
    Rules,
    /// Price, budgets, calls at once, the ledger: after the rules.
    Money,
}

fn stage(reason: Reason) -> Stage {
    match reason {
        Reason::UnknownCaller
        | Reason::IdentityMismatch
        | Reason::UntrustedPeer
        | Reason::NoForwarder
        | Reason::SuspectAddress => Stage::Identity,
        Reason::OutsideToOutside
        | Reason::UnknownNumber
        | Reason::NoSuchExtension
        | Reason::FraudLock
        | Reason::ForbiddenDestination
        | Reason::IncomingOnly
        | Reason::InternalOnly
        | Reason::NotByForward
        | Reason::NotByTransfer
        | Reason::NotPermitted
        | Reason::CountryNotPermitted
        | Reason::NotOnList
        | Reason::NotAContact
        | Reason::NotOwnContact
        | Reason::ContactsUnavailable
        | Reason::OutsideHours
        | Reason::Holiday => Stage::Rules,
        Reason::NoTariff
        | Reason::DailySpend
        | Reason::WeeklySpend
        | Reason::MonthlySpend
        | Reason::TalkTime
        | Reason::TooLittleLeft
        | Reason::ConcurrentCalls
        | Reason::LedgerUnavailable => Stage::Money,
    }
}

fn reason(record: &CallRecord) -> Option<Reason> {
    record.reason.as_deref().and_then(Reason::from_code)
}

/// Whether the rules say to this decision what they said to the stored call.
fn agrees(decision: &Decision, record: &CallRecord) -> bool {
    match (decision, reason(record)) {
        (Decision::Permitted(permit), None) => record.rule.as_deref() == Some(&permit.origin().to_string()),
        (Decision::Permitted(_), Some(reason)) => stage(reason) == Stage::Money,
        (Decision::Refused(refusal), Some(reason)) => refusal.reason() == reason,
        (Decision::Refused(_), None) => false,
    }
}

fn zone_of(policy: &Policy, record: &CallRecord) -> Tz {
    let person = record.person.as_deref().and_then(|key| policy.person_by_key(key));
    let site = || record.site.as_deref().and_then(|name| policy.site_by_name(name));
    let of_person = person.map(|id: PersonId| policy.person(id).zone);
    of_person.or_else(|| site().map(|id| policy.site(id).zone)).unwrap_or_else(|| policy.zone())
}

/// The record as it was stored, row by row.
fn facts(loaded: &Loaded, record: &CallRecord, paint: Paint) -> String {
    let zone = zone_of(&loaded.policy, record);
    let hour = |at: DateTime<Utc>| at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S").to_string();
    let mut grid = Grid::new(&["", ""], paint);
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            grid.row([name.to_owned(), value]);
        }
    };
    fact("call", Some(format!("{} of {} ({zone})", record.decision, hour(record.start))));
    fact("caller", Some(caller(&loaded.policy, record)));
    let read = record.canonical.as_deref().filter(|canonical| **canonical != *record.raw);
    fact(
        "dialled",
        Some(format!("{}{}", record.raw, read.map(|read| format!(" ({read})")).unwrap_or_default())),
    );
    let country = record.country.as_deref().map(|country| format!(", {country}")).unwrap_or_default();
    fact("class", record.class.as_deref().map(|class| format!("{class}{country}")));
    fact("rule", record.rule.as_deref().map(str::to_owned));
    fact("trunk", record.trunk.as_deref().map(str::to_owned));
    fact("price of", record.tariff.as_ref().map(|mark| format!("{} since {}", mark.prefix, mark.valid_from)));
    fact("status", record.status.map(|status| status.to_string()));
    fact("answered", record.answer.map(hour));
    fact("ended", record.end.map(|end| format!("{}{}", hour(end), how_ended(record))));
    if record.answer.is_some() && record.end.is_some() {
        let talk = lasting(std::time::Duration::from_secs(record.billed_seconds));
        fact("charged", Some(format!("{} {} for {talk}", record.cost, loaded.settings.money.currency)));
    }
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = match reason(record) {
        Some(reason) => writeln!(page, "{}  {reason}: {}\n", paint.bad("refused"), english(reason)),
        None => writeln!(page, "{}\n", paint.good("permitted")),
    };
    page.push_str(&grid.text());
    page
}

fn english(reason: Reason) -> String {
    Refusal::of(reason).sentence(Language::En)
}

fn caller(policy: &Policy, record: &CallRecord) -> String {
    let Some(key) = record.person.as_deref() else { return "somebody outside, or unknown".into() };
    let name = policy.person_by_key(key).map(|id| format!("{} ", policy.person(id).name)).unwrap_or_default();
    let places = [record.department.as_deref(), record.site.as_deref()];
    let places: Vec<&str> = places.into_iter().flatten().collect();
    let places = if places.is_empty() { String::new() } else { format!(", {}", places.join(", ")) };
    format!("{name}({key}){places}")
}

fn how_ended(record: &CallRecord) -> String {
    let estimated = if record.estimated { ", estimated" } else { "" };
    record.end_cause.map(|cause| format!(" ({}{estimated})", cause.code())).unwrap_or_default()
}

/// The rules on the same facts, and whether they still say the same.
fn what_now(
    loaded: &Loaded,
    record: &CallRecord,
    again: &Result<Again, Gone>,
    explained: Option<&Explained<'_>>,
    paint: Paint,
) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail, here and below.
    if record.policy_version != loaded.policy.version() {
        let (then, now) = (record.policy_version, loaded.policy.version());
        let words =
            format!("The policy has changed since this call: it was version {then}, now it is {now}.");
        let _ = writeln!(page, "\n{}", paint.odd(&words));
    }
    let (again, explained) = match (again, explained) {
        (Ok(again), Some(explained)) => (again, explained),
        (Err(gone), _) => {
            let _ = writeln!(page, "\nIts facts cannot be judged again: {gone}.");
            return page;
        }
        (Ok(_), None) => return page,
    };
    if let Some(reason) = reason(record).filter(|reason| stage(*reason) == Stage::Identity) {
        let _ = writeln!(page, "\nIt was stopped before the rules were asked:\n");
        let mut grid = Grid::new(&[">", "", ""], paint);
        grid.toned_row(Tone::Bad, 0, ["stops", "identity", reason.code()]);
        page.push_str(&grid.text());
    }
    let by = match again.by {
        By::Dial => "",
        By::Forward => ", as a forwarded call",
        By::Transfer => ", as a transfer",
    };
    let _ = writeln!(page, "\nThe same facts, put to the rules and the ledger of now{by}:\n");
    page.push_str(&explained.page(paint));
    if !agrees(&explained.explanation.decision, record) && reason(record).map(stage) != Some(Stage::Identity)
    {
        let _ = writeln!(page, "\n{}", paint.odd("The rules now say otherwise than they did at the time."));
    }
    page
}

fn as_json(
    loaded: &Loaded,
    record: &CallRecord,
    again: &Result<Again, Gone>,
    explained: Option<&Explained<'_>>,
) -> Value {
    let stage = reason(record).map(|reason| match stage(reason) {
        Stage::Identity => "identity",
        Stage::Rules => "rules",
        Stage::Money => "money",
    });
    json!({
        "record": record,
        "stopped_by": stage,
        "policy_changed": record.policy_version != loaded.policy.version(),
        "agrees": explained.map(|explained| agrees(&explained.explanation.decision, record)),
        "gone": again.as_ref().err().map(Gone::to_string),
        "explanation": explained.map(Explained::as_json),
    })
}
