//! Who works in the house, what they may do, and what it costs: a thousand people, ten thousand contacts, four budgets a call.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use tollgate::base::{Money, SiteId, TrunkId};
use tollgate::gate::{Limits, Peer, PeerKind, Snapshot};
use tollgate::ledger::{Rounding, TariffBook, TariffRow};
use tollgate::policy::document::{
    BudgetHolder, BudgetRule, Company, ContactRow, Contacts, Department, Dialling, Document, Limit,
    PermitRule, PersonRow, Quantity, Role, Rows, Site,
};
use tollgate::policy::{Class, PeriodKind, Policy, compile};
use tollgate::proxy::{Care, Interface, Interfaces, NumberFormat, Trunk, TrunkQueue};
use tollgate::sip::{Flow, ListenerId, Transport};

use super::words::CONTACT;

pub const PEOPLE: u64 = 1_000;
const CONTACTS: u64 = 10_000;

/// The PBX, which speaks for everyone in the house.
pub fn caller_flow() -> Flow {
    udp("10.0.0.1:5060")
}

pub fn trunk_flow() -> Flow {
    udp("10.1.0.1:5060")
}

pub fn snapshot() -> Snapshot {
    let peer = Peer {
        name: "pbx".into(),
        network: "10.0.0.0/24".parse().expect("a network"),
        kind: PeerKind::TrustedPbx,
        site: SiteId(0),
    };
    let socket = Interface::bound(Transport::Udp, "10.9.0.1:5060".parse().expect("an address"));
    Snapshot {
        policy: Arc::new(policy()),
        tariffs: Arc::new(tariffs()),
        credentials: Arc::new(HashMap::new()),
        interfaces: Interfaces::new(vec![socket], Vec::new()),
        trunks: TrunkQueue::new(vec![trunk()]),
        peers: vec![peer],
        located: Vec::new(),
        homes: HashMap::new(),
        costs: Arc::default(),
        realm: "house.example".into(),
        limits: Limits::default(),
    }
}

pub fn policy() -> Policy {
    compile(&document(), &Rows { people: (0..PEOPLE).map(person).collect(), contacts: contacts() })
        .expect("a sound policy")
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

fn contacts() -> Vec<ContactRow> {
    let numbers = (0..CONTACTS).map(|index| format!("+49307{index:06}")).chain([CONTACT.into()]);
    numbers.map(|number| ContactRow { database: "crm".into(), number, ..ContactRow::default() }).collect()
}

fn tariffs() -> TariffBook {
    let row = TariffRow {
        line: 1,
        prefix: "49".into(),
        per_minute: price("0.06"),
        connect: Money::ZERO,
        first_increment: 1,
        next_increment: 1,
        grace: 0,
        valid_from: NaiveDate::from_ymd_opt(2026, 1, 1).expect("a date"),
    };
    TariffBook::compile(&[row], chrono_tz::Europe::Berlin, Rounding::default()).expect("a sound tariff")
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
