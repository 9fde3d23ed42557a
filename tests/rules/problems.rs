//! A document is refused whole, with every fault of it named at once: where, what, and what would be right.

use tollgate::policy::document::{ContactRow, Contacts, Document, Group, Guard, PermitRule, Role, Rows};
use tollgate::policy::{Class, Problem, Severity, compile, decide};

use super::house::{document, permit, rows, texts};

/// Applies a change to a sound house and gives the problems as printed.
fn problems(change: impl FnOnce(&mut Document, &mut Rows)) -> Vec<String> {
    let (mut document, mut rows) = (document(), rows());
    change(&mut document, &mut rows);
    match compile(&document, &rows) {
        Ok(policy) => policy.warnings().iter().map(Problem::to_string).collect(),
        Err(problems) => {
            assert!(problems.iter().any(|problem| problem.severity == Severity::Error));
            problems.iter().map(Problem::to_string).collect()
        }
    }
}

#[track_caller]
fn only(expected: &str, change: impl FnOnce(&mut Document, &mut Rows)) {
    assert_eq!(problems(change), [expected]);
}

fn sales(document: &mut Document) -> &mut PermitRule {
    &mut document.roles[0].permits[0]
}

#[test]
fn a_sound_house_has_no_problem() {
    assert_eq!(problems(|_, _| {}), Vec::<String>::new());
}

#[test]
fn every_name_that_leads_nowhere_is_reported_with_the_one_that_was_meant() {
    only(
        "roles.head.inherits[0]: there is no role named \"colleages\"; did you mean \"colleagues\"?",
        |document, _| {
            document.roles[1].inherits = texts("colleages");
        },
    );
    only(
        "people[0]: there is no role named \"slaes\"; did you mean \"sales\"?"
            .replace("people[0]", "people[0].roles[0]")
            .as_str(),
        |_, rows| {
            rows.people[0].roles = texts("slaes");
        },
    );
    only("people[18].groups[0]: there is no group named \"dekc\"; did you mean \"desk\"?", |_, rows| {
        rows.people[18].groups = texts("dekc");
    });
    only(
        "people[1].department (line 3): there is no department named \"Sale\"; did you mean \"Sales\"?",
        |_, rows| {
            rows.people[1].department = Some("Sale".into());
            rows.people[1].line = Some(3);
        },
    );
    only(
        "roles.sales.permits[0].trunks[0]: there is no trunk named \"mian\"; did you mean \"main\"?",
        |document, _| {
            sales(document).trunks = texts("mian");
        },
    );
    only(
        "roles.partners.permits[0].lists[0]: there is no list named \"parners\"; did you mean \"partners\"?",
        |document, _| {
            document.roles[6].permits[0].contacts = Contacts::Lists(texts("parners"));
        },
    );
    only(
        "groups.desk.roles[0]: there is no role named \"x\"; name a role that the document declares",
        |document, _| {
            document.groups[0] = Group { name: "desk".into(), roles: texts("x") };
        },
    );
    only(
        "guards[3].lists[0]: there is no list named \"blokced\"; did you mean \"blocked\"?",
        |document, _| {
            document.guards[3].lists = texts("blokced");
        },
    );
    only(
        "roles.head.permits[0].zones[0]: there is no zone named \"mars\"; name a zone that the document declares",
        |document, _| {
            document.roles[1].permits[0].zones = texts("mars");
        },
    );
    only("company.home: there is no site named \"Berlin\"; did you mean \"berlin\"?", |document, _| {
        document.company.home = Some("Berlin".into());
    });
}

