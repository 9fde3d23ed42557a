//! Reads `people.csv`: the people of the policy, and the credentials of their phones. Passwords become HA1 here and are forgotten.

use std::collections::HashMap;
use std::io::Read;

use chrono_tz::Tz;

use super::credential::{Credential, from_hex};
use super::problem::Problems;
use super::rows::{self, Column, Row, optional, required};
use super::secret::Secret;
use super::values::Setting;
use crate::base::Money;
use crate::policy::PeriodKind;
use crate::policy::document::{Limit, PersonRow, Quantity};

const COLUMNS: [Column; 23] = [
    required("key"),
    required("name"),
    optional("extension"),
    optional("numbers"),
    optional("outgoing"),
    optional("department"),
    optional("site"),
    optional("zone"),
    optional("groups"),
    optional("roles"),
    optional("sip_user"),
    optional("pickup_group"),
    optional("password"),
    optional("ha1_md5"),
    optional("ha1_sha256"),
    optional("money_day"),
    optional("money_week"),
    optional("money_month"),
    optional("minutes_day"),
    optional("minutes_week"),
    optional("minutes_month"),
    optional("calls"),
    optional("locked"),
];

/// The people and the credentials of those who have a phone. Those of a site that `registers_elsewhere` need no password here.
pub(super) fn read(
    problems: &Problems,
    source: impl Read,
    realm: &str,
    registers_elsewhere: impl Fn(Option<&str>) -> bool,
) -> (Vec<PersonRow>, Vec<Credential>) {
    let mut people = Vec::new();
    let mut credentials = Vec::new();
    let mut users: HashMap<String, u32> = HashMap::new();
    rows::read(problems, &COLUMNS, source, |row| {
        let person = read_person(row);
        let is_elsewhere = registers_elsewhere(person.site.as_deref());
        if let Some(credential) = read_credential(row, realm, &person, is_elsewhere) {
            if let Some(first) = users.insert(credential.user.clone(), row.line) {
                let what = format!("{:?} is the user of line {first} too", credential.user);
                row.blame("sip_user", what, "a user name of one's own");
            }
            credentials.push(credential);
        }
        people.push(person);
    });
    (people, credentials)
}

fn read_person(row: &Row<'_>) -> PersonRow {
    PersonRow {
        key: row.needed("key"),
        name: row.needed("name"),
        extension: row.owned("extension"),
        numbers: row.list("numbers"),
        outgoing: row.owned("outgoing"),
        department: row.owned("department"),
        site: row.owned("site"),
        zone: row.optional::<Tz>("zone").map(|zone| zone.name().to_owned()),
        groups: row.list("groups"),
        roles: row.list("roles"),
        sip_user: row.owned("sip_user"),
        pickup_group: row.owned("pickup_group"),
        budgets: read_budgets(row),
        locked: row.optional("locked").unwrap_or(false),
        line: Some(u64::from(row.line)),
    }
}

fn read_budgets(row: &Row<'_>) -> Vec<Limit> {
    let money = |column, period| Some(Quantity::Money { period, amount: row.optional::<Money>(column)? });
    let minutes = |column, period| Some(Quantity::Minutes { period, count: row.optional::<u32>(column)? });
    let quantities = [
        money("money_day", PeriodKind::Day),
        money("money_week", PeriodKind::Week),
        money("money_month", PeriodKind::Month),
        minutes("minutes_day", PeriodKind::Day),
        minutes("minutes_week", PeriodKind::Week),
        minutes("minutes_month", PeriodKind::Month),
        row.optional("calls").map(|count| Quantity::Calls { count }),
    ];
    quantities.into_iter().flatten().map(|quantity| Limit { quantity, soft: false }).collect()
}

fn read_credential(row: &Row<'_>, realm: &str, person: &PersonRow, is_elsewhere: bool) -> Option<Credential> {
    let password: Option<Secret> = row.optional("password");
    let md5 = row.optional::<Hash<16>>("ha1_md5").and_then(|Hash(bytes)| bytes);
    let sha256 = row.optional::<Hash<32>>("ha1_sha256").and_then(|Hash(bytes)| bytes);
    let hashed = md5.is_some() || sha256.is_some();
    let Some(user) = &person.sip_user else {
        if password.is_some() || hashed {
            row.blame("sip_user", "is empty beside a password", "the user name of the phone");
        }
        return None;
    };
    if user.contains(|letter: char| letter.is_control() || matches!(letter, ':' | '"' | '@' | ' ')) {
        row.blame("sip_user", format!("{user:?} is not a user name"), "letters, digits, dots, hyphens");
    }
    match password {
        Some(_) if hashed => {
            row.blame("password", "stands beside its own hash", "a password, or ha1_md5 and ha1_sha256");
            None
        }
        Some(password) => Some(Credential::of(user, realm, password.reveal(), &person.key)),
        None if hashed => Some(Credential { user: user.clone(), person: person.key.clone(), md5, sha256 }),
        // A wrong hash has been named already.
        None if row.text("ha1_md5").is_some() || row.text("ha1_sha256").is_some() => None,
        None if is_elsewhere => None,
        None => {
            let right = "a password, or what `tollgate hash` prints for ha1_md5 and ha1_sha256";
            row.blame("password", format!("is empty for the phone {user:?}"), right);
            None
        }
    }
}

/// An HA1 in hexadecimal; `None` inside after a problem.
pub(super) struct Hash<const N: usize>(pub(super) Option<[u8; N]>);

impl<const N: usize> Setting for Hash<N> {
    const NOUN: &'static str = "a hash";
    const SECRET: bool = true;

    fn right() -> String {
        format!("{} hexadecimal digits, as `tollgate hash` prints them", 2 * N)
    }

    fn from_text(text: &str) -> Option<Hash<N>> {
        from_hex(text).map(|bytes| Hash(Some(bytes)))
    }

    fn blank() -> Hash<N> {
        Hash(None)
    }
}
