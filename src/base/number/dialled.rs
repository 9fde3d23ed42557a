//! What was dialled, before any reading of it, and what the reading comes to.

use super::{PhoneNumber, ShortCode};

/// The scheme of the dialled address. Only the first four can name a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Sip,
    Sips,
    Tel,
    /// `urn:service:sos` and its kin (RFC 5031) are emergency calls.
    Urn,
    Other,
}

/// The raw parts of a dialled address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialled<'a> {
    pub scheme: Scheme,
    /// sip, sips: what stands before `@`, raw, with its user parameters; tel: what stands after `tel:`, with or without
    /// its parameters; urn: what stands after `urn:`.
    pub user: &'a str,
    /// Parameters of the address, raw, without the first `;`: of a tel: those that were cut off `user`, if any; of a sip those after the host.
    pub params: &'a str,
}

impl<'a> Dialled<'a> {
    /// The user part of a SIP address, or a number as people write it.
    pub fn sip(user: &'a str) -> Dialled<'a> {
        Dialled { scheme: Scheme::Sip, user, params: "" }
    }

    /// What stands after `tel:`.
    pub fn tel(user: &'a str) -> Dialled<'a> {
        Dialled { scheme: Scheme::Tel, user, params: "" }
    }

    /// What stands after `urn:`.
    pub fn urn(user: &'a str) -> Dialled<'a> {
        Dialled { scheme: Scheme::Urn, user, params: "" }
    }
}

/// The one reading of a dialled address (R30).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Canonical {
    /// The number of the site's list that it is; for a service URN the first of the list.
    Emergency(ShortCode),
    Extension(ShortCode),
    Number(PhoneNumber),
    Feature(ShortCode),
    Unknown(UnknownWhy),
}

/// At which step of R30 the reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum UnknownWhy {
    #[error("its scheme names no number")]
    Scheme,
    #[error("it is empty")]
    Empty,
    #[error("it is too long")]
    TooLong,
    #[error("it is too short")]
    TooShort,
    #[error("a %, a NUL or a foreign digit is left in it")]
    Encoding,
    #[error("it holds letters")]
    Letters,
    #[error("it holds a character that no number has")]
    Character,
    #[error("it goes on after the number")]
    PostDial,
    #[error("the feature code is not listed")]
    Feature,
    #[error("its phone-context is not ours")]
    PhoneContext,
    #[error("it chooses another carrier")]
    DialAround,
    #[error("the outside-line digit is missing")]
    OutsideLine,
    #[error("a zero stands where no number begins with one")]
    LeadingZero,
    #[error("it has the wrong count of digits")]
    Length,
    #[error("it fits no way of dialling at this site")]
    NoMatch,
}
