//! The client's side in one place: what a trunk asks of one request is answered with what we hold for it (RFC 3261 §22.2, §22.3,
//! RFC 8760 §2.4).

use std::fmt;

use smallvec::SmallVec;

use super::challenge::{Asked, Challenge, Secret};
use super::hash::{Algorithm, Ha1};
use crate::sip::{Message, Name};

/// Answers to challenges of one request: a proxy and the server behind it may each ask, and each may find a nonce stale once.
/// Whoever asks on is never satisfied.
const ANSWERS_MAX: u8 = 4;

/// What proves who we are to one trunk. `Debug` shows no secret.
#[derive(Clone)]
pub struct Account {
    pub user: String,
    /// The only realm that gets an answer; `None`: whatever the trunk names.
    pub realm: Option<String>,
    pub secret: Held,
}

/// What rests here instead of a password prompt.
#[derive(Clone)]
pub enum Held {
    Password(String),
    /// Good for one realm only.
    Ha1(Ha1),
}

/// What was asked of one request so far, and what the next sending of it answers.
#[derive(Clone, Debug, Default)]
pub struct Proofs {
    asked: SmallVec<[Challenged; 1]>,
    answers: u8,
}

#[derive(Clone, Debug)]
struct Challenged {
    /// The header that answers.
    name: Name,
    challenge: Challenge<'static>,
    /// Its nonce was found stale once.
    refreshed: bool,
    /// How often this nonce has been used.
    count: u32,
}

impl Account {
    /// The strongest of the challenges of one realm that our secret can answer.
    fn strongest<'a>(&self, challenges: impl Iterator<Item = Challenge<'a>>) -> Option<Challenge<'a>> {
        let wanted = |challenge: &Challenge<'_>| {
            let ours = self.realm.as_deref().is_none_or(|realm| realm == challenge.realm);
            ours && self.can_answer(challenge.algorithm)
        };
        challenges.filter(wanted).max_by_key(|challenge| challenge.algorithm)
    }

    fn can_answer(&self, algorithm: Algorithm) -> bool {
        match &self.secret {
            Held::Password(_) => true,
            Held::Ha1(ha1) => ha1.text(algorithm).is_some(),
        }
    }

    fn secret(&self) -> Secret<'_> {
        match &self.secret {
            Held::Password(password) => Secret::Password(password),
            Held::Ha1(ha1) => Secret::Ha1(ha1),
        }
    }
}

impl Proofs {
    /// Takes note of a 401 or 407. False if there is nothing new to say to it: no challenge that we can answer, or one that our
    /// answer has not satisfied.
    pub fn hear(&mut self, account: &Account, refusal: &Message) -> bool {
        let sources = [
            (Name::WwwAuthenticate, Name::Authorization),
            (Name::ProxyAuthenticate, Name::ProxyAuthorization),
        ];
        let mut heard = false;
        for (asks, answers) in sources {
            let values: SmallVec<[_; 2]> = refusal.headers(asks).collect();
            let challenges = values.iter().filter_map(|value| Challenge::parse(value));
            let Some(challenge) = account.strongest(challenges) else { continue };
            if !self.take(answers, challenge) {
                return false;
            }
            heard = true;
        }
        self.answers += u8::from(heard);
        heard && self.answers <= ANSWERS_MAX
    }

    /// A stale nonce is replaced once (RFC 7616 §3.3); any other second challenge says that our secret is wrong.
    fn take(&mut self, name: Name, challenge: Challenge<'_>) -> bool {
        let known = self
            .asked
            .iter_mut()
            .find(|known| known.name == name && known.challenge.realm == challenge.realm);
        let challenge = challenge.into_owned();
        let Some(known) = known else {
            self.asked.push(Challenged { name, challenge, refreshed: false, count: 0 });
            return true;
        };
        let is_news = challenge.stale && !known.refreshed && known.challenge.nonce != challenge.nonce;
        if is_news {
            *known = Challenged { name, challenge, refreshed: true, count: 0 };
        }
        is_news
    }