#[test]
fn what_cannot_be_read_says_what_would_be_right() {
    only(
        "roles.sales.permits[0].hours: \"Mo-Fri 8-18 o'clock\" are no opening hours; OpenStreetMap hours such as `Mo-Fr 08:00-18:00; PH off`",
        |document, _| sales(document).hours = Some("Mo-Fri 8-18 o'clock".into()),
    );
    only(
        "sites.moscow.zone: \"Moscow\" is no time zone; an IANA name such as Europe/Berlin",
        |document, _| {
            document.sites[1].zone = Some("Moscow".into());
        },
    );
    only(
        "roles.sales.permits[0].countries[0]: \"Austria\" is no country; an ISO 3166 code such as DE",
        |document, _| {
            sales(document).countries = texts("Austria");
        },
    );
    only("people[0].extension: \"2o1\" is no extension; 1 to 15 digits", |_, rows| {
        rows.people[0].extension = Some("2o1".into());
    });
    only(
        "people[0].numbers[0]: the number \"12\" cannot be read: it fits no way of dialling at this site; a number as dialled at the site, or with + and country code",
        |_, rows| rows.people[0].numbers = texts("12"),
    );
    only(
        "people[0].roles[0]: \"sales@soon\" is no role with a span of time; role@2026-01-01..2026-01-31, role@2026-01-01T08:00.. or role@..2026-01-31",
        |_, rows| rows.people[0].roles = texts("sales@soon"),
    );
    only(
        "guards[1].prefixes[0]: \"+88\" is no prefix; digits, country code first, without +, such as 4990",
        |document, _| {
            document.guards[1].prefixes = texts("+88");
        },
    );
}

#[test]
fn a_site_without_emergency_number_is_refused() {
    only(
        "sites.berlin.emergency: an emergency number is missing; list them, such as [\"112\", \"110\"]; a site without is refused",
        |document, _| document.sites[0].emergency.clear(),
    );
    let found = problems(|document, _| document.sites.clear());
    assert!(found.iter().any(|problem| problem.starts_with("sites: a site is missing")), "{found:?}");
}

#[test]
fn a_country_without_shipped_plan_must_state_its_own() {
    let found = problems(|document, _| document.sites[2].country = "JP".into());
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("sites.dallas.dial: the dial plan is missing; no dial plan is shipped"),
        "{found:?}"
    );
    let policy = {
        let (mut document, rows) = (document(), rows());
        document.sites[2].country = "JP".into();
        document.sites[2].dial.international = Some(texts("010"));
        document.sites[2].dial.national = Some("0".into());
        document.sites[2].dial.national_lengths = Some((9, 10));
        compile(&document, &rows).unwrap()
    };
    let plan = &policy.site(policy.site_by_name("dallas").unwrap()).plan;
    assert_eq!(plan.country_code, "81");
}

#[test]
fn circles_of_roles_and_departments_are_found() {
    let found = problems(|document, _| document.roles[3].inherits = texts("head"));
    assert_eq!(
        found,
        [
            "roles.head.inherits: inheritance runs in a circle: head inherits from head through colleagues; let one of them no longer point to the next",
            "roles.colleagues.inherits: inheritance runs in a circle: colleagues inherits from colleagues through head; let one of them no longer point to the next"
        ]
    );
    let found = problems(|document, _| document.departments[0].parent = Some("Inside".into()));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("House, Inside, House"), "{found:?}");
}

#[test]
fn whatever_must_be_unique_is() {
    only("people[1].extension: \"201\" is stated twice; each is stated once", |_, rows| {
        rows.people[1].extension = Some("201".into());
    });
    only("people[1].numbers: \"+4930555201\" is stated twice; each is stated once", |_, rows| {
        rows.people[1].numbers = texts("030555201");
    });
    only("people[2].sip_user: \"anna\" is stated twice; each is stated once", |_, rows| {
        rows.people[0].sip_user = Some("anna".into());
        rows.people[2].sip_user = Some("anna".into());
    });
    only("roles.sales: \"sales\" is stated twice; each is stated once", |document, _| {
        document.roles.push(Role { name: "sales".into(), ..Role::default() });
    });
    // The same extension at two sites is no fault: each site reaches its own.
    let (document, mut rows) = (document(), rows());
    rows.people[15].extension = Some("201".into());
    let policy = compile(&document, &rows).unwrap();
    assert_ne!(
        policy.person_by_extension(policy.site_by_name("berlin").unwrap(), "201"),
        policy.person_by_extension(policy.site_by_name("moscow").unwrap(), "201")
    );
    assert_eq!(policy.person_by_extension(policy.site_by_name("dallas").unwrap(), "201"), None);
}

