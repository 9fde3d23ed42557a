//! Request methods (RFC 3261 §7.1 and its extensions). Names are case-sensitive: `invite` is not INVITE.

use std::fmt;

macro_rules! methods {
    ($($variant:ident $text:literal),+ $(,)?) => {
        /// A method known here; the text of any other stays in the message (`Message::method_text`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Method {
            $($variant,)+
            Other,
        }

        impl Method {
            pub const KNOWN: &[Method] = &[$(Method::$variant),+];

            pub fn of(text: &[u8]) -> Method {
                $(if text == $text.as_bytes() { return Method::$variant; })+
                Method::Other
            }

            /// The word on the wire; `OTHER` is for labels only, never for a message.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Method::$variant => $text,)+
                    Method::Other => "OTHER",
                }
            }
        }
    };
}

methods! {
    Invite "INVITE",
    Ack "ACK",
    Bye "BYE",
    Cancel "CANCEL",
    Register "REGISTER",
    Options "OPTIONS",
    Prack "PRACK",
    Update "UPDATE",
    Info "INFO",
    Refer "REFER",
    Message "MESSAGE",
    Subscribe "SUBSCRIBE",
    Notify "NOTIFY",
    Publish "PUBLISH",
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_case_sensitive_and_never_unescaped() {
        assert_eq!(Method::of(b"INVITE"), Method::Invite);
        assert_eq!(Method::of(b"invite"), Method::Other);
        assert_eq!(Method::of(b"RE%47IST%45R"), Method::Other);
    }

    #[test]
    fn every_known_method_reads_back_from_its_word() {
        assert!(Method::KNOWN.iter().all(|method| Method::of(method.as_str().as_bytes()) == *method));
    }
}
