//! The small company that all timelines are about: a house in Berlin, one in Hamburg, two trunks and a PBX.
//!
//! | who | ext. | may |
//! |---|---|---|
//! | alice | 201 | call at home and mobiles, one price for each |
//! | bob | 202 | the same; two phones |
//! | carol | 203 | everything, also by forwarding and transferring |
//! | dave | 204 | be called, no more |
//! | erin | 205 | nothing: locked |
//! | frank | 301 | as alice, in Hamburg, where a wrong From is rewritten |
//! | tina | 206 | as alice, over TCP |
//!
//! Change it before a world is made from it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use tollgate::base::{Money, SiteId, TrunkId};
use tollgate::gate::{Costs, Credential, Limits, Pbx, Peer, PeerKind, Snapshot};
use tollgate::ledger::{Rounding, TariffBook, TariffRow};
use tollgate::policy::document::{
    Company as Head, Contacts, Dialling, Document, FromMismatch, Limit, PermitRule, PersonRow, Quantity,
    Role, Rows, Site,
};
use tollgate::policy::{By, Class, PeriodKind, compile};
use tollgate::proxy::{Care, Interface, Interfaces, NumberFormat, Trunk, TrunkQueue};
use tollgate::sip::digest::{Algorithm, Ha1};
use tollgate::sip::{ConnectionId, Flow, ListenerId, Transport};

use super::endpoint::{DOMAIN, Endpoint};

/// Prefix, price per minute, connect fee, first and next increment.
const TARIFF: [(&str, &str, &str, u64, u64); 7] = [
    ("4930", "0.60", "0", 1, 1),
    ("49", "0.12", "0", 60, 60),
    ("4917", "0.30", "0.05", 30, 6),
    ("33", "1.20", "0", 60, 60),
    ("49800", "0", "0", 60, 60),
    ("4989", "0.60", "0", 1, 1),
    ("4969", "0.12", "0.05", 60, 60),
];
/// Seconds that cost nothing, by prefix.
const GRACE: (&str, u64) = ("4969", 5);
/// A price that changes: prefix, date, price per minute from then on.
const CHANGE: (&str, &str, &str) = ("4989", "2026-07-01", "6.00");

/// Everything that a world is made from; change it before the world begins.
#[derive(Clone)]
pub struct Company {
    pub document: Document,
    pub rows: Rows,
    pub limits: Limits,
    pub trunks: Vec<Trunk>,
    pub peers: Vec<Peer>,
    /// Sites whose phones register at a telephone system.
    pub homes: HashMap<SiteId, Arc<Pbx>>,
    pub costs: Arc<Costs>,
}

impl Company {
    pub fn new() -> Company {
        let trunks = vec![trunk("main", 0), trunk("backup", 1)];
        let document = Document {
            version: 1,
            company: Head { name: "house".into(), zone: "Europe/Berlin".into(), home: Some("berlin".into()) },
            sites: vec![berlin(), hamburg()],
            roles: vec![staff(), boss()],
            trunks: words("main backup"),
            ..Document::default()
        };
        let people = vec![
            person("alice", "201", "staff"),
            person("bob", "202", "staff"),
            person("carol", "203", "boss"),
            person("dave", "204", ""),
            PersonRow { locked: true, ..person("erin", "205", "staff") },
            PersonRow { site: Some("hamburg".into()), ..person("frank", "301", "staff") },
            person("tina", "206", "staff"),
        ];
        let peer = |network: &str, kind, site| Peer {
            name: network.into(),
            network: network.parse().expect("a network"),
            kind,
            site: SiteId(site),
            over: None,
        };
        Company {
            document,
            rows: Rows { people, contacts: Vec::new() },
            limits: Limits { digest: vec![Algorithm::Sha256, Algorithm::Md5], ..Limits::default() },
            trunks,
            costs: Arc::default(),
            peers: vec![
                peer("10.0.0.0/24", PeerKind::Phones, 0),
                peer("10.3.0.0/24", PeerKind::Phones, 1),
                peer("10.1.0.0/24", PeerKind::Trunk, 0),
                peer("10.2.0.0/24", PeerKind::TrustedPbx, 0),
            ],
            homes: HashMap::new(),
        }
    }

