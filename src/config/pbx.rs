//! Reads where telephone systems are reached, and which sites have their phones there.

use super::addresses::{Endpoint, Host};
use super::fields::Fields;
use super::settings::{Carrier, Listener, Pbx};
use super::spelling;
use super::trunk::listener_of;

/// The word of a site whose phones register at the gate itself.
const HERE: &str = "here";

/// The telephone system of one `[[peer]]`; `None` if nothing is ever sent to it of its own.
pub(super) fn read(peer: &Fields<'_>, name: &str, is_pbx: bool, listeners: &[Listener]) -> Option<Pbx> {
    let address: Option<Endpoint> = peer.optional("address");
    let domain = peer.optional::<Host>("domain").map(|Host(host)| host);
    let carrier: Option<Carrier> = peer.optional("transport");
    let listener: Option<String> = peer.optional("listener");
    let trusted = peer.or("trusted", false);
    let Some(Endpoint(address)) = address else {
        for key in ["domain", "transport", "listener"].into_iter().filter(|key| peer.has(key)) {
            peer.blame(
                key,
                "says how to reach an address that is not given",
                "address = \"192.0.2.5:5060\" beside it",
            );
        }
        return None;
    };
    if !is_pbx {
        peer.blame("address", "belongs to a peer of kind \"pbx\" only", "no address here, or kind = \"pbx\"");
        return None;
    }
    let carrier = carrier.unwrap_or(Carrier::Udp);
    if carrier == Carrier::Tls {
        // Nothing here says whose certificate would be the right one.
        peer.blame("transport", "a telephone system is not called over TLS", "\"udp\" or \"tcp\"");
        return None;
    }
    let listener = listener_of(peer, listener.as_deref(), carrier, &[], listeners);
    Some(Pbx { name: name.to_owned(), address, carrier, listener, domain, trusted })
}

/// Where the phones of a site register, as the site says: the name of a telephone system, or `None` for the gate.
pub(super) fn registrar_of(site: &Fields<'_>) -> Option<String> {
    site.optional("registrar").filter(|word| word != HERE)
}

/// Finds the telephone systems that sites name.
pub(super) fn homes(
    fields: &Fields<'_>,
    sites: &[(String, Option<String>)],
    pbxs: &[Pbx],
) -> Vec<(String, usize)> {
    let mut homes = Vec::new();
    for (site, registrar) in sites {
        let Some(registrar) = registrar else { continue };
        let key = format!("site.{site}.registrar");
        match pbxs.iter().position(|pbx| pbx.name == *registrar) {
            Some(at) if pbxs[at].trusted => homes.push((site.clone(), at)),
            Some(_) => {
                let what = format!("{registrar:?} is not trusted to say who calls");
                fields.blame(&key, what, "a [[peer]] with trusted = true");
            }
            None if fields.is_sound_from_top("peer") => {
                let names = pbxs.iter().map(|pbx| pbx.name.as_str()).chain([HERE]);
                let what = format!("{registrar:?} is no telephone system with an address");
                fields.blame(&key, what, spelling::right_word(registrar, names));
            }
            None => {}
        }
    }
    homes
}
