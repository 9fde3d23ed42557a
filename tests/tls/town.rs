//! An authority and the certificates that it gives out, as PEM files in a folder.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType,
    date_time_ymd,
};
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

pub struct Town {
    folder: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Town {
    /// With certificates for the gate, and for trunk one, that the carrier's name stands on.
    pub fn new() -> Town {
        let folder = TempDir::with_prefix("tollgate-town-").expect("a scratch folder can be made");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Two authorities of one name could be taken for each other up to their signatures.
        let name = folder.path().display().to_string();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
        let town = Town { folder, authority };
        fs::write(town.path("ca.pem"), town.authority.pem()).expect("a file can be written");
        town.certify("gate", &["gate.test", "127.0.0.10"]);
        town.certify("trunk", &["carrier.test"]);
        town
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Certificate and key of somebody of these names; the bytes of the certificate.
    pub fn certify(&self, file: &str, names: &[&str]) -> Vec<u8> {
        self.certify_until(file, names, 2090)
    }

    /// The same, counting until the new year of `year`.
    pub fn certify_until(&self, file: &str, names: &[&str], year: i32) -> Vec<u8> {
        let key = KeyPair::generate().expect("a key");
        let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut params = CertificateParams::new(names).expect("names of hosts");
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        self.issue(file, &params, &key)
    }

    /// A certificate whose name is a SIP URI, as RFC 5922 §7.1 has it.
    pub fn certify_uri(&self, file: &str, uri: &str) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(uri.try_into().expect("a URI of ASCII"))];
        self.issue(file, &params, &key);
    }

    fn issue(&self, file: &str, params: &CertificateParams, key: &KeyPair) -> Vec<u8> {
        let certificate: Certificate = params.signed_by(key, &self.authority).expect("the authority signs");
        fs::write(self.path(&format!("{file}.key")), key.serialize_pem()).expect("a file can be written");
        fs::write(self.path(&format!("{file}.pem")), certificate.pem()).expect("a file can be written");
        certificate.der().to_vec()
    }

    fn chain(&self, file: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let certificate = CertificateDer::from_pem_file(self.path(&format!("{file}.pem")));
        let key = PrivateKeyDer::from_pem_file(self.path(&format!("{file}.key")));
        (vec![certificate.expect("a certificate")], key.expect("a key"))
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).expect("an authority");
        Arc::new(roots)
    }

    /// Somebody who serves, and wants to see a certificate of this town.
    pub fn server(&self, own: &str) -> Arc<ServerConfig> {
        let (chain, key) = self.chain(own);
        let clients = WebPkiClientVerifier::builder_with_provider(self.roots(), provider());
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_client_cert_verifier(clients.build().expect("an authority"))
            .with_single_cert(chain, key);
        Arc::new(config.expect("a key of its certificate"))
    }

    /// Somebody who connects, with a certificate of her own or without.
    pub fn client(&self, own: Option<&str>) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_root_certificates(self.roots());
        Arc::new(match own.map(|own| self.chain(own)) {
            Some((chain, key)) => {
                builder.with_client_auth_cert(chain, key).expect("a key of its certificate")
            }
            None => builder.with_no_client_auth(),
        })
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
