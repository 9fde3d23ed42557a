//! Certificates under SIP (RFC 5922 §7): whom one names, who vouches for it, and until when it counts.

use std::sync::Arc;

use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::verify_server_cert_signed_by_trust_anchor;
use tokio_rustls::rustls::crypto::{
    WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// Whether a certificate names this domain or address (RFC 5922 §7.1, §7.2): as a dNSName or as a SIP URI without a user, whole and
/// letter for letter but for case. A wildcard names nobody. The common name does not count: no authority has issued on it for years.
pub(super) fn names(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
    let Ok(read) = EndEntityCert::try_from(certificate) else { return false };
    match name {
        ServerName::DnsName(domain) => {
            let domain = domain.as_ref().trim_end_matches('.');
            let mut hosts = read.valid_dns_names().chain(read.valid_uri_names().filter_map(domain_of_uri));
            hosts.any(|host| host.eq_ignore_ascii_case(domain))
        }
        _ => read.verify_is_valid_for_subject_name(name).is_ok(),
    }
}

/// `sip:carrier.example` stands for a domain; `sip:alice@carrier.example` and other schemes do not (§7.1).
fn domain_of_uri(uri: &str) -> Option<&str> {
    let rest = uri.get(..4).filter(|scheme| scheme.eq_ignore_ascii_case("sip:")).and(uri.get(4..))?;
    let host = rest.split([';', '?', ':']).next().filter(|host| !host.is_empty())?;
    (!rest.contains('@')).then_some(host)
}

/// The last second of a certificate, in UTC seconds since 1970. `None`: it is unreadable, or ends with the year 9999.
pub(super) fn ends_at(certificate: &CertificateDer<'_>) -> Option<i64> {
    /// After every date that a certificate can hold (RFC 5280 §4.1.2.5).
    const DOOMSDAY: u64 = 253_402_300_800;
    let read = EndEntityCert::try_from(certificate).ok()?;
    let itself = [anchor_from_trusted_cert(certificate).ok()?];
    let asked = UnixTime::since_unix_epoch(std::time::Duration::from_secs(DOOMSDAY));
    let algorithms = ring::default_provider().signature_verification_algorithms;
    // The reader says when a certificate ends only as it refuses it for having ended.
    let judged =
        read.verify_for_usage(algorithms.all, &itself, &[], asked, KeyUsage::server_auth(), None, None);
    match judged.err()? {
        webpki::Error::CertExpired { not_after, .. } => i64::try_from(not_after.as_secs()).ok(),
        _ => None,
    }
}

/// Believes a server whose chain leads to one of the authorities and whose certificate names the domain that was looked for: the one
/// of the settings, never a host that DNS gave for it (RFC 5922 §4).
#[derive(Debug)]
pub(super) struct Vouched {
    authorities: Arc<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Vouched {
    pub(super) fn by(authorities: Arc<RootCertStore>) -> Vouched {
        Vouched { authorities, algorithms: ring::default_provider().signature_verification_algorithms }
    }
}

impl ServerCertVerifier for Vouched {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let read = ParsedCertificate::try_from(certificate)?;
        let (authorities, algorithms) = (&self.authorities, self.algorithms.all);
        verify_server_cert_signed_by_trust_anchor(&read, authorities, intermediates, now, algorithms)?;
        match names(certificate, name) {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::NotValidForName.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn certificate(names: &[SanType]) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names.to_vec();
        params.not_after = rcgen::date_time_ymd(2031, 5, 17);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    fn dns(name: &str) -> SanType {
        SanType::DnsName(name.try_into().unwrap())
    }

    fn uri(name: &str) -> SanType {
        SanType::URI(name.try_into().unwrap())
    }

    #[test]
    fn rfc_5922_section_7_whom_a_certificate_names() {
        for (stated, name, is_named) in [
            (dns("carrier.example"), "carrier.example", true),
            (dns("Carrier.EXAMPLE"), "carrier.example", true),
            (dns("sip.carrier.example"), "carrier.example", false),
            (dns("carrier.example"), "sip.carrier.example", false),
            (dns("*.carrier.example"), "sip.carrier.example", false),
            (uri("sip:carrier.example"), "carrier.example", true),
            (uri("SIP:carrier.example;transport=tls"), "carrier.example", true),
            (uri("sip:alice@carrier.example"), "carrier.example", false),
            (uri("https://carrier.example"), "carrier.example", false),
            (SanType::IpAddress([127, 0, 0, 1].into()), "127.0.0.1", true),
            (SanType::IpAddress([127, 0, 0, 1].into()), "127.0.0.2", false),
            (dns("carrier.example"), "127.0.0.1", false),
        ] {
            let name = ServerName::try_from(name).unwrap();
            assert_eq!(
                names(&certificate(std::slice::from_ref(&stated)), &name),
                is_named,
                "{stated:?} {name:?}"
            );
        }
        let common_name_alone = certificate(&[]);
        assert!(!names(&common_name_alone, &ServerName::try_from("carrier.example").unwrap()));
    }

    #[test]
    fn a_certificate_ends_when_it_says() {
        assert_eq!(ends_at(&certificate(&[dns("carrier.example")])), Some(1_936_742_400));
    }
}
