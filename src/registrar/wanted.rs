//! What one REGISTER asks for (RFC 3261 §10.2), checked before anything changes.

use crate::sip::{Message, Name, NameAddr};

use super::binding::Preference;
use super::location::Limits;

/// Bytes of a contact URI, of all Path values, of an instance and of a User-Agent. Generous for phones, small for memory.
const LONGEST_CONTACT: usize = 1024;
const LONGEST_PATH: usize = 2048;
const LONGEST_NAME: usize = 256;
/// Below an hour a registrar may call an interval too brief (§10.3 item 7).
const NEVER_TOO_BRIEF_SECONDS: u32 = 3600;
/// Extensions of REGISTER that are served here.
const SPOKEN: [&str; 2] = ["path", "outbound"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// No Contact: list what is there.
    Fetch,
    /// `*` with Expires 0.
    RemoveAll,
    Change(Vec<Change>),
}

/// One contact to add, refresh, or with zero seconds remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub contact: Box<str>,
    pub seconds: u32,
    pub preference: Preference,
    pub instance: Option<Box<str>>,
    pub reg_id: Option<u32>,
}

/// Why a REGISTER fails as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: u16,
    pub reason: &'static str,
    pub header: Option<(&'static str, String)>,
}

impl Refusal {
    pub const fn new(status: u16, reason: &'static str) -> Refusal {
        Refusal { status, reason, header: None }
    }

    const fn bad(reason: &'static str) -> Refusal {
        Refusal::new(400, reason)
    }
}

impl Wanted {
    pub fn read(message: &Message, limits: &Limits) -> Result<Wanted, Refusal> {
        check_extensions(message)?;
        if !message.to().parsed_uri().is_ok_and(|uri| uri.is_sip()) {
            return Err(Refusal::bad("To is no SIP address"));
        }
        let contacts: Vec<_> = message.values(Name::Contact).collect();
        if contacts.iter().any(|value| value.bytes == b"*") {
            let alone = contacts.len() == 1 && message.expires() == Some(0);
            return if alone {
                Ok(Wanted::RemoveAll)
            } else {
                Err(Refusal::bad("Contact * needs Expires 0 and no other"))
            };
        }
        if contacts.is_empty() {
            return Ok(Wanted::Fetch);
        }
        if contacts.len() > limits.most_contacts {
            return Err(Refusal::new(403, "Too many contacts"));
        }
        let default = message.expires().unwrap_or(limits.default_seconds);
        let changes = contacts.iter().map(|value| {
            let address = value.address().ok_or(Refusal::bad("Bad Contact"))?;
            Change::read(&address, default, limits)
        });
        changes.collect::<Result<_, _>>().map(Wanted::Change)
    }
}

impl Change {
    fn read(address: &NameAddr<'_>, default: u32, limits: &Limits) -> Result<Change, Refusal> {
        check_contact(address)?;
        let asked = match address.param("expires") {
            Some(Some(digits)) => parse_seconds(digits),
            Some(None) => NEVER_TOO_BRIEF_SECONDS,
            None => default,
        };
        let preference = match address.param("q") {
            Some(q) => q.and_then(Preference::parse).ok_or(Refusal::bad("Bad q in Contact"))?,
            None => Preference::HIGHEST,
        };
        let instance =
            address.param("+sip.instance").flatten().filter(|instance| instance.len() <= LONGEST_NAME);
        Ok(Change {
            contact: address.uri.into(),
            seconds: allowed_seconds(asked, limits)?,
            preference,
            // It goes back out between quotes.
            instance: instance.filter(|instance| !instance.contains(['"', '\\'])).map(Box::from),
            reg_id: address.param("reg-id").flatten().and_then(|digits| digits.parse().ok()),
        })
    }

    /// What tells this phone from others whatever its address, if it says both halves.
    pub fn outbound(&self) -> Option<(&str, u32)> {
        self.instance.as_deref().zip(self.reg_id)
    }
}

/// A contact must be a SIP address that says itself where it is: `maddr` would send calls elsewhere (R13).
fn check_contact(address: &NameAddr<'_>) -> Result<(), Refusal> {
    let uri = address.parsed_uri().map_err(|_| Refusal::bad("Bad Contact"))?;
    if !uri.is_sip() || uri.params.contains("method") {
        return Err(Refusal::bad("Contact is no SIP address"));
    }
    if uri.params.contains("maddr") {
        return Err(Refusal::bad("maddr in Contact"));
    }
    if address.uri.len() > LONGEST_CONTACT {
        return Err(Refusal::bad("Contact too long"));
    }
    Ok(())
}

/// §10.3 item 7: zero removes, too brief is refused, too long is cut.
fn allowed_seconds(asked: u32, limits: &Limits) -> Result<u32, Refusal> {
    if asked > 0 && asked < limits.shortest_seconds && asked < NEVER_TOO_BRIEF_SECONDS {
        let header = Some(("Min-Expires", limits.shortest_seconds.to_string()));
        return Err(Refusal { header, ..Refusal::new(423, "Interval Too Brief") });
    }
    Ok(asked.min(limits.longest_seconds))
}

/// §20.19: too large is the largest, malformed is an hour.
fn parse_seconds(digits: &str) -> u32 {
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().unwrap_or(u32::MAX) } else { NEVER_TOO_BRIEF_SECONDS }
}

/// §8.2.2.3: what is required and not spoken here is named in the answer.
fn check_extensions(message: &Message) -> Result<(), Refusal> {
    let required = message.values(Name::Require).map(|value| value.text().into_owned());
    let unknown: Vec<String> =
        required.filter(|option| !SPOKEN.iter().any(|spoken| spoken.eq_ignore_ascii_case(option))).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let header = Some(("Unsupported", unknown.join(", ")));
    Err(Refusal { header, ..Refusal::new(420, "Bad Extension") })
}

/// The Path values, each a SIP address (RFC 3327).
pub(super) fn path(message: &Message) -> Result<Box<[Box<str>]>, Refusal> {
    let read = |value: crate::sip::Value<'_>| {
        let is_sip = value.address()?.parsed_uri().is_ok_and(|uri| uri.is_sip());
        is_sip.then(|| value.text().into())
    };
    let path: Option<Box<[Box<str>]>> = message.values(Name::Path).map(read).collect();
    let path = path.ok_or(Refusal::bad("Bad Path"))?;
    let length: usize = path.iter().map(|value| value.len()).sum();
    if length > LONGEST_PATH { Err(Refusal::bad("Path too long")) } else { Ok(path) }
}

pub(super) fn user_agent(message: &Message) -> Option<Box<str>> {
    message.header(Name::UserAgent).map(|name| name.chars().take(LONGEST_NAME).collect::<String>().into())
}
