//! `tollgate policy show`: what one person may do and spend, on one page, each line with where it comes from (R6).

use std::fmt::Write;
use std::io;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::ask::{self, AskError};
use super::explanation::{at_once, lasting};
use super::grid::{Grid, Tone};
use super::paint::Paint;
use super::spending::{self, Ledger, Spending};
use crate::base::PersonId;
use crate::config::Loaded;
use crate::policy::document::{Contacts, PermitRule};
use crate::policy::{By, EffectiveRights, HeldRole, Via};

pub(super) fn run(path: &Path, person: &str, at: Option<&str>, json: bool) -> Result<bool, AskError> {
    let loaded = ask::load(path)?;
    let id = ask::find(&loaded.policy, person)?;
    let at = ask::moment(at, loaded.policy.person(id).zone)?;
    let reader = ask::ledger(&loaded.settings)?;
    let mut ledger = Ledger::of(reader.as_ref());
    let rights = loaded.policy.effective_rights(id, at);
    let spendings = Spending::of(&rights.budgets, &mut ledger, at)?;
    if json {
        println!("{}", as_json(&loaded, &rights, &spendings, at));
    } else {
        print!("{}", page(&loaded, &rights, &spendings, at, Paint::for_stream(&io::stdout())));
    }
    Ok(true)
}

fn page(
    loaded: &Loaded,
    rights: &EffectiveRights,
    spendings: &[Spending],
    at: DateTime<Utc>,
    paint: Paint,
) -> String {
    let person = loaded.policy.person(rights.person);
    let local = at.with_timezone(&person.zone).format("%A %Y-%m-%d %H:%M");
    let mut page = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(page, "{}", paint.bold(&format!("{} ({})", person.name, person.key)));
    let _ = writeln!(page, "{}", places(loaded, rights.person));
    let _ = writeln!(page, "as of {local} ({}), policy version {}", person.zone, loaded.policy.version());
    if rights.locked {
        let _ =
            writeln!(page, "\n{}", paint.bad("Locked: nothing but emergency calls, whatever stands below."));
    }
    let mut section = |title: &str, text: String, none: &str| {
        let text = if text.is_empty() { format!("  {none}\n") } else { text };
        let _ = write!(page, "\n{}\n{text}", paint.bold(title));
    };
    section("Roles", roles(&rights.assignments, person.zone, paint), "none: may be called, calls nobody");
    section("Permits", permits(rights, paint), "none: may call nobody but emergency numbers");
    section("Guards", guards(rights, paint), "none");
    let budgets = spending::table(spendings, &loaded.settings.money.currency, paint);
    section("Budgets", budgets, "none: spends without a limit");
    let limits = rights.concurrency.iter().map(|limit| format!("  {}\n", at_once(limit)));
    section("Calls at once", limits.collect(), "no limit");
    page
}

fn places(loaded: &Loaded, id: PersonId) -> String {
    let policy = &loaded.policy;
    let person = policy.person(id);
    let extension = person.extension.map(|code| format!("extension {code}"));
    let department = person.department.map(|id| policy.department(id).name.to_string());
    let site = Some(format!("site {}", policy.site(person.site).name));
    let numbers = person.numbers.iter().map(ToString::to_string);
    extension.into_iter().chain(department).chain(site).chain(numbers).collect::<Vec<_>>().join(", ")
}

fn roles(held: &[HeldRole], zone: Tz, paint: Paint) -> String {
    let mut grid = Grid::new(&["", "", "", ""], paint);
    for role in held {
        let day = |moment: DateTime<Utc>| moment.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string();
        let span = match (role.start.map(day), role.end.map(day)) {
            (None, None) => String::new(),
            (start, end) => format!("{} to {}", start.unwrap_or_default(), end.unwrap_or_default()),
        };
        let (mark, tone) = if role.holds { ("holds", Tone::Good) } else { ("not now", Tone::Odd) };
        grid.toned_row(tone, 3, [&*role.name, &via(&role.via), &span, mark]);
    }
    grid.text()
}

fn via(via: &Via) -> String {
    match via {
        Via::Own => "from people.csv".into(),
        Via::Group(name) => format!("from group {name}"),
        Via::Department(name) => format!("from department {name}"),
    }
}

