//! The companies: the one that is shipped, and random ones that share its sites, trunks and contacts. Each has a ledger in which money
//! is spent already, on disk for the binary and in memory for the gate.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};
use tempfile::TempDir;
use tollgate::base::{DecisionId, Money, Random, ReservationId};
use tollgate::config;
use tollgate::gate::{Snapshot, budget_line};
use tollgate::ledger::{Amount, Book, BudgetLine, CallRecord, Command, Limit, Reserve, Settle};
use tollgate::policy::BudgetLimit;
use tollgate::sip::{Flow, ListenerId};
use tollgate::store::{Sqlite, SqliteSettings, Store};

use super::attempts::{Attempt, DAYS, pick};

pub struct House {
    pub name: String,
    pub setup: Arc<Snapshot>,
    /// Keys of those who have a phone.
    pub callers: Vec<String>,
    pub contacts: Vec<String>,
    /// Their SIP users by key.
    users: BTreeMap<String, String>,
    spent: Vec<Command>,
    scratch: TempDir,
}

impl House {
    pub fn shipped(seed: u64) -> House {
        House::of("the shipped company".to_owned(), seed, |_, _| {})
    }

    pub fn random(seed: u64) -> House {
        House::of(format!("company {seed}"), seed, |folder, random| {
            write(folder, "policy.toml", &policy(random));
            write(folder, "people.csv", &people(random));
            write(folder, "tariff.csv", &tariff(random));
            let settings = fs::read_to_string(folder.join("tollgate.toml")).expect("the settings");
            let slice = pick(random, &["1m", "20s", "90s", "7s"]);
            let shortest = pick(random, &["10s", "0s", "45s"]);
            let longest = pick(random, &["4h", "25m", "2m"]);
            let changed = settings
                .replace("first_slice = \"1m\" ", &format!("first_slice = \"{slice}\" "))
                .replace("shortest_call = \"10s\" ", &format!("shortest_call = \"{shortest}\" "))
                .replace("call_longest = \"4h\" ", &format!("call_longest = \"{longest}\" "));
            write(folder, "tollgate.toml", &changed);
        })
    }

    fn of(name: String, seed: u64, change: impl FnOnce(&Path, &mut Random)) -> House {
        let mut random = Random::from_number(seed ^ 0x5eed);
        let scratch = TempDir::with_prefix("tollgate-agreement-").expect("a scratch folder can be made");
        let folder = scratch.path().join("config");
        fs::create_dir_all(&folder).expect("a folder");
        fs::create_dir_all(scratch.path().join("var")).expect("a folder");
        for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("config")).expect("config/") {
            let path = file.expect("a file").path();
            if path.is_file() {
                fs::copy(&path, folder.join(path.file_name().expect("a name"))).expect("a copy");
            }
        }
        change(&folder, &mut random);
        let loaded = config::load(&folder.join("tollgate.toml"))
            .unwrap_or_else(|problems| panic!("{name}: {problems:#?}"));
        let bound: Vec<_> = loaded.settings.listeners.iter().map(|listener| listener.address).collect();
        let users: BTreeMap<String, String> = loaded
            .policy
            .people()
            .filter_map(|(_, person)| Some((person.key.to_string(), person.sip_user.as_ref()?.to_string())))
            .collect();
        let ledger = loaded.settings.store.path.clone();
        let setup = Arc::new(tollgate::app::snapshot(loaded, &bound));
        let spent = spent(&setup, &mut random);
        let mut store = Sqlite::open(&ledger, SqliteSettings::default()).expect("a ledger");
        let mut replies = Vec::new();
        store.apply(&spent, &mut replies).expect("a commit");
        let contacts = contacts(&folder);
        House { name, setup, callers: users.keys().cloned().collect(), contacts, users, spent, scratch }
    }

    pub fn config(&self) -> PathBuf {
        self.scratch.path().join("config/tollgate.toml")
    }

    /// What is spent, in memory.
    pub fn book(&self) -> Book {
        let mut book = Book::default();
        for command in &self.spent {
            book.apply(command);
        }
        book.keep();
        book
    }

    /// The INVITE of an attempt, and where it comes from: a telephone system that is trusted, or a trunk.
    pub fn invite(&self, attempt: &Attempt) -> (Flow, String) {
        let user = |name: &String| self.users.get(name).unwrap_or(name).clone();
        let (from, caller) = match &attempt.person {
            Some(_) if attempt.by == "forward" => ("10.3.0.5", user(&attempt.speaker)),
            Some(person) => ("10.3.0.5", user(person)),
            None => ("192.0.2.20", attempt.shows.clone().unwrap_or_default()),
        };
        let diversion = match &attempt.person {
            Some(person) if attempt.by == "forward" => {
                format!("Diversion: <sip:{}@example.com>;reason=unconditional\r\n", user(person))
            }
            Some(_) | None => String::new(),
        };
        let text = format!(
            "INVITE sip:{}@example.com SIP/2.0\r\nVia: SIP/2.0/UDP {from}:5060;branch=z9hG4bKinvite\r\nMax-Forwards: 70\r\n\
             From: <sip:{caller}@example.com>;tag=caller\r\nTo: <sip:somebody@example.com>\r\nCall-ID: one@{from}\r\n\
             CSeq: 1 INVITE\r\nContact: <sip:{from}:5060>\r\n{diversion}Content-Length: 0\r\n\r\n",
            attempt.to
        );
        (Flow::udp(ListenerId(0), format!("{from}:5060").parse().expect("an address")), text)
    }
}

