//! What the other end is told of who calls: the number of the person or of her site (RFC 3325), in the From too where a trunk reads
//! only that, and that she wants it hidden (RFC 3323).

use super::call::Call;
use super::setup::Snapshot;
use crate::base::PhoneNumber;
use crate::proxy::{OwnValue, Target, Trunk, asserted};
use crate::sip::{Message, Name, NameAddr};

/// RFC 3323 §4.1.1.3.
const ANONYMOUS: &str = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";

/// The headers of one INVITE that speak of the caller.
pub(super) struct Told {
    /// P-Asserted-Identity, towards trunks.
    pub asserted: Option<OwnValue>,
    /// A Privacy header is due that the phone did not write.
    pub privacy: bool,
}

impl Told {
    pub fn to(target: &Target, call: &Call, invite: &Message, setup: &Snapshot) -> Told {
        let number = target.trunk.as_ref().and_then(|_| number_of(call, setup));
        Told {
            asserted: number.map(|number| asserted(number, &setup.realm)),
            privacy: number.is_some() && hides(call, invite) && invite.count(Name::Privacy) == 0,
        }
    }
}

/// The From that leaves for a trunk, if it is not the one that came.
pub(super) fn from_towards(
    trunk: Option<&Trunk>,
    call: &Call,
    invite: &Message,
    setup: &Snapshot,
) -> Option<Box<str>> {
    let number = trunk
        .filter(|trunk| trunk.number_in_from)
        .and_then(|trunk| Some(trunk.number_format.user_part(number_of(call, setup)?)));
    let Some(number) = number else { return call.search.from_rewritten.clone() };
    let tag = invite.from_tag().map(|tag| format!(";tag={}", String::from_utf8_lossy(tag)));
    let address = match hides(call, invite) {
        true => ANONYMOUS.to_owned(),
        false => format!("<sip:{number}@{}>", setup.realm),
    };
    Some(format!("{address}{}", tag.unwrap_or_default()).into())
}

/// R41: whoever answers an emergency must be able to call back.
fn number_of(call: &Call, setup: &Snapshot) -> Option<PhoneNumber> {
    let callback = call.permit.emergency().then(|| setup.policy.site(call.permit.site()).callback).flatten();
    callback.or(call.search.shown)
}

/// She wants her number hidden. In an emergency it is not.
fn hides(call: &Call, invite: &Message) -> bool {
    !call.permit.emergency() && wants_privacy(invite)
}

fn wants_privacy(invite: &Message) -> bool {
    let asked = invite.headers(Name::Privacy).any(|value| {
        let mut words = value.split([';', ',']).map(str::trim);
        words.any(|word| word.eq_ignore_ascii_case("id") || word.eq_ignore_ascii_case("user"))
    });
    asked || is_anonymous(&invite.from())
}

/// A From that names nobody, in the words of RFC 3323 §4.1.1.3, or at the phone's own domain, as many phones write it.
pub(super) fn is_anonymous(from: &NameAddr<'_>) -> bool {
    from.parsed_uri().is_ok_and(|uri| uri.user.is_some_and(|user| user.eq_ignore_ascii_case("anonymous")))
}
