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
    /// Whether `qop=auth` is offered; without it the answer is that of RFC 2069.
    pub counted: bool,
    pub opaque: Option<Cow<'a, str>>,
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
        let offered = |qop: &str| qop.split(',').any(|word| word.trim().eq_ignore_ascii_case("auth"));
        let counted = match of("qop") {
            None => false,
            Some(qop) if offered(qop) => true,
            Some(_) => return None,
        };
        Some(Challenge {
            realm: unescaped(of("realm")?),
            nonce: unescaped(of("nonce")?),
            algorithm: of("algorithm").map_or(Some(Algorithm::Md5), Algorithm::of)?,
            stale: of("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
            counted,
            opaque: of("opaque").map(unescaped),
        })
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
        method: &str,
        uri: &str,
        cnonce: &str,
        count: u32,
    ) -> Option<String> {
        let ha1 = match secret {
            Secret::Password(password) => Ha1::of(user, &self.realm, password).text(self.algorithm),
            Secret::Ha1(ha1) => ha1.text(self.algorithm),
        }?;
        let nc = format!("{count:08x}");
        let counted = self.counted.then_some((nc.as_str(), cnonce));
        let proof = response(self.algorithm, &ha1, &self.nonce, counted, method, uri);
        let mut value = format!(
            "Digest username=\"{}\", realm=\"{}\", nonce=\"{}\", uri=\"{}\", response=\"{}\", algorithm={}",
            escaped(user),
            escaped(&self.realm),
            escaped(&self.nonce),
            escaped(uri),
            proof.as_str(),
            self.algorithm.as_str()
        );
        if self.counted {
            value.push_str(&format!(", qop=auth, nc={nc}, cnonce=\"{}\"", escaped(cnonce)));
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
        f.write_str(if self.counted { ", qop=\"auth\"" } else { "" })?;
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
                let answer = challenge.answer("gate", secret, "INVITE", uri, "c0ffee", 1).unwrap();
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
        assert_eq!(Challenge::parse("Digest realm=\"x\", nonce=\"1\", qop=\"auth-int\""), None);
    }

    #[test]
    fn a_challenge_reads_back_from_its_own_print() {
        let challenge = Challenge::parse(ASKED).unwrap();
        assert_eq!(Challenge::parse(&challenge.to_string()).as_ref(), Some(&challenge));
    }
}
