//! TLS under SIP (RFC 3261 §26.3, RFC 5922, RFC 5923): who we are, whom we believe, and the two handshakes.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::certificate::{Vouched, ends_at, names};
use super::handshake::HandshakeFault;
use super::limits::HANDSHAKE;
use super::pem::{Pair, TlsFault, authorities, read_pair, system_authorities};

/// Certificates, keys and authorities, read and found to fit.
#[derive(Clone, Default)]
pub struct Secured {
    server: Option<Arc<ServerConfig>>,
    /// Whoever connects is asked for a certificate.
    asks: bool,
    trunks: HashMap<Arc<str>, Towards>,
    ends: Vec<(PathBuf, i64)>,
}

/// How a trunk is believed, and how we prove ourselves to it.
#[derive(Clone)]
struct Towards {
    files: TrunkFiles,
    config: Arc<ClientConfig>,
}

/// What we show to whoever connects, and who vouches for trunks that do.
#[derive(Clone, Copy, Debug)]
pub struct OwnFiles<'a> {
    pub pair: Pair<'a>,
    pub client_ca: Option<&'a Path>,
}

/// What a trunk is told and believed by. PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkFiles {
    /// `None`: the authorities that the operating system believes.
    pub ca: Option<PathBuf>,
    /// Certificate and key; `None`: we show it none.
    pub pair: Option<(PathBuf, PathBuf)>,
}

/// Where a trunk is, and the name that a certificate there must bear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkPlace {
    pub trunk: Arc<str>,
    /// A domain or an IP address: as the settings have it, whatever DNS makes of it (RFC 5922 §4).
    pub name: String,
    /// `None`: DNS has not said yet.
    pub remote: Option<SocketAddr>,
}

impl Secured {
    /// `own`: without it, TLS listeners take nobody.
    ///
    /// # Errors
    /// The first file that cannot be used.
    pub fn load(own: Option<OwnFiles<'_>>) -> Result<Secured, TlsFault> {
        let Some(own) = own else { return Ok(Secured::default()) };
        let mut secured = Secured { asks: own.client_ca.is_some(), ..Secured::default() };
        let (chain, key) = read_pair(own.pair)?;
        secured.note_end(own.pair.certificate, chain.first().and_then(ends_at));
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|fault| own.pair.unfit(fault))?;
        let builder = match own.client_ca {
            None => builder.with_no_client_auth(),
            // Phones have no certificates and prove themselves by digest; one that is shown must be vouched for.
            Some(file) => builder.with_client_cert_verifier(clients_by(file, provider)?),
        };
        let server = builder.with_single_cert(chain, key).map_err(|fault| own.pair.unfit(fault))?;
        Ok(Secured { server: Some(Arc::new(server)), ..secured })
    }

    /// How to reach a trunk over TLS.
    ///
    /// # Errors
    /// The first of its files that cannot be used.
    pub fn add_trunk(&mut self, trunk: Arc<str>, files: TrunkFiles) -> Result<(), TlsFault> {
        // Trunks with the same files share the sessions that speed up a second handshake.
        let known = self.trunks.values().find(|known| known.files == files).map(|known| known.config.clone());
        let config = match known {
            Some(config) => config,
            None => Arc::new(self.towards(&files)?),
        };
        self.trunks.insert(trunk, Towards { files, config });
        Ok(())
    }

    fn towards(&mut self, files: &TrunkFiles) -> Result<ClientConfig, TlsFault> {
        let believed = files.ca.as_deref().map_or_else(system_authorities, authorities)?;
        let provider = Arc::new(ring::default_provider());
        let unfit = |fault| TlsFault::Unsupported { fault };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unfit)?
            .dangerous() // Only the comparison of names differs, and it is stricter: RFC 5922 §7.2 knows no wildcards.
            .with_custom_certificate_verifier(Arc::new(Vouched::by(Arc::new(believed))));
        let Some((certificate, key)) = &files.pair else { return Ok(builder.with_no_client_auth()) };
        let pair = Pair { certificate, key };
        let (chain, key) = read_pair(pair)?;
        self.note_end(certificate, chain.first().and_then(ends_at));
        builder.with_client_auth_cert(chain, key).map_err(|fault| pair.unfit(fault))
    }

    /// Each of our own certificates with its last second, in UTC seconds since 1970.
    pub fn ends(&self) -> &[(PathBuf, i64)] {
        &self.ends
    }

    fn note_end(&mut self, file: &Path, end: Option<i64>) {
        if let Some(end) = end.filter(|_| self.ends.iter().all(|(known, _)| known != file)) {
            self.ends.push((file.to_owned(), end));
        }
    }
}

fn clients_by(
    file: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn tokio_rustls::rustls::server::danger::ClientCertVerifier>, TlsFault> {
    let believed: RootCertStore = authorities(file)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(believed), provider);
    let unfit = |_| TlsFault::NoCertificate { file: file.to_owned() };
    verifier.allow_unauthenticated().build().map_err(unfit)
}

/// Who is who among the peers of TLS connections, and how each is proved.
#[derive(Default)]
pub(super) struct Trust {
    secured: Secured,
    places: Vec<(TrunkPlace, ServerName<'static>)>,
}

impl Trust {
    pub(super) fn secure(&mut self, secured: Secured) {
        self.secured = secured;
    }

    pub(super) fn place(&mut self, places: Vec<TrunkPlace>) {
        let named = |place: TrunkPlace| Some((ServerName::try_from(place.name.clone()).ok()?, place));
        self.places = places.into_iter().filter_map(named).map(|(name, place)| (place, name)).collect();
    }

