//! Reads one `[[trunk]]` of `tollgate.toml`: a way out to the telephone network.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::addresses::{FromWord, Host};
use super::fields::Fields;
use super::settings::{Carrier, Listener, NumberFormat, Routing, Trunk, TrunkAddress, TrunkOrder};
use super::{spelling, tls, trunk_account};

/// The key of a `reserve` that stands for no department.
pub const EMERGENCY_RESERVE: &str = "emergency";

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn read(trunk: &Fields<'_>, listeners: &[Listener], folder: &Path) -> Trunk {
    let stated: Option<Carrier> = trunk.optional("transport");
    let listener: Option<String> = trunk.optional("listener");
    let mut addresses: Vec<TrunkAddress> = trunk.required_list("address");
    let named = listener.as_deref().and_then(|name| listeners.iter().find(|listener| listener.name == name));
    // Whoever names a listener and no transport means that listener's.
    let carrier = stated.or(named.map(|listener| listener.carrier)).unwrap_or(Carrier::Udp);
    tls::at_own_port(trunk, carrier, &mut addresses);
    Trunk {
        name: trunk.required("name"),
        carrier,
        carrier_by_name: stated.or(named.map(|listener| listener.carrier)),
        listener: listener_of(trunk, listener.as_deref(), carrier, &addresses, listeners),
        addresses,
        priority: trunk.within("priority", 1, 1..=1000, "1 to 1000; the least is tried first"),
        weight: trunk.within("weight", 1, 1..=1000, "1 to 1000"),
        silence: trunk.within("silence", 4 * SECOND, SECOND / 5..=32 * SECOND, "200ms to 32s"),
        options: trunk.optional_within("options", SECOND..=3_600 * SECOND, "1s to 1h"),
        long_by_tcp: trunk.or("long_by_tcp", true),
        reserve: reserve(trunk),
        costs: trunk.optional::<PathBuf>("costs").map(|path| folder.join(path)),
        number_format: trunk.or("number_format", NumberFormat::PlusE164),
        number_in_from: trunk.or("from", FromWord::Phone) == FromWord::Number,
        calls_max: trunk.optional_within("calls_max", 1..=100_000, "1 to 100000"),
        domain: trunk.optional::<Host>("domain").map(|Host(host)| host),
        account: trunk_account::read(trunk),
        register: trunk_account::registration(trunk),
        incoming: trunk.optional("incoming"),
        tls: tls::of_trunk(trunk, stated.or(named.map(|listener| listener.carrier)), folder),
    }
}

/// `reserve = { emergency = 2, Management = 1 }`: names and channels.
fn reserve(trunk: &Fields<'_>) -> Vec<(String, u32)> {
    let read = |reserve: &Fields<'_>| {
        let channels = |name: String| (reserve.optional_within(&name, 1..=100_000, "1 to 100000"), name);
        let kept = reserve.keys().into_iter().map(channels);
        kept.filter_map(|(channels, name)| Some((name, channels?))).collect()
    };
    let kept: Vec<(String, u32)> = trunk.table("reserve", read).unwrap_or_default();
    let most: Option<u32> = trunk.optional("calls_max");
    let sum = kept.iter().fold(0u32, |sum, (_, channels)| sum.saturating_add(*channels));
    match most {
        None if !kept.is_empty() => {
            trunk.blame("reserve", "needs calls_max: nothing is kept of no limit", "calls_max")
        }
        Some(most) if sum >= most => {
            let what = format!("keeps {sum} of {most} channels, and leaves none for other calls");
            trunk.blame("reserve", what, format!("less than {most} in all"));
        }
        Some(_) | None => {}
    }
    kept
}

/// `[routing]`.
pub(super) fn read_routing(routing: &Fields<'_>) -> Routing {
    Routing {
        order: routing.or("order", TrunkOrder::Priority),
        failures_before_rest: routing.within("failures_before_rest", 3, 1..=1_000, "1 to 1000"),
        rest: routing.within("rest", 30 * SECOND, SECOND..=3_600 * SECOND, "1s to 1h"),
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
