//! Reads `policy.toml` into the policy document: plain values; whether names lead anywhere is for the policy's `compile` to say.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono_tz::Tz;

use super::fields::{Fields, Source};
use super::limits::{read_holder, read_limit};
use super::values::{Choice, Setting};
use crate::policy::document::{
    BudgetRule, ClassRow, Company, Contacts, Department, Document, Ending, FraudRule, Group, Guard,
    NamedList, PermitRule, Role, Zone,
};
use crate::policy::{By, Class, Kind};

/// All of the document but its sites, trunks and contact databases, which stand in `tollgate.toml`, and its version, which is made of all files.
pub(super) fn read(file: &str, text: &str) -> (Option<Document>, Source) {
    Source::read(file, text, |policy| Document {
        version: 0,
        company: policy.table_or_empty("company", read_company),
        roles: policy.named("roles", read_role),
        groups: policy
            .named("groups", |name, group| Group { name: name.to_owned(), roles: group.list("roles") }),
        departments: policy.named("departments", |name, department| Department {
            name: name.to_owned(),
            parent: department.optional("parent"),
            roles: department.list("roles"),
        }),
        guards: policy.tables("guards", read_guard),
        fraud: policy.table_or_empty("fraud", read_fraud),
        budgets: policy.tables("budgets", read_budget).into_iter().flatten().collect(),
        classes: policy.tables("classes", |class| ClassRow {
            prefix: class.required("prefix"),
            country: class.optional("country"),
            kind: class.required("kind"),
        }),
        zones: policy.table("zones", read_zones).unwrap_or_default(),
        lists: policy.named("lists", |name, list| NamedList {
            name: name.to_owned(),
            numbers: list.list("numbers"),
            prefixes: list.list("prefixes"),
        }),
        sites: Vec::new(),
        trunks: Vec::new(),
        databases: Vec::new(),
    })
}

fn read_company(company: &Fields<'_>) -> Company {
    Company {
        name: company.required("name"),
        zone: company.required::<Tz>("zone").name().to_owned(),
        home: company.optional("home"),
    }
}

fn read_role(name: &str, role: &Fields<'_>) -> Role {
    Role {
        name: name.to_owned(),
        inherits: role.list("inherits"),
        permits: role.tables("permits", read_permit),
        guards: role.tables("guards", read_guard),
        budgets: role.tables("budgets", read_limit).into_iter().flatten().collect(),
        on_change: role.or("on_change", Ending::Finish),
    }
}

fn read_permit(permit: &Fields<'_>) -> PermitRule {
    PermitRule {
        classes: set(permit.list::<Class>("classes")),
        countries: permit.list("countries"),
        zones: permit.list("zones"),
        contacts: read_contacts(permit),
        hours: permit.optional("hours"),
        at_close: read_at_close(permit),
        trunks: permit.list("trunks"),
        by: set(permit.list::<By>("by")),
        longest_s: permit.optional_within("longest_s", 1..=604_800, "1 to 604800 seconds"),
        outside_to_outside: permit.or("outside_to_outside", false),
    }
}

