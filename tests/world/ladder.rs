//! What happened, as everybody draws SIP: one line for each message, phones on the left, trunks on the right, the gate between.

use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;

use super::text::Text;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Entry {
    pub at: Duration,
    pub who: String,
    pub way: Way,
    pub title: String,
    pub message: Option<Bytes>,
    /// The same bytes went the same way before.
    pub again: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    ToGate,
    FromGate,
    /// Not a message: the ledger's answers, what the table did to the world.
    Beside,
}

impl Entry {
    pub fn text(&self) -> Option<Text> {
        self.message.as_ref().map(|bytes| Text::read(bytes))
    }
}

/// Draws the entries; `marked` gets a pointing hand.
pub fn draw(entries: &[Entry], is_right: impl Fn(&str) -> bool, marked: Option<usize>) -> String {
    let mut out = String::new();
    for (index, entry) in entries.iter().enumerate() {
        let hand = if marked == Some(index) { "=>" } else { "  " };
        let again = if entry.again { " (again)" } else { "" };
        let title = format!("{}{again}", entry.title);
        let (left, right) = match (entry.way, is_right(&entry.who)) {
            (Way::Beside, _) => (String::new(), format!("  · {} {title}", entry.who)),
            (Way::ToGate, false) => (format!("{:>7} ── {title:─<24}▶", entry.who), String::new()),
            (Way::FromGate, false) => (format!("{:>7} ◀─ {title:─<24}─", entry.who), String::new()),
            (Way::ToGate, true) => (String::new(), format!("◀─ {title:─<24}─ {}", entry.who)),
            (Way::FromGate, true) => (String::new(), format!("── {title:─<24}▶ {}", entry.who)),
        };
        let line = format!("{hand} {:>9} {left:<36} │ {right}", seconds(entry.at));
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

pub fn seconds(at: Duration) -> String {
    format!("{}.{:03}s", at.as_secs(), at.subsec_millis())
}