fn write(folder: &Path, file: &str, text: &str) {
    fs::write(folder.join(file), text).expect("a file");
}

/// Numbers of the contact files, as they are written there but without separators.
fn contacts(folder: &Path) -> Vec<String> {
    let files = ["contacts.csv", "suppliers.csv"]
        .map(|file| fs::read_to_string(folder.join(file)).expect("contacts"));
    let lines = files.iter().flat_map(|text| text.lines()).filter(|line| !line.starts_with(['#', 'n']));
    let cells = lines.filter_map(|line| line.split(',').next());
    cells
        .map(|cell| cell.chars().filter(|letter| letter.is_ascii_digit() || *letter == '+').collect())
        .collect()
}

/// Somebody has spent something of every budget on every day, or still holds it; of some more than there is.
fn spent(setup: &Snapshot, random: &mut Random) -> Vec<Command> {
    let mut commands = Vec::new();
    for (year, month, day) in DAYS {
        let noon =
            NaiveDate::from_ymd_opt(year, month, day).expect("a date").and_hms_opt(12, 0, 0).expect("noon");
        for (id, _) in setup.policy.people() {
            let at = noon.and_utc() + TimeDelta::seconds(random.below(3600) as i64);
            let budgets = setup.policy.effective_rights(id, at).budgets;
            let of_trunk = pick(random, &["carrier-a", "carrier-b"]);
            let trunk = setup.policy.trunk_limits(of_trunk).map_or(&[][..], |limits| &limits.budgets);
            let lines: Arc<[BudgetLine]> =
                budgets.iter().chain(trunk).map(|budget| boundless(budget_line(budget, at))).collect();
            let number = commands.len() as u64 + 1000;
            let (id, decision) = (ReservationId::from_u64(number), DecisionId::from_u64(number));
            let amount = some_of(&budgets, random);
            let record = Box::new(CallRecord::new(decision, "somebody", at));
            commands.push(Command::Reserve(Reserve { id, decision, amount, budgets: lines, at, record }));
            if !random.one_in(4) {
                commands.push(Command::Settle(Settle { id, amount, at, record: None }));
            }
        }
    }
    commands
}

fn boundless(line: BudgetLine) -> BudgetLine {
    let limit = match line.limit() {
        Limit::Money(_) => Limit::Money(Money::from_micros(i64::MAX / 4)),
        Limit::Seconds(_) => Limit::Seconds(u64::MAX / 4),
    };
    let (period, strictness) = (line.period(), line.strictness());
    BudgetLine::new(line.account, period, limit, strictness)
}

/// Up to a little more than the smallest of the budgets, often nearly all of it.
fn some_of(budgets: &[BudgetLimit], random: &mut Random) -> Amount {
    let percent = pick(random, &[0, 0, 10, 50, 90, 97, 99, 100, 101]);
    let money = budgets.iter().filter_map(|budget| match budget.amount {
        tollgate::policy::Amount::Money(money) => Some(money.as_micros()),
        tollgate::policy::Amount::Minutes(_) => None,
    });
    let seconds = budgets.iter().filter_map(|budget| match budget.amount {
        tollgate::policy::Amount::Money(_) => None,
        tollgate::policy::Amount::Minutes(minutes) => Some(u64::from(minutes) * 60),
    });
    let (money, seconds) = (money.min().unwrap_or(1_000_000), seconds.min().unwrap_or(600));
    Amount::new(Money::from_micros(money * percent / 100), seconds * percent.unsigned_abs() / 100)
}

const CLASSES: [&str; 10] = [
    "internal",
    "local",
    "national",
    "mobile",
    "international",
    "toll_free",
    "shared_cost",
    "premium",
    "satellite",
    "special",
];

