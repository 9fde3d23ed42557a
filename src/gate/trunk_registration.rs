//! Registering at trunks that want it (RFC 3261 §10.2): refreshed before it ends, with the credentials that the trunk asks for, tried
//! again with growing pauses, and the calls that come to the contact we have given.

use std::sync::Arc;
use std::time::Duration;

use super::setup::Snapshot;
use super::{Event, Gate, Sent};
use crate::base::number::Dialled;
use crate::base::{Moment, Now, Random};
use crate::proxy::{Interface, Trunk, via};
use crate::sip::digest::{Account, Asked as Question, Proofs};
use crate::sip::{Flow, Message, Method, Name, NameAddr, NewRequest, Uri};
use crate::transaction::ClientId;

/// The first pause after a registration failed, and the longest (RFC 5626 §4.5).
const PAUSE_FIRST: Duration = Duration::from_secs(30);
const PAUSE_LONGEST: Duration = Duration::from_secs(1800);
/// A refresh leaves this long before the end, or a tenth of the time if that is longer: 64*T1 for one that is lost, and one more try.
const REFRESH_AHEAD: Duration = Duration::from_secs(40);
/// A trunk that wants to be asked more often than this is asked this often.
const REFRESH_SHORTEST: Duration = Duration::from_secs(5);
/// What a trunk may want with 423 or grant: a week.
const LONGEST_SECONDS: u32 = 604_800;

/// How we stand with one trunk.
pub(super) struct TrunkRegistration {
    trunk: Arc<str>,
    call_id: String,
    tag: String,
    cseq: u32,
    /// What we ask for, in seconds; a 423 raises it.
    seconds: u32,
    proofs: Proofs,
    /// When something is to be sent, unless an answer is awaited.
    due: Moment,
    awaited: Option<ClientId>,
    /// Failures since it was last taken; the next address of the trunk is tried at each.
    failures: u32,
    until: Option<Moment>,
}

impl TrunkRegistration {
    fn new(trunk: &Trunk, seconds: u32, random: &mut Random) -> TrunkRegistration {
        TrunkRegistration {
            trunk: Arc::clone(&trunk.name),
            call_id: random.token(),
            tag: random.token(),
            cseq: 0,
            seconds,
            proofs: Proofs::default(),
            due: Moment::START,
            awaited: None,
            failures: 0,
            until: None,
        }
    }
}

impl Gate {
    /// Begins with the trunks that the settings want us to register at, and forgets the others, whose registration ends by itself.
    pub(super) fn follow_trunks(&mut self) {
        let setup = Arc::clone(&self.setup);
        let wanted = |name: &str| setup.trunks.trunk(name).and_then(|trunk| trunk.register);
        self.trunk_registrations.retain(|known| wanted(&known.trunk).is_some());
        for trunk in setup.trunks.iter() {
            let Some(seconds) = trunk.register else { continue };
            match self.trunk_registrations.iter_mut().find(|known| known.trunk == trunk.name) {
                Some(known) => known.take_over(seconds),
                None => {
                    let new = TrunkRegistration::new(trunk, seconds, &mut self.random);
                    self.trunk_registrations.push(new);
                }
            }
        }
    }

    pub(super) fn next_trunk_registration(&self) -> Option<Moment> {
        let dues = |known: &TrunkRegistration| [known.awaited.is_none().then_some(known.due), known.until];
        self.trunk_registrations.iter().flat_map(dues).flatten().min()
    }

    /// Sends what is due.
    pub(super) fn register_at_trunks(&mut self, now: Now) {
        for at in 0..self.trunk_registrations.len() {
            let Some(known) = self.trunk_registrations.get_mut(at) else { return };
            known.until = known.until.filter(|until| *until > now.moment);
            if known.awaited.is_none() && known.due <= now.moment {
                known.proofs = Proofs::default();
                self.send_registration(now, at);
            }
        }
    }

