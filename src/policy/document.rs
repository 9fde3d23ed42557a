//! The policy document and the rows beside it, as plain values: what `config` reads from files and `compile` judges.
//! Names that point elsewhere (roles, sites, trunks, lists) are still text here; `compile` reports every one that leads nowhere.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::base::Money;

use super::class::Class;
pub use super::fraud::FraudRule;
use super::reason::Language;

/// Everything that is one version of the policy: sites, roles, guards, budgets, classes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Of the document, as its keeper counts; decisions are recorded with it (R7).
    pub version: u64,
    pub company: Company,
    pub sites: Vec<Site>,
    pub roles: Vec<Role>,
    pub groups: Vec<Group>,
    pub departments: Vec<Department>,
    /// Company-wide guards; those of one role stand in `Role::guards` (R2).
    pub guards: Vec<Guard>,
    /// Signs of toll fraud that lock a class for a person for a while (R2).
    pub fraud: FraudRule,
    /// Budgets of departments, trunks, the company and single people; per-person defaults stand in `Role::budgets` (R3).
    pub budgets: Vec<BudgetRule>,
    /// Additions to and changes of the shipped table of classes (R32).
    pub classes: Vec<ClassRow>,
    /// Zones beside the shipped ones, or in their place.
    pub zones: Vec<Zone>,
    pub lists: Vec<NamedList>,
    /// The names of the trunks in the settings, so that a permit naming another one is found out.
    pub trunks: Vec<String>,
    /// Contact databases that are known to be, whether or not they have rows.
    pub databases: Vec<String>,
}

/// What holds where a site or person says nothing else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Company {
    pub name: String,
    /// IANA zone, such as `Europe/Berlin`; required.
    pub zone: String,
    /// The site of people and contacts that name none; the first site if absent.
    pub home: Option<String>,
}

/// One place with phones: how its people dial, its holidays, its language, its emergency numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Site {
    pub name: String,
    /// IANA zone; the company's if absent.
    pub zone: Option<String>,
    /// ISO 3166 code, such as `DE`: chooses the shipped dial plan.
    pub country: String,
    /// Of the refusals shown on its phones.
    pub language: Language,
    pub dial: Dialling,
    /// Numbers that are emergency calls here (R40); at least one.
    pub emergency: Vec<String>,
    /// Trunks for emergency calls, in order (R41); every trunk in its usual order if empty.
    pub emergency_trunks: Vec<String>,
    /// The call-back number that emergency calls carry (R41), as written here.
    pub callback: Option<String>,
    /// Whether emergency calls from unauthenticated phones are taken (R41).
    pub emergency_unauthenticated: bool,
    /// ISO code of the country whose public holidays count in hours (R82); `country` if absent.
    pub holidays: Option<String>,
    /// What happens when From is not the authenticated person (R20).
    pub from_mismatch: FromMismatch,
}

/// Differences from the shipped dial plan of the country; every absent value keeps the shipped one (R30).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dialling {
    /// Country code without `+`.
    pub country_code: Option<String>,
    /// International prefixes beside `+`, such as `00`, `011`, `8~10`.
    pub international: Option<Vec<String>>,
    /// National prefix, such as `0`, `1`, `8`; empty text: none.
    pub national: Option<String>,
    /// Area code put before local numbers.
    pub area_code: Option<String>,
    /// The digit (or digits) for an outside line; then every number that is not an extension must begin with it.
    pub outside_line: Option<String>,
    /// Patterns of extensions: digits, and `x` for any digit, as in `2xx`.
    pub extensions: Vec<String>,
    /// Feature codes that may be dialled, such as `*98`.
    pub features: Vec<String>,
    /// Prefixes that choose another carrier; refused.
    pub dial_around: Option<Vec<String>>,
    /// Short national numbers, as patterns, such as `118xx`.
    pub short: Option<Vec<String>>,
    /// Domains that are this site's own in `phone-context` (RFC 3966 §5.1.5).
    pub contexts: Vec<String>,
    /// True: letters are keys of the phone (`1-800-FLOWERS`); false: a number with letters is unknown.
    pub letters: bool,
    /// Fewest and most digits of a national number without its prefix.
    pub national_lengths: Option<(u8, u8)>,
    /// Fewest and most digits of a number dialled without area code.
    pub local_lengths: Option<(u8, u8)>,
}

/// R20, last sentence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FromMismatch {
    #[default]
    Refuse,
    Rewrite,
}

/// A list of permits, with guards and per-person budget defaults (R1 to R3).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Role {
    pub name: String,
    /// Roles whose permits, guards and budgets this one has too.
    pub inherits: Vec<String>,
    pub permits: Vec<PermitRule>,
    pub guards: Vec<Guard>,
    /// Defaults for each person with this role; the largest of several roles holds.
    pub budgets: Vec<Limit>,
    /// What becomes of calls in progress that a change of the rules takes the right from (R76).
    pub on_change: Ending,
}

/// One permit. A call is permitted when one permit covers it whole (R1).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PermitRule {
    /// Destination classes. `International` covers every country; else tick countries or zones.
    pub classes: BTreeSet<Class>,
    /// ISO codes of countries abroad that may be called (ordinary numbers; premium and satellite need their class).
    pub countries: Vec<String>,
    pub zones: Vec<String>,
    pub contacts: Contacts,
    /// OpenStreetMap opening hours, such as `Mo-Fr 08:00-18:00; PH off`; always if absent.
    pub hours: Option<String>,
    /// Names of the trunks to be used; any if empty.
    pub trunks: Vec<String>,
    /// By dialling, forwarding or transferring; only by dialling if empty.
    pub by: BTreeSet<By>,
    /// What becomes of calls in progress at the end of `hours` (R82).
    pub at_close: Ending,
    /// Longest call in seconds.
    pub longest_s: Option<u32>,
    /// Whether a forwarded or transferred call may join two outside parties (R23).
    pub outside_to_outside: bool,
}

