//! One way out to the telephone network: where it is, how it wants numbers written, what is done to keep it usable.

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use super::{Interfaces, Target};
use crate::base::{PhoneNumber, TrunkId};
use crate::sip::digest::Account;
use crate::sip::{Flow, Hop, ServerName};

/// How a trunk wants E.164 numbers written in the Request-URI.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NumberFormat {
    /// `+4930123456`
    #[default]
    PlusE164,
    /// `4930123456`
    E164,
    /// `004930123456`
    ZeroZeroE164,
}

impl NumberFormat {
    pub fn user_part(self, number: PhoneNumber) -> String {
        [self.prefix(), number.digits().as_str()].concat()
    }

    fn prefix(self) -> &'static str {
        match self {
            NumberFormat::PlusE164 => "+",
            NumberFormat::E164 => "",
            NumberFormat::ZeroZeroE164 => "00",
        }
    }
}

/// A way out to the telephone network.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Those of one id are addresses of one trunk.
    pub id: TrunkId,
    pub name: Arc<str>,
    pub flow: Flow,
    /// `host` or `host:port` of the Request-URI.
    pub host: String,
    /// Lower is tried first.
    pub priority: u16,
    /// The share of calls that it takes first among trunks of its priority.
    pub weight: u16,
    /// Calls at once that the carrier allows.
    pub calls_max: Option<u32>,
    pub number_format: NumberFormat,
    /// The caller's number stands in the From too, for carriers that read nothing else.
    pub number_in_from: bool,
    /// Without even a 100 Trying for this long, the next trunk is tried.
    pub silence: Duration,
    pub care: Care,
    /// What answers its challenges; `None`: they go to the caller.
    pub account: Option<Arc<Account>>,
    /// For how many seconds we register there; `None`: it knows where we are.
    pub register: Option<u32>,
    /// Whom calls to the contact of that registration are for; `None`: the To says so.
    pub incoming: Option<Arc<str>>,
    /// The name that its certificate must bear, if the settings say another than that of its address (RFC 5922 §4).
    pub certificate_name: Option<Arc<str>>,
    /// The name that stands in the settings instead of this address.
    pub named: Option<Named>,
}

/// What is done to keep a trunk usable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Care {
    /// How often it is asked by OPTIONS whether it is there.
    pub options: Option<Duration>,
    /// Requests that are too long for UDP go over TCP (RFC 3261 §18.1.1).
    pub long_by_tcp: bool,
    /// Of the channels that its carrier allows.
    pub kept: Vec<Kept>,
}

/// Channels of a trunk that others leave free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// For whose people, those of the departments under it too; `None`: for emergencies alone.
    pub department: Option<Arc<str>>,
    pub channels: u32,
}

impl Default for Care {
    fn default() -> Care {
        Care { options: None, long_by_tcp: true, kept: Vec::new() }
    }
}

/// How an address of a trunk follows from a name.
#[derive(Clone, Debug)]
pub struct Named {
    pub server: Arc<ServerName>,
    /// What DNS said; `None` for the entry of the settings, whose `flow` leads nowhere yet.
    pub hop: Option<Hop>,
}

impl Trunk {
    /// The target for a number, rebuilt from its canonical form alone (R11).
    pub fn target(&self, number: PhoneNumber) -> Target {
        self.target_of([self.number_format.prefix(), number.digits().as_str()])
    }

    /// What a certificate at this address must name: whatever DNS makes of a name, the name itself (RFC 5922 §4).
    pub fn certified_as(&self) -> String {
        if let Some(name) = &self.certificate_name {
            return name.to_string();
        }
        if let Some(named) = &self.named {
            return named.server.host.to_string();
        }
        // Without a domain the host is the address.
        match self.host.parse::<std::net::SocketAddr>() {
            Ok(address) => address.ip().to_string(),
            Err(_) => self.host.clone(),
        }
    }

    /// This trunk at a place that its name leads to.
    pub(super) fn at(&self, named: &Named, hop: Hop, interfaces: &Interfaces) -> Option<Trunk> {
        let own = interfaces.at(self.flow.listener).filter(|own| own.reaches(hop.transport, hop.remote.ip()));
        let listener = match own {
            Some(_) => self.flow.listener,
            None => interfaces.towards(hop.transport, hop.remote.ip())?,
        };
        let flow = Flow { transport: hop.transport, listener, remote: hop.remote, ..self.flow };
        Some(Trunk { flow, named: Some(Named { hop: Some(hop), ..named.clone() }), ..self.clone() })
    }

    /// The target for digits that are no E.164 number: an emergency or short number as the site's list spells it.
    pub fn target_of_user(&self, user: &str) -> Target {
        self.target_of(["", user])
    }

    fn target_of(&self, [prefix, digits]: [&str; 2]) -> Target {
        let transport = self.flow.transport.uri_param();
        Target {
            flow: self.flow,
            request_uri: ["sip:", prefix, digits, "@", &self.host, transport].concat(),
            routes: SmallVec::new(),
            trunk: Some(Arc::clone(&self.name)),
            silence: Some(self.silence),
        }
    }
}
