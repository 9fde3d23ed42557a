//! TLS on loopback sockets, with certificates that the tests make: who is let in, who is believed, what a new certificate changes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, client};

use super::{
    Arrived, Failure, HandshakeFault, Listen, OwnFiles, Pair, Secured, Sockets, TrunkFiles, TrunkPlace,
};
use crate::sip::{ConnectionId, Flow, ListenerId, Transport};

const OPTIONS: &[u8] = b"OPTIONS sip:gate SIP/2.0\r\nContent-Length: 0\r\n\r\n";
const PATIENCE: Duration = Duration::from_secs(20);

/// An authority, and the folder where certificates stand.
struct Town {
    folder: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Town {
    fn new() -> Town {
        let folder = TempDir::with_prefix("tollgate-tls-").unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let town = Town { folder, authority };
        std::fs::write(town.path("ca.pem"), town.authority.pem()).unwrap();
        town
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Writes certificate and key of somebody of this name.
    fn certify(&self, file: &str, name: &str) {
        self.certify_all(file, &[name]);
    }

    fn certify_all(&self, file: &str, names: &[&str]) {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        std::fs::write(self.path(&format!("{file}.pem")), certificate.pem()).unwrap();
        std::fs::write(self.path(&format!("{file}.key")), key.serialize_pem()).unwrap();
    }

    fn chain(&self, file: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let certificate = CertificateDer::from_pem_file(self.path(&format!("{file}.pem"))).unwrap();
        (vec![certificate], PrivateKeyDer::from_pem_file(self.path(&format!("{file}.key"))).unwrap())
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.path("ca.pem")).unwrap()).unwrap();
        roots
    }

    fn secured(&self) -> Secured {
        let (certificate, key, ca) = (self.path("gate.pem"), self.path("gate.key"), self.path("ca.pem"));
        let pair = Pair { certificate: &certificate, key: &key };
        let mut secured = Secured::load(Some(OwnFiles { pair, client_ca: Some(&ca) })).unwrap();
        let files = TrunkFiles { ca: Some(ca), pair: Some((certificate, key)) };
        secured.add_trunk("carrier".into(), files).unwrap();
        secured
    }

    /// A gate with a trunk at each of these addresses.
    fn gate(&self, trunks: &[(SocketAddr, &str)]) -> (Sockets, SocketAddr) {
        let listen = Listen { transport: Transport::Tls, address: "127.0.0.1:0".parse().unwrap() };
        let mut sockets = Sockets::bind(&[listen]).unwrap();
        sockets.secure(self.secured());
        let place = |(at, name): &(SocketAddr, &str)| TrunkPlace {
            trunk: "carrier".into(),
            name: (*name).to_owned(),
            remote: Some(*at),
        };
        sockets.place(trunks.iter().map(place).collect());
        let address = sockets.addresses().next().unwrap();
        (sockets, address)
    }

