//! Header field names with their compact forms (RFC 3261 §7.3.3 and the IANA register): case-insensitive, one table.

macro_rules! names {
    ($($variant:ident $text:literal $($compact:literal)?),+ $(,)?) => {
        /// A header field name known here. The text of any `Other` stays in the message.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Name {
            $($variant,)+
            Other,
        }

        /// Every spelling: long names first, then the one-letter forms.
        const SPELLINGS: &[(&str, Name)] =
            &[$(($text, Name::$variant),)+ $($(($compact, Name::$variant),)?)+];

        impl Name {
            pub const KNOWN: &[Name] = &[$(Name::$variant),+];

            /// The long form as RFCs print it; empty for `Other`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Name::$variant => $text,)+
                    Name::Other => "",
                }
            }
        }
    };
}

names! {
    Via "Via" "v",
    From "From" "f",
    To "To" "t",
    CallId "Call-ID" "i",
    CSeq "CSeq",
    Contact "Contact" "m",
    MaxForwards "Max-Forwards",
    Route "Route",
    RecordRoute "Record-Route",
    ContentLength "Content-Length" "l",
    ContentType "Content-Type" "c",
    ContentEncoding "Content-Encoding" "e",
    Expires "Expires",
    MinExpires "Min-Expires",
    Authorization "Authorization",
    ProxyAuthorization "Proxy-Authorization",
    WwwAuthenticate "WWW-Authenticate",
    ProxyAuthenticate "Proxy-Authenticate",
    AuthenticationInfo "Authentication-Info",
    Require "Require",
    ProxyRequire "Proxy-Require",
    Supported "Supported" "k",
    Unsupported "Unsupported",
    Allow "Allow",
    Accept "Accept",
    Path "Path",
    ServiceRoute "Service-Route",
    PAssertedIdentity "P-Asserted-Identity",
    PPreferredIdentity "P-Preferred-Identity",
    RemotePartyId "Remote-Party-ID",
    Diversion "Diversion",
    HistoryInfo "History-Info",
    Identity "Identity" "y",
    Privacy "Privacy",
    Reason "Reason",
    Warning "Warning",
    RetryAfter "Retry-After",
    ReferTo "Refer-To" "r",
    ReferredBy "Referred-By" "b",
    Replaces "Replaces",
    Join "Join",
    SessionExpires "Session-Expires" "x",
    MinSe "Min-SE",
    RSeq "RSeq",
    RAck "RAck",
    Event "Event" "o",
    AllowEvents "Allow-Events" "u",
    SubscriptionState "Subscription-State",
    Date "Date",
    UserAgent "User-Agent",
    Server "Server",
    Subject "Subject" "s",
    Timestamp "Timestamp",
    AcceptContact "Accept-Contact" "a",
    RejectContact "Reject-Contact" "j",
    RequestDisposition "Request-Disposition" "d",
    AlertInfo "Alert-Info",
    CallInfo "Call-Info",
}

/// Slots of the name table: a power of two, four times the spellings, so that most names take one comparison.
const SLOTS: usize = 512;
const EMPTY: u8 = u8::MAX;
const TABLE: [u8; SLOTS] = table();

const fn table() -> [u8; SLOTS] {
    let mut table = [EMPTY; SLOTS];
    let mut spelling = 0;
    while spelling < SPELLINGS.len() {
        let mut slot = slot_of(SPELLINGS[spelling].0.as_bytes());
        while table[slot] != EMPTY {
            slot = (slot + 1) % SLOTS;
        }
        table[slot] = spelling as u8;
        spelling += 1;
    }
    table
}

/// First, middle and last letter and the length tell nearly all names apart.
const fn slot_of(text: &[u8]) -> usize {
    let length = text.len();
    if length == 0 {
        return 0;
    }
    let first = text[0].to_ascii_lowercase() as usize;
    let middle = text[length / 2].to_ascii_lowercase() as usize;
    let last = text[length - 1].to_ascii_lowercase() as usize;
    (first * 37 + middle * 11 + last * 5 + length * 59) % SLOTS
}

impl Name {
    pub fn of(text: &[u8]) -> Name {
        let mut slot = slot_of(text);
        while TABLE[slot] != EMPTY {
            let (spelling, name) = SPELLINGS[TABLE[slot] as usize];
            // Nearly everyone writes them as the RFC does.
            if spelling.as_bytes() == text || spelling.as_bytes().eq_ignore_ascii_case(text) {
                return name;
            }
            slot = (slot + 1) % SLOTS;
        }
        Name::Other
    }

    /// One bit per name, for sets of names.
    pub(super) const fn bit(self) -> u64 {
        1 << self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_found_in_any_case() {
        for (spelling, name) in SPELLINGS {
            assert_eq!(Name::of(spelling.as_bytes()), *name);
            assert_eq!(Name::of(spelling.to_uppercase().as_bytes()), *name);
            assert_eq!(Name::of(spelling.to_lowercase().as_bytes()), *name);
        }
    }

    #[test]
    fn names_are_never_unescaped_and_unknown_ones_are_other() {
        for unknown in ["", "C%6Fntact", "X-Tollgate-Decision", "Contact ", "z"] {
            assert_eq!(Name::of(unknown.as_bytes()), Name::Other, "{unknown}");
        }
    }

    #[test]
    fn sets_of_names_fit_one_word() {
        assert!(Name::KNOWN.len() < 64);
    }
}
