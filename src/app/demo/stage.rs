//! The stage: every player with a phone that is plugged in and registered, and the calls made, each phone's in order, all phones at once.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::cast::{CAST, Player, Station, password, player};
use super::phone::{Dialling, Identity, LineError, Manners, Outcome, Phone, Visit};
use super::story::Call;
use super::trunk::Trunks;
use crate::sip::Transport;
use crate::sip::digest::Ha1;

const DOMAIN: &str = "kettle.example";
const PHONES: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const PBX: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));

/// How long a phone in the office rings before it is picked up.
const RINGING: Duration = Duration::from_millis(150);

/// No call of the demo takes so long; one that does has got lost.
const CALL_LONGEST: Duration = Duration::from_secs(60);

/// Everybody, ready to play.
pub struct Stage {
    phones: BTreeMap<&'static str, Phone>,
    trunks: Trunks,
    udp: SocketAddr,
    tcp: SocketAddr,
}

impl Stage {
    /// Plugs in a phone for every player. `gate` is where the gate listens: UDP, then TCP.
    ///
    /// # Errors
    /// The machine gives no sockets.
    pub fn set(trunks: Trunks, gate: [SocketAddr; 2]) -> Result<Stage, LineError> {
        let manners: Manners = Rc::new(|_| Visit::Answer { after: RINGING });
        let mut phones = BTreeMap::new();
        for player in &CAST {
            if let Some(identity) = identity(player) {
                phones.insert(player.key, Phone::plug_in(identity, Rc::clone(&manners))?);
            }
        }
        Ok(Stage { phones, trunks, udp: gate[0], tcp: gate[1] })
    }

    pub fn phone_count(&self) -> usize {
        self.phones.len()
    }

    /// How many calls have reached a trunk that answers.
    pub fn heard_count(&self) -> usize {
        self.trunks.heard_count()
    }

    /// Registers every phone that has an account; what went wrong, in words.
    pub async fn register(self: &Rc<Stage>) -> Vec<String> {
        let mut registrations = JoinSet::new();
        for player in CAST.iter().filter(|player| matches!(player.station, Station::Phone(_))) {
            let stage = Rc::clone(self);
            registrations.spawn_local(async move {
                let phone = stage.phones.get(player.key)?;
                let answer = phone.register(stage.gate(player.transport)).await;
                (!answer.is_accepted())
                    .then(|| format!("{} cannot register: {} {}", player.name, answer.status, answer.phrase))
            });
        }
        registrations.join_all().await.into_iter().flatten().collect()
    }

    /// Makes the calls; their outcomes, in the order of the calls. `done` hears of each that is over.
    pub async fn play(
        self: &Rc<Stage>,
        calls: &Rc<[Call]>,
        done: impl Fn() + Clone + 'static,
    ) -> Vec<Outcome> {
        let mut by_player: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, call) in calls.iter().enumerate() {
            by_player.entry(call.who).or_default().push(index);
        }
        let mut players = JoinSet::new();
        for indexes in by_player.into_values() {
            let (stage, calls, done) = (Rc::clone(self), Rc::clone(calls), done.clone());
            players.spawn_local(async move { stage.play_part(&calls, &indexes, done).await });
        }
        let mut outcomes = vec![Outcome::default(); calls.len()];
        for (index, outcome) in players.join_all().await.into_iter().flatten() {
            outcomes[index] = outcome;
        }
        outcomes
    }

    /// The calls of one phone, one after another, or one during another.
    async fn play_part(&self, calls: &[Call], indexes: &[usize], done: impl Fn()) -> Vec<(usize, Outcome)> {
        let mut outcomes = Vec::new();
        let mut rest = indexes.iter().copied().peekable();
        while let Some(first) = rest.next() {
            match rest.next_if(|next| calls[*next].during_last) {
                None => outcomes.push((first, self.make(&calls[first], || {}).await)),
                Some(second) => {
                    let (picked_up, is_up) = oneshot::channel();
                    let during = async {
                        // If nobody picks up, the second call shows what that leads to.
                        let _ = is_up.await;
                        self.make(&calls[second], || {}).await
                    };
                    let before = self.make(&calls[first], || {
                        // The second call waits for this as long as the first goes on.
                        let _ = picked_up.send(());
                    });
                    let (before, during) = tokio::join!(before, during);
                    outcomes.extend([(first, before), (second, during)]);
                    done();
                }
            }
            done();
        }
        outcomes
    }

    async fn make(&self, call: &Call, answered: impl FnOnce()) -> Outcome {
        let Some(phone) = self.phone(call.who) else { return Outcome::default() };
        let is_uri = call.dials.contains(':');
        let dialling = Dialling {
            target: if is_uri { call.dials.to_owned() } else { format!("sip:{}@{DOMAIN}", call.dials) },
            via: self.gate(player(call.who).transport),
            from: call.from.map(str::to_owned),
            extra: call.extra.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            plan: call.plan,
        };
        timeout(CALL_LONGEST, phone.call(&dialling, answered)).await.unwrap_or_default()
    }

    fn phone(&self, who: &str) -> Option<&Phone> {
        match player(who).station {
            Station::Carrier => Some(&self.trunks.city),
            Station::Phone(_) | Station::Guest | Station::Intruder(_) | Station::Pbx => self.phones.get(who),
        }
    }

    fn gate(&self, transport: Transport) -> SocketAddr {
        if transport.is_reliable() { self.tcp } else { self.udp }
    }
}

/// Who speaks from a player's phone; `None` for the telephone network, whose trunks are plugged in already.
fn identity(player: &Player) -> Option<Identity> {
    let (user, password, address) = match player.station {
        Station::Phone(user) => (user, Some(password(user)), PHONES),
        Station::Intruder(user) => (user, Some("guessed".to_owned()), PHONES),
        Station::Guest => (player.key, None, PHONES),
        Station::Pbx => (player.key, None, PBX),
        Station::Carrier => return None,
    };
    Some(Identity {
        user: user.to_owned(),
        domain: DOMAIN.to_owned(),
        ha1: password.map(|password| Ha1::of(user, DOMAIN, &password)),
        transport: player.transport,
        address,
    })
}