    /// A peer that connects, with a certificate of its own or without.
    async fn connect(
        &self,
        to: SocketAddr,
        name: &str,
        own: Option<&str>,
    ) -> std::io::Result<client::TlsStream<TcpStream>> {
        let builder = ClientConfig::builder_with_provider(Arc::new(
            tokio_rustls::rustls::crypto::ring::default_provider(),
        ));
        let builder =
            builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(self.roots());
        let config = match own.map(|own| self.chain(own)) {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).unwrap(),
            None => builder.with_no_client_auth(),
        };
        let stream = TcpStream::connect(to).await?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

async fn next(gate: &mut Sockets) -> Arrived {
    timeout(PATIENCE, gate.receive()).await.expect("something arrives")
}

/// The loop goes on while somebody else does something.
async fn beside<T>(gate: &mut Sockets, other: impl Future<Output = T>) -> (T, Vec<Arrived>) {
    let (mut other, mut arrived) = (std::pin::pin!(other), Vec::new());
    loop {
        tokio::select! {
            done = &mut other => return (done, arrived),
            next = gate.receive() => arrived.push(next),
        }
    }
}

fn to_trunk(remote: SocketAddr) -> Flow {
    Flow { transport: Transport::Tls, listener: ListenerId(0), remote, connection: ConnectionId::NONE }
}

#[tokio::test]
async fn a_phone_over_tls_is_heard_and_answered_and_a_new_certificate_ends_no_connection() {
    let town = Town::new();
    town.certify("gate", "gate.example");
    let (mut gate, address) = town.gate(&[]);
    let (phone, _) = beside(&mut gate, town.connect(address, "gate.example", None)).await;
    let mut phone = phone.unwrap();
    phone.write_all(OPTIONS).await.unwrap();
    let Arrived::Frame { flow, bytes } = next(&mut gate).await else { panic!("a frame") };
    assert_eq!((flow.transport, &bytes[..]), (Transport::Tls, OPTIONS));

    town.certify("gate", "other.example");
    gate.secure(town.secured());
    gate.send(flow, &Bytes::from_static(b"SIP/2.0 200 OK\r\n\r\n"));
    let mut answer = [0; 18];
    beside(&mut gate, timeout(PATIENCE, phone.read_exact(&mut answer))).await.0.unwrap().unwrap();
    assert_eq!(&answer, b"SIP/2.0 200 OK\r\n\r\n");
    for (name, is_right) in [("other.example", true), ("gate.example", false)] {
        let (heard, _) = beside(&mut gate, town.connect(address, name, None)).await;
        assert_eq!(heard.is_ok(), is_right, "{name}");
    }
}

/// RFC 5922 §7.3: whoever speaks from a trunk's address shows a certificate of its domain, or is not heard; whoever shows it is the
/// trunk, wherever she speaks from.
#[tokio::test]
async fn a_peer_at_the_address_of_a_trunk_must_prove_its_name() {
    let town = Town::new();
    town.certify("gate", "gate.example");
    town.certify("trunk", "carrier.example");
    town.certify("thief", "thief.example");
    let (here, elsewhere) = ("127.0.0.1:5061".parse().unwrap(), "192.0.2.1:5061".parse().unwrap());
    for (at, own, expected) in [
        (here, Some("trunk"), Ok(true)),
        (here, Some("thief"), Err(HandshakeFault::OtherName)),
        (here, None, Err(HandshakeFault::NoCertificate)),
        (elsewhere, Some("trunk"), Ok(true)),
        (elsewhere, Some("thief"), Ok(false)),
        (elsewhere, None, Ok(false)),
    ] {
        let (mut gate, address) = town.gate(&[(at, "carrier.example")]);
        let (_peer, arrived) = tokio::join!(
            async {
                let mut peer = town.connect(address, "gate.example", own).await.ok()?;
                peer.write_all(OPTIONS).await.ok()?;
                Some(peer)
            },
            async {
                let mut proved = false;
                loop {
                    match next(&mut gate).await {
                        Arrived::Proved { trunk, .. } => proved = &*trunk == "carrier",
                        Arrived::Frame { .. } => return Ok(proved),
                        Arrived::NoTls { why, .. } => return Err(why),
                        Arrived::Datagram { .. }
                        | Arrived::Unframed { .. }
                        | Arrived::Failed { .. }
                        | Arrived::Closed { .. } => {}
                    }
                }
            }
        );
        assert_eq!(arrived, expected, "{own:?} from {at}");
    }
}

/// A trunk's end of a connection, which asks for a certificate of the town.
async fn trunk_hears(town: &Town, listener: &TcpListener) -> Option<(Vec<u8>, impl Sized)> {
    let (chain, key) = town.chain("trunk");
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let roots = Arc::new(town.roots());
    let clients = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(chain, key)
        .unwrap();
    let (stream, _) = listener.accept().await.ok()?;
    let mut stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await.ok()?;
    let mut heard = vec![0; OPTIONS.len()];
    stream.read_exact(&mut heard).await.ok()?;
    Some((heard, stream))
}

/// RFC 5922 §7.2: the gate sends to a trunk that proves its name, shows it its own certificate, and sends to nobody else.
#[tokio::test]
async fn a_trunk_is_sent_to_when_its_certificate_names_it() {
    let town = Town::new();
    town.certify("gate", "gate.example");
    for (named, expected) in [
        ("carrier.example", None),
        ("thief.example", Some(HandshakeFault::OtherName)),
        ("*.example", Some(HandshakeFault::OtherName)),
    ] {
        town.certify("trunk", named);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let remote = listener.local_addr().unwrap();
        let (mut gate, _) = town.gate(&[(remote, "carrier.example")]);
        gate.send(to_trunk(remote), &Bytes::from_static(OPTIONS));
        let (heard, mut arrived) = beside(&mut gate, timeout(PATIENCE, trunk_hears(&town, &listener))).await;
        assert_eq!(heard.unwrap().is_some(), expected.is_none(), "{named}");
        if expected.is_some() {
            while !arrived.iter().any(|arrived| matches!(arrived, Arrived::Failed { .. })) {
                arrived.push(next(&mut gate).await);
            }
        }
        let why = arrived.iter().find_map(|arrived| match arrived {
            Arrived::NoTls { trunk, why, .. } => Some((trunk.as_deref(), *why)),
            _ => None,
        });
        assert_eq!(why, expected.map(|why| (Some("carrier"), why)), "{named}");
    }
    // Somewhere that no trunk is: nobody could prove to be the right one.
    let (mut gate, _) = town.gate(&[]);
    gate.send(to_trunk("127.0.0.1:9".parse().unwrap()), &Bytes::from_static(OPTIONS));
    assert!(matches!(next(&mut gate).await, Arrived::Failed { why: Failure::NoName, .. }));
}

/// RFC 5923 §5: one connection serves two trunks only if the certificate names both.
#[tokio::test]
async fn trunks_at_one_address_share_a_connection_that_proves_both() {
    let town = Town::new();
    town.certify("gate", "gate.example");
    for (names, is_right) in [(&["one.example", "two.example"][..], true), (&["one.example"], false)] {
        town.certify_all("trunk", names);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let remote = listener.local_addr().unwrap();
        let (mut gate, _) = town.gate(&[(remote, "one.example"), (remote, "two.example")]);
        gate.send(to_trunk(remote), &Bytes::from_static(OPTIONS));
        let (heard, _) = beside(&mut gate, timeout(PATIENCE, trunk_hears(&town, &listener))).await;
        assert_eq!(heard.unwrap().is_some(), is_right, "{names:?}");
    }
}

/// New calls to a place where somebody else is expected from now on do not go over the connection that proved the old one.
#[tokio::test]
async fn another_name_wants_another_connection() {
    let town = Town::new();
    town.certify("gate", "gate.example");
    town.certify_all("trunk", &["one.example", "two.example"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let remote = listener.local_addr().unwrap();
    let (mut gate, _) = town.gate(&[(remote, "one.example")]);
    // The trunk closes nothing, so what comes over a new connection comes so on purpose.
    let mut open = Vec::new();
    let place = |name: &str| TrunkPlace { trunk: "carrier".into(), name: name.into(), remote: Some(remote) };
    for (name, is_new) in [("one.example", true), ("one.example", false), ("two.example", true)] {
        gate.place(vec![place(name)]);
        gate.secure(town.secured());
        gate.send(to_trunk(remote), &Bytes::from_static(OPTIONS));
        let patience = if is_new { PATIENCE } else { Duration::from_millis(500) };
        let heard = beside(&mut gate, timeout(patience, trunk_hears(&town, &listener))).await.0;
        assert_eq!(heard.is_ok(), is_new, "{name}");
        open.push(heard);
    }
}

/// Without `client_ca` nobody is asked for a certificate, and a trunk is known by its address, as over TCP.
#[tokio::test]
async fn where_nobody_is_asked_for_a_certificate_none_is_wanted() {
    let town = Town::new();
    town.certify("gate", "gate.example");
    let (mut gate, address) = town.gate(&[("127.0.0.1:5061".parse().unwrap(), "carrier.example")]);
    let (certificate, key) = (town.path("gate.pem"), town.path("gate.key"));
    let pair = Pair { certificate: &certificate, key: &key };
    gate.secure(Secured::load(Some(OwnFiles { pair, client_ca: None })).unwrap());
    let (peer, arrived) = beside(&mut gate, town.connect(address, "gate.example", None)).await;
    assert!(arrived.is_empty(), "{arrived:?}");
    let mut peer = peer.unwrap();
    peer.write_all(OPTIONS).await.unwrap();
    assert!(matches!(next(&mut gate).await, Arrived::Frame { .. }));
}

#[tokio::test]
async fn what_is_no_tls_and_who_says_nothing_is_let_go_of() {
    let town = Town::new();
    town.certify("gate", "gate.example");
    let (mut gate, address) = town.gate(&[]);
    let mut stranger = TcpStream::connect(address).await.unwrap();
    stranger.write_all(OPTIONS).await.unwrap();
    let Arrived::NoTls { why, .. } = next(&mut gate).await else { panic!("no TLS") };
    assert_eq!(why, HandshakeFault::NotTls);
    assert!(matches!(next(&mut gate).await, Arrived::Closed { .. }));
    let _silent = TcpStream::connect(address).await.unwrap();
    let Arrived::NoTls { why, .. } = next(&mut gate).await else { panic!("no TLS") };
    assert_eq!(why, HandshakeFault::Silence);
}

#[test]
fn each_file_that_cannot_be_used_is_named() {
    let town = Town::new();
    town.certify("gate", "gate.example");
    town.certify("other", "other.example");
    std::fs::write(town.path("empty.pem"), "nothing").unwrap();
    for (certificate, key, ca, expected) in [
        ("none.pem", "gate.key", None, "none.pem cannot be read"),
        ("gate.pem", "none.key", None, "none.key cannot be read"),
        ("empty.pem", "gate.key", None, "empty.pem holds no certificate"),
        ("gate.pem", "empty.pem", None, "empty.pem holds no private key"),
        ("gate.pem", "other.key", None, "does not belong to the certificate"),
        ("gate.pem", "gate.key", Some("empty.pem"), "empty.pem holds no certificate"),
    ] {
        let (certificate, key) = (town.path(certificate), town.path(key));
        let ca = ca.map(|ca| town.path(ca));
        let pair = Pair { certificate: &certificate, key: &key };
        let fault = Secured::load(Some(OwnFiles { pair, client_ca: ca.as_deref() })).err().unwrap();
        assert!(fault.to_string().contains(expected), "{fault} is not {expected}");
    }
}