/// What becomes of a call in progress when the right to it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// It goes on until somebody hangs up, or money and time end it.
    #[default]
    Finish,
    Cut,
    /// It is ended so much later.
    After(Duration),
}

/// Whom a permit lets one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Contacts {
    /// Nobody: the careful reading of a permit that does not say.
    #[default]
    IncomingOnly,
    Any,
    /// Contacts of the named databases; of every database if none is named.
    Crm(Vec<String>),
    /// Contacts whose owner is the caller; of the named databases, or of every one.
    OwnCrm(Vec<String>),
    /// As `Crm`, and every colleague.
    CrmAndColleagues(Vec<String>),
    InternalOnly,
    /// Numbers on any of these named lists.
    Lists(Vec<String>),
}

/// How a call comes about (R10, R22, R23).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    #[default]
    Dial,
    Forward,
    Transfer,
}

/// Forbids whatever matches any one of its lists, and beats every permit (R2).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Guard {
    pub name: String,
    pub classes: BTreeSet<Class>,
    pub countries: Vec<String>,
    pub zones: Vec<String>,
    /// International prefixes without `+`, such as `88`.
    pub prefixes: Vec<String>,
    /// Block lists by name; they stop incoming callers too.
    pub lists: Vec<String>,
    /// A lock set because of suspected fraud: refused with that reason.
    pub fraud_lock: bool,
}

/// A budget and whose it is (R3).
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetRule {
    pub holder: BudgetHolder,
    pub limit: Limit,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BudgetHolder {
    /// By key; overrides the defaults of the person's roles.
    Person(String),
    Department(String),
    Trunk(String),
    Company,
}

/// How much of what. A soft limit only gives notice; it never refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub quantity: Quantity,
    pub soft: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    Money {
        period: PeriodKind,
        amount: Money,
    },
    Minutes {
        period: PeriodKind,
        count: u32,
    },
    /// Calls at once (R68).
    Calls {
        count: u32,
    },
}

/// Local midnight to local midnight; weeks start on Monday (R80).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeriodKind {
    Day,
    Week,
    Month,
}

/// People who share roles (R6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    pub roles: Vec<String>,
}

/// A department's people have its roles and those of every department above it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Department {
    pub name: String,
    pub parent: Option<String>,
    pub roles: Vec<String>,
}

/// One line of the table of classes: the longest prefix wins; a line here replaces the shipped line of the same prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassRow {
    /// International prefix without `+`.
    pub prefix: String,
    /// ISO code; none for networks that belong to no country.
    pub country: Option<String>,
    pub kind: super::class::Kind,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Zone {
    pub name: String,
    pub countries: Vec<String>,
}

/// Numbers under a name: a block list for guards, or an allow list for permits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedList {
    pub name: String,
    /// Whole numbers, as written at the home site.
    pub numbers: Vec<String>,
    /// International prefixes without `+`.
    pub prefixes: Vec<String>,
}

/// What comes as rows: many, and changed daily.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub people: Vec<PersonRow>,
    pub contacts: Vec<ContactRow>,
}

/// One line of `people.csv`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PersonRow {
    /// Stable and unique; budgets and records are kept under it.
    pub key: String,
    pub name: String,
    pub extension: Option<String>,
    /// Outside numbers that ring this person, as written at the site.
    pub numbers: Vec<String>,
    /// The number shown to the called party; the first of `numbers` if absent.
    pub outgoing: Option<String>,
    pub department: Option<String>,
    pub site: Option<String>,
    /// IANA zone; the site's if absent (R80).
    pub zone: Option<String>,
    pub groups: Vec<String>,
    /// Role names, each with an optional span: `sales`, `sales@2026-01-01..2026-01-31` (both days included), `sales@..2026-02-01`.
    pub roles: Vec<String>,
    /// User name of the phone's digest and registration.
    pub sip_user: Option<String>,
    /// Those of one group may take over each other's calls (R24).
    pub pickup_group: Option<String>,
    /// The person's own limits, over those of the roles.
    pub budgets: Vec<Limit>,
    /// Locked because of suspected fraud: nothing but emergency calls.
    pub locked: bool,
    /// Line in the file, for problems.
    pub line: Option<u64>,
}

/// One line of a contact file as it passes by: a million of them are never held at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContactLine<'a> {
    /// Name of the database it belongs to.
    pub database: &'a str,
    /// Key of the person whose contact it is.
    pub owner: Option<&'a str>,
    /// As written: goes through the same canonical form as dialled numbers (R31).
    pub number: &'a str,
    /// The site whose way of writing numbers it follows; the company's home if absent.
    pub site: Option<&'a str>,
    /// Line in the file, for problems.
    pub line: Option<u64>,
}

/// One line of `contacts.csv`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactRow {
    /// Name of the database it belongs to.
    pub database: String,
    /// Key of the person whose contact it is.
    pub owner: Option<String>,
    /// As written: goes through the same canonical form as dialled numbers (R31).
    pub number: String,
    pub name: String,
    /// The site whose way of writing numbers it follows; the company's home if absent.
    pub site: Option<String>,
    /// Line in the file, for problems.
    pub line: Option<u64>,
}

impl ContactRow {
    pub fn as_line(&self) -> ContactLine<'_> {
        ContactLine {
            database: &self.database,
            owner: self.owner.as_deref(),
            number: &self.number,
            site: self.site.as_deref(),
            line: self.line,
        }
    }
}
