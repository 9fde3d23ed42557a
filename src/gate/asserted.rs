//! What a trusted telephone system says of its callers (R20 to R22): P-Asserted-Identity or From (RFC 3325), and who forwarded a call
//! (RFC 5806, RFC 7044).

use super::identify::{FromHeader, Identity, reading};
use super::setup::Snapshot;
use crate::base::number::Canonical;
use crate::base::{PersonId, SiteId};
use crate::policy::Reason;
use crate::sip::{Flow, Message, Name, NameAddr};

impl Identity {
    /// Who a telephone system says is calling one of its phones through us; whoever is not of the house calls from outside.
    pub(super) fn of_pbx(setup: &Snapshot, flow: Flow, request: &Message) -> Identity {
        let site = setup.site_at(flow.remote.ip());
        match asserted(setup, site, request) {
            person @ Identity::Person { .. } => person,
            Identity::Forwarder { .. }
            | Identity::Outside { .. }
            | Identity::Nobody { .. }
            | Identity::Refused { .. } => Identity::Outside { site },
        }
    }
}

/// RFC 3325: P-Asserted-Identity, else From; a Diversion or History-Info names the forwarder instead (R22).
pub(super) fn asserted(setup: &Snapshot, site: SiteId, request: &Message) -> Identity {
    // Of a sip: and a tel: identity (RFC 3325 §9.1) the first that names one of our people counts.
    let mut asserted = request.values(Name::PAssertedIdentity).filter_map(|value| value.address()).peekable();
    let claimed = match asserted.peek() {
        Some(_) => asserted.find_map(|address| known_person(setup, site, &address)),
        None => known_person(setup, site, &request.from()),
    };
    match (forwarder(request), claimed) {
        (None, Some(id)) => Identity::Person { id, from: FromHeader::AsSent },
        (None, None) => Identity::Refused { reason: Reason::UnknownCaller, person: None },
        (Some(address), _) => match known_person(setup, site, &address) {
            Some(id) => Identity::Forwarder { id, speaker: claimed },
            None => Identity::Refused { reason: Reason::NoForwarder, person: None },
        },
    }
}

/// Whose phone forwarded the call last: the topmost Diversion (RFC 5806 §4), else the entry of History-Info before the last,
/// which is the present target (RFC 7044 §5).
fn forwarder(request: &Message) -> Option<NameAddr<'_>> {
    let diversion = request.values(Name::Diversion).next();
    let value = diversion.or_else(|| {
        let count = request.values(Name::HistoryInfo).count();
        request.values(Name::HistoryInfo).nth(count.saturating_sub(2))
    });
    value?.address()
}

/// A person by the user part of an address: SIP user, extension or number.
fn known_person(setup: &Snapshot, site: SiteId, address: &NameAddr<'_>) -> Option<PersonId> {
    let uri = address.parsed_uri().ok()?;
    let user = uri.user.unwrap_or(uri.body);
    let policy = &setup.policy;
    policy.person_by_sip_user(user).or_else(|| match reading(setup, site, user) {
        Canonical::Extension(code) => policy.person_by_extension(site, code.as_str()),
        Canonical::Number(number) => policy.person_by_number(number),
        Canonical::Emergency(_) | Canonical::Feature(_) | Canonical::Unknown(_) => None,
    })
}