    /// The headers that the next sending of the request carries. `cnonce` is fresh chance.
    pub fn headers(
        &mut self,
        account: &Account,
        asked: Asked<'_>,
        cnonce: &str,
    ) -> SmallVec<[(Name, String); 1]> {
        let answer = |one: &mut Challenged| {
            one.count += 1;
            let value = one.challenge.answer(&account.user, account.secret(), asked, cnonce, one.count)?;
            Some((one.name, value))
        };
        self.asked.iter_mut().filter_map(answer).collect()
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("realm", &self.realm).finish_non_exhaustive()
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held(…)")
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::Credentials;
    use super::*;
    use crate::sip::Framing;

    fn refusal(status: u16, challenges: &[&str]) -> Message {
        let name = if status == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
        let lines: String = challenges.iter().map(|value| format!("{name}: Digest {value}\r\n")).collect();
        let text = format!(
            "SIP/2.0 {status} No\r\nVia: SIP/2.0/UDP gate;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>;tag=2\r\n\
             Call-ID: x\r\nCSeq: 1 INVITE\r\n{lines}\r\n"
        );
        Message::parse(Bytes::from(text), Framing::Datagram).unwrap()
    }

    fn account() -> Account {
        Account { user: "gate".into(), realm: None, secret: Held::Password("s3cret".into()) }
    }

    fn answers(proofs: &mut Proofs, account: &Account) -> Vec<(Name, String)> {
        let asked = Asked { method: "INVITE", uri: "sip:1@h", body: b"" };
        proofs.headers(account, asked, "c").into_vec()
    }

    #[test]
    fn the_strongest_hash_is_answered_in_the_header_that_was_asked_for() {
        let mut proofs = Proofs::default();
        let asked = refusal(
            407,
            &["realm=\"t\", nonce=\"1\", qop=\"auth\"", "realm=\"t\", nonce=\"2\", algorithm=SHA-256"],
        );
        assert!(proofs.hear(&account(), &asked));
        let [(name, value)] = &answers(&mut proofs, &account())[..] else { panic!("one answer") };
        assert_eq!(*name, Name::ProxyAuthorization);
        let credentials = Credentials::parse(value).unwrap();
        assert_eq!(credentials.algorithm, Algorithm::Sha256);
        assert!(credentials.verify(&Ha1::of("gate", "t", "s3cret"), "INVITE"));
        let [(_, again)] = &answers(&mut proofs, &account())[..] else { panic!("one answer") };
        assert!(!again.contains("nc="), "{again}");
    }

    #[test]
    fn a_stale_nonce_is_replaced_once_and_a_refusal_ends_it() {
        let first = refusal(401, &["realm=\"t\", nonce=\"1\", qop=\"auth\""]);
        let stale = refusal(401, &["realm=\"t\", nonce=\"2\", qop=\"auth\", stale=true"]);
        let staler = refusal(401, &["realm=\"t\", nonce=\"3\", qop=\"auth\", stale=true"]);
        let mut proofs = Proofs::default();
        assert!(proofs.hear(&account(), &first));
        assert!(!proofs.clone().hear(&account(), &first), "the same nonce again");
        assert!(proofs.hear(&account(), &stale));
        assert!(answers(&mut proofs, &account())[0].1.contains("nonce=\"2\""));
        assert!(!proofs.hear(&account(), &staler), "stale once, not for ever");
        let other = refusal(401, &["realm=\"t\", nonce=\"9\", qop=\"auth\""]);
        let mut proofs = Proofs::default();
        assert!(proofs.hear(&account(), &first) && !proofs.hear(&account(), &other), "a wrong password");
    }

    #[test]
    fn a_proxy_and_the_server_behind_it_are_both_answered() {
        let mut proofs = Proofs::default();
        assert!(proofs.hear(&account(), &refusal(407, &["realm=\"edge\", nonce=\"1\""])));
        assert!(proofs.hear(&account(), &refusal(401, &["realm=\"core\", nonce=\"2\""])));
        let names: Vec<Name> = answers(&mut proofs, &account()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [Name::ProxyAuthorization, Name::Authorization]);
    }

    #[test]
    fn other_realms_and_hashes_that_we_do_not_hold_get_no_answer() {
        let asked = refusal(401, &["realm=\"t\", nonce=\"1\", algorithm=SHA-256"]);
        let elsewhere = Account { realm: Some("other".into()), ..account() };
        assert!(!Proofs::default().hear(&elsewhere, &asked));
        let md5 = Ha1 { sha256: None, ..Ha1::of("gate", "t", "s3cret") };
        let hashed = Account { realm: Some("t".into()), secret: Held::Ha1(md5), ..account() };
        assert!(!Proofs::default().hear(&hashed, &asked));
        assert!(!Proofs::default().hear(&account(), &refusal(401, &[])));
        assert!(!format!("{:?}", account()).contains("s3cret"));
    }
}