    /// False while this trunk should have our registration and has not.
    pub fn is_registered_where_wanted(&self, trunk: &str) -> bool {
        let known = self.trunk_registrations.iter().find(|known| *known.trunk == *trunk);
        known.is_none_or(|known| known.until.is_some())
    }

    fn send_registration(&mut self, now: Now, at: usize) {
        let setup = Arc::clone(&self.setup);
        let Some(known) = self.trunk_registrations.get_mut(at) else { return };
        let addresses: Vec<&Trunk> = setup.trunks.iter().filter(|trunk| trunk.name == known.trunk).collect();
        let trunk = addresses.get(known.failures as usize % addresses.len().max(1));
        let ready = trunk.and_then(|trunk| {
            Some((*trunk, setup.interfaces.at(trunk.flow.listener)?, trunk.account.as_deref()?))
        });
        // A trunk whose name leads nowhere yet is looked at again.
        let Some((trunk, interface, account)) = ready else {
            known.due = now.moment + PAUSE_FIRST;
            return;
        };
        known.cseq = known.cseq.saturating_add(1);
        let branch = self.transactions.new_branch(0);
        let cnonce = self.random.token();
        let bytes = known.request(trunk, account, interface, &via(interface, &branch), &cnonce);
        let (flow, sent) = (trunk.flow, Sent::Register);
        known.awaited =
            Some(self.transactions.request(now.moment, flow, Method::Register, &branch, bytes, sent));
    }

    /// A trunk has answered a REGISTER of ours.
    pub(super) fn registration_response(&mut self, now: Now, client: ClientId, response: &Message) {
        let setup = Arc::clone(&self.setup);
        let Some(at) = self.awaiting(client).filter(|_| response.status() >= 200) else { return };
        let Some(known) = self.trunk_registrations.get_mut(at) else { return };
        known.awaited = None;
        let account = setup.trunks.trunk(&known.trunk).and_then(|trunk| trunk.account.as_deref());
        let proves = account.is_some_and(|account| known.proofs.hear(account, response));
        let user = account.map(contact_user).unwrap_or_default();
        let seconds = granted_seconds(response, &user, known.seconds);
        match response.status() {
            200..=299 => self.registered_at(now, at, seconds),
            401 | 407 if proves => self.send_registration(now, at),
            // §10.2.8: once more with the time that it wants.
            423 => match min_expires(response).filter(|seconds| *seconds > known.seconds) {
                Some(seconds) => {
                    known.seconds = seconds.min(LONGEST_SECONDS);
                    self.send_registration(now, at);
                }
                None => self.registration_failed(now, at, 423),
            },
            status => self.registration_failed(now, at, status),
        }
    }

    /// No answer came at all.
    pub(super) fn registration_lost(&mut self, now: Now, client: ClientId, status: u16) {
        if let Some(at) = self.awaiting(client) {
            self.registration_failed(now, at, status);
        }
    }

    fn awaiting(&self, client: ClientId) -> Option<usize> {
        self.trunk_registrations.iter().position(|known| known.awaited == Some(client))
    }

    fn registered_at(&mut self, now: Now, at: usize, seconds: u32) {
        let Some(known) = self.trunk_registrations.get_mut(at) else { return };
        let lasts = Duration::from_secs(u64::from(seconds));
        let ahead = REFRESH_AHEAD.max(lasts / 10).min(lasts / 2);
        known.failures = 0;
        known.due = now.moment + (lasts - ahead).max(REFRESH_SHORTEST);
        let is_news = known.until.replace(now.moment + lasts).is_none();
        let trunk = Arc::clone(&known.trunk);
        if is_news {
            self.tell(Event::RegisteredAt { trunk, seconds });
        }
    }

