//! WWW-Authenticate and Proxy-Authenticate (RFC 7616 §3.3): written for phones, read from trunks and answered.

use std::borrow::Cow;
use std::fmt;

use super::directives::{escaped, find, read, unescaped};
use super::hash::{Algorithm, Ha1, response};

/// One challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    pub realm: Cow<'a, str>,
    pub nonce: Cow<'a, str>,
    pub algorithm: Algorithm,
    /// The password was right, the nonce too old: answer again without asking anyone.
    pub stale: bool,
    /// What the answer covers; without it the answer is that of RFC 2069.
    pub protection: Option<Protection>,
    pub opaque: Option<Cow<'a, str>>,
}

/// The quality of protection, `qop` (RFC 7616 §3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Method and URI.
    Auth,
    /// The body too. Answered only where nothing else is offered.
    AuthInt,
}

impl Protection {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Protection::Auth => "auth",
            Protection::AuthInt => "auth-int",
        }
    }
}

/// The request that an answer is about.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub method: &'a str,
    pub uri: &'a str,
    pub body: &'a [u8],
}

/// What proves who we are to a trunk.
#[derive(Clone, Copy)]
pub enum Secret<'a> {
    Password(&'a str),
    Ha1(&'a Ha1),
}

impl<'a> Challenge<'a> {
    /// Reads a header value. None for another scheme, a hash or a quality of protection not spoken here.
    pub fn parse(value: &'a str) -> Option<Challenge<'a>> {
        let directives = read(value)?;
        let of = |name: &str| find(&directives, name);
        let offers = |qop: &str, wanted: Protection| {
            qop.split(',').any(|word| word.trim().eq_ignore_ascii_case(wanted.as_str()))
        };
        let protection = match of("qop") {
            None => None,
            Some(qop) => {
                let known = [Protection::Auth, Protection::AuthInt].into_iter();
                Some(known.into_iter().find(|known| offers(qop, *known))?)
            }
        };
        Some(Challenge {
            realm: unescaped(of("realm")?),
            nonce: unescaped(of("nonce")?),
            algorithm: of("algorithm").map_or(Some(Algorithm::Md5), Algorithm::of)?,
            stale: of("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
            protection,
            opaque: of("opaque").map(unescaped),
        })
    }

    /// The same, in memory of its own.
    pub fn into_owned(self) -> Challenge<'static> {
        Challenge {
            realm: Cow::Owned(self.realm.into_owned()),
            nonce: Cow::Owned(self.nonce.into_owned()),
            opaque: self.opaque.map(|opaque| Cow::Owned(opaque.into_owned())),
            algorithm: self.algorithm,
            stale: self.stale,
            protection: self.protection,
        }
    }

    /// The first challenge we can answer: they come in the order of the asker's preference (RFC 8760 §2.4).
    pub fn first_of(values: impl IntoIterator<Item = &'a str>) -> Option<Challenge<'a>> {
        values.into_iter().find_map(Challenge::parse)
    }

    /// The value of Authorization or Proxy-Authorization. `count` starts at 1 for each nonce, `cnonce` is fresh chance. None if
    /// the secret is a hash of the other kind.
    pub fn answer(
        &self,
        user: &str,
        secret: Secret<'_>,
        asked: Asked<'_>,
        cnonce: &str,
        count: u32,
    ) -> Option<String> {
        let ha1 = match secret {
            Secret::Password(password) => Ha1::of(user, &self.realm, password).text(self.algorithm),
            Secret::Ha1(ha1) => ha1.text(self.algorithm),
        }?;
        let nc = format!("{count:08x}");
        let counted = self.protection.map(|protection| (nc.as_str(), cnonce, protection));
        let proof = response(self.algorithm, &ha1, &self.nonce, counted, asked);
        let mut value = format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", response=\"{}\", algorithm={}",
            escaped(user),
            escaped(&self.realm),
            escaped(&self.nonce),
            escaped(asked.uri),
            proof.as_str(),
            self.algorithm.as_str()
        );
        if let Some(protection) = self.protection {
            let (qop, cnonce) = (protection.as_str(), escaped(cnonce));
            value.push_str(&format!(", qop={qop}, nc={nc}, cnonce=\"{cnonce}\""));
        }
        if let Some(opaque) = &self.opaque {
            value.push_str(&format!(", opaque=\"{}\"", escaped(opaque)));
        }
        Some(value)
    }
}

impl fmt::Display for Challenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (realm, nonce) = (escaped(&self.realm), escaped(&self.nonce));
        write!(f, "Digest realm=\"{realm}\", nonce=\"{nonce}\", algorithm={}", self.algorithm.as_str())?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque=\"{}\"", escaped(opaque))?;
        }
        if let Some(protection) = self.protection {
            write!(f, ", qop=\"{}\"", protection.as_str())?;
        }
        f.write_str(if self.stale { ", stale=true" } else { "" })
    }
}

impl fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Credentials;
    use super::*;

    const ASKED: &str =
        r#"Digest realm="trunk \"one\"", nonce="abc", opaque="xyz", algorithm=SHA-256, qop="auth,auth-int""#;

    #[test]
    fn our_answer_proves_the_password_to_our_own_check() {
        for (asked, hash) in [(ASKED.to_owned(), "SHA-256"), (ASKED.replace("SHA-256", "MD5"), "MD5")] {
            let challenge = Challenge::parse(&asked).unwrap();
            let ha1 = Ha1::of("gate", &challenge.realm, "s3cret");
            let uri = "sip:+4930123456@trunk.example";
            for secret in [Secret::Password("s3cret"), Secret::Ha1(&ha1)] {
                let asked = Asked { method: "INVITE", uri, body: b"v=0" };
                let answer = challenge.answer("gate", secret, asked, "c0ffee", 1).unwrap();
                let credentials = Credentials::parse(&answer).unwrap();
                assert!(credentials.verify(&ha1, "INVITE"), "{hash}");
                assert_eq!((credentials.realm().as_ref(), credentials.count()), ("trunk \"one\"", 1));
                assert!(answer.ends_with("opaque=\"xyz\""));
            }
        }
    }

    #[test]
    fn the_first_challenge_that_we_can_answer_is_taken() {
        let values = ["Basic realm=\"x\"", "Digest realm=\"x\", nonce=\"1\", algorithm=SHA-512-256", ASKED];
        assert_eq!(Challenge::first_of(values).map(|challenge| challenge.nonce), Some("abc".into()));
        assert_eq!(Challenge::parse("Digest realm=\"x\", nonce=\"1\", qop=\"token\""), None);
    }

    /// `A2 = Method ":" digest-uri ":" H(entity-body)`; the figures were made with another tool.
    #[test]
    fn rfc_7616_section_3_4_3_the_body_is_covered_where_nothing_else_is_offered() {
        let asked = Asked { method: "INVITE", uri: "sip:1@h", body: b"v=0" };
        let offered = "Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"";
        let answer =
            Challenge::parse(offered).unwrap().answer("u", Secret::Password("p"), asked, "c", 1).unwrap();
        assert!(
            answer.contains("qop=auth-int")
                && answer.contains("response=\"b873f441009d5cf82a60b4d668319a9d\""),
            "{answer}"
        );
        let both = offered.replace("auth-int", "auth-int,auth");
        assert_eq!(Challenge::parse(&both).unwrap().protection, Some(Protection::Auth));
    }

    #[test]
    fn a_challenge_reads_back_from_its_own_print() {
        let challenge = Challenge::parse(ASKED).unwrap();
        assert_eq!(Challenge::parse(&challenge.to_string()).as_ref(), Some(&challenge));
    }
}