    /// A daily budget of one person.
    pub fn daily(self, who: &str, amount: &str) -> Company {
        let amount = Money::parse(amount).expect("an amount");
        self.limited(who, Quantity::Money { period: PeriodKind::Day, amount })
    }

    pub fn limited(mut self, who: &str, quantity: Quantity) -> Company {
        self.person(who).budgets.push(Limit { quantity, soft: false });
        self
    }

    pub fn with(mut self, change: impl FnOnce(&mut Company)) -> Company {
        change(&mut self);
        self
    }

    pub fn person(&mut self, key: &str) -> &mut PersonRow {
        self.rows.people.iter_mut().find(|person| person.key == key).expect("somebody of this house")
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        let policy = compile(&self.document, &self.rows).expect("a sound policy");
        let mut credentials = HashMap::new();
        for row in &self.rows.people {
            let person = policy.person_by_key(&row.key).expect("a person of the rows");
            let ha1 = Ha1::of(&row.key, DOMAIN, &Endpoint::password(&row.key));
            credentials.insert(row.key.as_str().into(), Credential { person, ha1 });
        }
        let bound = |transport| Interface::bound(transport, "10.9.0.1:5060".parse().expect("an address"));
        Arc::new(Snapshot {
            tariffs: Arc::new(tariffs()),
            credentials: Arc::new(credentials),
            interfaces: Interfaces::new(
                vec![bound(Transport::Udp), bound(Transport::Tcp)],
                vec![DOMAIN.into()],
            ),
            trunks: TrunkQueue::new(self.trunks.clone()),
            peers: self.peers.clone(),
            located: Vec::new(),
            homes: self.homes.clone(),
            costs: Arc::clone(&self.costs),
            realm: DOMAIN.into(),
            limits: self.limits.clone(),
            policy: Arc::new(policy),
        })
    }
}

/// Everybody who speaks SIP here.
pub fn endpoints() -> Vec<Endpoint> {
    let phone = |name, user, address: &str| Endpoint::new(name, user, udp(address), true);
    let tcp = Flow {
        transport: Transport::Tcp,
        listener: ListenerId(1),
        remote: "10.0.0.6:40006".parse().expect("an address"),
        connection: ConnectionId(6),
    };
    vec![
        phone("alice", "alice", "10.0.0.1:5060"),
        phone("bob", "bob", "10.0.0.2:5060"),
        phone("bob2", "bob", "10.0.0.22:5060"),
        phone("carol", "carol", "10.0.0.3:5060"),
        phone("dave", "dave", "10.0.0.4:5060"),
        phone("erin", "erin", "10.0.0.5:5060"),
        phone("frank", "frank", "10.3.0.1:5060"),
        Endpoint::new("tina", "tina", tcp, true),
        // Somewhere on the Internet.
        Endpoint::new("mallory", "mallory", udp("203.0.113.66:5060"), false),
        // In the house, but nobody's.
        Endpoint::new("lobby", "lobby", udp("10.0.0.99:5060"), false),
        Endpoint::new("main", "+4915155500001", udp("10.1.0.1:5060"), false),
        // The same trunk over TCP.
        Endpoint::new(
            "stream",
            "+4915155500001",
            Flow { transport: Transport::Tcp, listener: ListenerId(1), ..udp("10.1.0.1:5060") },
            false,
        ),
        Endpoint::new("backup", "+4915155500002", udp("10.1.0.2:5060"), false),
        Endpoint::new("pbx", "alice", udp("10.2.0.1:5060"), false),
    ]
}

/// Whether a party stands on the trunks' side of the ladder.
pub fn is_right(name: &str) -> bool {
    matches!(name, "main" | "stream" | "backup")
}

