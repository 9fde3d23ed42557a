//! Who works in the house, what they may do, and what it costs: a thousand people, ten thousand contacts, four budgets a call,
//! unless another size is asked for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use tollgate::base::{Money, SiteId, TrunkId};
use tollgate::gate::{Credential, Limits, Peer, PeerKind, Snapshot};
use tollgate::ledger::{Rounding, TariffBook, TariffRow};
use tollgate::policy::document::{
    BudgetHolder, BudgetRule, Company, ContactRow, Contacts, Department, Dialling, Document, Limit,
    PermitRule, PersonRow, Quantity, Role, Rows, Site,
};
use tollgate::policy::{Class, PeriodKind, Policy, compile};
use tollgate::proxy::{Care, Interface, Interfaces, NumberFormat, Trunk, TrunkQueue};
use tollgate::sip::digest::Ha1;
use tollgate::sip::{Flow, ListenerId, Transport};

use super::words::CONTACT;

pub const PEOPLE: u64 = 1_000;

/// The digest realm, and the password of everyone.
pub const REALM: &str = "house.example";
pub const PASSWORD: &str = "secret";

/// How large the house is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// At least `PEOPLE`, who are those that call.
    pub people: u64,
    pub contacts: u64,
    /// Prefixes of the tariff beside the one of the country.
    pub prices: u64,
}

impl Size {
    pub const USUAL: Size = Size { people: PEOPLE, contacts: 10_000, prices: 0 };
}

/// The PBX, which speaks for everyone in the house.
pub fn caller_flow() -> Flow {
    udp("10.0.0.1:5060")
}

pub fn trunk_flow() -> Flow {
    udp("10.1.0.1:5060")
}

/// The phone of each person, for those that register.
pub fn phone_flow(index: u64) -> Flow {
    let [.., high, middle, low] = index.to_be_bytes();
    udp(&format!("10.{}.{middle}.{low}:5060", 64 + high))
}

pub fn snapshot(size: Size) -> Snapshot {
    let peer = |name: &str, network: &str, kind| Peer {
        name: name.into(),
        network: network.parse().expect("a network"),
        kind,
        site: SiteId(0),
        over: None,
    };
    let policy = Arc::new(policy(size));
    let socket = Interface::bound(Transport::Udp, "10.9.0.1:5060".parse().expect("an address"));
    Snapshot {
        credentials: Arc::new(credentials(&policy, size)),
        policy,
        tariffs: Arc::new(tariffs(size)),
        interfaces: Interfaces::new(vec![socket], Vec::new()),
        trunks: TrunkQueue::new(vec![trunk()]),
        peers: vec![
            peer("pbx", "10.0.0.0/24", PeerKind::TrustedPbx),
            peer("phones", "10.64.0.0/10", PeerKind::Phones),
        ],
        located: Vec::new(),
        homes: HashMap::new(),
        costs: Arc::default(),
        realm: REALM.into(),
        // A bench may hold as many calls as it asks about.
        limits: Limits { calls_max: 1_000_000, ..Limits::default() },
    }
}

pub fn policy(size: Size) -> Policy {
    let people = (0..size.people).map(person).collect();
    compile(&document(), &Rows { people, contacts: contacts(size) }).expect("a sound policy")
}

fn credentials(policy: &Policy, size: Size) -> HashMap<Box<str>, Credential> {
    let of = |index| {
        let user = format!("p{index}");
        let person = policy.person_by_key(&user).expect("one of the house");
        let ha1 = Ha1::of(&user, REALM, PASSWORD);
        (user.into_boxed_str(), Credential { person, ha1 })
    };
    (0..size.people).map(of).collect()
}

fn document() -> Document {
    let money = |period, amount: &str| Limit {
        quantity: Quantity::Money { period, amount: price(amount) },
        soft: false,
    };
    let permit = PermitRule {
        classes: [Class::Local, Class::National, Class::Mobile, Class::International].into(),
        contacts: Contacts::Crm(Vec::new()),
        hours: Some("Mo-Fr 08:00-18:00; PH off".into()),
        ..PermitRule::default()
    };
    let staff = Role {
        name: "staff".into(),
        permits: vec![permit],
        budgets: vec![
            money(PeriodKind::Day, "1000000"),
            money(PeriodKind::Month, "10000000"),
            Limit { quantity: Quantity::Calls { count: 100_000 }, soft: false },
        ],
        ..Role::default()
    };
    let company = BudgetRule { holder: BudgetHolder::Company, limit: money(PeriodKind::Month, "1000000000") };
    let sales = BudgetRule {
        holder: BudgetHolder::Department("sales".into()),
        limit: money(PeriodKind::Month, "100000000"),
    };
    Document {
        version: 1,
        company: Company { name: "house".into(), zone: "Europe/Berlin".into(), home: None },
        sites: vec![site()],
        roles: vec![staff],
        departments: vec![Department {
            name: "sales".into(),
            roles: vec!["staff".into()],
            ..Department::default()
        }],
        budgets: vec![company, sales],
        trunks: vec!["carrier".into()],
        ..Document::default()
    }
}

fn site() -> Site {
    Site {
        name: "berlin".into(),
        country: "DE".into(),
        emergency: vec!["112".into()],
        dial: Dialling { area_code: Some("30".into()), ..Dialling::default() },
        ..Site::default()
    }
}

fn person(index: u64) -> PersonRow {
    PersonRow {
        key: format!("p{index}"),
        name: format!("Person {index}"),
        numbers: vec![format!("+49309{index:06}")],
        department: Some("sales".into()),
        sip_user: Some(format!("p{index}")),
        ..PersonRow::default()
    }
}

fn contacts(size: Size) -> Vec<ContactRow> {
    let numbers = (0..size.contacts).map(|index| format!("+49307{index:06}")).chain([CONTACT.into()]);
    numbers.map(|number| ContactRow { database: "crm".into(), number, ..ContactRow::default() }).collect()
}

fn tariffs(size: Size) -> TariffBook {
    // Prefixes of eight digits, which no number called here begins with.
    let abroad = (0..size.prices).map(|at| (20_000_001 + at * 101).to_string());
    let row = |(line, prefix)| TariffRow {
        line,
        prefix,
        per_minute: price("0.06"),
        connect: Money::ZERO,
        first_increment: 1,
        next_increment: 1,
        grace: 0,
        valid_from: NaiveDate::from_ymd_opt(2026, 1, 1).expect("a date"),
    };
    let rows: Vec<TariffRow> = (1..).zip(std::iter::once("49".to_owned()).chain(abroad)).map(row).collect();
    TariffBook::compile(&rows, chrono_tz::Europe::Berlin, Rounding::default()).expect("a sound tariff")
}

fn trunk() -> Trunk {
    Trunk {
        id: TrunkId(0),
        name: "carrier".into(),
        flow: trunk_flow(),
        host: "10.1.0.1:5060".into(),
        priority: 1,
        weight: 1,
        calls_max: None,
        number_format: NumberFormat::PlusE164,
        number_in_from: false,
        silence: Duration::from_secs(4),
        care: Care::default(),
        named: None,
        account: None,
        register: None,
        incoming: None,
        certificate_name: None,
    }
}

fn price(amount: &str) -> Money {
    Money::parse(amount).expect("an amount")
}

fn udp(address: &str) -> Flow {
    Flow::udp(ListenerId(0), address.parse().expect("an address"))
}
