//! A flow as it is written down for another run of the gate: connections are gone with the process that had them.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::base::JsonObject;

use super::flow::{ConnectionId, Flow, ListenerId, Transport};

/// A way to somebody, without its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedFlow {
    transport: SavedTransport,
    listener: u8,
    remote: SocketAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SavedTransport {
    Udp,
    Tcp,
    Tls,
}

impl From<Flow> for SavedFlow {
    fn from(flow: Flow) -> SavedFlow {
        let transport = match flow.transport {
            Transport::Udp => SavedTransport::Udp,
            Transport::Tcp => SavedTransport::Tcp,
            Transport::Tls => SavedTransport::Tls,
        };
        SavedFlow { transport, listener: flow.listener.0, remote: flow.remote }
    }
}

impl Flow {
    /// Writes it as a `SavedFlow` is read.
    pub fn write(self, json: &mut JsonObject<'_>) {
        let transport = match self.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
        };
        json.text("transport", transport);
        json.number("listener", self.listener.0);
        json.address("remote", self.remote);
    }
}

impl From<SavedFlow> for Flow {
    fn from(saved: SavedFlow) -> Flow {
        let transport = match saved.transport {
            SavedTransport::Udp => Transport::Udp,
            SavedTransport::Tcp => Transport::Tcp,
            SavedTransport::Tls => Transport::Tls,
        };
        let listener = ListenerId(saved.listener);
        Flow { transport, listener, remote: saved.remote, connection: ConnectionId::NONE }
    }
}