    /// It is tried again after a pause that doubles, and is never the same for two gates (RFC 5626 §4.5).
    fn registration_failed(&mut self, now: Now, at: usize, status: u16) {
        let Some(known) = self.trunk_registrations.get_mut(at) else { return };
        known.awaited = None;
        let pause = PAUSE_FIRST.saturating_mul(1 << known.failures.min(10)).min(PAUSE_LONGEST);
        let half = pause / 2;
        let spread = self.random.below(u64::try_from(half.as_millis()).unwrap_or(0).max(1));
        known.due = now.moment + half + Duration::from_millis(spread);
        known.failures = known.failures.saturating_add(1);
        let trunk = Arc::clone(&known.trunk);
        self.tell(Event::NotRegisteredAt { trunk, status });
    }
}

impl TrunkRegistration {
    /// New settings, which may have mended what was wrong: what failed does not wait for its pause to end.
    fn take_over(&mut self, seconds: u32) {
        self.seconds = seconds;
        if self.failures > 0 {
            self.due = Moment::START;
        }
    }

    fn request(
        &mut self,
        trunk: &Trunk,
        account: &Account,
        interface: &Interface,
        via: &str,
        cnonce: &str,
    ) -> bytes::Bytes {
        let uri = format!("sip:{}", trunk.host);
        let own = address_of_record(account, &trunk.host);
        let transport = interface.transport.uri_param();
        let contact = format!("<sip:{}@{}{transport}>", contact_user(account), interface.sent_by);
        let seconds = self.seconds.to_string();
        let asked = Question { method: "REGISTER", uri: &uri, body: b"" };
        let proofs = self.proofs.headers(account, asked, cnonce);
        let mut extra = vec![("Contact", contact.as_str()), ("Expires", seconds.as_str())];
        extra.extend(proofs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let request = NewRequest {
            method: "REGISTER",
            uri: &uri,
            via,
            routes: &[],
            from: &format!("{own};tag={}", self.tag),
            to: &own,
            call_id: &self.call_id,
            cseq: self.cseq,
            extra: &extra,
            body: None,
        };
        request.to_bytes()
    }
}

impl Snapshot {
    /// What a call to the contact that we have given to a trunk means: the extension that the settings name for it, else whom the To
    /// names. `None`: the Request-URI says it itself.
    pub(super) fn meant_by_contact<'a>(
        &'a self,
        flow: Flow,
        uri: &Uri<'_>,
        invite: &'a Message,
    ) -> Option<Dialled<'a>> {
        let trunk = self.trunk_at(flow).filter(|trunk| trunk.register.is_some())?;
        let ours = contact_user(trunk.account.as_deref()?);
        uri.user.filter(|user| *user == ours)?;
        match trunk.incoming.as_deref() {
            Some(extension) => Some(Dialled::sip(extension)),
            None => Some(Dialled::sip(invite.to().parsed_uri().ok()?.user?)),
        }
    }
}

/// The user part of our contact: the user name, as far as it may stand there (RFC 3261 §25.1 `user`).
fn contact_user(account: &Account) -> String {
    let name = account.user.split('@').next().unwrap_or_default();
    let stays = |letter: &char| letter.is_ascii_alphanumeric() || "-_.!~*'()+".contains(*letter);
    name.chars().filter(stays).collect()
}

fn address_of_record(account: &Account, host: &str) -> String {
    match account.user.contains('@') {
        true => format!("<sip:{}>", account.user),
        false => format!("<sip:{}@{host}>", account.user),
    }
}

/// §10.2.4: of our contact, or of the whole answer, or what was asked for. Others may have registered there too.
fn granted_seconds(response: &Message, contact_user: &str, asked: u32) -> u32 {
    let is_ours =
        |contact: &NameAddr<'_>| contact.parsed_uri().is_ok_and(|uri| uri.user == Some(contact_user));
    let contact = response.contacts().flatten().find(is_ours);
    let granted = contact.and_then(|contact| contact.param("expires").flatten()?.parse().ok());
    granted.or(response.expires()).unwrap_or(asked).min(LONGEST_SECONDS)
}

fn min_expires(response: &Message) -> Option<u32> {
    response.header(Name::MinExpires)?.trim().parse().ok()
}
