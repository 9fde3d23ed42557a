//! People and feature codes that live at a telephone system: where calls for them go (R21).

use smallvec::SmallVec;

use super::setup::{Pbx, Snapshot};
use crate::base::PersonId;
use crate::proxy::{Target, TargetQueue};

impl Snapshot {
    /// The telephone system at which this person's phones register; `None`: here.
    pub(super) fn pbx_of(&self, person: PersonId) -> Option<&Pbx> {
        self.homes.get(&self.policy.person(person).site).map(|pbx| &**pbx)
    }
}

/// The telephone system that has the phones.
pub(super) fn pbx_queue(pbx: &Pbx, user: String) -> TargetQueue {
    let transport = pbx.flow.transport.uri_param();
    let target = Target {
        flow: pbx.flow,
        request_uri: format!("sip:{user}@{}{transport}", pbx.host),
        routes: SmallVec::new(),
        trunk: None,
        silence: None,
    };
    TargetQueue::from([SmallVec::from_iter([target])])
}

/// How a telephone system knows one of its people: by extension, as anybody there would dial it, else by SIP user.
pub(super) fn person_there(setup: &Snapshot, person: PersonId) -> String {
    let person = setup.policy.person(person);
    let extension = person.extension.map(|code| code.to_string());
    extension
        .or_else(|| person.sip_user.as_deref().map(str::to_owned))
        .unwrap_or_else(|| person.key.to_string())
}
