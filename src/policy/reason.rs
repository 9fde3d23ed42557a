//! The one ordered list of refusal reasons (R51): code, metric label, stored decision, SIP status and sentence all come from it.
//! The order is how far the call got: of several permits that fail, the one that got furthest gives the reason.

use std::fmt;

/// The language of refusals, by site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    #[default]
    En,
    De,
    Ru,
}

impl Language {
    pub const ALL: [Language; 3] = [Language::En, Language::De, Language::Ru];

    pub const fn code(self) -> &'static str {
        match self {
            Language::En => "en",
            Language::De => "de",
            Language::Ru => "ru",
        }
    }

    pub fn from_code(code: &str) -> Option<Language> {
        Language::ALL.into_iter().find(|language| language.code() == code)
    }
}

/// Why a call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    // Who is calling.
    /// Nobody we know, or wrong credentials.
    UnknownCaller,
    /// From names another person than the one who authenticated (R20).
    IdentityMismatch,
    /// An identity asserted by a peer that is not listed as trusted (R20).
    UntrustedPeer,
    /// A forwarded call whose forwarder cannot be told (R22).
    NoForwarder,
    /// A call for which the network position gives no right: outside to outside, REFER from a trunk (R23).
    OutsideToOutside,
    // What is called.
    /// A request with parts that could change its meaning elsewhere: `maddr`, `method=`, embedded headers (R13).
    SuspectAddress,
    /// No safe reading of the number (R5, R30).
    UnknownNumber,
    /// An extension of the site that belongs to nobody.
    NoSuchExtension,
    // What is forbidden.
    FraudLock,
    /// A guard (R2).
    ForbiddenDestination,
    // What is not permitted.
    /// The caller's roles permit no outgoing call at all.
    IncomingOnly,
    /// Only colleagues may be called.
    InternalOnly,
    /// The caller's permits are for dialling, not for forwarding.
    NotByForward,
    /// The caller's permits are for dialling, not for transferring.
    NotByTransfer,
    /// No permit covers this class of destination.
    NotPermitted,
    /// No permit covers this country.
    CountryNotPermitted,
    /// The number is on none of the lists of the permit.
    NotOnList,
    NotAContact,
    /// A contact, but another person's.
    NotOwnContact,
    /// Whether it is a contact cannot be told: the copy is too old, or the database does not answer (R90).
    ContactsUnavailable,
    OutsideHours,
    Holiday,
    // Who pays.
    /// Nothing says what the call costs, so nothing says whether it can be paid.
    NoTariff,
    DailySpend,
    WeeklySpend,
    MonthlySpend,
    /// The minutes of the period are used up.
    TalkTime,
    /// What is left buys less than ten seconds (R66).
    TooLittleLeft,
    ConcurrentCalls,
    /// The ledger cannot answer, and the call costs (R90).
    LedgerUnavailable,
}

impl Reason {
    /// In order of precedence, the least far first.
    pub const ALL: [Reason; 30] = [
        Reason::UnknownCaller,
        Reason::IdentityMismatch,
        Reason::UntrustedPeer,
        Reason::NoForwarder,
        Reason::OutsideToOutside,
        Reason::SuspectAddress,
        Reason::UnknownNumber,
        Reason::NoSuchExtension,
        Reason::FraudLock,
        Reason::ForbiddenDestination,
        Reason::IncomingOnly,
        Reason::InternalOnly,
        Reason::NotByForward,
        Reason::NotByTransfer,
        Reason::NotPermitted,
        Reason::CountryNotPermitted,
        Reason::NotOnList,
        Reason::NotAContact,
        Reason::NotOwnContact,
        Reason::ContactsUnavailable,
        Reason::OutsideHours,
        Reason::Holiday,
        Reason::NoTariff,
        Reason::DailySpend,
        Reason::WeeklySpend,
        Reason::MonthlySpend,
        Reason::TalkTime,
        Reason::TooLittleLeft,
        Reason::ConcurrentCalls,
        Reason::LedgerUnavailable,
    ];

    /// Stable: stored with decisions and used as a metric label.
    pub const fn code(self) -> &'static str {
        match self {
            Reason::UnknownCaller => "unknown_caller",
            Reason::IdentityMismatch => "identity_mismatch",
            Reason::UntrustedPeer => "untrusted_peer",
            Reason::NoForwarder => "no_forwarder",
            Reason::OutsideToOutside => "outside_to_outside",
            Reason::SuspectAddress => "suspect_address",
            Reason::UnknownNumber => "unknown_number",
            Reason::NoSuchExtension => "no_such_extension",
            Reason::FraudLock => "fraud_lock",
            Reason::ForbiddenDestination => "forbidden_destination",
            Reason::IncomingOnly => "incoming_only",
            Reason::NotByForward => "not_by_forward",
            Reason::NotByTransfer => "not_by_transfer",
            Reason::NotPermitted => "not_permitted",
            Reason::CountryNotPermitted => "country_not_permitted",
            Reason::InternalOnly => "internal_only",
            Reason::NotOnList => "not_on_list",
            Reason::NotAContact => "not_a_contact",
            Reason::NotOwnContact => "not_own_contact",
            Reason::ContactsUnavailable => "contacts_unavailable",
            Reason::OutsideHours => "outside_hours",
            Reason::Holiday => "holiday",
            Reason::NoTariff => "no_tariff",
            Reason::DailySpend => "daily_spend",
            Reason::WeeklySpend => "weekly_spend",
            Reason::MonthlySpend => "monthly_spend",
            Reason::TalkTime => "talk_time",
            Reason::TooLittleLeft => "too_little_left",
            Reason::ConcurrentCalls => "concurrent_calls",
            Reason::LedgerUnavailable => "ledger_unavailable",
        }
    }

    pub fn from_code(code: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The SIP status of the answer: 403 (RFC 3261 §21.4.4), but 404 for an extension that nobody has (§21.4.5).
    /// A store that cannot answer is 403 too: on a 503 a PBX would try its next route, perhaps around the gate.
    pub const fn status(self) -> u16 {
        match self {
            Reason::NoSuchExtension => 404,
            Reason::UnknownCaller
            | Reason::IdentityMismatch
            | Reason::UntrustedPeer
            | Reason::NoForwarder
            | Reason::OutsideToOutside
            | Reason::SuspectAddress
            | Reason::UnknownNumber
            | Reason::FraudLock
            | Reason::ForbiddenDestination
            | Reason::IncomingOnly
            | Reason::NotByForward
            | Reason::NotByTransfer
            | Reason::NotPermitted
            | Reason::CountryNotPermitted
            | Reason::InternalOnly
            | Reason::NotOnList
            | Reason::NotAContact
            | Reason::NotOwnContact
            | Reason::ContactsUnavailable
            | Reason::OutsideHours
            | Reason::Holiday
            | Reason::NoTariff
            | Reason::DailySpend
            | Reason::WeeklySpend
            | Reason::MonthlySpend
            | Reason::TalkTime
            | Reason::TooLittleLeft
            | Reason::ConcurrentCalls
            | Reason::LedgerUnavailable => 403,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}