fn policy(random: &mut Random) -> String {
    let mut text = "[company]\nname = \"Chance\"\nzone = \"Europe/Berlin\"\nhome = \"berlin\"\n".to_owned();
    for role in 0..5 {
        let money = random.below(900) + 1;
        let minutes = random.below(200) + 1;
        let period = pick(random, &["day", "week", "month"]);
        let soft = pick(random, &["", ", soft = true"]);
        text += &format!(
            "[roles.role{role}]\nbudgets = [{{ period = \"{period}\", money = \"{}.{:02}\"{soft} }}, \
             {{ period = \"day\", minutes = {minutes} }}]\n",
            money / 100,
            money % 100
        );
        for _ in 0..=random.below(3) {
            text += &permit(role, random);
        }
    }
    text += "[[guards]]\nname = \"dear\"\nclasses = [\"premium\"]\n";
    for (holder, name) in [("trunk", "carrier-a"), ("department", "all"), ("trunk", "carrier-b")] {
        let (money, period) = (random.below(2000) + 1, pick(random, &["day", "week", "month"]));
        text += &format!(
            "[[budgets]]\nholder = \"{holder}\"\nname = \"{name}\"\nperiod = \"{period}\"\nmoney = \"{money}.00\"\n"
        );
    }
    text + "[departments.all]\n"
}

fn permit(role: usize, random: &mut Random) -> String {
    let classes: Vec<&str> = CLASSES.into_iter().filter(|_| !random.one_in(3)).collect();
    let contacts = pick(random, &["any", "any", "any", "crm", "own_crm", "crm_and_colleagues"]);
    let mut text = format!(
        "[[roles.role{role}.permits]]\nclasses = {classes:?}\ncontacts = \"{contacts}\"\nby = [\"dial\"{}]\n",
        pick(random, &["", ", \"forward\""])
    );
    if classes.is_empty() {
        text = text.replace("[]", "[\"local\"]");
    }
    if random.one_in(3) {
        let hours = pick(random, &["Mo-Fr 08:00-18:00; PH off", "Sa,Su", "06:00-24:00", "Mo-Su 22:00-03:00"]);
        let close = pick(random, &["finish", "cut", "5m"]);
        text += &format!("hours = \"{hours}\"\nat_close = \"{close}\"\n");
    }
    if random.one_in(3) {
        text += &format!("longest_s = {}\n", random.below(2000) + 1);
    }
    if random.one_in(4) {
        let order = pick(random, &["[\"carrier-b\"]", "[\"carrier-b\", \"carrier-a\"]", "[\"carrier-a\"]"]);
        text += &format!("trunks = {order}\n");
    }
    if random.one_in(3) {
        text += "outside_to_outside = true\n";
    }
    text
}

fn people(random: &mut Random) -> String {
    let mut text =
        "key,name,extension,numbers,department,site,roles,sip_user,password,money_day,minutes_month\n"
            .to_owned();
    for at in 0..40 {
        let site = pick(random, &["berlin", "moscow", "boston"]);
        let digit = match site {
            "berlin" => 2,
            "moscow" => 3,
            _ => 4,
        };
        let (role, other) = (random.below(5), random.below(5));
        let own = if random.one_in(4) { format!("0.{:02}", random.below(100)) } else { String::new() };
        let minutes = if random.one_in(6) { (random.below(30) + 1).to_string() } else { String::new() };
        text += &format!(
            "k{at},Somebody {at},{digit}{at:02},+49 30 66{at:04},all,{site},role{role}|role{other},u{at},secret,{own},{minutes}\n"
        );
    }
    text
}

fn tariff(random: &mut Random) -> String {
    let mut text =
        "prefix,price_per_minute,connect_fee,first_increment_s,next_increment_s,grace_s,valid_from\n"
            .to_owned();
    let prefixes = [
        "49", "4930", "4915", "4917", "49800", "43", "41", "44", "33", "1", "1617", "7", "7495", "7812",
        "370", "88",
    ];
    for prefix in prefixes {
        if random.one_in(10) {
            continue;
        }
        for from in ["2026-01-01", "2026-04-01"] {
            let price = pick(random, &["0.0100", "0.6000", "0.1234", "3.0000", "0"]);
            let connect = pick(random, &["", "", "0.05"]);
            let (first, next) = pick(random, &[(1, 1), (60, 60), (30, 6), (60, 1)]);
            let grace = pick(random, &[0, 0, 0, 5]);
            text += &format!("{prefix},{price},{connect},{first},{next},{grace},{from}\n");
        }
    }
    text
}
