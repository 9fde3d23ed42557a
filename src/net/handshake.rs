//! Why a TLS handshake failed: a closed set, each with its words for the log and its code for the figures.

use std::io;

use tokio_rustls::rustls::{CertificateError, Error};

/// The reason, as far as it can be known at this end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeFault {
    #[error("it does not come to an end in time")]
    Silence,
    #[error("the connection closed in the middle of it")]
    HungUp,
    #[error("what came is no TLS, or broken")]
    NotTls,
    #[error("the certificate has expired")]
    Expired,
    #[error("the certificate does not count yet")]
    NotYetValid,
    #[error("no authority that is believed here vouches for the certificate")]
    UnknownAuthority,
    #[error("the certificate names somebody else")]
    OtherName,
    #[error("no certificate is shown")]
    NoCertificate,
    #[error("the certificate cannot be used")]
    BadCertificate,
    #[error("the peer does not take ours, and says so by an alert")]
    RefusedByPeer,
    #[error("no version, cipher or signature that both know")]
    NothingInCommon,
}

impl HandshakeFault {
    pub const ALL: [HandshakeFault; 11] = [
        HandshakeFault::Silence,
        HandshakeFault::HungUp,
        HandshakeFault::NotTls,
        HandshakeFault::Expired,
        HandshakeFault::NotYetValid,
        HandshakeFault::UnknownAuthority,
        HandshakeFault::OtherName,
        HandshakeFault::NoCertificate,
        HandshakeFault::BadCertificate,
        HandshakeFault::RefusedByPeer,
        HandshakeFault::NothingInCommon,
    ];

    /// The label of its metric.
    pub const fn code(self) -> &'static str {
        match self {
            HandshakeFault::Silence => "silence",
            HandshakeFault::HungUp => "hung_up",
            HandshakeFault::NotTls => "not_tls",
            HandshakeFault::Expired => "expired",
            HandshakeFault::NotYetValid => "not_yet_valid",
            HandshakeFault::UnknownAuthority => "unknown_authority",
            HandshakeFault::OtherName => "other_name",
            HandshakeFault::NoCertificate => "no_certificate",
            HandshakeFault::BadCertificate => "bad_certificate",
            HandshakeFault::RefusedByPeer => "refused_by_peer",
            HandshakeFault::NothingInCommon => "nothing_in_common",
        }
    }

    /// What lies behind the error of a stream.
    pub(super) fn of(fault: &io::Error) -> HandshakeFault {
        let inner = fault.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match inner {
            Some(Error::InvalidCertificate(fault)) => of_certificate(fault),
            Some(Error::NoCertificatesPresented) => HandshakeFault::NoCertificate,
            Some(Error::AlertReceived(_)) => HandshakeFault::RefusedByPeer,
            Some(Error::PeerIncompatible(_)) => HandshakeFault::NothingInCommon,
            Some(_) => HandshakeFault::NotTls,
            None if fault.kind() == io::ErrorKind::InvalidData => HandshakeFault::NotTls,
            None => HandshakeFault::HungUp,
        }
    }
}

fn of_certificate(fault: &CertificateError) -> HandshakeFault {
    match fault {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => HandshakeFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            HandshakeFault::NotYetValid
        }
        // The second: an authority of the same name, but not the same key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => HandshakeFault::UnknownAuthority,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            HandshakeFault::OtherName
        }
        _ => HandshakeFault::BadCertificate,
    }
}
