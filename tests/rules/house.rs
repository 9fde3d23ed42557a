//! The company that the decision tables speak of.

use std::collections::BTreeSet;

use tollgate::base::Money;
use tollgate::policy::document::{
    BudgetHolder, BudgetRule, Company, ContactRow, Contacts, Department, Dialling, Document, Group, Guard,
    Limit, NamedList, PermitRule, PersonRow, Quantity, Role, Rows, Site,
};
use tollgate::policy::{By, Class, Language, PeriodKind};

pub fn texts(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

pub fn classes(codes: &str) -> BTreeSet<Class> {
    codes
        .split_whitespace()
        .map(|code| Class::from_code(code).unwrap_or_else(|| panic!("no class {code}")))
        .collect()
}

pub fn permit(codes: &str, contacts: Contacts) -> PermitRule {
    PermitRule { classes: classes(codes), contacts, ..PermitRule::default() }
}

fn role(name: &str, inherits: &str, permits: Vec<PermitRule>) -> Role {
    Role { name: name.into(), inherits: texts(inherits), permits, ..Role::default() }
}

pub fn money(period: PeriodKind, amount: &str) -> Limit {
    Limit {
        quantity: Quantity::Money { period, amount: Money::parse(amount).expect("an amount") },
        soft: false,
    }
}

const HOME: &str = "local national mobile toll_free";

fn roles() -> Vec<Role> {
    let everyway = || BTreeSet::from([By::Dial, By::Forward, By::Transfer]);
    let hours = Some("Mo-Fr 08:00-18:00; PH off".to_owned());
    let crm = |names: &str| Contacts::Crm(texts(names));
    let mut sales = role(
        "sales",
        "",
        vec![PermitRule {
            countries: texts("AT CH"),
            hours: hours.clone(),
            longest_s: Some(3600),
            ..permit(&format!("internal {HOME}"), Contacts::CrmAndColleagues(texts("customers")))
        }],
    );
    sales.budgets =
        vec![money(PeriodKind::Day, "10"), Limit { quantity: Quantity::Calls { count: 2 }, soft: false }];
    let mut head = role(
        "head",
        "colleagues",
        vec![PermitRule { zones: texts("eu"), by: everyway(), ..permit(HOME, Contacts::Any) }],
    );
    head.budgets = vec![money(PeriodKind::Day, "20"), money(PeriodKind::Month, "100")];
    let mut guarded = role("guarded", "", vec![permit(&format!("{HOME} international"), Contacts::Any)]);
    guarded.guards =
        vec![Guard { name: "no mobiles".into(), classes: classes("mobile"), ..Guard::default() }];
    vec![
        sales,
        head,
        guarded,
        role("colleagues", "", vec![PermitRule { by: everyway(), ..permit("", Contacts::InternalOnly) }]),
        role("crm_only", "", vec![permit(&format!("internal {HOME} international"), crm(""))]),
        role("own_crm", "", vec![permit(HOME, Contacts::OwnCrm(Vec::new()))]),
        role("partners", "", vec![permit(HOME, Contacts::Lists(texts("partners")))]),
        role("incoming_only", "", vec![permit("", Contacts::IncomingOnly)]),
        role(
            "night",
            "",
            vec![PermitRule { hours: Some("22:00-06:00".into()), ..permit("national", Contacts::Any) }],
        ),
        role(
            "backup_line",
            "",
            vec![PermitRule { trunks: texts("backup"), ..permit("international", Contacts::Any) }],
        ),
        role(
            "conference",
            "",
            vec![PermitRule { by: everyway(), outside_to_outside: true, ..permit("mobile", Contacts::Any) }],
        ),
        role(
            "everything",
            "",
            vec![PermitRule {
                by: everyway(),
                ..permit(
                    "internal local national mobile international toll_free shared_cost premium satellite special",
                    Contacts::Any,
                )
            }],
        ),
    ]
}

fn sites() -> Vec<Site> {
    let berlin = Site {
        name: "berlin".into(),
        country: "DE".into(),
        language: Language::De,
        emergency: texts("112 110"),
        emergency_trunks: texts("main backup"),
        callback: Some("030 5550".into()),
        dial: Dialling {
            area_code: Some("30".into()),
            extensions: texts("2xx"),
            features: texts("*98"),
            ..Dialling::default()
        },
        ..Site::default()
    };
    let moscow = Site {
        name: "moscow".into(),
        zone: Some("Europe/Moscow".into()),
        country: "RU".into(),
        language: Language::Ru,
        emergency: texts("112 103"),
        dial: Dialling { area_code: Some("495".into()), extensions: texts("1xxx"), ..Dialling::default() },
        ..Site::default()
    };
    let dallas = Site {
        name: "dallas".into(),
        zone: Some("America/Chicago".into()),
        country: "US".into(),
        language: Language::En,
        emergency: texts("911"),
        dial: Dialling {
            area_code: Some("214".into()),
            outside_line: Some("9".into()),
            ..Dialling::default()
        },
        ..Site::default()
    };
    vec![berlin, moscow, dallas]
}

fn person(key: &str, site: &str, extension: &str, roles: &str) -> PersonRow {
    PersonRow {
        key: key.into(),
        site: Some(site.into()),
        extension: Some(extension.into()),
        roles: texts(roles),
        ..PersonRow::default()
    }
}

fn people() -> Vec<PersonRow> {
    let mut people = vec![
        person("anna", "berlin", "201", "sales"),
        person("bert", "berlin", "202", "sales head"),
        person("carl", "berlin", "203", "colleagues"),
        person("dora", "berlin", "204", ""),
        person("emil", "berlin", "205", "incoming_only"),
        person("fred", "berlin", "206", "everything"),
        person("gina", "berlin", "207", "own_crm"),
        person("hans", "berlin", "208", "partners"),
        person("ida", "berlin", "209", "crm_only"),
        person("jens", "berlin", "210", "guarded"),
        person("kurt", "berlin", "211", "everything"),
        person("lena", "berlin", "212", "night"),
        person("mia", "berlin", "213", "everything@2026-03-02..2026-03-06 colleagues"),
        person("nils", "berlin", "214", "backup_line"),
        person("olga", "moscow", "1001", "sales"),
        person("petr", "moscow", "1002", "everything"),
        person("rick", "dallas", "4001", "everything"),
        person("sara", "berlin", "215", "conference"),
        person("tom", "berlin", "216", ""),
        person("uli", "berlin", "217", ""),
    ];
    let mut set = |key: &str, change: &dyn Fn(&mut PersonRow)| {
        change(people.iter_mut().find(|person| person.key == key).unwrap_or_else(|| panic!("no {key}")));
    };
    set("anna", &|anna| {
        anna.numbers = texts("+4930555201");
        anna.department = Some("Sales".into());
    });
    set("bert", &|bert| {
        bert.budgets = vec![money(PeriodKind::Month, "60")];
        bert.department = Some("Sales".into());
    });
    set("kurt", &|kurt| kurt.locked = true);
    set("tom", &|tom| tom.groups = texts("desk"));
    set("uli", &|uli| uli.department = Some("Inside".into()));
    people
}

fn contact(database: &str, owner: &str, number: &str) -> ContactRow {
    let owner = (!owner.is_empty()).then(|| owner.to_owned());
    ContactRow { database: database.into(), owner, number: number.into(), ..ContactRow::default() }
}

pub fn document() -> Document {
    Document {
        version: 7,
        company: Company {
            name: "Example".into(),
            zone: "Europe/Berlin".into(),
            home: Some("berlin".into()),
        },
        sites: sites(),
        roles: roles(),
        groups: vec![Group { name: "desk".into(), roles: texts("head") }],
        departments: vec![
            Department { name: "House".into(), roles: texts("colleagues"), ..Department::default() },
            Department { name: "Sales".into(), ..Department::default() },
            Department { name: "Inside".into(), parent: Some("House".into()), ..Department::default() },
        ],
        guards: vec![
            Guard { name: "premium".into(), classes: classes("premium satellite"), ..Guard::default() },
            Guard { name: "networks".into(), prefixes: texts("88"), ..Guard::default() },
            Guard { name: "Cuba".into(), countries: texts("CU"), ..Guard::default() },
            Guard { name: "blocked".into(), lists: texts("blocked"), ..Guard::default() },
            Guard { name: "fraud".into(), prefixes: texts("37167"), fraud_lock: true, ..Guard::default() },
        ],
        budgets: vec![
            BudgetRule {
                holder: BudgetHolder::Department("Sales".into()),
                limit: money(PeriodKind::Month, "500"),
            },
            BudgetRule { holder: BudgetHolder::Company, limit: money(PeriodKind::Day, "300") },
            BudgetRule { holder: BudgetHolder::Trunk("backup".into()), limit: money(PeriodKind::Day, "50") },
            BudgetRule { holder: BudgetHolder::Person("anna".into()), limit: money(PeriodKind::Week, "30") },
        ],
        lists: vec![
            NamedList { name: "blocked".into(), numbers: texts("+4930666666"), prefixes: texts("4930667") },
            NamedList { name: "partners".into(), numbers: texts("+4930777777"), prefixes: texts("4989777") },
        ],
        trunks: texts("main backup"),
        ..Document::default()
    }
}

pub fn rows() -> Rows {
    Rows {
        people: people(),
        contacts: vec![
            contact("customers", "", "030 123456"),
            contact("customers", "gina", "+49 171 1234567"),
            contact("customers", "anna", "0049 (0)89 888888"),
            contact("customers", "", "+43 1 5877"),
            contact("customers", "", "+39 06 12345678"),
            contact("customers", "", "+53 7 1234567"),
            contact("suppliers", "", "040 7654321"),
            ContactRow { site: Some("moscow".into()), ..contact("customers", "", "(495) 123-45-67") },
            ContactRow { site: Some("moscow".into()), ..contact("customers", "", "8 916 1112233") },
        ],
    }
}
