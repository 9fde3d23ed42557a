//! Sites, dial plans, zones and the table of classes.

use std::sync::Arc;

use chrono_tz::Tz;

use super::Draft;
use super::findings::unknown;
use crate::base::PhoneNumber;
use crate::base::number::{Canonical, DialPlan, Dialled, Pattern, ShortCode, canonical};
use crate::policy::class::Country;
use crate::policy::class_table::{ClassTable, Entry, country_code_of, shipped_zones};
use crate::policy::document::{self, Dialling, Document};
use crate::policy::problem::Fault;
use crate::policy::snapshot::{Map, Site, fixed_keys};

pub(super) fn compile(document: &Document, draft: &mut Draft) {
    draft.zone = zone(&document.company.zone, "company.zone", draft);
    classes(document, draft);
    zones(document, draft);
    if document.sites.is_empty() {
        draft.findings.error(
            "sites",
            Fault::Missing { what: "a site", remedy: "state at least one, with its emergency numbers" },
        );
    }
    for (at, stated) in document.sites.iter().enumerate() {
        if document.sites[..at].iter().any(|before| before.name == stated.name) {
            draft
                .findings
                .error(format!("sites.{}", stated.name), Fault::Duplicate { name: stated.name.clone() });
        }
        let site = site(document, stated, draft);
        draft.writing.push(Arc::new(site.plan.for_writing()));
        draft.sites.push(site);
    }
    if let Some(home) = &document.company.home {
        let names = document.sites.iter().map(|site| site.name.as_str());
        draft.findings.find("company.home", "site", home, names);
    }
}

/// The site that stands in for whoever names none.
pub(super) fn home_index(document: &Document) -> usize {
    let home = document.company.home.as_deref();
    home.and_then(|name| document.sites.iter().position(|site| site.name == name)).unwrap_or(0)
}

pub(super) fn zone(text: &str, path: &str, draft: &mut Draft) -> Tz {
    text.parse().unwrap_or_else(|_| {
        let fault = match text {
            "" => Fault::Missing { what: "the time zone", remedy: "an IANA name such as Europe/Berlin" },
            _ => Fault::Zone { text: text.to_owned() },
        };
        draft.findings.error(path, fault);
        Tz::UTC
    })
}

fn classes(document: &Document, draft: &mut Draft) {
    draft.classes = ClassTable::shipped();
    for (at, row) in document.classes.iter().enumerate() {
        let path = format!("classes[{at}]");
        if !digits(&row.prefix, PhoneNumber::DIGITS_MAX) {
            draft.findings.error(format!("{path}.prefix"), bad_prefix(&row.prefix));
            continue;
        }
        let country =
            row.country.as_deref().and_then(|code| country(code, &format!("{path}.country"), draft));
        draft.classes.set(&row.prefix, Entry { country, kind: row.kind });
    }
}

