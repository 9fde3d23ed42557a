//! The parameter by which the gate knows its own Record-Route among others (RFC 3261 §16.6 item 4): a random-looking word of one call.

use super::message::Value;

/// Name of the URI parameter; its value is the mark of the call.
pub const ROUTE_MARK: &str = "tg";

impl Value<'_> {
    /// True for a Route or Record-Route value that the gate wrote for the call with this mark.
    pub fn carries_mark(&self, mark: &str) -> bool {
        let address = self.address();
        let uri = address.and_then(|address| address.parsed_uri().ok());
        uri.is_some_and(|uri| uri.param(ROUTE_MARK) == Some(Some(mark)))
    }
}
