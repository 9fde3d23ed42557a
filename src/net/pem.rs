//! PEM files of TLS: certificates, keys and authorities, and what is wrong with those that cannot be used.

use std::path::{Path, PathBuf};

use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error, RootCertStore};

/// A certificate chain, our own first, and the key of the first.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    pub certificate: &'a Path,
    pub key: &'a Path,
}

/// Why TLS cannot be spoken: always a file that its author can mend.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    #[error("{} cannot be read: {source}", file.display())]
    Unreadable { file: PathBuf, source: PemError },
    #[error("{} holds no certificate", file.display())]
    NoCertificate { file: PathBuf },
    #[error("{} holds no private key", file.display())]
    NoKey { file: PathBuf },
    #[error("the key in {} does not belong to the certificate in {}", key.display(), certificate.display())]
    OtherKey { certificate: PathBuf, key: PathBuf },
    #[error("{} and {} cannot be used: {fault}", certificate.display(), key.display())]
    Unfit { certificate: PathBuf, key: PathBuf, fault: Error },
    #[error("{} holds what is no authority's certificate: {fault}", file.display())]
    Authority { file: PathBuf, fault: Error },
    #[error("the operating system believes no authority")]
    NoSystemAuthorities,
    #[error("{fault}")]
    Unsupported { fault: Error },
}

impl TlsFault {
    /// The file at fault; `None`: no file of the settings.
    pub fn file(&self) -> Option<&Path> {
        match self {
            TlsFault::Unreadable { file, .. }
            | TlsFault::NoCertificate { file }
            | TlsFault::NoKey { file }
            | TlsFault::Authority { file, .. } => Some(file),
            TlsFault::OtherKey { key, .. } => Some(key),
            TlsFault::Unfit { certificate, .. } => Some(certificate),
            TlsFault::NoSystemAuthorities | TlsFault::Unsupported { .. } => None,
        }
    }

    /// What would be right.
    pub fn right(&self) -> &'static str {
        match self {
            TlsFault::Unreadable { .. } => "a PEM file that the gate may read",
            TlsFault::NoCertificate { .. } => "a PEM file with -----BEGIN CERTIFICATE-----",
            TlsFault::NoKey { .. } => "a PEM file with -----BEGIN PRIVATE KEY-----",
            TlsFault::OtherKey { .. } => "the key that the certificate was asked for with",
            TlsFault::Unfit { .. } => "a certificate of X.509 v3 with its RSA, ECDSA or Ed25519 key",
            TlsFault::Authority { .. } => "certificates of authorities as PEM",
            TlsFault::NoSystemAuthorities => "a ca of the trunk's own, or the package ca-certificates",
            TlsFault::Unsupported { .. } => "no TLS",
        }
    }
}

impl Pair<'_> {
    pub(super) fn unfit(self, fault: Error) -> TlsFault {
        let (certificate, key) = (self.certificate.to_owned(), self.key.to_owned());
        match fault {
            Error::InconsistentKeys(_) => TlsFault::OtherKey { certificate, key },
            fault => TlsFault::Unfit { certificate, key, fault },
        }
    }
}

type Read = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The chain and the key.
pub(super) fn read_pair(pair: Pair<'_>) -> Result<Read, TlsFault> {
    let chain = certificates(pair.certificate)?;
    let key = PrivateKeyDer::from_pem_file(pair.key).map_err(|source| match source {
        PemError::NoItemsFound => TlsFault::NoKey { file: pair.key.to_owned() },
        source => TlsFault::Unreadable { file: pair.key.to_owned(), source },
    })?;
    Ok((chain, key))
}

/// Those who vouch for others, by one file.
pub(super) fn authorities(file: &Path) -> Result<RootCertStore, TlsFault> {
    let mut all = RootCertStore::empty();
    for certificate in certificates(file)? {
        all.add(certificate).map_err(|fault| TlsFault::Authority { file: file.to_owned(), fault })?;
    }
    Ok(all)
}

/// Those that the operating system believes.
pub(super) fn system_authorities() -> Result<RootCertStore, TlsFault> {
    let mut all = RootCertStore::empty();
    // A broken one among hundreds does not take the others with it.
    let (added, _) = all.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 { Err(TlsFault::NoSystemAuthorities) } else { Ok(all) }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let unreadable = |source| TlsFault::Unreadable { file: file.to_owned(), source };
    let found = CertificateDer::pem_file_iter(file).map_err(unreadable)?;
    let found = found.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    if found.is_empty() { Err(TlsFault::NoCertificate { file: file.to_owned() }) } else { Ok(found) }
}