pub(super) fn digits(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn bad_prefix(text: &str) -> Fault {
    Fault::Malformed {
        what: "prefix",
        text: text.to_owned(),
        remedy: "digits, country code first, without +, such as 4990",
    }
}

/// A country that the shipped table knows.
pub(super) fn country(code: &str, path: &str, draft: &mut Draft) -> Option<Country> {
    let known = Country::from_code(code).filter(|country| country_code_of(*country).is_some());
    if known.is_none() {
        draft.findings.error(path, Fault::Country { text: code.to_owned() });
    }
    known
}

fn zones(document: &Document, draft: &mut Draft) {
    let mut zones: Map<String, Vec<Country>> = Map::with_hasher(fixed_keys());
    for (country, names) in shipped_zones() {
        for name in names {
            zones.entry(name.to_owned()).or_default().push(country);
        }
    }
    for stated in &document.zones {
        let paths = stated.countries.iter().enumerate();
        let countries =
            paths.filter_map(|(at, code)| country(code, &format!("zones.{}[{at}]", stated.name), draft));
        zones.insert(stated.name.clone(), countries.collect());
    }
    draft.zones = zones;
}

fn site(document: &Document, stated: &document::Site, draft: &mut Draft) -> Site {
    let path = format!("sites.{}", stated.name);
    let at_home = country(&stated.country, &format!("{path}.country"), draft);
    let zone = match &stated.zone {
        Some(text) => zone(text, &format!("{path}.zone"), draft),
        None => draft.zone,
    };
    let plan = plan(stated, &path, draft);
    let holidays = match &stated.holidays {
        Some(code) => country(code, &format!("{path}.holidays"), draft),
        None => at_home,
    };
    // A stand-in only lets the rest be looked at: the document is refused already.
    let stand_in = Country::from_code("ZZ").expect("two letters");
    let (calendar, known) = draft.calendars.of(holidays.unwrap_or(stand_in));
    if holidays.is_some() && !known {
        let what = "no public holidays are known for this country; PH never holds here";
        let remedy = "name a country whose holidays hold";
        draft.findings.warning(format!("{path}.holidays"), Fault::Contradiction { what, remedy });
    }
    for (at, trunk) in stated.emergency_trunks.iter().enumerate() {
        let names = document.trunks.iter().map(String::as_str);
        draft.findings.find(format!("{path}.emergency_trunks[{at}]"), "trunk", trunk, names);
    }
    let mut stated_number = |text: Option<&str>, key: &str| {
        number(text?, &plan.for_writing(), &format!("{path}.{key}"), None, draft)
    };
    let callback = stated_number(stated.callback.as_deref(), "callback");
    let caller_id = stated_number(stated.caller_id.as_deref(), "caller_id");
    Site {
        name: stated.name.as_str().into(),
        zone,
        country: at_home.unwrap_or(stand_in),
        language: stated.language,
        plan,
        incoming_plan: DialPlan::default(),
        emergency_trunks: stated.emergency_trunks.iter().map(|name| Arc::from(name.as_str())).collect(),
        callback,
        caller_id,
        emergency_unauthenticated: stated.emergency_unauthenticated,
        from_mismatch: stated.from_mismatch,
        calendar,
    }
}

/// A whole number as people write it at a site (R31), or an error. `plan` is the site's plan for writing.
pub(super) fn number(
    text: &str,
    plan: &DialPlan,
    path: &str,
    line: Option<u64>,
    draft: &mut Draft,
) -> Option<PhoneNumber> {
    let fault = match canonical(&Dialled::sip(text), plan) {
        Canonical::Number(number) => return Some(number),
        Canonical::Unknown(why) => Fault::Number { text: text.to_owned(), why },
        Canonical::Emergency(_) | Canonical::Extension(_) | Canonical::Feature(_) => Fault::Malformed {
            what: "outside number",
            text: text.to_owned(),
            remedy: "a number with area code",
        },
    };
    draft.findings.row_error(path, line, fault);
    None
}

fn plan(stated: &document::Site, path: &str, draft: &mut Draft) -> DialPlan {
    let dial = &stated.dial;
    let mut plan = DialPlan::shipped(&stated.country.to_ascii_uppercase())
        .unwrap_or_else(|| unshipped(stated, path, draft));
    plan.country_code = dial.country_code.clone().unwrap_or(plan.country_code);
    plan.national = dial.national.clone().unwrap_or(plan.national);
    plan.international = dial.international.clone().unwrap_or(plan.international);
    plan.dial_around = dial.dial_around.clone().unwrap_or(plan.dial_around);
    plan.national_lengths = dial.national_lengths.unwrap_or(plan.national_lengths);
    plan.local_lengths = dial.local_lengths.unwrap_or(plan.local_lengths);
    plan.area_code.clone_from(&dial.area_code);
    plan.outside_line.clone_from(&dial.outside_line);
    plan.contexts.clone_from(&dial.contexts);
    plan.letters = dial.letters;
    plan.direct |= plan.national.is_empty();
    if let Some(short) = &dial.short {
        plan.short = patterns(short, &format!("{path}.dial.short"), draft);
    }
    plan.extensions = patterns(&dial.extensions, &format!("{path}.dial.extensions"), draft);
    plan.features =
        codes(&dial.features, &format!("{path}.dial.features"), draft, |code| code.starts_with(['*', '#']));
    plan.emergency = codes(&stated.emergency, &format!("{path}.emergency"), draft, |code| {
        digits(code, 6) && code.len() > 1
    });
    if stated.emergency.is_empty() {
        let remedy = "list them, such as [\"112\", \"110\"]; a site without is refused";
        draft
            .findings
            .error(format!("{path}.emergency"), Fault::Missing { what: "an emergency number", remedy });
    }
    check_plan(dial, &plan, path, draft);
    plan
}

/// A country without a shipped plan states its own.
fn unshipped(stated: &document::Site, path: &str, draft: &mut Draft) -> DialPlan {
    let remedy = "no dial plan is shipped for this country: state dial.international, dial.national and dial.national_lengths";
    let dial = &stated.dial;
    if dial.international.is_none() || dial.national.is_none() || dial.national_lengths.is_none() {
        draft.findings.error(format!("{path}.dial"), Fault::Missing { what: "the dial plan", remedy });
    }
    let code = Country::from_code(&stated.country).and_then(country_code_of).unwrap_or_default();
    DialPlan { country_code: code.into(), local_lengths: (3, 8), ..DialPlan::default() }
}

fn patterns(texts: &[String], path: &str, draft: &mut Draft) -> Vec<Pattern> {
    let remedy = "digits, and x for any digit, such as 2xx";
    let read = |(at, text): (usize, &String)| {
        let pattern = Pattern::from_text(text);
        if pattern.is_none() {
            let fault = Fault::Malformed { what: "pattern of numbers", text: text.clone(), remedy };
            draft.findings.error(format!("{path}[{at}]"), fault);
        }
        pattern
    };
    texts.iter().enumerate().filter_map(read).collect()
}

fn codes(texts: &[String], path: &str, draft: &mut Draft, fits: impl Fn(&str) -> bool) -> Vec<ShortCode> {
    let remedy = "digits such as 112; a feature code begins with * or #";
    let read = |(at, text): (usize, &String)| {
        let code = ShortCode::from_text(text).filter(|code| fits(code.as_str()));
        if code.is_none() {
            let fault = Fault::Malformed { what: "short number", text: text.clone(), remedy };
            draft.findings.error(format!("{path}[{at}]"), fault);
        }
        code
    };
    texts.iter().enumerate().filter_map(read).collect()
}

/// What no reading could make sense of: prefixes that are no digits, extensions behind the outside line or like emergency numbers.
fn check_plan(dial: &Dialling, plan: &DialPlan, path: &str, draft: &mut Draft) {
    let remedy = "digits only";
    let stated = [
        ("country_code", dial.country_code.as_deref()),
        ("area_code", dial.area_code.as_deref()),
        ("outside_line", dial.outside_line.as_deref()),
        ("national", dial.national.as_deref().filter(|text| !text.is_empty())),
    ];
    for (key, text) in stated.into_iter().filter_map(|(key, text)| Some((key, text?))) {
        if !digits(text, 6) {
            let fault = Fault::Malformed { what: "prefix", text: text.to_owned(), remedy };
            draft.findings.error(format!("{path}.dial.{key}"), fault);
        }
    }
    for (at, text) in dial.international.iter().flatten().enumerate() {
        if !digits(&text.replace('~', ""), 6) || text.starts_with('~') {
            let fault = Fault::Malformed {
                what: "international prefix",
                text: text.clone(),
                remedy: "such as 00 or 8~10",
            };
            draft.findings.error(format!("{path}.dial.international[{at}]"), fault);
        }
    }
    let outside = plan.outside_line.as_deref();
    for (at, form) in plan.extensions.iter().enumerate() {
        let path = format!("{path}.dial.extensions[{at}]");
        if outside.is_some_and(|outside| form.as_str().starts_with(outside)) {
            let (what, remedy) = (
                "these extensions begin with the outside-line digit",
                "use another first digit for one of them",
            );
            draft.findings.error(&path, Fault::Contradiction { what, remedy });
        }
        if plan.emergency.iter().any(|code| form.matches(code.as_str())) {
            let (what, remedy) =
                ("an emergency number has this form", "emergency numbers win; use another form");
            draft.findings.warning(path, Fault::Contradiction { what, remedy });
        }
    }
}

/// The name of a site as an index, with an error where there is none of that name.
pub(super) fn site_index(
    name: Option<&str>,
    path: &str,
    line: Option<u64>,
    document: &Document,
    draft: &mut Draft,
) -> usize {
    let Some(name) = name else { return home_index(document) };
    let names = || document.sites.iter().map(|site| site.name.as_str());
    names().position(|each| each == name).unwrap_or_else(|| {
        draft.findings.row_error(path, line, unknown("site", name, names()));
        home_index(document)
    })
}