    /// The trunk at an address, for those who read the log.
    pub(super) fn trunk_at(&self, remote: SocketAddr) -> Option<Arc<str>> {
        self.at(remote).first().map(|(place, _)| Arc::clone(&place.trunk))
    }

    /// What the handshake with a peer that connects needs; nothing if we have no certificate to show.
    pub(super) fn accepting(&self, from: IpAddr) -> Option<Accepting> {
        let config = Arc::clone(self.secured.server.as_ref()?);
        let is_here = |place: &TrunkPlace| {
            place.remote.is_some_and(|remote| remote.ip().to_canonical() == from.to_canonical())
        };
        let named = |(place, name): &(TrunkPlace, ServerName<'static>)| Named {
            trunk: Arc::clone(&place.trunk),
            name: name.clone(),
            is_here: is_here(place),
        };
        let trunks = if self.secured.asks { self.places.iter().map(named).collect() } else { Vec::new() };
        Some(Accepting { config, trunks })
    }

    /// What the handshake with a trunk needs. `None`: nobody has said whose certificate would be the right one there, or two trunks
    /// that are proved by different files are said to be there.
    pub(super) fn dialling(&self, to: SocketAddr) -> Option<Dialling> {
        let here = self.at(to);
        let (first, name) = here.first()?;
        let towards = self.secured.trunks.get(&first.trunk)?;
        let is_alike = |(place, _): &&(TrunkPlace, ServerName<'static>)| {
            self.secured.trunks.get(&place.trunk).is_some_and(|other| other.files == towards.files)
        };
        here.iter().all(is_alike).then(|| Dialling {
            config: Arc::clone(&towards.config),
            trunk: Arc::clone(&first.trunk),
            name: name.clone(),
            others: here.iter().skip(1).map(|(_, name)| name.clone()).collect(),
        })
    }

    /// Who is expected at an address, and by which files each is proved.
    pub(super) fn expected(&self, remote: SocketAddr) -> Vec<(Arc<str>, String, Option<TrunkFiles>)> {
        let files = |trunk: &Arc<str>| self.secured.trunks.get(trunk).map(|towards| towards.files.clone());
        let here = self.at(remote).into_iter();
        here.map(|(place, _)| (Arc::clone(&place.trunk), place.name.clone(), files(&place.trunk))).collect()
    }

    /// The places at an address; those of its host, if none is at its port.
    fn at(&self, remote: SocketAddr) -> Vec<&(TrunkPlace, ServerName<'static>)> {
        let exactly = self.places.iter().filter(|(place, _)| place.remote == Some(remote));
        let exactly: Vec<_> = exactly.collect();
        if !exactly.is_empty() {
            return exactly;
        }
        let host = |place: &TrunkPlace| place.remote.map(|remote| remote.ip());
        self.places.iter().filter(|(place, _)| host(place) == Some(remote.ip())).collect()
    }
}

/// A stream over which both ends have said who they are, as far as they wanted.
pub(super) struct Shaken {
    pub stream: TlsStream<TcpStream>,
    /// Whom the other end has proved to be.
    pub trunk: Option<Arc<str>>,
}

pub(super) struct Accepting {
    config: Arc<ServerConfig>,
    /// Trunks that may prove themselves here.
    trunks: Vec<Named>,
}

struct Named {
    trunk: Arc<str>,
    name: ServerName<'static>,
    /// The peer speaks from its address.
    is_here: bool,
}

impl Accepting {
    /// Whoever speaks from the address of a trunk must prove its name, if certificates are asked for: an address alone is no proof
    /// where a better one can be had (R20). A trunk that proves its name may speak from anywhere.
    pub(super) async fn shake(self, stream: TcpStream) -> Result<Shaken, HandshakeFault> {
        let accepted = timeout(HANDSHAKE, TlsAcceptor::from(self.config).accept(stream)).await;
        let accepted = accepted.map_err(|_| HandshakeFault::Silence)?;
        let stream = accepted.map_err(|fault| HandshakeFault::of(&fault))?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let is_proved = |known: &&Named| shown.is_some_and(|certificate| names(certificate, &known.name));
        let mut here = self.trunks.iter().filter(|known| known.is_here).peekable();
        let is_at_a_trunk = here.peek().is_some();
        let proved = here.find(is_proved).or_else(|| self.trunks.iter().find(is_proved));
        if is_at_a_trunk && proved.is_none() {
            let fault =
                if shown.is_some() { HandshakeFault::OtherName } else { HandshakeFault::NoCertificate };
            return Err(fault);
        }
        let trunk = proved.map(|known| Arc::clone(&known.trunk));
        Ok(Shaken { stream: stream.into(), trunk })
    }
}

pub(super) struct Dialling {
    config: Arc<ClientConfig>,
    trunk: Arc<str>,
    name: ServerName<'static>,
    /// Trunks of other names at the same address: the one connection serves them only if the certificate names them all
    /// (RFC 5923 §5).
    others: Vec<ServerName<'static>>,
}

impl Dialling {
    pub(super) async fn shake(self, stream: TcpStream) -> Result<Shaken, HandshakeFault> {
        let connected = timeout(HANDSHAKE, TlsConnector::from(self.config).connect(self.name, stream)).await;
        let connected = connected.map_err(|_| HandshakeFault::Silence)?;
        let stream = connected.map_err(|fault| HandshakeFault::of(&fault))?;
        let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let is_named = |name| shown.is_some_and(|certificate| names(certificate, name));
        match self.others.iter().all(is_named) {
            true => Ok(Shaken { stream: stream.into(), trunk: Some(self.trunk) }),
            false => Err(HandshakeFault::OtherName),
        }
    }
}
