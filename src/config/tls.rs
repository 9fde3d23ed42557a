//! Reads what TLS needs: our certificate and key, who vouches for others, and what each trunk believes (RFC 3261 §26.3.1, RFC 5922).

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use super::addresses::Host;
use super::fields::Fields;
use super::settings::{Carrier, HostPort, Listener, TlsFiles, TrunkAddress, TrunkTls};

/// RFC 3261 §19.1.2.
const SIPS_PORT: u16 = 5061;

/// `[tls]`; `None` without it.
pub(super) fn read(fields: &Fields<'_>, listeners: &[Listener], folder: &Path) -> Option<TlsFiles> {
    let found = fields.table("tls", |tls| TlsFiles {
        certificate: folder.join(tls.required::<PathBuf>("certificate")),
        key: folder.join(tls.required::<PathBuf>("key")),
        client_ca: tls.optional::<PathBuf>("client_ca").map(|path| folder.join(path)),
    });
    let bare = listeners.iter().position(|listener| listener.carrier == Carrier::Tls);
    if let Some(at) = bare.filter(|_| !fields.has("tls")) {
        let what = "has no certificate to show: there is no [tls]";
        let right = "[tls] with certificate and key, or another transport";
        fields.blame(&format!("listen[{at}].transport"), what, right);
    }
    found
}

/// What of a `[[trunk]]` concerns TLS. `stated`: the transport of the setting; without one DNS may say that it is TLS.
pub(super) fn of_trunk(trunk: &Fields<'_>, stated: Option<Carrier>, folder: &Path) -> TrunkTls {
    const KEYS: [&str; 4] = ["ca", "client_certificate", "client_key", "certificate_name"];
    let file = |key: &str| trunk.optional::<PathBuf>(key).map(|path| folder.join(path));
    let (ca, certificate, key) = (file("ca"), file("client_certificate"), file("client_key"));
    let name = trunk.optional::<Host>("certificate_name").map(|Host(name)| name);
    let plain = stated.is_some_and(|carrier| carrier != Carrier::Tls);
    if let Some(key) = KEYS.into_iter().find(|key| plain && trunk.has(key) && trunk.is_sound("transport")) {
        trunk.blame(key, "belongs to a trunk of transport \"tls\"", "transport = \"tls\"");
    }
    let pair = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => {
            trunk.missing("client_key", "the key of the client_certificate beside it");
            None
        }
        (None, Some(_)) => {
            trunk.missing("client_certificate", "the certificate of the client_key beside it");
            None
        }
    };
    TrunkTls { ca, pair, name }
}

/// Addresses of a TLS trunk that are written without a port mean 5061.
pub(super) fn at_own_port(trunk: &Fields<'_>, carrier: Carrier, addresses: &mut [TrunkAddress]) {
    if carrier != Carrier::Tls || !trunk.is_sound("address") {
        return;
    }
    for (address, text) in addresses.iter_mut().zip(trunk.list::<String>("address")) {
        if let Ok(ip) = text.trim().parse::<IpAddr>() {
            *address = TrunkAddress::At(SocketAddr::new(ip, SIPS_PORT));
        }
    }
}

/// The same of what a TLS listener advertises.
pub(super) fn advertised_port(listen: &Fields<'_>, carrier: Carrier, advertised: &mut HostPort) {
    if carrier != Carrier::Tls || !listen.has("advertise") || !listen.is_sound("advertise") {
        return;
    }
    let text: String = listen.or("advertise", String::new());
    let text = text.trim();
    let states_port = text.parse::<IpAddr>().is_err() && text.contains(':');
    if !states_port {
        advertised.port = SIPS_PORT;
    }
}
