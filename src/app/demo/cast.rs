//! The cast: whose phones take part, what their owners may call, and how each is connected.

use crate::sip::Transport;

/// How a player stands to the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Station {
    /// A phone that registers, with this extension as its user name.
    Phone(&'static str),
    /// A phone without an account.
    Guest,
    /// A phone that uses somebody's name without knowing the password.
    Intruder(&'static str),
    /// The telephone system whose word counts.
    Pbx,
    /// The telephone network, calling in.
    Carrier,
}

#[derive(Clone, Copy, Debug)]
pub struct Player {
    /// As in people.csv, for those who stand there.
    pub key: &'static str,
    pub name: &'static str,
    /// The contact kind of their permits, in words.
    pub may_call: &'static str,
    pub station: Station,
    pub transport: Transport,
}

const fn phone(key: &'static str, user: &'static str, name: &'static str, may_call: &'static str) -> Player {
    Player { key, name, may_call, station: Station::Phone(user), transport: Transport::Udp }
}

const fn other(key: &'static str, name: &'static str, may_call: &'static str, station: Station) -> Player {
    Player { key, name, may_call, station, transport: Transport::Udp }
}

pub const CAST: [Player; 24] = [
    phone("ada", "201", "Ada", "anybody"),
    phone("ben", "202", "Ben", "customers"),
    phone("cora", "203", "Cora", "own customers"),
    phone("dora", "204", "Dora", "customers, colleagues"),
    phone("emil", "205", "Emil", "colleagues"),
    phone("fay", "206", "Fay", "list of suppliers"),
    phone("gus", "207", "Gus", "on market day"),
    phone("hall", "208", "Hall phone", "nobody"),
    phone("ida", "209", "Ida", "one at once"),
    phone("jan", "210", "Jan", "for 0.06 a day"),
    Player { transport: Transport::Tcp, ..phone("kim", "211", "Kim", "anybody at home") },
    phone("lou", "212", "Lou", "anybody at home"),
    phone("mia", "213", "Mia", "home and Britain"),
    phone("nils", "214", "Nils", "nobody: locked"),
    Player { transport: Transport::Tcp, ..phone("olga", "301", "Olga", "customers") },
    phone("paul", "215", "Paul", "for 0.03 a week"),
    phone("quin", "216", "Quin", "for 0.03 a month"),
    phone("rosa", "217", "Rosa", "one minute a day"),
    phone("sven", "218", "Sven", "anybody at home"),
    phone("tina", "219", "Tina", "anybody at home"),
    other("pbx", "Tasting room", "as its people may", Station::Pbx),
    other("city", "From outside", "our people", Station::Carrier),
    other("visitor", "A visitor", "nobody: unknown", Station::Guest),
    other("intruder", "An intruder", "nobody: unknown", Station::Intruder("202")),
];

/// # Panics
/// If a call names a player who is not in the cast; a test looks at every call.
pub fn player(key: &str) -> &'static Player {
    CAST.iter().find(|player| player.key == key).expect("every caller is in the cast")
}

/// The password of a phone's account, as people.csv has it.
pub fn password(user: &str) -> String {
    format!("tea-{user}")
}