fn permits(rights: &EffectiveRights, paint: Paint) -> String {
    let mut grid = Grid::new(&["may call", "whom", "when", "how", "at most", "trunks", "from"], paint);
    for permit in &rights.permits {
        let rule = &permit.rule;
        let roles: Vec<&str> = permit.brought_by.iter().map(|role| &**role).collect();
        // What a role brings by inheritance stands under another name.
        let inherited = !roles.iter().any(|role| permit.path.starts_with(&format!("roles.{role}.")));
        let via = if inherited { format!(" by {}", roles.join(", ")) } else { String::new() };
        let longest = rule.longest_s.map(|seconds| lasting(Duration::from_secs(seconds.into())));
        grid.row([
            destinations(rule),
            contacts(&rule.contacts),
            rule.hours.clone().unwrap_or_else(|| "always".into()),
            ways(rule),
            longest.unwrap_or_default(),
            rule.trunks.join(" "),
            format!("{}{via}", permit.path),
        ]);
    }
    grid.text()
}

fn destinations(rule: &PermitRule) -> String {
    let classes = rule.classes.iter().map(|class| class.code().to_owned());
    let zones = rule.zones.iter().map(|zone| format!("zone {zone}"));
    let all: Vec<String> = classes.chain(zones).chain(rule.countries.iter().cloned()).collect();
    if all.is_empty() { "nothing".into() } else { all.join(" ") }
}

fn contacts(contacts: &Contacts) -> String {
    let of = |what: &str, names: &[String]| match names {
        [] => what.to_owned(),
        names => format!("{what} of {}", names.join(", ")),
    };
    match contacts {
        Contacts::IncomingOnly => "nobody".into(),
        Contacts::Any => "anybody".into(),
        Contacts::Crm(names) => of("contacts", names),
        Contacts::OwnCrm(names) => of("own contacts", names),
        Contacts::CrmAndColleagues(names) => format!("colleagues, {}", of("contacts", names)),
        Contacts::InternalOnly => "colleagues".into(),
        Contacts::Lists(names) => format!("lists {}", names.join(", ")),
    }
}

fn ways(rule: &PermitRule) -> String {
    let word = |by: &By| match by {
        By::Dial => "dial",
        By::Forward => "forward",
        By::Transfer => "transfer",
    };
    let ways: Vec<&str> = rule.by.iter().map(word).collect();
    let ways = if ways.is_empty() { "dial".to_owned() } else { ways.join(" ") };
    if rule.outside_to_outside { format!("{ways}, also outside to outside") } else { ways }
}

fn guards(rights: &EffectiveRights, paint: Paint) -> String {
    let mut grid = Grid::new(&["", ""], paint);
    for guard in &rights.guards {
        grid.row([&*guard.name, &*guard.path]);
    }
    grid.text()
}

fn as_json(loaded: &Loaded, rights: &EffectiveRights, spendings: &[Spending], at: DateTime<Utc>) -> Value {
    let person = loaded.policy.person(rights.person);
    let role = |role: &HeldRole| {
        json!({
            "role": &*role.name,
            "via": via(&role.via),
            "start": role.start.map(|start| start.to_rfc3339()),
            "end": role.end.map(|end| end.to_rfc3339()),
            "holds": role.holds,
        })
    };
    let permits = rights.permits.iter().map(|permit| {
        let rule = &permit.rule;
        json!({
            "path": permit.path,
            "brought_by": permit.brought_by,
            "classes": rule.classes.iter().map(|class| class.code()).collect::<Vec<_>>(),
            "countries": rule.countries,
            "zones": rule.zones,
            "contacts": contacts(&rule.contacts),
            "hours": rule.hours,
            "trunks": rule.trunks,
            "by": ways(rule),
            "longest_s": rule.longest_s,
        })
    });
    let guards = rights.guards.iter().map(|guard| json!({ "name": &*guard.name, "path": &*guard.path }));
    json!({
        "person": &*person.key,
        "name": &*person.name,
        "at": at.to_rfc3339(),
        "policy_version": loaded.policy.version(),
        "locked": rights.locked,
        "roles": rights.assignments.iter().map(role).collect::<Vec<_>>(),
        "permits": permits.collect::<Vec<_>>(),
        "guards": guards.collect::<Vec<_>>(),
        "budgets": spendings.iter().map(Spending::as_json).collect::<Vec<_>>(),
        "calls_at_once": rights.concurrency.iter().map(at_once).collect::<Vec<_>>(),
    })
}
