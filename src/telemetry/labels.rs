//! What the series are labelled with: closed sets alone, no number and no user name (R103).

/// The closed sets that label the series, in the order in which the rooms number them. The rooms own the words: this one may not
/// name them.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// Of refusals, `Reason::ALL` by code; permitted calls carry `none`.
    pub reasons: Vec<&'static str>,
    /// `Class::ALL` by code.
    pub classes: Vec<&'static str>,
    /// Faults of messages that cannot be read.
    pub faults: Vec<&'static str>,
    /// Codes of requests turned away before any judgement.
    pub rejections: Vec<&'static str>,
    /// Why TLS handshakes fail.
    pub tls_faults: Vec<&'static str>,
    /// Signals of toll fraud.
    pub signals: Vec<&'static str>,
    pub methods: Vec<&'static str>,
    pub transports: Vec<&'static str>,
    /// Kinds of transactions.
    pub transactions: Vec<&'static str>,
    /// Why calls end.
    pub causes: Vec<&'static str>,
    /// Kinds of notices.
    pub notices: Vec<&'static str>,
    /// ISO 4217.
    pub currency: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    In,
    Out,
}

/// What became of a changed configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    Accepted,
    Refused,
}

/// What came of one try to deliver a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    Taken,
    /// It is tried again.
    Refused,
    Dropped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Permitted,
    /// By the position of the reason in `Labels::reasons`.
    Refused(usize),
}