fn udp(address: &str) -> Flow {
    Flow::udp(ListenerId(0), address.parse().expect("an address"))
}

fn trunk(name: &str, id: u16) -> Trunk {
    let flow = udp(&format!("10.1.0.{}:5060", id + 1));
    Trunk {
        id: TrunkId(id),
        name: name.into(),
        flow,
        host: flow.remote.to_string(),
        priority: id,
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

fn berlin() -> Site {
    Site {
        name: "berlin".into(),
        country: "DE".into(),
        emergency: words("112 110"),
        emergency_trunks: words("main backup"),
        callback: Some("030 2312500".into()),
        emergency_unauthenticated: true,
        dial: Dialling {
            area_code: Some("30".into()),
            extensions: words("2xx"),
            features: words("*98"),
            ..Dialling::default()
        },
        ..Site::default()
    }
}

fn hamburg() -> Site {
    Site {
        name: "hamburg".into(),
        country: "DE".into(),
        emergency: words("112"),
        from_mismatch: FromMismatch::Rewrite,
        dial: Dialling { area_code: Some("40".into()), extensions: words("3xx"), ..Dialling::default() },
        ..Site::default()
    }
}

fn person(key: &str, extension: &str, roles: &str) -> PersonRow {
    PersonRow {
        key: key.into(),
        name: key.into(),
        extension: Some(extension.into()),
        numbers: vec![format!("+49302312{extension}")],
        site: Some("berlin".into()),
        roles: words(roles),
        sip_user: Some(key.into()),
        ..PersonRow::default()
    }
}

fn staff() -> Role {
    let classes = [Class::Internal, Class::Local, Class::National, Class::Mobile, Class::TollFree];
    let permit = PermitRule { classes: classes.into(), contacts: Contacts::Any, ..PermitRule::default() };
    let feature = PermitRule { ..permit.clone() };
    Role { name: "staff".into(), permits: vec![permit, feature], ..Role::default() }
}

fn boss() -> Role {
    let classes = [
        Class::Internal,
        Class::Local,
        Class::National,
        Class::Mobile,
        Class::TollFree,
        Class::International,
    ];
    let permit = PermitRule {
        classes: classes.into(),
        contacts: Contacts::Any,
        by: BTreeSet::from([By::Dial, By::Forward, By::Transfer]),
        outside_to_outside: true,
        ..PermitRule::default()
    };
    Role { name: "boss".into(), permits: vec![permit], ..Role::default() }
}

fn tariffs() -> TariffBook {
    price_list(&TARIFF)
}

/// Prefix, price per minute, connect fee, first and next increment of each row.
pub fn price_list(rows: &[(&str, &str, &str, u64, u64)]) -> TariffBook {
    let rows = rows.iter().enumerate().map(|(index, (prefix, per_minute, connect, first, next))| TariffRow {
        line: index as u64 + 1,
        prefix: (*prefix).to_owned(),
        per_minute: Money::parse(per_minute).expect("an amount"),
        connect: Money::parse(connect).expect("an amount"),
        first_increment: *first,
        next_increment: *next,
        grace: if *prefix == GRACE.0 { GRACE.1 } else { 0 },
        valid_from: NaiveDate::from_ymd_opt(2026, 1, 1).expect("a date"),
    });
    let mut rows: Vec<TariffRow> = rows.collect();
    // A list without this prefix has no price that changes.
    let (prefix, date, per_minute) = CHANGE;
    if let Some(before) = rows.iter().find(|row| row.prefix == prefix).cloned() {
        rows.push(TariffRow {
            line: rows.len() as u64 + 1,
            per_minute: Money::parse(per_minute).expect("an amount"),
            valid_from: date.parse().expect("a date"),
            ..before
        });
    }
    TariffBook::compile(&rows, chrono_tz::Europe::Berlin, Rounding::default()).expect("a sound tariff")
}

pub fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