#[test]
fn permits_and_guards_that_contradict_themselves_are_refused() {
    only(
        "roles.sales.permits[0].classes: the class international covers every country, and countries or zones are ticked as well; keep either the class or the countries and zones",
        |document, _| {
            sales(document).classes.insert(Class::International);
        },
    );
    only(
        "roles.head.permits[1]: the destination of the permit is missing; tick classes, countries or zones",
        |document, _| {
            document.roles[1].permits.push(permit("", Contacts::Any));
        },
    );
    only(
        "guards[5]: what the guard forbids is missing; state classes, countries, zones, prefixes or lists",
        |document, _| {
            document.guards.push(Guard { name: "nothing".into(), ..Guard::default() });
        },
    );
    only(
        "people[0].extension: this extension is an emergency number of the site; give the person another extension",
        |_, rows| {
            rows.people[0].extension = Some("112".into());
        },
    );
    only(
        "people[16].extension: this extension begins with the outside-line digit; give the person another extension",
        |_, rows| {
            rows.people[16].extension = Some("9001".into());
        },
    );
}

/// Bad rows of a CRM export do not shut the house: they are warnings with their lines, and permit nobody.
#[test]
fn contacts_that_cannot_be_read_are_warnings() {
    let bad = |number: &str, line| ContactRow {
        database: "customers".into(),
        number: number.into(),
        line: Some(line),
        ..ContactRow::default()
    };
    only(
        "contacts[9].number (line 11): the number \"ask Bob\" cannot be read: it holds letters; a number as dialled at the site, or with + and country code",
        |_, rows| rows.contacts.push(bad("ask Bob", 11)),
    );
    only(
        "contacts[9].number (line 11): \"112\" is no outside number; contacts are outside numbers",
        |_, rows| {
            rows.contacts.push(bad("112", 11));
        },
    );
    only(
        "contacts[9].owner (line 11): there is no person named \"zoe\"; name a person that the document declares",
        |_, rows| {
            rows.contacts.push(ContactRow { owner: Some("zoe".into()), ..bad("030 1112223", 11) });
        },
    );
    let found = problems(|_, rows| rows.contacts.extend((0..1500).map(|line| bad("?", line))));
    assert_eq!(found.len(), 1001);
    assert!(found[1000].starts_with("contacts: 500 more faults"), "{}", found[1000]);
    only(
        "roles.sales.permits[0].databases[0]: there is no contact database with rows named \"custmers\"; did you mean \"customers\"?",
        |document, _| sales(document).contacts = Contacts::Crm(texts("custmers")),
    );
}

#[test]
fn all_faults_come_at_once() {
    let found = problems(|document, rows| {
        document.company.zone = "Berlin".into();
        document.sites[0].emergency.clear();
        sales(document).hours = Some("always".into());
        rows.people[0].department = Some("Nowhere".into());
        rows.people[3].roles = texts("boss");
    });
    assert_eq!(found.len(), 5, "{found:#?}");
}

/// A million contacts stay well below 100 MB: eight bytes and a bit each, at most twice that in a half-full table.
#[test]
fn many_contacts_are_small_and_found() {
    let (document, mut rows) = (document(), rows());
    rows.contacts.extend((0..50_000u32).map(|index| ContactRow {
        database: "customers".into(),
        number: format!("+4930{:07}", 1_000_000 + index),
        ..ContactRow::default()
    }));
    let policy = compile(&document, &rows).unwrap();
    assert!(policy.contact_bytes() < 50_000 * 40, "{}", policy.contact_bytes());
    let asked = super::decide::attempt(&policy, "anna", "2026-03-02 10:00", "dial", "030 1012345");
    assert!(decide(&policy, &asked).permit().is_some());
}
