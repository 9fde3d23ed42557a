//! One contact of one person, as registered.

use std::fmt::{self, Write};

use crate::base::Moment;
use crate::sip::{Flow, Uri};

/// The `q` of a contact in thousandths, 0 to 1000 (RFC 3261 §25.1 `qvalue`); without one, 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Preference(u16);

impl Preference {
    pub const HIGHEST: Preference = Preference(1000);

    pub(super) fn thousandths(self) -> u16 {
        self.0
    }

    pub(super) fn of_thousandths(value: u16) -> Option<Preference> {
        (value <= 1000).then_some(Preference(value))
    }

    /// Reads `0`, `0.5`, `0.333`, `1`, `1.000`. None for anything else.
    pub fn parse(text: &str) -> Option<Preference> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if !matches!(whole, "0" | "1")
            || fraction.len() > 3
            || !fraction.bytes().all(|byte| byte.is_ascii_digit())
        {
            return None;
        }
        let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
        let value = thousandths + if whole == "1" { 1000 } else { 0 };
        (value <= 1000).then_some(Preference(value))
    }
}

impl fmt::Display for Preference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The contact URI as registered; `?headers` and all, because a fetch must show it (RFC 4475 §3.3.14).
    pub contact: Box<str>,
    /// Where the REGISTER came from, and so where calls go.
    pub flow: Flow,
    /// Path values in order (RFC 3327): the Route of a request to this phone.
    pub path: Box<[Box<str>]>,
    pub expires: Moment,
    pub preference: Preference,
    /// `+sip.instance` without its quotes, and `reg-id`: which phone, whatever its address is today (RFC 5626 §4.1).
    pub instance: Option<Box<str>>,
    pub reg_id: Option<u32>,
    pub user_agent: Option<Box<str>>,
    pub(super) call_id: Box<[u8]>,
    pub(super) cseq: u32,
    pub(super) since: Moment,
}

impl Binding {
    /// The Request-URI of a call to this phone: never with `?headers`, which would become headers of ours (R13).
    pub fn target(&self) -> &str {
        match Uri::parse(&self.contact).ok().and_then(|uri| uri.headers) {
            Some(headers) => &self.contact[..self.contact.len() - headers.len() - 1],
            None => &self.contact,
        }
    }

    /// The value of a Contact header in the answer to a REGISTER (§10.3 item 8).
    pub(super) fn contact_value(&self, now: Moment) -> String {
        let seconds = self.expires.since(now).as_secs();
        let mut value = format!("<{}>;expires={seconds}", self.contact);
        // Writing to a String cannot fail.
        if self.preference != Preference::HIGHEST {
            let _ = write!(value, ";q={}", self.preference);
        }
        if let Some(instance) = &self.instance {
            let _ = write!(value, ";+sip.instance=\"{instance}\"");
        }
        if let Some(reg_id) = self.reg_id {
            let _ = write!(value, ";reg-id={reg_id}");
        }
        value
    }

    /// Whether a contact is the one bound here: by instance and reg-id if it has both (RFC 5626 §6), else by URI (§19.1.4).
    pub(super) fn is_for(&self, contact: &str, outbound: Option<(&str, u32)>) -> bool {
        match (outbound, self.instance.as_deref().zip(self.reg_id)) {
            (Some(wanted), Some(bound)) => wanted == bound,
            (Some(_) | None, Some(_) | None) => match (Uri::parse(&self.contact), Uri::parse(contact)) {
                (Ok(bound), Ok(wanted)) => bound.is_same_as(&wanted),
                _ => &*self.contact == contact,
            },
        }
    }
}
