//! Reads one `[[webhook]]`: who is told of notices, how they prove themselves, and which.

use super::fields::Fields;
use super::secret::Secret;
use super::values::{Choice, Setting};

/// A receiver of notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub url: String,
    /// What the deliveries are signed with.
    pub secret: Secret,
    pub events: Vec<NoticeKind>,
}

/// What somebody may want to be told of (R41, R101).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeKind {
    /// A hard budget has come to 50, 80 or 100 %.
    Budget,
    /// A soft limit is reached: of money or minutes, or of calls at once.
    SoftLimit,
    /// A call will be ended soon, since its money or time runs out.
    CallEnding,
    /// Somebody calls for help.
    Emergency,
    /// A class is locked for somebody who behaves like a thief of calls.
    FraudLock,
}

impl NoticeKind {
    pub const ALL: [NoticeKind; 5] = [
        NoticeKind::Budget,
        NoticeKind::SoftLimit,
        NoticeKind::CallEnding,
        NoticeKind::Emergency,
        NoticeKind::FraudLock,
    ];

    /// The stable code in settings, deliveries and metrics.
    pub fn code(self) -> &'static str {
        match self {
            NoticeKind::Budget => "budget",
            NoticeKind::SoftLimit => "soft_limit",
            NoticeKind::CallEnding => "call_ending",
            NoticeKind::Emergency => "emergency",
            NoticeKind::FraudLock => "fraud_lock",
        }
    }
}

/// Letters of a secret at least: fewer are guessed.
const SECRET_LETTERS_MIN: usize = 16;

pub(super) fn read(webhook: &Fields<'_>) -> Webhook {
    let url: WebAddress = webhook.required("url");
    let secret: Secret = webhook.required("secret");
    if webhook.has("secret") && webhook.is_sound("secret") && secret.reveal().len() < SECRET_LETTERS_MIN {
        webhook.blame("secret", "is too short", "at least 16 letters that nobody guesses");
    }
    let events = webhook.optional_list("events").unwrap_or_else(|| NoticeKind::ALL.into());
    if events.is_empty() {
        webhook.blame("events", "asks for nothing", "one or more events, or no events for all of them");
    }
    Webhook { url: url.0, secret, events }
}

struct WebAddress(String);

impl Setting for WebAddress {
    const NOUN: &'static str = "an address of the web";

    fn right() -> String {
        "https://example.com/notices".into()
    }

    fn from_text(text: &str) -> Option<WebAddress> {
        let text = text.trim();
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let sound = !rest.is_empty() && !rest.starts_with('/') && !text.contains(char::is_whitespace);
        sound.then(|| WebAddress(text.to_owned()))
    }

    fn blank() -> WebAddress {
        WebAddress(String::new())
    }
}

impl Choice for NoticeKind {
    const NOUN: &'static str = "an event";

    fn all() -> impl Iterator<Item = NoticeKind> + Clone {
        NoticeKind::ALL.into_iter()
    }

    fn word(self) -> &'static str {
        self.code()
    }
}
