//! Reads one `[[trunk]]` of `tollgate.toml`: a way out to the telephone network.

use std::time::Duration;

use super::addresses::Host;
use super::fields::Fields;
use super::settings::{Carrier, Listener, NumberFormat, Trunk, TrunkAddress};
use super::{spelling, trunk_account};

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn read(trunk: &Fields<'_>, listeners: &[Listener]) -> Trunk {
    let stated: Option<Carrier> = trunk.optional("transport");
    let listener: Option<String> = trunk.optional("listener");
    let addresses: Vec<TrunkAddress> = trunk.required_list("address");
    let named = listener.as_deref().and_then(|name| listeners.iter().find(|listener| listener.name == name));
    // Whoever names a listener and no transport means that listener's.
    let carrier = stated.or(named.map(|listener| listener.carrier)).unwrap_or(Carrier::Udp);
    Trunk {
        name: trunk.required("name"),
        carrier,
        carrier_by_name: stated.or(named.map(|listener| listener.carrier)),
        listener: listener_of(trunk, listener.as_deref(), carrier, &addresses, listeners),
        addresses,
        priority: trunk.within("priority", 1, 1..=1000, "1 to 1000; the least is tried first"),
        weight: trunk.within("weight", 1, 1..=1000, "1 to 1000"),
        silence: trunk.within("silence", 4 * SECOND, SECOND / 5..=32 * SECOND, "200ms to 32s"),
        number_format: trunk.or("number_format", NumberFormat::PlusE164),
        calls_max: trunk.optional_within("calls_max", 1..=100_000, "1 to 100000"),
        domain: trunk.optional::<Host>("domain").map(|Host(host)| host),
        account: trunk_account::read(trunk),
        register: trunk_account::registration(trunk),
        incoming: trunk.optional("incoming"),
    }
}

/// The listener of the setting, or the first that can send to the trunk.
pub(super) fn listener_of(
    trunk: &Fields<'_>,
    name: Option<&str>,
    carrier: Carrier,
    addresses: &[TrunkAddress],
    listeners: &[Listener],
) -> usize {
    // With a wrong transport here, or something wrong with a listener, that is the problem to mend.
    let is_sound = trunk.is_sound("transport") && trunk.is_sound_from_top("listen");
    let fits =
        |listener: &Listener| listener.carrier == carrier && name.is_none_or(|name| listener.name == name);
    let Some(index) = listeners.iter().position(fits) else {
        if is_sound {
            blame_transport(trunk, name, carrier, listeners);
        }
        return 0;
    };
    let reaches = |listener: &Listener, at: &TrunkAddress| {
        at.fixed().is_none_or(|at| at.is_ipv4() == listener.address.is_ipv4())
    };
    let lost = addresses.iter().position(|at| !listeners.iter().any(|one| fits(one) && reaches(one, at)));
    if let Some(at) = lost.filter(|_| is_sound && trunk.is_sound("address")) {
        let what = "no [[listen]] of this transport has an address of this kind (IPv4 or IPv6)";
        let key = if addresses.len() == 1 { "address".into() } else { format!("address[{at}]") };
        trunk.blame(&key, what, "a [[listen]] with an address of the same kind");
    }
    // Each address of the other kind finds its own listener.
    let first =
        |listener: &Listener| fits(listener) && addresses.first().is_none_or(|at| reaches(listener, at));
    listeners.iter().position(first).unwrap_or(index)
}

fn blame_transport(trunk: &Fields<'_>, name: Option<&str>, carrier: Carrier, listeners: &[Listener]) {
    let of_carrier =
        || listeners.iter().filter(|listener| listener.carrier == carrier).map(|one| one.name.as_str());
    match name {
        Some(name) => {
            let what = format!("{name:?} is not a listener of this transport");
            trunk.blame("listener", what, spelling::right_word(name, of_carrier()));
        }
        None => trunk.blame(
            "transport",
            "no [[listen]] has this transport",
            "a [[listen]] with the same transport",
        ),
    }
}

impl TrunkAddress {
    /// The address, if DNS need not be asked for it.
    pub fn fixed(&self) -> Option<std::net::SocketAddr> {
        match self {
            TrunkAddress::At(address) => Some(*address),
            TrunkAddress::Named { .. } => None,
        }
    }
}