fn read_at_close(permit: &Fields<'_>) -> Ending {
    if permit.has("at_close") && !permit.has("hours") {
        permit.blame("at_close", "has no meaning without hours", "hours, or no at_close");
    }
    permit.or("at_close", Ending::Finish)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ContactsWord {
    Any,
    Crm,
    OwnCrm,
    CrmAndColleagues,
    InternalOnly,
    IncomingOnly,
    List,
}

fn read_contacts(permit: &Fields<'_>) -> Contacts {
    let word = permit.or("contacts", ContactsWord::IncomingOnly);
    let databases: Vec<String> = permit.list("databases");
    let lists: Vec<String> = permit.list("lists");
    if permit.is_sound("contacts") {
        check_contacts(permit, word, &databases, &lists);
    }
    match word {
        ContactsWord::Any => Contacts::Any,
        ContactsWord::Crm => Contacts::Crm(databases),
        ContactsWord::OwnCrm => Contacts::OwnCrm(databases),
        ContactsWord::CrmAndColleagues => Contacts::CrmAndColleagues(databases),
        ContactsWord::InternalOnly => Contacts::InternalOnly,
        ContactsWord::IncomingOnly => Contacts::IncomingOnly,
        ContactsWord::List => Contacts::Lists(lists),
    }
}

/// Names are given where the word wants them, and nowhere else.
fn check_contacts(permit: &Fields<'_>, word: ContactsWord, databases: &[String], lists: &[String]) {
    let wants_databases =
        matches!(word, ContactsWord::Crm | ContactsWord::OwnCrm | ContactsWord::CrmAndColleagues);
    if !databases.is_empty() && !wants_databases {
        let right = r#"contacts = "crm", "own_crm" or "crm_and_colleagues""#;
        permit.blame("databases", format!("have no meaning with contacts = {:?}", word.word()), right);
    }
    if !lists.is_empty() && word != ContactsWord::List {
        permit.blame(
            "lists",
            format!("have no meaning with contacts = {:?}", word.word()),
            r#"contacts = "list""#,
        );
    }
    if lists.is_empty() && word == ContactsWord::List {
        permit.missing("lists", "the names of one or more [lists.NAME]");
    }
}

fn read_guard(guard: &Fields<'_>) -> Guard {
    Guard {
        name: guard.required("name"),
        classes: set(guard.list::<Class>("classes")),
        countries: guard.list("countries"),
        zones: guard.list("zones"),
        prefixes: guard.list("prefixes"),
        lists: guard.list("lists"),
        fraud_lock: guard.or("fraud_lock", false),
    }
}

/// A missing section or setting is the shipped one; zero turns a sign off.
fn read_fraud(fraud: &Fields<'_>) -> FraudRule {
    let shipped = FraudRule::default();
    let limit =
        |key: &str, default: u32| fraud.within(key, default, 0..=FRAUD_LIMIT_MAX, "0 to 200; 0 is off");
    let span = |key: &str, default: Duration, longest: Duration, words: &str| {
        fraud.within(key, default, Duration::from_secs(1)..=longest, words)
    };
    FraudRule {
        classes: fraud.optional_list::<Class>("classes").map_or(shipped.classes, set),
        window: span("window", shipped.window, HOUR, "1s to 1h"),
        attempts: limit("attempts", shipped.attempts),
        numbers: limit("numbers", shipped.numbers),
        short_calls: limit("short_calls", shipped.short_calls),
        short: span("short", shipped.short, HOUR, "1s to 1h"),
        calls_at_once: limit("calls_at_once", shipped.calls_at_once),
        spellings: limit("spellings", shipped.spellings),
        neighbours: limit("neighbours", shipped.neighbours),
        working_hours: fraud.or("working_hours", shipped.working_hours),
        expensive: fraud.or("expensive", shipped.expensive),
        lock: span("lock", shipped.lock, 24 * 30 * HOUR, "1s to 30d"),
    }
}

/// As many as the gate remembers of one person; a limit above it could never be reached.
const FRAUD_LIMIT_MAX: u32 = 200;

const HOUR: Duration = Duration::from_secs(3600);

fn read_budget(budget: &Fields<'_>) -> Option<BudgetRule> {
    let holder = read_holder(budget);
    let limit = read_limit(budget);
    Some(BudgetRule { holder: holder?, limit: limit? })
}

fn read_zones(zones: &Fields<'_>) -> Vec<Zone> {
    let read = |name: String| Zone { countries: zones.list(&name), name };
    zones.keys().into_iter().map(read).collect()
}

fn set<T: Setting + Ord>(values: Vec<T>) -> BTreeSet<T> {
    values.into_iter().collect()
}

impl Choice for ContactsWord {
    const NOUN: &'static str = "a kind of contacts";

    fn all() -> impl Iterator<Item = ContactsWord> + Clone {
        [
            ContactsWord::Any,
            ContactsWord::Crm,
            ContactsWord::OwnCrm,
            ContactsWord::CrmAndColleagues,
            ContactsWord::InternalOnly,
            ContactsWord::IncomingOnly,
            ContactsWord::List,
        ]
        .into_iter()
    }

    fn word(self) -> &'static str {
        match self {
            ContactsWord::Any => "any",
            ContactsWord::Crm => "crm",
            ContactsWord::OwnCrm => "own_crm",
            ContactsWord::CrmAndColleagues => "crm_and_colleagues",
            ContactsWord::InternalOnly => "internal_only",
            ContactsWord::IncomingOnly => "incoming_only",
            ContactsWord::List => "list",
        }
    }
}

impl Choice for Class {
    const NOUN: &'static str = "a class of destination";

    fn all() -> impl Iterator<Item = Class> + Clone {
        Class::ALL.into_iter().filter(|class| class.can_be_permitted())
    }

    fn word(self) -> &'static str {
        self.code()
    }
}

impl Choice for Kind {
    const NOUN: &'static str = "a kind of number";

    fn all() -> impl Iterator<Item = Kind> + Clone {
        Kind::ALL.into_iter()
    }

    fn word(self) -> &'static str {
        self.code()
    }
}

impl Choice for By {
    const NOUN: &'static str = "a way of calling";

    fn all() -> impl Iterator<Item = By> + Clone {
        [By::Dial, By::Forward, By::Transfer].into_iter()
    }

    fn word(self) -> &'static str {
        match self {
            By::Dial => "dial",
            By::Forward => "forward",
            By::Transfer => "transfer",
        }
    }
}
